package checkers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// t0 is when the configuration was loaded in these tests.
var t0 = time.Unix(1000, 0)

// diary plays a schedule: each probe takes no time and is answered by the next
// result of answers; the last one repeats. It notes what happened when.
func diary(p Params, start Start, until time.Duration, answer func(at time.Duration, step int) Verdict) []string {
	s := NewSchedule(p)
	var lines []string
	note := func(at time.Time, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("%v ", at.Sub(t0))+fmt.Sprintf(format, args...))
	}
	out := s.Step(t0, start, nil)
	now := t0
	for len(out) > 0 || !s.Deadline().IsZero() {
		for len(out) > 0 {
			a := out[0]
			out = out[1:]
			switch a := a.(type) {
			case Probe:
				v := answer(now.Sub(t0), a.Step)
				word := "bad"
				if v.Up {
					word = "good"
				} else if v.NoResult {
					word = "none"
				}
				if len(p.Steps) > 0 {
					note(now, "%s %s", p.Steps[a.Step], word)
				} else {
					note(now, "%s", word)
				}
				out = append(out, s.Step(now, Probed{Began: now, Verdict: v}, nil)...)
			case VerdictChanged:
				word := map[bool]string{true: "UP", false: "DOWN"}[a.Up]
				if a.First {
					word += " first"
				}
				if a.Weight != nil {
					word += fmt.Sprintf(" weight %d", *a.Weight)
				}
				note(now, "%s", word)
			}
		}
		if now = s.Deadline(); now.Sub(t0) > until {
			break
		}
		out = s.Step(now, Tick{}, out)
	}
	return lines
}

// badBetween answers badly from from on until to.
func badBetween(from, to time.Duration) func(time.Duration, int) Verdict {
	return func(at time.Duration, _ int) Verdict { return Verdict{Up: at < from || at >= to} }
}

func check(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("diary:\n got %q\nwant %q", got, want)
	}
}

func times(delayLoop, beforeRetry time.Duration, retry uint32) Timing {
	return Timing{DelayLoop: delayLoop, DelayBeforeRetry: beforeRetry, Retry: retry}
}

const never = time.Hour

func TestRetriesComeBeforeDownAndOneSuccessBringsUp(t *testing.T) {
	p := Params{Timing: times(4*time.Second, time.Second, 2)}
	check(t, diary(p, Start{}, 20*time.Second, badBetween(4*time.Second, 14*time.Second)), []string{
		"1s good",
		"5s bad", "6s bad", "7s bad", "7s DOWN", // 1 + retry 2, one second apart
		"11s bad", // while down one attempt in delay_loop 4s
		"15s good", "15s UP",
		"19s good",
	})
}

func TestFirstFailureAfterStartOfTheDaemonIsFinal(t *testing.T) {
	p := Params{Timing: times(4*time.Second, time.Second, 2)}
	check(t, diary(p, Start{}, 5*time.Second, badBetween(0, never)), []string{"1s bad", "1s DOWN first", "5s bad"})
}

func TestPatientStartCountsRetriesFromTheFirstProbe(t *testing.T) {
	p := Params{Timing: times(4*time.Second, time.Second, 1)}
	check(t, diary(p, Start{Patient: true}, 3*time.Second, badBetween(0, never)), []string{"1s bad", "2s bad", "2s DOWN first"})
}

func TestWarmupDelaysOnlyTheFirstProbe(t *testing.T) {
	p := Params{Timing: times(4*time.Second, time.Second, 1)}
	check(t, diary(p, Start{Random: 2500 * time.Millisecond}, 8*time.Second, badBetween(never, never)), []string{
		"3.5s good", // 1s + 2.5s
		"7.5s good",
	})
}

func TestAlphaCheckerComesUpWithItsFirstSuccess(t *testing.T) {
	p := Params{Timing: times(4*time.Second, time.Second, 1)}
	p.Alpha = true
	check(t, diary(p, Start{}, 6*time.Second, badBetween(never, never)), []string{"1s good", "1s UP first", "5s good"})
	check(t, diary(p, Start{}, 6*time.Second, badBetween(0, 3*time.Second)), []string{"1s bad", "1s DOWN first", "5s good", "5s UP"})
	check(t, diary(p, Start{StartUp: true}, 6*time.Second, badBetween(never, never)), []string{"1s good", "5s good"})
}

