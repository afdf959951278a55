package vrrp

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"
	"math"
	"net/netip"
)

// The authentication header (RFC 2402) as keepalived has it: 24 octets between
// IP header and PDU.
//
//	0     next header: 112
//	1     length in words of four octets, less two: 4
//	2-3   zero
//	4-7   SPI: the source address
//	8-11  sequence number
//	12-23 first 12 octets of HMAC-MD5, keyed with the eight octets of auth_pass
//
// The MAC is over the IP header without what routers may change (TOS, fragment
// offset, checksum; TTL, too, if the advert is unicast), this header with zeros
// for the MAC, and the PDU with its checksum.
const (
	ahProtocol = 51
	ahLen      = 24
	ahICVAt    = 12
	ahICVLen   = 12
	ahMaxSeq   = math.MaxUint32 - 2
)

// ah reports whether adverts carry the authentication header. Only version 2
// over IPv4 has it.
func (p *Params) ah() bool { return p.AuthType == AuthAH && p.Version == 2 && !p.IPv6 }

// behindAH is the PDU behind an authentication header; false when there is none
// of VRRP: other protocols use AH as well.
func behindAH(b []byte) (pdu []byte, ok bool) {
	if len(b) < ahLen || b[0] != ipProtocol {
		return nil, false
	}
	return b[ahLen:], true
}

// nextAH counts on from the highest number seen, whoever sent it: a router that
// becomes Active must go on where the one before it ended. After the last number
// it begins again; peers refuse that until they take over and do the same.
func (m *Memory) nextAH() {
	if m.ah >= ahMaxSeq {
		m.ah = 0
	}
	m.ah++
	m.ahOurs = true
}

// putAH fills in the header in front of a's PDU.
func (m *Memory) putAH(b []byte, p *Params, a *Advert) {
	head := b[:ahLen]
	clear(head)
	head[0], head[1] = ipProtocol, ahLen/4-2
	putAddr4(head[4:], a.Src)
	binary.BigEndian.PutUint32(head[8:], m.ah)
	d := Datagram{PDU: b, Src: a.Src, Dst: a.Dst, TTL: allowedTTL, ID: m.id}
	copy(head[ahICVAt:], m.icv(p, &d))
}

// checkAH compares sender, MAC and number, in the order of keepalived 2.2.7. The
// number counts as used once the MAC is right, whatever else is wrong. The number
// that we sent last is new when somebody else sends it: else two Active routers
// that send at the same moment would never hear each other.
func (m *Memory) checkAH(p *Params, d Datagram) error {
	if m == nil {
		m = &Memory{}
	}
	var src [4]byte
	putAddr4(src[:], d.Src)
	if spi := [4]byte(d.PDU[4:]); spi != src {
		return m.drop(p, DropAHSender, d, int64(binary.BigEndian.Uint32(spi[:])), 0)
	}
	if subtle.ConstantTimeCompare(m.icv(p, &d), d.PDU[ahICVAt:ahICVAt+ahICVLen]) != 1 {
		return m.drop(p, DropAHMAC, d, 0, 0)
	}
	seq := binary.BigEndian.Uint32(d.PDU[8:])
	if seq < m.ah || seq == m.ah && !m.ahOurs {
		return m.drop(p, DropAHReplay, d, int64(seq), int64(m.ah))
	}
	m.ah, m.ahOurs = seq, false
	return nil
}

// icv is the MAC of a datagram, whatever stands at its place.
func (m *Memory) icv(p *Params, d *Datagram) []byte {
	s := m.scratch[:ipv4HeaderLen+ahLen]
	clear(s)
	s[0] = 4<<4 | ipv4HeaderLen/4
	binary.BigEndian.PutUint16(s[2:], uint16(ipv4HeaderLen+len(d.PDU)))
	binary.BigEndian.PutUint16(s[4:], d.ID)
	if d.Dst.IsMulticast() {
		s[8] = d.TTL
	}
	s[9] = ahProtocol
	putAddr4(s[12:], d.Src)
	putAddr4(s[16:], d.Dst)
	copy(s[ipv4HeaderLen:], d.PDU[:ahICVAt])
	mac := m.mac(md5.New, p.Password[:])
	mac.Write(s)
	mac.Write(d.PDU[ahLen:])
	return mac.Sum(m.sum[:0])[:ahICVLen]
}

// putAddr4 writes an IPv4 address; zeros for what is none.
func putAddr4(b []byte, a netip.Addr) {
	all := a.As16()
	copy(b, all[12:16])
}
