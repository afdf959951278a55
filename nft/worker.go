package nft

import (
	"context"
	"slices"
	"time"
)

// Limits of the worker.
const (
	SweepInterval = 60 * time.Second // between looks at the tables when nothing happens
	RepairPace    = time.Second      // between repairs: somebody may undo our work for ever
	FirstRetry    = time.Second      // after a failure; doubles up to SweepInterval
	watchRetry    = time.Second      // after the watch broke off
)

// Cause says why the worker looked at the tables.
type Cause string

// The causes.
const (
	Wanted  Cause = "wanted"  // a new wish
	Drifted Cause = "drifted" // somebody changed a table
	Swept   Cause = "swept"   // the periodic look
	Retried Cause = "retried" // after a failure
)

// Reconciled is the outcome of one look. After a wish it always comes, with the
// wish's Seq; otherwise only when something was done or the error is new.
type Reconciled struct {
	Seq      uint64
	Cause    Cause
	Done     []Op
	Repaired bool // Done puts back what others changed
	Err      error
}

// Worker keeps the tables of one owner as they are wanted. All its state
// belongs to the goroutine in Run.
type Worker struct {
	kernel Kernel
	notify func(Reconciled)
	want   chan Wish

	wish    Wish
	asked   bool  // a wish has come
	made    []Key // tables that were wanted once: ours until they are gone
	lastErr string
	retry   time.Duration

	sweepAt, retryAt, repairAt, watchAt time.Time // zero: not due
	repaired                            time.Time // when others were last undone
}

// NewWorker makes a worker. notify is called from Run's goroutine and must not
// wait for it.
func NewWorker(k Kernel, notify func(Reconciled)) *Worker {
	return &Worker{kernel: k, notify: notify, want: make(chan Wish, 1)}
}

// Want asks for w. It never waits; a wish that was not begun yet is replaced.
// The caller does not change w any more.
func (w *Worker) Want(wish Wish) {
	for {
		select {
		case w.want <- wish:
			return
		default:
		}
		select { // take the older wish out; the worker may have been faster
		case <-w.want:
		default:
		}
	}
}

// Run works until ctx ends. The tables then stay as they are: to take them
// away, ask for an empty wish and wait for its Reconciled first.
func (w *Worker) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var changes <-chan Change
	defer func() {
		cancel()
		if changes != nil {
			for range changes { // until the watch has ended too
			}
		}
	}()
	timer := time.NewTimer(SweepInterval)
	defer timer.Stop()
	for {
		switch {
		case len(w.wish.Tables) == 0: // nobody can take anything away
			w.watchAt = time.Time{}
		case changes == nil && !time.Now().Before(w.watchAt):
			changes = w.watch(ctx)
		}
		timer.Reset(w.sleep())
		select {
		case <-ctx.Done():
			return
		case wish := <-w.want:
			w.wish, w.asked, w.retry = wish, true, 0
			w.reconcile(ctx, Wanted)
		case c, ok := <-changes:
			switch {
			case !ok:
				changes, w.watchAt = nil, time.Now().Add(watchRetry)
			case w.repairAt.IsZero() && (c.Lost || slices.Contains(w.wish.Keys(), c.Table)):
				// Our own changes come this way too: one look finds nothing.
				w.repairAt = later(time.Now(), w.repaired.Add(RepairPace))
			}
		case <-timer.C:
			w.due(ctx)
		}
	}
}

// watch subscribes; without it the sweep notices what others do. Whatever
// happened before it began is looked for.
func (w *Worker) watch(ctx context.Context) <-chan Change {
	changes, err := w.kernel.Watch(ctx)
	if err != nil {
		w.watchAt = time.Now().Add(watchRetry)
		return nil
	}
	w.watchAt = time.Time{}
	w.repairAt = time.Now()
	return changes
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sleep is the time until the next thing is due.
func (w *Worker) sleep() time.Duration {
	if !w.asked {
		return SweepInterval
	}
	first := w.sweepAt
	for _, at := range []time.Time{w.retryAt, w.repairAt, w.watchAt} {
		if !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	return max(0, time.Until(first))
}

// due does what the timer was set for. All reasons are served by one look.
func (w *Worker) due(ctx context.Context) {
	now := time.Now()
	passed := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	switch {
	case !w.asked:
	case passed(w.repairAt):
		w.reconcile(ctx, Drifted)
	case passed(w.retryAt):
		w.reconcile(ctx, Retried)
	case passed(w.sweepAt):
		w.reconcile(ctx, Swept)
	}
}

func (w *Worker) reconcile(ctx context.Context, cause Cause) {
	now := time.Now()
	w.sweepAt, w.retryAt, w.repairAt = now.Add(SweepInterval), time.Time{}, time.Time{}
	wish := w.wish
	wish.Ours = slices.Concat(wish.Ours, w.made)
	done, err := Reconcile(ctx, w.kernel, wish)
	if ctx.Err() != nil {
		return
	}
	out := Reconciled{Seq: wish.Seq, Cause: cause, Done: done, Err: err}
	if out.Repaired = len(done) > 0 && (cause == Drifted || cause == Swept); out.Repaired {
		w.repaired = now
	}
	w.remember(err)
	text := ""
	if err != nil {
		text = err.Error()
		w.retry = min(max(FirstRetry, 2*w.retry), SweepInterval)
		w.retryAt = now.Add(w.retry)
	} else {
		w.retry = 0
	}
	if cause == Wanted || len(done) > 0 || text != w.lastErr {
		w.notify(out)
	}
	w.lastErr = text
}

// remember keeps made up to date: what was asked for may be there even after a
// failure, what is not wanted is gone after a success.
func (w *Worker) remember(err error) {
	if err == nil {
		w.made = nil
	}
	for i := range w.wish.Tables {
		if k := w.wish.Tables[i].Key; !slices.Contains(w.made, k) {
			w.made = append(w.made, k)
		}
	}
}
