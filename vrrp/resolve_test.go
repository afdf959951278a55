package vrrp

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Texts that rule tests are made of.
const (
	must      = "virtual_router_id 51\ninterface eth0\n" // lines 2 and 3 of the file
	vip       = "virtual_ipaddress {\n10.9.0.100\n}\n"
	vip6      = "virtual_ipaddress {\nfe80::100\n}\n"
	withPeers = "unicast_src_ip 10.9.0.1\nunicast_peer {\n10.9.0.2\n}\n"
	pass      = "authentication {\nauth_type PASS\nauth_pass x\n}\n"
	ah        = "authentication {\nauth_type AH\nauth_pass x\n}\n"
	key1      = "key 1 0123456789abcdef0123456789abcdef\n"
	strict    = "strict_mode\n"
)

// ethernet is an interface about which every rule is content.
var ethernet = LinkInfo{Ethernet: true, Multicast: true, MTU: 1500}

// ruleCase is one rule in one situation.
type ruleCase struct {
	body   string
	got    func(Resolved) any // the value that the rule is about; nil: only what is said
	want   any
	says   string // all diagnostics but "not supported yet", without "k:"
	status int    // of --config-test
	global func(*Defaults)
	around func(*Surroundings)
}

func (tt ruleCase) run(t *testing.T) {
	t.Helper()
	d := Defaults{Announce: DefaultAnnounce(), DownTimerAdverts: 3}
	if tt.global != nil {
		tt.global(&d)
	}
	var s Surroundings
	if tt.around != nil {
		tt.around(&s)
	}
	_, out, diags := resolve(t, tt.body, d, s)
	var says []string
	for _, d := range diags.All() {
		if d.ID != "not-supported-yet" {
			says = append(says, strings.TrimPrefix(d.String(), "k:"))
		}
	}
	if tt.got != nil {
		if diff := cmp.Diff(tt.want, tt.got(out), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("value (-want +got):\n%s", diff)
		}
	}
	if got := strings.Join(says, "\n"); got != tt.says {
		t.Errorf("says\n%s\nwant\n%s", got, tt.says)
	}
	if got := diags.TestStatus(); got != tt.status {
		t.Errorf("--config-test ends with %d, want %d", got, tt.status)
	}
}

func linkIs(name string, l LinkInfo) func(*Surroundings) {
	return func(s *Surroundings) {
		s.Link = func(asked string) *LinkInfo {
			if asked == name {
				return &l
			}
			return nil
		}
	}
}

func version(o Resolved) any     { return int(o.Params.Version) }
func priority(o Resolved) any    { return int(o.Params.Priority) }
func state(o Resolved) any       { return o.State }
func auth(o Resolved) any        { return o.Params.AuthType }
func fault(o Resolved) any       { return o.Params.ConfigFault }
func stops(o Resolved) any       { return o.Stop }
func preempts(o Resolved) any    { return o.Params.PreemptMode }
func delay(o Resolved) any       { return o.Params.PreemptDelay }
func interval(o Resolved) any    { return o.Params.AdvertisementInterval }
func accepts(o Resolved) any     { return o.Accept }
func ignores(o Resolved) any     { return o.Params.OwnerIgnoreAdverts }
func hasVMAC(o Resolved) any     { return o.VMAC != nil }
func addresses(o Resolved) any   { return o.Params.Addrs }
func isIPv6(o Resolved) any      { return o.Params.IPv6 }
func unicast(o Resolved) any     { return o.Params.Unicast() }
func xmitBase(o Resolved) any    { return o.XmitBase }
func lowerBurst(o Resolved) any  { return o.Params.Announce.LowerPrioRepeat }
func extra(o Resolved) any       { return o.ExtraGARP }
func window(o Resolved) any      { return o.Params.HMAC.Window }
func downAdverts(o Resolved) any { return o.Params.DownTimerAdverts }

