package vrrp

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/kconf"
)

// said is what is said about a block, without "not supported yet".
func said(diags *kconf.Diagnostics) string {
	var list []string
	for _, d := range diags.All() {
		if d.ID != "not-supported-yet" {
			list = append(list, d.String())
		}
	}
	return strings.Join(list, "\n")
}

// written decodes the inside of a vrrp_instance that has nothing else.
func written(t *testing.T, body string) (InstanceConfig, *kconf.Diagnostics) {
	t.Helper()
	file, diags := kconf.ParseString("k", "vrrp_instance VI_1 {\n"+body+"\n}\n", kconf.Options{})
	c := InstanceConfig{Name: "VI_1", Pos: file.Stmts[0].Pos()}
	InstanceKeywords.Decode(&kconf.Ctx{Diags: diags}, &c, file.Stmts[0].Block)
	return c, diags
}

// The statuses are those of keepalived 2.2.7 for the same words, or those of
// 2.4.3 for words that it does not have.
func TestWordsOfAVMAC(t *testing.T) {
	octets := []byte{2, 0, 0, 0, 0, 1}
	tests := map[string]struct {
		line   string
		want   *VMACConfig
		says   string
		status int
	}{
		"nothing":                   {"use_vmac", &VMACConfig{}, "", 0},
		"a name":                    {"use_vmac v9", &VMACConfig{Name: "v9"}, "", 0},
		"a name, announced":         {"use_vmac name v9", &VMACConfig{Name: "v9"}, "", 0},
		"a MAC":                     {"use_vmac 02:00:00:00:00:01", &VMACConfig{MAC: octets}, "", 0},
		"a MAC with short octets":   {"use_vmac 2:0:0:0:0:1", &VMACConfig{MAC: octets}, "", 0},
		"a MAC that lacks the VRID": {"use_vmac 02:00:00:00:00", &VMACConfig{MAC: octets[:5]}, "", 0},
		"a MAC of zeros":            {"use_vmac 0:0:0:0:0:0", &VMACConfig{MAC: make([]byte, 6)}, "", 0},
		"everything":                {"use_vmac name v9 02:00:00:00:00:01 netlink_notify_msg group 7", &VMACConfig{Name: "v9", MAC: octets, NotifyMessage: true, Group: "7"}, "", 0},
		"a group by name":           {"use_vmac group vmacs", &VMACConfig{Group: "vmacs"}, "", 0},
		"a group out of range":      {"use_vmac group 2147483648", &VMACConfig{}, "k:2:16: use_vmac group 2147483648: must be 0-2147483647", 5},
		"a word behind the MAC":     {"use_vmac v9 02:00:00:00:00:01 more", &VMACConfig{Name: "v9", MAC: octets}, "k:2:31: note: use_vmac: more is ignored behind the MAC address", 0},
		"two names":                 {"use_vmac v9 v8", &VMACConfig{Name: "v9"}, "k:2:13: use_vmac: v8 is ignored, the interface is called v9 already", 5},
		"two names in two lines":    {"use_vmac v9\nuse_vmac v8", &VMACConfig{Name: "v9"}, "k:3:10: use_vmac: v8 is ignored, the interface is called v9 already", 5},
		"a name of 16 characters":   {"use_vmac sixteencharacter", &VMACConfig{}, "k:2:10: use_vmac sixteencharacter: an interface name has 1 to 15 characters, no slash, no blank", 5},
		"a name with a slash":       {"use_vmac a/b", &VMACConfig{}, "k:2:10: use_vmac a/b: an interface name has 1 to 15 characters, no slash, no blank", 5},
		"a multicast MAC":           {"use_vmac 01:00:00:00:00:01", &VMACConfig{}, "k:2:10: use_vmac 01:00:00:00:00:01: is a multicast address; the address of the RFC is used", 5},
		"the MAC of another VRID":   {"use_vmac 00:00:5e:00:01:33", &VMACConfig{}, "k:2:10: use_vmac 00:00:5e:00:01:33: is an address of RFC 9568, which belongs to the VRID; the address of the RFC is used", 5},
		"the MAC of IPv6":           {"use_vmac 00:00:5e:00:02", &VMACConfig{}, "k:2:10: use_vmac 00:00:5e:00:02: is an address of RFC 9568, which belongs to the VRID; the address of the RFC is used", 5},
		"four octets":               {"use_vmac 02:00:00:00", &VMACConfig{}, "k:2:10: use_vmac 02:00:00:00: a MAC address has five or six octets with colons between them; the address of the RFC is used", 5},
		"seven octets":              {"use_vmac 02:00:00:00:00:01:02", &VMACConfig{MAC: octets}, "k:2:10: note: use_vmac 02:00:00:00:00:01:02: only six octets are used", 0},
		"no hexadecimal digits":     {"use_vmac zz:00:00:00:00:00", &VMACConfig{}, "k:2:10: use_vmac zz:00:00:00:00:00: a MAC address has five or six octets with colons between them; the address of the RFC is used", 5},
		"an ipvlan before it":       {"use_ipvlan v8 10.9.0.5\nuse_vmac v9", nil, "k:3:1: use_vmac: ignored after use_ipvlan", 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, diags := written(t, tt.line)
			if d := cmp.Diff(tt.want, c.VMAC); d != "" {
				t.Errorf("VMAC (-want +got):\n%s", d)
			}
			if said(diags) != tt.says || diags.TestStatus() != tt.status {
				t.Errorf("status %d, says %q\nwant %d, %q", diags.TestStatus(), said(diags), tt.status, tt.says)
			}
		})
	}
}

