package checkers

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/kconf"
)

// fakeConfig answers what a test says.
type fakeConfig struct {
	Common
	Name  string
	check func(ctx context.Context) Verdict
}

func (c *fakeConfig) common() *Common { return &c.Common }

// Check implements Checker.
func (c *fakeConfig) Check(ctx context.Context) Verdict { return c.check(ctx) }

var fakeKind = &Kind{
	Keyword: "FAKE_CHECK",
	New:     func(c Config, _ Target) []Checker { return []Checker{c.(*fakeConfig)} },
	Texts:   func(Config) Texts { return tcpTexts },
}

// fake is a checker of owner with delay_loop 10, retry 1, delay_before_retry 1.
func fake(owner, name string, check func(context.Context) Verdict) Spec {
	return Spec{Owner: owner, Kind: fakeKind, Config: &fakeConfig{Name: name, check: check}, Total: 5 * time.Second,
		Timing: times(10*time.Second, time.Second, 1), Names: Names{Server: name}}
}

func good(context.Context) Verdict { return Verdict{Up: true} }
func bad(context.Context) Verdict  { return Verdict{Reason: Connect} }

// poolDiary notes reports with their time.
type poolDiary struct {
	start time.Time

	mu    sync.Mutex
	lines []string
}

// all are the lines until now.
func (d *poolDiary) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// clear begins a new page.
func (d *poolDiary) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = nil
}

