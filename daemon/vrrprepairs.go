package daemon

import (
	"fmt"
	"time"

	"holdfast/host"
	"holdfast/vrrp"
)

// storm takes the instances out that depend on what somebody keeps removing.
func (r *vrrpRole) storm(now time.Time, s host.RepairStorm) {
	_, dependent := owners(r.conf, r.state.Links, s.Of)
	r.log.Warn(stormLine(s, dependent))
	r.deliver(r.holds.storm(now, s.Of, dependent))
}

// repaired says what was put back.
func (r *vrrpRole) repaired(now time.Time, n host.Reconciled) {
	switch {
	case len(n.Repairs) == 0, replacesLinks(n): // with a link of ours goes what lay on it
		return
	case n.Cause == host.Expired:
		r.log.Warn(fmt.Sprintf("put back what had expired while this process did not run: %v", n.Repairs))
	default:
		r.log.Warn(fmt.Sprintf("put back what was removed by others: %v", n.Repairs))
	}
	for _, op := range n.Repairs {
		r.holds.repaired(now, objectName(op))
	}
}

// letGo ends faults whose time is over: the instances see whether they are left
// alone now.
func (r *vrrpRole) letGo(now time.Time) {
	events := r.holds.due(now)
	for _, e := range events {
		if f, ok := e.event.(vrrp.FaultCleared); ok {
			r.log.Info(fmt.Sprintf("(%s) trying again whether %s is left alone", e.instance, f.Of))
		}
	}
	r.deliver(events)
}

// renewAddresses lets the loop's own life renew the virtual addresses, if they
// end by themselves: a free ticker would go on beside a loop that hangs.
func (r *vrrpRole) renewAddresses(seconds uint32) {
	r.loop.Heartbeat(time.Duration(seconds)*time.Second/3, r.worker.Beat)
}
