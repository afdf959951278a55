package daemon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"holdfast/daemon/config"
	"holdfast/host"
)

// frameSender puts one announcement on the wire.
type frameSender interface {
	Send(index int, a host.Announcement) error
}

// burst is one request to tell the neighbours of an instance's addresses.
type burst struct {
	instance string
	repeat   int
	after    uint64 // wish that must have been carried out first
	addrs    []linkAddr
	interval time.Duration // between packets on a link; 0: none
}

// linkAddr is an address on the link whose neighbours shall know.
type linkAddr struct {
	link string
	addr netip.Addr
}

// announcer sends gratuitous ARP bursts once the host carries the addresses
// they are about, and never for an instance that is no longer active. One
// goroutine, run's, does the sending.
type announcer struct {
	log    *slog.Logger
	send   frameSender
	inbox  *mailbox[burst]
	pacer  host.Pacer
	queued []burst
	buf    []host.Announcement
	failed map[string]bool      // links whose last error was logged
	again  map[string]time.Time // when further links of an instance are announced next

	mu      sync.Mutex // guards what follows: written by other goroutines
	applied uint64
	active  map[string]bool
	extras  []extra
	links   map[string]host.Link
	groups  map[string]string // garp_group of an interface; not there: none
}

// extra is garp_extra_if of an instance: no advert goes by these links, so
// switches would forget where their MAC addresses are.
type extra struct {
	instance string
	every    time.Duration
	addrs    []linkAddr // one for each link
}

func newAnnouncer(log *slog.Logger, send frameSender) *announcer {
	return &announcer{log: log, send: send, inbox: newMailbox[burst](), failed: map[string]bool{}, again: map[string]time.Time{}}
}

// ask queues a burst.
func (a *announcer) ask(b burst) { a.inbox.put(b) }

// carriedOut says that the wish with this number, and all before, is reality.
func (a *announcer) carriedOut(seq uint64, links map[string]host.Link) {
	a.mu.Lock()
	a.applied = max(a.applied, seq)
	if links != nil {
		a.links = links
	}
	a.mu.Unlock()
	a.inbox.put(burst{}) // look at the queue again
}

// setActive replaces the set of instances whose addresses may be announced.
func (a *announcer) setActive(active map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.active = active
	a.inbox.put(burst{}) // times of extras begin or end
}

// setExtras replaces what is announced again and again.
func (a *announcer) setExtras(list []extra) {
	a.mu.Lock()
	a.extras = list
	a.mu.Unlock()
	a.inbox.put(burst{})
}

func (a *announcer) setLinks(links map[string]host.Link) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.links = links
}

// run sends until ctx ends; what waits then is given up.
func (a *announcer) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		at := a.pacer.Deadline()
		for _, next := range a.again {
			if at.IsZero() || next.Before(at) {
				at = next
			}
		}
		if !at.IsZero() {
			timer.Reset(max(0, time.Until(at)))
		}
		select {
		case <-ctx.Done():
			return
		case <-a.inbox.ready():
			for _, b := range a.inbox.take() {
				if b.repeat > 0 {
					a.queued = append(a.queued, b)
				}
			}
			a.admit()
		case <-timer.C:
		}
		a.announceExtras(time.Now())
		a.buf = a.pacer.Due(time.Now(), a.buf[:0])
		for _, ann := range a.buf {
			a.transmit(ann)
		}
	}
}

// announceExtras sends what is due of garp_extra_if; the first time comes one
// period after the instance has become active.
func (a *announcer) announceExtras(now time.Time) {
	a.mu.Lock()
	extras, active := a.extras, a.active
	a.mu.Unlock()
	next := map[string]time.Time{}
	for _, e := range extras {
		if !active[e.instance] {
			continue
		}
		at, waits := a.again[e.instance]
		switch {
		case !waits:
			at = now.Add(e.every)
		case !now.Before(at):
			at = now.Add(e.every)
			a.start(burst{instance: e.instance, repeat: 1, addrs: e.addrs})
		}
		next[e.instance] = at
	}
	a.again = next
}

// admit hands bursts whose addresses are in place to the pacer, or sends them
// at once where no pace is set.
func (a *announcer) admit() {
	a.mu.Lock()
	applied, active := a.applied, a.active
	a.mu.Unlock()
	var wait []burst
	for _, b := range a.queued {
		switch {
		case !active[b.instance]:
		case b.after > applied:
			wait = append(wait, b)
		default:
			a.start(b)
		}
	}
	a.queued = wait
}

func (a *announcer) start(b burst) {
	var list []host.Announcement
	for _, la := range b.addrs {
		what := "gratuitous ARPs"
		if la.addr.Is6() {
			what = "Unsolicited Neighbour Adverts"
		}
		a.log.Debug("(" + b.instance + ") Sending/queueing " + what + " on " + la.link + " for " + la.addr.String())
		list = append(list, host.Announcement{Link: la.link, Addr: la.addr, Router: la.addr.Is6() && host.Forwards(la.link)})
	}
	if b.interval > 0 {
		for _, ann := range list {
			a.pacer.Add(host.LaneKey{Clock: a.clock(ann.Link), IPv6: ann.Addr.Is6()}, b.interval, b.repeat, ann)
		}
		return
	}
	a.buf = host.Burst(a.buf[:0], list, b.repeat)
	for _, ann := range a.buf {
		a.transmit(ann)
	}
}

// clock is what announcements on a link keep their distance from: those on the
// same wire, or on any of the garp_group that the wire belongs to.
func (a *announcer) clock(link string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	wire := a.below(link)
	return cmp.Or(a.groups[wire], wire)
}

// setGroups takes over which interfaces share their distance.
func (a *announcer) setGroups(c *config.Config) {
	groups := map[string]string{}
	for i, g := range c.GARPGroups {
		for _, w := range g.Interfaces {
			groups[w.Text] = fmt.Sprintf("garp_group %d", i) // no interface has a blank in its name
		}
	}
	a.mu.Lock()
	a.groups = groups
	a.mu.Unlock()
}

// below is the link whose wire a link of ours uses; a.mu is held.
func (a *announcer) below(link string) string {
	l := a.links[link]
	for name, p := range a.links {
		if p.Index == l.Parent && l.Kind == host.MACVLAN {
			return name
		}
	}
	return link
}

func (a *announcer) transmit(ann host.Announcement) {
	a.mu.Lock()
	link, known := a.links[ann.Link]
	a.mu.Unlock()
	if !known || link.NoARP || link.Loopback || link.MAC == (host.MAC{}) {
		return
	}
	ann.MAC = link.MAC
	err := a.send.Send(link.Index, ann)
	if err != nil && !a.failed[ann.Link] {
		a.log.Warn("cannot announce "+ann.Addr.String()+" on "+ann.Link, "error", err)
	}
	a.failed[ann.Link] = err != nil
	if err == nil {
		a.log.Debug(announceText(ann))
	}
}

func announceText(a host.Announcement) string {
	if a.Addr.Is6() {
		return "Sending unsolicited Neighbour Advert on " + a.Link + " for " + a.Addr.String()
	}
	return "Sending gratuitous ARP on " + a.Link + " for " + a.Addr.String()
}
