package track

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"holdfast/internal/event"
	"holdfast/internal/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeRunner takes argv as: how long the run lasts, its exit status, and how
// long it ignores being killed.
type fakeRunner struct {
	start time.Time

	mu    sync.Mutex
	diary []string
}

func (f *fakeRunner) Run(ctx context.Context, c run.Command) run.Result {
	if c.Argv[0] == "panic" {
		panic("out of order")
	}
	lasts, _ := time.ParseDuration(c.Argv[0])
	var exit int
	fmt.Sscan(c.Argv[1], &exit)
	f.note("start " + c.Argv[0])
	t := time.NewTimer(lasts)
	defer t.Stop()
	select {
	case <-t.C:
		f.note("end " + c.Argv[0])
		return run.Result{Exit: exit}
	case <-ctx.Done():
	}
	if len(c.Argv) > 2 {
		deaf, _ := time.ParseDuration(c.Argv[2])
		time.Sleep(deaf)
	}
	f.note("killed " + c.Argv[0])
	return run.Result{Signal: 15, Ended: true}
}

func (f *fakeRunner) note(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.diary = append(f.diary, fmt.Sprintf("%v %s", time.Since(f.start), text))
}

func scriptJob(name string, argv ...string) Job {
	return Job{Params: Params{Name: name, Interval: time.Second, Rise: 1, Fall: 1}, Command: run.Command{Argv: argv}}
}

// bench is a running Scripts whose verdicts and runs are written down.
type bench struct {
	*Scripts
	fake *fakeRunner
	stop func() // ends Run and waits for it
}

func startBench(ctx context.Context) *bench {
	b := &bench{fake: &fakeRunner{start: time.Now()}}
	b.Scripts = NewScripts(b.fake,
		func(f event.Fact) { b.fake.note(f.Text) },
		func(name string, s State) { b.fake.note(name + " is " + s.String()) })
	ctx, cancel := context.WithCancel(ctx)
	go b.Run(ctx)
	b.stop = func() { cancel(); <-b.done }
	return b
}

func TestScriptsRunAtTheirIntervalAndReportVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t.Context())
		slow := scriptJob("slow", "100ms", "1")
		slow.Params.Interval = 2 * time.Second
		if err := b.Configure(t.Context(), []Job{scriptJob("chk", "10ms", "0"), slow}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2500 * time.Millisecond)
		b.stop()
		want := []string{
			"0s start 10ms", "0s start 100ms",
			"10ms end 10ms", "10ms VRRP_Script(chk) succeeded", "10ms chk is up",
			"100ms end 100ms", "100ms Script `slow` now returning 1",
			"100ms VRRP_Script(slow) failed (exited with status 1)", "100ms slow is down",
			"1s start 10ms", "1.01s end 10ms",
			"2s start 10ms", "2s start 100ms", "2.01s end 10ms", "2.1s end 100ms",
		}
		// Two runs that start in one instant write in any order.
		for _, d := range [][]string{want, b.fake.diary} {
			slices.SortStableFunc(d, func(a, b string) int {
				ta, _, _ := strings.Cut(a, " ")
				tb, _, _ := strings.Cut(b, " ")
				da, _ := time.ParseDuration(ta)
				db, _ := time.ParseDuration(tb)
				if da == db && strings.Contains(a, " start ") && strings.Contains(b, " start ") {
					return strings.Compare(a, b)
				}
				return int(da - db)
			})
		}
		if d := cmp.Diff(want, b.fake.diary); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

func TestAScriptThatIgnoresItsEndDelaysNoVerdictAndNeverOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t.Context())
		if err := b.Configure(t.Context(), []Job{scriptJob("chk", "1h", "0", "1700ms")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3100 * time.Millisecond)
		b.stop()
		want := []string{
			"0s start 1h", "1s VRRP_Script(chk) timed_out", "1s chk is down",
			"1s Track script chk is already running, expect idle - skipping run",
			"2.7s killed 1h",                // 1s + 1.7s
			"3s start 1h", "4.8s killed 1h", // 3.1s + 1.7s: Run waits for it
		}
		if d := cmp.Diff(want, b.fake.diary); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

func TestReloadKeepsUnchangedScriptsAndEndsRemovedOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t.Context())
		keep, gone := scriptJob("keep", "500ms", "0"), scriptJob("gone", "900ms", "0")
		if err := b.Configure(t.Context(), []Job{keep, gone}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(250 * time.Millisecond)
		changed := scriptJob("new", "10ms", "0")
		if err := b.Configure(t.Context(), []Job{keep, changed, changed}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
		var names []string
		for _, j := range b.Snapshots(t.Context()) {
			names = append(names, fmt.Sprintf("%s %v", j.Params.Name, j.Status.State))
		}
		b.stop()
		if d := cmp.Diff([]string{"keep up", "new up"}, names); d != "" {
			t.Errorf("snapshots -want +got\n%s", d)
		}
		for _, l := range []string{"250ms killed 900ms", "250ms start 10ms", "500ms end 500ms"} {
			if !slices.Contains(b.fake.diary, l) {
				t.Errorf("diary lacks %q: %q", l, b.fake.diary)
			}
		}
		if err := b.Configure(t.Context(), nil); err == nil {
			t.Error("a runner that has ended took a configuration")
		}
		if got := b.Snapshots(t.Context()); got != nil {
			t.Errorf("snapshots after the end: %v", got)
		}
	})
}

func TestAnotherCommandRestartsTheScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t.Context())
		for _, argv := range []string{"10ms", "20ms"} {
			if err := b.Configure(t.Context(), []Job{scriptJob("chk", argv, "0")}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		b.stop()
		want := []string{"0s start 10ms", "10ms end 10ms", "10ms VRRP_Script(chk) succeeded", "10ms chk is up",
			"100ms VRRP_Script(chk) considered successful on reload", "100ms start 20ms", "120ms end 20ms"}
		if d := cmp.Diff(want, b.fake.diary); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

// What counts as another command, and starts the script anew on a reload.
func TestWhichCommandsAreTheSame(t *testing.T) {
	base := func() run.Command {
		return run.Command{Argv: []string{"/x", "a"}, Path: "/usr/x", Dir: "/", Env: []string{"A=1"},
			Cred: &run.Credential{UID: 1, GID: 2, Groups: []uint32{3}}}
	}
	tests := map[string]struct {
		edit func(*run.Command)
		same bool
	}{
		"the same, read again":     {func(*run.Command) {}, true},
		"another argument":         {func(c *run.Command) { c.Argv[1] = "b" }, false},
		"an argument more":         {func(c *run.Command) { c.Argv = append(c.Argv, "") }, false},
		"another file":             {func(c *run.Command) { c.Path = "/bin/x" }, false},
		"another directory":        {func(c *run.Command) { c.Dir = "/tmp" }, false},
		"another environment":      {func(c *run.Command) { c.Env[0] = "A=2" }, false},
		"another user":             {func(c *run.Command) { c.Cred.UID = 9 }, false},
		"another group":            {func(c *run.Command) { c.Cred.GID = 9 }, false},
		"other groups besides":     {func(c *run.Command) { c.Cred.Groups = nil }, false},
		"the daemon's own account": {func(c *run.Command) { c.Cred = nil }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			other := base()
			tt.edit(&other)
			if sameCommand(base(), other) != tt.same || sameCommand(other, base()) != tt.same {
				t.Errorf("same %t, want %t", !tt.same, tt.same)
			}
		})
	}
	own := run.Command{Argv: []string{"/x"}}
	if !sameCommand(own, own) {
		t.Error("two commands of the daemon's own account differ")
	}
}

func TestConfigureDoesNotWaitBeyondItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewScripts(&fakeRunner{}, func(event.Fact) {}, func(string, State) {}) // nobody runs it
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := s.Configure(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Configure says %v, want that its time is over", err)
		}
		if got := s.Snapshots(ctx); got != nil {
			t.Errorf("snapshots %v", got)
		}
	})
}

// A script that was removed and comes back while its last run has not ended
// must not take the end of that run for its own.
func TestAScriptThatComesBackIgnoresItsFormerRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t.Context())
		configure := func(jobs ...Job) {
			t.Helper()
			if err := b.Configure(t.Context(), jobs); err != nil {
				t.Fatal(err)
			}
		}
		configure(scriptJob("chk", "1h", "0", "300ms"))
		time.Sleep(100 * time.Millisecond)
		configure() // killed at 100 ms, gone at 400 ms
		time.Sleep(100 * time.Millisecond)
		configure(scriptJob("chk", "600ms", "0")) // 200 ms to 800 ms
		time.Sleep(300 * time.Millisecond)
		if got := b.Snapshots(t.Context())[0].Status; !got.Running || got.State != Unknown {
			t.Errorf("at 500 ms: %+v, want running without a verdict", got)
		}
		time.Sleep(400 * time.Millisecond)
		if got := b.Snapshots(t.Context())[0].Status; got.Running || got.State != Up {
			t.Errorf("at 900 ms: %+v, want ended and up", got)
		}
		b.stop()
	})
}

func TestAPanickingRunIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBench(t.Context())
		if err := b.Configure(t.Context(), []Job{scriptJob("chk", "panic")}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.stop()
		want := []string{"0s VRRP_Script(chk) failed (run script 'panic': panic: out of order)", "0s chk is down"}
		if d := cmp.Diff(want, b.fake.diary); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

// A real shell script as child, in real time: it fails as long as a file is
// missing and hangs when told to.
func TestARealScript(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "chk.sh")
	const text = "#!/bin/sh\ncd \"${0%/*}\"\ntest -e hang && { trap '' TERM; sleep 600 & wait; }\ntest -e good\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	verdicts := make(chan State, 10)
	texts := make(chan string, 100)
	s := NewScripts(run.Exec{}, func(f event.Fact) { texts <- f.Text }, func(_ string, st State) { verdicts <- st })
	ctx, cancel := context.WithCancel(t.Context())
	go s.Run(ctx)
	job := scriptJob("chk", script)
	job.Params.Interval, job.Params.Timeout = 100*time.Millisecond, 2*time.Second
	if err := s.Configure(ctx, []Job{job}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		file string
		want State
	}{{"", Down}, {"good", Up}, {"hang", Down}} {
		if step.file != "" {
			if err := os.WriteFile(filepath.Join(dir, step.file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := <-verdicts; got != step.want {
			t.Errorf("after %q: %v, want %v", step.file, got, step.want)
		}
	}
	cancel()
	<-s.done
	var got []string
	for len(texts) > 0 {
		if l := <-texts; strings.HasPrefix(l, "VRRP_Script") {
			got = append(got, l)
		}
	}
	want := []string{"VRRP_Script(chk) failed (exited with status 1)", "VRRP_Script(chk) succeeded", "VRRP_Script(chk) timed_out"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}
