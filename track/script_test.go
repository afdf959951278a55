package track

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

// play feeds a machine what a scenario says and writes down what it does. One
// step is "1.5s exit 1": wait until then, taking every deadline on the way, and
// then let the run end so. Other words: signal N, reload, stop, nothing.
func play(m *ScriptMachine, reload Params, steps ...string) []string {
	var diary []string
	now := t0
	do := func(ev Event) {
		for _, a := range m.Step(now, ev, nil) {
			at := now.Sub(t0).String()
			switch a := a.(type) {
			case Start:
				diary = append(diary, at+" start")
			case Kill:
				diary = append(diary, at+" kill")
			case Judged:
				diary = append(diary, at+" now "+a.State.String())
			case Tell:
				diary = append(diary, at+" "+a.Text)
			}
		}
	}
	do(Startup{})
	for _, s := range steps {
		at, what, _ := strings.Cut(s, " ")
		d, err := time.ParseDuration(at)
		if err != nil {
			panic(err)
		}
		for next := m.Deadline(); !next.IsZero() && next.Before(t0.Add(d)); next = m.Deadline() {
			now = next
			do(Tick{})
		}
		now = t0.Add(d)
		var n int
		switch verb, arg, _ := strings.Cut(what, " "); verb {
		case "exit":
			fmt.Sscan(arg, &n)
			do(Finished{Outcome{Exit: n}})
		case "signal":
			fmt.Sscan(arg, &n)
			do(Finished{Outcome{Signal: n}})
		case "error":
			do(Finished{Outcome{Err: fmt.Errorf("run script /x: no such file")}})
		case "reload":
			do(Reconfigure{Params: reload})
		case "replace":
			do(Reconfigure{Params: reload, Replaced: true})
		case "stop":
			do(Shutdown{})
		}
	}
	return diary
}

