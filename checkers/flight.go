package checkers

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"time"
)

// A question is what one or more checkers ask: the same kind, asked in the same
// words of the same target, whichever real server of whichever virtual server
// they belong to. Its probes run once for all who want the answer at that moment.
type question struct {
	keyword string
	config  Config
	target  Target
	total   time.Duration
	probes  []Checker
	askers  []*entry
	flights map[int]*flight // by step
	panics  bool            // the last probe did, and the log says so
}

// flight is one probe that waits for its turn or runs.
type flight struct {
	q       *question
	step    int
	asked   time.Time // when it was wanted
	began   time.Time // zero: waits for its turn
	waiters []*entry
	cancel  context.CancelFunc
	late    bool // more than patience has passed, and it was said
}

// overdueIntervals is after how many delay_loops, or times that a whole probe may
// last if that is longer, a checker without a result is an alarm.
const overdueIntervals = 3

// patience is how long an answer may take before something must be wrong with us.
func (f *flight) patience() time.Duration {
	interval := f.q.total
	for _, e := range f.waiters {
		interval = max(interval, e.spec.Timing.DelayLoop)
	}
	return overdueIntervals * interval
}

// questionOf finds or makes the question that a checker asks.
func (p *Pool) questionOf(s *Spec) *question {
	for _, q := range p.questions[s.Target] {
		if q.keyword == s.Kind.Keyword && q.total == s.Total && reflect.DeepEqual(q.config, s.Config) {
			return q
		}
	}
	q := &question{keyword: s.Kind.Keyword, config: s.Config, target: s.Target, total: s.Total,
		probes: s.Kind.New(s.Config, s.Target), flights: map[int]*flight{}}
	p.questions[s.Target] = append(p.questions[s.Target], q)
	return q
}

// forget takes an asker away; a question that nobody asks any more goes, and
// what is out for it is told to stop.
func (p *Pool) forget(e *entry) {
	q := e.question
	q.askers = without(q.askers, e)
	for _, f := range q.flights {
		if f.waiters = without(f.waiters, e); len(f.waiters) == 0 && f.cancel != nil {
			f.cancel()
			f.land() // nobody is to get an answer that was cut short
		}
	}
	if len(q.askers) > 0 {
		return
	}
	rest := without(p.questions[q.target], q)
	if p.questions[q.target] = rest; len(rest) == 0 {
		delete(p.questions, q.target)
	}
}

func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(list, func(y T) bool { return y == x })
}

// inPhase is the random delay that makes a new checker ask together with one
// that asks the same already, if warmup allows it.
func (q *question) inPhase(now time.Time, t Timing) (time.Duration, bool) {
	for _, e := range q.askers {
		at := e.schedule.Deadline()
		if e.spec.Timing.DelayLoop != t.DelayLoop || at.IsZero() {
			continue
		}
		wait := at.Sub(now.Add(firstDelay))
		for wait < 0 {
			wait += t.DelayLoop
		}
		return wait, wait <= t.Warmup
	}
	return 0, false
}

// ask puts a checker's probe among those that wait for their turn, or joins it to
// the same one that is on its way already: also to one that hangs, so that not
// more and more of them do.
func (p *Pool) ask(now time.Time, e *entry, step int) {
	q := e.question
	if f := q.flights[step]; f != nil {
		if len(f.waiters) == 0 {
			f.asked, f.late = now, false
		}
		f.waiters = append(f.waiters, e)
		return
	}
	f := &flight{q: q, step: step, asked: now, waiters: []*entry{e}}
	q.flights[step] = f
	p.waiting = append(p.waiting, f)
}

// land takes a flight out of those that can be joined.
func (f *flight) land() {
	if f.q.flights[f.step] == f {
		delete(f.q.flights, f.step)
	}
}

// launchAll starts what may run.
func (p *Pool) launchAll() {
	limit := p.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	for len(p.waiting) > 0 && len(p.running) < limit {
		f := p.waiting[0]
		p.waiting[0] = nil
		if p.waiting = p.waiting[1:]; len(f.waiters) == 0 {
			f.land()
			continue
		}
		p.launch(f)
	}
}

// launch starts the goroutine of one probe, which ends by sending its result.
func (p *Pool) launch(f *flight) {
	ctx, cancel := context.WithTimeout(p.ctx, f.q.total)
	f.cancel, f.began = cancel, time.Now()
	p.running[f] = true
	probe := f.q.probes[f.step]
	go func() {
		v, stack := contained(ctx, probe)
		cancel()
		p.results <- result{f, v, stack}
	}()
}

// contained is one probe whose panic is a failed probe, not the end of the daemon.
func contained(ctx context.Context, c Checker) (v Verdict, stack []byte) {
	defer func() {
		if r := recover(); r != nil {
			v, stack = down(Panicked, fmt.Sprintf("checker panicked: %v", r)), debug.Stack()
		}
	}()
	return c.Check(ctx), nil
}

// finished takes the result of one probe to all who wait for it.
func (p *Pool) finished(r result) {
	delete(p.running, r.flight)
	r.flight.cancel = nil
	r.flight.land()
	now := time.Now()
	p.confess(now, r)
	p.answer(now, r.flight, r.verdict)
}

// confess logs a panic: a fault of ours, while the server may be well. It is one line
// with the stack, however many wait for the answer, and the same question's next
// panics have none until a probe of it has returned in order.
func (p *Pool) confess(now time.Time, r result) {
	q, waiters := r.flight.q, r.flight.waiters
	known := q.panics
	if q.panics = r.verdict.Reason == Panicked; !q.panics || known || len(waiters) == 0 {
		return
	}
	e, more := waiters[0], ""
	if n := len(waiters) - 1; n > 0 {
		more = fmt.Sprintf(" and of %d more", n)
	}
	p.emit(now, e, Log{fmt.Sprintf("%s check of %s%s: %s\n%s", e.spec.Kind.Keyword, e.spec.Names.Server, more, r.verdict.Detail, r.stack)})
}

// answer gives a verdict to those who wait for it.
func (p *Pool) answer(now time.Time, f *flight, v Verdict) {
	waiters := f.waiters
	f.waiters = nil
	for _, e := range waiters {
		p.step(now, e, Probed{Began: f.began.Add(e.early), Verdict: v})
		e.early = 0
	}
}

// watch raises an alarm for probes that have not come back in patience, although
// they must return by their deadline, or had no turn. Those who wait for one that
// runs are told that it has failed: a checker must never stay as it is for want
// of an answer.
func (p *Pool) watch(now time.Time) {
	if now.Before(p.watchAt) {
		return
	}
	p.watchAt = now.Add(watchEvery)
	for f := range p.running {
		if p.overdue(now, f) {
			p.answer(now, f, down(Timeout, "the probe has not returned"))
		}
	}
	for _, f := range p.waiting {
		p.overdue(now, f)
	}
}

// overdue reports whether a flight is late, and says so once.
func (p *Pool) overdue(now time.Time, f *flight) bool {
	if f.late || len(f.waiters) == 0 || now.Sub(f.asked) < f.patience() {
		return false
	}
	f.late = true
	state := fmt.Sprintf("waits for its turn (%d probes are running)", len(p.running))
	if !f.began.IsZero() {
		state = "has not returned"
	}
	for _, e := range f.waiters {
		p.emit(now, e, Overdue{f.asked, fmt.Sprintf("%s check of %s has had no result for %v: its probe %s",
			e.spec.Kind.Keyword, e.spec.Names.Server, now.Sub(f.asked).Round(time.Second), state)})
	}
	return true
}
