package checkers

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"time"
)

// DefaultLimit is how many probes run at once; others wait for their turn. It is
// high enough for 20,000 checks each 3s of which a quarter finds nobody who answers.
const DefaultLimit = 8192

// together is how much earlier than its time a check is asked when the pool is awake
// for another: hundreds a second would each cost the processor a sleep and a wake-up
// of their own. Their rhythm stays, since what comes too early is added to the next wait.
const together = 10 * time.Millisecond

// watchEvery is the time between looks for probes that do not come back.
const watchEvery = time.Second

// Started tells the state in which a checker begins, before any result.
type Started struct{ Up bool }

// Stopped tells that a checker is gone; its last state no longer counts.
type Stopped struct{}

// Overdue tells that a probe wanted at Since has no result yet, long after the
// time in which it must have one. It is a fault of this host or of ours. Text is
// the line for the log.
type Overdue struct {
	Since time.Time
	Text  string
}

func (Started) isAction() {}
func (Stopped) isAction() {}
func (Overdue) isAction() {}

// Report is something that happened to one checker: Started, Stopped, Overdue,
// VerdictChanged or Log.
type Report struct {
	ID     uint64 // of the checker, as long as it exists
	Spec   Spec
	At     time.Time
	Action Action
}

// Status is what the pool knows of one checker.
type Status struct {
	ID   uint64
	Spec Spec
	ScheduleSnapshot
}

// Pool runs checkers. One goroutine, that of Run, owns all schedules; each
// probe has a goroutine of its own, at most Limit at a time. Checkers that ask
// the same at the same time share one probe.
type Pool struct {
	// Emit receives reports in the order in which they happen. It is called
	// by the goroutine of Run and must not call the pool.
	Emit func(Report)
	// Random answers a duration from 0 to max; nil: uniformly distributed.
	Random func(max time.Duration) time.Duration
	// Limit of probes at once; 0: DefaultLimit.
	Limit int

	inbox   chan func(*Pool)
	results chan result
	done    chan struct{}

	nextID    uint64
	entries   []*entry
	asleep    map[string]bool // owners that are suspended
	timers    timers
	questions map[Target][]*question
	waiting   []*flight // beyond Limit, first come first served
	running   map[*flight]bool
	watchAt   time.Time
	out       []Action // of one step
	ctx       context.Context
}

type entry struct {
	id       uint64
	spec     Spec
	schedule *Schedule
	question *question
	index    int           // in timers; -1: not there
	early    time.Duration // how much too early the probe was asked for that is out
}

type result struct {
	flight  *flight
	verdict Verdict
	stack   []byte // of a panic
}

// NewPool makes a pool that does nothing until Run.
func NewPool(emit func(Report)) *Pool {
	return &Pool{Emit: emit, inbox: make(chan func(*Pool)), results: make(chan result),
		done: make(chan struct{}), asleep: map[string]bool{},
		questions: map[Target][]*question{}, running: map[*flight]bool{}}
}

// Run checks specs until ctx ends, then waits for all probes to return. It is
// called once. First failures of these checkers are final, as at the start of
// the daemon.
func (p *Pool) Run(ctx context.Context, specs []Spec) {
	defer close(p.done)
	probes, stop := context.WithCancel(ctx)
	defer stop()
	p.ctx = probes
	p.reconcile(time.Now(), specs, true)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		p.tick(time.Now())
		timer.Reset(p.untilNext(time.Now()))
		select {
		case <-ctx.Done():
			p.drain()
			return
		case do := <-p.inbox:
			do(p)
		case r := <-p.results:
			p.finished(r)
		case <-timer.C:
		}
	}
}

// drain waits for probes that were told to stop.
func (p *Pool) drain() {
	for len(p.running) > 0 {
		r := <-p.results
		delete(p.running, r.flight)
	}
}

