package daemon

import (
	"cmp"
	"fmt"
	"time"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/internal/event"
	"holdfast/vrrp"
)

// Apply implements vrrp.Effects: the host is to carry what the active
// instances own, and static things.
func (r *vrrpRole) Apply(active map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping && r.opt.KeepVRRP {
		return
	}
	r.active = active
	r.announcer.setActive(active)
	r.firewall.want(r.wish(active), r.filter(active))
}

// wish is the next one: what the routers own, and the links that they made for
// themselves. r.mu is held.
func (r *vrrpRole) wish(active map[string]bool) host.Desired {
	r.seq++
	d := desiredHost(r.seq, r.byName, active, r.statics)
	if len(r.leavingLinks) > 0 {
		d = layout{links: r.leavingLinks}.desire(d, r.linkLocals)
	}
	return r.own.desire(d, r.linkLocals)
}

// Announce implements vrrp.Effects.
func (r *vrrpRole) Announce(name string, a vrrp.Announce) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.byName[name]
	if in == nil {
		return
	}
	b := burst{instance: name, repeat: a.Repeat, after: r.seq, interval: in.AnnounceInterval}
	for _, list := range [][]host.Address{in.Addresses, in.Excluded} {
		for _, addr := range list {
			b.addrs = append(b.addrs, linkAddr{addr.Link, addr.Prefix.Addr()})
		}
	}
	r.announcer.ask(b)
}

// Publish implements vrrp.Effects: log lines, and facts for the parent.
func (r *vrrpRole) Publish(f vrrp.Fact) {
	if f.Group != "" {
		r.publishGroup(f)
		return
	}
	if d, ok := f.What.(vrrp.Dropped); ok && d.Err.Reason == vrrp.DropVRID && !r.unknown.Load() {
		return // other routers on the LAN are nobody's business
	}
	if _, ok := f.What.(vrrp.Alarm); ok {
		r.alarm(f)
		return
	}
	for _, line := range r.linesOf(f) {
		if !r.leaving() { // nothing is released and nothing sent, whatever the line says
			r.say(line)
		}
	}
	switch a := f.What.(type) {
	case vrrp.PriorityChanged:
		r.mu.Lock()
		r.priority[f.Instance] = int(a.To)
		r.mu.Unlock()
		r.send(event.Fact{Type: event.PriorityChanged, Kind: event.Instance, Name: f.Instance, Time: f.At, Priority: int(a.To), Reason: a.Why})
	case vrrp.LowerReceived:
		r.send(event.Fact{Type: event.LowerPriority, Kind: event.Instance, Name: f.Instance, Time: f.At, Priority: r.priorityOf(f.Instance)})
	case vrrp.Transition:
		r.publishTransition(f, a)
	}
}

// alarm asks which machine it is about, and then tells.
func (r *vrrpRole) alarm(f vrrp.Fact) {
	if r.leaving() {
		return
	}
	r.mu.Lock()
	in := r.byName[f.Instance]
	r.mu.Unlock()
	if in == nil { // about to be forgotten
		return
	}
	r.alarms.raise(r.looks, f, in.Interface, in.Params.Interval())
}

// linesOf is what the log says of f.
func (r *vrrpRole) linesOf(f vrrp.Fact) []logLine {
	lines := actionLines(f.Instance, f.What)
	t, ok := f.What.(vrrp.Transition)
	if !ok {
		return lines
	}
	r.mu.Lock()
	in := cmp.Or(r.byName[f.Instance], r.previous[f.Instance])
	r.mu.Unlock()
	if in != nil && guards(in) {
		return firewallLines(f.Instance, t, lines)
	}
	return lines
}

func (r *vrrpRole) priorityOf(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.priority[name]
}

func (r *vrrpRole) publishTransition(f vrrp.Fact, t vrrp.Transition) {
	if t.Why == vrrp.ByInitialising && t.To == vrrp.Fault {
		return // keepalived says nothing until the first result
	}
	r.mu.Lock()
	stopping, in, prio := r.stopping, r.previous[f.Instance], r.priority[f.Instance]
	r.mu.Unlock()
	to := t.To.Keepalived()
	if t.Why == vrrp.ByShutdown {
		switch {
		case stopping:
			to = "STOP"
		case in != nil && in.NotifyDeleted:
			to = "DELETED"
		default:
			to = "FAULT"
		}
	}
	r.send(event.Fact{Type: event.Transitioned, Kind: event.Instance, Name: f.Instance, Time: f.At,
		From: t.From.Keepalived(), To: to, Reason: string(t.Why), Priority: prio})
}

func (r *vrrpRole) publishGroup(f vrrp.Fact) {
	t, ok := f.What.(vrrp.GroupTransition)
	if !ok || t.To == vrrp.Initialize {
		return
	}
	if t.From != vrrp.Initialize {
		r.log.Info(fmt.Sprintf("VRRP_Group(%s) Syncing instances to %s state", f.Group, t.To.Keepalived()))
	}
	r.send(event.Fact{Type: event.Transitioned, Kind: event.Group, Name: f.Group, Time: f.At,
		From: t.From.Keepalived(), To: t.To.Keepalived(), Reason: string(vrrp.ByGroup)})
}

// stopGroups says STOP for the sync groups, after all their members have.
func (r *vrrpRole) stopGroups() {
	for _, g := range r.conf.Groups {
		r.send(event.Fact{Type: event.Transitioned, Kind: event.Group, Name: g.Name, Time: time.Now(), To: "STOP", Reason: string(vrrp.ByShutdown)})
	}
}

func (r *vrrpRole) send(f event.Fact) { r.link.Send(message{Fact: &f}) }

// desiredHost folds over the routers' states: what each active one owns, and
// what is there in any state. Adding an address at reload, losing mastership,
// repairing a deletion and cleaning up after a crash are all this.
func desiredHost(seq uint64, byName map[string]*config.Instance, active map[string]bool, s config.Statics) host.Desired {
	d := host.NewDesired()
	d.Seq = seq
	for name, in := range byName {
		for _, list := range [][]host.Address{in.Addresses, in.Excluded} {
			for _, a := range list {
				d.Address(a, active[name])
			}
		}
		if active[name] {
			for _, rt := range in.Routes {
				d.Route(rt)
			}
			for _, rl := range in.Rules {
				d.Rule(rl)
			}
		}
	}
	for _, a := range s.Addresses {
		d.Address(a, true)
	}
	for _, rt := range s.Routes {
		d.Route(rt)
	}
	for _, rl := range s.Rules {
		d.Rule(rl)
	}
	return d
}
