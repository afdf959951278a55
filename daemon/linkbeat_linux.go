package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"holdfast/host"
)

// beatInterval is the time between two questions to an interface.
const beatInterval = time.Second

// asker is host.Beat, or a test's.
type asker interface {
	Method(link string, preferred host.BeatMethod) host.BeatMethod
	Up(link string, m host.BeatMethod) (bool, error)
}

// linkbeat polls links. Its goroutine is the only one that waits for hardware.
type linkbeat struct {
	log  *slog.Logger
	ask  asker
	want chan map[string]host.BeatMethod
	news *mailbox[map[string]bool] // answers of a round that differs from the one before
}

func newLinkbeat(log *slog.Logger, ask asker) *linkbeat {
	return &linkbeat{log: log, ask: ask, want: make(chan map[string]host.BeatMethod), news: newMailbox[map[string]bool]()}
}

// configure says what to poll from now on.
func (b *linkbeat) configure(ctx context.Context, polled map[string]host.BeatMethod) {
	select {
	case b.want <- polled:
	case <-ctx.Done():
	}
}

// run polls until ctx ends.
func (b *linkbeat) run(ctx context.Context) {
	ticker := time.NewTicker(beatInterval)
	defer ticker.Stop()
	var tick <-chan time.Time // nil while there is nothing to poll
	var preferred, using map[string]host.BeatMethod
	var last map[string]bool
	for {
		select {
		case <-ctx.Done():
			return
		case wanted := <-b.want:
			if maps.Equal(wanted, preferred) {
				continue
			}
			preferred, using = wanted, map[string]host.BeatMethod{}
			if tick = nil; len(wanted) > 0 {
				tick = ticker.C
				b.log.Info("Using MII-BMSR/ETHTOOL NIC polling thread(s)...")
			}
		case <-tick:
		}
		answers := map[string]bool{}
		for _, name := range sortedNames(preferred) {
			if up, known := b.one(name, preferred[name], using); known {
				answers[name] = up
			}
		}
		if !maps.Equal(answers, last) {
			b.news.put(answers)
			last = answers
		}
	}
}

// one asks one link. How, is found out when it is there for the first time, and
// again when it was away.
func (b *linkbeat) one(name string, preferred host.BeatMethod, using map[string]host.BeatMethod) (up, known bool) {
	if using[name] == "" {
		m := b.ask.Method(name, preferred)
		if _, err := b.ask.Up(name, m); err != nil {
			return false, false // it does not exist
		}
		if using[name] = m; preferred != "" && m != preferred {
			b.log.Info(fmt.Sprintf("(%s): Configured linkbeat type %s not supported, using %s", name, preferred, m))
		}
	}
	up, err := b.ask.Up(name, using[name])
	if err != nil {
		delete(using, name)
		return false, false
	}
	return up, true
}
