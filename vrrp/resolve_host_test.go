package vrrp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"holdfast/kconf"
)

// many is a virtual_ipaddress block of n addresses.
func many(n int, format string) string {
	var b strings.Builder
	b.WriteString("virtual_ipaddress {\n")
	for i := range n {
		fmt.Fprintf(&b, format+"\n", i/200, 1+i%200)
	}
	return b.String() + "}\n"
}

func shares(o Resolved) any { return [2]int{len(o.Params.Addrs), len(o.Excess)} }

const carried = "virtual_ipaddress {\n10.9.0.100 dev eth1\n}\n" // an address that needs no interface of the instance

func mtu(n int) func(*Surroundings) {
	l := ethernet
	l.MTU = n
	return linkIs("eth0", l)
}

var hostRules = map[string]ruleCase{
	// 2.2.7 refuses every instance without an interface
	"22 without interface, unicast needs a source": {body: "virtual_router_id 51\nunicast_peer {\n10.9.0.2\n}\n" + carried, got: stops, want: "vrrp_instance VI_1: without an interface, unicast needs unicast_src_ip",
		says: "1:1: vrrp_instance VI_1: without an interface, unicast needs unicast_src_ip", status: 5},
	"22 with one it can start": {body: "virtual_router_id 51\n" + withPeers + carried, got: stops, want: ""},
	"23 a link-local source needs an interface": {body: "virtual_router_id 51\nunicast_src_ip fe80::1\nunicast_peer {\nfe80::2\n}\nvirtual_ipaddress {\nfe80::100 dev eth1\n}\n", got: stops, want: "vrrp_instance VI_1: fe80::1 is link-local and needs an interface",
		says: "3:16: vrrp_instance VI_1: fe80::1 is link-local and needs an interface", status: 5},
	"23 another IPv6 source does not": {body: "virtual_router_id 51\nunicast_src_ip fd00::1\nunicast_peer {\nfd00::2\n}\nvirtual_ipaddress {\nfe80::100 dev eth1\n}\n", got: stops, want: ""},
	"24 strict, a MAC of its own": {body: must + strict + "use_vmac v1 02:00:00:00:00:01\n" + vip, got: func(o Resolved) any { return len(o.VMAC.MAC) }, want: 0,
		says: "5:10: warning: use_vmac: strict mode has the MAC address of the RFC only, which is used", status: 5},
	"24 not strict, five octets and the VRID": {body: must + "use_vmac 02:00:00:00:00\n" + vip, got: func(o Resolved) any { return o.VMAC.MAC }, want: []byte{2, 0, 0, 0, 0, 51}},
	"25 a VMAC where there is no Ethernet": {body: must + "use_vmac\n" + vip, around: linkIs("eth0", LinkInfo{Multicast: true}), got: func(o Resolved) any { return []any{o.VMAC != nil, o.Params.ConfigFault} },
		want: []any{false, "VMAC on an interface that is not Ethernet"}, says: "4:1: use_vmac: eth0 is no Ethernet interface, the instance stays in FAULT", status: 5},
	"25 a VMAC on Ethernet": {body: must + "use_vmac\n" + vip, around: linkIs("eth0", ethernet), got: hasVMAC, want: true},
	"26 an interface without multicast": {body: must + vip, around: linkIs("eth0", LinkInfo{Ethernet: true}), got: fault, want: "interface without multicast",
		says: "3:11: interface eth0: has no multicast, use unicast_peer; the instance stays in FAULT", status: 5},
	"26 with peers": {body: must + withPeers + vip, around: linkIs("eth0", LinkInfo{Ethernet: true}), got: fault, want: ""},
	"27 an IPv6 address that is not link-local": {body: must + "virtual_ipaddress {\nfd00::1\n}\n",
		says: "5:1: note: vrrp_instance VI_1: the first IPv6 address, fd00::1, should be link-local (RFC 9568 section 5.2.9)"},
	"27 when strict": {body: must + strict + "virtual_ipaddress {\nfd00::1\n}\n", got: stops, want: "",
		says: "6:1: warning: vrrp_instance VI_1: the first IPv6 address, fd00::1, should be link-local (RFC 9568 section 5.2.9)", status: 5},
	"27 only the first counts":  {body: must + strict + "virtual_ipaddress {\nfe80::1\nfd00::1\n}\n"},
	"27 and only for multicast": {body: must + "unicast_src_ip fd00::2\nunicast_peer {\nfd00::3\n}\nvirtual_ipaddress {\nfd00::1\n}\n"},
	"28 a vrf without peers": {body: "virtual_router_id 51\nvrf red\nunicast_src_ip 10.9.0.1\n" + carried, got: func(o Resolved) any { return o.VRF }, want: "",
		says: "1:1: vrrp_instance VI_1: interface is missing\n1:1: warning: vrrp_instance VI_1: unicast without unicast_peer, multicast is used\n3:5: vrf red: ignored, it is for unicast and there is no unicast_peer", status: 5},
	"28 a vrf with peers":           {body: "virtual_router_id 51\nvrf red\n" + withPeers + carried, got: func(o Resolved) any { return o.VRF }, want: "red"},
	"29 255 addresses fit":          {body: must + many(255, "10.8.%d.%d"), around: mtu(1500), got: shares, want: [2]int{255, 0}},
	"29 256 do not":                 {body: must + many(256, "10.8.%d.%d"), around: mtu(1500), got: shares, want: [2]int{255, 1}, says: "260:1: vrrp_instance VI_1: 256 addresses, an advert has room for 255; the others are treated as virtual_ipaddress_excluded", status: 5},
	"29 even if no MTU is known":    {body: must + many(256, "10.8.%d.%d"), got: shares, want: [2]int{255, 1}, says: "260:1: vrrp_instance VI_1: 256 addresses, an advert has room for 255; the others are treated as virtual_ipaddress_excluded", status: 5},
	"29 25 addresses fit":           {body: must + many(25, "10.8.%d.%d"), around: mtu(1500), got: shares, want: [2]int{25, 0}},
	"29 89 IPv6 addresses fit":      {body: must + many(89, "fe80::%d:%d"), around: mtu(1500), got: shares, want: [2]int{89, 0}}, // (1500 - 14 - 40 - 8) / 16 = 89.9
	"29 90 do not":                  {body: must + many(90, "fe80::%d:%d"), around: mtu(1500), got: shares, want: [2]int{89, 1}, says: "94:1: vrrp_instance VI_1: 90 addresses, an advert has room for 89; the others are treated as virtual_ipaddress_excluded", status: 5},
	"29 a password takes room":      {body: must + many(14, "10.8.%d.%d"), around: mtu(106), got: shares, want: [2]int{14, 0}}, // (106 - 14 - 20 - 8 - 8) / 4 = 14
	"29 one more has none":          {body: must + many(15, "10.8.%d.%d"), around: mtu(106), got: shares, want: [2]int{14, 1}, says: "19:1: vrrp_instance VI_1: 15 addresses, an advert has room for 14; the others are treated as virtual_ipaddress_excluded", status: 5},
	"29 version 3 has no password":  {body: must + "version 3\n" + many(16, "10.8.%d.%d"), around: mtu(106), got: shares, want: [2]int{16, 0}},                                                                                                                                                                                     // (106 - 14 - 20 - 8) / 4 = 16
	"29 a trailer takes room":       {body: must + "version 3\nauth_hmac {\n" + key1 + "active_key 1\n}\n" + many(10, "10.8.%d.%d"), around: mtu(106), got: shares, want: [2]int{9, 1}, says: "19:1: vrrp_instance VI_1: 10 addresses, an advert has room for 9; the others are treated as virtual_ipaddress_excluded", status: 5}, // (106 - 14 - 20 - 8 - 28) / 4 = 9
	"55 track_src_ip and no source": {body: must + "track_src_ip\n" + vip, got: func(o Resolved) any { return o.TrackSrcIP }, want: false},
	"55 track_src_ip":               {body: must + "track_src_ip\nmcast_src_ip 10.9.0.1\n" + vip, got: func(o Resolved) any { return o.TrackSrcIP }, want: true},
	"56 the name of another interface": {body: must + "use_vmac eth1\n" + vip, around: linkIs("eth1", ethernet), got: func(o Resolved) any { return o.VMAC.Name }, want: "",
		says: "4:10: use_vmac: interface eth1 is there and is no private macvlan, another name is used", status: 5},
	"56 the name of a VMAC":       {body: must + "use_vmac v1\n" + vip, around: linkIs("v1", LinkInfo{PrivateVMAC: true}), got: func(o Resolved) any { return o.VMAC.Name }, want: "v1"},
	"57 strict, vmac_xmit_base":   {body: must + strict + "use_vmac\nvmac_xmit_base\n" + vip, got: xmitBase, want: false, says: "6:1: warning: vmac_xmit_base: strict mode sends from the VMAC, ignored", status: 5},
	"57 not strict":               {body: must + "use_vmac\nvmac_xmit_base\n" + vip, got: xmitBase, want: true},
	"58 promote_secondaries":      {body: must + "promote_secondaries\n" + vip, got: func(o Resolved) any { return o.PromoteSecondaries }, want: true},
	"58 with a VMAC":              {body: must + "use_vmac\npromote_secondaries\n" + vip, got: func(o Resolved) any { return o.PromoteSecondaries }, want: false, says: "5:1: warning: promote_secondaries: is on anyway for an interface of its own, ignored", status: 5},
	"59 ipvlan without address":   {body: must + "use_ipvlan\n" + vip, got: fault, want: "ipvlan without address", says: "4:1: use_ipvlan: needs an address of the family of its adverts, the instance stays in FAULT", status: 5},
	"59 ipvlan with one":          {body: must + "use_ipvlan 10.9.0.5\n" + vip, got: func(o Resolved) any { return o.Params.PrimaryAddr }, want: netip.MustParseAddr("10.9.0.5")},
	"59 of the other family":      {body: must + vip + "use_ipvlan fd00::5\n", got: fault, want: "ipvlan without address", says: "7:12: vrrp_instance VI_1: fd00::5 is of another family than 10.9.0.100\n7:12: use_ipvlan: needs an address of the family of its adverts, the instance stays in FAULT", status: 5},
	"59 IPv6 needs none":          {body: must + "use_ipvlan\n" + vip6, got: fault, want: ""},
	"61 xmit_base without VMAC":   {body: must + "vmac_xmit_base\n" + vip, got: xmitBase, want: false, says: "4:1: warning: vmac_xmit_base: there is no use_vmac, ignored", status: 5},
	"62 a VMAC asked for twice":   {body: must + "use_vmac\nvirtual_ipaddress {\n10.9.0.100 use_vmac\n}\n", says: "6:12: 10.9.0.100: use_vmac has no effect, the address is on a VMAC anyway", status: 5},
	"62 on its own interface":     {body: must + "use_vmac\nvirtual_ipaddress {\n10.9.0.100 dev eth0 use_vmac\n}\n", says: "6:21: 10.9.0.100: use_vmac has no effect, the address is on a VMAC anyway", status: 5},
	"62 with use_vmac_addr":       {body: must + "use_vmac_addr\nvirtual_ipaddress {\n10.9.0.100 dev eth1 use_vmac\n}\n", says: "6:21: 10.9.0.100: use_vmac has no effect, the address is on a VMAC anyway", status: 5},
	"62 on another interface":     {body: must + "use_vmac\nvirtual_ipaddress {\n10.9.0.100 dev eth1 use_vmac\n}\n"},
	"63 nothing carries it":       {body: "virtual_router_id 51\n" + withPeers + "virtual_ipaddress {\n10.9.0.100\n10.9.0.101 dev eth1\n}\n", got: addresses, want: addrs("10.9.0.101"), says: "8:1: 10.9.0.100: no interface carries it, say dev; the address is left out", status: 5},
	"63 it is left out":           {body: "virtual_router_id 51\n" + withPeers + "virtual_ipaddress {\n10.9.0.100\n10.9.0.101 dev eth1\n}\n", got: func(o Resolved) any { return o.Dropped }, want: addrs("10.9.0.100"), says: "8:1: 10.9.0.100: no interface carries it, say dev; the address is left out", status: 5},
	"64 no extra interface":       {body: must + "garp_extra_if all 10\n" + vip, got: extra, want: (*ExtraGARP)(nil)},
	"64 an extra interface":       {body: must + "garp_extra_if all 10\n" + carried, got: extra, want: &ExtraGARP{All: true, Every: 10 * time.Second}},
	"64 that is no VMAC":          {body: must + "garp_extra_if 10\n" + carried, got: extra, want: (*ExtraGARP)(nil)},
	"64 that is a VMAC":           {body: must + "garp_extra_if 10\nuse_vmac_addr\n" + carried, got: extra, want: &ExtraGARP{Every: 10 * time.Second}},
	"64 from global_defs":         {body: must + carried, global: func(d *Defaults) { d.ExtraGARP = &ExtraGARP{All: true, Every: time.Minute} }, got: extra, want: &ExtraGARP{All: true, Every: time.Minute}},
	"64 switched off":             {body: must + "garp_extra_if 0\n" + carried, global: func(d *Defaults) { d.ExtraGARP = &ExtraGARP{All: true, Every: time.Minute} }, got: extra, want: (*ExtraGARP)(nil)},
	"65 strict, no_virtual":       {body: must + strict + "no_virtual_ipaddress\n", got: stops, want: "vrrp_instance VI_1: strict mode needs a virtual_ipaddress", says: "5:1: warning: no_virtual_ipaddress: strict mode wants an address, ignored\n1:1: vrrp_instance VI_1: strict mode needs a virtual_ipaddress", status: 5},
	"65 not strict":               {body: must + "no_virtual_ipaddress\n", got: stops, want: ""},
	"66 version 3 wants one":      {body: must + "version 3\n", got: stops, want: "vrrp_instance VI_1: version 3 needs a virtual_ipaddress, or no_virtual_ipaddress", says: "1:1: vrrp_instance VI_1: version 3 needs a virtual_ipaddress, or no_virtual_ipaddress", status: 5},
	"66 strict wants one":         {body: must + strict, got: stops, want: "vrrp_instance VI_1: strict mode needs a virtual_ipaddress", says: "1:1: vrrp_instance VI_1: strict mode needs a virtual_ipaddress", status: 5},
	"66 IPv6 wants one":           {body: must + "version 2\nmcast_src_ip fe80::1\n", got: stops, want: "vrrp_instance VI_1: IPv6 needs a virtual_ipaddress, or no_virtual_ipaddress", says: "1:1: vrrp_instance VI_1: IPv6 needs a virtual_ipaddress, or no_virtual_ipaddress", status: 5},
	"66 version 3 that says so":   {body: must + "version 3\nno_virtual_ipaddress\n", got: stops, want: ""},
	"67 version 2 without one":    {body: must, got: stops, want: "", says: "1:1: warning: vrrp_instance VI_1: has no virtual_ipaddress", status: 5},
	"67 version 2 that says so":   {body: must + "no_virtual_ipaddress\n", got: stops, want: ""},
	"67 excluded ones are not in": {body: must + "virtual_ipaddress_excluded {\n10.9.0.100\n}\n", got: stops, want: "", says: "1:1: warning: vrrp_instance VI_1: has no virtual_ipaddress", status: 5},
}

