package sim

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"holdfast/vrrp"
)

// auth is how the routers of a slot know each other's adverts.
type auth uint8

const (
	open     auth = iota // not at all
	password             // PASS
	header               // AH: numbers that go on from router to router
	stamps               // auth_hmac by the clock
	counter              // auth_hmac, anti_replay monotonic
)

// offsetMax is how far the clocks on the walls are apart without a fault.
const offsetMax = int64(200 * time.Millisecond)

// trailerLen are the octets of auth_hmac behind an advert.
const trailerLen = 28

// keys are the secrets of all LANs, in order of their numbers.
var keys = []vrrp.HMACKey{{ID: 1, Secret: []byte("the secret of yesterday, 32 octets")},
	{ID: 2, Secret: []byte("the secret of today, also 32 octets")}, {ID: 3, Secret: []byte("the secret of tomorrow, 32 octets..")}}

// drawAuth draws how routers of a slot authenticate, and whether their
// checksums are of one form.
func (s *slot) drawAuth(r *rand.Rand) {
	switch n := r.IntN(8); {
	case s.version == 2 && n < 2, s.version == 2 && s.ipv6 && n < 5:
		s.auth = password
	case s.version == 2 && n < 5:
		s.auth = header
	case n < 2, n == 5:
		s.auth = stamps
	case n == 6:
		s.auth = counter
	}
	s.rollout = s.signed() && r.IntN(4) == 0
	s.mixed = s.version == 3 && !s.ipv6 && r.IntN(3) == 0
}

// signed says whether clocks matter.
func (s *slot) signed() bool { return s.auth >= stamps }

// proof says whether nobody is believed twice: while trailers are rolled out
// adverts without are.
func (s *slot) proof() bool { return s.auth == header || s.signed() && !s.rollout }

// arm draws what one router of a slot does with keys and checksums. Routers with
// different active keys hear each other: each knows all keys.
func (s *slot) arm(r *rand.Rand, p *vrrp.Params) {
	secret := [8]byte{'s', 'e', 's', 'a', 'm', 'e'}
	switch s.auth {
	case password:
		p.AuthType, p.Password = vrrp.AuthPass, secret
	case header:
		p.AuthType, p.Password = vrrp.AuthAH, secret
	case stamps, counter:
		c := &vrrp.HMACConfig{Keys: keys, ActiveKey: uint8(1 + r.IntN(len(keys))), AntiReplay: "time", Mode: vrrp.HMACEnforce,
			Window: max(5*time.Second, 3*p.AdvertisementInterval)}
		if s.auth == counter {
			c.AntiReplay = "monotonic"
		}
		if s.rollout {
			c.Mode = []vrrp.HMACMode{vrrp.HMACPermissive, vrrp.HMACReceiveOnly}[r.IntN(2)]
		}
		p.HMAC = c
	}
	if !s.mixed {
		return
	}
	p.ChecksumAsV2 = r.IntN(2) == 0
	if p.Unicast() {
		p.OldUnicastChecksum = []vrrp.OldChecksum{vrrp.OldChecksumAuto, vrrp.OldChecksumAlways}[r.IntN(2)]
	}
}

// wallClock is what stamps are made of: near the LAN's time, unless somebody
// sets it. Timers do not look at it.
func (n *node) wallClock(at int64) time.Time {
	return epoch.Add(time.Duration(at + n.offset + n.jump))
}

// setClock puts the clock on the wall forward or back; 0 puts it right. What was
// stamped in the future may be taken for a replay until that time has come.
func (l *LAN) setClock(n *node, jump int64) {
	if n.jump > 0 {
		n.peak = max(n.peak, l.now+n.jump+2*offsetMax)
	}
	for i := range l.slots {
		l.slots[i].jumped = l.slots[i].jumped || jump > 0
	}
	n.jump = jump
}

// clocked says whether any router of the LAN looks at the clock on the wall.
func (l *LAN) clocked() bool {
	for i := range l.slots {
		if l.slots[i].signed() {
			return true
		}
	}
	return false
}

// number is what tells a sealed advert from those before: the number of AH, the
// stamp of a trailer; 0 without either.
func (s *slot) number(b []byte, p *vrrp.Params) uint64 {
	switch {
	case s.auth == header:
		return uint64(binary.BigEndian.Uint32(b[8:]))
	case s.signed() && p.HMAC.Mode != vrrp.HMACReceiveOnly:
		return binary.BigEndian.Uint64(b[len(b)-trailerLen+4:])
	}
	return 0
}

// senders are the nodes with the addresses that each may have: marks are kept by
// address.
const senders = 2 * maxNodes

// sender numbers the node and the address that d came from.
func (d *pdu) sender() int {
	if last := d.src.As16(); last[15] > 100 {
		return maxNodes + d.from
	}
	return d.from
}

// accepted remembers from outside what a router has to refuse from now on.
func (v *virtual) accepted(s *slot, d *pdu) {
	switch {
	case s.auth == header:
		if d.number >= v.number {
			v.numberOf = d.from
		}
		v.number, v.ours = max(v.number, d.number), false
	case d.from != nobody && d.number > 0:
		v.marks[d.sender()] = d.number
	}
}

// knows says whether a router must refuse d as sent before.
func (v *virtual) knows(s *slot, d *pdu) bool {
	if s.auth == header {
		return v.number > d.number || v.number == d.number && !v.ours
	}
	return v.marks[d.sender()] >= d.number
}

// believed says whether somebody who sends d again might be, by any router.
func (l *LAN) believed(d *pdu) bool {
	s := &l.slots[d.slot]
	if !s.proof() || l.now < l.calm {
		return true
	}
	for _, n := range l.nodes {
		v := n.routers[d.slot]
		if v == nil || n.index == d.from || v.state != vrrp.Backup && v.state != vrrp.Active {
			continue
		}
		if !v.knows(s, d) {
			return true
		}
	}
	return false
}

// deaf says whether v takes what w sends for sent before: numbers of AH begin
// with 1 when all routers that knew them have gone, but for one that was in Fault
// meanwhile. The higher number wins as soon as both speak. A resumed router has
// to see to it that it is heard; it counts on by its clock, and so is not if the
// clock of another was ahead when that one resumed, or when another, which it does
// not hear, hears it and counts on from its numbers.
func (s *slot) deaf(v, w *virtual, index int) bool {
	return s.auth == header && v.number >= w.number && (!w.resumed || s.jumped || v.numberOf != index)
}
