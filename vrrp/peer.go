package vrrp

import (
	"net/netip"
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
	AlarmHost       AlarmKind = "host"        // the host does not carry what it should
)

// maxAlarms bounds what strangers can make us remember; further contradictions
// are not raised until the router changes state.
const maxAlarms = 32

// raised is one alarm that has been raised.
type raised struct {
	kind AlarmKind
	peer netip.Addr
	got  int64
}

// peers remembers which contradictions have been reported.
type peers struct{ raised []raised }

// reset forgets all: after a change of state each contradiction counts anew.
func (ps *peers) reset() { ps.raised = ps.raised[:0] }

// raise appends an alarm unless the same one has been raised already.
func (ps *peers) raise(out []Action, a Alarm) []Action {
	for i := range ps.raised {
		if r := &ps.raised[i]; r.kind == a.Kind && r.peer == a.Peer && r.got == a.Got {
			return out
		}
	}
	if len(ps.raised) >= maxAlarms {
		return out
	}
	ps.raised = append(ps.raised, raised{a.Kind, a.Peer, a.Got})
	return append(out, a)
}

// compare looks for contradictions in an advert that was accepted.
func (ps *peers) compare(p *Params, a *Advert, out []Action) []Action {
	if a.Src == p.PrimaryAddr {
		return ps.raise(out, Alarm{Kind: AlarmOwnAddress, Peer: a.Src})
	}
	// A Backup in version 3 follows another interval: legal, but seldom meant.
	if a.MaxAdvertiseInterval != p.Interval() {
		out = ps.raise(out, Alarm{Kind: AlarmInterval, Peer: a.Src,
			Got: int64(a.MaxAdvertiseInterval), Want: int64(p.Interval())})
	}
	if h := p.HMAC; h != nil && a.Skew.Abs() > h.Window/2 {
		out = ps.raise(out, Alarm{Kind: AlarmClock, Peer: a.Src, Got: int64(h.Window / 2), Want: int64(h.Window)})
	}
	if want := p.checksumForm(); a.Checksum != want {
		out = ps.raise(out, Alarm{Kind: AlarmChecksum, Peer: a.Src, Got: int64(a.Checksum), Want: int64(want)})
	}
	if a.AddrsDiffer {
		out = ps.raise(out, Alarm{Kind: AlarmAddresses, Peer: a.Src, Got: int64(len(a.Addrs)), Want: int64(len(p.Addrs))})
	}
	if a.Priority == PriorityOwner && p.Owner() {
		out = ps.raise(out, Alarm{Kind: AlarmTwoOwners, Peer: a.Src})
	}
	return out
}

// refused looks for contradictions in a datagram that was dropped: a neighbour
// that means us but will never be heard.
func (ps *peers) refused(e *PacketError, out []Action) []Action {
	a := Alarm{Peer: e.Src, Got: e.Got, Want: e.Want}
	switch e.Reason {
	case DropInterval:
		a.Kind = AlarmInterval
	case DropVersion:
		a.Kind = AlarmVersion
	case DropAuthMatch, DropPassword, DropAHMAC, DropHMACMissing, DropHMACKey, DropHMACMAC:
		a.Kind = AlarmAuth
	case DropHMACStale:
		a.Kind, a.Got = AlarmClock, e.Want // not the skew itself: it is another one each time
	default: // noise, counted by the loop
		return out
	}
	return ps.raise(out, a)
}
