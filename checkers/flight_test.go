package checkers

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// same are n checkers of different owners that ask the same question.
func same(n int, check func(context.Context) Verdict) []Spec {
	var list []Spec
	config := &fakeConfig{Name: "shared", check: check}
	for i := range n {
		s := fake(fmt.Sprintf("rs%d", i), fmt.Sprintf("vs%d", i), nil)
		s.Config = config
		list = append(list, s)
	}
	return list
}

// counted counts calls and answers good.
func counted(n *atomic.Int32) func(context.Context) Verdict {
	return func(context.Context) Verdict { n.Add(1); return Verdict{Up: true} }
}

func TestEqualChecksAreAskedOnceAndAllGetTheAnswer(t *testing.T) {
	var n atomic.Int32
	up := atomic.Bool{}
	up.Store(true)
	specs := same(3, func(context.Context) Verdict {
		n.Add(1)
		time.Sleep(time.Second)
		return Verdict{Up: up.Load(), Reason: Connect}
	})
	for i := range specs {
		specs[i].Timing.Warmup = 8 * time.Second // the others take the phase of the first
	}
	thirds := func(p *Pool) { p.Random = func(limit time.Duration) time.Duration { return limit / 4 } }
	inBubble(t, specs, thirds, func(_ *Pool, d *poolDiary) {
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := n.Load(); got != 3 { // at 3s, 14s and 25s
			t.Errorf("%d probes, want 3", got)
		}
		up.Store(false)
		d.clear()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		var want []string // asked at 36s, again 1s after it has failed at 37s, down at 39s
		for i := range 3 {
			want = append(want, fmt.Sprintf("39s vs%d log TCP_CHECK on service vs%d failed after 1 retries.", i, i), fmt.Sprintf("39s vs%d up=false", i))
		}
		check(t, d.all(), want)
	})
}

func TestChecksThatDifferInWordsOrTargetAreAskedApart(t *testing.T) {
	var n atomic.Int32
	specs := same(4, counted(&n))
	specs[1].Target.Mark = 1
	specs[2].Config = &fakeConfig{Name: "other", check: counted(&n)}
	specs[3].Total = time.Second
	inBubble(t, specs, nil, func(*Pool, *poolDiary) {
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := n.Load(); got != 4 {
			t.Errorf("%d probes, want 4", got)
		}
	})
}

// TestACheckAddedAtAReloadTakesThePhaseOfItsEqual, as far as its warmup allows.
func TestACheckAddedAtAReloadTakesThePhaseOfItsEqual(t *testing.T) {
	for _, tt := range []struct {
		warmup time.Duration
		want   int32 // probes after 43s: the first asks at 1s, 11s, ... 41s
	}{
		{10 * time.Second, 5},
		{time.Second, 5 + 4}, // asks at 5s, 15s, 25s, 35s
	} {
		t.Run(tt.warmup.String(), func(t *testing.T) {
			var n atomic.Int32
			specs := same(2, counted(&n))
			specs[1].Timing.Warmup = tt.warmup
			none := func(p *Pool) { p.Random = func(time.Duration) time.Duration { return 0 } }
			inBubble(t, specs[:1], none, func(p *Pool, _ *poolDiary) {
				time.Sleep(4 * time.Second)
				if err := p.Reconfigure(context.Background(), specs); err != nil {
					t.Fatal(err)
				}
				time.Sleep(39 * time.Second)
				synctest.Wait()
				if got := n.Load(); got != tt.want {
					t.Errorf("%d probes, want %d", got, tt.want)
				}
			})
		})
	}
}

