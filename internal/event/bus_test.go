package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func became(name, state string) Fact {
	return Fact{Type: Transitioned, Kind: Instance, Name: name, To: state}
}

// line is what a subscriber of these tests writes down.
func line(f Fact) string { return fmt.Sprintf("%d %s %s", f.Seq, f.Name, f.To) }

func TestEverySubscriberSeesTheSameOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		var fast, slow []string
		b.Subscribe("fast", DropOldest, func(f Fact) { fast = append(fast, line(f)) })
		b.Subscribe("slow", KeepLastState, func(f Fact) { time.Sleep(time.Second); slow = append(slow, line(f)) })
		// Publishers compete; the bus decides once who was first.
		for i := range 5 {
			go func() {
				for range 4 {
					b.Publish(became(fmt.Sprintf("VI_%d", i), "MASTER"))
				}
			}()
		}
		time.Sleep(time.Minute)
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(fast) != 20 || !slices.Equal(fast, slow) {
			t.Errorf("orders differ:\nfast %q\nslow %q", fast, slow)
		}
		for i, l := range fast {
			if want := fmt.Sprintf("%d ", i+1); !strings.HasPrefix(l, want) {
				t.Errorf("fact %d is %q, want sequence number %d", i, l, i+1)
			}
		}
	})
}

func TestPublishDoesNotWaitForAStuckSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		release := make(chan struct{})
		b.Subscribe("stuck", DropOldest, func(Fact) { <-release })
		start := time.Now()
		for range 5000 {
			b.Publish(became("VI_1", "MASTER"))
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("5000 facts took %v of virtual time", took)
		}
		synctest.Wait()
		st := b.Stats()[0]
		// whether the first fact was taken before the queue filled is up to the scheduler
		if st.Waiting != 1024 || st.Dropped < 5000-1024-1 || st.Dropped > 5000-1024 {
			t.Errorf("stats %+v, want 1024 waiting and 3975 or 3976 dropped", st)
		}
		close(release)
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestDropOldestReportsTheLossAsAFact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		b.bound = 2
		var got []string
		b.Subscribe("view", DropOldest, func(f Fact) {
			time.Sleep(time.Second)
			got = append(got, f.String())
		})
		b.Publish(became("VI_1", "one"))
		synctest.Wait() // the first is being handled
		for _, s := range []string{"two", "three", "four", "five"} {
			b.Publish(became("VI_1", s))
		}
		time.Sleep(time.Minute)
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"transitioned instance VI_1  -> one",
			"transitioned instance VI_1  -> four",
			"transitioned instance VI_1  -> five",
			"facts-dropped subscriber view (queue-full)",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

func TestKeepLastStateSkipsOnlyWhatIsOvertaken(t *testing.T) {
	tests := map[string]struct {
		bound int
		in    []string // object:state
		want  []string
	}{
		"below the bound nothing is lost": {3, []string{"a:1", "a:2", "a:3"}, []string{"a:1", "a:2", "a:3"}},
		"the oldest of the same object goes": {
			3, []string{"a:1", "b:1", "a:2", "a:3"}, []string{"b:1", "a:2", "a:3"}},
		"another object's only state stays": {
			2, []string{"a:1", "b:1", "b:2", "b:3"}, []string{"a:1", "b:3"}},
		"nothing overtaken: the queue grows": {
			2, []string{"a:1", "b:1", "c:1", "d:1"}, []string{"a:1", "b:1", "c:1", "d:1"}},
		"grown queue: the new one replaces its own predecessor": {
			2, []string{"a:1", "b:1", "c:1", "b:2"}, []string{"a:1", "c:1", "b:2"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q := newQueue(KeepLastState, tt.bound)
			for _, s := range tt.in {
				object, state, _ := strings.Cut(s, ":")
				q.push(became(object, state))
			}
			var got []string
			for f, ok := q.pop(); ok; f, ok = q.pop() {
				got = append(got, f.Name+":"+f.To)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			if len(q.waiting) != 0 {
				t.Errorf("empty queue still counts %v", q.waiting)
			}
		})
	}
}

func TestDifferentFactTypesDoNotOvertakeEachOther(t *testing.T) {
	q := newQueue(KeepLastState, 1)
	q.push(became("VI_1", "MASTER"))
	q.push(Fact{Type: PriorityChanged, Kind: Instance, Name: "VI_1"})
	if len(q.facts) != 2 {
		t.Errorf("%d facts wait, want both: a priority does not overtake a state", len(q.facts))
	}
}

// Whatever is pushed and popped: order is kept and the newest of each object arrives.
func TestKeepLastStateProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue(KeepLastState, rapid.IntRange(1, 8).Draw(t, "bound"))
		last := map[string]uint64{}
		seen := map[string]uint64{}
		var order uint64
		take := func() bool {
			f, ok := q.pop()
			if ok && f.Seq <= order {
				t.Fatalf("fact %d came after fact %d", f.Seq, order)
			}
			if ok {
				order, seen[f.Name] = f.Seq, f.Seq
			}
			return ok
		}
		n := rapid.IntRange(0, 60).Draw(t, "steps")
		for i := range n {
			if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
				take()
				continue
			}
			f := became(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "object"), "x")
			f.Seq = uint64(i + 1)
			last[f.Name] = f.Seq
			q.push(f)
			if len(q.facts) > max(q.bound, 3) {
				t.Fatalf("%d facts wait, bound %d, 3 objects", len(q.facts), q.bound)
			}
		}
		for take() {
		}
		if d := cmp.Diff(last, seen); d != "" {
			t.Fatalf("newest facts -want +got\n%s", d)
		}
	})
}

