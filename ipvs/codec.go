package ipvs

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"time"
)

// Attributes of the IPVS generic netlink family, version 1 (linux/ip_vs.h).
// Numbers are in host order, except addresses, masks and ports.

// Attributes of a command.
const (
	attrService       = 1
	attrDestination   = 2
	attrDaemon        = 3
	attrTimeoutTCP    = 4
	attrTimeoutTCPFin = 5
	attrTimeoutUDP    = 6
)

const (
	svcFamily    = 1
	svcProtocol  = 2
	svcAddr      = 3
	svcPort      = 4
	svcFWMark    = 5
	svcScheduler = 6
	svcFlags     = 7
	svcTimeout   = 8
	svcNetmask   = 9
	svcStats     = 10
	svcEngine    = 11
	svcStats64   = 12
)

const (
	destAddr        = 1
	destPort        = 2
	destMethod      = 3
	destWeight      = 4
	destUpper       = 5
	destLower       = 6
	destActive      = 7
	destInactive    = 8
	destPersistent  = 9
	destStats       = 10
	destFamily      = 11 // Linux 3.18
	destStats64     = 12 // Linux 4.1
	destTunnelType  = 13 // Linux 5.2
	destTunnelPort  = 14
	destTunnelFlags = 15 // Linux 5.3
)

// methodMask are the bits of the connection flags that hold the method.
const methodMask = 7

// appendServiceKey adds what selects a service. Everything but the key is
// ignored by the kernel in destination commands and deletions.
func appendServiceKey(b []byte, k ServiceKey) []byte {
	b = appendU16(b, svcFamily, uint16(k.Family))
	if k.IsFWMark() {
		return appendU32(b, svcFWMark, k.FWMark)
	}
	b = appendU16(b, svcProtocol, uint16(k.Protocol))
	b = appendAddr(b, svcAddr, k.Addr.Addr())
	return appendPort(b, svcPort, k.Addr.Port())
}

// appendAddr adds an address in the 16 octets of the kernel's union: IPv4
// stands in the first four.
func appendAddr(b []byte, typ uint16, a netip.Addr) []byte {
	var union [16]byte
	copy(union[:], a.AsSlice())
	return appendAttr(b, typ, union[:])
}

// appendService adds a whole service, in keepalived's order.
func appendService(b []byte, s Service) []byte {
	s = s.Normal()
	b = appendServiceKey(b, s.Key)
	b = appendString(b, svcScheduler, string(s.Scheduler))
	if s.Engine != "" {
		b = appendString(b, svcEngine, s.Engine) // without it the kernel drops the engine
	}
	// Flags and the mask of those that count: all of them.
	flags := host.AppendUint32(host.AppendUint32(nil, uint32(s.Flags)), 0xffffffff)
	b = appendAttr(b, svcFlags, flags)
	b = appendU32(b, svcTimeout, uint32(s.PersistenceTimeout/time.Second))
	if s.Key.Family == IPv6 {
		return appendU32(b, svcNetmask, uint32(s.Netmask)) // a prefix length, in host order
	}
	return appendAttr(b, svcNetmask, binary.BigEndian.AppendUint32(nil, uint32(s.Netmask)))
}

// appendDestinationKey adds what selects a destination. The family goes along
// because a tunnel may lead to the other one.
func appendDestinationKey(b []byte, addr DestinationKey) []byte {
	b = appendAddr(b, destAddr, addr.Addr())
	b = appendPort(b, destPort, addr.Port())
	return appendU16(b, destFamily, uint16(FamilyOf(addr.Addr())))
}

// appendDestination adds a whole destination. The tunnel attributes always go
// with a tunnel: the kernel resets those that are absent.
func appendDestination(b []byte, d Destination) []byte {
	b = appendAddr(b, destAddr, d.Addr.Addr())
	b = appendPort(b, destPort, d.Addr.Port())
	b = appendU32(b, destMethod, uint32(d.Method))
	b = appendU32(b, destWeight, d.Weight)
	if d.Method == Tunnel {
		b = appendU8(b, destTunnelType, uint8(d.Tunnel.Type))
		b = appendPort(b, destTunnelPort, d.Tunnel.Port)
		b = appendU16(b, destTunnelFlags, uint16(d.Tunnel.Flags))
	}
	b = appendU32(b, destUpper, d.UpperThreshold)
	b = appendU32(b, destLower, d.LowerThreshold)
	return appendU16(b, destFamily, uint16(FamilyOf(d.Addr.Addr())))
}

