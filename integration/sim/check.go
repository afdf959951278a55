package sim

import (
	"slices"
	"time"

	"holdfast/vrrp"
)

// disturb is called when anything has changed: from now on the LAN is looked at
// anew. It decides whether the network is whole, who hears whom, and how many
// owners there have to be.
func (l *LAN) disturb() {
	l.settled, l.calm = false, never
	tail := maxDelay + int64(l.shape.intervals[0])/2 // datagrams still on their way
	whole, clocked, peak := l.loss == 0 && l.slow == 0, l.clocked(), int64(0)
	for _, a := range l.nodes {
		whole = whole && (!a.up || a.stalled == never) && (a.jump == 0 || !clocked)
		if clocked {
			peak = max(peak, a.peak)
		}
	}
	for _, a := range l.nodes {
		for _, b := range l.nodes {
			cut := l.cut[a.index][b.index]
			whole = whole && (!cut || !a.up || !b.up || a == b)
			h := &l.heard[a.index][b.index]
			switch {
			case cut || l.loss > 0 || l.slow > 0 || !a.running() || !b.up || // what b does not read now waits in its socket
				!a.linkUp || !b.linkUp, clocked && (a.jump != 0 || b.jump != 0):
				*h = never
			case *h == never || *h < peak:
				*h = max(l.now+tail, peak)
			}
		}
	}
	if whole {
		l.calm = max(l.now+tail, l.strange, peak)
	}
	for i := range l.slots {
		l.slots[i].want = 0
		for _, n := range l.nodes {
			if v := n.routers[i]; v != nil && n.up && !n.faulty(v) {
				l.slots[i].want = 1
			}
		}
		l.slots[i].crossed = l.slots[i].grouped && l.crossed()
	}
}

// crossed says whether two sync groups outrank each other, one by this member,
// one by that. Nobody can be right then: each deposes the other, for as long as
// their timers run alike. Configurations avoid it, and we do not look.
func (l *LAN) crossed() bool {
	for a, n := range l.nodes {
		for _, o := range l.nodes[:a] {
			above := false
			for i, v := range n.grouped {
				w := o.grouped[i]
				higher := v.expect > w.expect || v.expect == w.expect && w.params.PrimaryAddr.Less(v.params.PrimaryAddr)
				if i > 0 && higher != above {
					return true
				}
				above = higher
			}
		}
	}
	return false
}

// faulty says whether a router has to be in Fault, of its own or for its group.
func (n *node) faulty(v *virtual) bool {
	if !v.params.Grouped {
		return v.faulty
	}
	for _, w := range n.grouped {
		if w.faulty {
			return true
		}
	}
	return false
}

// check is what must hold after each turn of a node: first of itself, then of
// the network.
func (l *LAN) check(n *node) {
	for _, v := range n.list {
		l.checkRouter(n, v)
	}
	for _, v := range n.grouped {
		if first := n.grouped[0]; v.state != first.state {
			l.fail("groups: members of %s are %v and %v", n.name, first.state, v.state)
		}
	}
	for i := range l.slots {
		s := &l.slots[i]
		if s.actives > 1 {
			l.checkDouble(i)
		}
		// One that preempts and the one it deposes are both Active for as long
		// as an advert travels.
		if s.crossed {
			continue
		}
		if s.actives < s.want && l.now-l.calm > s.owner || s.actives != s.want && l.now-l.calm > s.rank {
			l.fail("owner: vrid %d has %d Active routers in a whole network, want %d", s.vrid, s.actives, s.want)
		}
	}
	if !l.settled && l.now-l.calm > l.slots[1].rank {
		l.settled = true
		for i := range l.slots {
			l.checkRank(i)
		}
	}
}

