package daemon

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config/configtest"
	"holdfast/host"
	"holdfast/vrrp"
)

// network is a host with two links and what else a row adds.
func network(more ...host.Link) map[string]host.Link {
	links := map[string]host.Link{}
	for _, l := range append([]host.Link{
		{Index: 2, Name: "eth0", MAC: host.MAC{2, 0, 0, 0, 0, 1}}, {Index: 3, Name: "eth1", MAC: host.MAC{2, 0, 0, 0, 1, 1}},
	}, more...) {
		links[l.Name] = l
	}
	return links
}

// laid is a layout with the places of all addresses, as text.
func laid(t *testing.T, text string, links map[string]host.Link) []string {
	t.Helper()
	l := configtest.Understood(t, text)
	if lines := configtest.Lines(l); len(lines) > 0 {
		t.Fatalf("the file is not what it should be: %q", lines)
	}
	out := layOut(l.Config, links)
	var got []string
	for _, own := range out.links {
		line := own.VirtualLink.String()
		if own.linkLocal {
			line += ", link-local"
		}
		if own.keepIPv6 {
			line += ", IPv6"
		}
		got = append(got, line)
	}
	for _, in := range l.Config.Instances {
		if link := out.adverts[in.Name]; link != "" {
			got = append(got, in.Name+" by "+link)
		}
		for _, a := range slices.Concat(in.Addresses, in.Excluded) {
			got = append(got, fmt.Sprintf("%v on %s", a.Prefix.Addr(), a.Link))
		}
	}
	return got
}

func routerOn(link string, vrid int, lines, vips string) string {
	return fmt.Sprintf("vrrp_instance V%d {\n interface %s\n virtual_router_id %d\n %s\n virtual_ipaddress {\n %s\n }\n}\n", vrid, link, vrid, lines, vips)
}

