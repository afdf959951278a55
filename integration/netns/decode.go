package netns

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

// Advert is a VRRP advertisement as it passed the bridge. It is decoded here
// and not with our codec, which is what is being tested.
type Advert struct {
	At       time.Time // the kernel's time stamp
	MAC      string    // source of the Ethernet frame
	Src, Dst netip.Addr
	TTL      uint8
	Version  uint8
	VRID     uint8
	Priority uint8
	Interval time.Duration
	Addrs    []netip.Addr
	Sequence uint32 // of the authentication header; 0: none
	Raw      []byte // from the first octet of VRRP on
	Packet   []byte // from the first octet of IPv4 on; nil for IPv6
}

// GARP is a gratuitous ARP request, or an unsolicited neighbour advertisement,
// for one address.
type GARP struct {
	At    time.Time
	Addr  netip.Addr
	Frame []byte // the whole Ethernet frame
}

// from says whether a host sent the announcement from its eth0.
func (g GARP) from(h *Host) bool {
	return net.HardwareAddr(g.Frame[6:12]).String() == h.MAC
}

// Lengths and numbers of the headers that lie around an advert.
const (
	etherLen  = 14
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
	ipv6Len   = 40
	protoVRRP = 112
	protoAH   = 51
	protoICMP = 58
	ahLen     = 24 // with a MAC of twelve octets
)

// decodeAdvert finds an advert in an Ethernet frame; ok is false for anything
// else, and for adverts that are cut off.
func decodeAdvert(at time.Time, frame []byte) (a Advert, ok bool) {
	if len(frame) < etherLen {
		return a, false
	}
	var vrrp []byte
	ip := frame[etherLen:]
	a.At, a.MAC = at, net.HardwareAddr(frame[6:12]).String()
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherIPv4:
		if len(ip) < 20 || ip[9] != protoVRRP && ip[9] != protoAH {
			return a, false
		}
		header, total := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
		if header > total || total > len(ip) {
			return a, false
		}
		a.Src, a.Dst, a.TTL = addr(ip[12:16]), addr(ip[16:20]), ip[8]
		vrrp, a.Packet = ip[header:total], ip[:total]
		if ip[9] == protoAH {
			if len(vrrp) < ahLen || vrrp[0] != protoVRRP {
				return a, false
			}
			a.Sequence = binary.BigEndian.Uint32(vrrp[8:])
			vrrp = vrrp[ahLen:]
		}
	case etherIPv6:
		if len(ip) < ipv6Len || ip[6] != protoVRRP {
			return a, false
		}
		total := ipv6Len + int(binary.BigEndian.Uint16(ip[4:]))
		if total > len(ip) {
			return a, false
		}
		a.Src, a.Dst, a.TTL = addr(ip[8:24]), addr(ip[24:40]), ip[7]
		vrrp = ip[ipv6Len:total]
	}
	if len(vrrp) < 8 {
		return a, false
	}
	a.Version, a.VRID, a.Priority, a.Raw = vrrp[0]>>4, vrrp[1], vrrp[2], vrrp
	if a.Version == 2 {
		a.Interval = time.Duration(vrrp[5]) * time.Second
	} else {
		a.Interval = time.Duration(binary.BigEndian.Uint16(vrrp[4:])&0xfff) * 10 * time.Millisecond
	}
	size := len(a.Src.AsSlice())
	for rest := vrrp[8:]; len(a.Addrs) < int(vrrp[3]); rest = rest[size:] {
		if len(rest) < size {
			return a, false
		}
		a.Addrs = append(a.Addrs, addr(rest[:size]))
	}
	return a, true
}

// decodeGARP finds an announcement of an address in an Ethernet frame: an ARP
// request whose sender and target are the same, or a neighbour advertisement
// to all nodes.
func decodeGARP(at time.Time, frame []byte) (g GARP, ok bool) {
	if len(frame) < etherLen {
		return g, false
	}
	body := frame[etherLen:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherARP:
		if len(body) < 28 || addr(body[14:18]) != addr(body[24:28]) {
			return g, false
		}
		return GARP{at, addr(body[14:18]), frame}, true
	case etherIPv6:
		const neighbourAdvert = 136
		if len(body) < ipv6Len+24 || body[6] != protoICMP || body[ipv6Len] != neighbourAdvert ||
			addr(body[24:40]) != netip.MustParseAddr("ff02::1") {
			return g, false
		}
		return GARP{at, addr(body[ipv6Len+8 : ipv6Len+24]), frame}, true
	}
	return g, false
}

func addr(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}
