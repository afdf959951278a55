package host

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The bodies of messages that Linux 6.18 listed after the ip(8) commands in the
// comments; little-endian, as the machines were. What ip(8) showed for them is
// the second witness of the expectations.

// captured is a body; machines of the other byte order read their own.
func captured(t *testing.T, text string) []byte {
	t.Helper()
	if ne.Uint16([]byte{1, 0}) != 1 {
		t.Skip("captured on a little-endian machine")
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var byValue = cmp.Options{
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

func TestAddressesAsTheKernelListsThem(t *testing.T) {
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	tests := map[string]struct {
		body  string
		index int
		want  Address
	}{
		// ip addr add 192.0.2.9/24 dev eth0
		"somebody else's": {"021880000300000008000100c000020908000200c0000209090003006574683000000000080008008000000014000600ffffffffffffffff009d0900009d0900",
			3, Address{Prefix: p("192.0.2.9/24"), Label: "eth0", PreferredLft: Forever}},
		// ip addr add 192.0.2.10/24 dev eth0, after the one above
		"a secondary": {"021881000300000008000100c000020a08000200c000020a090003006574683000000000080008008100000014000600ffffffffffffffff009d0900009d0900",
			3, Address{Prefix: p("192.0.2.10/24"), Label: "eth0", PreferredLft: Forever, Secondary: true}},
		// ip addr add 192.0.2.1 peer 198.51.100.1/32 brd 192.0.2.255 dev eth0 label eth0:x scope link
		"with a peer": {"022080fd0300000008000100c633640108000200c000020108000400c00002ff0b000300657468303a780000080008008000000014000600ffffffffffffffff019d0900019d0900",
			3, Address{Prefix: p("192.0.2.1/32"), Peer: a("198.51.100.1"), Broadcast: a("192.0.2.255"), Scope: ScopeLink, Label: "eth0:x", PreferredLft: Forever}},
		// ip -6 addr add 2001:db8::1/64 dev eth0
		"IPv6, duplicates not ruled out yet": {"0a40c000030000001400010020010db800000000000000000000000114000600ffffffffffffffff019d0900019d090008000800c0000000",
			3, Address{Prefix: p("2001:db8::1/64"), PreferredLft: Forever, Tentative: true}},
		// ip -6 addr add 2001:db8::2/128 dev eth0 nodad preferred_lft 0
		"IPv6, deprecated": {"0a80a200030000001400010020010db80000000000000000000000021400060000000000ffffffff019d0900019d090008000800a2000000",
			3, Address{Prefix: p("2001:db8::2/128"), Flags: NoDAD}},
		// ip -6 addr add 2001:db8::3 peer 2001:db8::4/128 dev eth0 nodad
		"IPv6 with a peer": {"0a808200030000001400020020010db80000000000000000000000031400010020010db800000000000000000000000414000600ffffffffffffffff019d0900019d09000800080082000000",
			3, Address{Prefix: p("2001:db8::3/128"), Peer: a("2001:db8::4"), Flags: NoDAD, PreferredLft: Forever}},
		// fe80::… by itself: IFA_PROTO is 3, kernel link-local, not ours
		"the kernel's own": {"0a40c0fd0300000014000100fe80000000000000c443c7fffec8e6fd14000600ffffffffffffffff009d0900009d090008000800c000000005000b0003000000",
			3, Address{Prefix: p("fe80::c443:c7ff:fec8:e6fd/64"), PreferredLft: Forever, Tentative: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, index, err := decodeAddress(captured(t, tt.body))
			if err != nil || index != tt.index {
				t.Fatalf("link %d, error %v; want link %d", index, err, tt.index)
			}
			if d := cmp.Diff(tt.want, got, byValue); d != "" {
				t.Errorf("address (-want +got):\n%s", d)
			}
		})
	}
}

func TestRoutesAsTheKernelListsThem(t *testing.T) {
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	tests := map[string]struct {
		body  string
		links []int // of the route, then of its hops
		ok    bool
		want  Route
	}{
		// ip route add 10.0.0.0/8 via 192.0.2.7 dev eth0 metric 5 mtu 1400 src 192.0.2.9 tos 0x10 table 1000 proto 18 onlink
		"everything at once": {"02080010fc1200010400000008000f00e8030000080001000a00000008000600050000000c000800080002007805000008000700c000020908000500c00002070800040003000000",
			[]int{3}, true, Route{Type: Unicast, Dst: p("10.0.0.0/8"), Via: a("192.0.2.7"), Src: a("192.0.2.9"), Table: 1000, Metric: 5, MTU: 1400, TOS: 0x10, OnLink: true, Ours: true}},
		// ip route add 10.1.0.0/16 proto 18 nexthop via 192.0.2.7 dev eth0 nexthop via 192.0.2.8 dev eth0
		"two gateways": {"02100000fe1200010000000008000f00fe000000080001000a01000024000900100000000300000008000500c0000207100000000300000008000500c0000208",
			[]int{0, 3, 3}, true, Route{Type: Unicast, Dst: p("10.1.0.0/16"), Hops: []NextHop{{Via: a("192.0.2.7"), Weight: 1}, {Via: a("192.0.2.8"), Weight: 1}}, Table: TableMain, Ours: true}},
		// the same with nexthop via 192.0.2.6
		"three gateways": {"02100000fe1200010000000008000f00fe000000080001000a03000034000900100000000300000008000500c0000207100000000300000008000500c0000208100000000300000008000500c0000206",
			[]int{0, 3, 3, 3}, true, Route{Type: Unicast, Dst: p("10.3.0.0/16"), Hops: []NextHop{{Via: a("192.0.2.7"), Weight: 1}, {Via: a("192.0.2.8"), Weight: 1}, {Via: a("192.0.2.6"), Weight: 1}}, Table: TableMain, Ours: true}},
		// ip route add blackhole 10.2.0.0/16
		"a black hole of somebody else": {"02100000fe0300060000000008000f00fe000000080001000a020000",
			[]int{0}, true, Route{Type: Blackhole, Dst: p("10.2.0.0/16"), Table: TableMain}},
		// the black hole with RTM_F_CLONED set: a cached one
		"a cached one": {"02100000fe0300060002000008000f00fe000000080001000a020000",
			[]int{0}, false, Route{Type: Blackhole, Dst: p("10.2.0.0/16"), Table: TableMain}},
		// the black hole in the family of labels (AF_MPLS)
		"of another family": {"1c100000fe0300060000000008000f00fe000000080001000a020000",
			[]int{0}, false, Route{Type: Blackhole, Dst: p("10.2.0.0/16"), Table: TableMain}},
		// ip -6 route add default from 2001:db8::/64 via fe80::2 dev eth0 metric 7
		"IPv6 by source": {"0a004000fe0300010000000008000f00fe0000001400020020010db8000000000000000000000000080006000700000014000500fe800000000000000000000000000002080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000",
			[]int{3}, true, Route{Type: Unicast, Dst: p("::/0"), From: p("2001:db8::/64"), Via: a("fe80::2"), Table: TableMain, Metric: 7}},
		// ip -6 route add 2001:db8:5::/48 via fe80::1 dev eth0 proto 18
		"IPv6 with the kernel's metric": {"0a300000fe1200010000000008000f00fe0000001400010020010db8000500000000000000000000080006000004000014000500fe800000000000000000000000000001080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000",
			[]int{3}, true, Route{Type: Unicast, Dst: p("2001:db8:5::/48"), Via: a("fe80::1"), Table: TableMain, Metric: 1024, Ours: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, links, ok, err := decodeRoute(captured(t, tt.body))
			if err != nil || !slices.Equal(links, tt.links) || ok != tt.ok {
				t.Fatalf("links %d, usable %t, error %v; want links %d, usable %t", links, ok, err, tt.links, tt.ok)
			}
			if d := cmp.Diff(tt.want, got, byValue); d != "" {
				t.Errorf("route (-want +got):\n%s", d)
			}
		})
	}
}

func TestRulesAsTheKernelListsThem(t *testing.T) {
	p := netip.MustParsePrefix
	tests := map[string]struct {
		body string
		ok   bool
		want Rule
	}{
		// ip rule add not from 192.0.2.0/24 to 198.51.100.0/24 iif eth0 oif lo fwmark 0x10/0xff tos 0x10 ipproto tcp
		// sport 80-81 dport 5-9 lookup 1000 priority 16 protocol 18
		"everything at once": {"02181810fc0000010a00000008000f00e803000008000e00ffffffff0500150012000000090003006574683000000000070011006c6f0000080006001000000008000a001000000008001000ff00000008001700500051000800180005000900050016000600000008000100c633640008000200c0000200",
			true, Rule{Priority: 16, Not: true, From: p("192.0.2.0/24"), To: p("198.51.100.0/24"), IIf: "eth0", OIf: "lo", TOS: 0x10, Mark: 0x10, Mask: 0xff,
				IPProto: 6, Sport: PortRange{80, 81}, Dport: PortRange{5, 9}, Action: ToTable, Table: 1000, Ours: true}},
		// ip rule add goto 200 priority 5
		"goto": {"02000000000000020400000008000f000000000008000e00ffffffff0500150000000000080006000500000008000400c8000000",
			true, Rule{Priority: 5, Action: Goto, Goto: 200}},
		// the same with a table attribute, which goto does not use
		"goto has no table": {"02000000fe0000020400000008000f00fe00000008000e00ffffffff0500150000000000080006000500000008000400c8000000",
			true, Rule{Priority: 5, Action: Goto, Goto: 200}},
		// ip -6 rule add from 2001:db8::/64 prohibit priority 6
		"IPv6, no table": {"0a004000000000080000000008000f000000000008000e00ffffffff050015000000000008000600060000001400020020010db8000000000000000000000000",
			true, Rule{IPv6: true, Priority: 6, From: p("2001:db8::/64"), Action: RuleProhibit}},
		// the rule of priority 0 that every host has
		"the kernel's first": {"02000000ff0000010000000008000f00ff00000008000e00ffffffff0500150002000000",
			true, Rule{Action: ToTable, Table: TableLocal}},
		// family 128: multicast routing has rules of its own
		"of another family": {"80000000fd0000010000000008000f00fd00000008000e00ffffffff050015000200000008000600ff7f0000",
			false, Rule{Priority: 32767, Action: ToTable, Table: TableDefault}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok, err := decodeRule(captured(t, tt.body))
			if err != nil || ok != tt.ok {
				t.Fatalf("usable %t, error %v; want usable %t", ok, err, tt.ok)
			}
			if d := cmp.Diff(tt.want, got, byValue); d != "" {
				t.Errorf("rule (-want +got):\n%s", d)
			}
		})
	}
}

// drawAddr is any address of a family that can be somebody's.
func drawAddr(t *rapid.T, v6 bool, name string) netip.Addr {
	last := rapid.ByteRange(1, 254).Draw(t, name)
	if v6 {
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: last})
	}
	return netip.AddrFrom4([4]byte{192, 0, 2, last})
}