func TestNoResultLeavesStateAndRetriesAlone(t *testing.T) {
	p := Params{Timing: times(4*time.Second, time.Second, 1)}
	answers := []Verdict{{Up: true}, {}, {NoResult: true}, {}, {NoResult: true}}
	i := -1
	check(t, diary(p, Start{}, 15*time.Second, func(time.Duration, int) Verdict { i++; return answers[i] }), []string{
		"1s good",
		"5s bad",  // first of two
		"6s none", // again after delay_loop
		"10s bad", "10s DOWN",
		"14s none",
	})
}

func TestSMTPHasRetriesInEveryCycle(t *testing.T) {
	p := Params{Timing: times(3*time.Second, time.Second, 2), Pacing: Pacing{Bursts: true}}
	check(t, diary(p, Start{}, 9*time.Second, badBetween(0, 7*time.Second)), []string{
		"1s bad", "2s bad", "3s bad", "3s DOWN first", // also the first cycle has them
		"6s bad", "7s good", "7s UP",
	})
}

func TestMiscDelaysCountFromTheStartOfARun(t *testing.T) {
	s := NewSchedule(Params{Timing: times(4*time.Second, time.Second, 1), Pacing: Pacing{FromStart: true}})
	s.Step(t0, Start{}, nil)
	began := t0.Add(time.Second)
	s.Step(began, Tick{}, nil)
	s.Step(began.Add(3*time.Second), Probed{Began: began, Verdict: Verdict{Up: true}}, nil)
	if got := s.Deadline().Sub(began); got != 4*time.Second {
		t.Errorf("next run %v after the start of the last, want 4s", got)
	}
}

func TestDynamicWeightIsReportedWhenItChangesAndForgottenWhenDown(t *testing.T) {
	p := Params{Timing: times(time.Second, time.Second, 0)}
	ten, twenty := 10, 20
	answers := []Verdict{{Up: true, Weight: &ten}, {Up: true, Weight: &ten}, {Up: true, Weight: &twenty}, {}, {Up: true, Weight: &twenty}, {Up: true}}
	i := -1
	check(t, diary(p, Start{}, 6*time.Second, func(time.Duration, int) Verdict { i++; return answers[i] }), []string{
		"1s good", "1s UP first weight 10", "2s good", "3s good", "3s UP weight 20",
		"4s bad", "4s DOWN", "5s good", "5s UP weight 20", "6s good", "6s UP",
	})
}

// urls is the setting of the recorded timelines: delay_loop 3, retry 2,
// delay_before_retry 1, three urls.
func urls(fast bool) Params {
	p := Params{Timing: times(3*time.Second, time.Second, 2), Pacing: Pacing{Sequence: true}, Steps: []string{"u1", "u2", "u3"}}
	p.FastRecovery, p.Alpha = fast, true
	return p
}

// secondBad: the second url is broken between two times.
func secondBad(from, to time.Duration) func(time.Duration, int) Verdict {
	return func(at time.Duration, step int) Verdict { return Verdict{Up: step != 1 || at < from || at >= to} }
}

func TestUrlsTakeTurnsAndARepairedOneStartsAFullRound(t *testing.T) {
	check(t, diary(urls(false), Start{}, 34*time.Second, secondBad(11*time.Second, 20*time.Second)), []string{
		"1s u1 good", "4s u2 good", "7s u3 good", "7s UP first", // (3-1) * delay_loop after the first
		"10s u1 good",
		"13s u2 bad", "14s u2 bad", "15s u2 bad", "15s DOWN",
		"18s u2 bad", // only the failed one, max(delay_loop, delay_before_retry)
		"21s u2 good", "24s u1 good", "27s u2 good", "30s u3 good", "30s UP",
		"33s u1 good",
	})
}

// keepalived 2.2.7 on a real ip_vs with one url, delay_loop 3, retry 1,
// delay_before_retry 1, broken from 12s to 28s, asked at 1.82 4.86 7.89 10.90
// (good) 13.96 14.98 (bad, DEL_DEST 15.08) 18.03 21.04 24.06 27.08 (bad) 30.14
// 33.19 (good, NEW_DEST 33.28): one url, too, has to pass once for its mark
// and once more for the round.
func TestASingleUrlThatFailedComesBackWithItsSecondSuccess(t *testing.T) {
	p := Params{Timing: times(3*time.Second, time.Second, 1), Pacing: Pacing{Sequence: true}, Steps: []string{"only"}}
	check(t, diary(p, Start{}, 34*time.Second, badBetween(12*time.Second, 28*time.Second)), []string{
		"1s only good", "4s only good", "7s only good", "10s only good",
		"13s only bad", "14s only bad", "14s DOWN", // 1 + retry 1, one second apart
		"17s only bad", "20s only bad", "23s only bad", "26s only bad",
		"29s only good", "32s only good", "32s UP",
	})
}