func TestScriptScenarios(t *testing.T) {
	chk := Params{Name: "chk", Interval: time.Second, Rise: 1, Fall: 1}
	with := func(change func(*Params)) Params {
		p := chk
		change(&p)
		return p
	}
	tests := map[string]struct {
		params Params
		reload Params
		steps  []string
		want   []string
	}{
		"the first run is at once and decides alone, whatever rise is": {
			params: with(func(p *Params) { p.Rise, p.Fall = 3, 3 }),
			steps:  []string{"100ms exit 0"},
			want:   []string{"0s start", "100ms VRRP_Script(chk) succeeded", "100ms now up"},
		},
		"the first failure decides alone too": {
			params: with(func(p *Params) { p.Rise, p.Fall = 3, 3 }),
			steps:  []string{"100ms exit 1"},
			want: []string{"0s start", "100ms Script `chk` now returning 1",
				"100ms VRRP_Script(chk) failed (exited with status 1)", "100ms now down"},
		},
		// The lines keepalived 2.2.7 wrote for the same sequence of exit statuses.
		"rise 2 fall 2": {
			params: with(func(p *Params) { p.Rise, p.Fall = 2, 2 }),
			steps: []string{"10ms exit 0", "1010ms exit 0", "2010ms exit 1", "3010ms exit 1", "4010ms exit 2",
				"5010ms exit 3", "6010ms exit 0", "7010ms exit 0"},
			want: []string{"0s start", "10ms VRRP_Script(chk) succeeded", "10ms now up", "1s start", "2s start",
				"2.01s Script `chk` now returning 1", "3s start",
				"3.01s VRRP_Script(chk) failed (exited with status 1)", "3.01s now down", "4s start",
				"4.01s Script `chk` now returning 2", "5s start", "5.01s Script `chk` now returning 3", "6s start",
				"6.01s Script `chk` now returning 0", "7s start", "7.01s VRRP_Script(chk) succeeded", "7.01s now up"},
		},
		"one failure among successes changes nothing with fall 2": {
			params: with(func(p *Params) { p.Fall = 2 }),
			steps:  []string{"10ms exit 0", "1010ms exit 1", "2010ms exit 0", "3010ms exit 1", "4010ms exit 0"},
			want: []string{"0s start", "10ms VRRP_Script(chk) succeeded", "10ms now up", "1s start",
				"1.01s Script `chk` now returning 1", "2s start", "2.01s Script `chk` now returning 0", "3s start",
				"3.01s Script `chk` now returning 1", "4s start", "4.01s Script `chk` now returning 0"},
		},
		"init_fail is down at once and needs rise successes": {
			params: with(func(p *Params) { p.Rise, p.InitFail = 2, true }),
			steps:  []string{"10ms exit 0", "1010ms exit 0"},
			want: []string{"0s now down", "0s start", "1s start",
				"1.01s VRRP_Script(chk) succeeded", "1.01s now up"},
		},
		"a signal is a failure and no exit status": {
			params: chk,
			steps:  []string{"10ms signal 9"},
			want:   []string{"0s start", "10ms VRRP_Script(chk) failed (due to signal 9)", "10ms now down"},
		},
		"a script that cannot start is a failure": {
			params: chk,
			steps:  []string{"10ms error"},
			want:   []string{"0s start", "10ms VRRP_Script(chk) failed (run script /x: no such file)", "10ms now down"},
		},
		"a run over its time counts when it is killed, not when it is gone": {
			params: with(func(p *Params) { p.Interval, p.Timeout = 5*time.Second, 2*time.Second }),
			steps:  []string{"4s signal 9", "5010ms exit 0"},
			want: []string{"0s start", "2s kill", "2s VRRP_Script(chk) timed_out", "2s now down",
				"5s start", "5.01s VRRP_Script(chk) succeeded", "5.01s now up"},
		},
		"without timeout the interval is the limit, and the slot passes": {
			params: chk,
			steps:  []string{"1500ms signal 15", "2010ms exit 0"},
			want: []string{"0s start", "1s kill", "1s VRRP_Script(chk) timed_out", "1s now down",
				"1s Track script chk is already running, expect idle - skipping run",
				"2s start", "2.01s VRRP_Script(chk) succeeded", "2.01s now up"},
		},
		"timeout above interval: slots pass while it runs, said once": {
			params: with(func(p *Params) { p.Timeout = 5 * time.Second }),
			steps:  []string{"3500ms exit 0", "4001ms nothing"},
			want: []string{"0s start", "1s Track script chk is already running, expect idle - skipping run",
				"3.5s VRRP_Script(chk) succeeded", "3.5s now up", "4s start"},
		},
		"a reload without changes disturbs nothing": {
			params: chk, reload: chk,
			steps: []string{"10ms exit 0", "1010ms reload", "1020ms exit 0", "2001ms nothing"},
			want:  []string{"0s start", "10ms VRRP_Script(chk) succeeded", "10ms now up", "1s start", "2s start"},
		},
		"a new weight alone does not restart the script": {
			params: chk, reload: with(func(p *Params) { p.Weight = -20 }),
			steps: []string{"10ms exit 0", "1010ms reload", "1020ms exit 0"},
			want:  []string{"0s start", "10ms VRRP_Script(chk) succeeded", "10ms now up", "1s start"},
		},
		"a reload with other parameters kills and carries the verdict over": {
			params: chk, reload: with(func(p *Params) { p.Fall = 2 }),
			steps: []string{"10ms exit 0", "1010ms reload", "1020ms signal 15", "2020ms exit 1", "3020ms exit 1"},
			want: []string{"0s start", "10ms VRRP_Script(chk) succeeded", "10ms now up", "1s start",
				"1.01s kill", "1.01s VRRP_Script(chk) considered successful on reload",
				"2.01s start", "2.02s Script `chk` now returning 1", "3.01s start",
				"3.02s VRRP_Script(chk) failed (exited with status 1)", "3.02s now down"},
		},
		"another command between two runs starts at once": {
			params: chk, reload: chk,
			steps: []string{"10ms exit 1", "500ms replace"},
			want: []string{"0s start", "10ms Script `chk` now returning 1",
				"10ms VRRP_Script(chk) failed (exited with status 1)", "10ms now down",
				"500ms VRRP_Script(chk) considered unsuccessful on reload", "500ms start"},
		},
		"stop kills, and nothing starts after it": {
			params: chk,
			steps:  []string{"500ms stop", "600ms signal 15", "5s nothing"},
			want:   []string{"0s start", "500ms kill"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, play(NewScript(tt.params), tt.reload, tt.steps...)); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestAStallDoesNotCauseABurstOfRuns(t *testing.T) {
	m := NewScript(Params{Name: "chk", Interval: time.Second})
	m.Step(t0, Startup{}, nil)
	m.Step(t0, Finished{}, nil)
	late := t0.Add(7300 * time.Millisecond)
	if out := m.Step(late, Tick{}, nil); len(out) != 1 {
		t.Errorf("after a stall %d actions, want one start", len(out))
	}
	if want := t0.Add(8 * time.Second); !m.Deadline().Equal(want) { // the rhythm is kept
		t.Errorf("next at %v, want %v", m.Deadline(), want)
	}
}

func TestASuccessorResumesTheVerdict(t *testing.T) {
	m := NewScript(Params{Name: "chk", Interval: time.Second, Rise: 2, Fall: 2})
	m.Step(t0, Startup{Resume: Up}, nil)
	if s := m.Snapshot(); s.State != Up || s.Counter != 3 { // rise + fall - 1
		t.Errorf("snapshot %+v, want up with counter 3", s)
	}
	if out := m.Step(t0, Finished{Outcome{Exit: 1}}, nil); len(out) != 1 {
		t.Errorf("one failure gave %v, want only the new exit status", out)
	}
}

func TestEarlyTicksAndStrayResultsAreHarmless(t *testing.T) {
	m := NewScript(Params{Name: "chk", Interval: time.Second})
	if out := m.Step(t0, Tick{}, nil); len(out) != 0 || !m.Deadline().IsZero() {
		t.Errorf("before startup: %v", out)
	}
	if out := m.Step(t0, Finished{Outcome{Exit: 1}}, nil); len(out) != 0 {
		t.Errorf("a result nobody asked for: %v", out)
	}
	m.Step(t0, Startup{}, nil)
	if out := m.Step(t0.Add(500*time.Millisecond), Tick{}, nil); len(out) != 0 {
		t.Errorf("early tick: %v", out)
	}
}

// The verdict against a second, naive reading of rise and fall: down after fall
// failures in a row, up after rise successes in a row, the first result decides.
func TestRiseAndFallCountResultsInARow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rise, fall := rapid.IntRange(1, 4).Draw(t, "rise"), rapid.IntRange(1, 4).Draw(t, "fall")
		results := rapid.SliceOfN(rapid.Bool(), 1, 40).Draw(t, "results")
		m := NewScript(Params{Name: "chk", Interval: time.Second, Rise: rise, Fall: fall})
		now := t0
		m.Step(now, Startup{}, nil)
		state, inRow := Unknown, 0
		for i, good := range results {
			if i > 0 && good == results[i-1] {
				inRow++
			} else {
				inRow = 1
			}
			switch {
			case good && (state == Unknown || inRow >= rise):
				state = Up
			case !good && (state == Unknown || inRow >= fall):
				state = Down
			}
			exit := 1
			if good {
				exit = 0
			}
			m.Step(now, Finished{Outcome{Exit: exit}}, nil)
			if got := m.Snapshot(); got.State != state {
				t.Fatalf("after %v: %v, want %v (counter %d)", results[:i+1], got.State, state, got.Counter)
			}
			now = now.Add(time.Second)
			m.Step(now, Tick{}, nil)
		}
	})
}

