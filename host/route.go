package host

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// RouteType is the kernel's RTN_*; the zero value is written as unicast.
type RouteType uint8

// The types a configuration can name.
const (
	Unicast     RouteType = 1
	Local       RouteType = 2
	BroadcastRt RouteType = 3
	Anycast     RouteType = 4
	Multicast   RouteType = 5
	Blackhole   RouteType = 6
	Unreachable RouteType = 7
	Prohibit    RouteType = 8
	Throw       RouteType = 9
	NAT         RouteType = 10
	XResolve    RouteType = 11
)

// Routing tables every kernel has.
const (
	TableDefault uint32 = 253
	TableMain    uint32 = 254
	TableLocal   uint32 = 255
)

// Place says where a route goes among those that are equal to it.
type Place uint8

const (
	Prepend  Place = iota // in front of them
	Append                // behind them
	AddAlone              // nowhere: there must be none
)

// Route is one route. The family is that of Dst.
type Route struct {
	Type   RouteType
	Dst    netip.Prefix // 0.0.0.0/0 or ::/0 for the default route
	From   netip.Prefix // IPv6 source prefix; zero: any
	Via    netip.Addr   // gateway; zero: none, or Hops have them
	Hops   []NextHop    // two or more ways that share the traffic; nil: the one by Via and Link
	Link   string       // output interface; "": the kernel finds it
	VRF    string       // the table is that of this VRF, once it exists; "": Table
	Src    netip.Addr   // preferred source; zero: the kernel chooses
	Scope  Scope        // IPv4
	Table  uint32       // 0 is TableMain
	Metric uint32       // IPv6: 0 is 1024
	TOS    uint8        // IPv4
	MTU    uint32       // octets; 0: that of the link
	OnLink bool         // the gateway needs no route of its own

	Metrics Metrics
	Realms  uint32 // IPv4: source realm << 16 | destination realm; 0: none
	Encap   Encap
	Pref    uint8  // IPv6 router preference as on the wire: 0 medium, 1 high, 3 low
	Expires uint32 // IPv6: seconds until the kernel removes it; 0: never. Not read back
	Place   Place  // of a new route. Not read back
	// TTLPropagate copies the TTL into and out of MPLS tunnels. Not read back.
	TTLPropagate Optional[bool]

	Ours bool // filled in by Kernel.Read: protocol is Mark
}

// NextHop is one way of a route that has several.
type NextHop struct {
	Via    netip.Addr // gateway; zero: none
	Link   string     // output interface; "": that of the route, else the kernel finds it
	Weight uint16     // share of the traffic, 1 to 256; 0 is 1
	OnLink bool
	Realms uint32
	Encap  Encap
}

// Metrics tune what is sent along a route (RTAX_*); 0 leaves a value to the kernel.
type Metrics struct {
	Window, SSThresh, CWnd, Reordering uint32 // segments or octets as TCP counts them
	AdvMSS, HopLimit                   uint32
	InitCWnd, InitRWnd                 uint32 // segments
	RTT, RTTVar                        uint32 // 1/8 ms and 1/4 ms, as the kernel keeps them
	RTOMin                             uint32 // ms
	ECN, QuickAck, FastOpenNoCookie    bool
	CongCtl                            string // algorithm; at most 15 characters
	Lock                               uint32 // bit n: the kernel must not change metric RTAX n
}

// EncapType is the kernel's LWTUNNEL_ENCAP_*; 0 is none.
type EncapType uint16

const (
	EncapMPLS EncapType = 1
	EncapIP   EncapType = 2
	EncapILA  EncapType = 3
	EncapIP6  EncapType = 4
)

// Encap is the light-weight tunnel that packets of a route enter.
type Encap struct {
	Type     EncapType
	ID       uint64     // ip, ip6: tunnel id
	Dst, Src netip.Addr // ip, ip6: outer addresses
	TOS, TTL uint8      // ip; traffic class and hop limit of ip6
	Flags    uint16     // ip, ip6: TUNNEL_* in host order
	Labels   string     // mpls: 100/200, outermost first
	Locator  uint64     // ila
}

// RouteKey is what tells routes apart: two routes that differ in nothing of it
// cannot both be wanted.
type RouteKey struct {
	Type      RouteType
	Dst, From netip.Prefix
	Via       netip.Addr
	Hops      string // gateways, or links of hops without one, in one order
	Table     uint32
	VRF       string
	Metric    uint32
	TOS       uint8
}

// Key identifies r, with the defaults of the kernel written out.
func (r Route) Key() RouteKey {
	k := RouteKey{Type: cmp.Or(r.Type, Unicast), Dst: r.Dst.Masked(), Via: r.Via,
		Table: cmp.Or(r.Table, TableMain), VRF: r.VRF, Metric: r.Metric, TOS: r.TOS}
	if r.From.IsValid() && r.From.Bits() > 0 {
		k.From = r.From.Masked()
	}
	if r.Dst.Addr().Is6() {
		k.Metric = cmp.Or(r.Metric, 1024)
	}
	if len(r.Hops) > 0 {
		ways := make([]string, len(r.Hops))
		for i, h := range r.Hops {
			ways[i] = h.way(r.Link)
		}
		slices.Sort(ways) // the kernel may list them in any order
		k.Via, k.Hops = netip.Addr{}, strings.Join(ways, " ")
	}
	return k
}

// way is what tells h from the other hops of its route; link is the route's.
func (h NextHop) way(link string) string {
	if h.Via.IsValid() {
		return h.Via.String()
	}
	return cmp.Or(h.Link, link)
}

// gateway tells whether r needs another route or subnet to be there first.
func (k RouteKey) gateway() bool { return k.Via.IsValid() || k.Hops != "" }

// compareRouteKeys puts routes without a gateway first: a gateway may be
// reachable only through one of them.
func compareRouteKeys(a, b RouteKey) int {
	return cmp.Or(cmp.Compare(boolInt(a.gateway()), boolInt(b.gateway())),
		cmp.Compare(a.Table, b.Table), strings.Compare(a.VRF, b.VRF), comparePrefixes(a.Dst, b.Dst), comparePrefixes(a.From, b.From),
		cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.TOS, b.TOS), cmp.Compare(a.Type, b.Type),
		a.Via.Compare(b.Via), strings.Compare(a.Hops, b.Hops))
}

// Links are the names of all links that r goes out by; "" for those that the
// kernel finds.
func (r Route) Links() []string {
	names := []string{r.Link}
	for _, h := range r.Hops {
		names = append(names, h.Link)
	}
	return names
}

// sameHops compares the hops of two routes with the same key, whose order the
// kernel does not keep.
func sameHops(want, have Route) bool {
	if len(want.Hops) != len(have.Hops) {
		return false
	}
	sorted := func(r Route) []NextHop {
		return slices.SortedFunc(slices.Values(r.Hops), func(a, b NextHop) int { return strings.Compare(a.way(r.Link), b.way(r.Link)) })
	}
	others := sorted(have)
	for i, h := range sorted(want) {
		o := others[i]
		link := cmp.Or(h.Link, want.Link)
		h.Weight, o.Weight = max(h.Weight, 1), max(o.Weight, 1)
		h.Link, o.Link = "", cmp.Or(o.Link, have.Link)
		if link != "" && o.Link != "" && link != o.Link {
			return false
		}
		if o.Link = ""; h != o {
			return false
		}
	}
	return true
}