// checkRouter is what each router has to keep, whatever the network does.
func (l *LAN) checkRouter(n *node, v *virtual) {
	id := v.params.VRID
	if fault := n.faulty(v); fault != (v.state == vrrp.Fault) {
		l.fail("fault: %s/%d is %v, but has a fault: %v", n.name, id, v.state, fault)
	}
	if v.hook != v.state {
		l.fail("hooks: %s/%d is %v, its hooks heard last of %v", n.name, id, v.state, v.hook)
	}
	active := v.state == vrrp.Active
	if v.carries != active && n.repairAt == never {
		l.fail("addresses: %s/%d is %v, but carries addresses: %v", n.name, id, v.state, v.carries)
	}
	if !active || !v.carries {
		v.owes = owes{}
		return
	}
	if v.announced == never && !n.hostBroken && n.repairAt == never && l.now-v.came > repairEvery {
		l.fail("announced: %s/%d has not announced the addresses it carries", n.name, id)
	}
	if o := v.owes; o.by != 0 && l.now > o.by {
		if v.came < o.since && (v.announced == never || v.announced < o.since) {
			l.fail("announced: %s/%d has not announced itself since it deposed another", n.name, id)
		}
		v.owes = owes{}
	}
}

// see notices that a router has another state than before.
func (l *LAN) see(n *node, v *virtual, to vrrp.State) {
	s, from := &l.slots[v.slot], v.state
	if l.now-l.calm > s.rank && !s.crossed {
		l.fail("peace: %s/%d %v -> %v", n.name, s.vrid, from, to)
	}
	switch {
	case to == vrrp.Active:
		s.actives++
		if from == vrrp.Initialize && !v.params.Owner() && l.now-n.died > s.dead {
			l.fail("resume: %s/%d goes on as Active after %v", n.name, s.vrid, time.Duration(l.now-n.died))
		}
		if from == vrrp.Backup {
			l.checkTakeover(n, v)
		}
	case from == vrrp.Active:
		s.actives--
		s.yielded = l.now
		v.resumed = false
		if to == vrrp.Backup && v.deposed {
			l.expectAnnouncement(n, v)
		}
	}
	v.deposed, v.state, v.since = false, to, l.now
}

// checkDouble: two that hear each other are not both Active for longer than
// the slowest would wait.
func (l *LAN) checkDouble(i int) {
	for a, n := range l.nodes {
		for b, o := range l.nodes[:a] {
			v, w := n.routers[i], o.routers[i]
			if v == nil || w == nil || !n.running() || !o.running() || v.state != vrrp.Active || w.state != vrrp.Active {
				continue
			}
			since := max(l.heard[a][b], l.heard[b][a], v.since, w.since, n.ran, o.ran)
			if l.slots[i].rivals { // a reload or a third router ends their argument, and they begin anew
				since = max(since, v.changed, w.changed, v.restoredAt, w.restoredAt)
			}
			if l.now-since > l.slots[i].dead+l.slots[i].dispute {
				l.fail("double: %s and %s are both Active for vrid %d since %v and hear each other", n.name, o.name, l.slots[i].vrid, time.Duration(since))
			}
		}
	}
}

// checkTakeover: a router that does not preempt, or does not outrank it, has
// not deposed one that it could hear all the time.
func (l *LAN) checkTakeover(n *node, v *virtual) {
	if v.params.Owner() && v.params.OwnerIgnoreAdverts {
		return // it hears nobody
	}
	preempts := v.params.PreemptMode || v.params.Owner()
	// In this time it heard at least one advert, which made it wait for another two.
	own, slowest := l.shape.intervals[0], l.shape.intervals[1]
	limit := l.now - int64(1.03*float64(slowest)) - maxDelay
	if own != slowest { // it may have followed one that is faster
		limit -= l.slots[v.slot].dead
	}
	if v.since > limit || v.changed > limit || l.strange > limit {
		return
	}
	if l.slots[v.slot].resign > limit {
		return // of two Active routers the one followed last resigns
	}
	if own != slowest && l.slots[v.slot].yielded > limit {
		return // of two Active routers the faster one was heard last and yields
	}
	for _, o := range l.nodes {
		w := o.routers[v.slot]
		if w == nil || w == v || w.state != vrrp.Active || l.slots[v.slot].deaf(v, w, o.index) {
			continue
		}
		waited := l.now-v.since > int64(0.98*float64(v.params.PreemptDelay))
		rank := w.expect
		if got := w.m.Snapshot().Priority; l.slots[v.slot].reduced(w, got) {
			rank = got
		}
		if preempts && v.expect > rank && waited {
			continue
		}
		if w.since < limit && w.changed < limit && l.heard[o.index][n.index] < limit {
			l.fail("preempts: %s/%d with priority %d takes over from %s with %d, which it hears; preempts: %v, waited: %v", n.name, v.params.VRID, v.expect, o.name, w.expect, preempts, waited)
		}
	}
}

