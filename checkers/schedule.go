package checkers

import "time"

// firstDelay is what passes between loading the configuration and the first
// probe, before the random part of warmup is added.
const firstDelay = time.Second

// Pacing is how a kind of checker departs from the common rhythm.
type Pacing struct {
	// Sequence (HTTP_GET, SSL_GET): several urls, one per delay_loop. While
	// down only the failed url is asked; when it passes, all are asked again
	// from the first before the checker is up.
	Sequence bool
	// Bursts (SMTP_CHECK): each cycle has retry+1 attempts, also the very
	// first one and those made while down.
	Bursts bool
	// LogOnce (SMTP_CHECK, DNS_CHECK, MISC_CHECK): the attempt that takes the server down has
	// one line, not one of its own and one of the verdict.
	LogOnce bool
	// FromStart (MISC_CHECK): delays count from the start of an attempt.
	FromStart bool
	// LogUntilRun: log_all_failures also speaks before the first result.
	LogUntilRun bool
}

// Timing is how often a checker asks and what it takes to change its mind.
type Timing struct {
	DelayLoop        time.Duration // between probes; more than 0, default 60s
	DelayBeforeRetry time.Duration // after a failed attempt that is not final
	Warmup           time.Duration // upper bound of the random delay of the first probe
	Retry            uint32        // failed attempts beyond the first until down
	Alpha            bool          // down until the first success
	LogAllFailures   bool          // a log line for each attempt while up
	FastRecovery     bool          // Sequence: no pause between urls at start and recovery
}

// Params is all that a Schedule has to know.
type Params struct {
	Timing
	Pacing Pacing
	Steps  []string // names of the probes of a sequence; others have at most one
	Names  Names
	Texts  Texts
}

// Event is something that a Schedule reacts to.
type Event interface{ isEvent() }

// Start begins the first wait. Random is from 0 to Warmup and drawn by the
// caller. Patient: the first failure is an ordinary one, with retries; else it
// is final, which is the rule when the daemon starts. StartUp overrides Alpha:
// a checker added to a real server that others keep up.
type Start struct {
	Random  time.Duration
	Patient bool
	StartUp bool
}

// Tick says that time has passed. An early or late one is harmless.
type Tick struct{}

// Probed is the result of the probe that ActionProbe asked for.
type Probed struct {
	Began   time.Time
	Verdict Verdict
}

// Reconfigured brings new parameters for a checker that still asks the same
// question of the same server. It keeps its state and its phase.
type Reconfigured struct{ Params Params }

// Suspended and Resumed are ha_suspend: between them nothing is asked and the
// state is frozen.
type Suspended struct{}
type Resumed struct{}

func (Start) isEvent()        {}
func (Tick) isEvent()         {}
func (Probed) isEvent()       {}
func (Reconfigured) isEvent() {}
func (Suspended) isEvent()    {}
func (Resumed) isEvent()      {}

// Action is something that the owner of a Schedule has to do.
type Action interface{ isAction() }

// Probe asks for one probe; its result comes back as Probed. There is never
// more than one outstanding.
type Probe struct{ Step int }

// VerdictChanged is a new state of the checker, or a new weight, or (First)
// the first failure of an alpha checker that was down anyway, for which
// keepalived runs notify_down. HTTP_GET and SSL_GET do so too.
type VerdictChanged struct {
	Up    bool
	First bool // no result before this one
	Verdict
}

// Log is a line in keepalived's words.
type Log struct{ Text string }

func (Probe) isAction()          {}
func (VerdictChanged) isAction() {}
func (Log) isAction()            {}

// Schedule decides when one checker asks and when its answer changes. It is a
// pure machine: no clock, no I/O. The zero value with Params is ready for Start.
type Schedule struct {
	params Params

	up        bool
	hasRun    bool   // a final result has been reached
	marked    bool   // Sequence: the url at step took the checker down
	suspended bool   // ha_suspend
	probing   bool   // a Probe is out
	failures  uint32 // attempts failed in a row, at most Retry+1
	step      int
	weight    *int
	last      Verdict
	lastAt    time.Time
	deadline  time.Time
}

