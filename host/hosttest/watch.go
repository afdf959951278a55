package hosttest

import (
	"context"
	"errors"

	"holdfast/host"
)

// watcher is what one Watch has not delivered yet.
type watcher struct{ queue []host.Change }

// ErrNoWatch is what Watch returns when its context has already ended.
var ErrNoWatch = errors.New("watch: context has ended")

// Watch implements host.Kernel. Changes wait without limit, so the fake never
// blocks whoever makes them.
func (f *Fake) Watch(ctx context.Context) (<-chan host.Change, error) {
	if ctx.Err() != nil {
		return nil, ErrNoWatch
	}
	wake := make(chan struct{}, 1)
	w := &watcher{}
	f.mu.Lock()
	f.watchers[wake] = w
	f.mu.Unlock()
	out := make(chan host.Change)
	go func() {
		defer close(out)
		defer func() {
			f.mu.Lock()
			delete(f.watchers, wake)
			f.mu.Unlock()
		}()
		for {
			f.mu.Lock()
			queue := w.queue
			w.queue = nil
			f.mu.Unlock()
			for _, c := range queue {
				select {
				case out <- c:
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-wake:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// emit queues c for all watchers; f.mu is held.
func (f *Fake) emit(c host.Change) {
	for wake, w := range f.watchers {
		w.queue = append(w.queue, c)
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}