// decodeService reads the attributes of a service nest.
func decodeService(b []byte) (Service, Stats, error) {
	var (
		r       reader
		s       Service
		addr    []byte
		port    uint16
		netmask []byte
		narrow  []byte // counters, partly of 32 bits
		wide    []byte // counters of Linux 4.1
	)
	a := attrs("service", b)
	for a.next() {
		typ, v := a.typ, a.v
		switch typ {
		case svcFamily:
			s.Key.Family = Family(r.u16("service family", v))
		case svcProtocol:
			s.Key.Protocol = Protocol(r.u16("service protocol", v))
		case svcAddr:
			addr = v
		case svcPort:
			port = r.port("service port", v)
		case svcFWMark:
			s.Key.FWMark = r.u32("service mark", v)
		case svcScheduler:
			s.Scheduler = Scheduler(text(v))
		case svcFlags:
			s.Flags = Flags(r.u32("service flags", v))
		case svcTimeout:
			s.PersistenceTimeout = time.Duration(r.u32("service timeout", v)) * time.Second
		case svcNetmask:
			netmask = v
		case svcEngine:
			s.Engine = text(v)
		case svcStats:
			narrow = v
		case svcStats64:
			wide = v
		}
	}
	stats := decodeStats(&r, narrow, wide)
	if err := cmp.Or(a.err, r.err); err != nil {
		return Service{}, Stats{}, err
	}
	if err := s.Key.complete(addr, port); err != nil {
		return Service{}, Stats{}, err
	}
	if s.Key.Family == IPv6 {
		s.Netmask = Netmask(r.u32("service prefix", netmask))
	} else if r.want("service mask", netmask, 4) {
		s.Netmask = Netmask(binary.BigEndian.Uint32(netmask))
	}
	return s.Normal(), stats, r.err
}

// complete fills in the address, which needs the family, and removes what the
// kernel reports for a firewall mark beside the mark.
func (k *ServiceKey) complete(addr []byte, port uint16) error {
	if k.Family != IPv4 && k.Family != IPv6 {
		return malformed("service", "family %d", k.Family)
	}
	if k.IsFWMark() {
		k.Protocol = 0
		return nil
	}
	a, err := decodeAddr(k.Family, addr)
	k.Addr = netip.AddrPortFrom(a, port)
	return err
}

// decodeAddr reads the kernel's union of 16 octets, of which IPv4 uses four.
func decodeAddr(f Family, v []byte) (netip.Addr, error) {
	switch {
	case f == IPv4 && len(v) >= 4:
		return netip.AddrFrom4([4]byte(v[:4])), nil
	case f == IPv6 && len(v) >= 16:
		return netip.AddrFrom16([16]byte(v[:16])), nil
	}
	return netip.Addr{}, malformed("address", "%d octets for family %d", len(v), f)
}

// decodeDestination reads the attributes of a destination nest; family is the
// service's, for kernels that do not say the destination's own.
func decodeDestination(b []byte, family Family) (Destination, DestinationStats, error) {
	var (
		r      reader
		d      Destination
		st     DestinationStats
		addr   []byte
		port   uint16
		narrow []byte // counters, partly of 32 bits
		wide   []byte // counters of Linux 4.1
	)
	a := attrs("destination", b)
	for a.next() {
		typ, v := a.typ, a.v
		switch typ {
		case destAddr:
			addr = v
		case destPort:
			port = r.port("destination port", v)
		case destFamily:
			family = Family(r.u16("destination family", v))
		case destMethod:
			d.Method = ForwardingMethod(r.u32("destination method", v) & methodMask)
		case destWeight:
			d.Weight = r.u32("destination weight", v)
		case destUpper:
			d.UpperThreshold = r.u32("destination upper threshold", v)
		case destLower:
			d.LowerThreshold = r.u32("destination lower threshold", v)
		case destTunnelType:
			d.Tunnel.Type = TunnelType(r.u8("destination tunnel type", v))
		case destTunnelPort:
			d.Tunnel.Port = r.port("destination tunnel port", v)
		case destTunnelFlags:
			d.Tunnel.Flags = TunnelFlags(r.u16("destination tunnel flags", v))
		case destActive:
			st.Active = r.u32("active connections", v)
		case destInactive:
			st.Inactive = r.u32("inactive connections", v)
		case destPersistent:
			st.Persistent = r.u32("persistent connections", v)
		case destStats:
			narrow = v
		case destStats64:
			wide = v
		}
	}
	st.Stats = decodeStats(&r, narrow, wide)
	if err := cmp.Or(a.err, r.err); err != nil {
		return Destination{}, DestinationStats{}, err
	}
	at, err := decodeAddr(family, addr)
	d.Addr = netip.AddrPortFrom(at, port)
	return d.Normal(), st, err
}

// decodeStats reads the newer block of counters, which is all 64 bits, or the
// older one, which mixes 32 and 64. Both number their fields alike.
func decodeStats(r *reader, narrow, wide []byte) Stats {
	var s Stats
	b := wide
	if b == nil {
		b = narrow
	}
	fields := [...]*uint64{
		1: &s.Conns, 2: &s.InPkts, 3: &s.OutPkts, 4: &s.InBytes, 5: &s.OutBytes,
		6: &s.CPS, 7: &s.InPPS, 8: &s.OutPPS, 9: &s.InBPS, 10: &s.OutBPS,
	}
	a := attrs("statistics", b)
	for a.next() {
		if int(a.typ) < len(fields) && fields[a.typ] != nil {
			*fields[a.typ] = r.counter("statistics", a.v)
		}
	}
	if r.err == nil {
		r.err = a.err
	}
	return s
}
