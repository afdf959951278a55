package vrrp

import (
	"crypto/subtle"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

const (
	ipProtocol    = 112
	headerLen     = 8 // VRRP header, both versions
	authLen       = 8 // version 2 over IPv4: always there, zero without password
	ipv4HeaderLen = 20
	ethernetMin   = 46 // a shorter Ethernet payload is padded to this
	typeAdvert    = 1
	allowedTTL    = 255
	centisecond   = 10 * time.Millisecond
	maxCentiMask  = 0x0fff // 12 bits of Max Advertise Interval (RFC 9568 section 5.2.7)
	maxAddrs      = 255    // the count is one octet
	// MaxPacket is the longest VRRP PDU we read or write, with authentication: 255
	// IPv6 addresses and a trailer.
	MaxPacket = headerLen + maxAddrs*16 + authLen + trailerLen
)

// ChecksumForm tells what a version 3 checksum over IPv4 was computed over.
// Implementations disagree; we accept all three and remember which it was.
type ChecksumForm uint8

const (
	ChecksumStandard   ChecksumForm = iota // version 3: pseudo header and PDU; version 2: PDU
	ChecksumPlain                          // version 3 without pseudo header: v3_checksum_as_v2
	ChecksumOldUnicast                     // pseudo header with the multicast group: keepalived before 1.3.7
)

// Datagram is one received VRRP PDU, IP header removed, with what the header said.
// An authentication header and a trailer belong to the PDU here.
type Datagram struct {
	PDU      []byte
	Src, Dst netip.Addr
	TTL      uint8
	ID       uint16    // IPv4 identification, which AH protects
	At       time.Time // arrival, by the clock on the wall: trailers are stamped with it
}

// Advert is one ADVERTISEMENT (RFC 9568 section 5.2).
type Advert struct {
	Src, Dst netip.Addr
	TTL      uint8
	Version  uint8
	VRID     uint8
	Priority uint8
	AuthType AuthType
	AuthData [8]byte
	Checksum ChecksumForm
	// MaxAdvertiseInterval is the sender's interval: whole seconds in version 2,
	// multiples of 10ms in version 3.
	MaxAdvertiseInterval time.Duration
	// Skew is how far the sender's clock is ahead of ours, in whole seconds, where
	// a trailer tells; zero otherwise.
	Skew time.Duration
	// AddrsDiffer says that Addrs is not our list: another count, or one of
	// ours is missing. Such an advert is accepted all the same.
	AddrsDiffer bool
	// Addrs is overwritten by the next Decode into the same Advert.
	Addrs []netip.Addr
}

// PeekVRID reads the virtual router number of a PDU; false when it is shorter
// than a VRRP header.
func PeekVRID(pdu []byte) (vrid uint8, ok bool) {
	if len(pdu) < headerLen {
		return 0, false
	}
	return pdu[1], true
}

// Decode reads d as an advert for the virtual router p and makes every check of
// reception, in keepalived's order, so that both name the same fault of a
// packet with several. The error is always a *PacketError; a is then
// meaningless. It remembers nothing: replays are noticed by Memory.Decode.
func (p *Params) Decode(d Datagram, a *Advert) error { return (*Memory)(nil).Decode(p, d, a) }

// Decode is Params.Decode with a memory: adverts that were sent before are
// refused. a.Addrs keeps its memory, and the error is the Memory's, good until
// the next one: neither decoding nor refusing allocates.
func (m *Memory) Decode(p *Params, d Datagram, a *Advert) error {
	b := d.PDU
	if p.ah() {
		var ok bool
		if b, ok = behindAH(b); !ok {
			return m.drop(p, DropShort, d, int64(len(d.PDU)), ahLen+headerLen)
		}
	}
	if len(b) < headerLen {
		return m.drop(p, DropShort, d, int64(len(b)), headerLen)
	}
	version, kind, count := b[0]>>4, b[0]&0x0f, int(b[3])
	want := pduLen(version, p.Version, p.IPv6, count)
	signed := p.HMAC != nil && len(b) == want+trailerLen
	if !signed && !lengthFits(len(b), want, p.IPv6) {
		return m.drop(p, DropLength, d, int64(len(b)), int64(want))
	}
	b = b[:want] // what follows is a trailer or padding
	if d.TTL != allowedTTL && !p.Unicast() {
		return m.drop(p, DropTTL, d, int64(d.TTL), allowedTTL)
	}
	if version != p.Version {
		return m.drop(p, DropVersion, d, int64(version), int64(p.Version))
	}
	*a = Advert{Src: d.Src, Dst: d.Dst, TTL: d.TTL, Version: version, VRID: b[1], Priority: b[2], Addrs: a.Addrs[:0]}
	if p.HMAC != nil {
		if err := m.checkTrailer(p, d, b, a); err != nil {
			return err
		}
	}
	if version == 3 {
		a.MaxAdvertiseInterval = time.Duration(binary.BigEndian.Uint16(b[4:])&maxCentiMask) * centisecond
	} else if err := m.checkV2(p, d, b, a); err != nil {
		return err
	}
	if kind != typeAdvert {
		return m.drop(p, DropType, d, int64(kind), typeAdvert)
	}
	summed := b
	if signed && p.IPv6 {
		summed = d.PDU
	}
	if err := m.checkSum(p, d, summed, a); err != nil {
		return err
	}
	if version == 3 {
		if a.MaxAdvertiseInterval == 0 {
			return m.drop(p, DropInterval, d, 0, int64(p.Interval()))
		}
		if count == 0 && len(p.Addrs) > 0 {
			return m.drop(p, DropAddresses, d, 0, int64(len(p.Addrs)))
		}
	}
	a.Addrs = appendAddrs(a.Addrs, b[headerLen:], count, p.IPv6)
	a.AddrsDiffer = !p.SkipCheckAdvAddr && !sameAddrs(p.Addrs, a.Addrs)
	if err := m.checkSender(p, d); err != nil {
		return err
	}
	m.learn(p, a)
	return nil
}

// sameAddrs ignores the order; almost always it is the same and one pass is enough.
func sameAddrs(ours, theirs []netip.Addr) bool {
	if slices.Equal(ours, theirs) {
		return true
	}
	return len(ours) == len(theirs) &&
		!slices.ContainsFunc(ours, func(a netip.Addr) bool { return !slices.Contains(theirs, a) })
}

// pduLen is the length a PDU must have. A version we do not know is measured as
// if it were ours; the version check comes later and refuses it.
func pduLen(version, ours uint8, ipv6 bool, count int) int {
	if version != 2 && version != 3 {
		version = ours
	}
	switch {
	case ipv6:
		return headerLen + 16*count
	case version == 2:
		return headerLen + 4*count + authLen
	default:
		return headerLen + 4*count
	}
}

// lengthFits allows for a short frame that a switch or driver padded to the
// Ethernet minimum and whose padding was not cut off.
func lengthFits(got, want int, ipv6 bool) bool {
	return got == want || !ipv6 && got > want && ipv4HeaderLen+got == ethernetMin
}

// checkV2 makes the checks that version 3 has not: authentication and interval.
func (m *Memory) checkV2(p *Params, d Datagram, b []byte, a *Advert) error {
	a.AuthType = AuthType(b[4])
	a.MaxAdvertiseInterval = time.Duration(b[5]) * time.Second
	if a.AuthType > AuthAH {
		return m.drop(p, DropAuthType, d, int64(a.AuthType), int64(p.AuthType))
	}
	if a.AuthType != p.AuthType {
		return m.drop(p, DropAuthMatch, d, int64(a.AuthType), int64(p.AuthType))
	}
	if !p.IPv6 { // over IPv6 there is none
		copy(a.AuthData[:], b[len(b)-authLen:])
		if a.AuthType == AuthPass && subtle.ConstantTimeCompare(a.AuthData[:], p.Password[:]) != 1 {
			return m.drop(p, DropPassword, d, 0, 0)
		}
	}
	if p.ah() {
		if err := m.checkAH(p, d); err != nil {
			return err
		}
	}
	if a.MaxAdvertiseInterval != p.Interval() {
		return m.drop(p, DropInterval, d, int64(a.MaxAdvertiseInterval), int64(p.Interval()))
	}
	return nil
}

// checkSum verifies the checksum in any of the forms in use and notes which.
func (m *Memory) checkSum(p *Params, d Datagram, b []byte, a *Advert) error {
	plain := sum(0, b)
	switch {
	case fold(pseudo(plain, d.Src, d.Dst, len(b), p.IPv6 || a.Version == 3)) == 0xffff:
		a.Checksum = ChecksumStandard
	case p.IPv6 || a.Version == 2:
		return m.drop(p, DropChecksum, d, 0, 0)
	case fold(plain) == 0xffff:
		a.Checksum = ChecksumPlain
	case !d.Dst.IsMulticast() && p.OldUnicastChecksum != OldChecksumNever && fold(pseudo(plain, d.Src, GroupIPv4, len(b), true)) == 0xffff:
		a.Checksum = ChecksumOldUnicast
	default:
		return m.drop(p, DropChecksum, d, 0, 0)
	}
	return nil
}

// checkSender makes the checks that need no byte of the PDU.
func (m *Memory) checkSender(p *Params, d Datagram) error {
	switch {
	case p.Unicast() && d.Dst.IsMulticast():
		return m.drop(p, DropDestination, d, 0, destUnicast)
	case !p.Unicast() && !d.Dst.IsMulticast():
		return m.drop(p, DropDestination, d, 0, destMulticast)
	case p.OwnerIgnoreAdverts && p.Owner():
		return m.drop(p, DropOwner, d, 0, 0)
	case !p.Unicast() || !p.CheckPeers:
		return nil
	}
	for _, peer := range p.Peers {
		if peer.Addr != d.Src {
			continue
		}
		if d.TTL < peer.MinTTL || d.TTL > peer.MaxTTL {
			return m.refuse(PacketError{Reason: DropPeerTTL, Src: d.Src, Version: p.Version,
				Got: int64(d.TTL), Want: int64(peer.MinTTL), Max: int64(peer.MaxTTL)})
		}
		return nil
	}
	return m.drop(p, DropPeer, d, 0, 0)
}

func (m *Memory) drop(p *Params, r DropReason, d Datagram, got, want int64) error {
	return m.refuse(PacketError{Reason: r, Src: d.Src, Version: p.Version, Got: got, Want: want})
}

// refuse keeps e where the next refusal overwrites it: strangers must not make
// us allocate.
func (m *Memory) refuse(e PacketError) error {
	if m == nil {
		m = &Memory{}
	}
	m.refused = e
	return &m.refused
}

func appendAddrs(list []netip.Addr, b []byte, count int, ipv6 bool) []netip.Addr {
	for i := range count {
		if ipv6 {
			list = append(list, netip.AddrFrom16([16]byte(b[16*i:])))
		} else {
			list = append(list, netip.AddrFrom4([4]byte(b[4*i:])))
		}
	}
	return list
}

// Advert is what this router says with the given priority to dst.
func (p *Params) Advert(priority uint8, dst netip.Addr) Advert {
	a := Advert{Src: p.PrimaryAddr, Dst: dst, TTL: allowedTTL, Version: p.Version, VRID: p.VRID, Priority: priority,
		AuthType: p.AuthType, MaxAdvertiseInterval: p.Interval(), Addrs: p.Addrs}
	if p.AuthType == AuthPass {
		a.AuthData = p.Password
	}
	a.Checksum = p.checksumForm()
	return a
}

// checksumForm is how the configuration wants checksums of version 3 over IPv4.
func (p *Params) checksumForm() ChecksumForm {
	switch {
	case p.Version != 3 || p.IPv6:
		return ChecksumStandard
	case p.ChecksumAsV2:
		return ChecksumPlain
	case p.Unicast() && p.OldUnicastChecksum == OldChecksumAlways:
		return ChecksumOldUnicast
	default:
		return ChecksumStandard
	}
}

// AppendAdvert appends a's PDU to b: the caller's buffer, no allocation when it
// is large enough. Source and destination enter the checksum of version 3. Of
// more than 255 addresses only the first 255 are sent.
func AppendAdvert(b []byte, a *Advert) []byte {
	start := len(b)
	addrs := a.Addrs[:min(len(a.Addrs), maxAddrs)]
	b = append(b, a.Version<<4|typeAdvert, a.VRID, a.Priority, uint8(len(addrs)))
	if a.Version == 2 {
		b = append(b, uint8(a.AuthType), uint8(a.MaxAdvertiseInterval/time.Second))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(a.MaxAdvertiseInterval/centisecond)&maxCentiMask)
	}
	b = append(b, 0, 0) // checksum
	for _, addr := range addrs {
		if addr.Is4() {
			v4 := addr.As4()
			b = append(b, v4[:]...)
		} else {
			v6 := addr.As16()
			b = append(b, v6[:]...)
		}
	}
	ipv6 := a.Src.Is6()
	if a.Version == 2 && !ipv6 {
		b = append(b, a.AuthData[:]...)
	}
	pdu := b[start:]
	dst := a.Dst
	if a.Checksum == ChecksumOldUnicast {
		dst = GroupIPv4
	}
	withPseudo := ipv6 || a.Version == 3 && a.Checksum != ChecksumPlain
	binary.BigEndian.PutUint16(pdu[6:], ^fold(pseudo(sum(0, pdu), a.Src, dst, len(pdu), withPseudo)))
	return b
}

