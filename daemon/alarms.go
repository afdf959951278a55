package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"holdfast/host"
	"holdfast/internal/event"
	"holdfast/vrrp"
)

// Limits of looking for senders.
const (
	maxLookups  = 8                // at once; further alarms go out without a MAC
	lookAdverts = 3                // intervals in which the sender should be heard again
	minLook     = time.Second      // but at least that long,
	maxLook     = 10 * time.Second // and not longer than that
)

// foundMAC is what is known of the machine behind an alarm.
type foundMAC struct {
	mac  host.MAC
	ours bool // the link's own: a datagram of ours that came back
	seen bool
}

// alarms logs contradictions with other routers, and tells them the parent, once
// it is known which machine they are about. The loop does not wait for that: each
// look is a goroutine of its own, of which there are few.
type alarms struct {
	log  *slog.Logger
	find func(context.Context, host.Sender) foundMAC
	send func(event.Fact)
	free chan struct{} // a look takes one out
	wait sync.WaitGroup
}

func newAlarms(log *slog.Logger, find func(context.Context, host.Sender) foundMAC, send func(event.Fact)) *alarms {
	return &alarms{log: log, find: find, send: send, free: make(chan struct{}, maxLookups)}
}

// findMAC looks on the wire, then in the neighbour table.
func findMAC(ctx context.Context, s host.Sender) foundMAC {
	mac, ours, ok := s.Find(ctx)
	return foundMAC{mac, ours, ok}
}

// lookTime is how long a sender with this interval may take to be heard again.
func lookTime(interval time.Duration) time.Duration {
	return min(max(lookAdverts*interval, minLook), maxLook)
}

// raise takes an alarm of an instance on a link. It never blocks.
func (a *alarms) raise(ctx context.Context, f vrrp.Fact, link string, interval time.Duration) {
	alarm, ok := f.What.(vrrp.Alarm)
	if !ok {
		return
	}
	if !alarm.Peer.IsValid() {
		a.tell(f, alarm, foundMAC{})
		return
	}
	select {
	case a.free <- struct{}{}:
	default:
		a.tell(f, alarm, foundMAC{})
		return
	}
	a.wait.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, lookTime(interval))
		defer cancel()
		found := a.find(ctx, host.Sender{Link: link, Addr: alarm.Peer})
		<-a.free
		a.tell(f, alarm, found)
	})
}

// tell logs an alarm and hands it to the parent.
func (a *alarms) tell(f vrrp.Fact, alarm vrrp.Alarm, m foundMAC) {
	line, ok := alarmLine(f.Instance, alarm, m)
	if !ok {
		return
	}
	a.log.Warn(line.text)
	fact := event.Fact{Type: event.Alarmed, Kind: event.Instance, Name: f.Instance, Time: f.At, Reason: string(alarm.Kind), Detail: line.text}
	if alarm.Peer.IsValid() {
		fact.Values = map[string]string{"peer": alarm.Peer.String(), "priority": strconv.Itoa(int(alarm.Priority)), "version": strconv.Itoa(int(alarm.Version))}
		if m.seen {
			fact.Values["mac"] = m.mac.String()
		}
	}
	a.send(fact)
}

// senderText names the machine behind an alarm, as far as it is known.
func senderText(a vrrp.Alarm, m foundMAC) string {
	if !a.Peer.IsValid() {
		return ""
	}
	text := " (MAC not seen"
	if m.seen {
		text = " (MAC " + m.mac.String()
	}
	text += fmt.Sprintf(", address %v", a.Peer)
	if a.Version != 0 {
		text += fmt.Sprintf(", priority %d, version %d", a.Priority, a.Version)
	}
	return text + ")"
}