// Names and places are those of keepalived 2.2.7 for the same text, but for
// what it does not know (ipvlan on the machine where it was asked).
func TestWhichLinksRoutersMakeAndWhatIsOnThem(t *testing.T) {
	const v51 = "link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan mode private"
	excluded := func(lines string) string { return "virtual_ipaddress_excluded {\n" + lines + "\n}" }
	fits := host.Link{Index: 9, Name: "vrrp3.51", Kind: "macvlan", Mode: "private", Parent: 2, MAC: host.VirtualMAC(51, false), Alias: "holdfast V51"}
	taken := host.Link{Index: 9, Name: "vrrp.51", Kind: "veth"}
	tests := map[string]struct {
		text  string
		links map[string]host.Link
		want  []string
	}{
		"none without use_vmac": {routerOn("eth0", 51, "", "10.9.0.100/24"), network(), []string{"10.9.0.100 on eth0"}},
		"addresses of its family on its interface move, others stay": {
			routerOn("eth0", 51, "use_vmac\n"+excluded("fd00:9::100/64"), "10.9.0.100/24\n10.9.0.101/24 dev eth0\n10.8.0.100/24 dev eth1"), network(),
			[]string{v51 + ", IPv6", "V51 by vrrp.51", "10.9.0.100 on vrrp.51", "10.9.0.101 on vrrp.51", "10.8.0.100 on eth1", "fd00:9::100 on eth0"}},
		"IPv6 takes the link-local address over": {
			routerOn("eth0", 51, "use_vmac", "fe80::9:100/64"), network(),
			[]string{"link eth0 name vrrp.51 address 00:00:5e:00:02:33 type macvlan mode private, link-local, IPv6", "V51 by vrrp.51", "fe80::9:100 on vrrp.51"}},
		"adverts by the parent need no link-local address": {
			routerOn("eth0", 51, "use_vmac\nvmac_xmit_base", "fe80::9:100/64"), network(),
			[]string{"link eth0 name vrrp.51 address 00:00:5e:00:02:33 type macvlan mode private, IPv6", "fe80::9:100 on vrrp.51"}},
		"a name, an address of five octets, a group": {
			routerOn("eth0", 51, "use_vmac name mine0 02:00:00:00:99 group 5", "10.9.0.100/24"), network(),
			[]string{"link eth0 name mine0 address 02:00:00:00:99:33 group 5 type macvlan mode private", "V51 by mine0", "10.9.0.100 on mine0"}},
		"both families of one VRID": {
			strings.Replace(routerOn("eth0", 51, "use_vmac", "10.9.0.100/24"), "V51", "A", 1) + routerOn("eth0", 51, "use_vmac", "fe80::9:100/64"), network(),
			[]string{v51, "link eth0 name vrrp6.51 address 00:00:5e:00:02:33 type macvlan mode private, link-local, IPv6",
				"A by vrrp.51", "10.9.0.100 on vrrp.51", "V51 by vrrp6.51", "fe80::9:100 on vrrp6.51"}},
		"use_vmac_addr covers other interfaces and the other family": {
			routerOn("eth0", 56, "use_vmac\nuse_vmac_addr\n"+excluded("fd00:9::106/64\nfd00:8::106/64 dev eth1"), "10.9.0.106/24\n10.8.0.106/24 dev eth1"), network(),
			[]string{"link eth0 name vrrp.56 address 00:00:5e:00:01:38 type macvlan mode private, IPv6",
				"link eth1 name vrrp1.56 address 00:00:5e:00:01:38 type macvlan mode private",
				"link eth0 name vrrp6.56 address 00:00:5e:00:02:38 type macvlan mode private, link-local, IPv6",
				"link eth1 name vrrp2.56 address 00:00:5e:00:02:38 type macvlan mode private, link-local, IPv6",
				"V56 by vrrp.56", "10.9.0.106 on vrrp.56", "10.8.0.106 on vrrp1.56", "fd00:9::106 on vrrp6.56", "fd00:8::106 on vrrp2.56"}},
		"use_vmac on a line": {
			routerOn("eth0", 54, "", "10.9.0.104/24\n10.8.0.104/24 dev eth1 use_vmac"), network(),
			[]string{"link eth1 name vrrp.54 address 00:00:5e:00:01:36 type macvlan mode private", "10.9.0.104 on eth0", "10.8.0.104 on vrrp.54"}},
		"prefixes of names": {
			"global_defs {\n vmac_prefix vip\n vmac_addr_prefix averyverylongprefix\n}\n" + routerOn("eth0", 51, "use_vmac\nuse_vmac_addr", "10.9.0.100/24\n10.8.0.100/24 dev eth1"), network(),
			[]string{"link eth0 name vip.51 address 00:00:5e:00:01:33 type macvlan mode private", "link eth1 name averyverylon.51 address 00:00:5e:00:01:33 type macvlan mode private",
				"V51 by vip.51", "10.9.0.100 on vip.51", "10.8.0.100 on averyverylon.51"}},
		"a chosen name goes before one that is made up": {
			routerOn("eth0", 51, "use_vmac", "10.9.0.100/24") + routerOn("eth0", 52, "use_vmac vrrp.51", "10.9.0.200/24"), network(),
			[]string{"link eth0 name vrrp1.51 address 00:00:5e:00:01:33 type macvlan mode private", "link eth0 name vrrp.51 address 00:00:5e:00:01:34 type macvlan mode private",
				"V51 by vrrp1.51", "10.9.0.100 on vrrp1.51", "V52 by vrrp.51", "10.9.0.200 on vrrp.51"}},
		"a link that is there and fits keeps its name": {routerOn("eth0", 51, "use_vmac", "10.9.0.100/24"), network(fits),
			[]string{"link eth0 name vrrp3.51 address 00:00:5e:00:01:33 type macvlan mode private", "V51 by vrrp3.51", "10.9.0.100 on vrrp3.51"}},
		"a name that somebody else has is left to them": {routerOn("eth0", 51, "use_vmac", "10.9.0.100/24"), network(taken),
			[]string{"link eth0 name vrrp1.51 address 00:00:5e:00:01:33 type macvlan mode private", "V51 by vrrp1.51", "10.9.0.100 on vrrp1.51"}},
		"an ipvlan": {routerOn("eth0", 51, "use_ipvlan ipv0 10.9.0.51/24 vepa", "10.9.0.100/24"), network(),
			[]string{"link eth0 name ipv0 type ipvlan mode l2 vepa", "V51 by ipv0", "10.9.0.100 on ipv0"}},
		"an ipvlan for IPv6 without an address": {routerOn("eth0", 51, "use_ipvlan", "fe80::9:100/64"), network(),
			[]string{"link eth0 name vrrp.51 type ipvlan mode l2 bridge, link-local, IPv6", "V51 by vrrp.51", "fe80::9:100 on vrrp.51"}},
		"a VRF": {"global_defs {\n dynamic_interfaces\n}\nvrrp_instance A {\n virtual_router_id 51\n vrf red\n unicast_src_ip 10.9.0.1\n unicast_peer {\n10.9.0.2\n}\n virtual_ipaddress {\n10.9.0.100/24 dev eth0\n}\n}\n", network(),
			[]string{"A by red", "10.9.0.100 on eth0"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, laid(t, tt.text, tt.links)); d != "" {
				t.Errorf("layout (-want +got):\n%s", d)
			}
		})
	}
}

