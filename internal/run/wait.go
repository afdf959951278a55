package run

import (
	"context"
	"time"
)

// Limits of ending a script that does not end by itself.
const (
	Grace  = 2 * time.Second  // from SIGTERM to SIGKILL
	GiveUp = 10 * time.Second // from SIGKILL to ErrStuck
)

// signals of a process group, without naming syscall here.
type groupSignal uint8

const (
	terminate groupSignal = iota
	kill
)

// waitGroup waits until exited is closed. When ctx ends first, the group is
// terminated, and killed Grace later, or as soon as its leader is gone: a group
// that had to be ended leaves nobody behind. It reports whether the group had to
// be ended, and whether even SIGKILL did not help within GiveUp.
func waitGroup(ctx context.Context, exited <-chan struct{}, send func(groupSignal)) (ended, stuck bool) {
	select {
	case <-exited:
		return false, false
	case <-ctx.Done():
	}
	// Both may be ready: a script that has just ended was not ended by us.
	select {
	case <-exited:
		return false, false
	default:
	}
	send(terminate)
	if waitFor(exited, Grace) {
		send(kill)
		return true, false
	}
	send(kill)
	return true, !waitFor(exited, GiveUp)
}

func waitFor(exited <-chan struct{}, limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-exited:
		return true
	case <-t.C:
		return false
	}
}