func (d *poolDiary) emit(r Report) {
	text := ""
	switch a := r.Action.(type) {
	case Started:
		text = fmt.Sprintf("started up=%v", a.Up)
	case Stopped:
		text = "stopped"
	case Overdue:
		text = fmt.Sprintf("since %v: %s", a.Since.Sub(d.start), a.Text)
	case VerdictChanged:
		text = fmt.Sprintf("up=%v", a.Up)
	case Log:
		text, _, _ = strings.Cut("log "+a.Text, "\n")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%v %s %s", r.At.Sub(d.start), r.Spec.Names.Server, text))
}

// inBubble runs a pool in virtual time; stop ends it and waits.
func inBubble(t *testing.T, specs []Spec, change func(*Pool), play func(p *Pool, d *poolDiary)) {
	synctest.Test(t, func(t *testing.T) {
		d := &poolDiary{start: time.Now()}
		p := NewPool(d.emit)
		if change != nil {
			change(p)
		}
		ctx, stop := context.WithCancel(t.Context())
		go p.Run(ctx, specs)
		play(p, d)
		stop()
		synctest.Wait()
		select {
		case <-p.done:
		default:
			t.Error("Run has not returned")
		}
	})
}

func TestPoolRunsProbesAndReportsChanges(t *testing.T) {
	inBubble(t, []Spec{fake("rs1", "a", good), fake("rs2", "b", bad)}, nil, func(p *Pool, d *poolDiary) {
		time.Sleep(12 * time.Second)
		synctest.Wait()
		want := []string{
			"0s a started up=true", "0s b started up=true",
			"1s a log TCP connection to a success.",
			"1s b log TCP_CHECK on service b failed.", "1s b up=false",
		}
		got := d.all()
		slices.Sort(got[2:]) // two probes end at the same time
		slices.Sort(want[2:])
		check(t, got, want)
	})
}

func TestPoolDrawsTheFirstDelayFromWarmup(t *testing.T) {
	s := fake("rs1", "a", bad)
	s.Timing.Warmup = 8 * time.Second
	half := func(p *Pool) { p.Random = func(limit time.Duration) time.Duration { return limit / 2 } }
	inBubble(t, []Spec{s}, half, func(p *Pool, d *poolDiary) {
		time.Sleep(6 * time.Second)
		synctest.Wait()
		check(t, d.all(), []string{"0s a started up=true", "5s a log TCP_CHECK on service a failed.", "5s a up=false"}) // 1s + 8s/2
	})
}

// TestPanicOfAProbeIsAFailedProbe: one line, one attempt that failed, nothing for
// others, and the next probe comes in its time.
func TestPanicOfAProbeIsAFailedProbe(t *testing.T) {
	var n atomic.Int32
	bomb := fake("rs1", "bomb", func(context.Context) Verdict {
		if n.Add(1) == 2 {
			panic("boom")
		}
		return Verdict{Up: true}
	})
	bomb.Timing.LogAllFailures = true
	inBubble(t, []Spec{bomb, fake("rs2", "quiet", good)}, nil, func(_ *Pool, d *poolDiary) {
		time.Sleep(2 * time.Second)
		synctest.Wait()
		d.clear()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		check(t, d.all(), []string{
			"11s bomb log FAKE_CHECK check of bomb: checker panicked: boom",
			"11s bomb log TCP connection to bomb failed.", // the first of two that it takes
		})
		if got := n.Load(); got != 5 { // at 1s, 11s, after delay_before_retry at 12s, 22s and 32s
			t.Errorf("%d probes, want 5", got)
		}
	})
}

func TestAProbeThatPanicsEachTimeIsDownAndSaysSoOnce(t *testing.T) {
	var n atomic.Int32
	specs := same(3, func(context.Context) Verdict {
		if n.Add(1); n.Load() != 4 {
			panic("boom")
		}
		return Verdict{Up: true}
	})
	inBubble(t, specs, nil, func(_ *Pool, d *poolDiary) {
		want := func(until time.Duration, lines ...string) {
			t.Helper()
			d.clear()
			time.Sleep(time.Until(d.start.Add(until)))
			synctest.Wait()
			check(t, d.all(), lines)
		}
		panicked := " log FAKE_CHECK check of vs0 and of 2 more: checker panicked: boom"
		down := func(at, how string) (lines []string) {
			for i := range 3 {
				lines = append(lines, fmt.Sprintf("%s vs%d log TCP_CHECK on service vs%d failed%s.", at, i, i, how), fmt.Sprintf("%s vs%d up=false", at, i))
			}
			return lines
		}
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		want(2*time.Second, append([]string{"1s vs0" + panicked}, down("1s", "")...)...)
		want(30 * time.Second) // again at 11s and 21s
		want(32*time.Second, "31s vs0 log TCP connection to vs0 success.", "31s vs0 up=true", "31s vs1 log TCP connection to vs1 success.", "31s vs1 up=true",
			"31s vs2 log TCP connection to vs2 success.", "31s vs2 up=true")
		want(60*time.Second, append([]string{"41s vs0" + panicked}, down("42s", " after 1 retries")...)...)
	})
}

// TestChecksAreAskedTogetherAndKeepTheirRhythm: one that is due 8 ms later is asked
// with the other, and waits 8 ms longer after it.
func TestChecksAreAskedTogetherAndKeepTheirRhythm(t *testing.T) {
	asked := map[string][]time.Duration{}
	var mu sync.Mutex
	var began time.Time
	spec := func(name string, warmup time.Duration) Spec {
		s := fake(name, name, func(context.Context) Verdict {
			mu.Lock()
			defer mu.Unlock()
			asked[name] = append(asked[name], time.Since(began))
			return Verdict{Up: true}
		})
		s.Timing.Warmup = warmup
		return s
	}
	synctest.Test(t, func(t *testing.T) {
		began = time.Now()
		p := NewPool(nil)
		p.Random = func(limit time.Duration) time.Duration { return limit }
		ctx, stop := context.WithCancel(t.Context())
		specs := []Spec{spec("first", 0), spec("near", 8*time.Millisecond), spec("far", 20*time.Millisecond)}
		go p.Run(ctx, specs)
		time.Sleep(12 * time.Second)
		if err := p.Reconfigure(ctx, specs[1:]); err != nil { // they have the same rhythm without it
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		stop()
		synctest.Wait()
	})
	for name, want := range map[string]string{"first": "[1s 11s]", "near": "[1s 11s 21.008s]", "far": "[1.02s 11.02s 21.02s]"} {
		if got := fmt.Sprint(asked[name]); got != want {
			t.Errorf("%s was asked at %s, want %s", name, got, want)
		}
	}
}

func TestProbeHasItsTotalDeadline(t *testing.T) {
	wait := func(ctx context.Context) Verdict { <-ctx.Done(); return Verdict{Reason: Timeout} }
	inBubble(t, []Spec{fake("rs1", "a", wait)}, nil, func(p *Pool, d *poolDiary) {
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if got := d.all()[len(d.all())-1]; got != "6s a up=false" { // 1s + total 5s
			t.Errorf("last line %q", got)
		}
	})
}

func TestNoMoreProbesThanTheLimitRunAtOnce(t *testing.T) {
	running, most := 0, 0
	gate := make(chan struct{}, 1)
	guarded := func(ctx context.Context) Verdict {
		gate <- struct{}{}
		running++
		most = max(most, running)
		<-gate
		time.Sleep(time.Second)
		gate <- struct{}{}
		running--
		<-gate
		return Verdict{Up: true}
	}
	var specs []Spec
	for i := range 5 {
		specs = append(specs, fake(fmt.Sprint(i), fmt.Sprint(i), guarded))
	}
	inBubble(t, specs, func(p *Pool) { p.Limit = 2 }, func(p *Pool, d *poolDiary) {
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if most != 2 {
			t.Errorf("%d probes at once, want 2", most)
		}
		var ends []string
		for _, l := range d.all() {
			if strings.Contains(l, "success") {
				ends = append(ends, strings.Fields(l)[0])
			}
		}
		check(t, ends, []string{"2s", "2s", "3s", "3s", "4s"}) // two a second
	})
}

func TestStoppingThePoolEndsRunningProbes(t *testing.T) {
	ended := make(chan struct{}, 1)
	hang := func(ctx context.Context) Verdict {
		<-ctx.Done()
		ended <- struct{}{}
		return Verdict{Reason: Cancelled}
	}
	inBubble(t, []Spec{fake("rs1", "a", hang)}, nil, func(p *Pool, d *poolDiary) {
		time.Sleep(2 * time.Second) // the probe runs since 1s
	})
	select {
	case <-ended:
	default:
		t.Error("the probe did not see the end")
	}
}

func TestReconfigureKeepsUnchangedCheckersInStateAndPhase(t *testing.T) {
	// Same compares configurations; verdicts come from a variable instead
	verdict := func(context.Context) Verdict { return Verdict{Reason: Connect} }
	kind := &Kind{Keyword: "FAKE_CHECK", Texts: fakeKind.Texts,
		New: func(Config, Target) []Checker { return []Checker{&fakeConfig{check: verdict}} }}
	spec := func(owner, name string) Spec {
		s := fake(owner, name, nil)
		s.Kind = kind
		return s
	}
	inBubble(t, []Spec{spec("rs1", "a"), spec("rs2", "b")}, nil, func(p *Pool, d *poolDiary) {
		time.Sleep(3 * time.Second)
		synctest.Wait()
		d.clear()
		slower := spec("rs1", "a")
		slower.Timing.Retry = 5 // timers do not change the identity
		if err := p.Reconfigure(context.Background(), []Spec{slower, spec("rs3", "c"), spec("rs1", "d")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		check(t, d.all(), []string{
			"3s c started up=true", // new server: retries as usual
			"3s d started up=true", // new checker on a known server: first failure is final
			"3s b stopped",
			"4s d log TCP_CHECK on service d failed.", "4s d up=false",
			"5s c log TCP_CHECK on service c failed.", "5s c up=false", // 4s and, after delay_before_retry, 5s
		})
		list, err := p.Status(context.Background())
		if err != nil || len(list) != 3 {
			t.Fatalf("%v %v", list, err)
		}
		a := list[0]
		if a.Up || !a.HasRun || a.Next.Sub(d.start) != 11*time.Second || a.Spec.Timing.Retry != 5 { // 1s + delay_loop
			t.Errorf("a lost its history: %+v", a)
		}
	})
}

func TestAlphaCheckerAddedToAGoodServerStartsUp(t *testing.T) {
	for name, tt := range map[string]struct {
		old  func(context.Context) Verdict
		want string
	}{
		"others are up":   {good, "3s n started up=true"},
		"others are down": {bad, "3s n started up=false"},
	} {
		t.Run(name, func(t *testing.T) {
			kind := &Kind{Keyword: "OLD_CHECK", Texts: fakeKind.Texts,
				New: func(Config, Target) []Checker { return []Checker{&fakeConfig{check: tt.old}} }}
			old := fake("rs1", "o", nil)
			old.Kind = kind
			inBubble(t, []Spec{old}, nil, func(p *Pool, d *poolDiary) {
				time.Sleep(3 * time.Second)
				synctest.Wait()
				d.clear()
				n := fake("rs1", "n", good)
				n.Timing.Alpha = true
				if err := p.Reconfigure(context.Background(), []Spec{old, n}); err != nil {
					t.Fatal(err)
				}
				check(t, d.all(), []string{tt.want})
			})
		})
	}
}

func TestRemovedCheckerIsCancelledAndItsResultIgnored(t *testing.T) {
	slow := func(ctx context.Context) Verdict { <-ctx.Done(); return Verdict{Reason: Connect} }
	inBubble(t, []Spec{fake("rs1", "a", slow)}, nil, func(p *Pool, d *poolDiary) {
		time.Sleep(2 * time.Second)
		if err := p.Reconfigure(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		check(t, d.all(), []string{"0s a started up=true", "2s a stopped"})
	})
}

func TestSuspendedServersAreNotAsked(t *testing.T) {
	asked := make(chan time.Time, 10)
	note := func(context.Context) Verdict { asked <- time.Now(); return Verdict{Up: true} }
	inBubble(t, []Spec{fake("rs1", "a", note)}, nil, func(p *Pool, d *poolDiary) {
		if err := p.Suspend(context.Background(), "rs1", true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second) // looks at 1s and 11s
		if err := p.Suspend(context.Background(), "rs1", false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Second)
		synctest.Wait()
		if at := (<-asked).Sub(d.start); at != 21*time.Second || len(asked) != 0 {
			t.Errorf("asked at %v and %d times more, want 21s", at, len(asked))
		}
	})
}

func TestCheckerAddedToASuspendedServerIsNotAsked(t *testing.T) {
	inBubble(t, nil, nil, func(p *Pool, d *poolDiary) {
		if err := p.Suspend(context.Background(), "rs1", true); err != nil {
			t.Fatal(err)
		}
		if err := p.Reconfigure(context.Background(), []Spec{fake("rs1", "a", bad)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		check(t, d.all(), []string{"0s a started up=true"})
	})
}

func TestCallsAfterTheEndSaySo(t *testing.T) {
	p := NewPool(nil)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	p.Run(ctx, nil)
	if err := p.Reconfigure(context.Background(), nil); err == nil {
		t.Error("Reconfigure of a pool that has ended succeeded")
	}
}

func TestSameAskWhatAndWhomNotWhen(t *testing.T) {
	base := func() Spec {
		return Spec{Owner: "rs1", Kind: httpKind, Config: &HTTPConfig{URLs: []URL{{Path: "/", Regex: rx("a")}}},
			Target: Target{Addr: netip.MustParseAddrPort("192.0.2.11:80"), Timeout: time.Second}, Timing: times(1, 2, 3), Pos: kconf.Pos{Line: 1}}
	}
	tests := map[string]struct {
		change func(*Spec)
		want   bool
	}{
		"nothing":         {func(*Spec) {}, true},
		"timers":          {func(s *Spec) { s.Timing = times(4, 5, 6) }, true},
		"place in file":   {func(s *Spec) { s.Pos.Line = 9 }, true},
		"real server":     {func(s *Spec) { s.Owner = "rs2" }, false},
		"kind":            {func(s *Spec) { s.Kind = sslKind }, false},
		"connect_timeout": {func(s *Spec) { s.Target.Timeout = 2 * time.Second }, false},
		"fwmark":          {func(s *Spec) { s.Target.Mark = 1 }, false},
		"path":            {func(s *Spec) { s.Config.(*HTTPConfig).URLs[0].Path = "/x" }, false},
		"pattern":         {func(s *Spec) { s.Config.(*HTTPConfig).URLs[0].Regex.Pattern = "b" }, false},
	}
	for name, tt := range tests {
		other := base()
		tt.change(&other)
		if got := base().Same(other); got != tt.want {
			t.Errorf("%s changed: same %v, want %v", name, got, tt.want)
		}
	}
}
