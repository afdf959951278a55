package config_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/kconf"
)

// globalLines are lines of global_defs, which settings become other than those
// of an empty file, and what is said. Notes that a keyword is not supported yet
// are left out. That a statement is a mistake, and of which class, was seen with
// keepalived 2.2.7 for every keyword it has.
var globalLines = []struct{ line, changed, diag string }{
	// mail
	{"router_id A", "RouterID=A", ""},
	{"router_id", "", "2:1: router_id: wants one argument, has 0"},
	{"notification_email_from a@b", "EmailFrom=a@b", ""},
	{"notification_email_from", "", "2:1: notification_email_from: wants one argument, has 0"},
	{"smtp_helo_name h", "SMTPHelo=h", ""},
	{"smtp_helo_name", "", ""},
	{"smtp_connect_timeout 4294", "SMTPTimeout=1h11m34s", ""},
	{"smtp_connect_timeout 0", "SMTPTimeout=1s", "2:22: warning: smtp_connect_timeout 0: 1 is used instead"},
	{"smtp_alert", "SMTPAlert=true", ""},
	{"smtp_alert_vrrp off", "AlertVRRP=false", ""},
	{"smtp_alert_checker on", "AlertChecker=true", ""},
	{"no_email_faults", "NoEmailFaults=true", ""},
	{"no_checker_emails", "NoCheckerEmails=true", ""},
	{"notification_email {\n}", "", "2:1: warning: notification_email: no address given"},
	{"notification_email {\na@b c@d\n\"E F <e@f>\"\n}", "Emails=[a@b c@d E F <e@f>]", ""},
	{"smtp_server 10.0.0.1 0", "", "2:22: smtp_server 0: must be 1-65535"},
	{"smtp_server 10.0.0.1:25", "", "2:13: smtp_server 10.0.0.1:25: must be an address or a host name, the port stands apart"},

	// ours
	{"lvs_sweep_interval 2", "LVSSweep=2", ""},
	{"lvs_sweep_interval 0", "", "2:20: lvs_sweep_interval 0: must be 1-86400"},
	{"vrrp_address_lifetime 30", "AddressLifetime=30", ""},
	{"vrrp_address_lifetime 1", "", "2:23: vrrp_address_lifetime 1: must be 2-86400"},
	{"vrrp_address_lifetime", "", "2:1: vrrp_address_lifetime: wants one argument, has 0"},

	// scripts
	{"script_user", "", "2:1: script_user: wants a user"},
	{"script_user root root", "ScriptUser.User=root ScriptUser.Group=root", ""},
	{"enable_script_security", "ScriptSecurity=true", ""},
	{"use_symlink_paths", "SymlinkPaths=true", ""},
	{"set_supplementary_groups yes", "SupplementaryGroups=true", ""},
	{"startup_script_timeout 1000", "Startup.Timeout=16m40s", ""},
	{"startup_script_timeout 1001", "", "2:24: startup_script_timeout 1001: must be 1-1000 seconds"},
	{"shutdown_script_timeout", "", "2:1: shutdown_script_timeout: wants one argument, has 0"},
	{"startup_script", "", "2:1: startup_script: wants one argument, has 0"},
	{"notify_fifo", "", "2:1: notify_fifo: wants one argument, has 0"},
	{"notify_fifo /a root root", "NotifyFIFO.Path=/a NotifyFIFO.User=root NotifyFIFO.Group=root", ""},
	{"notify_fifo /a\nnotify_fifo /b", "NotifyFIFO.Path=/a", "3:1: notify_fifo: given before, the first one counts (see k.conf:2:13)"},
	{"notify_fifo /a nobody_at_all", "NotifyFIFO.Path=/a NotifyFIFO.User=nobody_at_all",
		"2:13: note: FIFO /a: look up user nobody_at_all: user: unknown user nobody_at_all"},
	{"vrrp_notify_fifo /a", "VRRPFIFO.Path=/a", ""},
	{"vrrp_notify_fifo /a\nscript_user root", "ScriptUser.User=root ScriptUser.Group= VRRPFIFO.Path=/a VRRPFIFO.User=root", ""},
	{"notify_fifo /a\nvrrp_notify_fifo /a", "NotifyFIFO.Path=/a", "3:18: note: vrrp_notify_fifo /a: is notify_fifo too and is not used (see k.conf:2:13)"},
	{"lvs_notify_fifo /a\nnotify_fifo /a", "NotifyFIFO.Path=/a", "2:17: note: lvs_notify_fifo /a: is notify_fifo too and is not used (see k.conf:3:13)"},
	{"vrrp_notify_priority_changes", "NotifyPriorityMoves=true", ""},
	{"fifo_write_vrrp_states_on_reload", "StatesOnReload=true", ""},

	// interfaces
	{"dynamic_interfaces", "DynamicInterfaces=true", ""},
	{"dynamic_interfaces allow_if_changes", "DynamicInterfaces=true AllowIfChanges=true", ""},
	{"dynamic_interfaces always", "DynamicInterfaces=true", "2:20: dynamic_interfaces always: only allow_if_changes may follow"},
	{"default_interface eth1", "DefaultInterface=eth1", ""},
	{"default_interface", "", "2:1: default_interface: wants one argument, has 0"},
	{"disable_local_igmp", "DisableLocalIGMP=true", ""},
	{"vmac_prefix v", "VMACPrefix.Text=v VMACAddrPrefix.Text=v", ""},
	{"vmac_prefix v\nvmac_prefix w\nvmac_addr_prefix x", "VMACPrefix.Text=v VMACAddrPrefix.Text=x",
		"3:1: vmac_prefix: given before, the first one counts (see k.conf:2:13)"},

	// the protocol
	{"vrrp_version 3", "VRRPVersion=3", ""},
	{"vrrp_version 4", "", "2:14: vrrp_version 4: must be 2 to 3"},
	{"vrrp_mcast_group4 224.0.0.99", "McastGroup4=224.0.0.99", ""},
	{"vrrp_mcast_group4 10.0.0.1", "", "2:19: vrrp_mcast_group4 10.0.0.1: must be an IPv4 multicast address"},
	{"vrrp_mcast_group4 ff02::12", "", "2:19: vrrp_mcast_group4 ff02::12: must be an IPv4 multicast address"},
	{"vrrp_mcast_group6 ff02::99", "McastGroup6=ff02::99", ""},
	{"vrrp_mcast_group6 ff05::12", "McastGroup6=ff05::12", "2:19: warning: vrrp_mcast_group6 ff05::12: should be a link-local multicast address, ff02::/16"},
	{"vrrp_mcast_group6 fd00::1", "", "2:19: vrrp_mcast_group6 fd00::1: must be an IPv6 multicast address"},
	{"vrrp_mcast_group6 224.0.0.18", "", "2:19: vrrp_mcast_group6 224.0.0.18: must be an IPv6 multicast address"},
	{"vrrp_down_timer_adverts 100", "DownTimerAdverts=100", ""},
	{"vrrp_strict", "Strict=true", ""},
	{"vrrp_strict maybe", "Strict=true", "2:13: note: vrrp_strict maybe: is taken for on; write true or false"},
	{"vrrp_strict off", "", ""},
	{"vrrp_lower_prio_no_advert false", "LowerPrioNoAdvert=false", ""},
	{"vrrp_higher_prio_send_advert", "HigherPrioSend=true", ""},
	{"vrrp_owner_ignore_adverts", "OwnerIgnoreAdverts=true", ""},
	{"vrrp_check_unicast_src", "CheckUnicastSrc=true", ""},
	{"vrrp_skip_check_adv_addr on", "SkipCheckAdvAddr=true", ""},
	{"v3_checksum_as_v2", "ChecksumAsV2=true", ""},
	{"log_unknown_vrids", "LogUnknownVRIDs=true", ""},
	{"vrrp_startup_delay 10\nvrrp_startup_delay 5.5", "StartupDelay=10s", ""},
	{"vrrp_delay_after_boot 0.001", "DelayAfterBoot=1ms", ""},

	// announcements
	{"vrrp_garp_master_delay 0", "GARP.MasterDelay=0s", ""},
	{"vrrp_garp_master_repeat 0", "GARP.MasterRepeat=1", "2:25: warning: vrrp_garp_master_repeat 0: 1 is used instead"},
	{"vrrp_garp_master_refresh 60", "GARP.MasterRefresh=1m0s", ""},
	{"vrrp_garp_master_refresh_repeat 3", "GARP.MasterRefreshRepeat=3", ""},
	{"vrrp_garp_lower_prio_delay 0", "GARP.LowerPrioDelay=0s", ""},
	{"vrrp_garp_lower_prio_repeat 0", "GARP.LowerPrioRepeat=0", ""},
	{"vrrp_garp_interval 0.001", "GARP.Interval=1ms", ""},
	{"vrrp_gna_interval 4294.967295", "GARP.GNAInterval=1h11m34.967295s", ""},
	{"vrrp_gna_interval 0", "", "2:19: vrrp_gna_interval 0: must be 0.000001-4294.967295 seconds"},
	{"vrrp_min_garp", "GARP.MasterDelay=0s GARP.MasterRepeat=1 GARP.MasterRefreshRepeat=0", ""},
	{"vrrp_min_garp off", "", ""},
	{"vrrp_garp_master_delay 7\nvrrp_min_garp\nvrrp_garp_master_repeat 2", "GARP.MasterDelay=7s GARP.MasterRepeat=2 GARP.MasterRefreshRepeat=0", ""},
	{"vrrp_garp_extra_if all 10", "ExtraIf.Interval=10s ExtraIf.All=true", ""},
	{"vrrp_garp_extra_if 86400", "ExtraIf.Interval=24h0m0s", ""},
	{"vrrp_garp_extra_if all", "", "2:1: vrrp_garp_extra_if all: wants seconds"},
	{"vrrp_garp_extra_if each 10", "", "2:20: vrrp_garp_extra_if each: must be 1-86400 seconds"},
	{"vrrp_vmac_garp_intvl 10", "ExtraIf.Interval=10s", "2:1: warning: vrrp_vmac_garp_intvl: old spelling; write vrrp_garp_extra_if instead"},

	// packet filter
	{"nftables", "Firewall.NFTables.Text=keepalived", ""},
	{"nftables a\nnftables b", "Firewall.NFTables.Text=a", "3:1: nftables: given before, the first one counts (see k.conf:2:10)"},
	{"nftables " + strings.Repeat("n", 255), "", `2:10: nftables "` + strings.Repeat("n", 255) + `": must have 1-254 characters`},
	{"nftables_priority -2147483648", "Firewall.Priority=-2147483648", ""},
	{"nftables_ifindex", "Firewall.IfIndex=true", ""},
	{"nftables_counters", "Firewall.Counters=true", ""},
	{"nftables_ipvs", "Firewall.IPVSTable.Text=keepalived_ipvs", ""},
	{"nftables_ipvs_start_fwmark 5\nnftables_ipvs t\nnftables_ipvs_priority 7", "Firewall.IPVSTable.Text=t Firewall.IPVSPriority=7", ""},
	{"nftables_ipvs t\nnftables_ipvs_start_fwmark 5", "Firewall.IPVSTable.Text=t Firewall.IPVSStartFwmark=5", ""},
	{"vrrp_iptables", "Firewall.NFTables.Text=keepalived Firewall.IPTables.In=INPUT Firewall.IPTables.Out=OUTPUT",
		"2:1: warning: vrrp_iptables: there is no iptables here, nftables is used instead; write nftables in place of vrrp_iptables and vrrp_ipsets"},
	{"vrrp_iptables A A", "", "2:17: vrrp_iptables A: the two chains must have different names"},
	{"vrrp_ipsets", "", ""},
	{"vrrp_ipsets a", "", "2:1: note: vrrp_ipsets: has no meaning without vrrp_iptables, ignored"},
	{"vrrp_iptables\nvrrp_ipsets a", "Firewall.NFTables.Text=keepalived Firewall.IPTables.In=INPUT Firewall.IPTables.Out=OUTPUT Firewall.IPSets.IPv4=a Firewall.IPSets.IPv6=a6 " +
		"Firewall.IPSets.IPv6Links=a_if6 Firewall.IPSets.IGMP=a_igmp Firewall.IPSets.MLD=a_mld Firewall.IPSets.ND=a_nd",
		"2:1: warning: vrrp_iptables: there is no iptables here, nftables is used instead; write nftables in place of vrrp_iptables and vrrp_ipsets\n" +
			"3:1: note: vrrp_ipsets: no ipset is made, the addresses are in sets of the nftables tables keepalived"},
	{"vrrp_ipsets a b a", "", "2:17: vrrp_ipsets a: the names must be different; none is used"},

	// IPVS
	{"lvs_timeouts tcp 7200 tcpfin 100 udp 300", "LVSTimeouts.TCP=2h0m0s LVSTimeouts.TCPFin=1m40s LVSTimeouts.UDP=5m0s", ""},
	{"lvs_timeouts udp 10", "LVSTimeouts.TCP=0s LVSTimeouts.TCPFin=0s LVSTimeouts.UDP=10s", ""},
	{"lvs_timeouts", "", "2:1: lvs_timeouts: wants tcp, tcpfin or udp, each with seconds"},
	{"lvs_timeouts tcp", "", "2:1: lvs_timeouts: wants tcp, tcpfin or udp, each with seconds"},
	{"lvs_timeouts sctp 10", "", "2:14: lvs_timeouts sctp: wants tcp, tcpfin or udp, each with seconds"},
	{"lvs_timeouts tcp 10 udp", "", "2:21: lvs_timeouts udp: wants tcp, tcpfin or udp, each with seconds"},
	{"lvs_timeouts tcp 2678401", "", "2:18: lvs_timeouts tcp 2678401: must be 0-2678400"},
	{"lvs_flush", "LVSFlush=true", ""},
	{"lvs_flush_on_stop", "LVSFlushStop.OnlyOurs=false", ""},
	{"lvs_flush_on_stop VS", "LVSFlushStop.OnlyOurs=true", ""},
	{"lvs_flush_onstop VS", "LVSFlushStop.OnlyOurs=true", ""},
	{"lvs_flush_on_stop all", "", "2:19: lvs_flush_on_stop all: only VS may follow"},
	{"lvs_sync_daemon", "", "2:1: lvs_sync_daemon: wants one argument, has 0"},
	{"checker_log_all_failures", "LogAllFailure=true", ""},
	{"rs_init_notifies", "RSInitNotify=true", ""},

	// processes
	{"process_names", "VRRPProcessName=keepalived_vrrp CheckProcessName=keepalived_lvs BFDProcessName=keepalived_bfd", ""},
	{"process_name abcdefghijklmnopq", "ProcessName=abcdefghijklmno", "2:14: warning: process_name abcdefghijklmnopq: more than 15 characters, abcdefghijklmno is used"},
	{"vrrp_process_name v", "VRRPProcessName=v", ""},
	{"checker_process_name c", "CheckProcessName=c", ""},
	{"lvs_process_name c", "CheckProcessName=c", "2:1: note: lvs_process_name: old spelling; write checker_process_name instead"},
	{"bfd_process_name b", "BFDProcessName=b", ""},
	{"umask 022", "Umask=18", ""},
	{"umask 0888", "", "2:7: umask 0888: must be 0..0777 or names such as IWGRP|IWOTH"},
	{"umask IRUSR | IWGRP", "Umask=272", ""},
	{"max_auto_priority", "MaxAutoPriority=99", ""},
	{"max_auto_priority -1", "MaxAutoPriority=-1", ""},
	{"min_auto_priority_delay 10000000", "MinAutoPriorityDelay=10s", ""},
	{"vrrp_priority -20", "VRRPProcess.Nice=-20", ""},
	{"vrrp_priority", "", "2:1: vrrp_priority: wants one argument, has 0"},
	{"checker_priority 20", "", "2:18: checker_priority 20: must be -20 to 19"},
	{"checker_no_swap", "CheckerProcess.NoSwap=true", ""},
	{"bfd_rt_priority 100", "BFDProcess.RTPriority=99", "2:17: warning: bfd_rt_priority 100: 99 is used instead"},
	{"vrrp_cpu_affinity 0 0", "VRRPProcess.CPUs=[0]", ""},
	{"vrrp_cpu_affinity 0\nvrrp_cpu_affinity 0 4096x", "", "3:21: vrrp_cpu_affinity 4096x: must be 0-LAST"},
	{"vrrp_rlimit_rttime 1", "VRRPProcess.RTTime=2µs", ""},
	{"bfd_rlimit_rtime 5000", "BFDProcess.RTTime=5ms", "2:1: note: bfd_rlimit_rtime: old spelling; write bfd_rlimit_rttime instead"},

	// buffers
	{"vrrp_netlink_cmd_rcv_bufs 5\nvrrp_netlink_cmd_rcv_bufs_force", "Buffers.VRRPCommand.Size=5 Buffers.VRRPCommand.Force=true", ""},
	{"vrrp_netlink_monitor_rcv_bufs 5", "Buffers.VRRPMonitor.Size=5", ""},
	{"lvs_netlink_cmd_rcv_bufs 5", "Buffers.LVSCommand.Size=5", ""},
	{"lvs_netlink_monitor_rcv_bufs_force", "Buffers.LVSMonitor.Force=true", ""},
	{"process_monitor_rcv_bufs", "", "2:1: process_monitor_rcv_bufs: wants one argument, has 0"},
	{"vrrp_rx_bufs_policy mtu", "Buffers.VRRPPolicy=MTU", ""},
	{"vrrp_rx_bufs_policy ADVERT Mtu", "Buffers.VRRPPolicy=MTU", "2:28: warning: vrrp_rx_bufs_policy: MTU and ADVERT, MTU is used"},
	{"vrrp_rx_bufs_policy 5000 MTU", "Buffers.VRRPSize=5000", "2:26: warning: vrrp_rx_bufs_policy MTU: the number before it is used"},
	{"vrrp_rx_bufs_policy MTU 5000", "", "2:25: vrrp_rx_bufs_policy 5000: wants MTU, ADVERT or a number of octets"},
	{"vrrp_rx_bufs_policy much", "", "2:21: vrrp_rx_bufs_policy much: must be 0-4294967295"},
	{"vrrp_rx_bufs_multiplier 2", "Buffers.VRRPMultiplier=2", ""},

	// SNMP, D-Bus
	{"snmp_socket udp:localhost:705", "SNMP.Socket.Text=udp:localhost:705", ""},
	{"snmp_socket a b", "", "2:15: snmp_socket b: wants one word"},
	{"snmp_socket a\nsnmp_socket b", "SNMP.Socket.Text=a", "3:1: snmp_socket: given before, the first one counts (see k.conf:2:13)"},
	{"enable_traps", "SNMP.Traps=true", ""},
	{"enable_snmp_vrrp", "SNMP.VRRP=true", ""},
	{"enable_snmp_keepalived", "SNMP.VRRP=true", ""},
	{"enable_snmp_rfc", "SNMP.RFCv2=true SNMP.RFCv3=true", ""},
	{"enable_snmp_checker", "SNMP.Checker=true", ""},
	{"snmp_vs_stats_update_interval 1", "SNMP.VSInterval=1s SNMP.RSInterval=1s", ""},
	{"snmp_rs_stats_update_interval 30", "SNMP.RSInterval=30s", ""},
	{"enable_dbus", "DBus.Enabled=true", ""},
	{"dbus_service_name a.b", "DBus.ServiceName=a.b", ""},
	{"dbus_service_name", "", "2:1: dbus_service_name: wants one argument, has 0"},
	{"dbus_no_interface_name x", "DBus.NoInterfaceName=x", ""},

	// reloads and files
	{"random_seed 0", "RandomSeed=0", ""},
	{"include_check", "", ""},
	{"include_check -match all", "", "2:22: include_check all: must be read, match, wildcard_match or brace_match"},
	{"reload_check_config", "Reload.Check=true Reload.CheckLog=/dev/null", ""},
	{"reload_check_config /l", "Reload.Check=true Reload.CheckLog=/l", ""},
	{"reload_time_file a\nreload_time_file b", "Reload.TimeFile=b", ""},
	{"reload_time_file a b", "", "2:20: reload_time_file b: wants one word, quote one that has blanks"},
	{"reload_time_file", "", "2:1: reload_time_file: wants one argument, has 0"},
	{"reload_repeat", "Reload.Repeat=true", ""},
	{"reload_file", "Reload.Marker=/run/keepalived.reload", ""},
	{"config_save_dir /d", "Files.SaveDir=/d", ""},
	{"tmp_config_directory /d\ntmp_config_directory /e", "Files.TmpDir.Text=/d", "3:1: tmp_config_directory: given before, the first one counts (see k.conf:2:22)"},
	{"data_use_instance", "Files.UseInstance=true", ""},
	{"json_version 2", "Files.JSONVersion=2", ""},
	{"json_version 3", "", "2:14: json_version 3: must be 1-2"},
	{"iproute_usr_dir /u", "Files.IPRouteUsrDir=/u", ""},
	{"iproute_etc_dir /e", "Files.IPRouteEtcDir=/e", ""},
	{"state_dump_file /s", "Files.StateDump=/s", ""},
	{"state_dump_file \"\"", "", "2:17: state_dump_file: the path is empty"},
	{"stats_dump_file /s", "Files.StatsDump=/s", ""},
	{"json_dump_file /s", "Files.JSONDump=/s", ""},
}