func TestASingleUrlIsUpAtStartWithItsFirstSuccess(t *testing.T) {
	p := Params{Timing: times(3*time.Second, time.Second, 1), Pacing: Pacing{Sequence: true}, Steps: []string{"only"}}
	p.Alpha = true
	check(t, diary(p, Start{}, 5*time.Second, badBetween(never, never)), []string{"1s only good", "1s UP first", "4s only good"})
}

func TestFastRecoveryDoesNotPauseAtStartAndRecovery(t *testing.T) {
	check(t, diary(urls(true), Start{}, 22*time.Second, secondBad(3*time.Second, 13*time.Second)), []string{
		"1s u1 good", "1s u2 good", "1s u3 good", "1s UP first",
		"4s u1 good",
		"7s u2 bad", "8s u2 bad", "9s u2 bad", "9s DOWN",
		"12s u2 bad",
		"15s u2 good", "15s u1 good", "15s u2 good", "15s u3 good", "15s UP",
		"18s u1 good", "21s u2 good",
	})
}

func TestAnotherUrlFailingDuringRecoveryIsNeverAskedInATightLoop(t *testing.T) {
	answer := func(at time.Duration, step int) Verdict {
		switch step {
		case 0:
			return Verdict{Up: at < 2*time.Second || at >= 18*time.Second} // bad when the round begins
		case 1:
			return Verdict{Up: at >= 12*time.Second}
		}
		return Verdict{Up: true}
	}
	check(t, diary(urls(true), Start{}, 19*time.Second, answer), []string{
		"1s u1 good", "1s u2 bad", "1s DOWN first", // the first failure is final, whichever url's it is
		"4s u2 bad", "7s u2 bad", "10s u2 bad",
		"13s u2 good", "13s u1 bad", "14s u1 bad", "15s u1 bad", "16s u1 bad", "17s u1 bad", // delay_before_retry each
		"18s u1 good", "18s u2 good", "18s u3 good", "18s UP",
	})
}

func TestFailedUrlWaitsTheLongerOfBothDelays(t *testing.T) {
	p := urls(false)
	p.Alpha, p.DelayBeforeRetry, p.Retry = false, 5*time.Second, 0
	check(t, diary(p, Start{}, 12*time.Second, secondBad(0, never)), []string{
		"1s u1 good", "4s u2 bad", "4s DOWN first", "9s u2 bad", // max(3s, 5s)
	})
}

func TestSuspendedCheckerLooksAgainEachDelayLoopWithoutAsking(t *testing.T) {
	s := NewSchedule(Params{Timing: times(4*time.Second, time.Second, 1)})
	s.Step(t0, Start{}, nil)
	s.Step(t0, Suspended{}, nil)
	if out := s.Step(t0.Add(time.Second), Tick{}, nil); len(out) != 0 {
		t.Errorf("suspended checker asks for %v", out)
	}
	s.Step(t0.Add(2*time.Second), Resumed{}, nil)
	if got := s.Deadline().Sub(t0); got != 5*time.Second { // 1s + 4s
		t.Errorf("looks again at %v, want 5s", got)
	}
	if out := s.Step(t0.Add(5*time.Second), Tick{}, nil); len(out) != 1 {
		t.Errorf("resumed checker does not ask: %v", out)
	}
}

func TestEarlyAndLateTicksAreHarmless(t *testing.T) {
	s := NewSchedule(Params{Timing: times(4*time.Second, time.Second, 1)})
	if out := s.Step(t0, Tick{}, nil); len(out) != 0 {
		t.Error("a checker that was not started asks")
	}
	s.Step(t0, Start{}, nil)
	if out := s.Step(t0.Add(999*time.Millisecond), Tick{}, nil); len(out) != 0 {
		t.Error("asks before its time")
	}
	if out := s.Step(t0.Add(time.Minute), Tick{}, nil); len(out) != 1 {
		t.Error("a late tick does not ask")
	}
	if out := s.Step(t0.Add(time.Minute), Tick{}, nil); len(out) != 0 {
		t.Error("asks twice at a time")
	}
	s.Step(t0.Add(time.Minute), Probed{Verdict: Verdict{Up: true}}, nil)
	if out := s.Step(t0.Add(time.Minute), Probed{Verdict: Verdict{}}, nil); len(out) != 0 {
		t.Error("takes a result it did not ask for")
	}
}

