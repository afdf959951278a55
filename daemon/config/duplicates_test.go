package config_test

import "testing"

const (
	peerNine  = "unicast_peer {\n10.9.0.9\n}"
	peerEight = "unicast_peer {\n10.9.0.8\n}"
	dynamic   = "global_defs {\ndynamic_interfaces allow_if_changes\n}\n"
)

// TestTwoInstancesOfOneVRID: when they would be the same virtual router, and
// when others can tell them apart. Verdicts are those of keepalived 2.2.7.
func TestTwoInstancesOfOneVRID(t *testing.T) {
	vrf := func(name, vrf string) string {
		return "vrrp_instance " + name + " {\n\nvirtual_router_id 51\nvrf " + vrf + "\nunicast_src_ip 10.9.0.3\n" + peerNine + "\nvirtual_ipaddress {\n10.9.0.77 dev eth0\n}\n}\n"
	}
	checkCross(t, map[string]crossRule{
		"multicast, same interface, same group": {text: router("A", 51) + router("B", 51), status: 5, stops: true, says: "11:19: vrrp_instance B: virtual_router_id 51 on eth0 is that of A too (see 3:19)"},
		"of three, two are said to be too many": {text: router("A", 51) + router("B", 51) + router("C", 51), status: 5, stops: true, says: "11:19: vrrp_instance B: virtual_router_id 51 on eth0 is that of A too (see 3:19)\n19:19: vrrp_instance C: virtual_router_id 51 on eth0 is that of A too (see 3:19)"},
		"another interface":                     {text: router("A", 51) + router("B", 51, "interface eth1")},
		"multicast with another mcast_dst_ip":   {text: router("A", 51, "mcast_dst_ip 224.0.0.55") + router("B", 51)},
		"one unicast, one multicast":            {text: router("A", 51, peerNine) + router("B", 51)},
		"unicast on different interfaces":       {text: router("A", 51, peerNine, "unicast_src_ip 10.9.0.3") + router("B", 51, peerNine, "unicast_src_ip 10.9.0.3", "interface eth1")},
		"unicast in different VRFs":             {text: dynamic + vrf("A", "red") + vrf("B", "blue")},
		"unicast in one VRF":                    {text: dynamic + vrf("A", "red") + vrf("B", "red"), status: 5, stops: true, says: "18:19: vrrp_instance B: A sends with virtual_router_id 51 to the same peer (see 6:19)"},
		"unicast from different addresses":      {text: router("A", 51, peerNine, "unicast_src_ip 10.9.0.3") + router("B", 51, peerNine, "unicast_src_ip 10.9.0.4")},
		"unicast, a common peer":                {text: router("A", 51, "unicast_peer {\n10.9.0.8\n10.9.0.9\n}") + router("B", 51, peerNine), status: 5, stops: true, says: "14:19: vrrp_instance B: A sends with virtual_router_id 51 to the same peer (see 3:19)"},
		"unicast, the address written once":     {text: router("A", 51, peerNine, "unicast_src_ip 10.9.0.2") + router("B", 51, peerNine), status: 5, stops: true, says: "14:19: vrrp_instance B: A sends with virtual_router_id 51 to the same peer (see 3:19)"},
		"unicast, disjoint peers":               {text: router("A", 51, peerNine) + router("B", 51, peerEight)},
		"IPv4 and IPv6":                         {text: router("A", 51) + "vrrp_instance B {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\nfe80::1\n}\n}\n"},
		"an interface that may change":          {text: dynamic + router("A", 51, "interface mac0") + router("B", 51, "interface mac0"), value: faults, want: "B", says: "14:19: note: vrrp_instance B: virtual_router_id 51 on mac0 is that of A too; it stays in FAULT until the interface changes (see 6:19)"},
		"an interface that never changes":       {text: dynamic + router("A", 51) + router("B", 51), status: 5, stops: true, says: "14:19: vrrp_instance B: virtual_router_id 51 on eth0 is that of A too (see 6:19)"},
		"an interface that is not there yet":    {text: dynamic + router("A", 51, "interface eth7") + router("B", 51, "interface eth7"), value: faults, want: ""},
	})
}

// TestTwoInstancesOnOneVMAC: addresses on one interface cannot come and go with
// two masters.
func TestTwoInstancesOnOneVMAC(t *testing.T) {
	onOther := "virtual_ipaddress_excluded {\n10.9.8.1 dev eth1 use_vmac\n}"
	second := "virtual_ipaddress_excluded {\n10.9.8.2 dev eth1 use_vmac\n}"
	checkCross(t, map[string]crossRule{
		"the same VMAC on a third link":    {text: router("A", 51, peerNine, onOther) + router("B", 51, peerEight, second), value: faults, want: "B", says: "24:1: note: vrrp_instance B: uses the VMAC of A, which is not in its sync group; it stays in FAULT (see 1:1)"},
		"in one sync group":                {text: router("A", 51, peerNine, onOther) + router("B", 51, peerEight, second) + syncGroup(), value: faults, want: ""},
		"other VRIDs have other VMACs":     {text: router("A", 51, onOther) + router("B", 52, second), value: faults, want: ""},
		"other links have other VMACs":     {text: router("A", 51, "use_vmac") + router("B", 51, "use_vmac", "interface eth1"), value: faults, want: ""},
		"a name that another VMAC has":     {text: router("A", 51, "use_vmac vm") + router("B", 52, "use_vmac vm"), status: 5, value: faults, want: "", says: "15:10: vrrp_instance B: use_vmac vm is the name of the VMAC of A, another is made up (see 7:10)"},
		"an address put there by its name": {text: router("A", 51, "use_vmac mac0") + router("B", 52, "virtual_ipaddress_excluded {\n10.9.8.2 dev mac0\n}", "use_vmac"), value: faults, want: ""},
	})
}

// TestAnAddressStandsOnce: keepalived since 2.4; 2.2.7 says nothing.
func TestAnAddressStandsOnce(t *testing.T) {
	list := func(addresses, excluded string) string {
		return "vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\n" + addresses + "\n}\nvirtual_ipaddress_excluded {\n" + excluded + "\n}\n}\n"
	}
	checkCross(t, map[string]crossRule{
		"twice":                       {text: list("10.9.0.1\n10.9.0.1/24", "10.9.0.3"), value: placed, want: "10.9.0.1/32 | 10.9.0.3/32", says: "6:1: note: vrrp_instance A: 10.9.0.1 is there already, this line is not used (see 5:1)"},
		"excluded on the same link":   {text: list("10.9.0.1", "10.9.0.1"), value: placed, want: "10.9.0.1/32 | ", says: "8:1: note: vrrp_instance A: 10.9.0.1 is there already, this line is not used (see 5:1)"},
		"excluded on another link":    {text: list("10.9.0.1", "10.9.0.1 dev eth1"), value: placed, want: "10.9.0.1/32 | 10.9.0.1/32"},
		"excluded twice on one link":  {text: list("10.9.0.1", "10.9.0.2\n10.9.0.2"), value: placed, want: "10.9.0.1/32 | 10.9.0.2/32", says: "9:1: note: vrrp_instance A: 10.9.0.2 is there already, this line is not used (see 8:1)"},
		"excluded once on each":       {text: list("10.9.0.1", "10.9.0.2\n10.9.0.2 dev eth1"), value: placed, want: "10.9.0.1/32 | 10.9.0.2/32 10.9.0.2/32"},
		"in two instances: no matter": {text: router("A", 51) + router("B", 52, "virtual_ipaddress {\n10.9.0.51\n}")},
	})
}
