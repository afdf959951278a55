package sim

import "holdfast/vrrp"

// serving tells which routers of a node are Active, as bits.
func (n *node) serving() (set uint) {
	for i, v := range n.list {
		if n.up && v.state == vrrp.Active {
			set |= 1 << i
		}
	}
	return set
}

// checkServing: a router that was Active and has no fault is Active still.
func (l *LAN) checkServing(n *node, before uint, what string) {
	for i, v := range n.list {
		if before>>i&1 == 1 && v.m.State() != vrrp.Active && !n.faulty(v) {
			l.fail("resume: %s/%d was Active before a %s and is %v", n.name, v.params.VRID, what, v.m.State())
		}
	}
}

// checkResumed: who was Active a moment ago, and whose host still carries the
// addresses, goes on; a sync group if all its members were. One that was listening
// after it had been silent for too long has nothing to go on with.
func (l *LAN) checkResumed(n *node, resume bool) {
	if !resume || l.now-n.died > int64(l.shape.intervals[0])/2 {
		return
	}
	var before, members uint
	for i, v := range n.list {
		if v.carries && i < len(n.saved) && n.saved[i].State == vrrp.Active && !n.overdue(v, n.saved[i], l.now) {
			before |= 1 << i
		}
		if v.params.Grouped {
			members |= 1 << i
		}
	}
	if before&members != members {
		before &^= members
	}
	l.checkServing(n, before, "successor came")
}

// overdue reports whether a predecessor had sent nothing for so long that a
// Backup may have taken over.
func (n *node) overdue(v *virtual, s vrrp.Snapshot, now int64) bool {
	limit := v.params.ActiveDownInterval(vrrp.PriorityOwner-1, v.params.Interval())
	return n.clock(now).Sub(s.LastSent) >= limit*98/100
}
