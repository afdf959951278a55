package host

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Everything here prints as ip(8) takes it, so that a line of a plan or of the
// log can be pasted into a shell.

// String is the part of "ip addr add" that names a and its properties.
func (a Address) String() string {
	var b strings.Builder
	b.WriteString(a.Prefix.Addr().String())
	if a.Peer.IsValid() {
		fmt.Fprintf(&b, " peer %v", a.Peer)
	}
	fmt.Fprintf(&b, "/%d", a.Prefix.Bits())
	if a.Broadcast.IsValid() {
		fmt.Fprintf(&b, " brd %v", a.Broadcast)
	}
	fmt.Fprintf(&b, " dev %s scope %v", a.Link, a.Scope)
	if a.Label != "" && a.Label != a.Link {
		b.WriteString(" label " + a.Label)
	}
	for _, f := range []struct {
		bit  AddressFlags
		word string
	}{{Home, "home"}, {NoDAD, "nodad"}, {ManageTempAddr, "mngtmpaddr"}, {NoPrefixRoute, "noprefixroute"}, {AutoJoin, "autojoin"}} {
		if a.Flags&f.bit != 0 {
			b.WriteString(" " + f.word)
		}
	}
	if a.ValidLft != 0 {
		fmt.Fprintf(&b, " valid_lft %d", a.ValidLft)
	}
	if p := a.preferred(); p != Forever {
		fmt.Fprintf(&b, " preferred_lft %d", p)
	}
	return b.String()
}

// String is the name of a scope, or its number.
func (s Scope) String() string { return nameOf(scopeNames, uint32(s)) }

// String is the name of a route type, or its number.
func (t RouteType) String() string { return nameOf(routeTypeNames, uint32(t)) }

// String is the part of "ip route add" that describes r.
func (r Route) String() string {
	var b strings.Builder
	if k := r.Key(); k.Type != Unicast {
		b.WriteString(k.Type.String() + " ")
	}
	if r.Dst.Bits() == 0 {
		b.WriteString("default")
	} else {
		b.WriteString(r.Dst.String())
	}
	word := func(name string, set bool, value any) {
		if set {
			fmt.Fprintf(&b, " %s %v", name, value)
		}
	}
	word("from", r.From.IsValid(), r.From)
	word("tos", r.TOS != 0, fmt.Sprintf("%#x", r.TOS))
	b.WriteString(r.Encap.text())
	word("via", r.Via.IsValid(), r.Via)
	word("dev", r.Link != "" && len(r.Hops) == 0, r.Link)
	word("src", r.Src.IsValid(), r.Src)
	word("scope", r.Scope != ScopeGlobal, r.Scope)
	if r.VRF != "" {
		word("vrf", true, r.VRF)
	} else {
		word("table", r.Key().Table != TableMain, tableName(r.Table))
	}
	word("metric", r.Metric != 0, r.Metric)
	word("realms", r.Realms != 0, realms(r.Realms))
	r.metricWords(word)
	word("pref", r.Pref != 0, nameOf(preferences, uint32(r.Pref)))
	word("expires", r.Expires != 0, r.Expires)
	word("ttl-propagate", r.TTLPropagate.Set, map[bool]string{true: "enabled", false: "disabled"}[r.TTLPropagate.Value])
	word("proto", true, Mark)
	if r.OnLink && len(r.Hops) == 0 {
		b.WriteString(" onlink")
	}
	for _, h := range r.Hops {
		b.WriteString(" nexthop" + h.Encap.text())
		word("via", h.Via.IsValid(), h.Via)
		link := cmp.Or(h.Link, r.Link)
		word("dev", link != "", link)
		word("weight", h.Weight > 1, h.Weight)
		word("realms", h.Realms != 0, realms(h.Realms))
		if h.OnLink {
			b.WriteString(" onlink")
		}
	}
	return b.String()
}

// metricWords prints the metrics in the order of their numbers.
func (r Route) metricWords(word func(name string, set bool, value any)) {
	m := r.Metrics
	num := func(name string, number int, value any, set bool) {
		if m.Lock&(1<<number) != 0 {
			name += " lock"
		}
		word(name, set, value)
	}
	num("mtu", 2, r.MTU, r.MTU != 0)
	num("window", 3, m.Window, m.Window != 0)
	num("rtt", 4, m.RTT, m.RTT != 0) // without a unit ip(8) takes what the kernel keeps
	num("rttvar", 5, m.RTTVar, m.RTTVar != 0)
	num("ssthresh", 6, m.SSThresh, m.SSThresh != 0)
	num("cwnd", 7, m.CWnd, m.CWnd != 0)
	num("advmss", 8, m.AdvMSS, m.AdvMSS != 0)
	num("reordering", 9, m.Reordering, m.Reordering != 0)
	num("hoplimit", 10, m.HopLimit, m.HopLimit != 0)
	num("initcwnd", 11, m.InitCWnd, m.InitCWnd != 0)
	num("features", 12, "ecn", m.ECN)
	num("rto_min", 13, fmt.Sprintf("%dms", m.RTOMin), m.RTOMin != 0)
	num("initrwnd", 14, m.InitRWnd, m.InitRWnd != 0)
	num("quickack", 15, 1, m.QuickAck)
	num("congctl", 16, m.CongCtl, m.CongCtl != "")
	num("fastopen_no_cookie", 17, 1, m.FastOpenNoCookie)
}

