package host

import (
	"fmt"
	"net/netip"
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
	if a.PreferredLft != Forever {
		fmt.Fprintf(&b, " preferred_lft %d", a.PreferredLft)
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
	if !r.OrVia.IsValid() {
		word("via", r.Via.IsValid(), r.Via)
		word("dev", r.Link != "", r.Link)
	}
	word("src", r.Src.IsValid(), r.Src)
	word("scope", r.Scope != ScopeGlobal, r.Scope)
	word("table", r.Key().Table != TableMain, tableName(r.Table))
	word("metric", r.Metric != 0, r.Metric)
	word("mtu", r.MTU != 0, r.MTU)
	word("proto", true, Mark)
	if r.OnLink {
		b.WriteString(" onlink")
	}
	if r.OrVia.IsValid() {
		for _, gw := range []netip.Addr{r.Via, r.OrVia} {
			fmt.Fprintf(&b, " nexthop via %v", gw)
			word("dev", r.Link != "", r.Link)
		}
	}
	return b.String()
}

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
	word("priority", true, r.Priority)
	switch r.Key().Action {
	case ToTable:
		word("table", true, tableName(r.Table))
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
