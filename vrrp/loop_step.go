package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// step feeds a machine and does what it wants; then its sync group has a look.
func (l *Loop) step(now time.Time, in *instance, ev Event) {
	in.actions = l.contained(now, in, ev)
	for _, a := range in.actions {
		l.do(now, in, a)
	}
	l.timers.file(in)
	if in.group != nil {
		l.stepGroup(now, in.group, in)
	}
}

// stepGroup tells a group what became of its member and carries its orders out at
// once. An order steps a member, which comes back here: the depth is bounded,
// since a member that is where the group wants it gets no order.
func (l *Loop) stepGroup(now time.Time, g *syncGroup, in *instance) {
	for _, a := range g.g.Step(now, in.member, in.m.groupMember(), nil) {
		switch a := a.(type) {
		case GroupTransition:
			l.publish(Fact{At: now, Group: g.name, What: a})
		case ForceMember:
			l.step(now, g.members[a.Index], Forced{a.To})
		}
	}
}

// contained steps the machine. If that breaks, this instance alone pays: it
// resigns if it was Active and stays in Fault until it is configured anew.
func (l *Loop) contained(now time.Time, in *instance, ev Event) (acts []Action) {
	was := in.m.state
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		params, faults := in.m.params, in.m.faults
		in.m = Machine{}
		acts = in.actions[:0]
		if was == Active {
			acts = append(acts, SendAdvert{0}, ApplyHost{})
		}
		acts = append(acts, Failed{fmt.Sprint(r)}, Transition{From: was, To: Fault, Why: ByPanic})
		in.m.Step(now, FaultRaised{Why: ByPanic}, nil)
		for _, f := range faults { // they hold whatever became of us
			in.m.Step(now, f, nil)
		}
		in.m.Step(now, Startup{Params: params}, nil)
	}()
	return l.step1(&in.m, now, ev, in.actions[:0])
}

// do carries out one action.
func (l *Loop) do(now time.Time, in *instance, a Action) {
	switch a := a.(type) {
	case SendAdvert:
		l.sendAdvert(now, in, a.Priority)
	case ApplyHost:
		l.applyDue = true
	case Announce:
		l.announce(in.Name, a)
	case Transition:
		switch {
		case a.To == Active:
			in.counters.BecomeActive++
		case a.From == Active:
			in.counters.ReleaseActive++
		}
		l.publish(Fact{At: now, Instance: in.Name, What: a})
	case LowerReceived:
		l.publish(Fact{At: now, Instance: in.Name, What: a})
		l.reclaimSiblings(now, in)
	default:
		l.publish(Fact{At: now, Instance: in.Name, What: a})
	}
}

// reclaimSiblings: a router that was Active beside us for one member of a sync
// group was so for all, and may have misled neighbours of each.
func (l *Loop) reclaimSiblings(now time.Time, in *instance) {
	if in.group == nil {
		return
	}
	for _, m := range in.group.members {
		if m != in && m.m.state == Active {
			l.step(now, m, SiblingReclaims{})
		}
	}
}

// announce and publish keep their place behind an Apply that is due.
func (l *Loop) announce(instance string, a Announce) {
	if l.applyDue {
		l.later = append(l.later, effect{instance: instance, announce: a})
		return
	}
	l.effects.Announce(instance, a)
}

// publish hands out a fact, after an Apply that is due: a hook that runs because we
// became Active must find the addresses asked for.
func (l *Loop) publish(f Fact) {
	if l.applyDue {
		l.later = append(l.later, effect{fact: f})
		return
	}
	l.effects.Publish(f)
}

// flush hands over the whole of what the host should carry, if that changed,
// and what has waited for it. Once for all: thousands of instances that become
// Active at one moment would else name each other thousands of times.
func (l *Loop) flush() {
	if !l.applyDue {
		return
	}
	active := map[string]bool{}
	for _, in := range l.instances {
		if in.m.state == Active {
			active[in.Name] = true
		}
	}
	l.effects.Apply(active)
	l.applyDue = false
	for _, e := range l.later {
		if e.fact.What == nil {
			l.effects.Announce(e.instance, e.announce)
		} else {
			l.effects.Publish(e.fact)
		}
	}
	clear(l.later)
	l.later = l.later[:0]
}

// sendAdvert sends one advert to the group, or to each peer.
func (l *Loop) sendAdvert(now time.Time, in *instance, priority uint8) {
	if in.link == nil {
		return
	}
	p := in.m.Params()
	in.memory.Next(now, p)
	var err error
	if !p.Unicast() {
		err = l.write(in, priority, p.MulticastGroup(), allowedTTL)
	}
	for _, peer := range p.Peers {
		if peer.Addr == p.PrimaryAddr {
			continue // see findOwnPeer
		}
		ttl := p.UnicastTTL
		if ttl == 0 {
			ttl = allowedTTL
		}
		if e := l.write(in, priority, peer.Addr, ttl); e != nil {
			err = e
		}
	}
	if err != nil {
		in.counters.SendErr++
		if _, ok := in.sendFail.due(now); ok {
			l.publish(Fact{At: now, Instance: in.Name, What: SendFailed{err}})
		}
		return
	}
	in.counters.AdvertSent++
	if priority == 0 {
		in.counters.PriZeroSent++
	}
}

// findOwnPeer remarks that a peer is ourselves, once each time that it becomes so.
func (l *Loop) findOwnPeer(now time.Time, in *instance) {
	p, own := in.m.Params(), netip.Addr{}
	for _, peer := range p.Peers {
		if peer.Addr == p.PrimaryAddr {
			own = peer.Addr
		}
	}
	if own.IsValid() && own != in.ownPeer {
		l.publish(Fact{At: now, Instance: in.Name, What: OwnPeer{own}})
	}
	in.ownPeer = own
}

// write encodes anew for each destination: it enters the checksum of version 3.
func (l *Loop) write(in *instance, priority uint8, dst netip.Addr, ttl uint8) error {
	p := in.m.Params()
	a := in.memory.Advert(p, priority, dst)
	l.sendBuf = in.memory.AppendAdvert(l.sendBuf[:0], p, &a)
	return in.link.conn.WriteTo(l.sendBuf, Meta{Src: a.Src, Dst: dst, TTL: ttl, ID: in.memory.ID()})
}
