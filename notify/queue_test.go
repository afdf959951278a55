package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"holdfast/internal/event"
	"holdfast/internal/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeRunner runs nothing: it writes down when a command started and ended. A
// command lasts as long as its second word says and, like a process that is
// terminated, ends with its context.
type fakeRunner struct {
	start time.Time

	mu      sync.Mutex
	diary   []string
	running map[string]int // by object
	overlap bool
}

func newFake() *fakeRunner { return &fakeRunner{start: time.Now(), running: map[string]int{}} }

func (f *fakeRunner) Run(ctx context.Context, c run.Command) run.Result {
	name, object := c.Argv[0], c.Dir
	f.note(object, +1, "start "+name)
	defer f.note(object, -1, "end "+name)
	if name == "panics" {
		panic("no such thing")
	}
	lasts, _ := time.ParseDuration(c.Argv[1])
	t := time.NewTimer(lasts)
	defer t.Stop()
	select {
	case <-t.C:
		return run.Result{Duration: lasts}
	case <-ctx.Done():
		return run.Result{Signal: 15, Ended: true, Duration: time.Since(f.start)}
	}
}

func (f *fakeRunner) note(object string, n int, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running[object] += n
	f.overlap = f.overlap || f.running[object] > 1
	f.diary = append(f.diary, fmt.Sprintf("%v %s", time.Since(f.start), text))
}

// facts collects what was published.
type facts struct {
	mu   sync.Mutex
	list []event.Fact
}

func (fs *facts) publish(f event.Fact) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = append(fs.list, f)
}

func (fs *facts) lines() []string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var out []string
	for _, f := range fs.list {
		out = append(out, fmt.Sprintf("%s %s %s", f.Type, f.To, f.Reason))
	}
	return out
}

func object(name string) Object { return Object{event.Instance, name} }

// hook lasts d; its file name is what the diary shows.
func hook(o Object, file string, d time.Duration) Hook {
	return Hook{Keyword: "notify", Command: run.Command{Argv: []string{file, d.String()}, Dir: o.Name}}
}

func state(o Object, state string, d time.Duration) Event {
	return Event{Object: o, State: state, Hooks: []Hook{hook(o, state, d)}}
}

func TestHooksOfOneObjectWaitForEachOtherAndNotForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fs := newFake(), &facts{}
		d := NewDispatcher(r, fs.publish)
		a, b := object("VI_1"), object("VI_2")
		d.Enqueue(Event{Object: a, State: Master, Hooks: []Hook{
			hook(a, "a-master", 3*time.Second), hook(a, "a-notify", time.Second)}})
		time.Sleep(time.Second)
		d.Enqueue(state(a, "a-backup", time.Second))
		d.Enqueue(state(b, "b-backup", time.Second))
		if err := d.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"0s start a-master", "1s start b-backup", "2s end b-backup", "3s end a-master",
			"3s start a-notify", "4s end a-notify", "4s start a-backup", "5s end a-backup",
		}
		if diff := cmp.Diff(want, r.diary); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
}

func TestAHangingHookIsEndedAtItsLimitAndTheNextOneRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fs := newFake(), &facts{}
		d := NewDispatcher(r, fs.publish)
		o := object("VI_1")
		d.Enqueue(state(o, Master, time.Hour))
		short := state(o, Backup, time.Hour)
		short.Hooks[0].Timeout = 5 * time.Second
		d.Enqueue(short)
		time.Sleep(time.Minute)
		d.Enqueue(state(o, Fault, time.Second))
		if err := d.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"0s start MASTER", "30s end MASTER", // the default limit
			"30s start BACKUP", "35s end BACKUP", // 30s + 5s
			"1m0s start FAULT", "1m1s end FAULT",
		}
		if diff := cmp.Diff(want, r.diary); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		f := fs.list[0]
		if f.Reason != "timed-out" || f.Values["timed_out"] != "true" || f.Values["signal"] != "15" ||
			f.Text != "Script MASTER: notify ran longer than 30s and was ended" {
			t.Errorf("fact %+v", f)
		}
		if f = fs.list[2]; f.Reason != "succeeded" || f.Values["exit"] != "0" || f.Values["duration"] != "1s" || !f.Verbose {
			t.Errorf("fact %+v", f)
		}
	})
}