// checkRank: in a settled network nobody who preempts outranks the Active
// router. Among equals anyone may have been first. A sync group preempts as a
// whole.
func (l *LAN) checkRank(i int) {
	for _, a := range l.nodes {
		v := a.routers[i]
		if v == nil || v.state != vrrp.Active {
			continue
		}
		for _, o := range l.nodes {
			w := o.routers[i]
			if w == nil || !o.up || o.faulty(w) || !w.params.PreemptMode && !w.params.Owner() {
				continue
			}
			if o.outranks(a, w, v) {
				l.fail("rank: %s/%d is Active with priority %d, %s has %d and preempts", a.name, v.params.VRID, v.expect, o.name, w.expect)
			}
		}
	}
}

// outranks compares one router of each, or all members of their groups.
func (n *node) outranks(o *node, v, w *virtual) bool {
	if !v.params.Grouped {
		return v.expect > w.expect
	}
	for i, m := range n.grouped {
		if m.expect <= o.grouped[i].expect {
			return false
		}
	}
	return true
}

// expectAnnouncement: the advert that a deposed router sends before it yields
// (higher_prio_send_advert) makes the other announce itself: neighbours may
// have learned the addresses of the deposed one.
func (l *LAN) expectAnnouncement(n *node, v *virtual) {
	if !v.params.HigherPrioritySendAdvert || l.strange > l.now {
		return
	}
	by := v.m.Snapshot().Active
	for _, o := range l.nodes {
		w := o.routers[v.slot]
		if w == nil || w.state != vrrp.Active || w.params.PrimaryAddr != by || l.heard[n.index][o.index] > l.now || w.params.OwnerIgnoreAdverts {
			continue
		}
		// It answers once in an interval, and after many answers once in a second: an
		// announcement shortly before counts, and one a bit later does.
		interval := int64(1.05 * float64(w.params.Interval()))
		w.owes = owes{by: l.now + 2*maxDelay + int64(1.05*float64(time.Second)), since: min(v.since, l.now-interval)}
	}
}

// checkAdvert: what a router says of its rank is what its trackers make of it,
// and of its addresses what its configuration says.
func (l *LAN) checkAdvert(n *node, v *virtual, priority uint8) {
	if !v.muted && !slices.Equal(v.m.Params().Addrs, v.params.Addrs) {
		l.fail("config: %s/%d sends %v, configured are %v", n.name, v.params.VRID, v.m.Params().Addrs, v.params.Addrs)
	}
	// Clocks go one percent wrong.
	since := max(v.sent, v.since, v.changed, n.ran)
	if gap := l.now - since; v.state == vrrp.Active && !v.muted && gap > int64(1.011*float64(v.params.Interval())) {
		l.fail("rhythm: %s/%d sends after %v, its interval is %v", n.name, v.params.VRID, time.Duration(gap), v.params.Interval())
	}
	v.sent = l.now
	if priority != 0 && !v.muted && priority != v.expect && !l.slots[v.slot].reduced(v, priority) {
		l.fail("priority: %s/%d sends an advert with priority %d, its trackers make %d", n.name, v.params.VRID, priority, v.expect)
	}
}

// reduced says whether an owner has taken a step back because of a rival.
func (s *slot) reduced(v *virtual, priority uint8) bool {
	return s.rivals && v.expect == vrrp.PriorityOwner && priority == vrrp.PriorityOwner-1
}

// checkPriority compares the effective priority with the dumb computation.
func (l *LAN) checkPriority(n *node, v *virtual) {
	if got := v.m.Snapshot().Priority; got != v.expect && !l.slots[v.slot].reduced(v, got) {
		l.fail("priority: %s/%d has effective priority %d, its trackers make %d", n.name, v.params.VRID, got, v.expect)
	}
}

// checkHook: transitions come in order, each beginning where the last one ended.
func (l *LAN) checkHook(n *node, v *virtual, from, to vrrp.State) {
	if from != v.hook {
		l.fail("hooks: %s/%d goes %v -> %v, its hooks heard last of %v", n.name, v.params.VRID, from, to, v.hook)
	}
}