// TestWhatALinkOfItsOwnNeedsOfTheHost: sysctls as keepalived 2.2.7 sets them.
func TestWhatALinkOfItsOwnNeedsOfTheHost(t *testing.T) {
	v4 := []string{"ipv4/conf/eth0/arp_filter=1", "ipv4/conf/eth0/arp_ignore=1", "ipv4/conf/vrrp.51/accept_local=1", "ipv4/conf/vrrp.51/arp_ignore=1",
		"ipv4/conf/vrrp.51/promote_secondaries=1", "ipv4/conf/vrrp.51/rp_filter=0"}
	tests := map[string]struct {
		lines, vips string
		sysctls     []string
		addresses   []string
	}{
		"IPv4": {"use_vmac", "10.9.0.100/24", append(slices.Clone(v4), "ipv6/conf/vrrp.51/disable_ipv6=1"), nil},
		"IPv4 with an IPv6 address among the excluded": {"use_vmac\nvirtual_ipaddress_excluded {\nfd00::1\n}", "10.9.0.100/24", append(slices.Clone(v4), "ipv6/conf/vrrp.51/disable_ipv6=0"), nil},
		"IPv6": {"use_vmac", "fe80::9:100/64", []string{"ipv6/conf/vrrp.51/disable_ipv6=0"}, []string{"fe80::1/64 dev vrrp.51 scope global nodad preferred_lft 0"}},
		"an ipvlan leaves its parent as it is": {"use_ipvlan vrrp.51 10.9.0.51/24", "10.9.0.100/24",
			[]string{"ipv4/conf/vrrp.51/accept_local=1", "ipv4/conf/vrrp.51/promote_secondaries=1", "ipv4/conf/vrrp.51/rp_filter=0", "ipv6/conf/vrrp.51/disable_ipv6=1"},
			[]string{"10.9.0.51/24 dev vrrp.51 scope global"}},
		"promote_secondaries without one": {"promote_secondaries", "10.9.0.100/24", []string{"ipv4/conf/eth0/promote_secondaries=1"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			conf := configtest.Understood(t, routerOn("eth0", 51, tt.lines, tt.vips)).Config
			d := layOut(conf, network()).desire(host.NewDesired(), map[string]netip.Addr{"eth0": netip.MustParseAddr("fe80::1")})
			var sysctls, addresses []string
			for _, key := range slices.Sorted(maps.Keys(d.Sysctls)) {
				sysctls = append(sysctls, strings.TrimPrefix(key, "net/")+"="+d.Sysctls[key])
			}
			for _, a := range d.Addresses {
				addresses = append(addresses, a.String())
			}
			if diff := cmp.Diff(tt.sysctls, sysctls); diff != "" {
				t.Errorf("sysctls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.addresses, addresses); diff != "" {
				t.Errorf("addresses (-want +got):\n%s", diff)
			}
			if want := slices.Contains(sysctls, "ipv4/conf/vrrp.51/rp_filter=0"); d.SpreadRPFilter != want {
				t.Errorf("moves the filter of all: %v, want %v", d.SpreadRPFilter, want)
			}
		})
	}
}

func TestWhichLinkLocalAddressAVMACTakesOver(t *testing.T) {
	own := layout{links: []ownLink{{VirtualLink: host.VirtualLink{Name: "vrrp.51", Parent: "eth0"}, linkLocal: true}}}
	address := func(a string, tentative bool) host.Address {
		out := host.NewAddress("eth0", netip.MustParsePrefix(a))
		out.Tentative = tentative
		return out
	}
	tests := map[string]struct {
		addrs []host.Address
		want  string
	}{
		"that of its parent":                      {[]host.Address{address("fd00::1/64", false), address("fe80::1/64", false)}, "fe80::1"},
		"not a virtual one":                       {[]host.Address{address("fe80::9:100/64", false), address("fe80::1/64", false)}, "fe80::1"},
		"none while the kernel tests it":          {[]host.Address{address("fe80::1/64", true)}, "invalid IP"},
		"where there is none, that which belongs": {nil, "fe80::ff:fe00:1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := host.NewState()
			s.Links = network()
			for i, a := range tt.addrs {
				a.Order = i
				s.Addresses[a.Key()] = a
			}
			got := own.linkLocals(s, func(a netip.Addr) bool { return a == netip.MustParseAddr("fe80::9:100") })["eth0"]
			if got.String() != tt.want {
				t.Errorf("takes %v over, want %s", got, tt.want)
			}
		})
	}
}