func TestPlayKnowsItsDeadlines(t *testing.T) {
	// A diary must contain every slot, or scenarios would prove nothing.
	got := play(NewScript(Params{Name: "chk", Interval: 250 * time.Millisecond}), Params{}, "0s exit 0", "600ms exit 0")
	if !slices.Contains(got, "250ms start") {
		t.Errorf("diary %q", got)
	}
}

// Any order of events and times: never two runs at once, a kill only of what
// runs, verdicts that alternate, and no deadline that a tick cannot satisfy.
func TestScriptMachineInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Params{Name: "chk",
			Interval: time.Duration(rapid.IntRange(1, 3000).Draw(t, "interval")) * time.Millisecond,
			Timeout:  time.Duration(rapid.IntRange(0, 5000).Draw(t, "timeout")) * time.Millisecond,
			Rise:     rapid.IntRange(0, 3).Draw(t, "rise"), Fall: rapid.IntRange(0, 3).Draw(t, "fall"),
			InitFail: rapid.Bool().Draw(t, "init_fail")}
		m := NewScript(p)
		now, running, killed, verdict := t0, false, false, Unknown
		step := func(ev Event) {
			for _, a := range m.Step(now, ev, nil) {
				switch a := a.(type) {
				case Start:
					if running {
						t.Fatal("started while it runs")
					}
					running, killed = true, false
				case Kill:
					if !running || killed {
						t.Fatal("killed what does not run, or twice")
					}
					killed = true
				case Judged:
					if a.State == verdict {
						t.Fatalf("judged %v twice", verdict)
					}
					verdict = a.State
				}
			}
		}
		step(Startup{})
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "wait")) * time.Millisecond)
			switch rapid.IntRange(0, 5).Draw(t, "event") {
			case 0, 1, 2:
				step(Tick{})
				if d := m.Deadline(); !d.IsZero() && !d.After(now) {
					t.Fatalf("after a tick at %v the deadline is %v", now.Sub(t0), d.Sub(t0))
				}
			case 3, 4:
				if running {
					running = false
					step(Finished{Outcome{Exit: rapid.IntRange(0, 2).Draw(t, "exit")}})
				}
			case 5:
				p.Fall = rapid.IntRange(1, 4).Draw(t, "new fall")
				step(Reconfigure{Params: p})
			}
			if s := m.Snapshot(); s.Counter < 0 || s.Counter > max(p.Rise, 1)+max(p.Fall, 1)-1 || (s.State == Up) != (s.Counter >= max(p.Rise, 1)) {
				t.Fatalf("counter %d does not fit %v (rise %d, fall %d)", s.Counter, s.State, p.Rise, p.Fall)
			}
		}
		running = false
		step(Finished{})
		step(Shutdown{})
		if !m.Deadline().IsZero() {
			t.Fatal("a deadline after shutdown")
		}
	})
}