func TestWordsOfAnIPVLAN(t *testing.T) {
	five, host := netip.MustParseAddr("10.9.0.5"), netip.MustParsePrefix("10.9.0.5/32")
	tests := map[string]struct {
		line   string
		want   *IPVLANConfig
		says   string
		status int
	}{
		"nothing":              {"use_ipvlan", &IPVLANConfig{Mode: "bridge"}, "", 0},
		"an address":           {"use_ipvlan 10.9.0.5", &IPVLANConfig{Addr: five, Prefix: host, Mode: "bridge"}, "", 0},
		"with a length":        {"use_ipvlan 10.9.0.5/24", &IPVLANConfig{Addr: five, Prefix: netip.MustParsePrefix("10.9.0.5/24"), Mode: "bridge"}, "", 0},
		"everything":           {"use_ipvlan v8 10.9.0.5 private group 7", &IPVLANConfig{Name: "v8", Addr: five, Prefix: host, Mode: "private", Group: "7"}, "", 0},
		"another order":        {"use_ipvlan vepa 10.9.0.5 name v8", &IPVLANConfig{Name: "v8", Addr: five, Prefix: host, Mode: "vepa"}, "", 0},
		"two names":            {"use_ipvlan v8 v9 10.9.0.5", &IPVLANConfig{Name: "v8", Addr: five, Prefix: host, Mode: "bridge"}, "k:2:15: use_ipvlan: v9 is ignored, the interface is called v8 already", 5},
		"an unknown mode":      {"use_ipvlan v8 10.9.0.5 mode", &IPVLANConfig{Name: "v8", Addr: five, Prefix: host, Mode: "bridge"}, "k:2:24: use_ipvlan: mode is ignored, the interface is called v8 already", 5},
		"an address with zone": {"use_ipvlan fe80::1%eth0", &IPVLANConfig{Mode: "bridge"}, "k:2:12: use_ipvlan fe80::1%eth0: the name of an interface has no colon", 5},
		"a VMAC before it":     {"use_vmac v9\nuse_ipvlan v8", nil, "k:3:1: use_ipvlan: ignored after use_vmac", 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, diags := written(t, tt.line)
			if d := cmp.Diff(tt.want, c.IPVLAN, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); d != "" {
				t.Errorf("ipvlan (-want +got):\n%s", d)
			}
			if said(diags) != tt.says || diags.TestStatus() != tt.status {
				t.Errorf("status %d, says %q\nwant %d, %q", diags.TestStatus(), said(diags), tt.status, tt.says)
			}
		})
	}
}

