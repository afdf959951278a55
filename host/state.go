package host

import (
	"cmp"
	"net/netip"
	"strings"
)

// Mark is the number written into the protocol field of everything we put into
// the kernel: keepalived's entry in the kernel's list of routing protocols,
// also used for addresses (IFA_PROTO, kernel 5.18) and rules (FRA_PROTOCOL).
const Mark = 18

// Forever is a lifetime without end, in seconds as the kernel counts them.
const Forever = ^uint32(0)

// Scope is the distance at which an IPv4 address or route is valid
// (rt_scopes). The zero value is global, also called universe.
type Scope uint8

// The scopes that have a name.
const (
	ScopeGlobal  Scope = 0
	ScopeSite    Scope = 200
	ScopeLink    Scope = 253
	ScopeHost    Scope = 254
	ScopeNowhere Scope = 255
)

// AddressFlags are the IFA_F_* bits that a configuration can ask for.
type AddressFlags uint32

// Values are the kernel's.
const (
	NoDAD          AddressFlags = 0x02  // no duplicate address detection
	Home           AddressFlags = 0x10  // keyword home
	ManageTempAddr AddressFlags = 0x100 // keyword mngtmpaddr
	NoPrefixRoute  AddressFlags = 0x200 // keyword noprefixroute
	AutoJoin       AddressFlags = 0x400 // keyword autojoin

	settableFlags = NoDAD | Home | ManageTempAddr | NoPrefixRoute | AutoJoin
)

// Address is one address on one link. Build it with NewAddress: the zero value
// of PreferredLft means deprecated.
type Address struct {
	Link         string       // interface name
	Prefix       netip.Prefix // the address itself, with the length of its subnet, host bits kept
	Peer         netip.Addr   // other end of a point-to-point link; zero: none
	Broadcast    netip.Addr   // IPv4; zero: none, nothing is derived from the prefix
	Scope        Scope        // IPv4; IPv6 derives it from the address
	Label        string       // IPv4, at most 15 characters; "" is the link's name
	Flags        AddressFlags
	PreferredLft uint32 // seconds, Forever, or 0: deprecated, never picked as a source
	// ValidLft is after how many seconds the kernel takes the address away by itself,
	// unless it is told again; 0: never. PreferredLft is not longer.
	ValidLft uint32

	// The rest is filled in by Kernel.Read and ignored in what is desired.
	Ours      bool // carries our Mark
	Secondary bool // IPv4: the kernel removes it together with its primary
	Tentative bool // IPv6: duplicate address detection has not finished, or has failed
	Order     int  // position in the kernel's list of this family; decides the source address
}

// NewAddress is the address as keepalived configures it when nothing is said:
// IPv4 for ever, IPv6 without duplicate address detection and, with a length
// of 128, deprecated (vrrp reference, virtual addresses).
func NewAddress(link string, p netip.Prefix) Address {
	a := Address{Link: link, Prefix: p, PreferredLft: Forever}
	if p.Addr().Is6() {
		a.Flags = NoDAD
		if p.Bits() == 128 {
			a.PreferredLft = 0
		}
	}
	return a
}

// AddressKey is what makes two addresses the same to the kernel. IPv4 tells
// addresses on a link apart by length and peer too; IPv6 only by the address,
// so its length is always 128 here.
type AddressKey struct {
	Link   string
	Prefix netip.Prefix
	Peer   netip.Addr
}

// Key identifies a.
func (a Address) Key() AddressKey {
	if addr := a.Prefix.Addr(); addr.Is6() {
		return AddressKey{Link: a.Link, Prefix: netip.PrefixFrom(addr, 128)}
	}
	return AddressKey{Link: a.Link, Prefix: a.Prefix, Peer: a.Peer}
}

func compareAddressKeys(a, b AddressKey) int {
	return cmp.Or(strings.Compare(a.Link, b.Link), comparePrefixes(a.Prefix, b.Prefix), a.Peer.Compare(b.Peer))
}

// RuleAction is what a rule does with a packet it matches (FR_ACT_*); the zero
// value looks the packet up in a table.
type RuleAction uint8

// Values are the kernel's.
const (
	ToTable         RuleAction = 1
	Goto            RuleAction = 2
	Nop             RuleAction = 3
	RuleBlackhole   RuleAction = 6
	RuleUnreachable RuleAction = 7
	RuleProhibit    RuleAction = 8
)

// PortRange is a closed range of ports; the zero value is any port.
type PortRange struct{ First, Last uint16 }

// Rule is one policy routing rule. Everything but Ours identifies it.
type Rule struct {
	IPv6     bool
	Priority uint32
	Not      bool         // match what does not match
	From, To netip.Prefix // zero: any
	IIf, OIf string
	TOS      uint8
	Mark     uint32
	Mask     uint32 // 0 with a Mark is all bits
	IPProto  uint8
	Sport    PortRange
	Dport    PortRange
	UIDs     Optional[UIDRange] // users that send
	TunnelID uint64             // of the tunnel the packet came by; 0: any
	Action   RuleAction
	Table    uint32 // of ToTable
	L3MDev   bool   // ToTable: that of the packet's VRF
	Realms   uint32 // ToTable, IPv4: what the route's realms are set to, see Route
	Goto     uint32 // priority to go on at

	// A route that was found in Table is not taken if its prefix is this short, or
	// its link is in this group.
	SuppressPrefix, SuppressGroup Optional[uint32]

	Ours bool // filled in by Kernel.Read: protocol is Mark
}