func drawPrefix(t *rapid.T, v6 bool, name string) netip.Prefix {
	a := drawAddr(t, v6, name)
	return netip.PrefixFrom(a, rapid.IntRange(1, a.BitLen()).Draw(t, name+" length"))
}

// maybe is what f draws, or the zero value.
func maybe[T any](t *rapid.T, name string, f func() T) (v T) {
	if rapid.Bool().Draw(t, name+"?") {
		v = f()
	}
	return v
}

func TestWhatIsAskedForIsWhatIsRead(t *testing.T) {
	t.Run("address", rapid.MakeCheck(func(t *rapid.T) {
		v6 := rapid.Bool().Draw(t, "IPv6")
		want := Address{Prefix: drawPrefix(t, v6, "address"), Ours: true,
			Flags:        AddressFlags(rapid.Uint32().Draw(t, "flags")) & settableFlags,
			PreferredLft: rapid.SampledFrom([]uint32{0, 300, Forever}).Draw(t, "preferred")}
		want.Peer = maybe(t, "peer", func() netip.Addr { return drawAddr(t, v6, "peer") })
		if want.Peer == want.Prefix.Addr() {
			want.Peer = netip.Addr{} // nobody is his own peer
		}
		if !v6 {
			want.Scope = rapid.SampledFrom([]Scope{ScopeGlobal, ScopeSite, ScopeLink, ScopeHost}).Draw(t, "scope")
			want.Broadcast = maybe(t, "broadcast", func() netip.Addr { return drawAddr(t, false, "broadcast") })
			want.Label = rapid.SampledFrom([]string{"", "eth0", "eth0:123456789a"}).Draw(t, "label")
		}
		got, index, err := decodeAddress(encodeAddress(want, 7))
		if d := cmp.Diff(want, got, byValue); d != "" || index != 7 || err != nil {
			t.Fatalf("link %d, error %v (-want +got):\n%s", index, err, d)
		}
	}))
	t.Run("route", rapid.MakeCheck(func(t *rapid.T) {
		v6 := rapid.Bool().Draw(t, "IPv6")
		want := Route{Dst: drawPrefix(t, v6, "destination").Masked(), Ours: true,
			Type:  RouteType(rapid.ByteRange(1, 11).Draw(t, "type")),
			Table: rapid.SampledFrom([]uint32{1, 255, 256, Forever}).Draw(t, "table"), Metric: rapid.Uint32().Draw(t, "metric"),
			TOS: rapid.Byte().Draw(t, "tos"), MTU: rapid.Uint32().Draw(t, "mtu"), OnLink: rapid.Bool().Draw(t, "onlink")}
		gateway := func(name string) func() netip.Addr { return func() netip.Addr { return drawAddr(t, v6, name) } }
		want.Via, want.Src = maybe(t, "via", gateway("via")), maybe(t, "src", gateway("src"))
		want.Metrics, want.Encap = drawMetrics(t), drawEncap(t)
		want.Realms, want.Pref = rapid.Uint32().Draw(t, "realms"), rapid.SampledFrom([]uint8{0, 1, 3}).Draw(t, "pref")
		links := []int{7}
		if rapid.Bool().Draw(t, "several ways?") { // of which each is told by itself
			want.Via, want.OnLink, want.Realms, want.Encap, links = netip.Addr{}, false, 0, Encap{}, []int{0}
			for range rapid.IntRange(1, 4).Draw(t, "hops") {
				links = append(links, rapid.IntRange(1, 9).Draw(t, "link"))
				want.Hops = append(want.Hops, NextHop{Via: maybe(t, "hop", gateway("hop")), Weight: rapid.Uint16Range(1, 256).Draw(t, "weight"),
					OnLink: rapid.Bool().Draw(t, "hop onlink"), Realms: rapid.Uint32().Draw(t, "hop realms"), Encap: drawEncap(t)})
			}
		}
		if v6 {
			want.From = maybe(t, "from", func() netip.Prefix { return drawPrefix(t, true, "from").Masked() })
		} else {
			want.Scope = rapid.SampledFrom([]Scope{ScopeGlobal, ScopeLink, ScopeHost}).Draw(t, "scope")
		}
		got, found, ok, err := decodeRoute(encodeRoute(want, false, links...))
		if d := cmp.Diff(want, got, byValue); d != "" || !slices.Equal(found, links) || !ok || err != nil {
			t.Fatalf("links %d, usable %t, error %v (-want +got):\n%s", found, ok, err, d)
		}
	}))
	t.Run("rule", rapid.MakeCheck(func(t *rapid.T) {
		v6 := rapid.Bool().Draw(t, "IPv6")
		prefix := func(name string) func() netip.Prefix {
			return func() netip.Prefix { return drawPrefix(t, v6, name).Masked() }
		}
		port := func() PortRange { return PortRange{rapid.Uint16().Draw(t, "first"), rapid.Uint16().Draw(t, "last")} }
		want := Rule{IPv6: v6, Priority: rapid.Uint32().Draw(t, "priority"), Not: rapid.Bool().Draw(t, "not"), Ours: true,
			From: maybe(t, "from", prefix("from")), To: maybe(t, "to", prefix("to")), TOS: rapid.Byte().Draw(t, "tos"),
			IIf: rapid.SampledFrom([]string{"", "eth0", "0123456789abcde"}).Draw(t, "iif"), OIf: rapid.SampledFrom([]string{"", "lo"}).Draw(t, "oif"),
			IPProto: rapid.Byte().Draw(t, "proto"), Sport: maybe(t, "sport", port), Dport: maybe(t, "dport", port)}
		want.UIDs = maybe(t, "uids", func() Optional[UIDRange] {
			return Some(UIDRange{rapid.Uint32().Draw(t, "first"), rapid.Uint32().Draw(t, "last")})
		})
		want.TunnelID = rapid.Uint64().Draw(t, "tunnel")
		if want.Mask = rapid.Uint32().Draw(t, "mask"); want.Mask != 0 {
			want.Mark = rapid.Uint32().Draw(t, "mark")
		}
		switch want.Action = rapid.SampledFrom([]RuleAction{ToTable, Goto, Nop, RuleBlackhole, RuleUnreachable, RuleProhibit}).Draw(t, "action"); want.Action {
		case ToTable:
			want.Table = rapid.SampledFrom([]uint32{1, 255, 256, Forever}).Draw(t, "table")
			if want.L3MDev = rapid.Bool().Draw(t, "l3mdev"); want.L3MDev {
				want.Table = 0
			}
			limit := func() Optional[uint32] { return Some(rapid.Uint32Range(0, 1<<31-1).Draw(t, "limit")) }
			want.SuppressPrefix, want.SuppressGroup = maybe(t, "suppress prefix", limit), maybe(t, "suppress group", limit)
			want.Realms = rapid.Uint32().Draw(t, "realms")
		case Goto:
			want.Goto = rapid.Uint32().Draw(t, "goto")
		}
		got, ok, err := decodeRule(encodeRule(want))
		if d := cmp.Diff(want, got, byValue); d != "" || !ok || err != nil {
			t.Fatalf("usable %t, error %v (-want +got):\n%s", ok, err, d)
		}
	}))
}

