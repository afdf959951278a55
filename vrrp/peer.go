package vrrp

import (
	"net/netip"
	"slices"
	"time"
)

// AlarmKind names a contradiction between a neighbour and us.
type AlarmKind string

const (
	AlarmInterval   AlarmKind = "interval"    // another advert_int; in version 2 both sides drop, hence two Active routers
	AlarmAddresses  AlarmKind = "addresses"   // another list of virtual addresses
	AlarmVersion    AlarmKind = "version"     // another version: neither hears the other
	AlarmAuth       AlarmKind = "auth"        // another authentication or password
	AlarmClock      AlarmKind = "clock"       // clocks differ by more than trailers allow, or by half of that
	AlarmChecksum   AlarmKind = "checksum"    // version 3 over IPv4: checksums of another form
	AlarmOwnAddress AlarmKind = "own-address" // our own source address: duplicate or loop
	AlarmTwoOwners  AlarmKind = "two-owners"  // both configured as address owner
	AlarmTwoActive  AlarmKind = "two-active"  // another router is Active beside us, or beside the one we follow
	AlarmDuplicate  AlarmKind = "duplicate"   // our VRID with other addresses: somebody else's virtual router
	AlarmStranger   AlarmKind = "stranger"    // our VRID from where no member of this virtual router can be
	AlarmHost       AlarmKind = "host"        // the host does not carry what it should
)

// Limits of alarms.
const (
	// AlarmQuiet is the least time between two equal alarms, also when the router
	// changes its state in between.
	AlarmQuiet = time.Minute
	// maxAlarms bounds what strangers can make us remember; further contradictions
	// are not raised until the router changes state and AlarmQuiet has passed.
	maxAlarms = 32
)

// raised is one alarm that has been raised.
type raised struct {
	kind AlarmKind
	peer netip.Addr
	got  int64
	at   time.Time
	past bool // the router has changed its state since
}

// peers remembers which contradictions have been reported.
type peers struct{ raised []raised }

// reset: after a change of state each contradiction counts anew, but a router
// that changes its state all the time does not repeat itself all the time.
func (ps *peers) reset(now time.Time) {
	ps.raised = slices.DeleteFunc(ps.raised, func(r raised) bool { return now.Sub(r.at) >= AlarmQuiet })
	for i := range ps.raised {
		ps.raised[i].past = true
	}
}

// raise appends an alarm unless the same one has been raised already.
func (ps *peers) raise(now time.Time, out []Action, a Alarm) []Action {
	for i := range ps.raised {
		if r := &ps.raised[i]; r.kind == a.Kind && r.peer == a.Peer && r.got == a.Got {
			if !r.past || now.Sub(r.at) < AlarmQuiet {
				return out
			}
			r.at, r.past = now, false
			return append(out, a)
		}
	}
	if len(ps.raised) >= maxAlarms {
		return out
	}
	ps.raised = append(ps.raised, raised{kind: a.Kind, peer: a.Peer, got: a.Got, at: now})
	return append(out, a)
}

// alarmOf completes an alarm about the sender of an advert.
func alarmOf(a *Advert, alarm Alarm) Alarm {
	alarm.Peer, alarm.Priority, alarm.Version = a.Src, a.Priority, a.Version
	return alarm
}

// compare looks for contradictions in an advert that was accepted.
func (ps *peers) compare(now time.Time, p *Params, a *Advert, out []Action) []Action {
	raise := func(alarm Alarm) { out = ps.raise(now, out, alarmOf(a, alarm)) }
	if a.Src == p.PrimaryAddr {
		raise(Alarm{Kind: AlarmOwnAddress})
		return out
	}
	// A Backup in version 3 follows another interval: legal, but seldom meant.
	if a.MaxAdvertiseInterval != p.Interval() {
		raise(Alarm{Kind: AlarmInterval, Got: int64(a.MaxAdvertiseInterval), Want: int64(p.Interval())})
	}
	if h := p.HMAC; h != nil && a.Skew.Abs() > h.Window/2 {
		raise(Alarm{Kind: AlarmClock, Got: int64(h.Window / 2), Want: int64(h.Window)})
	}
	if want := p.checksumForm(); a.Checksum != want {
		raise(Alarm{Kind: AlarmChecksum, Got: int64(a.Checksum), Want: int64(want)})
	}
	if a.AddrsDiffer {
		kind := AlarmAddresses
		if len(a.Addrs) > 0 && len(p.Addrs) > 0 && !slices.ContainsFunc(a.Addrs, func(x netip.Addr) bool { return slices.Contains(p.Addrs, x) }) {
			kind = AlarmDuplicate
		}
		raise(Alarm{Kind: kind, Got: int64(len(a.Addrs)), Want: int64(len(p.Addrs))})
	}
	if a.Priority == PriorityOwner && p.Owner() {
		raise(Alarm{Kind: AlarmTwoOwners})
	}
	return out
}

// refused looks for contradictions in a datagram that was dropped: a neighbour
// that means us but will never be heard.
func (ps *peers) refused(now time.Time, e *PacketError, out []Action) []Action {
	a := Alarm{Peer: e.Src, Priority: e.Priority, Version: e.Theirs, Got: e.Got, Want: e.Want}
	switch e.Reason {
	case DropInterval:
		a.Kind = AlarmInterval
	case DropAddresses:
		a.Kind = AlarmAddresses
	case DropVersion:
		a.Kind = AlarmVersion
	case DropAuthMatch, DropPassword, DropAHMAC, DropHMACMissing, DropHMACKey, DropHMACMAC:
		a.Kind = AlarmAuth
	case DropHMACStale:
		a.Kind, a.Got = AlarmClock, e.Want // not the skew itself: it is another one each time
	case DropPeer, DropPeerTTL, DropTTL, DropDestination:
		a.Kind, a.Got, a.Err = AlarmStranger, 0, e // one alarm for all that is wrong with where it comes from
	default: // noise, counted by the loop
		return out
	}
	return ps.raise(now, out, a)
}
