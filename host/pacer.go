package host

import (
	"slices"
	"time"
)

// Pacer spaces announcements so that small switches and ARP guards do not drop
// a burst (keywords garp_interval, gna_interval, garp_group). It is a pure
// queue: the owner adds, asks for what is due, and sleeps until Deadline.
//
// Links that share a clock form a lane; IPv4 and IPv6 have lanes of their own.
// A lane sends its first announcement at once and then one each interval, in
// turn over its addresses, each at most as often as was asked for last.
type Pacer struct {
	lanes []*lane
}

// LaneKey names the clock: the link, or the garp_group it belongs to.
type LaneKey struct {
	Clock string
	IPv6  bool
}

type lane struct {
	key      LaneKey
	interval time.Duration
	free     time.Time // when the next announcement may leave
	queue    []pending
}

type pending struct {
	Announcement
	left int
}

// Add queues repeat announcements of everything in list on the lane, interval
// apart; 0 is as fast as Due is called. An address that still waits is not
// queued twice: it gets the larger of both counts.
func (p *Pacer) Add(key LaneKey, interval time.Duration, repeat int, list ...Announcement) {
	if repeat <= 0 || len(list) == 0 {
		return
	}
	l := p.lane(key)
	l.interval = interval
	for _, a := range list {
		i := slices.IndexFunc(l.queue, func(w pending) bool { return w.Link == a.Link && w.Addr == a.Addr })
		if i < 0 {
			l.queue = append(l.queue, pending{a, repeat})
			continue
		}
		l.queue[i].Announcement = a
		l.queue[i].left = max(l.queue[i].left, repeat)
	}
}

func (p *Pacer) lane(key LaneKey) *lane {
	for _, l := range p.lanes {
		if l.key == key {
			return l
		}
	}
	l := &lane{key: key}
	p.lanes = append(p.lanes, l)
	return l
}

// Cancel forgets what waits and is not wanted any more: a router that left
// Active must not announce.
func (p *Pacer) Cancel(unwanted func(Announcement) bool) {
	for _, l := range p.lanes {
		l.queue = slices.DeleteFunc(l.queue, func(w pending) bool { return unwanted(w.Announcement) })
	}
}

// Due appends what may leave now, in order.
func (p *Pacer) Due(now time.Time, out []Announcement) []Announcement {
	for _, l := range p.lanes {
		for len(l.queue) > 0 && !now.Before(l.free) {
			head := l.queue[0]
			copy(l.queue, l.queue[1:])
			if head.left--; head.left > 0 {
				l.queue[len(l.queue)-1] = head
			} else {
				l.queue = l.queue[:len(l.queue)-1]
			}
			out = append(out, head.Announcement)
			if l.interval > 0 {
				l.free = now.Add(l.interval)
			}
		}
	}
	return out
}

// Deadline is when Due has something to give; zero when nothing waits.
func (p *Pacer) Deadline() time.Time {
	var first time.Time
	for _, l := range p.lanes {
		if len(l.queue) == 0 {
			continue
		}
		at := l.free
		if at.IsZero() {
			at = time.Unix(0, 0) // now: anything that has passed
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