func TestTheFirstReasonNotToStartIsTheOneThatIsGiven(t *testing.T) {
	_, out, diags := resolve(t, "version 3", Defaults{}, Surroundings{})
	if out.Stop != "vrrp_instance VI_1: virtual_router_id is missing" || len(diags.All()) != 3 {
		t.Errorf("stops with %q, says %q", out.Stop, texts(diags))
	}
}

func TestResolvingChangesNothingThatWasWritten(t *testing.T) {
	body := must + "use_vmac v1 02:00:00:00:00\nauth_hmac {\n" + key1 + "active_key 1\n}\n" + vip
	c, first, _ := resolve(t, body, Defaults{}, Surroundings{})
	diags := &kconf.Diagnostics{}
	second := c.Resolve(&kconf.Ctx{Diags: diags}, Defaults{Strict: true}, Surroundings{Addrs: first.Params.Addrs})
	if len(c.VMAC.MAC) != 5 || c.HMAC.Window != 0 || len(first.VMAC.MAC) != 6 || second.VMAC.MAC != nil {
		t.Errorf("written %v %v, first %v, second %v", c.VMAC, c.HMAC.Window, first.VMAC, second.VMAC)
	}
}

func TestKeysInFilesAreReadAndJudged(t *testing.T) {
	const path = "/etc/hf/key"
	good := strings.Repeat("k", 32)
	tests := map[string]struct {
		file   *fstest.MapFile // nil: there is none
		secret string          // "": the key is not used
		says   string
		status int
	}{
		"a key":                   {&fstest.MapFile{Data: []byte(good), Mode: 0o600}, good, "", 0},
		"a key with a line end":   {&fstest.MapFile{Data: []byte(good + "\n"), Mode: 0o400}, good, "", 0},
		"a key others can read":   {&fstest.MapFile{Data: []byte(good), Mode: 0o640}, good, "k:5:7: key 1: /etc/hf/key has mode 0640: group or others can use it; chmod 600", 6},
		"a key that is too short": {&fstest.MapFile{Data: []byte("k"), Mode: 0o600}, "", "k:5:7: key 1: has 1 octets, must have 32 to 64; it is not used\nk:6:12: auth_hmac: active_key is not defined, the trailer is neither sent nor wanted", 5},
		"no such file":            {nil, "", "k:5:7: key 1: read /etc/hf/key: open etc/hf/key: file does not exist; it is not used\nk:6:12: auth_hmac: active_key is not defined, the trailer is neither sent nor wanted", 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			if tt.file != nil {
				root["etc/hf/key"] = tt.file
			}
			_, out, diags := resolve(t, must+"auth_hmac {\nkey 1 file:"+path+"\nactive_key 1\n}\n"+vip, Defaults{}, Surroundings{Files: root})
			secret := ""
			if out.Params.HMAC != nil {
				secret = string(out.Params.HMAC.key(1).Secret)
			}
			var says []string
			for _, d := range diags.All() {
				if d.ID != "not-supported-yet" {
					says = append(says, d.String())
				}
			}
			if got := strings.Join(says, "\n"); secret != tt.secret || got != tt.says || diags.TestStatus() != tt.status {
				t.Errorf("key %q, says %q, status %d\nwant %q, %q, %d", secret, got, diags.TestStatus(), tt.secret, tt.says, tt.status)
			}
		})
	}
}

func FuzzInstance(f *testing.F) {
	f.Add(must + "use_vmac name v1 02:00:00:00:00 group 5\nauth_hmac {\nkey 1 hex:00\n}\n" + vip)
	f.Add(must + "use_ipvlan 10.9.0.5 bridge\n" + withPeers + vip6)
	f.Add("unicast_peer {\n10.9.0.2 min_ttl\n}\ngarp_extra_if all\nversion 2\nnative_ipv6\n")
	f.Fuzz(func(t *testing.T, body string) {
		file, diags := kconf.ParseString("k", "vrrp_instance VI_1 {\n"+body+"\n}\n", kconf.Options{})
		for _, s := range file.Stmts {
			c := InstanceConfig{Name: "VI_1", Pos: s.Pos()}
			x := &kconf.Ctx{Diags: diags}
			InstanceKeywords.Decode(x, &c, s.Block)
			out := c.Resolve(x, Defaults{}, Surroundings{})
			if p := out.Params; p.Version != 2 && p.Version != 3 || p.Priority == 0 || p.AdvertisementInterval <= 0 {
				t.Errorf("version %d, priority %d, interval %v", p.Version, p.Priority, p.AdvertisementInterval)
			}
		}
	})
}
