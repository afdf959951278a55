package host

import (
	"encoding/binary"
	"net/netip"
)

// Announcement tells the neighbours of a link that an address is at our MAC.
type Announcement struct {
	Link   string // for messages
	Addr   netip.Addr
	MAC    MAC  // of the link, or of the VMAC
	Router bool // IPv6: forwarding is on, so we stay in routers' lists
}

// FrameSize is room for either kind of frame.
const FrameSize = 86

const (
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	neighborAdvertisement = 136
	flagRouter            = 0x80000000
	flagOverride          = 0x20000000 // replace what you have cached
)

var (
	broadcastMAC = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	allNodesMAC  = MAC{0x33, 0x33, 0, 0, 0, 1}
	allNodes     = netip.MustParseAddr("ff02::1")
)

// AppendFrame appends the Ethernet frame that announces a: a gratuitous ARP
// request (RFC 5227 section 3) or an unsolicited neighbour advertisement (RFC
// 4861 section 4.4, RFC 9568 section 6.4.1). It allocates nothing when b has
// room for FrameSize octets.
func (a Announcement) AppendFrame(b []byte) []byte {
	if a.Addr.Is4() || a.Addr.Is4In6() {
		return appendGARP(b, a.MAC, a.Addr.Unmap())
	}
	return appendNA(b, a.MAC, a.Addr, a.Router)
}

// appendGARP: a request, sender and target address both the announced one. The
// target MAC is broadcast, as keepalived sends it.
func appendGARP(b []byte, mac MAC, addr netip.Addr) []byte {
	ip4 := addr.As4()
	b = append(b, broadcastMAC[:]...)
	b = append(b, mac[:]...)
	b = binary.BigEndian.AppendUint16(b, etherARP)
	b = append(b, 0, 1, 0x08, 0x00, 6, 4, 0, 1) // Ethernet, IPv4, lengths, request
	b = append(b, mac[:]...)
	b = append(b, ip4[:]...)
	b = append(b, broadcastMAC[:]...)
	return append(b, ip4[:]...)
}

func appendNA(b []byte, mac MAC, addr netip.Addr, router bool) []byte {
	src, dst := addr.As16(), allNodes.As16()
	b = append(b, allNodesMAC[:]...)
	b = append(b, mac[:]...)
	b = binary.BigEndian.AppendUint16(b, etherIPv6)
	const icmpLen = 32
	b = append(b, 0x60, 0, 0, 0, 0, icmpLen, 58, 255) // next header ICMPv6, hop limit 255
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	at := len(b)
	flags := uint32(flagOverride)
	if router {
		flags |= flagRouter
	}
	b = append(b, neighborAdvertisement, 0, 0, 0) // checksum below
	b = binary.BigEndian.AppendUint32(b, flags)
	b = append(b, src[:]...)
	b = append(b, 2, 1) // option: target link-layer address, one unit of 8 octets
	b = append(b, mac[:]...)
	// The pseudo header is the two addresses, the length and the next header.
	sum := checksumAdd(icmpLen+58, b[at-32:])
	binary.BigEndian.PutUint16(b[at+2:], ^uint16(sum))
	return b
}

// checksumAdd adds b's big-endian words to sum in one's complement (RFC 1071).
func checksumAdd(sum uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}

// Burst appends the announcements of list, repeat times over, in the order in
// which keepalived sends them: every address once, then every address again.
func Burst(out, list []Announcement, repeat int) []Announcement {
	for range repeat {
		out = append(out, list...)
	}
	return out
}
