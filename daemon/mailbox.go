package daemon

import "sync"

// mailbox is an unbounded queue between a producer that may not wait and one
// consumer: what it holds is bounded by what the producer can produce while the
// consumer makes one round.
type mailbox[T any] struct {
	mu    sync.Mutex
	items []T
	wake  chan struct{}
}

func newMailbox[T any]() *mailbox[T] { return &mailbox[T]{wake: make(chan struct{}, 1)} }

// put appends v and wakes the consumer.
func (m *mailbox[T]) put(v T) {
	m.mu.Lock()
	m.items = append(m.items, v)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// ready delivers something when take has something.
func (m *mailbox[T]) ready() <-chan struct{} { return m.wake }

// take empties the mailbox.
func (m *mailbox[T]) take() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	items := m.items
	m.items = nil
	return items
}
