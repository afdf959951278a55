package vrrp

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

// decode reads the inside of a vrrp_instance block and resolves it. A body
// without addresses gets 10.9.0.100.
func decode(t testing.TB, body string, d Defaults) (InstanceConfig, Params, []string) {
	t.Helper()
	if !strings.Contains(body, "virtual_ipaddress") {
		body += "\nvirtual_ipaddress {\n10.9.0.100\n}"
	}
	c, out, diags := resolve(t, body, d, Surroundings{})
	return c, out.Params, texts(diags)
}

// resolve reads the inside of a vrrp_instance block as it is. The addresses of
// the surroundings are those of its lines.
func resolve(t testing.TB, body string, d Defaults, s Surroundings) (InstanceConfig, Resolved, *kconf.Diagnostics) {
	t.Helper()
	file, diags := kconf.ParseString("k", "vrrp_instance VI_1 {\n"+body+"\n}\n", kconf.Options{})
	if len(file.Stmts) != 1 {
		t.Fatalf("parsed %d statements: %v", len(file.Stmts), diags.All())
	}
	x := &kconf.Ctx{Diags: diags}
	c := InstanceConfig{Name: "VI_1", Pos: file.Stmts[0].Pos()}
	InstanceKeywords.Decode(x, &c, file.Stmts[0].Block)
	for _, line := range c.VirtualAddresses {
		if a := lineAddr(line); a.IsValid() {
			s.Addrs = append(s.Addrs, a)
		}
	}
	return c, c.Resolve(x, d, s), diags
}

func texts(diags *kconf.Diagnostics) []string {
	var list []string
	for _, d := range diags.All() {
		list = append(list, d.String())
	}
	return list
}

