package event

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"
)

// QueueBound is how many facts may wait for one subscriber.
const QueueBound = 1024

// Bus hands every published fact to every subscriber, to each in the same
// order. The zero value is not usable; see NewBus.
type Bus struct {
	bound int

	mu     sync.Mutex // guards what follows; never held while a handler runs
	seq    uint64
	subs   []*subscription
	closed bool
	late   uint64 // facts published after Close
}

// subscription is one reader: its queue, and the goroutine that empties it.
type subscription struct {
	name     string
	handle   func(Fact)
	queue    *queue        // guarded by Bus.mu
	wake     chan struct{} // capacity 1: there is something in the queue, or stopping
	done     chan struct{} // closed when the goroutine has ended
	stopping bool          // deliver what waits, then end
	canceled bool          // end at once
	handled  uint64
	panics   uint64
	lastErr  string
	reported uint64 // how many drops have been published as facts
}

// Stats are the counters of one subscriber.
type Stats struct {
	Name      string
	Waiting   int    // facts in the queue now
	Handled   uint64 // facts the subscriber has taken
	Dropped   uint64 // facts given up by its overflow policy
	Panics    uint64 // times its function panicked; the fact counts as handled
	LastPanic string // what the last panic said
}

// NewBus returns a bus without subscribers.
func NewBus() *Bus { return &Bus{bound: QueueBound} }

// Publish gives f its place in the order and leaves it with every subscriber.
// It never blocks. After Close it does nothing but count.
func (b *Bus) Publish(f Fact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.publish(f)
}

func (b *Bus) publish(f Fact) {
	if b.closed {
		b.late++
		return
	}
	b.seq++
	f.Seq = b.seq
	if f.Time.IsZero() {
		f.Time = time.Now()
	}
	for _, s := range b.subs {
		s.queue.push(f)
		s.signal()
	}
}

func (s *subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // it is already awake
	}
}

// Subscribe calls handle with every fact published from now on, one at a time,
// in order, in a goroutine of its own. name appears in counters and in the fact
// about dropped facts. A handle that panics loses that fact only.
//
// cancel ends the subscription, facts that still wait with it, and returns when
// handle has. It must not be called from handle, and may be called twice. A
// subscription to a closed bus ends at once.
func (b *Bus) Subscribe(name string, full Overflow, handle func(Fact)) (cancel func()) {
	s := &subscription{
		name: name, handle: handle, queue: newQueue(full, b.bound),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	b.mu.Lock()
	s.stopping = b.closed
	if s.stopping {
		s.signal()
	}
	b.subs = append(b.subs, s)
	b.mu.Unlock()
	go b.deliver(s)
	return func() {
		b.mu.Lock()
		s.canceled = true
		s.signal()
		b.mu.Unlock()
		<-s.done
	}
}

// deliver empties the queue of s until it is told to end.
func (b *Bus) deliver(s *subscription) {
	defer close(s.done)
	defer b.unsubscribe(s)
	for range s.wake {
		for {
			f, more := b.next(s)
			if !more {
				break
			}
			b.call(s, f)
		}
		if b.ended(s) {
			return
		}
	}
}

// next takes the fact that s is to see now. When s has caught up after a loss,
// the loss is published, so that it is on record with everybody.
func (b *Bus) next(s *subscription) (Fact, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.canceled {
		return Fact{}, false
	}
	if lost := s.queue.dropped - s.reported; lost > 0 && len(s.queue.facts) == 0 && !b.closed {
		s.reported = s.queue.dropped
		b.publish(Fact{
			Type: FactsDropped, Kind: Subscriber, Name: s.name, Reason: "queue-full",
			Detail: fmt.Sprintf("%s was too slow: %d facts skipped", s.name, lost),
			Values: map[string]string{"count": strconv.FormatUint(lost, 10)},
		})
	}
	return s.queue.pop()
}

// call runs the handler. A panic in one reader must not take the daemon with it.
func (b *Bus) call(s *subscription, f Fact) {
	defer func() {
		r := recover()
		b.mu.Lock()
		defer b.mu.Unlock()
		s.handled++
		if r != nil {
			s.panics++
			s.lastErr = fmt.Sprintf("%v\n%s", r, debug.Stack())
		}
	}()
	s.handle(f)
}

func (b *Bus) ended(s *subscription) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return s.canceled || s.stopping && len(s.queue.facts) == 0
}

func (b *Bus) unsubscribe(s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = slices.DeleteFunc(b.subs, func(o *subscription) bool { return o == s })
}

// Close takes no further facts, lets every subscriber finish its queue, and
// returns when all have. When ctx ends first, what still waits is given up and
// the error says whose handler is in the way; that handler's goroutine ends
// when the handler returns.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	subs := slices.Clone(b.subs)
	for _, s := range subs {
		s.stopping = true
		s.signal()
	}
	b.mu.Unlock()

	var err error
	for _, s := range subs {
		select {
		case <-s.done:
			continue
		case <-ctx.Done():
		}
		b.mu.Lock()
		s.canceled = true
		s.signal()
		n := len(s.queue.facts)
		b.mu.Unlock()
		if err == nil {
			err = fmt.Errorf("close event bus: %s still has %d facts waiting: %w", s.name, n, context.Cause(ctx))
		}
	}
	return err
}

// Stats are the counters of all current subscribers, in the order in which
// they subscribed.
func (b *Bus) Stats() []Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	stats := make([]Stats, len(b.subs))
	for i, s := range b.subs {
		stats[i] = Stats{
			Name: s.name, Waiting: len(s.queue.facts), Handled: s.handled,
			Dropped: s.queue.dropped, Panics: s.panics, LastPanic: s.lastErr,
		}
	}
	return stats
}

// Late counts the facts that were published after Close.
func (b *Bus) Late() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.late
}