func drawMetrics(t *rapid.T) Metrics {
	n := func(name string) uint32 { return rapid.Uint32().Draw(t, name) }
	on := func(name string) bool { return rapid.Bool().Draw(t, name) }
	return maybe(t, "metrics", func() Metrics {
		return Metrics{Window: n("window"), SSThresh: n("ssthresh"), CWnd: n("cwnd"), Reordering: n("reordering"), AdvMSS: n("advmss"), HopLimit: n("hoplimit"),
			InitCWnd: n("initcwnd"), InitRWnd: n("initrwnd"), RTT: n("rtt"), RTTVar: n("rttvar"), RTOMin: n("rto_min"), ECN: on("ecn"), QuickAck: on("quickack"),
			FastOpenNoCookie: on("cookie"), CongCtl: rapid.SampledFrom([]string{"", "cubic"}).Draw(t, "congctl"), Lock: n("lock")}
	})
}

func drawEncap(t *rapid.T) Encap {
	outer := func(v6 bool) Encap {
		return Encap{ID: rapid.Uint64().Draw(t, "id"), Dst: maybe(t, "dst", func() netip.Addr { return drawAddr(t, v6, "outer") }),
			Src: drawAddr(t, v6, "outer src"), TOS: rapid.Byte().Draw(t, "outer tos"), TTL: rapid.Byte().Draw(t, "ttl"), Flags: rapid.Uint16().Draw(t, "flags")}
	}
	e, typ := Encap{}, rapid.SampledFrom([]EncapType{0, EncapMPLS, EncapIP, EncapILA, EncapIP6}).Draw(t, "encap")
	switch typ {
	case EncapMPLS:
		e.Labels = rapid.SampledFrom([]string{"0", "100/1048575", "16/17/18"}).Draw(t, "labels")
	case EncapILA:
		e.Locator = rapid.Uint64().Draw(t, "locator")
	case EncapIP, EncapIP6:
		e = outer(typ == EncapIP6)
	}
	e.Type = typ
	return e
}