// TestLinksOfTheConfigurationBeforeStayUntilTheirRoutersHaveResigned, unless the
// new configuration needs their place.
func TestLinksOfTheConfigurationBeforeStayUntilTheirRoutersHaveResigned(t *testing.T) {
	lay := func(lines ...string) layout {
		var text string
		for i, l := range lines {
			text += routerOn("eth0", 51+i, l, fmt.Sprintf("10.9.0.10%d/24", i))
		}
		return layOut(configtest.Understood(t, text).Config, network())
	}
	tests := map[string]struct {
		before, after layout
		want          []string
	}{
		"the same":        {lay("use_vmac"), lay("use_vmac"), nil},
		"one goes":        {lay("use_vmac", "use_vmac"), lay("use_vmac"), []string{"vrrp.52"}},
		"another name":    {lay("use_vmac"), lay("use_vmac other0"), nil},
		"another address": {lay("use_vmac"), lay("use_vmac 02:00:00:00:00:99"), nil},
		"none any more":   {lay("use_vmac"), lay(""), []string{"vrrp.51"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, own := range tt.before.without(tt.after) {
				got = append(got, own.Name)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("stay (-want +got):\n%s", d)
			}
			if same := tt.before.sameLinks(tt.after); same != (name == "the same") {
				t.Errorf("counts as the same: %v", same)
			}
		})
	}
}

func TestPacketFiltersAreToldOfVMACsThatExist(t *testing.T) {
	conf := configtest.Understood(t, routerOn("eth0", 51, "use_vmac", "10.9.0.100/24")+routerOn("eth0", 52, "use_vmac", "fe80::1/64")+
		routerOn("eth1", 53, "use_ipvlan 10.8.0.1/24", "10.8.0.100/24")+routerOn("eth1", 54, "use_vmac", "10.8.0.101/24")).Config
	links := network(host.Link{Index: 7, Name: "vrrp.51"}, host.Link{Index: 8, Name: "vrrp.52"}, host.Link{Index: 9, Name: "vrrp.53"})
	want := []vmacIndex{{"vrrp.51", 7, "eth0", 2, true, false}, {"vrrp.52", 8, "eth0", 2, false, true}}
	if d := cmp.Diff(want, layOut(conf, network()).vmacs(links)); d != "" {
		t.Errorf("VMACs (-want +got):\n%s", d)
	}
}

func TestFurtherLinksToAnnounceAgain(t *testing.T) {
	vips := "10.9.0.100/24\n10.8.0.100/24 dev eth1 use_vmac\n10.8.0.101/24 dev eth1 use_vmac\n10.7.0.100/24 dev eth2"
	tests := map[string]struct {
		lines string
		want  []string
	}{
		"off":         {"", nil},
		"VMACs":       {"garp_extra_if 10", []string{"10.8.0.100 on vrrp.51"}},
		"all":         {"garp_extra_if all 10", []string{"10.8.0.100 on vrrp.51", "10.7.0.100 on eth2"}},
		"not its own": {"use_vmac\ngarp_extra_if 10", []string{"10.8.0.100 on vrrp1.51"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			conf := configtest.Understood(t, routerOn("eth0", 51, tt.lines, vips)).Config
			var got []string
			for _, e := range layOut(conf, network()).extrasOf(conf) {
				for _, a := range e.addrs {
					got = append(got, fmt.Sprintf("%v on %s", a.addr, a.link))
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("announced again (-want +got):\n%s", d)
			}
		})
	}
}

func TestARouterWhoseLinkCannotBeMadeIsInFault(t *testing.T) {
	tr := newTracking()
	tr.configure([]*tracked{{name: "VI_1", base: 100}})
	got := tr.setMissing(map[string]string{"VI_1": "vrrp.51"})
	got = append(got, tr.setMissing(nil)...)
	want := []instanceEvent{{"VI_1", vrrp.FaultRaised{Why: vrrp.ByInterface, Of: "vrrp.51"}}, {"VI_1", vrrp.FaultCleared{Why: vrrp.ByInterface, Of: "vrrp.51"}}}
	if !slices.Equal(got, want) {
		t.Errorf("events %+v, want %+v", got, want)
	}
}

func TestLinesAboutLinksAreThoseOfKeepalived(t *testing.T) {
	l := host.VirtualLink{Name: "vrrp.51", Kind: host.MACVLAN, Alias: "holdfast VI_1"}
	for want, op := range map[string]host.Op{
		"(VI_1): Success creating VMAC interface vrrp.51": {Verb: host.Add, Link: &l},
		"(VI_1): Success removing VMAC interface vrrp.51": {Verb: host.Del, Link: &l},
	} {
		if got := linkText(op); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
