package nft

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/google/nftables/expr"
)

// Marks is what groups of virtual servers want of the kernel: that packets to
// their addresses have firewall marks, behind which ip_vs has one service for
// all of them.
type Marks struct {
	Table    string // name in both families; keyword nftables_ipvs
	Priority int32  // of the chain, default -1; keyword nftables_ipvs_priority
	Of       []Marked
}

// Marked is an address with a port, and the mark of packets to it.
type Marked struct {
	Addr     netip.Addr
	Port     uint16 // 0: every port
	Protocol uint8  // 6 TCP, 17 UDP or 132 SCTP
	Mark     uint32
}

// markRules are the maps of one protocol: of addresses with a port, as
// keepalived has them, and of whole addresses.
var markRules = []struct {
	protocol    uint8
	port        field
	ports, addr string
}{
	{6, portOf("tcp"), "tcp_map", "tcp_addr_map"},
	{17, portOf("udp"), "udp_map", "udp_addr_map"},
	{132, portOf("sctp"), "sctp_map", "sctp_addr_map"},
}

// portOf is where packets of a protocol go to on their host. It has the place of
// its octets behind an IPv4 address, which takes only a quarter of a register.
func portOf(protocol string) field {
	return field{words: protocol + " dport", load: func(reg uint32) expr.Any {
		return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}
	}}
}

// PortKey is an address with a port.
func PortKey(a netip.Addr, port uint16) string {
	return AddrKey(a) + string(binary.BigEndian.AppendUint16(nil, port)) + "\x00\x00"
}

// MarkValue is a firewall mark, which the kernel keeps in the machine's order.
func MarkValue(mark uint32) string { return string(binary.NativeEndian.AppendUint32(nil, mark)) }

// DesiredMarks are the tables that m needs: one for each family with addresses.
// The result depends on nothing but m; of two marks of one address the first counts.
func DesiredMarks(m Marks) []Table {
	var tables []Table
	for _, family := range []Family{IPv4, IPv6} {
		t := Table{Key: Key{family, m.Table}}
		var rules []Rule
		for _, r := range markRules {
			ports, addrs := map[string]string{}, map[string]string{}
			for _, e := range slices.Backward(m.Of) {
				switch {
				case e.Addr.Is6() != (family == IPv6), e.Protocol != r.protocol:
				case e.Port != 0:
					ports[PortKey(e.Addr, e.Port)] = MarkValue(e.Mark)
				default:
					addrs[AddrKey(e.Addr)] = MarkValue(e.Mark)
				}
			}
			addr, typ := ipDest, IPv4Addr
			if family == IPv6 {
				addr, typ = ip6Dest, IPv6Addr
			}
			isProtocol := []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, equals(1, r.protocol)}
			if len(ports) > 0 {
				t.Sets = append(t.Sets, Set{Name: r.ports, Key: []Type{typ, InetService}, Value: Mark, Elements: ports})
				rules = append(rules, newRule(clause{"", isProtocol}, markFrom(r.ports, addr, r.port), verdict("return", expr.Verdict{Kind: expr.VerdictReturn})))
			}
			if len(addrs) > 0 {
				t.Sets = append(t.Sets, Set{Name: r.addr, Key: []Type{typ}, Value: Mark, Elements: addrs})
				name := map[uint8]string{6: "tcp", 17: "udp", 132: "sctp"}[r.protocol]
				rules = append(rules, newRule(clause{"meta l4proto " + name, isProtocol}, markFrom(r.addr, addr), verdict("return", expr.Verdict{Kind: expr.VerdictReturn})))
			}
		}
		if len(rules) > 0 {
			t.Chains = []Chain{{Name: inChain, Hook: InputHook, Priority: m.Priority, Rules: rules}}
			tables = append(tables, t)
		}
	}
	return tables
}

// markFrom gives a packet the mark that a map has for it. Without an entry the
// rule does not match. The parts of a key lie side by side: the registers are
// numbered so that the second one is behind the octets of the first.
func markFrom(name string, addr field, more ...field) clause {
	words := addr.words
	load := []expr.Any{addr.load(1)}
	for _, f := range more {
		words += " . " + f.words
		second := uint32(2)
		if addr.words == ipDest.words {
			second = 9 // the second quarter of the first register
		}
		load = append(load, f.load(second))
	}
	return clause{"meta mark set " + words + " map @" + name, append(load,
		&expr.Lookup{SourceRegister: 1, DestRegister: 1, IsDestRegSet: true, SetName: name},
		&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: 1})}
}