// The statuses are those of keepalived 2.2.7 for the same text.
func TestKeywordsWithRulesOfTheirOwn(t *testing.T) {
	tests := map[string]struct {
		body   string
		got    func(*InstanceConfig) any
		want   any
		says   string
		status int
	}{
		"garp_extra_if":                      {"garp_extra_if 10", func(c *InstanceConfig) any { return *c.ExtraGARP }, ExtraGARP{Every: 10 * time.Second}, "", 0},
		"garp_extra_if all":                  {"garp_extra_if all 10", func(c *InstanceConfig) any { return *c.ExtraGARP }, ExtraGARP{All: true, Every: 10 * time.Second}, "", 0},
		"garp_extra_if without a time":       {"garp_extra_if all", func(c *InstanceConfig) any { return c.ExtraGARP == nil }, true, "k:2:1: garp_extra_if: wants a number of seconds", 5},
		"garp_extra_if of more than a day":   {"garp_extra_if 86401", func(c *InstanceConfig) any { return c.ExtraGARP == nil }, true, "k:2:15: garp_extra_if 86401: must be 0-86400 seconds", 5},
		"garp_extra_if of a fraction":        {"garp_extra_if 1.5", func(c *InstanceConfig) any { return c.ExtraGARP == nil }, true, "k:2:15: garp_extra_if 1.5: must be 0-86400 seconds", 5},
		"vmac_garp_intvl is its old name":    {"vmac_garp_intvl 10", func(c *InstanceConfig) any { return *c.ExtraGARP }, ExtraGARP{Every: 10 * time.Second}, "k:2:1: warning: vmac_garp_intvl: old spelling; write garp_extra_if instead", 5},
		"kernel_rx_buf_size":                 {"kernel_rx_buf_size 4096", func(c *InstanceConfig) any { return *c.KernelRxBufSize }, uint32(4096), "", 0},
		"kernel_rx_buf_size without number":  {"kernel_rx_buf_size", func(c *InstanceConfig) any { return c.KernelRxBufSize == nil }, true, "k:2:1: kernel_rx_buf_size: wants one argument, has 0", 5},
		"kernel_rx_buf_size with two":        {"kernel_rx_buf_size 1 2", func(c *InstanceConfig) any { return c.KernelRxBufSize == nil }, true, "k:2:1: kernel_rx_buf_size: wants one argument, has 2", 5},
		"old_unicast_checksum":               {"old_unicast_checksum", func(c *InstanceConfig) any { return c.OldUnicastChecksum }, OldChecksumAlways, "", 0},
		"old_unicast_checksum never":         {"old_unicast_checksum never", func(c *InstanceConfig) any { return c.OldUnicastChecksum }, OldChecksumNever, "", 0},
		"old_unicast_checksum otherwise":     {"old_unicast_checksum x", func(c *InstanceConfig) any { return c.OldUnicastChecksum }, OldChecksumAuto, "k:2:22: old_unicast_checksum x: must be never, or nothing", 5},
		"timer_expired_backup out of range":  {"timer_expired_backup 255", func(c *InstanceConfig) any { return c.TimerExpiredBackup == nil }, true, "k:2:22: timer_expired_backup 255: must be 1-254", 5},
		"linkbeat_use_polling is deprecated": {"linkbeat_use_polling", func(c *InstanceConfig) any { return c.LinkbeatPolling }, true, "k:2:1: warning: linkbeat_use_polling: old spelling; write linkbeat_interfaces in global_defs instead", 5},
		"lvs_sync_daemon_interface twice":    {"lvs_sync_daemon_interface eth0\nlvs_sync_daemon_interface eth1", func(c *InstanceConfig) any { return c.SyncDaemonInterface }, "eth0", "k:2:1: warning: lvs_sync_daemon_interface: old spelling; write lvs_sync_daemon in global_defs instead\nk:3:1: warning: lvs_sync_daemon_interface: old spelling; write lvs_sync_daemon in global_defs instead\nk:3:1: lvs_sync_daemon_interface: given before, the first one counts (see k:2:1)", 5},
		"accept takes no_accept back":        {"no_accept\naccept", func(c *InstanceConfig) any { return *c.Accept }, true, "", 0},
		"no_accept takes accept back":        {"accept\nno_accept", func(c *InstanceConfig) any { return *c.Accept }, false, "", 0},
		"skip_check_adv_addr false is false": {"skip_check_adv_addr false", func(c *InstanceConfig) any { return *c.SkipCheckAdvAddr }, false, "", 0},
		"garp_master_refresh_repeat 0":       {"garp_master_refresh_repeat 0", func(c *InstanceConfig) any { return *c.GarpMasterRefreshRepeat }, uint32(1), "k:2:28: warning: garp_master_refresh_repeat 0: a garp repeat of 0 is raised to 1", 5},
		"notify_deleted without a script":    {"notify_deleted", func(c *InstanceConfig) any { return c.NotifyDeletedSet && c.NotifyDeleted == nil }, true, "", 0},
		"debug out of range":                 {"debug 5", func(c *InstanceConfig) any { return c.Debug }, uint8(0), "k:2:7: debug 5: must be 0-4", 5},
		"priority 0":                         {"priority 0", func(c *InstanceConfig) any { return c.Priority == nil }, true, "k:2:10: priority 0: must be 1-255", 5},
		"version 4":                          {"version 4", func(c *InstanceConfig) any { return c.Version == nil }, true, "k:2:9: version 4: must be 2-3", 5},
		"preempt_delay out of range is 0":    {"preempt_delay 5\npreempt_delay 1001", func(c *InstanceConfig) any { return c.PreemptDelay }, time.Duration(0), "k:3:15: preempt_delay 1001: must be 0-1000 seconds", 5},
		"advert_int below 10ms":              {"advert_int 0.001", func(c *InstanceConfig) any { return c.Interval == nil }, true, "k:2:12: advert_int 0.001: must be 0.01-255 seconds", 5},
		"a peer that is no address":          {"unicast_peer {\nbad\n10.9.0.3\n}", func(c *InstanceConfig) any { return len(c.Peers) }, 1, "k:3:1: unicast_peer bad: not an IP address", 5},
		"a peer named twice":                 {"unicast_peer {\n10.9.0.3\n10.9.0.3\n}", func(c *InstanceConfig) any { return len(c.Peers) }, 1, "k:4:1: note: unicast_peer 10.9.0.3: named twice, one advert is sent", 0},
		"a peer with an unknown word":        {"unicast_peer {\n10.9.0.2 foo\n}", func(c *InstanceConfig) any { return len(c.Peers) }, 0, "k:3:10: unicast_peer: foo: want min_ttl or max_ttl and a number", 5},
		"a peer without its TTL":             {"unicast_peer {\n10.9.0.2 min_ttl\n}", func(c *InstanceConfig) any { return len(c.Peers) }, 0, "k:3:10: unicast_peer: min_ttl: want min_ttl or max_ttl and a number", 5},
		"a peer's TTL out of range":          {"unicast_peer {\n10.9.0.2 min_ttl 256\n}", func(c *InstanceConfig) any { return len(c.Peers) }, 0, "k:3:18: min_ttl 256: must be 0-255", 5},
		"a peer's TTLs the wrong way round":  {"unicast_peer {\n10.9.0.2 min_ttl 9 max_ttl 8\n}", func(c *InstanceConfig) any { return len(c.Peers) }, 0, "k:3:1: unicast_peer 10.9.0.2: min_ttl 9 is above max_ttl 8", 5},
		"an authentication in small letters": {"authentication {\nauth_type pass\n}", func(c *InstanceConfig) any { return c.Auth.Type }, "", "k:3:11: auth_type pass: must be PASS or AH", 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, diags := written(t, tt.body)
			if got := tt.got(&c); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if said(diags) != tt.says || diags.TestStatus() != tt.status {
				t.Errorf("status %d, says %q\nwant %d, %q", diags.TestStatus(), said(diags), tt.status, tt.says)
			}
		})
	}
}

