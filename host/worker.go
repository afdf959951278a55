package host

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Limits of the worker.
const (
	SweepInterval  = 60 * time.Second // between looks at the host when nothing happens
	StormRepairs   = 5                // repairs within StormWindow that make a storm
	StormWindow    = 10 * time.Second
	StormPace      = time.Second // between repairs while a storm lasts
	FirstRetry     = time.Second // after a failed step; doubles up to SweepInterval
	watchRetry     = time.Second // after the watch broke off
	wantQueueSlots = 1           // only the newest wish matters
)

// Cause says why the worker looked at the host.
type Cause string

const (
	Wanted  Cause = "wanted"  // a new wish
	Drifted Cause = "drifted" // somebody changed what is ours
	Swept   Cause = "swept"   // the periodic look
	Retried Cause = "retried" // after a failure
)

// Event is what the worker tells: one of the types below.
type Event interface{ event() }

// Reconciled is the outcome of one look at the host. After a wish it always
// comes, carrying the wish's Seq; otherwise only when something was done or
// the error is new.
type Reconciled struct {
	Seq     uint64
	Cause   Cause
	Done    []Op
	Repairs []Op  // those of Done that put back what others removed
	Waiting []Op  // wanted on links that do not exist
	Err     error // nil: the host is as wanted, apart from Waiting and Sysctls
	Sysctls error // those that could not be set or written down: virtual routers work without
	State   State // as read, before Done
}

// Observed passes on a change of the host, ours included.
type Observed struct{ Change Change }

// RepairStorm says once that somebody keeps undoing our work: at least
// StormRepairs repairs within StormWindow. Repairs go on, one each StormPace.
type RepairStorm struct {
	Repairs int
	Last    []Op // what had to be repaired last
}

// WatchLost says that changes are not seen any more. The worker subscribes
// again and looks at the whole host then.
type WatchLost struct{ Err error }

func (Reconciled) event()  {}
func (Observed) event()    {}
func (RepairStorm) event() {}
func (WatchLost) event()   {}

// Worker keeps one host as it is wanted. All its state belongs to the
// goroutine in Run.
type Worker struct {
	kernel Kernel
	notify func(Event)
	want   chan Desired

	desired Desired
	asked   bool                // a wish has come
	mine    map[AddressKey]bool // addresses we added: ours even on kernels that keep no mark
	saved   map[string]Saved    // sysctls as they were before us
	journal Journal             // keeps saved; nil: nobody does
	lastErr string              // of the last look, "" for none: the same one is not told again
	deaf    string              // why changes are not seen; "" while they are
	retry   time.Duration
	repairs []time.Time
	storm   bool

	sweepAt, retryAt, repairAt, watchAt time.Time // zero: not due
}

// NewWorker makes a worker. notify is called from Run's goroutine and must not
// wait for it.
func NewWorker(k Kernel, notify func(Event)) *Worker {
	return &Worker{kernel: k, notify: notify, want: make(chan Desired, wantQueueSlots), mine: map[AddressKey]bool{}, saved: map[string]Saved{}}
}

// Remember lets j keep what sysctls were, and takes over what a predecessor
// left in it. It comes before Run.
func (w *Worker) Remember(j Journal) error {
	saved, err := j.Load()
	maps.Copy(w.saved, saved)
	w.journal = j
	return err
}

// Want asks for d. It never waits; a wish that was not begun yet is replaced.
// The caller does not change d any more.
func (w *Worker) Want(d Desired) {
	for {
		select {
		case w.want <- d:
			return
		default:
		}
		select { // take the older wish out; the worker may have been faster
		case <-w.want:
		default:
		}
	}
}

// Run works until ctx ends. What is on the host then stays there: to take it
// away, ask for an empty wish and wait for its Reconciled first.
func (w *Worker) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	changes := w.watch(ctx)
	defer func() {
		cancel()
		if changes != nil {
			for range changes { // until the watch has ended too
			}
		}
	}()
	timer := time.NewTimer(SweepInterval)
	defer timer.Stop()
	w.sweepAt = time.Now().Add(SweepInterval)
	for {
		timer.Reset(w.sleep())
		select {
		case <-ctx.Done():
			return
		case d := <-w.want:
			w.desired, w.asked, w.retry = d, true, 0
			w.reconcile(ctx, Wanted)
		case c, ok := <-changes:
			if !ok {
				changes = nil
				w.lostWatch(errors.New("subscription ended"))
				continue
			}
			w.observe(c)
		case <-timer.C:
			if !w.watchAt.IsZero() && changes == nil && !time.Now().Before(w.watchAt) {
				changes = w.watch(ctx)
			}
			w.due(ctx)
		}
	}
}

func (w *Worker) watch(ctx context.Context) <-chan Change {
	w.watchAt = time.Time{}
	changes, err := w.kernel.Watch(ctx)
	if err != nil {
		w.lostWatch(err)
		return nil
	}
	w.deaf = ""
	if w.asked { // whatever happened meanwhile
		w.repairAt = w.notBefore()
	}
	return changes
}

// lostWatch tells once why changes are not seen, and tries again each watchRetry.
func (w *Worker) lostWatch(err error) {
	if text := err.Error(); text != w.deaf {
		w.deaf = text
		w.notify(WatchLost{err})
	}
	w.watchAt = time.Now().Add(watchRetry)
}

// sleep is the time until the next thing is due.
func (w *Worker) sleep() time.Duration {
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
	case passed(w.repairAt):
		w.reconcile(ctx, Drifted)
	case passed(w.retryAt):
		w.reconcile(ctx, Retried)
	case passed(w.sweepAt):
		w.reconcile(ctx, Swept)
	}
}

