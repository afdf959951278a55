package notify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/run"
)

// QueueBound is how many events of one object may wait; behind it overtaken
// states are skipped.
const QueueBound = 16

// Dispatcher runs hooks: one ordered queue for each object, made when it has
// something to do and gone when it is idle.
type Dispatcher struct {
	runner  run.Runner
	publish func(event.Fact)
	kill    context.CancelFunc // ends the hooks that still run
	ctx     context.Context    // of the hooks; its end is Close's limit, not the caller's

	mu     sync.Mutex // guards what follows; never held while a hook runs
	queues map[Object]*queue
	closed bool
	wg     sync.WaitGroup // one for each queue
}

// queue holds what one object's goroutine has still to run.
type queue struct{ waiting []Event }

// NewDispatcher returns a dispatcher that runs hooks with r and publishes how
// each ended. publish must not block.
func NewDispatcher(r run.Runner, publish func(event.Fact)) *Dispatcher {
	ctx, kill := context.WithCancel(context.Background())
	return &Dispatcher{runner: r, publish: publish, ctx: ctx, kill: kill, queues: map[Object]*queue{}}
}

// Enqueue takes ev and returns at once. Its hooks run when those of all earlier
// events of the same object have ended. When QueueBound events wait already,
// the oldest that is no state is skipped, else the oldest state; the newest state
// never is. After Close ev is skipped. Every skipped event is a fact.
func (d *Dispatcher) Enqueue(ev Event) {
	var skipped []event.Fact
	d.mu.Lock()
	switch q := d.queues[ev.Object]; {
	case d.closed:
		skipped = append(skipped, skip(ev, "closed"))
	case q != nil:
		if over, ok := q.push(ev); ok {
			skipped = append(skipped, skip(over, "overtaken"))
		}
	default:
		q = &queue{waiting: []Event{ev}}
		d.queues[ev.Object] = q
		d.wg.Add(1)
		go d.work(ev.Object, q)
	}
	d.mu.Unlock()
	for _, f := range skipped {
		d.publish(f)
	}
}

// push appends ev and returns the event that had to make room for it, if any.
func (q *queue) push(ev Event) (skipped Event, ok bool) {
	q.waiting = append(q.waiting, ev)
	if len(q.waiting) <= QueueBound {
		return Event{}, false
	}
	i := q.overtaken()
	skipped = q.waiting[i]
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return skipped, true
}

// overtaken is the index of the event that makes room: the oldest that is no
// state, else the oldest state. The queue is full, so that is never the newest
// state: there are others behind it.
func (q *queue) overtaken() int {
	return max(0, slices.IndexFunc(q.waiting, func(ev Event) bool { return ev.Passing }))
}

// newestState is the index of the last event that is a state, -1 if none is.
func (q *queue) newestState() int {
	for i := len(q.waiting) - 1; i >= 0; i-- {
		if !q.waiting[i].Passing {
			return i
		}
	}
	return -1
}

// work runs the events of one object until none is left.
func (d *Dispatcher) work(o Object, q *queue) {
	defer d.wg.Done()
	for {
		d.mu.Lock()
		if len(q.waiting) == 0 {
			delete(d.queues, o)
			d.mu.Unlock()
			return
		}
		ev := q.waiting[0]
		q.waiting = slices.Delete(q.waiting, 0, 1)
		d.mu.Unlock()
		d.runEvent(ev)
	}
}

func (d *Dispatcher) runEvent(ev Event) {
	if d.ctx.Err() != nil {
		d.publish(skip(ev, "shutdown-limit"))
		return
	}
	for _, h := range ev.Hooks {
		d.publish(d.runHook(ev, h))
	}
}

func (d *Dispatcher) runHook(ev Event, h Hook) event.Fact {
	limit := h.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	ctx, stop := context.WithTimeout(d.ctx, limit)
	defer stop()
	r := run.Safely(ctx, d.runner, h.Command)
	// A hook that Close ended has not used up its time.
	timedOut := r.Ended && ctx.Err() == context.DeadlineExceeded
	return ran(ev, h, r, timedOut, limit)
}

// Close takes no further events and waits until all hooks have run. So that
// the last word is said in time, states that are overtaken already are skipped.
// When ctx ends first, hooks that run are ended with their process groups, those
// that wait are skipped, and the error says how many objects were affected.
func (d *Dispatcher) Close(ctx context.Context) error {
	defer d.kill()
	d.mu.Lock()
	d.closed = true
	var skipped []event.Fact
	for _, o := range d.objects() {
		for _, ev := range d.queues[o].onlyNewest() {
			skipped = append(skipped, skip(ev, "overtaken"))
		}
	}
	d.mu.Unlock()
	for _, f := range skipped {
		d.publish(f)
	}

	idle := make(chan struct{})
	go func() {
		defer close(idle)
		d.wg.Wait()
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	d.mu.Lock()
	n := len(d.queues)
	d.mu.Unlock()
	d.kill()
	<-idle
	if n == 0 {
		return nil
	}
	return fmt.Errorf("wait for hooks: those of %d objects had to be ended: %w", n, context.Cause(ctx))
}

// objects are those with a queue, in a fixed order.
func (d *Dispatcher) objects() []Object {
	var os []Object
	for o := range d.queues {
		os = append(os, o)
	}
	slices.SortFunc(os, func(a, b Object) int {
		return slices.Compare([]string{string(a.Kind), a.Name}, []string{string(b.Kind), b.Name})
	})
	return os
}

// onlyNewest keeps the newest state and returns the rest.
func (q *queue) onlyNewest() (skipped []Event) {
	newest := q.newestState()
	if newest < 0 {
		return nil
	}
	keep := q.waiting[newest]
	skipped = slices.Delete(q.waiting, newest, newest+1)
	q.waiting = []Event{keep}
	return skipped
}

// ran is the fact about one hook that has ended.
func ran(ev Event, h Hook, r run.Result, timedOut bool, limit time.Duration) event.Fact {
	f := event.Fact{
		Type: event.HookRan, Kind: ev.Object.Kind, Name: ev.Object.Name, To: ev.State, Reason: "succeeded", Verbose: true,
		Values: map[string]string{
			"keyword":   h.Keyword,
			"command":   h.Command.String(),
			"duration":  r.Duration.String(),
			"timed_out": strconv.FormatBool(timedOut),
		},
	}
	switch {
	case r.Err != nil:
		f.Values["error"] = r.Err.Error()
	case r.Signal != 0:
		f.Values["signal"] = strconv.Itoa(r.Signal)
	default:
		f.Values["exit"] = strconv.Itoa(r.Exit)
	}
	if r.OK() {
		return f
	}
	f.Verbose = false
	f.Reason, f.Detail = "failed", fmt.Sprintf("%s %v", h.Keyword, r)
	switch {
	case timedOut:
		f.Reason, f.Detail = "timed-out", fmt.Sprintf("%s ran longer than %v and was ended", h.Keyword, limit)
	case r.Ended:
		f.Reason, f.Detail = "shutdown-limit", h.Keyword+" was ended because the daemon stops"
	}
	f.Text = fmt.Sprintf("Script %s: %s", program(h.Command), f.Detail)
	return f
}

func program(c run.Command) string {
	if len(c.Argv) == 0 {
		return "(none)"
	}
	return c.Argv[0]
}

// skip is the fact about an event whose hooks do not run.
func skip(ev Event, reason string) event.Fact {
	return event.Fact{
		Type: event.HookSkipped, Kind: ev.Object.Kind, Name: ev.Object.Name, To: ev.State, Reason: reason,
		Detail: fmt.Sprintf("%d hooks not run", len(ev.Hooks)),
	}
}