// changes lists what is other in got than in base, by the names of the fields;
// places in files are left out.
func changes(base, got reflect.Value, name string) []string {
	if got.Kind() == reflect.Pointer {
		if got.IsNil() {
			return nil
		}
		if base.IsNil() { // all of it is new
			if got.Elem().Kind() != reflect.Struct {
				return []string{fmt.Sprintf("%s=%v", name, got.Elem())}
			}
			var list []string
			for i, f := range reflect.VisibleFields(got.Elem().Type()) {
				if f.Name != "Pos" {
					list = append(list, fmt.Sprintf("%s.%s=%v", name, f.Name, got.Elem().Field(i)))
				}
			}
			return list
		}
		return changes(base.Elem(), got.Elem(), name)
	}
	if _, place := got.Interface().(kconf.Pos); place || reflect.DeepEqual(base.Interface(), got.Interface()) {
		return nil
	}
	if got.Kind() != reflect.Struct || got.Type() == reflect.TypeFor[netip.Addr]() {
		return []string{fmt.Sprintf("%s=%v", name, got)}
	}
	var list []string
	for i := range got.NumField() {
		list = append(list, changes(base.Field(i), got.Field(i), strings.TrimPrefix(name+"."+got.Type().Field(i).Name, "."))...)
	}
	return list
}

