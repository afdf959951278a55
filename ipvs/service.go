package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Family is an address family with the kernel's numbers.
type Family uint16

const (
	IPv4 Family = 2  // AF_INET
	IPv6 Family = 10 // AF_INET6
)

// String is the word of the ip_family keyword.
func (f Family) String() string {
	switch f {
	case IPv4:
		return "inet"
	case IPv6:
		return "inet6"
	}
	return fmt.Sprintf("family(%d)", uint16(f))
}

// FamilyOf is the family of addr; 0 for the zero Addr.
func FamilyOf(addr netip.Addr) Family {
	switch {
	case addr.Is4():
		return IPv4
	case addr.Is6():
		return IPv6
	}
	return 0
}

// Protocol is a transport protocol with its IP protocol number.
type Protocol uint16

const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// String is the protocol in lower case, as it stands in log lines and FIFOs;
// "none" for the 0 of a firewall mark.
func (p Protocol) String() string {
	switch p {
	case 0:
		return "none"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case SCTP:
		return "sctp"
	}
	return fmt.Sprintf("protocol(%d)", uint16(p))
}

// ServiceKey identifies a service in the kernel: family, protocol, address and
// port, or family and firewall mark. It can be compared and used in maps.
type ServiceKey struct {
	Family   Family
	Protocol Protocol       // 0 for a firewall mark
	Addr     netip.AddrPort // zero for a firewall mark; port 0: every port
	FWMark   uint32         // 0: the service has an address
}

// AddressKey is the key of a service with an address.
func AddressKey(p Protocol, addr netip.AddrPort) ServiceKey {
	return ServiceKey{Family: FamilyOf(addr.Addr()), Protocol: p, Addr: addr}
}

// FWMarkKey is the key of a service for packets that carry a firewall mark.
func FWMarkKey(f Family, mark uint32) ServiceKey {
	return ServiceKey{Family: f, FWMark: mark}
}

// IsFWMark reports whether k names a firewall mark and not an address.
func (k ServiceKey) IsFWMark() bool { return k.FWMark != 0 }

// Name is the service as keepalived writes it in logs, FIFOs and scripts:
// [10.9.0.100]:tcp:80 or FWM 7.
func (k ServiceKey) Name() string {
	if k.IsFWMark() {
		return fmt.Sprintf("FWM %d", k.FWMark)
	}
	return ServerName(k.Protocol, k.Addr)
}

// ServerName is an address with its port as keepalived writes it:
// [10.9.0.11]:tcp:80.
func ServerName(p Protocol, addr netip.AddrPort) string {
	b := append(make([]byte, 0, 48), '[')
	b = addr.Addr().AppendTo(b)
	b = append(b, "]:"...)
	b = append(b, p.String()...)
	b = append(b, ':')
	return string(strconv.AppendUint(b, uint64(addr.Port()), 10))
}

// Compare orders keys as ipvsadm lists them: addresses before marks, IPv4
// before IPv6, then protocol, address, port.
func (k ServiceKey) Compare(o ServiceKey) int {
	return cmp.Or(
		cmp.Compare(k.FWMark, o.FWMark),
		cmp.Compare(k.Family, o.Family),
		cmp.Compare(k.Protocol, o.Protocol),
		k.Addr.Compare(o.Addr),
	)
}

// Scheduler is the name of the algorithm that picks a destination. The kernel
// loads the module ip_vs_NAME when a service asks for it.
type Scheduler string

// DefaultScheduler serves a virtual_server that names none.
const DefaultScheduler Scheduler = "wlc"

// Schedulers are the names that lvs_sched accepts.
var Schedulers = []Scheduler{"rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"}

// Flags are the service flags of the kernel (IP_VS_SVC_F_*).
type Flags uint32

const (
	FlagPersistent Flags = 0x1 // a client stays with its server for PersistenceTimeout
	flagHashed     Flags = 0x2 // the kernel's own; shown in dumps, never compared
	FlagOnePacket  Flags = 0x4 // every datagram is scheduled by itself; ops
	FlagSched1     Flags = 0x8
	FlagSched2     Flags = 0x10
	FlagSched3     Flags = 0x20

	// What the scheduler flags mean to sh and to mh.
	FlagFallback = FlagSched1 // try another server if the hashed one has weight 0
	FlagHashPort = FlagSched2 // the source port takes part in the hash
)

// Netmask groups clients for persistence: for IPv4 the mask itself (/24 is
// 0xffffff00), for IPv6 a prefix length of 1..128. 0 stands for a single host.
// Keyword persistence_granularity.
type Netmask uint32

// HostMask is the mask that keeps every client apart.
func HostMask(f Family) Netmask {
	if f == IPv6 {
		return 128
	}
	return 0xffffffff
}

// MaxPersistence is the longest PersistenceTimeout: 31 days.
const MaxPersistence = 31 * 24 * time.Hour

// Service is a virtual service as ip_vs holds it. It can be compared with ==
// after Normal.
type Service struct {
	Key       ServiceKey
	Scheduler Scheduler // required
	Flags     Flags
	// PersistenceTimeout is how long a client stays with its server after its
	// last connection: whole seconds, 1s..31 days, 0 without FlagPersistent.
	PersistenceTimeout time.Duration
	Netmask            Netmask
	Engine             string // persistence engine, "" for none; the kernel has sip
}

