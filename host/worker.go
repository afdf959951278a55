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
	StormRepairs   = 5                // repairs of one object within StormWindow that make a storm
	StormWindow    = 10 * time.Second // also: how long a link is given to settle, see flapped
	StormPace      = time.Second      // between repairs of an object while its storm lasts
	FirstRetry     = time.Second      // after a failed step; doubles up to SweepInterval
	watchRetry     = time.Second      // after the watch broke off
	wantQueueSlots = 1                // only the newest wish matters
)

// Cause says why the worker looked at the host.
type Cause string

const (
	Wanted  Cause = "wanted"  // a new wish
	Drifted Cause = "drifted" // somebody changed what is ours
	Swept   Cause = "swept"   // the periodic look
	Retried Cause = "retried" // after a failure
	Expired Cause = "expired" // lifetimes ran out while nobody renewed them
	Renewed Cause = "renewed" // lifetimes could not be renewed
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
	Repairs []Op  // those of Done that put back what others removed, or what expired
	Waiting []Op  // wanted on links that do not exist
	Err     error // nil: the host is as wanted, apart from Waiting and Sysctls
	Sysctls error // those that could not be set or written down: virtual routers work without
	State   State // as read, before Done
}

// Observed passes on a change of the host, ours included.
type Observed struct{ Change Change }

// RepairStorm says once that somebody keeps removing an object: at least
// StormRepairs repairs within StormWindow. Repairs go on, one each StormPace.
type RepairStorm struct {
	Repairs int
	Of      Op // that puts it back
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
	beats  chan struct{}

	desired Desired
	asked   bool                // a wish has come
	mine    map[AddressKey]bool // addresses we added: ours even on kernels that keep no mark
	saved   map[string]Saved    // sysctls as they were before us
	journal Journal             // keeps saved; nil: nobody does
	lastErr string              // of the last look, "" for none: the same one is not told again
	deaf    string              // why changes are not seen; "" while they are
	retry   time.Duration
	removed removals
	flaps   map[string]time.Time // links that went down or came, and when

	limited  map[AddressKey]Address // ours that end by themselves: to be renewed
	shortest uint32                 // of the lifetimes that are wanted, in seconds; 0: none
	beat     time.Time              // last sign of life of whoever wants them
	expired  bool                   // it had been silent for longer than addresses last
	held     bool                   // something was not put back because of that

	sweepAt, retryAt, repairAt, watchAt time.Time // zero: not due
}