func TestNewTimersKeepStateAndShortenTheWait(t *testing.T) {
	s := NewSchedule(Params{Timing: times(time.Minute, time.Second, 0)})
	s.Step(t0, Start{}, nil)
	s.Step(t0.Add(time.Second), Tick{}, nil)
	s.Step(t0.Add(time.Second), Probed{Verdict: Verdict{}}, nil)
	s.Step(t0.Add(2*time.Second), Reconfigured{Params{Timing: times(4*time.Second, time.Second, 3)}}, nil)
	if s.Up() || s.Deadline().Sub(t0) != 5*time.Second { // 61s - 14 * 4s
		t.Errorf("up %v, next at %v; want down and 5s", s.Up(), s.Deadline().Sub(t0))
	}
}

func TestNewTimersShortenTheWaitForTheFirstProbe(t *testing.T) {
	s := NewSchedule(Params{Timing: times(time.Minute, time.Second, 0)})
	s.Step(t0, Start{Random: 50 * time.Second}, nil) // due at 51s
	short := Params{Timing: times(4*time.Second, time.Second, 0)}
	short.Warmup = 9 * time.Second
	s.Step(t0.Add(2*time.Second), Reconfigured{short}, nil)
	if got := s.Deadline().Sub(t0); got != 11*time.Second { // 51s - 4 * (1s + 9s)
		t.Errorf("first at %v, want 11s", got)
	}
}

func TestScheduleAllocatesNothingWhileAllIsWell(t *testing.T) {
	s := NewSchedule(Params{Timing: times(time.Second, time.Second, 1)})
	s.Step(t0, Start{}, nil)
	out := make([]Action, 0, 4)
	now := t0
	if n := testing.AllocsPerRun(100, func() {
		now = s.Deadline()
		out = s.Step(now, Tick{}, out[:0])
		out = s.Step(now, Probed{Began: now, Verdict: Verdict{Up: true}}, out[:0])
	}); n > 1 { // the event itself, when it becomes an interface
		t.Errorf("%v allocations a round", n)
	}
}

// TestScheduleKeepsItsPromises plays random answers to random settings.
func TestScheduleKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(lo int, name string) time.Duration {
			return time.Duration(rapid.IntRange(lo, 9).Draw(t, name)) * time.Second
		}
		p := Params{Timing: Timing{DelayLoop: seconds(1, "delay_loop"), DelayBeforeRetry: seconds(1, "delay_before_retry"),
			Retry: uint32(rapid.IntRange(0, 4).Draw(t, "retry")), Alpha: rapid.Bool().Draw(t, "alpha")}}
		if rapid.Bool().Draw(t, "sequence") {
			p.Pacing.Sequence, p.Steps = true, []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "urls")]
			p.FastRecovery = rapid.Bool().Draw(t, "fast_recovery")
		}
		s := NewSchedule(p)
		s.Step(t0, Start{Random: seconds(0, "warmup")}, nil)
		up, row, ran := !p.Alpha, uint32(0), false
		for range 60 {
			now := s.Deadline()
			out := s.Step(now, Tick{}, nil)
			if len(out) != 1 || !s.Deadline().IsZero() {
				t.Fatalf("at its deadline it does %v, next %v", out, s.Deadline())
			}
			if n := out[0].(Probe).Step; n != 0 && n >= len(p.Steps) {
				t.Fatalf("asks for url %d of %d", n, len(p.Steps))
			}
			good := rapid.Bool().Draw(t, "good")
			if row++; good {
				row = 0
			}
			for _, a := range s.Step(now, Probed{Began: now, Verdict: Verdict{Up: good}}, nil) {
				c, ok := a.(VerdictChanged)
				switch {
				case !ok:
					continue
				case c.Up != good:
					t.Fatalf("a good=%v answer made it up=%v", good, c.Up)
				case c.Up == up && !c.First:
					t.Fatalf("reports up=%v twice", up)
				case !c.Up && ran && row < p.Retry+1:
					t.Fatalf("down after %d failures in a row, retry is %d", row, p.Retry)
				}
				up, ran = c.Up, true
			}
			ran = ran || good && !p.Pacing.Sequence
			if s.Up() != up {
				t.Fatalf("is up=%v, reported up=%v", s.Up(), up)
			}
			wait := s.Deadline().Sub(now)
			if !good && wait < min(p.DelayLoop, p.DelayBeforeRetry) || wait > max(p.DelayLoop, p.DelayBeforeRetry) {
				t.Fatalf("waits %v after good=%v", wait, good)
			}
			if good && wait != p.DelayLoop && !p.FastRecovery {
				t.Fatalf("waits %v after a success", wait)
			}
		}
	})
}
