package ipvs

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/kconf"
)

func itoa(n int) string { return strconv.Itoa(n) }

// maxRange bounds a range of addresses: as many as 16 bits count.
const maxRange = 65536

// GroupConfig is a virtual_server_group.
type GroupConfig struct {
	Name    string
	Pos     kconf.Pos
	Entries []GroupEntry
}

// GroupEntry is one line of a group: addresses First to Last with a port, or a
// firewall mark.
type GroupEntry struct {
	Pos         kconf.Pos
	First, Last netip.Addr
	Port        uint16 // 0: every port
	FWMark      uint32
	Family      Family // of a mark, 0 if not written
}

// GroupEntries describes the lines of a virtual_server_group for manuals and
// completion; parseGroupEntry reads them.
var GroupEntries = groupRows{
	{Name: "<IPADDR>", Args: "IP [PORT]", Type: "IP", Range: "PORT 0..65535", Default: "any port", Doc: "Single address."},
	{Name: "<RANGE>", Args: "IP-N | IP-IP | IP/PREFIX [PORT]", Type: "range",
		Range: "IPv4 N 0..255 last octet, IPv6 N hex last 16 bits; end above start; PREFIX needs empty host bits", Doc: "Range of addresses, every one of them a service."},
	{Name: "fwmark", Args: "N [inet|inet6]", Type: "UINT32", Default: "family of servers", Doc: "Firewall mark; its family is only of use if all servers are behind tunnels."},
}

type groupRows []kconf.KeywordDoc

// Docs implements kconf.Vocab.
func (r groupRows) Docs() []kconf.KeywordDoc { return r }

// keys expands the entries in keepalived's order: addresses as they stand in
// the file, each range ascending, then marks.
func (g *GroupConfig) keys(p Protocol, family Family) []ServiceKey {
	var addrs, marks []ServiceKey
	for _, e := range g.Entries {
		if e.FWMark != 0 {
			f := e.Family
			if f == 0 {
				f = family
			}
			marks = append(marks, FWMarkKey(f, e.FWMark))
			continue
		}
		for a := e.First; ; a = a.Next() {
			addrs = append(addrs, AddressKey(p, netip.AddrPortFrom(a, e.Port)))
			if a == e.Last {
				break
			}
		}
	}
	return append(addrs, marks...)
}

// families tells which ones the addresses of g have; of nil, none.
func (g *GroupConfig) families() (v4, v6 bool) {
	if g == nil {
		return false, false
	}
	for _, e := range g.Entries {
		switch FamilyOf(e.First) {
		case IPv4:
			v4 = true
		case IPv6:
			v6 = true
		}
	}
	return v4, v6
}

// usable reports whether g has entries that can stand beside each other: behind
// addresses of both families, nobody can tell which one a mark is for.
func (g *GroupConfig) usable(x *kconf.Ctx) bool {
	if len(g.Entries) == 0 {
		x.Errorf(g.Pos, kconf.ClassGeneral, "empty-block", "virtual_server_group %s: has no entries and is dropped", g.Name)
		return false
	}
	v4, v6 := g.families()
	open := slices.IndexFunc(g.Entries, func(e GroupEntry) bool { return e.FWMark != 0 && e.Family == 0 })
	if v4 && v6 && open >= 0 {
		x.Errorf(g.Entries[open].Pos, kconf.ClassGeneral, "mark-family", "virtual_server_group %s: beside IPv4 and IPv6 addresses a fwmark needs inet or inet6; the group is dropped", g.Name)
		return false
	}
	return true
}

// comparePorts warns of a server's port that is not used: without NAT every
// entry has its own, and a mark none.
func (g *GroupConfig) comparePorts(x *kconf.Ctx, r *RealServerConfig) {
	for _, e := range g.Entries {
		switch {
		case e.FWMark != 0:
			x.Warnf(r.Pos, kconf.ClassGeneral, "server-port", "server %v: behind a firewall mark only NAT has ports, it is ignored", r.Addr)
		case e.Port != r.Addr.Port():
			x.Warnf(r.Pos, kconf.ClassGeneral, "server-port", "server %v: only NAT changes ports, behind %v it is %d", r.Addr, e.First, e.Port)
		default:
			continue
		}
		return // once is enough
	}
}