// call runs do in the goroutine of Run and waits for it.
func (p *Pool) call(ctx context.Context, do func(*Pool)) error {
	ready := make(chan struct{})
	select {
	case p.inbox <- func(p *Pool) { do(p); close(ready) }:
		<-ready
		return nil
	case <-p.done:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Reconfigure replaces the set of checkers. One that still asks the same
// question of the same server keeps its state, its history and its phase.
func (p *Pool) Reconfigure(ctx context.Context, specs []Spec) error {
	return p.call(ctx, func(p *Pool) { p.reconcile(time.Now(), specs, false) })
}

// Suspend stops (ha_suspend) or resumes the checkers of one owner, also those
// that it will get later.
func (p *Pool) Suspend(ctx context.Context, owner string, suspend bool) error {
	return p.call(ctx, func(p *Pool) {
		if p.asleep[owner] = suspend; !suspend {
			delete(p.asleep, owner)
		}
		for _, e := range p.entries {
			if e.spec.Owner != owner {
				continue
			}
			if suspend {
				p.step(time.Now(), e, Suspended{})
			} else {
				p.step(time.Now(), e, Resumed{})
			}
		}
	})
}

// Status lists all checkers in the order of the configuration.
func (p *Pool) Status(ctx context.Context) ([]Status, error) {
	var out []Status
	err := p.call(ctx, func(p *Pool) {
		for _, e := range p.entries {
			out = append(out, Status{ID: e.id, Spec: e.spec, ScheduleSnapshot: e.schedule.Snapshot()})
		}
	})
	return out, err
}

// reconcile makes the entries match specs.
func (p *Pool) reconcile(now time.Time, specs []Spec, start bool) {
	old := map[string][]*entry{}
	for _, e := range p.entries {
		old[e.spec.Owner] = append(old[e.spec.Owner], e)
	}
	var kept []*entry
	used := map[*entry]bool{}
	for _, s := range specs {
		if e := match(old[s.Owner], s, used); e != nil {
			used[e] = true
			e.spec = s
			p.step(now, e, Reconfigured{s.params()})
			kept = append(kept, e)
			continue
		}
		kept = append(kept, p.add(now, s, old[s.Owner], start))
	}
	for _, e := range p.entries {
		if !used[e] {
			p.remove(now, e)
		}
	}
	p.entries = kept
}

// match finds the checker that asks the same question already. Equal ones are
// matched one to one.
func match(old []*entry, s Spec, used map[*entry]bool) *entry {
	for _, e := range old {
		if !used[e] && e.spec.Same(s) {
			return e
		}
	}
	return nil
}

// add starts a checker. siblings are those its real server had so far: on a
// server that is new at a reload failures are counted as usual; on a known one
// the first failure is final; an alpha checker joins a good server as good.
func (p *Pool) add(now time.Time, s Spec, siblings []*entry, start bool) *entry {
	p.nextID++
	e := &entry{id: p.nextID, spec: s, schedule: NewSchedule(s.params()), question: p.questionOf(&s), index: -1}
	known := len(siblings) > 0
	delay, together := e.question.inPhase(now, s.Timing)
	if !together {
		delay = p.random(s.Timing.Warmup)
	}
	e.question.askers = append(e.question.askers, e)
	ev := Start{Random: delay, Patient: !start && !known, StartUp: known && allUp(siblings)}
	p.step(now, e, ev)
	if p.asleep[s.Owner] {
		p.step(now, e, Suspended{})
	}
	p.emit(now, e, Started{Up: e.schedule.Up()})
	return e
}

func allUp(list []*entry) bool {
	for _, e := range list {
		if !e.schedule.Up() {
			return false
		}
	}
	return true
}

// random is the random part of warmup: probes of one delay_loop do not all go out
// at once.
func (p *Pool) random(limit time.Duration) time.Duration {
	switch {
	case limit <= 0:
		return 0
	case p.Random != nil:
		return p.Random(limit)
	}
	return rand.N(limit)
}

// remove forgets a checker. A probe that is still out is told to stop; its result
// is thrown away when it comes.
func (p *Pool) remove(now time.Time, e *entry) {
	p.forget(e)
	if e.index >= 0 {
		heap.Remove(&p.timers, e.index)
	}
	p.emit(now, e, Stopped{})
}

func (p *Pool) emit(now time.Time, e *entry, a Action) {
	if p.Emit != nil {
		p.Emit(Report{ID: e.id, Spec: e.spec, At: now, Action: a})
	}
}

// step feeds one event to e, does what it asks for, and files its deadline. A schedule
// whose probe was asked too early is told the time at which all would have happened.
func (p *Pool) step(now time.Time, e *entry, ev Event) {
	p.out = e.schedule.Step(now.Add(e.early), ev, p.out[:0])
	for _, a := range p.out {
		if probe, ok := a.(Probe); ok {
			p.ask(now, e, probe.Step)
			continue
		}
		p.emit(now, e, a)
	}
	p.file(e)
}

// file puts e where its deadline belongs among the timers.
func (p *Pool) file(e *entry) {
	switch at := e.schedule.Deadline(); {
	case at.IsZero() && e.index >= 0:
		heap.Remove(&p.timers, e.index)
	case at.IsZero():
	case e.index >= 0:
		heap.Fix(&p.timers, e.index)
	default:
		heap.Push(&p.timers, e)
	}
}

// tick steps everything that is due and starts what may run.
func (p *Pool) tick(now time.Time) {
	for len(p.timers) > 0 {
		e := p.timers[0]
		early := e.schedule.Deadline().Sub(now)
		if early > together {
			break
		}
		e.early = max(0, early)
		if loop := e.spec.Timing.DelayLoop; loop > 0 && -early > loop {
			e.early = loop + early%loop // we stood still: the phase is kept, or all would be due together from now on
		}
		p.step(now, e, Tick{})
	}
	p.launchAll()
	p.watch(now)
}

// untilNext is how long Run may sleep.
func (p *Pool) untilNext(now time.Time) time.Duration {
	wait := time.Hour // nothing to do: any long time
	if len(p.running)+len(p.waiting) > 0 {
		wait = p.watchAt.Sub(now)
	}
	if len(p.timers) > 0 {
		wait = min(wait, p.timers[0].schedule.Deadline().Sub(now))
	}
	return max(0, wait)
}

// timers is a heap of entries by deadline; of equal ones the older first.
type timers []*entry

func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	a, b := t[i].schedule.Deadline(), t[j].schedule.Deadline()
	if a.Equal(b) {
		return t[i].id < t[j].id
	}
	return a.Before(b)
}

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push and Pop implement heap.Interface.
func (t *timers) Push(x any) {
	e := x.(*entry)
	e.index = len(*t)
	*t = append(*t, e)
}

func (t *timers) Pop() any {
	old := *t
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	e.index = -1
	return e
}
