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
		best := l.nodes[0]
		for _, n := range l.nodes {
			v := n.routers[i]
			state := v.m.Snapshot().State
			if state == vrrp.Active {
				actives = append(actives, n)
			}
			if v.carries != (state == vrrp.Active) { // (b)
				return fmt.Errorf("vrid %d: %s is %v but carries addresses: %v", vrid, n.name, state, v.carries)
			}
			if p, q := v.params.Priority, best.routers[i].params.Priority; p > q {
				best = n
			}
		}
		if len(actives) != 1 { // (a)
			return fmt.Errorf("vrid %d has %d Active routers, want one", vrid, len(actives))
		}
		winner := actives[0].routers[i]
		if winner.params.Priority != best.routers[i].params.Priority { // among equals anyone may have been first
			return fmt.Errorf("vrid %d: Active is %s with priority %d, %s has %d", vrid, actives[0].name,
				winner.params.Priority, best.name, best.routers[i].params.Priority)
		}
		if winner.announced.IsZero() { // (e)
			return fmt.Errorf("vrid %d: %s never announced itself", vrid, actives[0].name)
		}
	}
	return l.checkGroups()
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
