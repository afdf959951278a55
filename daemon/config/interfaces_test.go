package config_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
)

// intervals are the distances of announcements of all instances.
func intervals(c *config.Config) any {
	var list []string
	for _, in := range c.Instances {
		list = append(list, in.AnnounceInterval.String())
	}
	return strings.Join(list, " ")
}

// polled are the interfaces of linkbeat_interfaces and interface_up_down_delays.
func polled(c *config.Config) any {
	var list []string
	for _, l := range c.Linkbeat {
		list = append(list, l.Interface+l.Method)
	}
	for _, d := range c.Delays {
		list = append(list, fmt.Sprintf("%s=%v,%v", d.Interface, d.Down, d.Up))
	}
	return strings.Join(list, " ")
}

// tracked are the static lines with their track_group.
func tracked(c *config.Config) any {
	var list []string
	for _, l := range c.Statics.Lines.Addresses {
		list = append(list, l.TrackGroup)
	}
	for _, l := range c.Statics.Lines.Routes {
		list = append(list, l.TrackGroup)
	}
	for _, l := range c.Statics.Lines.Rules {
		list = append(list, l.TrackGroup)
	}
	for _, g := range c.TrackGroups {
		for _, m := range g.Members {
			list = append(list, g.Name+"/"+m.Text)
		}
	}
	return strings.Join(list, " ")
}

// TestBlocksAboutInterfaces: verdicts are those of keepalived 2.2.7.
func TestBlocksAboutInterfaces(t *testing.T) {
	ipv6 := "vrrp_instance B {\ninterface eth0\nvirtual_router_id 52\nvirtual_ipaddress {\nfe80::1\n}\n}\n"
	gaps := "global_defs {\nvrrp_garp_interval 1\nvrrp_gna_interval 2\n}\n"
	garp := func(lines string) string { return "garp_group {\n" + lines + "\n}\n" }
	checkCross(t, map[string]crossRule{
		"gaps for all":                     {text: gaps + router("A", 51) + ipv6, value: intervals, want: "1s 2s"},
		"gaps of a group go before":        {text: gaps + router("A", 51) + ipv6 + garp("garp_interval 3\ninterface eth0"), value: intervals, want: "3s 2s"},
		"gaps of a group for IPv6":         {text: router("A", 51) + ipv6 + garp("gna_interval 4\ninterfaces {\neth1 eth0\n}"), value: intervals, want: "0s 4s"},
		"a group without any gap":          {text: router("A", 51) + garp("interface eth0"), status: 5, says: "9:1: garp_group: has neither garp_interval nor gna_interval, it is not used"},
		"an interface of two groups":       {text: router("A", 51) + garp("garp_interval 3\ninterface eth0") + garp("garp_interval 5\ninterface eth0"), status: 5, value: intervals, want: "3s", says: "15:11: garp_group: eth0 is in a garp_group already (see 11:11)"},
		"a VMAC in a group":                {text: router("A", 51) + garp("garp_interval 3\ninterface mac0"), status: 5, value: intervals, want: "0s", says: "11:11: garp_group: mac0 is a VMAC; name the interface below it"},
		"a group of what is not there":     {text: router("A", 51) + garp("garp_interval 3\ninterface eth7"), status: 5, stops: true, says: "11:11: interface eth7 does not exist; create it, or allow interfaces to come later with dynamic_interfaces in global_defs"},
		"links to poll":                    {text: "linkbeat_interfaces {\neth0 MII\neth1\n}\n", value: polled, want: "eth0MII eth1"},
		"a link to poll that is not there": {text: "linkbeat_interfaces {\neth7\neth1\n}\n", status: 4, value: polled, want: "eth1", says: "2:1: linkbeat_interfaces: interface eth7 does not exist, the line is not used"},
		"a link that may come":             {text: "global_defs {\ndynamic_interfaces\n}\nlinkbeat_interfaces {\neth7\n}\n", value: polled, want: "eth7"},
		"delays":                           {text: "interface_up_down_delays {\neth0 1 0.5\neth1 2\n}\n", value: polled, want: "eth0=1s,500ms eth1=2s,0s"},
		"delays of what is not there":      {text: "interface_up_down_delays {\neth7 1\n}\n", status: 4, value: polled, want: "", says: "2:1: interface_up_down_delays: interface eth7 does not exist, the line is not used"},
		"delays that are not too long":     {text: router("A", 51) + "interface_up_down_delays {\neth0 1.5\n}\n"},
		// Seen in the log of keepalived 2.2.7: 2 * 0.5s - 0.5s/256 = 998047us.
		"delays that others do not wait for":      {text: router("A", 51) + "interface_up_down_delays {\neth0 2\n}\n", value: polled, want: "eth0=1.996093s,0s", says: "2:11: note: vrrp_instance A: the interface_up_down_delays of eth0 are too long for its advert_int, 1.996093s is used"},
		"delays with the shortest interval there": {text: router("A", 51) + strings.Replace(router("B", 52), "interface eth0", "interface eth0\nversion 3\nadvert_int 0.5", 1) + "interface_up_down_delays {\neth0 1.5 0.1\n}\n", value: polled, want: "eth0=998.046ms,100ms", says: "10:11: note: vrrp_instance B: the interface_up_down_delays of eth0 are too long for its advert_int, 998.046ms is used"},
		"delays where one advert may not be lost": {text: strings.Replace(router("A", 51), "interface eth0", "interface eth0\ndown_timer_adverts 1", 1) + "interface_up_down_delays {\neth0 0.1 0.1\n}\n", value: polled, want: "eth0=0s,0s", says: "2:11: note: vrrp_instance A: the interface_up_down_delays of eth0 are too long for its advert_int, 0s is used"},
		"the last line about an interface counts": {text: "interface_up_down_delays {\neth0 1\neth0 2\n}\n", value: polled, want: "eth0=2s,0s"},
	})
}

