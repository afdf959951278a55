package track

import (
	"fmt"
	"time"
)

// Params say how a vrrp_script is run and judged.
type Params struct {
	Name     string
	Interval time.Duration // between starts, 1ms..4294s. Default 1s
	Timeout  time.Duration // one run may last this long; 0: Interval
	Rise     int           // successes in a row until up, 1.. Default 1
	Fall     int           // failures in a row until down, 1.. Default 1
	InitFail bool          // down until the first success
	Weight   int           // default of track_script lines, -253..253; 0: down is a fault
	Reverse  bool          // default of track_script lines
}

// limit is how long a run may last.
func (p Params) limit() time.Duration {
	if p.Timeout > 0 {
		return p.Timeout
	}
	return p.Interval
}

// Event is what can happen to a ScriptMachine.
type Event interface{ event() }

type (
	// Startup begins. Resume is the state a predecessor had, Unknown for none.
	Startup struct{ Resume State }
	// Tick says that Deadline may have come. Early and late ticks are harmless.
	Tick struct{}
	// Finished is the end of the run that a Start action asked for.
	Finished struct{ Outcome Outcome }
	// Reconfigure is a reload. If the way the script is run and counted has
	// changed, or Replaced says that the command has, the verdict is carried
	// over and the script starts anew; otherwise nothing is disturbed.
	Reconfigure struct {
		Params   Params
		Replaced bool
	}
	// Shutdown ends: what runs is killed, nothing is started any more.
	Shutdown struct{}
)

func (Startup) event()     {}
func (Tick) event()        {}
func (Finished) event()    {}
func (Reconfigure) event() {}
func (Shutdown) event()    {}

// Action is what the owner of a ScriptMachine must do, in order.
type Action interface{ action() }

type (
	// Start starts the script; its end comes back as Finished.
	Start struct{}
	// Kill ends the running script with its process group; its end still comes
	// back as Finished.
	Kill struct{}
	// Judged says that the script now counts as State.
	Judged struct{ State State }
	// Tell is something to publish. From and To count when the verdict
	// has changed; anything else is only worth a line.
	Tell struct {
		Reason   string // lower-case words with hyphens
		Text     string // keepalived's log line
		From, To State
		Changed  bool
	}
)

func (Start) action()  {}
func (Kill) action()   {}
func (Judged) action() {}
func (Tell) action()   {}

// Outcome is how one run ended. Exactly one of these holds: Err is set (it never
// ran), Signal is not 0, or Exit is its exit status.
type Outcome struct {
	Exit   int
	Signal int
	Ended  bool // somebody ended it, it did not end by itself
	Err    error
}

// good reports whether the run ended by itself and said 0.
func (o Outcome) good() bool { return o == Outcome{} }

// String says how the run ended, in keepalived's words.
func (o Outcome) String() string {
	switch {
	case o.Err != nil:
		return o.Err.Error()
	case o.Signal != 0:
		return fmt.Sprintf("due to signal %d", o.Signal)
	default:
		return fmt.Sprintf("exited with status %d", o.Exit)
	}
}

// ScriptMachine is the schedule and the judgement of one vrrp_script.
//
// The counter r runs from 0 to rise+fall-1 and the script is good while r is at
// least rise. A success below rise counts up, and at rise-1 jumps to the top; a
// failure above rise counts down, and at rise drops to 0. It begins at rise-1
// without a verdict, so that the first result decides alone (init_fail: at 0,
// down).
type ScriptMachine struct {
	params Params

	state     State
	r         int
	exit      int       // last exit status, 0 before the first run
	running   bool      // a run has not come back yet
	abandoned bool      // its result was decided already, or is not wanted
	skipped   bool      // a slot has passed unused because of it
	runsUntil time.Time // when the run in progress is killed
	next      time.Time // next slot; zero before Startup and after Shutdown
}

// NewScript returns a machine that waits for Startup.
func NewScript(p Params) *ScriptMachine {
	p.Rise, p.Fall = max(p.Rise, 1), max(p.Fall, 1)
	return &ScriptMachine{params: p}
}

// Snapshot is what status shows.
type Snapshot struct {
	Params  Params
	State   State
	Counter int // 0..rise+fall-1
	Exit    int // last exit status
	Running bool
	Next    time.Time
}

// Snapshot is the machine as it stands.
func (m *ScriptMachine) Snapshot() Snapshot {
	return Snapshot{m.params, m.state, m.r, m.exit, m.running, m.next}
}

// Deadline is when the owner must call Step with a Tick; zero when there is
// nothing to wait for.
func (m *ScriptMachine) Deadline() time.Time {
	if m.running && !m.abandoned && m.runsUntil.Before(m.next) {
		return m.runsUntil
	}
	return m.next
}

// Step feeds one event to the machine and appends what is to be done to out.
func (m *ScriptMachine) Step(now time.Time, ev Event, out []Action) []Action {
	switch ev := ev.(type) {
	case Startup:
		return m.start(now, ev.Resume, out)
	case Tick:
		return m.tick(now, out)
	case Finished:
		return m.finished(ev.Outcome, out)
	case Reconfigure:
		return m.reconfigure(now, ev, out)
	case Shutdown:
		m.next = time.Time{}
		return m.abandon(out)
	}
	return out
}