// Cut anywhere, a message is an error or means what its whole part says; it is
// never read beyond its end.
func TestMessagesThatAreCutShort(t *testing.T) {
	a := NewAddress("", netip.MustParsePrefix("192.0.2.1/24"))
	a.Label, a.PreferredLft = "eth0:x", 300
	r := Route{Dst: netip.MustParsePrefix("10.0.0.0/8"), MTU: 1400,
		Hops: []NextHop{{Via: netip.MustParseAddr("192.0.2.7")}, {Via: netip.MustParseAddr("192.0.2.8"), Encap: Encap{Type: EncapMPLS, Labels: "5"}}}}
	u := Rule{From: netip.MustParsePrefix("10.0.0.0/8"), IIf: "eth0", Sport: PortRange{1, 2}, Table: 5}
	for name, tt := range map[string]struct {
		body   []byte
		decode func([]byte) error
		head   int // octets without which there is nothing
	}{
		"address": {encodeAddress(a, 3), func(b []byte) error { _, _, err := decodeAddress(b); return err }, 8},
		"route":   {encodeRoute(r, false, 3), func(b []byte) error { _, _, _, err := decodeRoute(b); return err }, 12},
		"rule":    {encodeRule(u), func(b []byte) error { _, _, err := decodeRule(b); return err }, 12},
		"link":    {linkBody(), func(b []byte) error { _, err := decodeLink(b); return err }, 16},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tt.decode(tt.body); err != nil {
				t.Fatalf("whole: %v", err)
			}
			for n := range tt.body {
				cut := tt.body[:n:n]
				if err := tt.decode(cut); err == nil && n < tt.head {
					t.Errorf("%d octets of a header of %d were accepted", n, tt.head)
				}
			}
		})
	}
}

// linkBody is RTM_NEWLINK about eth0 with index 2, up, with MAC and MTU.
func linkBody() []byte {
	b := []byte{0, 0, 1, 0, 2, 0, 0, 0, 0x43, 0, 1, 0, 0, 0, 0, 0} // ifinfomsg: ARPHRD_ETHER, index, UP|BROADCAST|RUNNING
	b = appendAttr(b, 3, []byte("eth0\x00"))
	b = appendAttr(b, 1, []byte{2, 0, 0, 0, 0, 1})
	return appendU32(b, 4, 1500)
}

func FuzzDecodeLink(f *testing.F) {
	f.Add(linkBody())
	f.Add(linkBody()[:20])
	f.Add(append(linkBody(), 4, 0, 1, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := decodeLink(b); err == nil && (l.Name == "" || l.Usable() && !l.Up) {
			t.Errorf("no link: %+v", l)
		}
	})
}
