package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"holdfast/daemon/config"
	"holdfast/ipvs"
)

// How often the table is looked at when nothing asks for it.
const (
	tableSweep   = 5 * time.Second  // somebody else may have changed it; lvs_sweep_interval
	tableMissing = 30 * time.Second // ip_vs may be loaded later
	tableLimit   = 10 * time.Second // what waits for the table goes on
	lookLimit    = time.Minute      // one look: a hundred thousand servers on a slow machine take 15 s

	// sweepRest is how many times as long as it took a sweep is rested from: a
	// table of a hundred thousand servers must not keep a processor busy.
	sweepRest = 20
)

// keeper makes a dataplane carry what is wanted: it reads the table, applies
// the difference, and looks again after an error, after each wish and on a
// sweep. One goroutine, run's, talks to the plane.
type keeper struct {
	log   *slog.Logger
	plane ipvs.Kernel
	wants *mailbox[wish]

	table    ipvs.Table
	owned    map[ipvs.ServiceKey]bool // ours now or at some time since the start
	missing  bool                     // the kernel has no ip_vs, and the log says so
	lastErr  string
	timeouts *ipvs.Timeouts // the kernel's own, put back at stop
	asked    config.LVSTimeouts
	late     bool // the timeouts are still to be written
	settled  bool // the kernel carried the table when it was looked at last
	looked   int  // how often that was
	sync     syncFollower
	sweep    time.Duration
}

// wish is one change of what the keeper is to bring about. Zero parts stay as
// they are.
type wish struct {
	table    ipvs.Table // nil: as before
	part     ipvs.Table // services that are now wanted so, the others as before
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
	timer := time.NewTimer(k.sweep)
	defer timer.Stop()
	var took time.Duration // for the last sweep
	for {
		looked, every := k.looked, k.sweep
		select {
		case <-ctx.Done():
			return
		case <-k.wants.ready():
			for _, w := range k.wants.take() {
				k.fulfil(ctx, w)
			}
			if k.looked == looked && k.sweep == every {
				continue // many verdicts must not put the sweep off
			}
		case <-timer.C:
			began := time.Now()
			if k.late {
				k.setTimeouts(ctx)
			}
			k.reconcile(ctx)
			k.sync.reconcile(ctx, k)
			took = time.Since(began)
		}
		next := max(k.sweep, sweepRest*took)
		if k.missing {
			next = tableMissing
		}
		timer.Reset(next)
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
		k.settled = false
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
		k.reconcile(ctx)
	}
	if w.part != nil {
		k.change(ctx, w.part)
	}
	if w.daemons != nil {
		k.sync.wanted = *w.daemons
		k.sync.reconcile(ctx, k)
	}
}

// reconcile makes the kernel carry the table.
func (k *keeper) reconcile(ctx context.Context) {
	if len(k.owned) == 0 {
		return // nothing of ours: the kernel is not even asked for ip_vs
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	k.looked++
	ops, err := ipvs.Reconcile(ctx, k.plane, k.table, func(key ipvs.ServiceKey) bool { return k.owned[key] })
	for _, op := range ops {
		k.log.Debug(op.String())
	}
	k.report(err)
	k.settled = err == nil
	k.disown(ops, err)
}

// disown forgets the services that are ours no more, once they are deleted: if
// somebody makes one of them by hand, later, it is his. That another command
// of the same pass was refused is no reason to wait.
func (k *keeper) disown(ops []ipvs.Op, err error) {
	var deleted []ipvs.ServiceKey
	if refused, whole := refusals(err); whole {
		for _, op := range ops {
			if op.Verb == ipvs.DeleteService && !refused[op.Service.Key] {
				deleted = append(deleted, op.Service.Key)
			}
		}
	}
	for key := range k.owned {
		if _, wanted := k.table[key]; !wanted && (err == nil || slices.Contains(deleted, key)) {
			delete(k.owned, key)
		}
	}
}

// refusals are the services of which a deletion was refused. whole is whether
// err, of ipvs.Reconcile, tells no more than what was refused: all else was done.
func refusals(err error) (refused map[ipvs.ServiceKey]bool, whole bool) {
	refused = map[ipvs.ServiceKey]bool{}
	switch err := err.(type) {
	case nil:
	case *ipvs.OpError:
		if errors.Is(err, ipvs.ErrNoIPVS) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return nil, false // nothing behind it was tried
		}
		refused[err.Op.Service.Key] = err.Op.Verb == ipvs.DeleteService && !errors.Is(err, ipvs.ErrNoService)
	case interface{ Unwrap() []error }:
		for _, e := range err.Unwrap() {
			more, whole := refusals(e)
			if !whole {
				return nil, false
			}
			for key, is := range more {
				refused[key] = refused[key] || is
			}
		}
	default:
		return nil, false
	}
	return refused, true
}

// change brings some services up to date. The table is not read for it, which
// takes long when it is large: it was as wanted when it was looked at last. If
// somebody has changed it since, the kernel refuses a command, or the next sweep
// finds it.
func (k *keeper) change(ctx context.Context, part ipvs.Table) {
	before := ipvs.Table{}
	for key, pool := range part {
		if was, there := k.table[key]; there {
			before[key] = was
		}
		k.table[key], k.owned[key] = pool, true
	}
	if !k.settled {
		k.reconcile(ctx)
		return
	}
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	ops := ipvs.Diff(part, before, nil)
	for _, op := range ops {
		k.log.Debug(op.String())
	}
	if err := ipvs.ApplyAll(limited, k.plane, ops); err != nil {
		k.log.Debug(fmt.Sprintf("%v; the table is read", err))
		k.reconcile(ctx)
	}
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
	if k.asked == (config.LVSTimeouts{}) && k.timeouts == nil {
		k.late = false
		return // they are the kernel's own, which is not asked
	}
	err := k.writeTimeouts(ctx)
	k.report(err)
	k.late = err != nil
}

func (k *keeper) writeTimeouts(ctx context.Context) error {
	if k.asked == (config.LVSTimeouts{}) {
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
