package vrrp

import (
	"slices"
	"time"
)

// Delay holds instances back that start from now on: until then they neither
// send nor receive, and their timers count from there. Called again, as at a
// reload, it moves the end for those that still wait. Keyword vrrp_startup_delay.
func (l *Loop) Delay(until time.Time) { l.send(startDelay{until}) }

func (l *Loop) delayed(now time.Time, until time.Time) {
	running := !l.hold.IsZero()
	if l.hold = until; !now.Before(until) {
		l.hold = now // its end is published
	}
	for _, in := range l.instances {
		if running && in.m.held(now) {
			l.step(now, in, Hold{until})
		}
	}
}

// Rebind says that another interface may have the name now, or none: it was
// deleted, made again or renamed. Sockets that belong to another one will never
// hear anything and are replaced; instances whose interface is gone are in Fault.
func (l *Loop) Rebind(iface string) { l.send(rebind{iface}) }

func (l *Loop) rebound(now time.Time, iface string) {
	for _, in := range slices.Clone(l.instances) {
		switch {
		case in.socket().Interface != iface:
		case in.link == nil:
			l.attach(now, in)
		case in.link.opened != l.turns: // else it has just been replaced
			l.renew(now, in.link)
		}
	}
	l.sizeBuffers()
}

// deliver also takes the chance to get a socket that could not be had before,
// or one in place of a socket that hears nothing any more.
func (l *Loop) deliver(now time.Time, in *instance, ev Event) {
	switch ev := ev.(type) {
	case FaultRaised:
		if ev.Why == ByNoAddress && in.lost == 0 {
			in.lost = l.turns + 1
		}
	case SourceAddress:
		// An interface that loses all its addresses may have left our group for
		// good, as one does whose MTU is too small for the family.
		if k := in.link; k != nil && k.opened < in.lost {
			l.replace(now, k)
		}
		in.lost = 0
	}
	l.step(now, in, ev)
	switch ev := ev.(type) {
	case SourceAddress:
		if in.Params.PrimaryAddr = ev.Addr; in.Params.Unicast() {
			l.attach(now, in)
			l.findOwnPeer(now, in)
		}
	case FaultCleared:
		if ev.Why == ByInterface && in.link != nil && in.link.opened != l.turns {
			l.renew(now, in.link)
		}
		if in.link == nil {
			l.attach(now, in)
		}
	}
}

// renew replaces a socket whose interface is not the one any more that it was
// opened on.
func (l *Loop) renew(now time.Time, k *link) {
	if l.links[k.spec] == k && k.conn.Stale() {
		l.replace(now, k)
	}
}

// replace closes a socket and opens another for all that used it.
func (l *Loop) replace(now time.Time, k *link) {
	if l.links[k.spec] != k {
		return
	}
	l.closeLink(k)
	for _, in := range slices.Clone(k.instances) { // attach shortens the list
		l.attach(now, in)
	}
	l.sizeBuffers()
}

// slept tells those that are Active when the system was suspended.
func (l *Loop) slept(now time.Time) {
	s, ok := l.timer.(interface{ Slept() time.Duration })
	if !ok {
		return
	}
	if span := s.Slept(); span >= sleepLeast {
		for _, in := range l.instances {
			l.step(now, in, Slept{span})
		}
	}
}

// sleepLeast is below what any peer waits for, and above the time between the
// readings of two clocks.
const sleepLeast = 10 * time.Millisecond

// sizeBuffers gives sockets the receive buffers that their instances want
// together. A socket that cannot have it goes on with what it has.
func (l *Loop) sizeBuffers() {
	for _, k := range l.links {
		size := 0
		for _, in := range k.instances {
			size += in.ReceiveBuffer
		}
		c, ok := k.conn.(interface{ SetReceiveBuffer(octets int) error })
		if size == 0 || size == k.buffer || !ok {
			continue
		}
		if k.buffer = size; c.SetReceiveBuffer(size) != nil {
			k.buffer = 0
		}
	}
}