// sum adds b to acc as big endian 16-bit words (RFC 1071); carries are kept in
// the upper half until fold.
func sum(acc uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		acc += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		acc += uint32(b[0]) << 8
	}
	return acc
}

// pseudo adds the pseudo header of IPv4 or IPv6 (RFC 9568 section 5.2.8); with
// use false it adds nothing, as version 2 over IPv4 wants it.
func pseudo(acc uint32, src, dst netip.Addr, length int, use bool) uint32 {
	if !use {
		return acc
	}
	if src.Is4() && dst.Is4() {
		s, t := src.As4(), dst.As4()
		acc = sum(sum(acc, s[:]), t[:])
	} else {
		s, t := src.As16(), dst.As16()
		acc = sum(sum(acc, s[:]), t[:])
	}
	return acc + ipProtocol + uint32(length)
}

func fold(acc uint32) uint16 {
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// parseIPv4 takes the header off a packet from a raw socket, which hands over
// the whole of it. What is wrong is written to refused, which is then the error.
func parseIPv4(b []byte, refused *PacketError) (Datagram, error) {
	if len(b) < ipv4HeaderLen+headerLen {
		*refused = PacketError{Reason: DropShort, Got: int64(len(b)), Want: ipv4HeaderLen + headerLen}
		return Datagram{}, refused
	}
	d := Datagram{Src: netip.AddrFrom4([4]byte(b[12:])), Dst: netip.AddrFrom4([4]byte(b[16:])), TTL: b[8],
		ID: binary.BigEndian.Uint16(b[4:])}
	header := int(b[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0]>>4 != 4 || header < ipv4HeaderLen || len(b) < header+headerLen:
		*refused = PacketError{Reason: DropShort, Src: d.Src, Got: int64(len(b)), Want: int64(header + headerLen)}
		return d, refused
	case total != len(b) && len(b) > ethernetMin, total > len(b), total < header+headerLen:
		*refused = PacketError{Reason: DropIPLength, Src: d.Src, Got: int64(len(b)), Want: int64(total)}
		return d, refused
	}
	d.PDU = b[header:]
	return d, nil
}

// putIPv4 writes the header of one of our packets into b's first 20 octets. The
// kernel fills in the checksum.
func putIPv4(b []byte, pdu int, protocol uint8, m Meta) {
	clear(b[:ipv4HeaderLen])
	b[0] = 4<<4 | ipv4HeaderLen/4
	b[1] = 0xc0 // CS6, internetwork control
	binary.BigEndian.PutUint16(b[2:], uint16(ipv4HeaderLen+pdu))
	binary.BigEndian.PutUint16(b[4:], m.ID)
	b[8] = m.TTL
	b[9] = protocol
	src, dst := m.Src.As4(), m.Dst.As4()
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
}