// text is the tunnel with a blank in front; "" without one.
func (e Encap) text() string {
	var b strings.Builder
	word := func(name string, set bool, value any) {
		if set {
			fmt.Fprintf(&b, " %s %v", name, value)
		}
	}
	tos, ttl := "tos", "ttl"
	switch e.Type {
	case 0:
		return ""
	case EncapMPLS:
		return " encap mpls " + e.Labels
	case EncapILA:
		return fmt.Sprintf(" encap ila %x:%x:%x:%x", e.Locator>>48, e.Locator>>32&0xffff, e.Locator>>16&0xffff, e.Locator&0xffff)
	case EncapIP6:
		b.WriteString(" encap ip6")
		tos, ttl = "tc", "hoplimit"
	default:
		b.WriteString(" encap ip")
	}
	word("id", e.ID != 0, e.ID)
	word("src", e.Src.IsValid(), e.Src)
	word("dst", e.Dst.IsValid(), e.Dst)
	word(ttl, e.TTL != 0, e.TTL)
	word(tos, e.TOS != 0, e.TOS)
	return b.String()
}

// realms prints FROM/TO, or TO alone.
func realms(v uint32) string {
	if v>>16 == 0 {
		return strconv.FormatUint(uint64(v), 10)
	}
	return fmt.Sprintf("%d/%d", v>>16, v&0xffff)
}

var preferences = map[string]uint32{"medium": 0, "high": 1, "low": 3}

// String is the part of "ip rule add" that describes r.
func (r Rule) String() string {
	var words []string
	word := func(name string, set bool, value any) {
		if set {
			words = append(words, fmt.Sprintf("%s %v", name, value))
		}
	}
	if r.Not {
		words = append(words, "not")
	}
	if r.From.IsValid() && r.From.Bits() > 0 {
		word("from", true, r.From)
	} else {
		word("from", true, "all")
	}
	word("to", r.To.IsValid() && r.To.Bits() > 0, r.To)
	word("tos", r.TOS != 0, fmt.Sprintf("%#x", r.TOS))
	if r.Mask != 0 && r.Mask != ^uint32(0) {
		word("fwmark", true, fmt.Sprintf("%#x/%#x", r.Mark, r.Mask))
	} else {
		word("fwmark", r.Mark != 0, fmt.Sprintf("%#x", r.Mark))
	}
	word("iif", r.IIf != "", r.IIf)
	word("oif", r.OIf != "", r.OIf)
	word("ipproto", r.IPProto != 0, r.IPProto)
	word("sport", r.Sport != PortRange{}, r.Sport)
	word("dport", r.Dport != PortRange{}, r.Dport)
	word("uidrange", r.UIDs.Set, fmt.Sprintf("%d-%d", r.UIDs.Value.First, r.UIDs.Value.Last))
	word("tun_id", r.TunnelID != 0, r.TunnelID)
	word("priority", true, r.Priority)
	switch r.Key().Action {
	case ToTable:
		if r.L3MDev {
			words = append(words, "l3mdev")
		} else {
			word("table", true, tableName(r.Table))
		}
		word("suppress_prefixlength", r.SuppressPrefix.Set, r.SuppressPrefix.Value)
		word("suppress_ifgroup", r.SuppressGroup.Set, r.SuppressGroup.Value)
		word("realms", r.Realms != 0, realms(r.Realms))
	case Goto:
		word("goto", true, r.Goto)
	case Nop:
		words = append(words, "nop")
	default:
		words = append(words, RouteType(r.Action).String()) // the two share their numbers
	}
	word("protocol", true, Mark)
	return strings.Join(words, " ")
}

// String is FIRST-LAST.
func (p PortRange) String() string { return fmt.Sprintf("%d-%d", p.First, p.Last) }

// String is the address in the usual hexadecimal form.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

var scopeNames = map[string]uint32{"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}

var routeTypeNames = map[string]uint32{"unicast": 1, "local": 2, "broadcast": 3, "brd": 3, "anycast": 4, "multicast": 5,
	"blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9, "nat": 10, "xresolve": 11}

var tableNames = map[string]uint32{"default": TableDefault, "main": TableMain, "local": TableLocal}

// protocolNames are the kernel's (RTPROT_*): who put a route there.
var protocolNames = map[string]uint32{"redirect": 1, "kernel": 2, "boot": 3, "static": 4, "gated": 8, "ra": 9, "mrt": 10,
	"zebra": 11, "bird": 12, "dnrouted": 13, "xorp": 14, "ntk": 15, "dhcp": 16, "mrouted": 17, "keepalived": Mark,
	"babel": 42, "openr": 99, "bgp": 186, "isis": 187, "ospf": 188, "rip": 189, "eigrp": 192}

// nameOf finds the canonical word for n: the one that ip(8) prints.
func nameOf(names map[string]uint32, n uint32) string {
	best := ""
	for name, v := range names {
		alias := name == "universe" || name == "brd"
		if v == n && !alias {
			best = name
		}
	}
	if best == "" {
		return strconv.FormatUint(uint64(n), 10)
	}
	return best
}

func tableName(t uint32) string {
	if t == 0 {
		t = TableMain
	}
	return nameOf(tableNames, t)
}