// Optional is a value that may not be there, for keys: pointers do not compare.
type Optional[T comparable] struct {
	Value T
	Set   bool
}

// Some is a value that is there.
func Some[T comparable](v T) Optional[T] { return Optional[T]{v, true} }

// UIDRange is a closed range of user ids.
type UIDRange struct{ First, Last uint32 }

// RuleKey is a Rule with defaults written out and without the owner.
type RuleKey Rule

// Key identifies r.
func (r Rule) Key() RuleKey {
	r.Ours = false
	r.Action = cmp.Or(r.Action, ToTable)
	if r.Mark != 0 {
		r.Mask = cmp.Or(r.Mask, ^uint32(0))
	}
	for _, p := range []*netip.Prefix{&r.From, &r.To} {
		if !p.IsValid() || p.Bits() == 0 {
			*p = netip.Prefix{}
		} else {
			*p = p.Masked()
		}
	}
	return RuleKey(r)
}

func compareRuleKeys(a, b RuleKey) int {
	return cmp.Or(cmp.Compare(boolInt(a.IPv6), boolInt(b.IPv6)), cmp.Compare(a.Priority, b.Priority),
		strings.Compare(Rule(a).String(), Rule(b).String()))
}

// MAC is an Ethernet address.
type MAC [6]byte

// Link is one interface as the kernel shows it.
type Link struct {
	Index     int
	Name      string
	Up        bool // IFF_UP: the administrator wants it up
	Running   bool // IFF_RUNNING: it has carrier
	MAC       MAC  // zero on links that have none
	MTU       int  // octets
	NoARP     bool // IFF_NOARP: gratuitous ARP is pointless
	Loopback  bool
	Multicast bool
	Kind      string // macvlan, veth, dummy …; "" for hardware
	Mode      string // of a macvlan or ipvlan: private, bridge, vepa …
	Alias     string // what somebody has written to it
	Group     uint32
	Parent    int    // index of the link below, 0: none
	Master    int    // index of bridge, bond or VRF, 0: none
	Table     uint32 // routing table of a VRF; 0: it is none
}

// Usable reports whether l can carry packets: up and with carrier.
func (l Link) Usable() bool { return l.Up && l.Running }

// State is what the kernel holds: the host as it is.
type State struct {
	Links     map[string]Link // by name
	Addresses map[AddressKey]Address
	Routes    map[RouteKey]Route
	Rules     map[RuleKey]Rule
	Sysctls   map[string]string // those that Reconcile asked for and that exist
}

// NewState is an empty host.
func NewState() State {
	return State{Links: map[string]Link{}, Addresses: map[AddressKey]Address{}, Routes: map[RouteKey]Route{}, Rules: map[RuleKey]Rule{},
		Sysctls: map[string]string{}}
}

// put adds what the kernel listed; of two equal ones ours is the one we keep.
func (s State) put(a any) {
	switch a := a.(type) {
	case Link:
		s.Links[a.Name] = a
	case Address:
		s.Addresses[a.Key()] = a
	case Route:
		if have, ok := s.Routes[a.Key()]; !ok || !have.Ours {
			s.Routes[a.Key()] = a
		}
	case Rule:
		if have, ok := s.Rules[a.Key()]; !ok || !have.Ours {
			s.Rules[a.Key()] = a
		}
	}
}

// Desired is the host as it should be.
type Desired struct {
	Seq       uint64                 // chosen by the caller, comes back in the outcome
	Links     map[string]VirtualLink // by name
	Sysctls   map[string]string      // values by key, see Sysctl
	Addresses map[AddressKey]Address
	Routes    map[RouteKey]Route
	Rules     map[RuleKey]Rule
	// Leftovers are all addresses of the configuration, wanted now or not. One
	// that exists and is not wanted is removed even without our Mark: a
	// predecessor that crashed, or a kernel before 5.18, left it.
	Leftovers map[AddressKey]bool
	// SpreadRPFilter moves a reverse path filter that is on for all links to
	// each of them, so that links of ours can do without.
	SpreadRPFilter bool
	// Restore are sysctls that we changed once. The worker fills it in.
	Restore map[string]Saved

	hold func(Op) bool // what is not to be done in this look; nil: everything is
}

// NewDesired is an empty wish.
func NewDesired() Desired {
	return Desired{Links: map[string]VirtualLink{}, Sysctls: map[string]string{}, Addresses: map[AddressKey]Address{}, Routes: map[RouteKey]Route{}, Rules: map[RuleKey]Rule{}, Leftovers: map[AddressKey]bool{}}
}

// Address asks for a if wanted, and says that it is ours either way.
func (d Desired) Address(a Address, wanted bool) {
	d.Leftovers[a.Key()] = true
	if wanted {
		d.Addresses[a.Key()] = a
	}
}

// Link asks for l.
func (d Desired) Link(l VirtualLink) { d.Links[l.Name] = l }

// Route asks for r.
func (d Desired) Route(r Route) { d.Routes[r.Key()] = r }

// Rule asks for r.
func (d Desired) Rule(r Rule) { d.Rules[r.Key()] = r }

func comparePrefixes(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