func TestAProbeIsToldToStopWhenNobodyWaitsForItAnyMore(t *testing.T) {
	var began, stopped atomic.Int32
	specs := same(3, func(ctx context.Context) Verdict {
		began.Add(1)
		<-ctx.Done()
		stopped.Add(1)
		return down(Cancelled, "")
	})
	inBubble(t, specs, nil, func(p *Pool, d *poolDiary) {
		time.Sleep(2 * time.Second) // the probe runs since 1s
		p.Reconfigure(context.Background(), specs[:1])
		synctest.Wait()
		if got := stopped.Load(); got != 0 {
			t.Error("stopped although one still waits")
		}
		d.clear()
		p.Reconfigure(context.Background(), nil)
		synctest.Wait()
		if got := stopped.Load(); got != 1 {
			t.Error("not stopped")
		}
		check(t, d.all(), []string{"2s vs0 stopped"})
		if p.call(context.Background(), func(p *Pool) {
			if len(p.questions) != 0 || len(p.running) != 0 {
				t.Errorf("%d questions and %d probes are left", len(p.questions), len(p.running))
			}
		}) != nil {
			t.Error("the pool has ended")
		}
	})
}

// TestAnAnswerThatWasCutShortIsNobodys: a checker must not join a probe that has
// been told to stop.
func TestAnAnswerThatWasCutShortIsNobodys(t *testing.T) {
	specs := same(2, func(ctx context.Context) Verdict {
		<-ctx.Done()
		if ctx.Err() == context.Canceled {
			time.Sleep(2 * time.Second) // slow to stop
			return down(Cancelled, "")
		}
		return Verdict{Up: true}
	})
	specs[1].Timing.DelayLoop = 8 * time.Second // asks at 1s, 14s, ...
	specs[0].Timing.DelayLoop = 7 * time.Second // and this one at 1s, 13s
	inBubble(t, specs, nil, func(p *Pool, d *poolDiary) {
		time.Sleep(13500 * time.Millisecond)
		d.clear()
		p.Reconfigure(context.Background(), specs[1:])
		time.Sleep(6 * time.Second)
		synctest.Wait()
		check(t, d.all(), []string{"13.5s vs0 stopped"})
	})
}

// A checker that breaks its promise to return by its deadline.
func TestAProbeThatHangsIsAnAlarmAndCountsAsFailed(t *testing.T) {
	var n atomic.Int32
	specs := same(2, func(context.Context) Verdict {
		if n.Add(1) == 2 {
			time.Sleep(131 * time.Second)
		}
		return Verdict{Up: true}
	})
	specs[0].Timing.Retry, specs[1].Timing.Retry = 0, 0
	inBubble(t, specs, nil, func(p *Pool, d *poolDiary) {
		time.Sleep(12 * time.Second) // the second probe runs since 11s
		d.clear()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		check(t, d.all(), []string{ // three times delay_loop later
			"41s vs0 since 11s: FAKE_CHECK check of vs0 has had no result for 30s: its probe has not returned",
			"41s vs1 since 11s: FAKE_CHECK check of vs1 has had no result for 30s: its probe has not returned",
			"41s vs0 log TCP_CHECK on service vs0 failed.", "41s vs0 up=false",
			"41s vs1 log TCP_CHECK on service vs1 failed.", "41s vs1 up=false",
		})
		time.Sleep(99 * time.Second) // they ask again, and again are told
		if got := n.Load(); got != 2 {
			t.Errorf("%d probes, want 2: no other beside the one that hangs", got)
		}
		d.clear()
		time.Sleep(2 * time.Second) // 11s + 131s have passed
		synctest.Wait()
		check(t, d.all()[:2], []string{"2m22s vs0 log TCP connection to vs0 success.", "2m22s vs0 up=true"})
	})
}

func TestProbesThatGetNoTurnAreAnAlarm(t *testing.T) {
	slow := fake("rs1", "slow", func(ctx context.Context) Verdict { <-ctx.Done(); return down(Timeout, "") })
	slow.Total = 40 * time.Second
	only := func(p *Pool) { p.Limit = 1 }
	inBubble(t, []Spec{slow, fake("rs2", "quick", good)}, only, func(_ *Pool, d *poolDiary) {
		time.Sleep(32 * time.Second)
		synctest.Wait()
		check(t, d.all()[2:], []string{"31s quick since 1s: FAKE_CHECK check of quick has had no result for 30s: its probe waits for its turn (1 probes are running)"})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		check(t, d.all()[len(d.all())-1:], []string{"41s quick log TCP connection to quick success."})
	})
}
