package vrrp

import (
	"bytes"
	"crypto/hmac"
	"hash"
	"net/netip"
	"slices"
	"time"
)

// Memory is what one virtual router remembers of packets where one packet alone
// does not tell enough: the numbers that show an advert to be no replay, and how
// a peer computes checksums. It outlives a reload. The zero value knows nothing.
// It is used by one goroutine and allocates only when it meets a new key.
type Memory struct {
	id      uint16 // identification of the advert being sent
	ah      uint32 // highest sequence number of AH sent or accepted
	ahOurs  bool   // we sent it, and heard it of nobody
	stamp   uint64 // of the last trailer sent
	marks   []mark // of trailers accepted, the most recent sender first
	old     []netip.Addr
	macs    []keyed
	scratch [scratchLen]byte
	sum     [64]byte
	refused PacketError // the last error of Decode
}

// keyed is a MAC ready for use: it is costly to set up and has no state between
// two messages.
type keyed struct {
	secret []byte
	mac    hash.Hash
}

// maxMacs bounds what many reloads with new keys leave behind. There are at most
// 255 keys at a time.
const maxMacs = 256

// scratchLen holds the longest of what is put before a PDU to compute a MAC, and
// the zeros that stand for a MAC.
const scratchLen = ipv4HeaderLen + ahLen

// Next numbers the next advert. It comes once before all copies of one advert:
// those for several peers are told apart by nothing but their destination.
func (m *Memory) Next(now time.Time, p *Params) {
	if m.id++; m.id == 0 {
		m.id = 1 // for zero the kernel would choose another one
	}
	if p.ah() {
		m.nextAH()
	}
	if p.HMAC.signs() {
		m.stamp = p.HMAC.next(m.stamp, now)
	}
}

// ID is the identification that the IPv4 header of the current advert must
// carry: AH protects it.
func (m *Memory) ID() uint16 { return m.id }

// Resume is for a router that goes on as Active after a restart of the process
// and does not know its last number of AH: peers accept any greater one. The
// seconds of the clock are greater than what routers that started with 1 have
// reached. From an earlier resumption numbers may have grown faster, by one for
// each advert of the interval, which is a second or more, and one for each that
// answered another router: four numbers are left for each second.
func (m *Memory) Resume(now time.Time) {
	seconds := now.Unix()
	m.ah = max(m.ah, uint32(seconds+3*max(0, seconds-resumeEpoch)))
}

// resumeEpoch is the year 2026; the numbers last until 2045.
const resumeEpoch = 1767225600

// Advert is what p says, with the checksum that dst is known to expect.
func (m *Memory) Advert(p *Params, priority uint8, dst netip.Addr) Advert {
	a := p.Advert(priority, dst)
	if p.OldUnicastChecksum == OldChecksumAuto && slices.Contains(m.old, dst) {
		a.Checksum = ChecksumOldUnicast
	}
	return a
}

// AppendAdvert appends a as it goes behind the IP header: the authentication
// header, the PDU, the trailer, as p has it.
func (m *Memory) AppendAdvert(b []byte, p *Params, a *Advert) []byte {
	start := len(b)
	if !p.ah() {
		b = AppendAdvert(b, a)
		if p.HMAC.signs() {
			b = m.appendTrailer(b, start, p, a)
		}
		return b
	}
	b = slices.Grow(b, ahLen)[:start+ahLen]
	b = AppendAdvert(b, a)
	m.putAH(b[start:], p, a)
	return b
}

// learn remembers which peers compute checksums the old way. Only peers: what
// strangers send must not make us remember anything.
func (m *Memory) learn(p *Params, a *Advert) {
	if m == nil || a.Version != 3 || p.IPv6 || !p.Unicast() {
		return
	}
	at := slices.Index(m.old, a.Src)
	switch old := a.Checksum == ChecksumOldUnicast; {
	case old && at < 0 && slices.ContainsFunc(p.Peers, func(peer Peer) bool { return peer.Addr == a.Src }):
		m.old = append(m.old, a.Src)
	case !old && at >= 0:
		m.old = slices.Delete(m.old, at, at+1)
	}
}

// mac is the MAC of this key, begun anew.
func (m *Memory) mac(newHash func() hash.Hash, secret []byte) hash.Hash {
	for i := range m.macs {
		if bytes.Equal(m.macs[i].secret, secret) {
			m.macs[i].mac.Reset()
			return m.macs[i].mac
		}
	}
	if len(m.macs) >= maxMacs {
		m.macs = nil
	}
	k := keyed{secret: bytes.Clone(secret), mac: hmac.New(newHash, secret)}
	m.macs = append(m.macs, k)
	return k.mac
}