// NewWorker makes a worker. notify is called from Run's goroutine and must not
// wait for it.
func NewWorker(k Kernel, notify func(Event)) *Worker {
	return &Worker{kernel: k, notify: notify, want: make(chan Desired, wantQueueSlots), beats: make(chan struct{}, 1),
		mine: map[AddressKey]bool{}, saved: map[string]Saved{}, removed: removals{}, flaps: map[string]time.Time{}, limited: map[AddressKey]Address{}}
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

// Beat is a sign of life of whoever wants what is wanted. It renews the lifetimes
// of addresses that have one; without it those end, and are not put back. It
// never waits.
func (w *Worker) Beat() {
	select {
	case w.beats <- struct{}{}:
	default:
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
			w.alive()
			w.shortest = d.shortestLife()
			w.reconcile(ctx, Wanted)
		case <-w.beats:
			w.alive()
			w.renew(ctx)
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
		w.repairAt = time.Now()
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
	case passed(w.repairAt) && w.expired:
		w.reconcile(ctx, Expired)
		w.renew(ctx)
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
	switch c.Kind {
	case LinkUp, LinkDown, LinkAdded, LinkDeleted, LinkRenamed:
		w.flaps[c.Link.Name] = time.Now()
	case AddressRemoved:
		delete(w.limited, c.Address.Key()) // to renew it would put it back
	case AddressAdded:
		if _, ours := w.limited[c.Address.Key()]; ours {
			return // renewed: no news
		}
	}
	w.notify(Observed{c})
	if w.asked && w.concerns(c) {
		w.repairAt = w.earlier(w.repairAt, w.removed.notBefore(time.Now(), w.lost(c)))
	}
}

// earlier is the first of two times of which the first may be none.
func (w *Worker) earlier(at, other time.Time) time.Time {
	if at.IsZero() || other.Before(at) {
		return other
	}
	return at
}

// lost is what would put back what c took away.
func (w *Worker) lost(c Change) Op {
	switch c.Kind {
	case AddressRemoved:
		a := w.desired.Addresses[c.Address.Key()]
		return Op{Verb: Add, Address: &a}
	case RouteRemoved:
		r := w.desired.Routes[c.Route.Key()]
		return Op{Verb: Add, Route: &r}
	case RuleRemoved:
		r := w.desired.Rules[c.Rule.Key()]
		return Op{Verb: Add, Rule: &r}
	}
	return Op{Verb: Add, Address: &Address{}}
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
	case RouteAdded:
		return !c.Route.Ours && w.displaces(c.Route)
	case RuleRemoved:
		_, wanted := w.desired.Rules[c.Rule.Key()]
		return wanted
	}
	return false
}

// displaces reports whether r may have taken the place of a route of ours: of one
// that "ip route replace" has replaced nothing else is said.
func (w *Worker) displaces(r Route) bool {
	for _, want := range w.desired.Routes {
		if want.Dst.Masked() == r.Dst.Masked() && want.Metric == r.Metric && want.TOS == r.TOS {
			return true
		}
	}
	return false
}

func (w *Worker) reconcile(ctx context.Context, cause Cause) {
	w.sweepAt, w.retryAt, w.repairAt = time.Now().Add(SweepInterval), time.Time{}, time.Time{}
	if !w.asked {
		return
	}
	now := time.Now()
	wish := w.desired
	wish.Leftovers, wish.Restore = w.leftovers(), w.saved
	w.held = false
	if cause != Wanted {
		wish.hold = func(op Op) bool { return w.mustWait(now, op) }
	}
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
	if cause == Drifted || cause == Swept || cause == Expired {
		repairs = additions(done)
	}
	w.expired = w.expired && w.held
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
	if cause != Expired {
		w.countRepairs(repairs)
	}
}

// additions are what of ops puts something on the host, or sets it right.
func additions(ops []Op) []Op {
	return slices.DeleteFunc(slices.Clone(ops), func(op Op) bool { return op.Verb == Del || op.Verb == Set && op.Address != nil })
}

// mustWait reports whether op is not to be done now: an object that somebody
// keeps removing has its pace, and addresses that are to end with whoever wants
// them are not put back while that one is silent.
func (w *Worker) mustWait(now time.Time, op Op) bool {
	if op.Verb != Add {
		return false
	}
	if a := op.Address; a != nil && a.ValidLft != 0 && now.Sub(w.beat) >= silence(a.ValidLft) {
		w.held = true
		return true
	}
	next := w.removed.notBefore(now, op)
	if !next.After(now) {
		return false
	}
	w.repairAt = w.earlier(w.repairAt, next)
	return true
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
		case op.Address == nil, op.Verb == Set:
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
	w.rememberLimited(state, done)
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

// countRepairs notices somebody who undoes our work again and again. What went
// with a link is nobody's doing.
func (w *Worker) countRepairs(repairs []Op) {
	now := time.Now()
	maps.DeleteFunc(w.flaps, func(_ string, at time.Time) bool { return now.Sub(at) > StormWindow })
	repairs = slices.DeleteFunc(slices.Clone(repairs), func(op Op) bool { return w.flapped(op) })
	for _, storm := range w.removed.count(now, repairs) {
		w.notify(storm)
	}
}

// flapped reports whether a link of op's object has gone or come lately.
func (w *Worker) flapped(op Op) bool {
	for link := range w.flaps {
		switch {
		case op.Address != nil && op.Address.Link == link:
			return true
		case op.Route != nil && slices.Contains(op.Route.Links(), link):
			return true
		case op.Verb == Set: // of a link or a sysctl: it comes back with the link
			return true
		}
	}
	return op.Route != nil && len(op.Route.Links()) == 0 && len(w.flaps) > 0 // its way is the kernel's choice
}
