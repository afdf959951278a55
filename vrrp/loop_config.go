package vrrp

import (
	"net/netip"
	"slices"
	"time"
)

// BySocket is the fault of an instance that has no socket.
const BySocket Reason = "socket"

// key is what makes two configurations the same virtual router on the wire.
// Unicast instances may share one, as long as their peers differ.
type key struct {
	iface string
	ipv6  bool
	vrid  uint8
}

func (in *Instance) key() key {
	return key{iface: in.Interface, ipv6: in.Params.IPv6, vrid: in.Params.VRID}
}

// firstPeer tells unicast instances with one VRID apart; zero for multicast.
func (in *Instance) firstPeer() netip.Addr {
	if len(in.Params.Peers) == 0 {
		return netip.Addr{}
	}
	return in.Params.Peers[0].Addr
}

// match finds for each wanted instance the running one that it is, or nil. Of
// several with one key the peer decides, then the name, then the order.
func (l *Loop) match(wanted []Instance) []*instance {
	running := map[key][]*instance{}
	for _, in := range l.instances {
		running[in.key()] = append(running[in.key()], in)
	}
	found := make([]*instance, len(wanted))
	for _, same := range []func(have, want *Instance) bool{
		func(have, want *Instance) bool { return have.firstPeer() == want.firstPeer() },
		func(have, want *Instance) bool { return have.Name == want.Name },
		func(_, _ *Instance) bool { return true },
	} {
		for i := range wanted {
			k := wanted[i].key()
			at := slices.IndexFunc(running[k], func(in *instance) bool { return same(&in.Instance, &wanted[i]) })
			if found[i] == nil && at >= 0 {
				found[i] = running[k][at]
				running[k] = slices.Delete(running[k], at, at+1)
			}
		}
	}
	return found
}

// configure replaces the set. Those that go resign before anything new starts.
func (l *Loop) configure(now time.Time, wanted []Instance) {
	var list, fresh []*instance
	stays := map[*instance]bool{}
	for i, in := range l.match(wanted) {
		if in == nil || wanted[i].Params.Change(in.m.Params()) == Restart {
			l.serial++
			in = &instance{Instance: wanted[i], serial: l.serial}
			fresh = append(fresh, in)
		}
		stays[in] = true
		list = append(list, in)
	}
	gone := slices.DeleteFunc(slices.Clone(l.instances), func(in *instance) bool { return stays[in] })
	for _, in := range l.instances {
		in.group = nil // nobody is forced while members come and go
	}
	for _, in := range gone {
		l.step(now, in, Shutdown{})
		l.publish(Fact{At: now, Instance: in.Name, What: Removed{}})
	}
	l.instances, l.keys = list, map[key]bool{}
	for i := range wanted {
		l.keys[wanted[i].key()] = true
	}
	l.change(now, wanted)
	for _, in := range fresh {
		for _, f := range in.Faults { // before a socket is missed: they say why
			l.step(now, in, f)
		}
	}
	l.attachAll(now)
	l.regroup(now, l.start(now, fresh))
	l.applyDue = true
}

// change hands new parameters to the instances that stay.
func (l *Loop) change(now time.Time, wanted []Instance) {
	for i, in := range l.instances {
		w := wanted[i]
		if !in.m.running && in.m.state == Initialize {
			continue // fresh: Startup will tell it
		}
		if !w.Params.PrimaryAddr.IsValid() {
			w.Params.PrimaryAddr = in.m.Params().PrimaryAddr
		}
		impact := w.Params.Change(in.m.Params())
		in.Instance = w
		if impact != Unchanged {
			l.step(now, in, Reconfigure{w.Params})
		}
		l.step(now, in, FaultCleared{Why: ByPanic}) // another chance
		l.findOwnPeer(now, in)
	}
}

// start begins the new ones and returns the whole list: groups look at all.
func (l *Loop) start(now time.Time, fresh []*instance) []*instance {
	for _, in := range fresh {
		if in.Resume != nil {
			in.memory.Resume(now)
		} else {
			l.step(now, in, Hold{l.hold})
		}
		l.step(now, in, Startup{Params: in.Params, Resume: in.Resume, Effective: in.Effective})
		l.findOwnPeer(now, in)
		if in.m.state != Active { // others go on, with numbers far below ours
			in.memory = Memory{}
		}
	}
	return l.instances
}

// regroup builds the sync groups from their members as they stand.
func (l *Loop) regroup(now time.Time, all []*instance) {
	var names []string
	groups := map[string]*syncGroup{}
	for _, in := range all {
		if in.SyncGroup == "" {
			continue
		}
		g := groups[in.SyncGroup]
		if g == nil {
			g = &syncGroup{name: in.SyncGroup}
			groups[g.name] = g
			names = append(names, g.name)
		}
		g.members = append(g.members, in)
	}
	for _, name := range names {
		g := groups[name]
		g.g = NewGroup(len(g.members))
		for i, in := range g.members {
			in.group, in.member = g, i
		}
		for _, in := range g.members {
			l.stepGroup(now, g, in)
		}
	}
}

// attachAll gives each instance its socket and closes those nobody needs.
func (l *Loop) attachAll(now time.Time) {
	for _, k := range l.links {
		k.instances = nil
	}
	for _, in := range l.instances {
		l.attach(now, in)
	}
	for _, k := range l.links {
		if len(k.instances) == 0 {
			l.closeLink(k)
		}
	}
	l.sizeBuffers()
}

// attach opens or finds the socket of one instance, and closes the one it had
// if nobody else needs that.
func (l *Loop) attach(now time.Time, in *instance) {
	old := in.link
	if old != nil {
		old.instances = slices.DeleteFunc(old.instances, func(o *instance) bool { return o == in })
	}
	k, err := l.openLink(now, in.socket())
	if old != nil && old != k && len(old.instances) == 0 && l.links[old.spec] == old {
		l.closeLink(old)
	}
	if err != nil {
		in.link = nil
		l.unheard(now, in, old != nil, err)
		return
	}
	in.link, in.sockFail, in.patience = k, dropLog{}, time.Time{}
	k.instances = append(k.instances, in)
	l.step(now, in, FaultCleared{Why: BySocket})
}

// ownLinkPatience is how long an Active router waits for a link of its own, such
// as a VMAC, that somebody has deleted: whoever keeps the host makes it again. A
// Backup never waits: it cannot hear.
const ownLinkPatience = 250 * time.Millisecond

// unheard decides what becomes of an instance that has no socket; had: until now
// it had one.
func (l *Loop) unheard(now time.Time, in *instance, had bool, err error) {
	if had && in.socket().Base != "" && in.m.state == Active {
		in.patience = now.Add(ownLinkPatience)
	}
	if now.Before(in.patience) {
		l.reopenAt = earliest(l.reopenAt, in.patience)
		return
	}
	l.socketFault(now, in, err)
}

// socketFault stops an instance until there is a socket; the loop tries again
// from time to time, and says so now and then.
func (l *Loop) socketFault(now time.Time, in *instance, err error) {
	l.reopenAt = earliest(l.reopenAt, now.Add(reopenEvery))
	if _, ok := in.sockFail.due(now); ok {
		l.publish(Fact{At: now, Instance: in.Name, What: SocketFailed{err}})
	}
	l.step(now, in, FaultRaised{Why: BySocket})
}