// TestStaticLinesAndTrackGroups.
func TestStaticLinesAndTrackGroups(t *testing.T) {
	static := "static_ipaddress {\n10.8.0.1/24 dev eth0 track_group T\n}\n"
	of := func(members string) string { return "track_group T {\ngroup {\n" + members + "\n}\n}\n" }
	checkCross(t, map[string]crossRule{
		"a group":                      {text: router("A", 51) + of("A") + static, value: tracked, want: "T T/A"},
		"further down":                 {text: static + of("A") + router("A", 51), value: tracked, want: "T T/A"},
		"no such group":                {text: router("A", 51) + static, status: 5, value: tracked, want: "", says: "10:1: track_group T: there is no track_group of that name, the line is not tracked"},
		"a member that is none":        {text: router("A", 51) + of("A\nZ") + static, value: tracked, want: "T T/A", says: "12:1: note: track_group T: there is no vrrp_instance Z"},
		"a name that is taken":         {text: router("A", 51) + of("A") + of("A") + static, status: 5, value: tracked, want: "T T/A", says: "14:13: track_group T: the name is taken, this block is skipped (see 9:1)"},
		"a route":                      {text: router("A", 51) + of("A") + "static_routes {\n10.7.0.0/24 via 10.9.0.9 dev eth0 track_group T\n}\n", value: tracked, want: "T T/A"},
		"a route without a link":       {text: router("A", 51) + of("A") + "static_routes {\n10.7.0.0/24 via 10.9.0.9 track_group T\n}\n", status: 5, value: tracked, want: " T/A", says: "15:1: warning: route to 10.7.0.0/24: without dev it cannot be tracked, as if no_track stood there"},
		"a rule without a link":        {text: router("A", 51) + of("A") + "static_rules {\nfrom 10.7.0.0/24 priority 5 table 5 track_group T\n}\n", status: 5, value: tracked, want: " T/A", says: "15:1: track_group T: the line names no interface and is not tracked"},
		"without a link":               {text: "static_ipaddress {\n10.8.0.1/24\n}\n", value: tracked, want: ""},
		"without a link that is there": {text: "global_defs {\ndefault_interface eth7\n}\nstatic_ipaddress {\n10.8.0.1/24\n}\n", status: 4, says: "5:1: static address 10.8.0.1/24: interface eth7 does not exist"},
		"on a link that is not there":  {text: "static_ipaddress {\n10.8.0.1/24 dev eth7\n}\n", status: 5, says: "2:1: static address 10.8.0.1/24: interface eth7 does not exist"},
	})
}

// devices are the interfaces beside its own that the first instance tracks
// because of what stands on them.
func devices(c *config.Config) any { return strings.Join(c.Instances[0].Devices, " ") }

