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
	l.next = earliest(l.next, in.m.Deadline())
	if g := l.groups[in.SyncGroup]; g != nil {
		l.stepGroup(now, g, in)
	}
}

func (l *Loop) stepGroup(now time.Time, g *syncGroup, in *instance) {
	for i, m := range g.members {
		if m != in {
			continue
		}
		snap := in.m.Snapshot()
		for _, a := range g.g.Step(now, i, snap.GroupMember(), nil) {
			switch a := a.(type) {
			case GroupTransition:
				l.effects.Publish(Fact{At: now, Group: g.name, What: a})
			case ForceMember:
				l.step(now, g.members[a.Index], Forced{a.To})
			}
		}
		return
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
		params := in.m.params
		in.m = Machine{}
		acts = in.actions[:0]
		if was == Active {
			acts = append(acts, SendAdvert{0}, ApplyHost{})
		}
		acts = append(acts, Failed{fmt.Sprint(r)}, Transition{From: was, To: Fault, Why: ByPanic})
		in.m.Step(now, FaultRaised{Why: ByPanic}, nil)
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
		l.apply()
	case Announce:
		l.effects.Announce(in.Name, a)
	case Transition:
		switch {
		case a.To == Active:
			in.counters.BecomeActive++
		case a.From == Active:
			in.counters.ReleaseActive++
		}
		l.effects.Publish(Fact{At: now, Instance: in.Name, What: a})
	case LowerReceived:
		l.effects.Publish(Fact{At: now, Instance: in.Name, What: a})
		l.announceSiblings(in)
	default:
		l.effects.Publish(Fact{At: now, Instance: in.Name, What: a})
	}
}

// announceSiblings: a router that was Active beside us for one member of a sync
// group was so for all, and may have misled neighbours of each.
func (l *Loop) announceSiblings(in *instance) {
	g := l.groups[in.SyncGroup]
	if g == nil {
		return
	}
	for _, m := range g.members {
		if n := m.m.params.Announce.LowerPrioRepeat; m != in && m.m.state == Active && n > 0 {
			l.effects.Announce(m.Name, Announce{ByLowerPriority, n})
		}
	}
}

// apply hands over the whole of what the host should carry.
func (l *Loop) apply() {
	active := map[string]bool{}
	for _, in := range l.instances {
		if in.m.state == Active {
			active[in.Name] = true
		}
	}
	l.effects.Apply(active)
}

// sendAdvert sends one advert to the group, or to each peer.
func (l *Loop) sendAdvert(now time.Time, in *instance, priority uint8) {
	if in.link == nil {
		return
	}
	p := in.m.Params()
	var err error
	if !p.Unicast() {
		err = l.write(in, priority, p.MulticastGroup(), allowedTTL)
	}
	for _, peer := range p.Peers {
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
			l.effects.Publish(Fact{At: now, Instance: in.Name, What: SendFailed{err}})
		}
		return
	}
	in.counters.AdvertSent++
	if priority == 0 {
		in.counters.PriZeroSent++
	}
}

func (l *Loop) write(in *instance, priority uint8, dst netip.Addr, ttl uint8) error {
	a := in.m.Params().Advert(priority, dst)
	l.sendBuf = AppendAdvert(l.sendBuf[:0], &a)
	return in.link.conn.WriteTo(l.sendBuf, Meta{Src: a.Src, Dst: dst, TTL: ttl})
}