func TestKeysOfTheTrailer(t *testing.T) {
	text := strings.Repeat("k", 32)
	tests := map[string]struct {
		lines string
		keys  int
		says  string
	}{
		"text":                             {"key 1 " + text, 1, ""},
		"64 octets":                        {"key 255 " + text + text, 1, ""},
		"65 octets":                        {"key 1 " + text + text + "k", 0, "k:3:7: key 1: has 65 octets, must have 32 to 64; it is not used"},
		"31 octets":                        {"key 1 " + text[1:], 0, "k:3:7: key 1: has 31 octets, must have 32 to 64; it is not used"},
		"hexadecimal digits":               {"key 1 hex:" + strings.Repeat("6b", 32), 1, ""},
		"too few of them":                  {"key 1 hex:6b", 0, "k:3:7: key 1: has 1 octets, must have 32 to 64; it is not used"},
		"an odd number":                    {"key 1 hex:6", 0, "k:3:7: key 1: hex: wants an even number of hexadecimal digits"},
		"a file is read later, by Resolve": {"key 1 file:/etc/hf/key", 1, ""},
		"a file without a path":            {"key 1 file:", 0, "k:3:7: key 1: file: wants a path"},
		"two keys":                         {"key 1 " + text + "\nkey 2 " + text, 2, ""},
		"one number for two keys":          {"key 1 " + text + "\nkey 1 " + text, 1, "k:4:5: key 1: given before, the first one counts (see k:3:7)"},
		"number 0":                         {"key 0 " + text, 0, "k:3:5: key 0: must be 1-255"},
		"no value":                         {"key 1", 0, "k:3:1: key: wants 2 arguments, has 1"},
		"an unknown mode":                  {"mode strict", 0, "k:3:6: mode strict: must be enforce, permissive or receive-only"},
		"a window out of range":            {"time_window 301", 0, "k:3:13: time_window 301: must be 1-300 seconds"},
		"an unknown freshness":             {"anti_replay clock", 0, "k:3:13: anti_replay clock: must be time or monotonic"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, diags := written(t, "auth_hmac {\n"+tt.lines+"\n}")
			if len(c.HMAC.Keys) != tt.keys || said(diags) != tt.says {
				t.Errorf("%d keys, says %q\nwant %d, %q", len(c.HMAC.Keys), said(diags), tt.keys, tt.says)
			}
			if strings.Contains(said(diags), "kkk") {
				t.Errorf("a key is shown: %q", said(diags))
			}
		})
	}
}

func TestAnInstanceRemembersWhereItsKeywordsStand(t *testing.T) {
	auth, _ := written(t, "authentication {\nauth_type PASS\n auth_pass x\n}")
	if got := auth.Auth.At("auth_pass").String(); got != "k:4:12" {
		t.Errorf("auth_pass stands at %s, want k:4:12", got)
	}
	c, _ := written(t, "state MASTER\n  priority 100\nnopreempt\nunicast_peer {\n10.9.0.2\n 10.9.0.3\n}\nvirtual_ipaddress {\n  10.9.0.100\n}\npriority 150")
	for keyword, want := range map[string]string{"state": "k:2:7", "priority": "k:12:10", "nopreempt": "k:4:1", "unicast_peer": "k:5:1", "interface": "-"} {
		if got := c.At(keyword).String(); got != want {
			t.Errorf("%s stands at %s, want %s", keyword, got, want)
		}
	}
	if got := []string{c.PeerPos[0].String(), c.PeerPos[1].String(), c.VirtualAddresses[0].Pos().String()}; cmp.Diff([]string{"k:6:1", "k:7:2", "k:10:3"}, got) != "" {
		t.Errorf("peers and addresses stand at %v", got)
	}
}
