package sim

import (
	"errors"
	"slices"

	"holdfast/vrrp"
)

var errHost = errors.New("no buffer space available")

// turn is what the production loop does on a wake-up: drain, then tick, then
// hand over what the host should carry.
func (l *LAN) turn(n *node) {
	if !n.running() {
		return
	}
	if l.opts.TickFirst {
		l.tick(n)
	}
	for i := range n.queue {
		p := &n.queue[i]
		if v := n.routers[p.pdu.slot]; v != nil {
			l.receive(n, v, p)
		}
		l.wire.done(p.pdu)
	}
	n.queue = n.queue[:0]
	l.tick(n)
	if l.now >= n.resultAt {
		n.resultAt = never
		l.learn(n)
	}
	if l.now >= n.repairAt {
		l.repair(n)
	}
	l.flush(n)
	n.wake = never
	for _, v := range n.list {
		if d := v.m.Deadline(); !d.IsZero() {
			n.wake = min(n.wake, n.wall(d))
		}
	}
	l.check(n)
}

func (l *LAN) tick(n *node) {
	if l.now < n.wake {
		return
	}
	now := n.clock(l.now)
	for _, v := range n.list {
		if d := v.m.Deadline(); !d.IsZero() && !now.Before(d) {
			l.step(n, v, l.now, vrrp.Tick{})
		}
	}
}

func (l *LAN) receive(n *node, v *virtual, p *packet) {
	if s := v.m.State(); s != vrrp.Backup && s != vrrp.Active {
		return
	}
	params := v.m.Params()
	d := vrrp.Datagram{PDU: p.pdu.buf, Src: p.pdu.src, Dst: p.pdu.dst, TTL: 255, ID: p.pdu.id, At: n.wallClock(p.at)}
	memory := &v.memory
	if l.opts.Gullible {
		memory = nil
	}
	if err := memory.Decode(params, d, &l.advert); err != nil {
		if refused, ok := err.(*vrrp.PacketError); ok {
			l.step(n, v, p.at, vrrp.AdvertRefused{Err: refused})
		}
		return
	}
	if l.opts.Refuse != nil && l.opts.Refuse(params, &l.advert) {
		return
	}
	v.accepted(&l.slots[v.slot], p.pdu)
	l.step(n, v, p.at, vrrp.AdvertReceived{Advert: &l.advert})
}

// step feeds a machine and does what it wants; then its sync group has a look.
func (l *LAN) step(n *node, v *virtual, at int64, ev vrrp.Event) {
	v.acts = v.m.Step(n.clock(at), ev, v.acts[:0])
	for _, a := range v.acts {
		switch a := a.(type) {
		case vrrp.SendAdvert:
			if a.Priority == 0 {
				l.slots[v.slot].resign = l.now
			}
			l.checkAdvert(n, v, a.Priority)
			l.send(n, v, a.Priority)
		case vrrp.ApplyHost:
			n.applyDue = true
		case vrrp.Announce:
			l.effect(n, effect{v: v, isAnn: true})
		case vrrp.Transition:
			l.note("%s/%d %v -> %v (%s %s)", n.name, v.params.VRID, a.From, a.To, a.Why, a.Of)
			v.deposed = a.Why == vrrp.ByHigherPriority || a.Why == vrrp.ByHigherAddress
			l.effect(n, effect{v: v, from: a.From, to: a.To})
		case vrrp.OwnerRestored:
			v.restoredAt = l.now
		case vrrp.PriorityChanged:
			l.note("%s/%d priority %d -> %d (%s)", n.name, v.params.VRID, a.From, a.To, a.Why)
		case vrrp.LowerReceived: // as the loop does: the whole group may have misled neighbours
			for _, w := range n.grouped {
				if v.params.Grouped && w != v && w.m.State() == vrrp.Active {
					l.effect(n, effect{v: w, isAnn: true})
				}
			}
		}
	}
	if s := v.m.State(); s != v.state {
		l.see(n, v, s)
	}
	if n.group != nil && v.params.Grouped {
		l.stepGroup(n, v, at)
	}
}

func (l *LAN) stepGroup(n *node, v *virtual, at int64) {
	index := 0
	for i, w := range n.grouped {
		if w == v {
			index = i
		}
	}
	snap := v.m.Snapshot()
	for _, a := range n.group.Step(n.clock(at), index, snap.GroupMember(), nil) {
		f, ok := a.(vrrp.ForceMember)
		if !ok || l.opts.LoseOrders && n.grouped[f.Index].m.State() == vrrp.Active {
			continue
		}
		l.step(n, n.grouped[f.Index], at, vrrp.Forced{To: f.To})
	}
}

// effect keeps its place behind an apply that is due.
func (l *LAN) effect(n *node, e effect) {
	if n.applyDue {
		n.later = append(n.later, e)
		return
	}
	l.take(n, e)
}

// take is what the world sees of a router: announcements, and transitions by
// way of hooks.
func (l *LAN) take(n *node, e effect) {
	v := e.v
	if e.isAnn {
		if v.carries && n.linkUp { // else neighbours would learn of addresses that are not there
			v.announced = l.now
		}
		return
	}
	l.checkHook(n, v, e.from, e.to)
	v.hook = e.to
}

// flush hands over what the host should carry, if that changed, and what has
// waited for it.
func (l *LAN) flush(n *node) {
	if !n.applyDue {
		return
	}
	if !l.opts.LoseHost {
		l.apply(n)
	}
	n.applyDue = false
	if l.opts.HooksBackwards {
		slices.Reverse(n.later)
	}
	for _, e := range n.later {
		l.take(n, e)
	}
	n.later = n.later[:0]
}

// apply makes the host carry what its routers want, as far as its kernel does
// what it is told. What had been wanted before and was not there is repaired,
// not new: the routers are told a moment later.
func (l *LAN) apply(n *node) {
	for _, v := range n.list {
		want := v.m.State() == vrrp.Active
		differs, old := v.carries != want, v.wanted
		v.wanted = want
		switch {
		case !differs:
		case n.hostBroken:
			n.repairAt = l.now + repairEvery
		default:
			v.carries, v.announced, v.came = want, never, l.now
			if v.restored = want && old; v.restored {
				n.repairAt = l.now
			}
		}
	}
}

// repair is the second look at a host that differed: neighbours may have
// learned other addresses meanwhile, so what is back is announced.
func (l *LAN) repair(n *node) {
	n.repairAt = never
	l.apply(n)
	for _, v := range n.list {
		restored := v.restored
		v.restored = false
		if n.hostBroken && !restored { // what came back before it broke did come back
			l.step(n, v, l.now, vrrp.HostFailed{Err: errHost})
			continue
		}
		l.step(n, v, l.now, vrrp.HostApplied{Repaired: restored})
	}
}
