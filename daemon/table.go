package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"holdfast/daemon/config"
	"holdfast/ipvs"
)

// How often the table is looked at when nothing asks for it.
const (
	tableSweep   = 5 * time.Second  // somebody else may have changed it; lvs_sweep_interval
	tableMissing = 30 * time.Second // ip_vs may be loaded later
	tableLimit   = 10 * time.Second // one look
)

// keeper makes a dataplane carry what is wanted: it reads the table, applies
// the difference, and looks again on each sweep. In between it does what a wish
// changes, and looks only if that is refused: one server that falls is one command,
// however many services there are. One goroutine, run's, talks to the plane.
type keeper struct {
	log   *slog.Logger
	plane ipvs.Kernel
	wants *mailbox[wish]

	table    ipvs.Table
	carried  ipvs.Table               // what the kernel carried of it when last something was done; nil: not known
	seen     time.Time                // when the kernel's table was last read
	owned    map[ipvs.ServiceKey]bool // ours now or at some time since the start
	missing  bool                     // the kernel has no ip_vs, and the log says so
	lastErr  string
	timeouts *ipvs.Timeouts // the kernel's own, put back at stop
	asked    config.LVSTimeouts
	late     bool // the timeouts are still to be written
	sync     syncFollower
	sweep    time.Duration
}

// wish is one change of what the keeper is to bring about. Zero parts stay as
// they are.
type wish struct {
	table    ipvs.Table // nil: as before
	flush    bool       // empty the kernel's table first
	timeouts *config.LVSTimeouts
	daemons  *[]ipvs.SyncDaemon
	sweep    time.Duration   // 0: as before
	done     chan<- struct{} // closed when it was tried
}

func newKeeper(log *slog.Logger, plane ipvs.Kernel) *keeper {
	return &keeper{log: log, plane: plane, wants: newMailbox[wish](), owned: map[ipvs.ServiceKey]bool{}, table: ipvs.Table{}, sweep: tableSweep}
}

// want asks for w; it does not wait.
func (k *keeper) want(w wish) { k.wants.put(w) }

// run keeps the table until ctx ends. What is in the kernel then stays there:
// to take it away, want an empty table first and wait for done.
func (k *keeper) run(ctx context.Context) {
	k.seen = time.Now()
	timer := time.NewTimer(k.sweep)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wants.ready():
			for _, w := range k.wants.take() {
				k.fulfil(ctx, w)
			}
		case <-timer.C:
			if k.late {
				k.setTimeouts(ctx)
			}
			k.reconcile(ctx)
			k.sync.reconcile(ctx, k)
		}
		next := k.sweep
		if k.missing {
			next = tableMissing
		}
		timer.Reset(time.Until(k.seen.Add(next)))
	}
}

func (k *keeper) fulfil(ctx context.Context, w wish) {
	if w.done != nil {
		defer close(w.done)
	}
	if w.sweep != 0 {
		k.sweep = w.sweep
	}
	if w.flush {
		k.carried = nil
		k.report(k.plane.Flush(ctx))
	}
	if w.timeouts != nil {
		k.asked = *w.timeouts
		k.setTimeouts(ctx)
	}
	if w.table != nil {
		k.table = w.table
		for key := range w.table {
			k.owned[key] = true
		}
		if !k.adjust(ctx) {
			k.reconcile(ctx)
		}
	}
	if w.daemons != nil {
		k.sync.wanted = *w.daemons
		k.sync.reconcile(ctx, k)
	}
}

// adjust makes the kernel carry the table by what it has to do more than before. A
// command that is refused says that somebody else was there.
func (k *keeper) adjust(ctx context.Context) bool {
	if k.carried == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, tableLimit)
	defer cancel()
	ops := ipvs.Diff(k.table, k.carried, func(ipvs.ServiceKey) bool { return true })
	if err := ipvs.ApplyAll(ctx, k.plane, ops); err != nil {
		k.carried = nil
		return false
	}
	k.done(ops)
	return true
}

// done notes that the kernel carries the table.
func (k *keeper) done(ops []ipvs.Op) {
	for _, op := range ops {
		k.log.Debug(op.String())
	}
	k.carried = k.table
	for key := range k.owned {
		if _, wanted := k.table[key]; !wanted {
			delete(k.owned, key)
		}
	}
}

// reconcile makes the kernel carry the table, whatever it carries now.
func (k *keeper) reconcile(ctx context.Context) {
	k.seen = time.Now()
	if len(k.owned) == 0 {
		return // nothing of ours: the kernel is not even asked for ip_vs
	}
	ctx, cancel := context.WithTimeout(ctx, tableLimit)
	defer cancel()
	ops, err := ipvs.Reconcile(ctx, k.plane, k.table, func(key ipvs.ServiceKey) bool { return k.owned[key] })
	k.report(err)
	if err != nil {
		k.carried = nil
		for _, op := range ops {
			k.log.Debug(op.String())
		}
		return
	}
	k.done(ops)
}

// report logs an error when it is new, and the end of one.
func (k *keeper) report(err error) {
	switch {
	case err == nil:
		if k.missing {
			k.log.Info("ip_vs is there now: virtual services are set up")
			k.late = k.late || k.asked != (config.LVSTimeouts{})
		}
		k.missing, k.lastErr = false, ""
		return
	case errors.Is(err, context.Canceled):
		return
	case errors.Is(err, ipvs.ErrNoIPVS):
		if !k.missing {
			k.log.Error(fmt.Sprintf("IPVS: Can't initialize ipvs: %v. VRRP and health checks go on; connections are not balanced until ip_vs is there (looked for every %v)", err, tableMissing))
		}
		k.missing = true
		return
	}
	if text := err.Error(); text != k.lastErr {
		k.log.Error(text)
		k.lastErr = text
	}
}

// setTimeouts writes lvs_timeouts and remembers what was there; the zero value
// puts that back. What fails is tried again at the next sweep.
func (k *keeper) setTimeouts(ctx context.Context) {
	err := k.writeTimeouts(ctx)
	k.report(err)
	k.late = err != nil
}

func (k *keeper) writeTimeouts(ctx context.Context) error {
	if k.asked == (config.LVSTimeouts{}) {
		if k.timeouts == nil {
			return nil
		}
		was := *k.timeouts
		k.timeouts = nil
		return k.plane.SetTimeouts(ctx, was)
	}
	if k.timeouts == nil {
		was, err := k.plane.Timeouts(ctx)
		if err != nil {
			return err
		}
		k.timeouts = &was
	}
	return k.plane.SetTimeouts(ctx, ipvs.Timeouts(k.asked))
}