// TestMinimumChecks are the rules that come first. The statuses are those of
// keepalived 2.2.7 for the same text.
func TestMinimumChecks(t *testing.T) {
	tests := map[string]ruleCase{
		"a VRID is necessary": {body: "interface eth0\n" + vip, got: stops, want: "vrrp_instance VI_1: virtual_router_id is missing",
			says: "1:1: vrrp_instance VI_1: virtual_router_id is missing", status: 5},
		"with a VRID it can start": {body: must + vip, got: stops, want: ""},
		"multicast needs an interface": {body: "virtual_router_id 51\n" + vip, got: stops, want: "vrrp_instance VI_1: unknown interface",
			says: "1:1: vrrp_instance VI_1: interface is missing", status: 5},
		"a loopback interface is none": {body: must + vip, around: linkIs("eth0", LinkInfo{Loopback: true}), got: stops, want: "vrrp_instance VI_1: unknown interface",
			says: "3:11: interface eth0: is a loopback interface, ignored", status: 5},
		"a VRF that is a loopback interface is none": {body: "virtual_router_id 51\nvrf lo\n" + withPeers + "virtual_ipaddress {\n10.9.0.100 dev eth1\n}", around: linkIs("lo", LinkInfo{Loopback: true}),
			got: func(o Resolved) any { return o.VRF }, want: "", says: "3:5: vrf lo: is a loopback interface, ignored", status: 5},
		"unicast without an interface has no VMAC": {body: "virtual_router_id 51\nuse_vmac\n" + withPeers + "virtual_ipaddress {\n10.9.0.100 dev eth1\n}", got: hasVMAC, want: false,
			says: "3:1: warning: use_vmac: unicast without an interface has none, ignored", status: 5},
		"a VMAC without any interface": {body: "virtual_router_id 51\nuse_vmac\n" + vip, got: stops, want: "vrrp_instance VI_1: unknown interface",
			says: "1:1: vrrp_instance VI_1: interface is missing", status: 5},
		"a VMAC with unicast sends from the parent": {body: must + "use_vmac\n" + withPeers + vip, got: xmitBase, want: true,
			says: "4:1: warning: use_vmac: unicast needs vmac_xmit_base, which is used", status: 5},
		"a VMAC with unicast that says so":       {body: must + "use_vmac\nvmac_xmit_base\n" + withPeers + vip, got: xmitBase, want: true},
		"a VMAC with multicast sends from it":    {body: must + "use_vmac\n" + vip, got: xmitBase, want: false},
		"an ipvlan with unicast likewise":        {body: must + "use_ipvlan 10.9.0.5\n" + withPeers + vip, got: xmitBase, want: true, says: "4:12: warning: use_ipvlan: unicast needs vmac_xmit_base, which is used", status: 5},
		"unicast_ttl without peers":              {body: must + "unicast_ttl 6\n" + vip, got: func(o Resolved) any { return o.Params.UnicastTTL }, want: uint8(0), says: "4:13: warning: unicast_ttl: no unicast_peer, ignored", status: 5},
		"unicast_ttl with peers":                 {body: must + "unicast_ttl 6\n" + withPeers + vip, got: func(o Resolved) any { return o.Params.UnicastTTL }, want: uint8(6)},
		"BACKUP after MASTER is ignored":         {body: must + "state MASTER\nstate BACKUP\n" + vip, got: state, want: "MASTER", says: "5:7: state BACKUP: ignored after state MASTER", status: 5},
		"MASTER after BACKUP is silent":          {body: must + "state BACKUP\nstate MASTER\n" + vip, got: state, want: "MASTER"},
		"another version later":                  {body: must + "version 2\nversion 3\n" + vip, got: version, want: 2, says: "5:9: version 3: ignored after version 2", status: 5},
		"the same version later":                 {body: must + "version 3\nversion 3\n" + vip, got: version, want: 3},
		"version 2 behind an IPv6 address":       {body: must + vip6 + "version 2\n", got: version, want: 3, says: "7:9: version 2: ignored, the instance is IPv6 already, which needs version 3 (RFC 9568 section 5.2.1)", status: 5},
		"version 3 behind an IPv6 address":       {body: must + vip6 + "version 3\n", got: version, want: 3},
		"version 2 behind native_ipv6":           {body: must + "native_ipv6\nversion 2\n" + vip6, got: version, want: 3, says: "4:1: note: native_ipv6: old spelling; leave it out, IPv6 addresses say so already\n5:9: version 2: ignored, the instance is IPv6 already, which needs version 3 (RFC 9568 section 5.2.1)", status: 5},
		"native_ipv6 behind version 2":           {body: must + "version 2\nnative_ipv6\n" + vip6, got: version, want: 2, says: "5:1: note: native_ipv6: old spelling; leave it out, IPv6 addresses say so already"},
		"native_ipv6 behind IPv4 addresses":      {body: must + vip + "native_ipv6\n", got: isIPv6, want: false, says: "7:1: note: native_ipv6: old spelling; leave it out, IPv6 addresses say so already\n7:1: native_ipv6: ignored, 10.9.0.100 is an IPv4 address", status: 5},
		"an IPv4 address behind native_ipv6":     {body: must + "native_ipv6\n" + vip + vip6, got: addresses, want: addrs("fe80::100"), says: "4:1: note: native_ipv6: old spelling; leave it out, IPv6 addresses say so already\n6:1: vrrp_instance VI_1: 10.9.0.100 is of another family than native_ipv6; use virtual_ipaddress_excluded", status: 5},
		"a source of the other family":           {body: must + vip + "mcast_src_ip fd00::1\n", got: isIPv6, want: false, says: "7:14: vrrp_instance VI_1: fd00::1 is of another family than 10.9.0.100", status: 5},
		"a group of the other family":            {body: must + vip + "mcast_dst_ip ff02::99\n", got: isIPv6, want: false, says: "7:14: vrrp_instance VI_1: ff02::99 is of another family than 10.9.0.100", status: 5},
		"a peer of the other family":             {body: must + vip + "unicast_peer {\nfd00::2\n10.9.0.2\n}\n", got: unicast, want: true, says: "8:1: vrrp_instance VI_1: fd00::2 is of another family than 10.9.0.100", status: 5},
		"addresses of two families":              {body: must + "virtual_ipaddress {\n10.9.0.100\nfd00::1\n}\n", got: addresses, want: addrs("10.9.0.100"), says: "6:1: vrrp_instance VI_1: fd00::1 is of another family than 10.9.0.100; use virtual_ipaddress_excluded", status: 5},
		"excluded addresses may be of the other": {body: must + "virtual_ipaddress_excluded {\nfd00::9\n}\n" + vip, got: isIPv6, want: false},
		"the source decides before the address":  {body: must + "mcast_src_ip fe80::1\n" + vip + vip6, got: isIPv6, want: true, says: "6:1: vrrp_instance VI_1: 10.9.0.100 is of another family than fe80::1; use virtual_ipaddress_excluded", status: 5},
		"a group that is not multicast":          {body: must + "mcast_dst_ip 10.0.0.1\n" + vip, says: "4:14: mcast_dst_ip 10.0.0.1: must be multicast, for IPv6 link-local", status: 5},
		"an IPv6 group that routers pass on":     {body: must + "mcast_dst_ip ff05::1\n" + vip6, says: "4:14: mcast_dst_ip ff05::1: must be multicast, for IPv6 link-local", status: 5},
		"an IPv4 group that routers pass on":     {body: must + "mcast_dst_ip 225.0.0.1\n" + vip, got: func(o Resolved) any { return o.Params.Group }, want: netip.MustParseAddr("225.0.0.1")},
		"a vrf beside an interface": {body: must + "vrf red\n" + vip, got: func(o Resolved) any { return o.VRF }, want: "",
			says: "4:5: vrf red: ignored, interface eth0 is given", status: 5},
	}
	for name, tt := range tests {
		t.Run(name, tt.run)
	}
}

