package host

import (
	"context"
	"sync"
	"time"
)

// Sender puts one announcement on the wire: FrameSocket, or a test's.
type Sender interface {
	Send(a Announcement) error
}

// Announcer sends bursts of announcements at the pace of their lanes, from a
// goroutine of its own, so that neither adverts nor netlink wait for them.
type Announcer struct {
	sender Sender
	failed func(Announcement, error)
	wake   chan struct{}

	mu    sync.Mutex // never held while sending
	pacer Pacer
}

// NewAnnouncer makes an announcer; failed is called from Run's goroutine for
// each announcement that could not be sent, which is not tried again: the
// next burst follows anyway.
func NewAnnouncer(s Sender, failed func(Announcement, error)) *Announcer {
	return &Announcer{sender: s, failed: failed, wake: make(chan struct{}, 1)}
}

// Announce queues a burst; see Pacer.Add. It never waits.
func (n *Announcer) Announce(lane LaneKey, interval time.Duration, repeat int, list ...Announcement) {
	n.mu.Lock()
	n.pacer.Add(lane, interval, repeat, list...)
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Cancel forgets what waits and is not wanted any more; see Pacer.Cancel. What
// Run has just taken out to send may still leave.
func (n *Announcer) Cancel(unwanted func(Announcement) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pacer.Cancel(unwanted)
}

// Run sends until ctx ends; what still waits then is forgotten.
func (n *Announcer) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due []Announcement
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		case <-timer.C:
		}
		n.mu.Lock()
		due = n.pacer.Due(time.Now(), due[:0])
		next := n.pacer.Deadline()
		n.mu.Unlock()
		for _, a := range due {
			if err := n.sender.Send(a); err != nil {
				n.failed(a, err)
			}
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(0, time.Until(next)))
		}
	}
}
