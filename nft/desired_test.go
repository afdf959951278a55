package nft_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/golden"
	"holdfast/nft"
)

// witness begins each golden file: it was seen beside keepalived.
const witness = "# as nft list ruleset showed it beside keepalived 2.2.7, counts left out\n"

// guarded are active addresses on eth0, which has index 3; one with % is on
// another link.
func guarded(addrs ...string) []nft.Guarded {
	var list []nft.Guarded
	for _, text := range addrs {
		g := nft.Guarded{Link: "eth0", Index: 3, Active: true}
		addr, link, other := strings.Cut(text, "%")
		if g.Addr = netip.MustParseAddr(addr); other {
			g.Link, g.Index = link, 5
		}
		list = append(list, g)
	}
	return list
}

// byName tells all of them apart by the name of their link.
func byName(list []nft.Guarded) []nft.Guarded {
	for i := range list {
		list[i].ByName = true
	}
	return list
}

func vmac(name string, index int, ipv6 bool) nft.VMAC {
	return nft.VMAC{Name: name, Index: index, Base: "eth0", BaseIndex: 3, IPv6: ipv6}
}

func printed(f nft.Filter) string {
	var b strings.Builder
	for _, t := range nft.Desired(f) {
		b.WriteString(t.Print(f.Names()))
	}
	return b.String()
}

// TestTheTablesReadAsThoseOfKeepalived compares with what nft(8) showed of
// keepalived's for the same instances.
func TestTheTablesReadAsThoseOfKeepalived(t *testing.T) {
	for file, f := range map[string]nft.Filter{
		"both_families": {Table: "foo", Priority: 10, Counters: true,
			Guarded: guarded("10.9.0.100", "10.9.0.101", "10.9.0.200", "2001:db8::200", "fe80::51", "2001:db8::51")},
		"by_name":       {Table: "keepalived", Priority: -1, Guarded: byName(guarded("fe80::51", "2001:db8::51"))},
		"no_link_local": {Table: "keepalived", Priority: -1, Guarded: guarded("2001:db8::51")},
		"vmac": {Table: "keepalived", Priority: -1,
			Guarded: guarded("10.9.0.100", "10.9.0.101", "10.9.0.200", "2001:db8::200", "fe80::51%vrrp6.51", "2001:db8::51"),
			VMACs:   []nft.VMAC{vmac("vrrp.51", 4, false), vmac("vrrp.51", 4, true), vmac("vrrp6.51", 5, true)}},
		"vmac_counted": {Table: "keepalived", Priority: -1, Counters: true, VMACs: []nft.VMAC{vmac("vrrp.51", 4, true)}},
	} {
		t.Run(file, func(t *testing.T) { golden.Equal(t, "testdata/"+file+".nft", []byte(witness+printed(f))) })
	}
}

// TestOnlyActiveAddressesAreInTheSets: the table is there before, so that
// becoming active takes one element.
func TestOnlyActiveAddressesAreInTheSets(t *testing.T) {
	all := guarded("10.9.0.100", "10.9.0.101", "fe80::51", "fe80::52", "2001:db8::51")
	all = append(all, byName(guarded("fe80::53"))...)
	all[0].Active, all[2].Active, all[4].Active, all[5].Active = false, false, false, false
	got := printed(nft.Filter{Table: "keepalived", Guarded: all})
	for text, want := range map[string]bool{
		"10.9.0.100": false, "elements = { 10.9.0.101 }": true, "fe80::51": false, `elements = { fe80::52 . "eth0" }`: true,
		"2001:db8::51": false, "set vips_link_local_name {": true, "fe80::53": false,
	} {
		if strings.Contains(got, text) != want {
			t.Errorf("%q in the tables: %v, want %v\n%s", text, !want, want, got)
		}
	}
}

// TestALinkThatDoesNotExistHasNoIndex: its address waits for it, a name need not.
func TestALinkThatDoesNotExistHasNoIndex(t *testing.T) {
	f := nft.Filter{Table: "keepalived", Guarded: append(guarded("fe80::51"), byName(guarded("fe80::52"))...)}
	f.Guarded[0].Index, f.Guarded[1].Index = 0, 0
	got := printed(f)
	if strings.Contains(got, "fe80::51") || !strings.Contains(got, `elements = { fe80::52 . "eth0" }`) {
		t.Errorf("tables:\n%s", got)
	}
}

func TestWhatNeedsNoTableGetsNone(t *testing.T) {
	for name, tt := range map[string]struct {
		filter nft.Filter
		want   []string
	}{
		"nothing":      {nft.Filter{}, nil},
		"IPv4":         {nft.Filter{Guarded: guarded("10.9.0.100")}, []string{"ip t"}},
		"IPv6":         {nft.Filter{Guarded: guarded("2001:db8::1")}, []string{"ip6 t"}},
		"both":         {nft.Filter{Guarded: guarded("2001:db8::1", "10.9.0.100")}, []string{"ip t", "ip6 t"}},
		"a VMAC":       {nft.Filter{VMACs: []nft.VMAC{vmac("v", 4, false)}}, []string{"ip t"}},
		"one for IPv6": {nft.Filter{VMACs: []nft.VMAC{vmac("v", 4, true)}, Guarded: guarded("10.9.0.100")}, []string{"ip t", "ip6 t"}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.filter.Table = "t"
			var got []string
			for _, table := range nft.Desired(tt.filter) {
				got = append(got, table.Key.String())
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("tables %q, want %q", got, tt.want)
			}
		})
	}
}

// TestTheOrderOfTheFilterIsNoMatter: the same sets, so nothing is sent.
func TestTheOrderOfTheFilterIsNoMatter(t *testing.T) {
	f := nft.Filter{Table: "t", Guarded: guarded("10.9.0.100", "2001:db8::1", "10.9.0.101", "fe80::51"),
		VMACs: []nft.VMAC{vmac("v", 4, true), vmac("w", 5, true), vmac("v", 4, false)}}
	tables := nft.Desired(f)
	slices.Reverse(f.Guarded)
	slices.Reverse(f.VMACs)
	if ops := nft.Plan(nft.Wish{Tables: nft.Desired(f)}, tables); len(ops) > 0 {
		t.Errorf("to be done: %v", ops)
	}
}

func TestPrioritiesReadAsNFTPrintsThem(t *testing.T) {
	for p, want := range map[int32]string{
		-1: "filter - 1", 0: "filter", 10: "filter + 10", 11: "11", -10: "filter - 10", -11: "-11", -150: "mangle", -160: "mangle - 10",
		-161: "-161", -300: "raw", -295: "raw + 5", 50: "security", 40: "security - 10", 39: "39", 61: "61",
		-2147483648: "-2147483648", 2147483647: "2147483647",
	} {
		got := printed(nft.Filter{Table: "t", Priority: p, Guarded: guarded("10.9.0.100")})
		if !strings.Contains(got, " priority "+want+"; policy") {
			t.Errorf("priority %d, want %q in\n%s", p, want, got)
		}
	}
}

func TestManyElementsAreBrokenIntoLines(t *testing.T) {
	got := printed(nft.Filter{Table: "t", Guarded: guarded("10.0.0.3", "10.0.0.1", "10.0.0.2", "10.0.0.4")})
	want := "elements = { 10.0.0.1, 10.0.0.2,\n\t\t\t     10.0.0.3, 10.0.0.4 }\n"
	if !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}