// TestRulesOfCompletion has the number of each rule of keepalived's order in its
// name. The statuses are those of keepalived 2.2.7 for the same text, or those of
// 2.4.3 for keywords that it does not have.
func TestRulesOfCompletion(t *testing.T) {
	for _, table := range []map[string]ruleCase{protocolRules, hostRules} {
		for name, tt := range table {
			t.Run(name, tt.run)
		}
	}
}

func globalStrict(d *Defaults) { d.Strict = true }

var protocolRules = map[string]ruleCase{
	"01 strict_mode is that of global_defs": {body: must + vip, global: globalStrict, got: func(o Resolved) any { return o.Strict }, want: true},
	"01 unless it is written":               {body: must + "strict_mode off\n" + vip, global: globalStrict, got: func(o Resolved) any { return o.Strict }, want: false},
	"02 strict, version 2 with IPv6":        {body: must + strict + "version 2\n" + vip6, got: version, want: 3, says: "5:9: warning: version 2: strict mode has no IPv6 in version 2, version 3 is used", status: 5},
	"02 strict, version 2 with IPv4":        {body: must + strict + "version 2\n" + vip, got: version, want: 2},
	"03 version 2 with IPv6 is obeyed":      {body: must + "version 2\n" + vip6, got: version, want: 2},
	"04 IPv6 means version 3":               {body: must + vip6, got: version, want: 3},
	"04 IPv4 means version 2":               {body: must + vip, got: version, want: 2},
	"04 or what global_defs say":            {body: must + vip, global: func(d *Defaults) { d.Version = 3 }, got: version, want: 3},
	"05 no address means IPv4":              {body: must, got: isIPv6, want: false, says: "1:1: warning: vrrp_instance VI_1: has no virtual_ipaddress", status: 5},
	"05 a source is an address":             {body: must + "mcast_src_ip fe80::1\n" + vip6, got: isIPv6, want: true},
	"06 no unicast_ttl stands for 255":      {body: must + withPeers + vip, got: func(o Resolved) any { return o.Params.UnicastTTL }, want: uint8(0)},
	"07 state MASTER alone is an owner":     {body: must + "state MASTER\n" + vip, got: priority, want: 255},
	"07 anything else has 100":              {body: must + "state BACKUP\n" + vip, got: priority, want: 100},
	"08 priority 255 is MASTER":             {body: must + "priority 255\n" + vip, got: state, want: "MASTER"},
	"08 any other is BACKUP":                {body: must + "priority 254\n" + vip, got: state, want: "BACKUP"},
	"09 strict, MASTER with another priority": {body: must + strict + "state MASTER\npriority 100\n" + vip, got: state, want: "BACKUP",
		says: "5:7: warning: state MASTER: priority 100 makes it BACKUP in strict mode", status: 5},
	"09 strict, BACKUP with 255": {body: must + strict + "state BACKUP\npriority 255\n" + vip, got: state, want: "MASTER",
		says: "5:7: warning: state BACKUP: priority 255 makes it MASTER in strict mode", status: 5},
	"09 not strict, BACKUP with 255": {body: must + "state BACKUP\npriority 255\n" + vip, got: state, want: "BACKUP"},
	"10 strict has no authentication": {body: must + strict + pass + vip, got: auth, want: AuthNone,
		says: "5:1: warning: authentication: strict mode has none, ignored", status: 5},
	"10 not strict has": {body: must + pass + vip, got: auth, want: AuthPass},
	"11 version 3 has no authentication": {body: must + "version 3\n" + pass + vip, got: auth, want: AuthNone,
		says: "5:1: warning: authentication: version 3 has none, ignored (RFC 9568 section 9)", status: 5},
	"12 a type without a password": {body: must + "authentication {\nauth_type PASS\n}\n" + vip, got: auth, want: AuthNone,
		says: "4:1: warning: authentication: auth_type without auth_pass, ignored", status: 5},
	"12 an empty password is none": {body: must + "authentication {\nauth_type PASS\nauth_pass \"\"\n}\n" + vip, got: auth, want: AuthNone,
		says: "4:1: warning: authentication: auth_type without auth_pass, ignored", status: 5},
	"12 a password without a type is not used": {body: must + "authentication {\nauth_pass x\n}\n" + vip, got: auth, want: AuthNone},
	"13 AH with IPv6": {body: must + "version 2\n" + ah + vip6, got: auth, want: AuthNone,
		says: "5:1: warning: authentication: AH is for IPv4 only, ignored", status: 5},
	"14 AH is not MASTER at once": {body: must + "state MASTER\npriority 100\n" + ah + vip, got: state, want: "BACKUP",
		says: "4:7: warning: state MASTER: AH wants to hear its peers first, BACKUP is used", status: 5},
	"14 unless it is the owner": {body: must + "state MASTER\n" + ah + vip, got: state, want: "MASTER"},
	"15 auth_hmac takes the place of authentication": {body: must + pass + "auth_hmac {\n" + key1 + "active_key 1\n}\n" + vip, got: auth, want: AuthNone,
		says: "4:1: warning: authentication: auth_hmac takes its place, ignored", status: 5},
	"16 no active_key, no trailer": {body: must + "auth_hmac {\n" + key1 + "}\n" + vip, got: func(o Resolved) any { return o.Params.HMAC == nil && o.Params.ConfigFault == "" }, want: true,
		says: "4:1: auth_hmac: active_key is missing, the trailer is neither sent nor wanted", status: 5},
	"16 an active_key that is none": {body: must + "auth_hmac {\n" + key1 + "active_key 2\n}\n" + vip, got: func(o Resolved) any { return o.Params.HMAC == nil }, want: true,
		says: "6:12: auth_hmac: active_key is not defined, the trailer is neither sent nor wanted", status: 5},
	"16 an active_key": {body: must + "auth_hmac {\nactive_key 1\n" + key1 + "}\n" + vip, got: func(o Resolved) any { return []any{o.Params.HMAC.ActiveKey, o.Params.ConfigFault} }, want: []any{uint8(1), ""}},
	"17 strict enforces": {body: must + strict + "auth_hmac {\n" + key1 + "active_key 1\nmode permissive\n}\n" + vip, got: func(o Resolved) any { return o.Params.HMAC.Mode }, want: HMACEnforce,
		says: "8:6: warning: mode permissive: strict mode wants enforce, which is used", status: 5},
	"17 not strict may be permissive":   {body: must + "auth_hmac {\n" + key1 + "active_key 1\nmode permissive\n}\n" + vip, got: func(o Resolved) any { return o.Params.HMAC.Mode }, want: HMACPermissive},
	"18 time_window is at least 5s":     {body: must + "auth_hmac {\n" + key1 + "active_key 1\n}\n" + vip, got: window, want: 5 * time.Second},
	"18 and three intervals":            {body: must + "advert_int 10\nauth_hmac {\n" + key1 + "active_key 1\n}\n" + vip, got: window, want: 30 * time.Second},
	"18 of whole seconds":               {body: must + "version 3\nadvert_int 2.9\nauth_hmac {\n" + key1 + "active_key 1\n}\n" + vip, got: window, want: 6 * time.Second},
	"18 and at most 300s":               {body: must + "advert_int 200\nauth_hmac {\n" + key1 + "active_key 1\n}\n" + vip, got: window, want: 300 * time.Second},
	"18 a time_window":                  {body: must + "auth_hmac {\n" + key1 + "active_key 1\ntime_window 7\n}\n" + vip, got: window, want: 7 * time.Second},
	"18 a growing sequence has none":    {body: must + "auth_hmac {\n" + key1 + "active_key 1\nanti_replay monotonic\n}\n" + vip, got: window, want: time.Duration(0)},
	"19 unicast_fault_no_peer":          {body: must + "unicast_src_ip 10.9.0.1\nunicast_fault_no_peer\n" + vip, got: fault, want: "unicast without peers", says: "1:1: note: vrrp_instance VI_1: unicast without unicast_peer, the instance stays in FAULT"},
	"19 is no unicast keyword itself":   {body: must + "unicast_fault_no_peer\n" + vip, got: fault, want: ""},
	"20 unicast without peers":          {body: must + "unicast_src_ip 10.9.0.1\n" + vip, got: fault, want: "", says: "1:1: warning: vrrp_instance VI_1: unicast without unicast_peer, multicast is used", status: 5},
	"20 an empty list of peers":         {body: must + "unicast_peer {\n}\n" + vip, says: "1:1: warning: vrrp_instance VI_1: unicast without unicast_peer, multicast is used", status: 5},
	"20 check_unicast_src is unicast":   {body: must + "check_unicast_src\n" + vip, says: "1:1: warning: vrrp_instance VI_1: unicast without unicast_peer, multicast is used", status: 5},
	"20 so is old_unicast_checksum":     {body: must + "old_unicast_checksum never\n" + vip, says: "1:1: warning: vrrp_instance VI_1: unicast without unicast_peer, multicast is used", status: 5},
	"20 mcast_src_ip is not":            {body: must + "mcast_src_ip 10.9.0.1\n" + vip},
	"21 strict with peers is let alone": {body: must + strict + withPeers + vip, around: linkIs("eth0", ethernet), got: stops, want: ""},
	"30 an owner with nopreempt": {body: must + "priority 255\nnopreempt\n" + vip, got: preempts, want: true,
		says: "5:1: warning: nopreempt: has no meaning with state MASTER or priority 255, ignored", status: 5},
	"30 nopreempt": {body: must + "priority 254\nnopreempt\n" + vip, got: preempts, want: false},
	"31 MASTER with nopreempt": {body: must + "state MASTER\npriority 150\nnopreempt\n" + vip, got: preempts, want: true,
		says: "6:1: warning: nopreempt: has no meaning with state MASTER or priority 255, ignored", status: 5},
	"31 preempt takes nopreempt back": {body: must + "state MASTER\npriority 150\nnopreempt\npreempt\n" + vip, got: preempts, want: true},
	"32 MASTER with preempt_delay": {body: must + "state MASTER\npriority 150\npreempt_delay 3\n" + vip, got: delay, want: time.Duration(0),
		says: "6:15: warning: preempt_delay: has no meaning with state MASTER or nopreempt, ignored", status: 5},
	"33 strict with preempt_delay": {body: must + strict + "preempt_delay 3\n" + vip, got: delay, want: time.Duration(0),
		says: "5:15: warning: preempt_delay: strict mode has none, ignored", status: 5},
	"33 nopreempt with preempt_delay": {body: must + "nopreempt\npreempt_delay 3\n" + vip, got: delay, want: time.Duration(0),
		says: "5:15: warning: preempt_delay: has no meaning with state MASTER or nopreempt, ignored", status: 5},
	"33 preempt_delay": {body: must + "preempt_delay 3\n" + vip, got: delay, want: 3 * time.Second},
	"34 strict has three adverts": {body: must + strict + "down_timer_adverts 5\n" + vip, got: downAdverts, want: 3,
		says: "5:20: warning: down_timer_adverts 5: strict mode wants 3, which is used", status: 5},
	"34 from global_defs, too": {body: must + strict + vip, global: func(d *Defaults) { d.DownTimerAdverts = 5 }, got: downAdverts, want: 3,
		says: "1:1: warning: down_timer_adverts 5: strict mode wants 3, which is used", status: 5},
	"34 not strict may have five": {body: must + "down_timer_adverts 5\n" + vip, got: downAdverts, want: 5},
	"35 timer_expired_backup with preemption": {body: must + "timer_expired_backup 3\n" + vip, got: func(o Resolved) any { return o.Params.TimerExpired }, want: uint8(0),
		says: "4:22: warning: timer_expired_backup: needs nopreempt, ignored", status: 5},
	"35 under its other name": {body: must + "thread_timer_expired\n" + vip, got: func(o Resolved) any { return o.Params.TimerExpired }, want: uint8(0),
		says: "4:1: warning: thread_timer_expired: old spelling; write timer_expired_backup instead\n4:1: warning: thread_timer_expired: needs nopreempt, ignored", status: 5},
	"35 timer_expired_backup":               {body: must + "nopreempt\ntimer_expired_backup 3\n" + vip, got: func(o Resolved) any { return o.Params.TimerExpired }, want: uint8(3)},
	"35 without a number":                   {body: must + "nopreempt\ntimer_expired_backup\n" + vip, got: func(o Resolved) any { return o.Params.TimerExpired }, want: uint8(254)},
	"36 a router accepts":                   {body: must + vip, got: accepts, want: true},
	"36 a strict one does not":              {body: must + strict + vip, got: accepts, want: false},
	"36 unless it is the owner":             {body: must + strict + "priority 255\n" + vip, got: accepts, want: true},
	"37 strict, accept in version 2":        {body: must + strict + "accept\n" + vip, got: accepts, want: false, says: "5:1: warning: accept: strict mode has none in version 2 (RFC 3768 section 6.4.3), ignored", status: 5},
	"37 of an owner":                        {body: must + strict + "priority 255\naccept\n" + vip, got: accepts, want: true},
	"37 in version 3":                       {body: must + strict + "version 3\naccept\n" + vip, got: accepts, want: true},
	"38 no_accept needs a firewall":         {body: must + "no_accept\n" + vip, got: func(o Resolved) any { return o.Firewall }, want: true},
	"38 so does a VMAC":                     {body: must + "use_vmac\n" + vip, got: func(o Resolved) any { return o.Firewall }, want: true},
	"38 others do not":                      {body: must + vip, got: func(o Resolved) any { return o.Firewall }, want: false},
	"39 mcast_dst_ip with peers":            {body: must + "mcast_dst_ip 224.0.0.99\n" + withPeers + vip, got: func(o Resolved) any { return o.Params.Group.IsValid() }, want: false, says: "4:14: warning: mcast_dst_ip: adverts go to unicast_peer, ignored", status: 5},
	"39 mcast_dst_ip":                       {body: must + "mcast_dst_ip 224.0.0.99\n" + vip, got: func(o Resolved) any { return o.Params.Group }, want: netip.MustParseAddr("224.0.0.99")},
	"40 bursts after a lower advert":        {body: must + vip, got: lowerBurst, want: 5},
	"40 none when strict":                   {body: must + strict + vip, got: lowerBurst, want: 0},
	"41 strict with bursts":                 {body: must + strict + "garp_lower_prio_repeat 3\n" + vip, got: lowerBurst, want: 0, says: "5:24: warning: garp_lower_prio_repeat 3: strict mode wants 0, which is used", status: 5},
	"41 strict with a delay":                {body: must + strict + "garp_lower_prio_delay 4\n" + vip, got: func(o Resolved) any { return o.Params.Announce.LowerPrioDelay }, want: time.Duration(0), says: "5:23: warning: garp_lower_prio_delay 4s: strict mode wants 0, which is used", status: 5},
	"41 strict with 0":                      {body: must + strict + "garp_lower_prio_repeat 0\n" + vip, got: lowerBurst, want: 0},
	"41 not strict":                         {body: must + "garp_lower_prio_repeat 3\n" + vip, got: lowerBurst, want: 3},
	"42 lower adverts are answered":         {body: must + vip, got: func(o Resolved) any { return o.Params.LowerPriorityNoAdvert }, want: false},
	"42 global_defs may say no":             {body: must + vip, global: func(d *Defaults) { d.LowerPrioNoAdvert = true }, got: func(o Resolved) any { return o.Params.LowerPriorityNoAdvert }, want: true},
	"42 strict says no":                     {body: must + strict + vip, got: func(o Resolved) any { return o.Params.LowerPriorityNoAdvert }, want: true},
	"42 strict with false":                  {body: must + strict + "lower_prio_no_advert false\n" + vip, got: func(o Resolved) any { return o.Params.LowerPriorityNoAdvert }, want: true, says: "5:22: warning: lower_prio_no_advert false: strict mode wants true, which is used", status: 5},
	"43 one more advert from global_defs":   {body: must + vip, global: func(d *Defaults) { d.HigherPrioSendAdvert = true }, got: func(o Resolved) any { return o.Params.HigherPrioritySendAdvert }, want: true},
	"43 not when strict":                    {body: must + strict + vip, global: func(d *Defaults) { d.HigherPrioSendAdvert = true }, got: func(o Resolved) any { return o.Params.HigherPrioritySendAdvert }, want: false},
	"43 strict with true":                   {body: must + strict + "higher_prio_send_advert\n" + vip, got: func(o Resolved) any { return o.Params.HigherPrioritySendAdvert }, want: false, says: "5:1: warning: higher_prio_send_advert: strict mode wants false, which is used", status: 5},
	"44 owner_ignore_adverts of another":    {body: must + "owner_ignore_adverts\n" + vip, got: ignores, want: false, says: "4:1: warning: owner_ignore_adverts: priority 100 is not that of the address owner, ignored", status: 5},
	"44 of the owner":                       {body: must + "priority 255\nowner_ignore_adverts\n" + vip, got: ignores, want: true},
	"45 strict owner with false":            {body: must + strict + "priority 255\nowner_ignore_adverts false\n" + vip, got: ignores, want: true, says: "6:22: warning: owner_ignore_adverts false: strict mode wants true for an address owner, which is used", status: 5},
	"45 an owner with false is obeyed":      {body: must + "priority 255\nowner_ignore_adverts false\n" + vip, global: func(d *Defaults) { d.OwnerIgnoreAdverts = true }, got: ignores, want: false},
	"46 a strict owner ignores":             {body: must + strict + "priority 255\n" + vip, got: ignores, want: true},
	"46 an owner does what global_defs say": {body: must + "priority 255\n" + vip, global: func(d *Defaults) { d.OwnerIgnoreAdverts = true }, got: ignores, want: true},
	"46 another does not":                   {body: must + vip, global: func(d *Defaults) { d.OwnerIgnoreAdverts = true }, got: ignores, want: false},
	"47 no mail":                            {body: must + vip, got: func(o Resolved) any { return o.SMTPAlert }, want: false},
	"47 smtp_alert of global_defs":          {body: must + vip, global: func(d *Defaults) { d.SMTPAlert = new(true) }, got: func(o Resolved) any { return o.SMTPAlert }, want: true},
	"47 smtp_alert_vrrp goes before it":     {body: must + vip, global: func(d *Defaults) { d.SMTPAlert, d.SMTPAlertVRRP = new(true), new(false) }, got: func(o Resolved) any { return o.SMTPAlert }, want: false},
	"47 and what is written before both":    {body: must + "smtp_alert\n" + vip, global: func(d *Defaults) { d.SMTPAlertVRRP = new(false) }, got: func(o Resolved) any { return o.SMTPAlert }, want: true},
	"48 priorities from global_defs":        {body: must + vip, global: func(d *Defaults) { d.PriorityChanges = true }, got: func(o Resolved) any { return o.PriorityChanges }, want: true},
	"48 the sync group goes before":         {body: must + vip, global: func(d *Defaults) { d.PriorityChanges = true }, around: func(s *Surroundings) { s.Group = &GroupConfig{Notify: Notify{PriorityChanges: new(false)}} }, got: func(o Resolved) any { return o.PriorityChanges }, want: false},
	"48 a group that says nothing":          {body: must + vip, global: func(d *Defaults) { d.PriorityChanges = true }, around: func(s *Surroundings) { s.Group = &GroupConfig{} }, got: func(o Resolved) any { return o.PriorityChanges }, want: true},
	"48 and what is written before both":    {body: must + "notify_priority_changes\n" + vip, around: func(s *Surroundings) { s.Group = &GroupConfig{Notify: Notify{PriorityChanges: new(false)}} }, got: func(o Resolved) any { return o.PriorityChanges }, want: true},
	"49 an advert a second":                 {body: must + vip, got: interval, want: time.Second},
	"50 version 2 carries 255s":             {body: must + "advert_int 255\n" + vip, got: interval, want: 255 * time.Second},
	"51 version 2, half a second":           {body: must + "advert_int 0.5\n" + vip, got: interval, want: time.Second, says: "4:12: warning: advert_int 500ms: version 2 cannot carry it, 1s is used", status: 5},
	"51 version 2, one and a half":          {body: must + "advert_int 1.5\n" + vip, got: interval, want: 2 * time.Second, says: "4:12: warning: advert_int 1.5s: version 2 cannot carry it, 2s is used", status: 5},
	"51 version 2, a tenth":                 {body: must + "advert_int 0.1\n" + vip, got: interval, want: time.Second, says: "4:12: warning: advert_int 100ms: version 2 cannot carry it, 1s is used", status: 5},
	"52 version 3, 41s":                     {body: must + "version 3\nadvert_int 41\n" + vip, got: interval, want: 40950 * time.Millisecond, says: "5:12: warning: advert_int 41s: version 3 cannot carry it, 40.95s is used", status: 5},
	"52 version 3, 40.95s":                  {body: must + "version 3\nadvert_int 40.95\n" + vip, got: interval, want: 40950 * time.Millisecond},
	"53 version 3, 15ms":                    {body: must + "version 3\nadvert_int 0.015\n" + vip, got: interval, want: 20 * time.Millisecond, says: "5:12: warning: advert_int 15ms: version 3 cannot carry it, 20ms is used", status: 5},
	"53 version 3, 10ms":                    {body: must + "version 3\nadvert_int 0.01\n" + vip, got: interval, want: 10 * time.Millisecond},
}