// parseGroupEntry reads one line of a group; a bad one is reported and left
// out.
func parseGroupEntry(x *kconf.Ctx, s *kconf.Stmt) (GroupEntry, bool) {
	e := GroupEntry{Pos: s.Pos()}
	if s.Keyword() == "fwmark" {
		return parseMarkEntry(x, s, e)
	}
	w := s.Words[0]
	var ok bool
	if e.First, e.Last, ok = parseRange(w.Text); !ok {
		x.Errorf(w.Pos, kconf.ClassGeneral, "bad-range", "virtual_server_group: %s is no address, range or prefix of up to %d addresses", w.Text, maxRange)
		return e, false
	}
	if len(s.Words) > 1 {
		n, ok := kconf.ParseUint(x, s.Words[1], "port", 0, 65535)
		if !ok {
			return e, false
		}
		e.Port = uint16(n)
	}
	return e, true
}

// parseMarkEntry reads fwmark N [inet|inet6].
func parseMarkEntry(x *kconf.Ctx, s *kconf.Stmt, e GroupEntry) (GroupEntry, bool) {
	args, ok := x.Args(s, 1)
	if !ok {
		return e, false
	}
	n, ok := kconf.ParseUint(x, args[0], "fwmark", 1, 1<<32-1)
	if !ok {
		return e, false
	}
	e.FWMark = uint32(n)
	if len(args) > 1 {
		if !x.OneOf(args[1], "fwmark", []string{"inet", "inet6"}) {
			return e, false
		}
		e.Family = families[args[1].Text]
	}
	return e, true
}

var families = map[string]Family{"inet": IPv4, "inet6": IPv6}

// parseRange reads ADDRESS, ADDRESS-LAST, ADDRESS-ADDRESS or PREFIX/LENGTH.
// LAST is the last octet of an IPv4 address, or the last 16 bits of an IPv6
// one in hexadecimal.
func parseRange(text string) (first, last netip.Addr, ok bool) {
	if strings.Contains(text, "/") {
		return parsePrefixRange(text)
	}
	begin, end, isRange := strings.Cut(text, "-")
	first, err := netip.ParseAddr(begin)
	if err != nil || badAddr(first) != "" {
		return first, last, false
	}
	if !isRange {
		return first, first, true
	}
	if last, err = netip.ParseAddr(end); err != nil {
		if last, ok = replaceTail(first, end); !ok || !first.Less(last) {
			return first, last, false
		}
	}
	n, ok := countAddrs(first, last)
	return first, last, ok && n <= maxRange
}

// replaceTail is the end of a range that is written as its last part only:
// 10.0.0.1-9 counts in decimal, fd00::1-a in hexadecimal.
func replaceTail(a netip.Addr, tail string) (netip.Addr, bool) {
	if a.Is4() {
		n, err := strconv.ParseUint(tail, 10, 8)
		b := a.As4()
		b[3] = byte(n)
		return netip.AddrFrom4(b), err == nil
	}
	n, err := strconv.ParseUint(tail, 16, 16)
	b := a.As16()
	binary.BigEndian.PutUint16(b[14:], uint16(n))
	return netip.AddrFrom16(b), err == nil
}

// countAddrs is the number of addresses from first to last, if it is small.
func countAddrs(first, last netip.Addr) (uint64, bool) {
	if first.BitLen() != last.BitLen() || last.Less(first) {
		return 0, false
	}
	a, b := first.As16(), last.As16()
	if [8]byte(a[:8]) != [8]byte(b[:8]) {
		return 0, false
	}
	n := binary.BigEndian.Uint64(b[8:]) - binary.BigEndian.Uint64(a[8:])
	return n + 1, n < maxRange
}

// parsePrefixRange takes every address under a prefix, network and broadcast
// address included: a service listens on each. Host bits are a mistake, since
// nobody can tell which range was meant.
func parsePrefixRange(text string) (first, last netip.Addr, ok bool) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Masked() != p || badAddr(p.Addr()) != "" || p.Addr().BitLen()-p.Bits() > 16 {
		return first, last, false
	}
	first = p.Addr()
	raw := first.As16()
	tail := binary.BigEndian.Uint32(raw[12:]) | (uint32(1)<<(first.BitLen()-p.Bits()) - 1)
	binary.BigEndian.PutUint32(raw[12:], tail)
	last = netip.AddrFrom16(raw)
	if first.Is4() {
		last = last.Unmap()
	}
	return first, last, true
}