// NewSchedule makes a machine that waits for Start.
func NewSchedule(p Params) *Schedule { return &Schedule{params: p, up: !p.Alpha} }

// Deadline is when the owner must call Step with a Tick; zero while a probe is out.
func (s *Schedule) Deadline() time.Time {
	if s.probing {
		return time.Time{}
	}
	return s.deadline
}

// Up reports whether the checker counts as passed.
func (s *Schedule) Up() bool { return s.up }

// ScheduleSnapshot is what status shows of a checker.
type ScheduleSnapshot struct {
	Up, HasRun, Probing, Suspended bool
	Failures                       uint32 // in a row
	Step                           int    // url whose turn it is
	Last                           Verdict
	LastAt                         time.Time // zero: never
	Next                           time.Time // zero while a probe is out
}

// Snapshot copies the state.
func (s *Schedule) Snapshot() ScheduleSnapshot {
	return ScheduleSnapshot{Up: s.up, HasRun: s.hasRun, Probing: s.probing, Suspended: s.suspended,
		Failures: s.failures, Step: s.step, Last: s.last, LastAt: s.lastAt, Next: s.Deadline()}
}

// Step feeds one event and appends what is to be done, in order, to out.
func (s *Schedule) Step(now time.Time, ev Event, out []Action) []Action {
	switch ev := ev.(type) {
	case Start:
		s.up = !s.params.Alpha || ev.StartUp
		if !ev.Patient && !s.params.Pacing.Bursts {
			s.failures = s.params.Retry // the first failure is final
		}
		s.deadline = now.Add(firstDelay + max(0, ev.Random))
	case Tick:
		return s.tick(now, out)
	case Probed:
		return s.probed(now, ev, out)
	case Reconfigured:
		s.reconfigure(now, ev.Params)
	case Suspended:
		s.suspended = true
	case Resumed:
		s.suspended = false
	}
	return out
}

// tick asks for a probe when it is time for one and none is out.
func (s *Schedule) tick(now time.Time, out []Action) []Action {
	if s.probing || s.deadline.IsZero() || now.Before(s.deadline) {
		return out
	}
	if s.suspended { // look again each delay_loop, as keepalived does
		s.deadline = now.Add(s.params.DelayLoop)
		return out
	}
	s.probing = true
	return append(out, Probe{Step: s.step})
}

// probed takes the result of the probe and sets the next deadline. All pauses
// count from the end of a probe, but for MISC_CHECK.
func (s *Schedule) probed(now time.Time, ev Probed, out []Action) []Action {
	if !s.probing {
		return out
	}
	s.probing = false
	s.last, s.lastAt = ev.Verdict, now
	from := now
	if s.params.Pacing.FromStart {
		from = ev.Began
	}
	var wait time.Duration
	switch {
	case s.suspended:
		wait = s.params.DelayLoop // what was asked before is not an answer any more
	case ev.Verdict.NoResult:
		wait = s.params.DelayLoop
		out = logLine(out, s.params.Texts.noResult(s.params.Names))
	case ev.Verdict.Up:
		out, wait = s.passed(ev.Verdict, out)
	default:
		out, wait = s.failed(ev.Verdict, out)
	}
	s.deadline = from.Add(wait)
	return out
}

