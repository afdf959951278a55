package vrrp

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// The trailer of auth_hmac, 28 octets behind the PDU (keepalived 2.4.0):
//
//	0     kind: 1, HMAC-SHA256 cut to 128 bits
//	1     number of the key
//	2-3   zero
//	4-7   seconds since 1970
//	8-9   fraction of a second, in 1/65536
//	10-11 counter, for adverts within that fraction
//	12-27 MAC
//
// The MAC is over 20 octets that say what the PDU does not (family, version,
// VRID, zero, source address in 16 octets), the PDU with zero for its checksum,
// and the trailer with zeros for the MAC.
const (
	trailerLen    = 28
	trailerKind   = 1
	trailerMACAt  = 12
	trailerMACLen = 16
	trailerPseudo = 20
	// minMarks are the senders remembered with multicast. keepalived has four:
	// with more routers than that, or addresses that change, an old advert is
	// taken for a new one when anti_replay is monotonic.
	minMarks = 16
)

// mark is the last stamp accepted from one router.
type mark struct {
	src   netip.Addr
	stamp uint64
}

// signs reports whether our adverts carry a trailer.
func (c *HMACConfig) signs() bool { return c != nil && c.Mode != HMACReceiveOnly }

// byClock reports whether the clocks of the routers must agree.
func (c *HMACConfig) byClock() bool { return c.AntiReplay != "monotonic" }

// same reports whether both ask for the same, wherever it is written.
func (c *HMACConfig) same(o *HMACConfig) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.ActiveKey == o.ActiveKey && c.Window == o.Window && c.AntiReplay == o.AntiReplay && c.Mode == o.Mode &&
		slices.EqualFunc(c.Keys, o.Keys, func(a, b HMACKey) bool { return a.ID == b.ID && bytes.Equal(a.Secret, b.Secret) })
}

// next is the stamp of the advert after last: the clock, or one more than last
// where the clock has not moved on. A clock that was put back by more than the
// window is believed: receivers would call anything else stale.
func (c *HMACConfig) next(last uint64, now time.Time) uint64 {
	clock := stampOf(now)
	ahead := int64(last - clock)
	switch {
	case last == 0 || ahead < 0:
		return clock
	case c.byClock() && ahead>>32 > int64(c.Window/time.Second):
		return clock
	}
	return last + 1
}

// stampOf is the wall clock as a trailer has it: seconds, fraction, counter 0.
func stampOf(now time.Time) uint64 {
	fraction := uint64(now.Nanosecond()) << 16 / uint64(time.Second)
	return uint64(uint32(now.Unix()))<<32 | fraction<<16
}

// skew is how much later than now a stamp is, in whole seconds; it is right also
// when the 32 bits of seconds have wrapped.
func skew(stamp uint64, now time.Time) time.Duration {
	return time.Duration(int32(uint32(stamp>>32)-uint32(now.Unix()))) * time.Second
}

// appendTrailer signs the PDU that begins at start. Over IPv6 the checksum covers
// the trailer: the kernel computes it over all that is sent.
func (m *Memory) appendTrailer(b []byte, start int, p *Params, a *Advert) []byte {
	at := len(b)
	b = append(b, trailerKind, p.HMAC.ActiveKey, 0, 0)
	b = binary.BigEndian.AppendUint64(b, m.stamp)
	key := p.HMAC.key(p.HMAC.ActiveKey)
	b = append(b, m.trailerMAC(key.Secret, a, b[start:at], b[at:])...)
	if p.IPv6 {
		pdu := b[start:]
		pdu[6], pdu[7] = 0, 0
		binary.BigEndian.PutUint16(pdu[6:], ^fold(pseudo(sum(0, pdu), a.Src, a.Dst, len(pdu), true)))
	}
	return b
}

// trailerMAC covers the advert a with this PDU and the first octets of its
// trailer.
func (m *Memory) trailerMAC(secret []byte, a *Advert, pdu, trailer []byte) []byte {
	s := m.scratch[:trailerPseudo]
	clear(m.scratch[:])
	s[0], s[1], s[2] = 4, a.Version, a.VRID
	src := a.Src.As16()
	if a.Src.Is4() {
		copy(s[4:], src[12:])
	} else {
		s[0] = 6
		copy(s[4:], src[:])
	}
	mac := m.mac(sha256.New, secret)
	mac.Write(s)
	mac.Write(pdu[:6])
	mac.Write(m.scratch[trailerPseudo : trailerPseudo+2]) // the checksum
	mac.Write(pdu[8:])
	mac.Write(trailer[:trailerMACAt])
	mac.Write(m.scratch[trailerPseudo : trailerPseudo+trailerMACLen])
	return mac.Sum(m.sum[:0])[:trailerMACLen]
}

// checkTrailer makes the checks of a trailer, in keepalived's order: what costs
// nothing first, and what changes our memory last. Without trailer d is accepted
// unless the mode is to enforce it.
func (m *Memory) checkTrailer(p *Params, d Datagram, pdu []byte, a *Advert) error {
	c := p.HMAC
	trailer := d.PDU[len(pdu):]
	if len(trailer) != trailerLen {
		if c.Mode == HMACEnforce {
			return m.drop(p, DropHMACMissing, d, 0, 0)
		}
		return nil
	}
	if m == nil {
		m = &Memory{}
	}
	if trailer[0] != trailerKind || trailer[1] == 0 || trailer[2] != 0 || trailer[3] != 0 {
		return m.drop(p, DropHMACMalformed, d, 0, 0)
	}
	stamp := binary.BigEndian.Uint64(trailer[4:])
	if c.byClock() {
		a.Skew = skew(stamp, d.At)
		if a.Skew.Abs() > c.Window {
			return m.drop(p, DropHMACStale, d, int64(a.Skew), int64(c.Window))
		}
	}
	key := c.key(trailer[1])
	if key == nil {
		return m.drop(p, DropHMACKey, d, int64(trailer[1]), 0)
	}
	if subtle.ConstantTimeCompare(m.trailerMAC(key.Secret, a, pdu, trailer), trailer[trailerMACAt:]) != 1 {
		return m.drop(p, DropHMACMAC, d, int64(trailer[1]), 0)
	}
	if !m.fresh(p, d, stamp) {
		return m.drop(p, DropHMACReplay, d, 0, 0)
	}
	return nil
}

// fresh reports whether the stamp is later than the last one of this sender, and
// remembers it. A mark that the clock has left behind by more than the window, or
// that is as far in the future, shows that a clock was set, and counts no more.
func (m *Memory) fresh(p *Params, d Datagram, stamp uint64) bool {
	at := slices.IndexFunc(m.marks, func(k mark) bool { return k.src == d.Src })
	if at >= 0 {
		last := m.marks[at].stamp
		expired := p.HMAC.byClock() && skew(last, d.At).Abs() > p.HMAC.Window
		if !expired && int64(stamp-last) <= 0 {
			return false
		}
	} else {
		// One place for each peer, a few for routers of a group; the sender
		// that has been silent for longest goes.
		if most := max(minMarks, len(p.Peers)); len(m.marks) >= most {
			m.marks = m.marks[:most-1]
		}
		m.marks = append(m.marks, mark{})
		at = len(m.marks) - 1
	}
	copy(m.marks[1:at+1], m.marks[:at])
	m.marks[0] = mark{d.Src, stamp}
	return true
}