// Normal is s with everything spelled out that the kernel fills in by itself,
// and without what it ignores.
func (s Service) Normal() Service {
	s.Flags &^= flagHashed
	if s.Flags&FlagPersistent == 0 {
		s.PersistenceTimeout, s.Netmask, s.Engine = 0, 0, ""
	}
	if s.Netmask == 0 {
		s.Netmask = HostMask(s.Key.Family)
	}
	return s
}

// ForwardingMethod is how ip_vs passes a packet to a destination. The values
// are the kernel's (IP_VS_CONN_F_*, low three bits).
type ForwardingMethod uint32

const (
	Masq        ForwardingMethod = 0 // rewrite addresses: lvs_method NAT, ipvsadm -m
	Local       ForwardingMethod = 1 // this machine; chosen by the kernel, never asked for
	Tunnel      ForwardingMethod = 2 // encapsulate: lvs_method TUN, ipvsadm -i
	DirectRoute ForwardingMethod = 3 // rewrite the MAC only: lvs_method DR, ipvsadm -g
	Bypass      ForwardingMethod = 4 // used by the kernel's transparent cache support
)

// String is the word that ipvsadm lists.
func (m ForwardingMethod) String() string {
	switch m {
	case Masq:
		return "Masq"
	case Local:
		return "Local"
	case Tunnel:
		return "Tunnel"
	case DirectRoute:
		return "Route"
	case Bypass:
		return "Bypass"
	}
	return fmt.Sprintf("method(%d)", uint32(m))
}

// TunnelType is the encapsulation of the Tunnel method (IP_VS_CONN_F_TUNNEL_TYPE_*).
type TunnelType uint8

const (
	IPIP TunnelType = 0
	GUE  TunnelType = 1 // UDP; needs a port; Linux 5.2
	GRE  TunnelType = 2 // Linux 5.3
)

// String is the word of the type argument of lvs_method.
func (t TunnelType) String() string {
	switch t {
	case IPIP:
		return "ipip"
	case GUE:
		return "gue"
	case GRE:
		return "gre"
	}
	return fmt.Sprintf("tunnel(%d)", uint8(t))
}

// TunnelFlags say which checksum an encapsulated packet carries.
type TunnelFlags uint16

const (
	TunnelNoChecksum     TunnelFlags = 0
	TunnelChecksum       TunnelFlags = 1 // gue and gre
	TunnelRemoteChecksum TunnelFlags = 2 // remote checksum offload, gue only
)

// TunnelOptions complete the Tunnel method. The zero value is plain ipip.
type TunnelOptions struct {
	Type  TunnelType
	Port  uint16 // gue only, required there
	Flags TunnelFlags
}

// MaxWeight is the largest weight; the kernel counts in signed 32 bits.
const MaxWeight = 1<<31 - 1

// DestinationKey identifies a destination inside its service. Another port is
// another destination.
type DestinationKey = netip.AddrPort

// Destination is one real server as ip_vs holds it. It can be compared with ==
// after Normal.
type Destination struct {
	Addr           DestinationKey
	Method         ForwardingMethod
	Tunnel         TunnelOptions // Tunnel method only
	Weight         uint32        // share of new connections, 0..MaxWeight; 0: only established ones
	UpperThreshold uint32        // connections at which it is overloaded; 0: no limit
	LowerThreshold uint32        // connections at which an overloaded one returns; 0: 75 % of the upper
}

// Normal is d without what the kernel ignores.
func (d Destination) Normal() Destination {
	if d.Method != Tunnel {
		d.Tunnel = TunnelOptions{}
	}
	return d
}

// Stats are the counters of a service or destination since it was created or
// zeroed, and its rates per second as a moving average over some seconds.
type Stats struct {
	Conns, InPkts, OutPkts, InBytes, OutBytes uint64
	CPS, InPPS, OutPPS, InBPS, OutBPS         uint64
}

// DestinationStats are the counters of a destination and the connections it
// has now: established, other, and persistence templates.
type DestinationStats struct {
	Active, Inactive, Persistent uint32
	Stats
}

// Pool is a service with its destinations. The statistics are filled in by
// Read only; nothing compares them.
type Pool struct {
	Service          Service
	Destinations     map[DestinationKey]Destination
	Stats            Stats
	DestinationStats map[DestinationKey]DestinationStats
}

// Table is what a dataplane carries: every service with its destinations.
type Table map[ServiceKey]Pool

// AddService puts s into the table with no destinations.
func (t Table) AddService(s Service) {
	t[s.Key] = Pool{Service: s.Normal(), Destinations: map[DestinationKey]Destination{}}
}

// Clone copies the table and its maps.
func (t Table) Clone() Table {
	c := make(Table, len(t))
	for k, p := range t {
		n := Pool{Service: p.Service, Stats: p.Stats, Destinations: make(map[DestinationKey]Destination, len(p.Destinations))}
		for dk, d := range p.Destinations {
			n.Destinations[dk] = d
		}
		if p.DestinationStats != nil {
			n.DestinationStats = make(map[DestinationKey]DestinationStats, len(p.DestinationStats))
			for dk, st := range p.DestinationStats {
				n.DestinationStats[dk] = st
			}
		}
		c[k] = n
	}
	return c
}