// passed handles a good answer and says how long to wait for the next probe.
func (s *Schedule) passed(v Verdict, out []Action) ([]Action, time.Duration) {
	if !s.params.Pacing.Sequence || s.hasRun { // at the start a url that passed does not make the next one's failure less final
		s.failures = 0
	}
	if s.params.Pacing.Sequence {
		if out = s.logStep(v, out); !s.lastOfSequence() {
			if s.params.FastRecovery && (!s.up || !s.hasRun) {
				return out, 0
			}
			return out, s.params.DelayLoop
		}
	}
	first, was := !s.hasRun, s.up
	s.up, s.hasRun, s.failures = true, true, 0
	reweighted := was && !sameWeight(s.weight, v.Weight)
	if reweighted { // the line about the weight comes first
		out = append(out, VerdictChanged{Up: true, First: first, Verdict: v})
	}
	if first || !was {
		out = logLine(out, s.params.Texts.success(s.params.Names, v))
	}
	if !was {
		out = append(out, VerdictChanged{Up: true, First: first, Verdict: v})
	}
	s.weight = v.Weight
	return out, s.params.DelayLoop
}

// logStep says that a url has passed while its server is still down.
func (s *Schedule) logStep(v Verdict, out []Action) []Action {
	if s.up || !s.hasRun {
		return out
	}
	return logLine(out, s.params.Texts.stepPassed(s.params.Names, s.stepName(), v))
}

func (s *Schedule) stepName() string {
	if s.step < len(s.params.Steps) {
		return s.params.Steps[s.step]
	}
	return ""
}

// lastOfSequence moves to the next url and reports whether all have passed.
// The url that took the checker down only clears its mark: a full round
// follows, also when there is only one url.
func (s *Schedule) lastOfSequence() bool {
	if s.marked {
		s.marked, s.step = false, 0
		return false
	}
	if s.step++; s.step < len(s.params.Steps) {
		return false
	}
	s.step = 0
	return true
}

// failed handles a bad answer and says how long to wait for the next probe.
func (s *Schedule) failed(v Verdict, out []Action) ([]Action, time.Duration) {
	p := &s.params
	final := s.failures >= p.Retry
	if p.LogAllFailures && !(p.Pacing.LogOnce && final) && (s.up || p.Pacing.LogUntilRun && !s.hasRun) {
		out = logLine(out, p.Texts.attempt(p.Names, v))
	}
	if s.hasRun && !s.up && !p.Pacing.Bursts {
		return out, s.stillDown()
	}
	if s.failures < p.Retry {
		s.failures++
		return out, p.DelayBeforeRetry
	}
	first, was := !s.hasRun, s.up
	s.up, s.hasRun = false, true
	s.weight = nil
	s.marked = p.Pacing.Sequence
	if was || first {
		out = logLine(out, p.Texts.failed(p.Names, v, p.Retry, !first))
		out = append(out, VerdictChanged{First: first, Verdict: v})
	}
	if p.Pacing.Bursts {
		s.failures = 0
		return out, p.DelayLoop
	}
	return out, s.stillDown()
}

// stillDown is the pause between probes of a checker that is down.
func (s *Schedule) stillDown() time.Duration {
	switch {
	case !s.params.Pacing.Sequence:
		return s.params.DelayLoop
	case s.marked:
		return max(s.params.DelayLoop, s.params.DelayBeforeRetry)
	default: // another url failed in the round before the return: never without a pause
		return s.params.DelayBeforeRetry
	}
}

// reconfigure takes over new timers. Who would wait longer than they allow keeps
// its place in their rhythm: thousands that are cut to a shorter delay_loop must not
// be due at one moment, then and for ever after.
func (s *Schedule) reconfigure(now time.Time, p Params) {
	if s.failures > p.Retry {
		s.failures = p.Retry
	}
	longest := max(p.DelayLoop, p.DelayBeforeRetry)
	if !s.hasRun {
		longest = max(longest, firstDelay+p.Warmup)
	}
	if wait := s.deadline.Sub(now); wait > longest+together && longest > 0 { // who was asked too early waits longer
		s.deadline = now.Add(wait % longest)
	}
	if s.step >= len(p.Steps) {
		s.step, s.marked = 0, false
	}
	s.params = p
}

// logLine appends text; some kinds say nothing on some occasions.
func logLine(out []Action, text string) []Action {
	if text == "" {
		return out
	}
	return append(out, Log{text})
}

func sameWeight(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