func TestAPanickingHandlerLosesOneFact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		var got []string
		b.Subscribe("shaky", DropOldest, func(f Fact) {
			if f.To == "bad" {
				panic("cannot read this")
			}
			got = append(got, f.To)
		})
		for _, s := range []string{"one", "bad", "two"} {
			b.Publish(became("VI_1", s))
		}
		synctest.Wait()
		st := b.Stats()[0]
		if st.Panics != 1 || st.Handled != 3 || !strings.Contains(st.LastPanic, "cannot read this") {
			t.Errorf("stats %+v, want 3 handled, 1 panic that says what", st)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"one", "two"}, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

func TestCancelEndsOneSubscriptionAndWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		handled := 0
		cancel := b.Subscribe("one", DropOldest, func(Fact) { time.Sleep(time.Second); handled++ })
		b.Publish(became("VI_1", "MASTER"))
		b.Publish(became("VI_1", "BACKUP"))
		synctest.Wait()
		cancel()
		cancel() // a second time is harmless
		if handled != 1 {
			t.Errorf("%d facts handled, want the running one finished and the other dropped", handled)
		}
		if n := len(b.Stats()); n != 0 {
			t.Errorf("%d subscribers left", n)
		}
	})
}

func TestCloseDeliversWhatWaitsAndTakesNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		var got []string
		b.Subscribe("hooks", KeepLastState, func(f Fact) {
			time.Sleep(time.Second)
			got = append(got, f.To)
			b.Publish(became("VI_1", "late")) // after Close this is only counted
		})
		b.Publish(became("VI_1", "MASTER"))
		b.Publish(became("VI_1", "STOP"))
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"MASTER", "STOP"}, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		if b.Late() != 2 {
			t.Errorf("%d late facts counted, want 2", b.Late())
		}
		cancel := b.Subscribe("too late", DropOldest, func(Fact) { t.Error("a closed bus delivered") })
		cancel()
	})
}

func TestCloseGivesUpAtItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		release := make(chan struct{})
		b.Subscribe("stuck", DropOldest, func(Fact) { <-release })
		b.Publish(became("VI_1", "MASTER"))
		synctest.Wait()
		b.Publish(became("VI_1", "STOP"))
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		start := time.Now()
		err := b.Close(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stuck still has 1 facts waiting") {
			t.Errorf("Close says %v", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("Close took %v, want 3s", took)
		}
		close(release)
	})
}