func TestGlobalSettings(t *testing.T) {
	base := configtest.Understood(t, "").Config.Global
	for _, tt := range globalLines {
		t.Run(tt.line, func(t *testing.T) {
			l := configtest.Understood(t, "global_defs {\n"+tt.line+"\n}\n")
			got := strings.Join(changes(reflect.ValueOf(base), reflect.ValueOf(l.Config.Global), ""), " ")
			if got != tt.changed {
				t.Errorf("settings\n got %s\nwant %s", got, tt.changed)
			}
			var said []string
			for _, d := range l.Diagnostics.All() {
				if d.ID != "not-supported-yet" {
					said = append(said, strings.TrimPrefix(d.String(), "k.conf:"))
				}
			}
			want := tt.diag
			if at := strings.Index(want, "LAST"); at > 0 && len(said) == 1 { // processors of this machine
				want = want[:at] + said[0][at:]
			}
			if got := strings.Join(said, "\n"); got != want {
				t.Errorf("said\n got %s\nwant %s", got, want)
			}
		})
	}
}

// TestTopLevelScalars: the settings beside global_defs.
func TestTopLevelScalars(t *testing.T) {
	base := configtest.Understood(t, "").Config.Global
	tests := []struct{ line, changed, diag string }{
		{"net_namespace blue", "Namespace=blue", ""},
		{"net_namespace blue\nnet_namespace red", "Namespace=blue", "2:1: net_namespace: given before, the first one counts (see k.conf:1:15)"},
		{"net_namespace", "", "1:1: net_namespace: wants one argument, has 0"},
		{"instance A\ninstance B", "Instance=A UsePIDDir=true", "2:1: instance: given before, the first one counts (see k.conf:1:10)"},
		{"net_namespace_ipvs", "NamespaceIPVS=", ""},
		{"net_namespace_ipvs red", "NamespaceIPVS=red", ""},
		{"namespace_with_ipsets", "NamespaceWithIPSets=true", ""},
		{"use_pid_dir", "UsePIDDir=true", ""},
		{"linkbeat_use_polling", "LinkbeatPolling=true", ""},
		{"child_wait_time 0", "ChildWait=0s", ""},
		{"child_wait_time 4294967296", "", "1:17: child_wait_time 4294967296: must be 0-4294967295 seconds"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			l := configtest.Understood(t, tt.line)
			if got := strings.Join(changes(reflect.ValueOf(base), reflect.ValueOf(l.Config.Global), ""), " "); got != tt.changed {
				t.Errorf("settings\n got %s\nwant %s", got, tt.changed)
			}
			if got := strings.ReplaceAll(strings.Join(configtest.Lines(l), "\n"), "k.conf:", ""); got != strings.ReplaceAll(tt.diag, "k.conf:", "") {
				t.Errorf("said\n got %s\nwant %s", got, tt.diag)
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
	process := config.ProcessSettings{RTTime: 10 * time.Millisecond}
	want := config.Globals{
		SMTPTimeout: 30 * time.Second, DefaultInterface: "eth0", VRRPVersion: 2, DownTimerAdverts: 3, ChildWait: 5 * time.Second,
		Startup: config.RunOnce{Timeout: 10 * time.Second}, Shutdown: config.RunOnce{Timeout: 10 * time.Second},
		McastGroup4: netip.MustParseAddr("224.0.0.18"), McastGroup6: netip.MustParseAddr("ff02::12"),
		VMACPrefix: config.Once{Text: "vrrp"}, VMACAddrPrefix: config.Once{Text: "vrrp"},
		GARP:        config.GARPDefaults{MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1},
		Firewall:    config.Firewall{Priority: -1, IPVSPriority: -1, IPVSStartFwmark: 1000},
		VRRPProcess: process, CheckerProcess: process, BFDProcess: process, MinAutoPriorityDelay: time.Second,
		Buffers: config.Buffers{VRRPMultiplier: 3},
		SNMP:    config.SNMP{Socket: config.Once{Text: "unix:/var/agentx/master"}, VSInterval: 5 * time.Second, RSInterval: 5 * time.Second},
		DBus:    config.DBus{ServiceName: "org.keepalived.Vrrp1", NoInterfaceName: "none"},
		Files:   config.Files{JSONVersion: 1},
	}
	if diff := cmp.Diff(want, g, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

// TestAMailRelayGetsNamesFromThisMachine: without smtp_server nobody needs them.
func TestAMailRelayGetsNamesFromThisMachine(t *testing.T) {
	g := configtest.Understood(t, "global_defs {\nsmtp_server mail.example.com 587\n}\n").Config.Global
	if g.SMTPServer == nil || g.SMTPServer.Host != "mail.example.com" || g.SMTPServer.Port != 587 {
		t.Errorf("mail relay %+v", g.SMTPServer)
	}
	if g.SMTPHelo == "" || !strings.HasSuffix(g.EmailFrom, "@"+g.SMTPHelo) {
		t.Errorf("HELO %q, from %q", g.SMTPHelo, g.EmailFrom)
	}
}

// TestNamesOfIPSetsAreMadeFromTheFirst: vrrp_ipsets.
func TestNamesOfIPSetsAreMadeFromTheFirst(t *testing.T) {
	for words, want := range map[string]config.IPSets{
		"a":           {IPv4: "a", IPv6: "a6", IPv6Links: "a_if6", IGMP: "a_igmp", MLD: "a_mld", ND: "a_nd"},
		"a b":         {IPv4: "a", IPv6: "b", IPv6Links: "a_if6", IGMP: "a_igmp", MLD: "a_mld", ND: "a_nd"},
		"a b c d e f": {IPv4: "a", IPv6: "b", IPv6Links: "c", IGMP: "d", MLD: "e", ND: "f"},
	} {
		sets := configtest.Understood(t, "global_defs {\nvrrp_iptables\nvrrp_ipsets "+words+"\n}\n").Config.Global.Firewall.IPSets
		if sets == nil {
			t.Errorf("%s: no sets", words)
			continue
		}
		want.Pos = sets.Pos
		if *sets != want {
			t.Errorf("%s: %+v, want %+v", words, *sets, want)
		}
	}
}

// TestScriptsOfTheDaemonAreLookedAtLikeHooks: startup, shutdown and the readers
// of FIFOs; exit status as with keepalived 2.2.7.
func TestScriptsOfTheDaemonAreLookedAtLikeHooks(t *testing.T) {
	for text, want := range map[string]int{
		"startup_script /bin/true":   6,
		"startup_script /bin/nosuch": 0,
		"script_user root\nenable_script_security\nstartup_script /bin/true":                             0,
		"startup_script /bin/true\nstartup_script /bin/true":                                             6,
		"script_user root\nenable_script_security\nshutdown_script /bin/true\nshutdown_script /bin/true": 5,
		"startup_script /bin/true nosuchuser":                                                            5,
		"notify_fifo /tmp/f\nnotify_fifo_script /bin/true":                                               0, // of nothing: no process starts it
		"lvs_notify_fifo_script":                                                                         5,
	} {
		if got := configtest.Understood(t, "global_defs {\n"+text+"\n}\n").TestStatus(); got != want {
			t.Errorf("%s\n--config-test ends with %d, want %d", text, got, want)
		}
	}
}

// TestOneFIFOHasOneReader: keepalived keeps that of VRRP.
func TestOneFIFOHasOneReader(t *testing.T) {
	g := configtest.Understood(t, "global_defs {\nvrrp_notify_fifo /f\nvrrp_notify_fifo_script /bin/true\nlvs_notify_fifo /f\nlvs_notify_fifo_script /bin/false\n}\n").Config.Global
	if got := g.VRRPFIFO.Script.String(); got != "'/bin/true' '/f'" {
		t.Errorf("vrrp_notify_fifo is read by %s", got)
	}
	if g.LVSFIFO.Script != nil || g.LVSFIFO.Path != "/f" {
		t.Errorf("lvs_notify_fifo %+v", g.LVSFIFO)
	}
}

// TestVirtualAddressesHaveTheLifetimeThatIsWritten: also where global_defs stands
// behind them; static ones have none.
func TestVirtualAddressesHaveTheLifetimeThatIsWritten(t *testing.T) {
	text := configtest.With("virtual_ipaddress_excluded {\n10.9.0.150/24\n}") + "static_ipaddress {\n10.5.0.1/24 dev eth0\n}\nglobal_defs {\nvrrp_address_lifetime 30\n}\n"
	c := configtest.Understood(t, text).Config
	in := c.Instances[0]
	if in.Addresses[0].ValidLft != 30 || in.Excluded[0].ValidLft != 30 || c.Statics.Addresses[0].ValidLft != 0 {
		t.Errorf("lifetimes %d, %d, static %d, want 30, 30, none", in.Addresses[0].ValidLft, in.Excluded[0].ValidLft, c.Statics.Addresses[0].ValidLft)
	}
}
