package config_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
)

// TestGlobalSettings: a line of global_defs, what it sets and what is said.
func TestGlobalSettings(t *testing.T) {
	get := func(f func(*config.Globals) any) func(*config.Globals) any { return f }
	timeouts := get(func(g *config.Globals) any {
		if g.LVSTimeouts == nil {
			return nil
		}
		return *g.LVSTimeouts
	})
	flush := get(func(g *config.Globals) any {
		if g.LVSFlushStop == nil {
			return nil
		}
		return *g.LVSFlushStop
	})
	group := get(func(g *config.Globals) any { return g.McastGroup4.String() })
	dynamic := get(func(g *config.Globals) any { return g.DynamicInterfaces })
	names := get(func(g *config.Globals) any { return g.ProcessName + " " + g.VRRPProcessName + " " + g.CheckProcessName })
	tests := []struct {
		line string
		what func(*config.Globals) any
		want any
		diag string
	}{
		{"lvs_timeouts tcp 7200 tcpfin 100 udp 300", timeouts, config.LVSTimeouts{2 * time.Hour, 100 * time.Second, 5 * time.Minute}, ""},
		{"lvs_timeouts udp 10", timeouts, config.LVSTimeouts{UDP: 10 * time.Second}, ""},
		{"lvs_timeouts sctp 10", timeouts, nil, "k.conf:2:14: lvs_timeouts sctp: wants tcp, tcpfin or udp, each with seconds"},
		{"lvs_timeouts tcp 10 udp", timeouts, nil, "k.conf:2:21: lvs_timeouts udp: wants tcp, tcpfin or udp, each with seconds"},
		{"lvs_timeouts tcp 2678401", timeouts, nil, "k.conf:2:18: lvs_timeouts tcp 2678401: must be 0-2678400"},
		{"lvs_flush_on_stop", flush, config.FlushOnStop{}, ""},
		{"lvs_flush_on_stop VS", flush, config.FlushOnStop{OnlyOurs: true}, ""},
		{"lvs_flush_onstop VS", flush, config.FlushOnStop{OnlyOurs: true}, ""},
		{"lvs_flush_on_stop all", flush, nil, "k.conf:2:19: lvs_flush_on_stop all: only VS may follow"},
		{"vrrp_mcast_group4 224.0.0.99", group, "224.0.0.99", ""},
		{"vrrp_mcast_group4 10.0.0.1", group, "224.0.0.18", "k.conf:2:19: vrrp_mcast_group4 10.0.0.1: must be an IPv4 multicast address"},
		{"vrrp_mcast_group4 ff02::12", group, "224.0.0.18", "k.conf:2:19: vrrp_mcast_group4 ff02::12: must be an IPv4 multicast address"},
		{"dynamic_interfaces allow_if_changes", dynamic, true, ""},
		{"dynamic_interfaces always", dynamic, true, "k.conf:2:20: dynamic_interfaces always: only allow_if_changes may follow"},
		{"process_names", names, " keepalived_vrrp keepalived_lvs", ""},
		{"lvs_process_name balancer", names, "  balancer", ""},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			l := configtest.Understood(t, "global_defs {\n"+tt.line+"\n}\n")
			if diff := cmp.Diff(tt.want, tt.what(&l.Config.Global)); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
			var want []string
			if tt.diag != "" {
				want = []string{tt.diag}
			}
			if diff := cmp.Diff(append([]string{}, want...), configtest.Lines(l)); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDefaultsAreThoseOfAnEmptyFile: keepalived.conf(5).
func TestDefaultsAreThoseOfAnEmptyFile(t *testing.T) {
	g := configtest.Understood(t, "").Config.Global
	if g.RouterID == "" {
		t.Error("router_id is not the host's name")
	}
	g.RouterID = ""
	want := config.Globals{SMTPTimeout: 30 * time.Second, DefaultInterface: "eth0", VRRPVersion: 2,
		McastGroup4: netip.MustParseAddr("224.0.0.18"), DownTimerAdverts: 3, ChildWait: 5 * time.Second,
		GARP: config.GARPDefaults{MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1}}
	if diff := cmp.Diff(want, g, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}