func TestAFactSurvivesJSON(t *testing.T) {
	f := Fact{
		Seq: 7, Time: time.Date(2026, 11, 21, 3, 0, 0, 5, time.UTC), Type: Transitioned, Kind: Instance,
		Name: "VI_1", From: "BACKUP", To: "MASTER", Reason: "active-down", Priority: 150,
		Text: "(VI_1) Entering MASTER STATE", Values: map[string]string{"exit": "0"},
	}
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"seq":7,"time":"2026-11-21T03:00:00.000000005Z","type":"transitioned","kind":"instance",` +
		`"name":"VI_1","from":"BACKUP","to":"MASTER","reason":"active-down","priority":150,` +
		`"text":"(VI_1) Entering MASTER STATE","values":{"exit":"0"}}`
	if string(b) != want {
		t.Errorf("JSON:\n got %s\nwant %s", b, want)
	}
	var back Fact
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(f, back); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestPublishStampsTheTimeOnlyWhenItIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		var got []time.Duration
		start := time.Now()
		b.Subscribe("times", DropOldest, func(f Fact) { got = append(got, f.Time.Sub(start)) })
		time.Sleep(time.Minute)
		b.Publish(Fact{})
		b.Publish(Fact{Time: start.Add(time.Second)})
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]time.Duration{time.Minute, time.Second}, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

func TestALateSubscriberSeesOnlyWhatFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		b.Publish(became("VI_1", "BACKUP"))
		var got []string
		b.Subscribe("late", DropOldest, func(f Fact) { got = append(got, line(f)) })
		b.Publish(became("VI_1", "MASTER"))
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"2 VI_1 MASTER"}, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

func TestTheLossOfOneSubscriberIsToldToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		b.bound = 1
		var told []Fact
		b.Subscribe("slow", KeepLastState, func(Fact) { time.Sleep(time.Second) })
		b.Subscribe("recorder", KeepLastState, func(f Fact) {
			if f.Type == FactsDropped {
				told = append(told, f)
			}
		})
		b.Publish(became("VI_1", "one"))
		synctest.Wait()
		for range 3 {
			b.Publish(became("VI_1", "more"))
			time.Sleep(time.Millisecond) // the recorder keeps up
		}
		time.Sleep(time.Minute)
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(told) != 1 || told[0].Name != "slow" || told[0].Values["count"] != "2" {
			t.Errorf("told %+v, want once that slow lost 2", told)
		}
	})
}

func TestAHandlerMayPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBus()
		var got []string
		b.Subscribe("echo", DropOldest, func(f Fact) {
			got = append(got, line(f))
			if f.To == "MASTER" {
				b.Publish(became("VI_1", "echoed"))
			}
		})
		b.Publish(became("VI_1", "MASTER"))
		synctest.Wait()
		if err := b.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"1 VI_1 MASTER", "2 VI_1 echoed"}, got); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
	})
}

// Whatever the load: what arrives is in order, and arrived plus lost is all.
func TestDropOldestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue(DropOldest, rapid.IntRange(1, 8).Draw(t, "bound"))
		var pushed, popped, order uint64
		take := func() bool {
			f, ok := q.pop()
			if ok && f.Seq <= order {
				t.Fatalf("fact %d came after fact %d", f.Seq, order)
			}
			if ok {
				order = f.Seq
				popped++
			}
			return ok
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "what") == 0 {
				take()
				continue
			}
			pushed++
			q.push(Fact{Seq: pushed})
			if len(q.facts) > q.bound {
				t.Fatalf("%d facts wait, bound %d", len(q.facts), q.bound)
			}
		}
		for take() {
		}
		if popped+q.dropped != pushed || pushed > 0 && order != pushed {
			t.Fatalf("pushed %d, popped %d, dropped %d, last %d", pushed, popped, q.dropped, order)
		}
	})
}

func TestAFactOnOneLine(t *testing.T) {
	tests := map[string]struct {
		fact Fact
		want string
	}{
		"type only":    {Fact{Type: Applied}, "applied"},
		"a transition": {Fact{Type: Transitioned, Kind: Group, Name: "G1", From: "BACKUP", To: "MASTER", Reason: "sync"}, "transitioned group G1 BACKUP -> MASTER (sync)"},
		"with a text":  {Fact{Type: HookRan, Kind: Instance, Name: "V", Text: "Script /x: failed"}, "hook-ran instance V: Script /x: failed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.fact.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