func TestKeywordsBecomeParameters(t *testing.T) {
	const must = "virtual_router_id 51\ninterface eth0\n"
	tests := map[string]struct {
		body string
		want func(*Params)
		says []string // part of each diagnostic
	}{
		"nothing but the necessary":             {must, func(p *Params) {}, nil},
		"state MASTER alone makes an owner":     {must + "state MASTER", func(p *Params) { p.Priority = 255 }, nil},
		"state MASTER with a priority does not": {must + "state MASTER\npriority 150", func(p *Params) { p.Priority = 150 }, nil},
		"a state in small letters is BACKUP":    {must + "state Master", func(p *Params) {}, []string{"k:4:7: state Master: must be MASTER or BACKUP"}},
		"a password": {must + "authentication {\nauth_type PASS\nauth_pass s3cr3t\n}", func(p *Params) {
			p.AuthType, p.Password = AuthPass, [8]byte{'s', '3', 'c', 'r', '3', 't'}
		}, nil},
		"a password too long is cut": {must + "authentication {\nauth_type PASS\nauth_pass 123456789\n}", func(p *Params) {
			p.AuthType, p.Password = AuthPass, [8]byte{'1', '2', '3', '4', '5', '6', '7', '8'}
		}, []string{"auth_pass: 9 octets, only the first 8 are used"}},
		"version 3 has no authentication": {must + "version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}", func(p *Params) { p.Version = 3 },
			[]string{"version 3 has none, ignored"}},
		"a type without password": {must + "authentication {\nauth_type PASS\n}", func(p *Params) {}, []string{"auth_type without auth_pass"}},
		"a key of AH": {must + "authentication {\nauth_type AH\nauth_pass x\n}", func(p *Params) {
			p.AuthType, p.Password = AuthAH, [8]byte{'x'}
		}, nil},
		"checksums as before 1.3.7": {must + "version 3\nold_unicast_checksum\nunicast_peer {\n10.9.0.2\n}", func(p *Params) {
			p.Version, p.OldUnicastChecksum, p.Peers = 3, OldChecksumAlways, []Peer{{Addr: routerB, MaxTTL: 255}}
		}, nil},
		"and never": {must + "version 3\nold_unicast_checksum never\nunicast_peer {\n10.9.0.2\n}", func(p *Params) {
			p.Version, p.OldUnicastChecksum, p.Peers = 3, OldChecksumNever, []Peer{{Addr: routerB, MaxTTL: 255}}
		}, nil},
		"half a second in version 2 is one": {must + "advert_int 0.5", func(p *Params) {}, []string{"advert_int 500ms: version 2 cannot carry it, 1s is used"}},
		"one and a half is two":             {must + "advert_int 1.5", func(p *Params) { p.AdvertisementInterval = 2 * time.Second }, []string{"2s is used"}},
		"version 3 carries hundredths": {must + "version 3\nadvert_int 0.05", func(p *Params) {
			p.Version, p.AdvertisementInterval = 3, 50*time.Millisecond
		}, nil},
		"version 3 carries no more than 40.95s": {must + "version 3\nadvert_int 41", func(p *Params) {
			p.Version, p.AdvertisementInterval = 3, 40950*time.Millisecond
		}, []string{"40.95s is used"}},
		"nopreempt": {must + "nopreempt", func(p *Params) { p.PreemptMode = false }, nil},
		"nopreempt with state MASTER": {must + "state MASTER\npriority 150\nnopreempt", func(p *Params) { p.Priority = 150 },
			[]string{"nopreempt: has no meaning"}},
		"preempt_delay": {must + "preempt_delay 2.5", func(p *Params) { p.PreemptDelay = 2500 * time.Millisecond }, nil},
		"preempt_delay with nopreempt": {must + "preempt_delay 2\nnopreempt", func(p *Params) { p.PreemptMode = false },
			[]string{"preempt_delay: has no meaning"}},
		"peers": {must + "unicast_src_ip 10.9.0.1\nunicast_peer {\n10.9.0.2 min_ttl 250\n10.9.0.3\n}", func(p *Params) {
			p.PrimaryAddr, p.CheckPeers = routerA, true
			p.Peers = []Peer{{routerB, 250, 255}, {netip.MustParseAddr("10.9.0.3"), 0, 255}}
		}, nil},
		"unicast without peers is multicast": {must + "unicast_src_ip 10.9.0.1", func(p *Params) { p.PrimaryAddr = routerA },
			[]string{"unicast without unicast_peer, multicast is used"}},
		"a peer of the other family is left out": {must + "unicast_src_ip 10.9.0.1\nunicast_peer {\nfd09::2\n10.9.0.2\n}", func(p *Params) {
			p.PrimaryAddr, p.Peers = routerA, []Peer{{routerB, 0, 255}}
		}, []string{"k:6:1: vrrp_instance VI_1: fd09::2 is of another family than 10.9.0.1"}},
		"with no peer of our family left it is multicast, and said so": {must + "virtual_ipaddress {\n10.9.0.100\n}\nunicast_peer {\nfd09::2\n}", func(p *Params) {},
			[]string{"k:8:1: vrrp_instance VI_1: fd09::2 is of another family than 10.9.0.100", "unicast without unicast_peer"}},
		"a group of the other family is not used": {must + "virtual_ipaddress {\n10.9.0.100\n}\nmcast_dst_ip ff02::99", func(p *Params) {},
			[]string{"k:7:14: vrrp_instance VI_1: ff02::99 is of another family than 10.9.0.100"}},
		"the first address decides the family": {must + "mcast_src_ip fd09::1", func(p *Params) {
			p.IPv6, p.Version, p.Addrs, p.PrimaryAddr = true, 3, nil, netip.MustParseAddr("fd09::1")
		}, []string{"k:6:1: vrrp_instance VI_1: 10.9.0.100 is of another family than fd09::1; use virtual_ipaddress_excluded", "version 3 needs a virtual_ipaddress"}},
		"announcing": {must + "garp_master_delay 1\ngarp_master_repeat 0\ngarp_lower_prio_repeat 0", func(p *Params) {
			p.Announce.MasterDelay, p.Announce.MasterRepeat, p.Announce.LowerPrioRepeat = time.Second, 1, 0
		}, []string{"k:5:20: warning: garp_master_repeat 0: a garp repeat of 0 is raised to 1"}},
		"a VRID out of range": {"interface eth0\nvirtual_router_id 300", func(p *Params) { p.VRID = 0 },
			[]string{"k:3:19: virtual_router_id"}},
		"a word unknown": {must + "nopremt", func(p *Params) {}, []string{"k:4:1: unknown keyword nopremt; did you mean nopreempt?"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, got, says := decode(t, tt.body, Defaults{Announce: DefaultAnnounce(), DownTimerAdverts: 3})
			want := Params{VRID: 51, Version: 2, Priority: 100, PreemptMode: true, AdvertisementInterval: time.Second,
				DownTimerAdverts: 3, Addrs: addrs("10.9.0.100"), Announce: DefaultAnnounce()}
			tt.want(&want)
			if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
				t.Errorf("parameters (-want +got):\n%s", d)
			}
			if len(says) != len(tt.says) {
				t.Fatalf("says %q, want %q", says, tt.says)
			}
			for i := range says {
				if !strings.Contains(says[i], tt.says[i]) {
					t.Errorf("says %q, want %q in it", says[i], tt.says[i])
				}
			}
		})
	}
}

