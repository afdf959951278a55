package doctor

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRulesAtTheirEdges: what else breaks a rule, and what comes close to it and
// must not be found. Each case is about one rule only.
func TestRulesAtTheirEdges(t *testing.T) {
	for _, c := range []struct {
		name, rule, text string
		want             int
	}{
		{"a tracker of weight 0 goes with nopreempt", "nopreempt-with-weight", conf(router("nopreempt; track_interface { eth1 }")), 0},
		{"an interface with weight does not", "nopreempt-with-weight", conf(router("nopreempt; track_interface { eth1 weight -10 }")), 1},
		{"the owner has the address as its own", "owner-without-address", conf(router("priority 255; virtual_ipaddress { 192.0.2.2/24 }")), 0},
		{"the owner may have its own address as virtual one", "address-of-this-node", conf(router("priority 255; virtual_ipaddress { 192.0.2.2/24 }")), 0},
		{"one id on two links is two routers", "vrid-used-again", conf(router("unicast_peer { 192.0.2.3 }"), second("virtual_router_id 51")), 0},
		{"one id with other peers is another router", "vrid-used-again", conf(router("unicast_peer { 192.0.2.3 }"), named("VI_2", "unicast_peer { 192.0.2.4 }; virtual_ipaddress { 192.0.2.101/24 }")), 0},
		{"unicast and multicast with one id", "vrid-used-again", conf(router("unicast_peer { 192.0.2.3 }"), named("VI_2", "virtual_ipaddress { 192.0.2.101/24 }")), 1},
		{"a VLAN is another segment", "vrid-on-stacked-links", conf(router(""), named("VI_2", "interface eth0.10; virtual_ipaddress { 203.0.113.100/24 }")), 0},
		{"a macvlan is the same segment as what it lies on", "vrid-on-stacked-links", conf(router(""), named("VI_2", "interface mv0; virtual_ipaddress { 192.0.2.101/24 }")), 1},
		{"a quarter of a second is not eager", "takeover-too-eager", conf(router("version 3; advert_int 0.05")), 0},
		{"strict_mode off goes before vrrp_strict", "strict-drops-traffic", conf("global_defs { vrrp_strict }", router("strict_mode off")), 0},
		{"vrrp_strict off is off", "strict-drops-traffic", conf("global_defs { vrrp_strict off }", router("")), 0},
		{"strict_mode alone", "strict-drops-traffic", conf(router("strict_mode on")), 1},
		{"accept does not help version 2", "strict-drops-traffic", conf("global_defs { vrrp_strict }", router("accept")), 1},
		{"strict undoes a password", "strict-overrides", conf("global_defs { vrrp_strict }", router("authentication { auth_type PASS; auth_pass x }; preempt_delay 3")), 2},

		{"a static source is there", "source-not-here", conf("static_ipaddress { 192.0.2.9/24 dev eth0 }", router("unicast_src_ip 192.0.2.9; unicast_peer { 192.0.2.3 }")), 0},
		{"one address needs no source", "source-left-to-chance", conf(router("unicast_peer { 192.0.2.3 }")), 0},
		{"two addresses of a family need no source for multicast", "source-left-to-chance", conf(router("interface eth2; virtual_ipaddress { 203.0.113.100/25 }")), 0},
		{"a link-local address beside another is usual", "source-left-to-chance", conf(router("virtual_ipaddress { fe80::100/64; 2001:db8::100/64 }; unicast_peer { 2001:db8::3 }")), 0},
		{"another address of this machine as peer", "names-itself-as-peer", conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 198.51.100.2 }")), 1},
		{"a peer in the subnet needs no TTL", "distant-peer-unchecked", conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.200 }")), 0},

		{"a subnet of its own needs none of the link", "address-outside-subnets", conf(router("virtual_ipaddress { 198.51.100.100/24 }")), 0},
		{"dev says where it goes", "address-outside-subnets", conf(router("virtual_ipaddress { 198.51.100.100 dev eth1 }")), 0},
		{"another virtual address brings the subnet", "address-outside-subnets", conf(router("virtual_ipaddress { 198.51.100.99/24; 198.51.100.100 }")), 0},
		{"excluded addresses count too", "address-outside-subnets", conf(router("virtual_ipaddress_excluded { 198.51.100.100 }")), 1},
		{"an IPv6 address without length is never a source", "address-without-length", conf(router("virtual_ipaddress { 2001:db8::100 }")), 0},
		{"/32 that is written is meant", "address-without-length", conf(router("virtual_ipaddress { 192.0.2.100/32 }")), 0},
		{"/32 in a subnet is not another length", "address-with-other-length", conf(router("virtual_ipaddress { 192.0.2.100/32 }")), 0},
		{"noprefixroute makes no second route", "address-with-other-length", conf(router("virtual_ipaddress { 192.0.2.100/16 noprefixroute }")), 0},
		{"the last of a subnet", "address-of-the-subnet", conf(router("virtual_ipaddress { 192.0.2.127/25 }")), 1},
		{"a /31 has no broadcast address", "address-of-the-subnet", conf(router("virtual_ipaddress { 192.0.2.1/31 }")), 0},
		{"one link-local address on two links is two", "address-in-two-instances", conf(router("virtual_ipaddress { fe80::100/64 }"), second("virtual_ipaddress { fe80::100/64 }")), 0},
		{"a sorry server on another port of the address", "address-is-sorry-server", conf(router(""), service("sorry_server 192.0.2.100 8080")), 0},

		{"weight 20 on priority 254 with a negative one", "weight-moves-nothing", conf(secure, script("weight 20"), router("priority 254; track_script { chk }; track_interface { eth1 weight -30 }")), 0},
		{"a file may bring the priority down first", "weight-moves-nothing", conf(secure, "track_file f { file /f }", script("weight 20"), router("priority 254; track_script { chk }; track_file { f weight -1 }")), 0},
		{"a file may make up for the rest", "weight-may-not-suffice", conf(secure, "track_file f { file /f }", script("weight -2"), router("priority 150; track_script { chk }; track_file { f weight -1 }")), 0},
		{"a negative weight on priority 1", "weight-moves-nothing", conf(secure, script("weight -5"), router("priority 1; track_script { chk }")), 1},
		{"the weight of the line goes before the script's", "weight-moves-nothing", conf(secure, script("weight 20"), router("priority 254; track_script { chk weight -20 }")), 0},
		{"101 and 2 is the usual pair with 100 and 2", "weight-may-not-suffice", conf(secure, script("weight 2"), router("priority 101; track_script { chk }")), 0},
		{"150 and 2 is not", "weight-may-not-suffice", conf(secure, script("weight 2"), router("priority 150; track_script { chk }")), 1},
		{"a backup below 100", "weight-may-not-suffice", conf(secure, script("weight -2"), router("priority 90; track_script { chk }")), 0},
		{"two weights above 254", "weight-out-of-range", conf(secure, script("weight 100"), router("priority 200; track_script { chk }")), 1},
		{"weight 0 on the line", "weight-nought-is-fault", conf(secure, script("weight 5"), router("track_script { chk weight 0 }")), 1},
		{"a sync group makes weights 0, nobody wrote that", "weight-nought-is-fault", conf(router("track_interface { eth1 weight -5 }"), second(""), "vrrp_sync_group G { group { VI_1; VI_2 } }"), 0},
		{"a reverse positive weight", "weight-turned-twice", conf(secure, script("weight 60 reverse"), router("track_script { chk }")), 0},
		{"a timeout that three failures allow for", "script-outlasts-failures", conf(secure, script("interval 2; timeout 5; fall 3"), router("track_script { chk }")), 0},

		{"root by script_user", "script-runs-as-root", conf("global_defs { enable_script_security; script_user root }", "vrrp_script chk { script /usr/local/bin/chk }", router("track_script { chk }")), 1},
		{"sh -c reads shell syntax", "no-shell-here", conf(secure, script(`script "/bin/sh -c 'a && b'"`), router("track_script { chk }")), 0},
		{"a MISC_CHECK with a pipe", "no-shell-here", conf(secure, service(`real_server 198.51.100.11 80 { MISC_CHECK { misc_path "/usr/local/bin/chk | /usr/local/bin/more"; user nobody } }`)), 1},

		{"a group has the address of another service", "service-stands-twice", conf("virtual_server_group G { 192.0.2.100 80; 192.0.2.101 80 }",
			"virtual_server group G { lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } } }", service("")), 1},
		{"the port behind a mark is the check's", "port-cannot-change", conf("virtual_server fwmark 1 { lvs_sched rr; lvs_method DR; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } } }"), 0},
		{"a balancer without VRRP", "service-without-address", conf(with("virtual_server 203.0.113.250 80", "lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } }", "")), 0},
		{"an address of the machine", "service-without-address", conf(router("virtual_ipaddress { 192.0.2.200/24 }"), "virtual_server 192.0.2.2 80 { lvs_sched rr; lvs_method NAT; protocol TCP; real_server 198.51.100.11 80 { TCP_CHECK { connect_timeout 2 } } }"), 0},
		{"one server of two without weight", "all-weights-nought", conf(service("real_server 198.51.100.11 80 { weight 0; TCP_CHECK { } }; real_server 198.51.100.12 80 { TCP_CHECK { } }")), 0},
		{"inhibit without persistence", "dead-server-keeps-clients", conf(service("inhibit_on_failure")), 0},
		{"inhibit of one server", "dead-server-keeps-clients", conf(service("persistence_timeout 300; real_server 198.51.100.11 80 { inhibit_on_failure; TCP_CHECK { } }")), 1},

		{"the default timeout is longer than the period, said once", "check-outlasts-its-period", conf(service("delay_loop 2; real_server 198.51.100.11 80 { TCP_CHECK { } }; real_server 198.51.100.12 80 { TCP_CHECK { } }")), 1},
		{"a program check has no connect_timeout", "check-outlasts-its-period", conf(secure, service("delay_loop 2; real_server 198.51.100.11 80 { MISC_CHECK { misc_path /usr/local/bin/chk } }")), 0},
		{"two ports of one host", "asks-another-host", conf(service("real_server 198.51.100.11 80 { TCP_CHECK { connect_port 80 } }; real_server 198.51.100.11 81 { TCP_CHECK { connect_port 80 } }")), 0},
		{"a regex looks at the page", "page-not-looked-at", conf(service("real_server 198.51.100.11 80 { HTTP_GET { url { path /; regex ok } } }")), 0},
		{"a second check beside UDP_CHECK", "reply-not-waited-for", conf(service("protocol UDP; real_server 198.51.100.11 80 { UDP_CHECK { }; PING_CHECK { } }")), 0},

		{"smtp_alert off", "alerts-to-nobody", conf(router("smtp_alert off")), 0},
		{"default_interface is set", "static-on-default-link", conf("global_defs { default_interface eth1 }", "static_ipaddress { 192.0.2.10/24 }", router("")), 0},
		{"a keyword is named once", "newer-than-wanted", conf(router("version 3; v3_checksum_as_v2"), second("version 3; v3_checksum_as_v2")), 1},
		{"a plain name that is missing is the reading's", "nothing-to-include", conf("include missing.conf", router("")), 0},
		{"includew reports it itself", "nothing-to-include", conf("includew conf.d/*.missing", router("")), 0},
		{"only virtual servers", "nothing-to-do", conf(service("")), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := of(Examine(input(t, "k.conf", c.text)), c.rule); len(got) != c.want {
				t.Errorf("%s: %d findings, want %d: %q\n%s", c.rule, len(got), c.want, got, c.text)
			}
		})
	}
}

