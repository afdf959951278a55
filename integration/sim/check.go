package sim

import (
	"fmt"
	"time"

	"holdfast/vrrp"
)

// Settle is longer than the slowest take-over of any seed: two
// Active_Down_Intervals of the slowest interval (3*2s + 2s each), since a sync
// group may need the second, and the delay on the wire.
const Settle = 20 * time.Second

// Check says what is wrong with a LAN that was left in peace for Settle; nil
// when nothing is.
func (l *LAN) Check() error {
	for i, vrid := range vrids {
		var actives []*node
		for _, n := range l.nodes {
			v := n.routers[i]
			state := v.m.Snapshot().State
			if state == vrrp.Active {
				actives = append(actives, n)
			}
			if v.carries != (state == vrrp.Active) { // (b)
				return fmt.Errorf("vrid %d: %s is %v but carries addresses: %v", vrid, n.name, state, v.carries)
			}
		}
		if len(actives) != 1 { // (a)
			return fmt.Errorf("vrid %d has %d Active routers, want one", vrid, len(actives))
		}
		if err := l.checkRank(i, actives[0]); err != nil {
			return err
		}
		if actives[0].routers[i].announced.IsZero() { // (e)
			return fmt.Errorf("vrid %d: %s has not announced the addresses it carries", vrid, actives[0].name)
		}
	}
	return l.checkGroups()
}

// checkRank: nobody who preempts outranks the Active router. Among equals
// anyone may have been first. A sync group preempts as a whole, with the mind
// of either member: all members of a node have the same.
func (l *LAN) checkRank(i int, active *node) error {
	have := active.routers[i].params.Priority
	for _, n := range l.nodes {
		if p := n.routers[i].params; p.PreemptMode && p.Priority > have {
			return fmt.Errorf("vrid %d: Active is %s with priority %d, %s has %d and preempts", vrids[i], active.name, have, n.name, p.Priority)
		}
	}
	return nil
}

// Peace runs on without any fault: nothing may move any more, and of the
// adverts all come from Active routers.
func (l *LAN) Peace(d time.Duration) error {
	before := len(l.diary)
	l.Run(d)
	if len(l.diary) != before {
		return fmt.Errorf("in peace: %s", l.diary[before])
	}
	return nil
}

// checkGroups is invariant (d) and holds at any moment, not only in peace.
func (l *LAN) checkGroups() error {
	for _, n := range l.nodes {
		a, b := n.routers[1].m.Snapshot().State, n.routers[2].m.Snapshot().State
		if n.up && a != b {
			return fmt.Errorf("sync group of %s: members are %v and %v", n.name, a, b)
		}
	}
	return nil
}