func TestTrackLinesAreKeptForThoseWhoKnowTheirObjects(t *testing.T) {
	c, _, says := decode(t, "virtual_router_id 51\ninterface eth0\ntrack_script {\na\nb weight -20\n}", Defaults{})
	if len(c.Tracks.Scripts) != 2 || c.Tracks.Scripts[1].Raw != "b weight -20" || len(says) != 0 {
		t.Errorf("scripts %+v, says %q", c.Tracks.Scripts, says)
	}
}

func TestGroupKeywords(t *testing.T) {
	file, diags := kconf.ParseString("k", "vrrp_sync_group G {\ngroup {\nVI_1\nVI_2 VI_3\n}\ntrack_interface {\neth1\n}\nnotify_master /bin/true\nsmtp_alert\n}\n", kconf.Options{})
	var c GroupConfig
	GroupKeywords.Decode(&kconf.Ctx{Diags: diags}, &c, file.Stmts[0].Block)
	if len(diags.All()) != 0 {
		t.Errorf("says %v", diags.All())
	}
	if len(c.Members) != 3 || c.Members[2].Text != "VI_3" || len(c.Tracks.Interfaces) != 1 || c.Notify.Master == nil || c.Notify.SMTPAlert == nil {
		t.Errorf("decoded %+v", c)
	}
}

// Every keyword of keepalived's two blocks is known here, done or not.
func TestEveryKeywordOfKeepalivedIsKnown(t *testing.T) {
	instance := strings.Fields(`use_vmac use_vmac_addr vmac_xmit_base use_ipvlan unicast_peer unicast_fault_no_peer check_unicast_src
		old_unicast_checksum native_ipv6 state interface vrf dont_track_primary track_interface track_script track_file track_process
		track_bfd mcast_src_ip unicast_src_ip mcast_dst_ip track_src_ip virtual_router_id unicast_ttl version priority advert_int
		virtual_ipaddress virtual_ipaddress_excluded no_virtual_ipaddress promote_secondaries linkbeat_use_polling v3_checksum_as_v2
		virtual_routes virtual_rules accept no_accept skip_check_adv_addr strict_mode preempt nopreempt preempt_delay debug
		notify_backup notify_master notify_fault notify_stop notify_deleted notify notify_master_rx_lower_pri smtp_alert
		notify_priority_changes lvs_sync_daemon_interface garp_master_delay garp_master_refresh garp_master_repeat
		garp_master_refresh_repeat garp_lower_prio_delay garp_lower_prio_repeat down_timer_adverts timer_expired_backup
		thread_timer_expired garp_extra_if vmac_garp_intvl lower_prio_no_advert higher_prio_send_advert owner_ignore_adverts
		kernel_rx_buf_size authentication auth_hmac`)
	group := strings.Fields(`group track_interface track_script track_file track_process track_bfd notify_backup notify_master
		notify_fault notify_stop notify smtp_alert global_tracking sync_group_tracking_weight notify_priority_changes`)
	for _, tt := range []struct {
		vocab kconf.Vocab
		want  []string
	}{
		{InstanceKeywords, instance}, {GroupKeywords, group}, {AuthKeywords, []string{"auth_type", "auth_pass"}},
		{HMACKeywords, strings.Fields("key active_key time_window anti_replay mode")}, {TrackGroupKeywords, []string{"group"}},
		{GARPGroupKeywords, strings.Fields("garp_interval gna_interval interface interfaces")},
	} {
		known := map[string]bool{}
		for _, d := range tt.vocab.Docs() {
			if known[d.Name] {
				t.Errorf("%s stands there twice", d.Name)
			}
			if known[d.Name] = true; !strings.HasSuffix(d.Doc, ".") || d.Type == "" || d.Since == "" || d.Status == kconf.KnowOnly {
				t.Errorf("%s lacks its sentence, type or version: %+v", d.Name, d)
			}
		}
		for _, w := range tt.want {
			if !known[w] {
				t.Errorf("%s is not known", w)
			}
		}
		if len(known) != len(tt.want) {
			t.Errorf("%d keywords known, keepalived has %d", len(known), len(tt.want))
		}
	}
}