func TestAFullQueueSkipsTheOldestThatIsOvertaken(t *testing.T) {
	passing := func(o Object, i int) Event {
		ev := state(o, fmt.Sprintf("lower%d", i), time.Second)
		ev.Passing = true
		return ev
	}
	tests := map[string]struct {
		enqueue func(o Object) []Event
		want    []string // states whose hooks ran, in order
		skipped int
	}{
		"twenty states behind a running one": {
			func(o Object) (evs []Event) {
				for i := range 20 {
					evs = append(evs, state(o, fmt.Sprintf("s%d", i), time.Second))
				}
				return evs
			},
			// 16 may wait: the first four of twenty give way
			[]string{"first", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19"}, 4},
		"passing events do not push out the last state": {
			func(o Object) []Event {
				evs := []Event{state(o, "last", time.Second)}
				for i := range 18 {
					evs = append(evs, passing(o, i))
				}
				return evs
			},
			// 19 events, 16 may wait: lower0..lower2 give way
			[]string{"first", "last", "lower3", "lower4", "lower5", "lower6", "lower7", "lower8", "lower9", "lower10",
				"lower11", "lower12", "lower13", "lower14", "lower15", "lower16", "lower17"}, 3},
		"a passing event gives way before a state": {
			func(o Object) (evs []Event) {
				for i := range 15 {
					evs = append(evs, state(o, fmt.Sprintf("s%d", i), time.Second))
				}
				return append(evs, passing(o, 0), state(o, "s15", time.Second), state(o, "s16", time.Second))
			},
			// 18 events, 16 may wait: lower0 and then the oldest state give way
			[]string{"first", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16"}, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, fs := newFake(), &facts{}
				d := NewDispatcher(r, fs.publish)
				o := object("VI_1")
				d.Enqueue(state(o, "first", time.Second))
				synctest.Wait()
				for _, ev := range tt.enqueue(o) {
					d.Enqueue(ev)
				}
				time.Sleep(time.Minute)
				if err := d.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, started(r)); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
				n := 0
				for _, l := range fs.lines() {
					if strings.HasSuffix(l, " overtaken") {
						n++
					}
				}
				if n != tt.skipped {
					t.Errorf("%d skipped events on record, want %d", n, tt.skipped)
				}
			})
		})
	}
}

// started lists the commands in the order in which they started.
func started(r *fakeRunner) []string {
	var out []string
	for _, l := range r.diary {
		if _, name, ok := strings.Cut(l, " start "); ok {
			out = append(out, name)
		}
	}
	return out
}

// 200 transitions with slow hooks: no overlap, no reordering, and when all is
// quiet the last hook that ran names the state the object is in.
func TestTwoHundredTransitionsWithSlowHooks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		gaps := rapid.SliceOfN(rapid.IntRange(0, 3000), 200, 200).Draw(rt, "gaps_ms")
		lasts := rapid.SliceOfN(rapid.IntRange(0, 40000), 200, 200).Draw(rt, "lasts_ms")
		passing := rapid.SliceOfN(rapid.IntRange(0, 4), 200, 200).Draw(rt, "passing")
		synctest.Test(t, func(*testing.T) {
			r, fs := newFake(), &facts{}
			d := NewDispatcher(r, fs.publish)
			o := object("VI_1")
			last := ""
			for i := range 200 {
				time.Sleep(time.Duration(gaps[i]) * time.Millisecond)
				ev := state(o, fmt.Sprintf("%03d", i), time.Duration(lasts[i])*time.Millisecond)
				ev.Passing = passing[i] == 0
				if !ev.Passing {
					last = ev.State
				}
				d.Enqueue(ev)
			}
			time.Sleep(20 * 30 * time.Second) // 16 waiting and one running, 30 s each at most
			if err := d.Close(context.Background()); err != nil {
				rt.Fatal(err)
			}
			got := started(r)
			if r.overlap {
				rt.Fatal("two hooks of one object ran at once")
			}
			if !slices.IsSorted(got) {
				rt.Fatalf("out of order: %q", got)
			}
			lastState := ""
			for _, s := range got {
				var i int
				fmt.Sscan(strings.TrimLeft(s, "0"), &i)
				if passing[i] != 0 {
					lastState = s
				}
			}
			if lastState != last {
				rt.Fatalf("the last hook says %s, the object is %s", lastState, last)
			}
			if ran := len(got) + skippedIn(fs); ran != 200 {
				rt.Fatalf("%d hooks ran or are on record as skipped, want 200", ran)
			}
		})
	})
}

func skippedIn(fs *facts) (n int) {
	for _, f := range fs.list {
		if f.Type == event.HookSkipped {
			n++
		}
	}
	return n
}