// TestWhatStandsOnAnInterfaceMakesItTracked: keepalived 2.2.7 puts deleted static
// lines of a track_group back, too, and goes to FAULT when their interface is down.
func TestWhatStandsOnAnInterfaceMakesItTracked(t *testing.T) {
	group := "track_group T {\ngroup {\nA\n}\n}\n"
	static := func(lines string) string { return router("A", 51) + group + lines }
	routes := func(line string) string { return "virtual_routes {\n" + line + "\n}" }
	checkCross(t, map[string]crossRule{
		"nothing beside its own":           {text: router("A", 51), value: devices, want: ""},
		"an address elsewhere":             {text: router("A", 51, "virtual_ipaddress_excluded {\n10.8.0.1 dev eth1\n10.8.0.2 dev eth0\n}"), value: devices, want: "eth1"},
		"an address with no_track":         {text: router("A", 51, "virtual_ipaddress_excluded {\n10.8.0.1 dev eth1 no_track\n}"), value: devices, want: ""},
		"a route elsewhere":                {text: router("A", 51, routes("10.7.0.0/24 dev eth1")), value: devices, want: "eth1"},
		"a route with no_track":            {text: router("A", 51, routes("10.7.0.0/24 dev eth1 no_track")), value: devices, want: ""},
		"a rule about another interface":   {text: router("A", 51, "virtual_rules {\nfrom 10.7.0.0/24 iif eth1 priority 5 table 5\n}"), value: devices, want: "eth1"},
		"such a rule with no_track":        {text: router("A", 51, "virtual_rules {\nfrom 10.7.0.0/24 iif eth1 priority 5 table 5 no_track\n}"), value: devices, want: ""},
		"a static address of its group":    {text: static("static_ipaddress {\n10.8.0.1/24 dev eth1 track_group T\n}\n"), value: devices, want: "eth1"},
		"a static route":                   {text: static("static_routes {\n10.7.0.0/24 dev eth1 track_group T\n}\n"), value: devices, want: "eth1"},
		"a static rule":                    {text: static("static_rules {\nfrom 10.7.0.0/24 iif eth1 priority 5 table 5 track_group T\n}\n"), value: devices, want: "eth1"},
		"a static line of no group":        {text: static("static_ipaddress {\n10.8.0.1/24 dev eth1\n}\n"), value: devices, want: ""},
		"on its own interface":             {text: static("static_ipaddress {\n10.8.0.1/24 dev eth0 track_group T\n}\n"), value: devices, want: ""},
		"on its own, which is not tracked": {text: router("A", 51, "dont_track_primary") + group + "static_ipaddress {\n10.8.0.1/24 dev eth0 track_group T\n}\n", value: devices, want: "eth0"},
	})
}

// TestASyncDaemonFollowsAnInstanceThatIsThere: keepalived finds out when it runs.
func TestASyncDaemonFollowsAnInstanceThatIsThere(t *testing.T) {
	daemon := func(c *config.Config) any {
		d, vrid := c.SyncDaemon()
		if d == nil {
			return "none"
		}
		return fmt.Sprintf("%s %s %d", d.Interface, d.Instance, vrid)
	}
	checkCross(t, map[string]crossRule{
		"one that is there": {text: "global_defs {\nlvs_sync_daemon eth1 A\n}\n" + router("A", 51), value: daemon, want: "eth1 A 51"},
		"one that is not":   {text: "global_defs {\nlvs_sync_daemon eth1 inst Z\n}\n" + router("A", 51), value: daemon, want: "none", says: "2:27: warning: lvs_sync_daemon Z: there is no vrrp_instance of that name; no sync daemon is run"},
		"none at all":       {text: "global_defs {\nlvs_sync_daemon eth1\n}\n" + router("A", 51), value: daemon, want: "eth1  0"},
	})
}

// TestExitStatusesOfScripts: config-test of files with scripts.
func TestExitStatusesOfScripts(t *testing.T) {
	const secure = "global_defs {\nenable_script_security\nscript_user root\n}\n"
	for name, tt := range map[string]struct {
		text   string
		status int
	}{
		"a secure script, security on":              {secure + router("A", 51, "notify_master /bin/true"), 0},
		"any script, security off":                  {"global_defs {\nscript_user root\n}\n" + router("A", 51, "notify_master /bin/true"), 6},
		"security on, no account":                   {"global_defs {\nenable_script_security\n}\nvrrp_script S {\nscript /bin/true\n}\n" + router("A", 51, "track_script {\nS\n}"), 5},
		"a track script that is missing":            {secure + "vrrp_script S {\nscript /no/such\n}\n" + router("A", 51, "track_script {\nS\n}"), 5},
		"a notify script that is missing":           {secure + router("A", 51, "notify_master /no/such"), 0},
		"a notify script with an unknown user":      {secure + router("A", 51, "notify_master /bin/true nobody_at_all"), 0},
		"a script that nobody may run, not tracked": {secure + "vrrp_script S {\nscript /no/such\n}\n" + router("A", 51), 5},
	} {
		t.Run(name, func(t *testing.T) {
			l := configtest.Understood(t, tt.text)
			if got := l.TestStatus(); got != tt.status {
				t.Errorf("--config-test ends with %d, want %d; said %v", got, tt.status, l.Diagnostics.All())
			}
		})
	}
}