// observe passes c on and notes that a repair is due. The repair itself waits
// until no more changes are at hand: a flush of a hundred addresses is one.
func (w *Worker) observe(c Change) {
	w.notify(Observed{c})
	if w.asked && w.repairAt.IsZero() && w.concerns(c) {
		w.repairAt = w.notBefore()
	}
}

func (w *Worker) notBefore() time.Time {
	now := time.Now()
	if n := len(w.repairs); w.storm && n > 0 {
		if next := w.repairs[n-1].Add(StormPace); next.After(now) {
			return next
		}
	}
	return now
}

// concerns reports whether c can have made the host other than wanted.
func (w *Worker) concerns(c Change) bool {
	switch c.Kind {
	case Resync, LinkAdded, LinkRenamed, LinkUp:
		return true
	case LinkDeleted, LinkDown, LinkChanged:
		_, wanted := w.desired.Links[c.Link.Name]
		return wanted
	case AddressRemoved:
		_, wanted := w.desired.Addresses[c.Address.Key()]
		return wanted
	case AddressAdded:
		_, wanted := w.desired.Addresses[c.Address.Key()]
		return !wanted && (c.Address.Ours || w.desired.Leftovers[c.Address.Key()])
	case RouteRemoved:
		_, wanted := w.desired.Routes[c.Route.Key()]
		return wanted || c.Route.Ours
	case RuleRemoved:
		_, wanted := w.desired.Rules[c.Rule.Key()]
		return wanted
	}
	return false
}

func (w *Worker) reconcile(ctx context.Context, cause Cause) {
	w.sweepAt, w.retryAt, w.repairAt = time.Now().Add(SweepInterval), time.Time{}, time.Time{}
	if !w.asked {
		return
	}
	wish := w.desired
	wish.Leftovers, wish.Restore = w.leftovers(), w.saved
	var unsaved error
	got := reconcileHost(ctx, w.kernel, wish, func(ops []Op) {
		if remembered(w.saved, ops, wish.Links) {
			unsaved = errors.Join(unsaved, w.writeDown())
		}
	})
	if ctx.Err() != nil {
		return
	}
	state, done, err := got.state, got.done, got.err
	if forgotten(w.saved, wish.allSysctls(state), state.Sysctls) {
		unsaved = errors.Join(unsaved, w.writeDown())
	}
	soft := errors.Join(got.sysctls, unsaved)
	repairs := w.remember(done, state)
	if cause == Drifted || cause == Swept {
		repairs = done
	}
	w.scheduleRetry(errors.Join(err, got.sysctls))
	text := ""
	if all := errors.Join(err, soft); all != nil {
		text = all.Error()
	}
	if cause == Wanted || len(done) > 0 || text != w.lastErr {
		out := Reconciled{Seq: wish.Seq, Cause: cause, Done: done, Repairs: repairs, Err: err, State: state}
		if text != w.lastErr {
			out.Sysctls = soft
		}
		if len(state.Links) > 0 { // it could be read
			out.Waiting = Waiting(wish, state)
		}
		w.notify(out)
	}
	w.lastErr = text
	if len(repairs) > 0 {
		w.countRepair(repairs)
	}
}

// writeDown keeps saved for a successor.
func (w *Worker) writeDown() error {
	if w.journal == nil {
		return nil
	}
	return w.journal.Save(w.saved)
}

// leftovers adds what we put there ourselves: a reload may drop an address
// from the configuration, and the kernel may not keep our mark.
func (w *Worker) leftovers() map[AddressKey]bool {
	all := make(map[AddressKey]bool, len(w.desired.Leftovers)+len(w.mine))
	for k := range w.desired.Leftovers {
		all[k] = true
	}
	for k := range w.mine {
		all[k] = true
	}
	return all
}

// remember keeps mine up to date. What is not wanted and not there any more, gone
// with its link or taken away by somebody, is forgotten: should it come back,
// it is somebody else's. It returns what was added although it should have been
// there: a wish can come before the news that somebody removed it.
func (w *Worker) remember(done []Op, state State) (repairs []Op) {
	for _, op := range done {
		switch {
		case op.Address == nil:
		case op.Verb == Add:
			if w.mine[op.Address.Key()] {
				repairs = append(repairs, op)
			}
			w.mine[op.Address.Key()] = true
		default:
			delete(w.mine, op.Address.Key())
		}
	}
	if len(state.Links) == 0 {
		return repairs // it could not be read
	}
	maps.DeleteFunc(w.mine, func(k AddressKey, _ bool) bool {
		_, wanted := w.desired.Addresses[k]
		_, there := state.Addresses[k]
		return !wanted && !there
	})
	return repairs
}

func (w *Worker) scheduleRetry(err error) {
	if err == nil {
		w.retry = 0
		return
	}
	w.retry = min(max(FirstRetry, 2*w.retry), SweepInterval)
	w.retryAt = time.Now().Add(w.retry)
}

// countRepair notices somebody who undoes our work again and again.
func (w *Worker) countRepair(done []Op) {
	now := time.Now()
	w.repairs = slices.DeleteFunc(w.repairs, func(at time.Time) bool { return now.Sub(at) > StormWindow })
	w.repairs = append(w.repairs, now)
	switch n := len(w.repairs); {
	case n >= StormRepairs && !w.storm:
		w.storm = true
		w.notify(RepairStorm{Repairs: n, Last: done})
	case n == 1: // quiet for a whole window before this one
		w.storm = false
	}
}