func TestCloseRunsTheStopHookAndSkipsWhatItOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fs := newFake(), &facts{}
		d := NewDispatcher(r, fs.publish)
		o := object("VI_1")
		for _, s := range []string{Master, Backup, Master, Stop} {
			d.Enqueue(state(o, s, 10*time.Second))
		}
		synctest.Wait()
		if err := d.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.Enqueue(state(o, "afterwards", 0))
		want := []string{"0s start MASTER", "10s end MASTER", "10s start STOP", "20s end STOP"}
		if diff := cmp.Diff(want, r.diary); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		wantFacts := []string{"hook-skipped BACKUP overtaken", "hook-skipped MASTER overtaken",
			"hook-ran MASTER succeeded", "hook-ran STOP succeeded", "hook-skipped afterwards closed"}
		if diff := cmp.Diff(wantFacts, fs.lines()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	})
}

func TestCloseEndsHooksAtItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fs := newFake(), &facts{}
		d := NewDispatcher(r, fs.publish)
		d.Enqueue(state(object("VI_1"), Master, time.Hour))
		synctest.Wait() // it runs: a state that only waits would be skipped
		d.Enqueue(state(object("VI_1"), Stop, time.Second))
		d.Enqueue(state(object("VI_2"), Stop, time.Second))
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		err := d.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "those of 1 objects had to be ended") {
			t.Errorf("Close says %v", err)
		}
		want := []string{"hook-ran STOP succeeded", "hook-ran MASTER shutdown-limit", "hook-skipped STOP shutdown-limit"}
		if got := fs.lines(); !slices.Equal(got, want) {
			t.Errorf("facts\n got %q\nwant %q", got, want)
		}
	})
}

func TestAPanickingRunnerCostsOneHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, fs := newFake(), &facts{}
		d := NewDispatcher(r, fs.publish)
		o := object("VI_1")
		d.Enqueue(Event{Object: o, State: Master, Hooks: []Hook{hook(o, "panics", 0), hook(o, "next", 0)}})
		if err := d.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := fs.lines(), []string{"hook-ran MASTER failed", "hook-ran MASTER succeeded"}; !slices.Equal(got, want) {
			t.Errorf("facts %q, want %q", got, want)
		}
		if !strings.Contains(fs.list[0].Text, "panic: no such thing") {
			t.Errorf("text %q", fs.list[0].Text)
		}
	})
}

func TestTheGenericScriptGetsFourWords(t *testing.T) {
	base := func(argv ...string) *Hook { return &Hook{Keyword: "notify", Command: run.Command{Argv: argv}} }
	tests := map[string]struct {
		hooks    Hooks
		object   Object
		state    string
		priority int
		want     [][]string
	}{
		"state script first, its words unchanged": { // as observed with keepalived 2.2.7
			Hooks{States: map[string]*Hook{Master: base("/x/m", "extra", "two words")}, Generic: base("/x/n.sh", "gen")},
			Object{event.Instance, "VI_1"}, Master, 150,
			[][]string{{"/x/m", "extra", "two words"}, {"/x/n.sh", "gen", "INSTANCE", "VI_1", "MASTER", "150"}}},
		"a group has priority 0": {
			Hooks{Generic: base("/x/n.sh", "ggen")}, Object{event.Group, "G1"}, Backup, 77,
			[][]string{{"/x/n.sh", "ggen", "GROUP", "G1", "BACKUP", "0"}}},
		"deleted": {
			Hooks{States: map[string]*Hook{Deleted: base("/x/m2_deleted")}, Generic: base("/x/n.sh", "gen2")},
			Object{event.Instance, "VI_2"}, Deleted, 150,
			[][]string{{"/x/m2_deleted"}, {"/x/n.sh", "gen2", "INSTANCE", "VI_2", "DELETED", "150"}}},
		"a lower priority advert has no generic script": {
			Hooks{States: map[string]*Hook{MasterRxLowerPri: base("/x/low")}, Generic: base("/x/n.sh")},
			Object{event.Instance, "VI_1"}, MasterRxLowerPri, 150, [][]string{{"/x/low"}}},
		"nothing configured": {Hooks{}, Object{event.Instance, "VI_1"}, Master, 150, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ev, ok := tt.hooks.For(tt.object, tt.state, "active-down", tt.priority)
			var got [][]string
			for _, h := range ev.Hooks {
				got = append(got, h.Command.Argv)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || ok != (tt.want != nil) {
				t.Errorf("ok %t, -want +got\n%s", ok, diff)
			}
			if ev.Passing != (tt.state == MasterRxLowerPri) {
				t.Errorf("passing %t", ev.Passing)
			}
		})
	}
}