func (m *ScriptMachine) start(now time.Time, resume State, out []Action) []Action {
	p := m.params
	m.state, m.next = resume, now
	switch {
	case resume == Up:
		m.r = p.Rise + p.Fall - 1
	case resume == Down:
		m.r = 0
	case p.InitFail:
		m.r, m.state = 0, Down
		out = append(out, Judged{Down})
	default:
		m.r = p.Rise - 1
	}
	return m.tick(now, out)
}

// tick first ends a run that is over its time, then looks at the slot: a run
// that is still not back makes the slot pass unused.
func (m *ScriptMachine) tick(now time.Time, out []Action) []Action {
	if m.next.IsZero() {
		return out
	}
	if m.running && !m.abandoned && !now.Before(m.runsUntil) {
		m.abandoned = true
		out = append(out, Kill{})
		out = m.failed("timed-out", fmt.Sprintf("VRRP_Script(%s) timed_out", m.params.Name), out)
	}
	if now.Before(m.next) {
		return out
	}
	m.next = m.slotAfter(now)
	if m.running {
		return m.skip(out)
	}
	m.running, m.abandoned, m.skipped, m.runsUntil = true, false, false, now.Add(m.params.limit())
	return append(out, Start{})
}

// skip lets a slot pass; said once for each run that lasts too long.
func (m *ScriptMachine) skip(out []Action) []Action {
	if m.skipped {
		return out
	}
	m.skipped = true
	return append(out, tell("still-running", fmt.Sprintf(
		"Track script %s is already running, expect idle - skipping run", m.params.Name)))
}

// slotAfter is the first slot behind now: slots that a stall swallowed are not
// made up for, and the rhythm is kept.
func (m *ScriptMachine) slotAfter(now time.Time) time.Time {
	interval := max(m.params.Interval, time.Millisecond)
	missed := now.Sub(m.next) / interval
	return m.next.Add((missed + 1) * interval)
}

func (m *ScriptMachine) finished(o Outcome, out []Action) []Action {
	if !m.running {
		return out
	}
	m.running = false
	if m.abandoned {
		return out
	}
	name := m.params.Name
	if o.Err == nil && o.Signal == 0 && o.Exit != m.exit {
		m.exit = o.Exit
		out = append(out, tell("exit-status-changed",
			fmt.Sprintf("Script `%s` now returning %d", name, o.Exit)))
	}
	switch {
	case o.good():
		return m.succeeded(out)
	case o.Ended:
		return m.failed("timed-out", fmt.Sprintf("VRRP_Script(%s) timed_out", name), out)
	default:
		return m.failed("failed", fmt.Sprintf("VRRP_Script(%s) failed (%v)", name, o), out)
	}
}

func (m *ScriptMachine) succeeded(out []Action) []Action {
	top := m.params.Rise + m.params.Fall - 1
	if m.r < m.params.Rise-1 {
		m.r++
		return out
	}
	m.r = top
	return m.judge(Up, "succeeded", fmt.Sprintf("VRRP_Script(%s) succeeded", m.params.Name), out)
}

func (m *ScriptMachine) failed(reason, text string, out []Action) []Action {
	if m.r > m.params.Rise {
		m.r--
		return out
	}
	m.r = 0
	return m.judge(Down, reason, text, out)
}

// judge reports a verdict that differs from the last one.
func (m *ScriptMachine) judge(s State, reason, text string, out []Action) []Action {
	if m.state == s {
		return out
	}
	told := Tell{Reason: reason, Text: text, From: m.state, To: s, Changed: true}
	m.state = s
	return append(out, told, Judged{s})
}

func (m *ScriptMachine) reconfigure(now time.Time, ev Reconfigure, out []Action) []Action {
	p := ev.Params
	p.Rise, p.Fall = max(p.Rise, 1), max(p.Fall, 1)
	old := m.params
	m.params = p
	// What only the sum of weights looks at, and what only a start looks at,
	// does not disturb the script.
	old.Weight, old.Reverse, old.InitFail = p.Weight, p.Reverse, p.InitFail
	if p == old && !ev.Replaced || m.next.IsZero() {
		return out
	}
	out = m.carryOver(m.abandon(out))
	// The next slot is now, unless the old run is not back yet: then the slot
	// after it, without a complaint about a run that we have just killed.
	m.next = now
	if m.running {
		m.next = now.Add(p.Interval)
		return out
	}
	return m.tick(now, out)
}

// carryOver sets the counter of new parameters so that the verdict stays.
func (m *ScriptMachine) carryOver(out []Action) []Action {
	verdict := "unsuccessful"
	switch m.state {
	case Unknown:
		m.r = m.params.Rise - 1
		return out
	case Up:
		verdict = "successful"
		m.r = m.params.Rise + m.params.Fall - 1
	case Down:
		m.r = 0
	}
	return append(out, tell("reload",
		fmt.Sprintf("VRRP_Script(%s) considered %s on reload", m.params.Name, verdict)))
}

// abandon kills what runs; its result is not looked at.
func (m *ScriptMachine) abandon(out []Action) []Action {
	if !m.running || m.abandoned {
		return out
	}
	m.abandoned = true
	return append(out, Kill{})
}

func tell(reason, text string) Tell { return Tell{Reason: reason, Text: text} }