// TestOnAMachineThatIsNotKnown nothing is said that depends on it.
func TestOnAMachineThatIsNotKnown(t *testing.T) {
	for _, r := range Rules() {
		if r.Find == nil || r.Theme != Addresses {
			continue
		}
		in := input(t, "k.conf", r.Bad)
		in.Machine = nil
		needs := slices.Contains([]string{"address-outside-subnets", "address-without-route", "address-without-length", "address-with-other-length",
			"address-of-this-node", "link-is-down"}, r.ID)
		if got := of(Examine(in), r.ID); (len(got) == 0) != needs {
			t.Errorf("%s: %q", r.ID, got)
		}
	}
}

// TestCompareMatchesRouters by family and id, then by link and name.
func TestCompareMatchesRouters(t *testing.T) {
	here := input(t, "a", conf(router(""), named("VI_X", "interface eth1; virtual_ipaddress { 198.51.100.100/24 }"), named("VI_6", "virtual_ipaddress { fe80::100/64 }")))
	there := input(t, "b", conf(named("B_1", "interface bond1; virtual_ipaddress { 198.51.100.100/24 }"), named("B_0", ""), named("B_6", "virtual_ipaddress { fe80::100/64 }")))
	c := compare(here, there)
	got := map[string]string{}
	for _, p := range c.Routers {
		got[p.Here.Name] = p.There.Name
	}
	want := map[string]string{"VI_1": "B_0", "VI_X": "B_1", "VI_6": "B_6"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(c.OnlyHere)+len(c.OnlyThere) > 0 {
		t.Errorf("left over: %v %v", c.OnlyHere, c.OnlyThere)
	}
}

// TestCompareSaysWhatIsWrongWithAPair for pairs of whole files.
func TestCompareSaysWhatIsWrongWithAPair(t *testing.T) {
	for name, c := range map[string]struct {
		here, there string
		want        []string
	}{
		"the same file but for the priority": {conf(router("priority 100")), conf(router("priority 50")), nil},
		"a copied file":                      {conf(router("")), conf(router("")), []string{"peer-priority-equal"}},
		"the same addresses in another order": {conf(router("virtual_ipaddress { 192.0.2.100/24; 192.0.2.101/24 }")),
			conf(router("priority 50; virtual_ipaddress { 192.0.2.101/24; 192.0.2.100/24 }")), nil},
		"unicast the right way round": {conf(router("unicast_src_ip 192.0.2.2; unicast_peer { 192.0.2.3 }")),
			conf(router("priority 50; unicast_src_ip 192.0.2.3; unicast_peer { 192.0.2.2 }")), nil},
		"weights that tie": {conf(secure, script("weight -10"), router("priority 110; track_script { chk }")), conf(router("priority 100")),
			[]string{"peer-weight-moves-nothing"}},
		"weights on both that suffice": {conf(secure, script("weight 2"), router("priority 101; track_script { chk }")),
			conf(secure, script("weight 2"), router("priority 100; track_script { chk }")), nil},
		"weights of the other node that do not": {conf(router("priority 100")), conf(secure, script("weight -10"), router("priority 150; track_script { chk }")),
			[]string{"peer-weight-moves-nothing"}},
		"a file that may make up for a small weight": {conf(secure, "track_file f { file /f }", script("weight -2"), router("priority 150; track_script { chk }; track_file { f weight -1 }")),
			conf(router("priority 100")), nil},
		"a fault needs no weight": {conf(secure, script(""), router("priority 150; track_script { chk }")), conf(router("priority 100")), nil},
		"everything different in version 2": {conf(router("priority 100; advert_int 1; authentication { auth_type PASS; auth_pass a }")),
			conf(router("priority 100; advert_int 2")), []string{"peer-interval-differs", "peer-password-differs", "peer-priority-equal"}},
		"AH and a password": {conf(router("authentication { auth_type AH; auth_pass a }")), conf(router("priority 50; authentication { auth_type PASS; auth_pass a }")),
			[]string{"peer-password-differs"}},
		"a router of one node with the peer's addresses missing": {conf(router("")), conf(router("priority 50"), second("")), []string{"peer-router-missing"}},
		"a service of the other node":                            {conf(router("")), conf(router("priority 50"), service("")), []string{"peer-service-missing"}},
		"other weights": {conf(router(""), service("")), conf(router("priority 50"), service("real_server 198.51.100.11 80 { weight 7; TCP_CHECK { } }")),
			[]string{"peer-servers-differ"}},
		"tunnel, persistence and quorum": {conf(router(""), service("lvs_method TUN; persistence_timeout 60; sorry_server 198.51.100.99 80")), conf(router("priority 50"), service("lvs_method DR")),
			[]string{"peer-service-differs", "peer-service-differs", "peer-service-differs"}},
		"version 3 with other intervals": {conf(router("version 3; advert_int 1")), conf(router("priority 50; version 3; advert_int 0.5")), []string{"peer-interval-differs"}},
		"nopreempt here, weights there": {conf(router("nopreempt; priority 100")), conf(secure, script("weight -60"), router("priority 150; nopreempt; track_script { chk }")),
			[]string{"peer-ignores-weight"}},
		"a misspelt address": {conf(router("virtual_ipaddress { 192.0.2.100/24; 192.0.2.110/24 }")),
			conf(router("priority 50; virtual_ipaddress { 192.0.2.100/24; 192.0.2.101/24 }")), []string{"peer-addresses-differ"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range Compare(input(t, "a", c.here), input(t, "b", c.there)) {
				got = append(got, d.ID)
			}
			slices.Sort(got)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
