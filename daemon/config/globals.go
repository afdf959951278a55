package config

import (
	"net/netip"
	"time"

	"holdfast/kconf"
)

// Globals is what global_defs and the scalars beside it set. A nil pointer is
// a value that was not given and takes its default from elsewhere.
type Globals struct {
	RouterID      string // default: host name
	Emails        []string
	EmailFrom     string
	SMTPServer    *SMTPServer
	SMTPHelo      string
	SMTPTimeout   time.Duration
	SMTPAlert     *bool
	AlertVRRP     *bool
	AlertChecker  *bool
	NoEmailFaults bool
	// NoCheckerEmails: mail only when a real server is added or removed.
	NoCheckerEmails bool

	ScriptUser     *Account
	ScriptSecurity bool

	DynamicInterfaces bool
	DefaultInterface  string

	VRRPVersion         int8
	McastGroup4         netip.Addr
	DownTimerAdverts    uint8
	GARP                GARPDefaults
	LowerPrioNoAdvert   *bool
	HigherPrioSend      bool
	CheckUnicastSrc     bool
	SkipCheckAdvAddr    bool
	NotifyPriorityMoves bool

	LVSTimeouts   *LVSTimeouts
	LVSFlush      bool
	LVSFlushStop  *FlushOnStop
	SyncDaemon    *SyncDaemon
	LogAllFailure bool
	RSInitNotify  bool

	Umask            *int
	ChildWait        time.Duration
	Namespace        string
	Instance         string
	UsePIDDir        bool
	ProcessName      string
	VRRPProcessName  string
	CheckProcessName string
}

// Account is USER [GROUP] of script_user.
type Account struct {
	User, Group string
	Pos         kconf.Pos
}

// SMTPServer is the relay of smtp_server.
type SMTPServer struct {
	Host string // name or address
	Port uint16
	Pos  kconf.Pos
}

// GARPDefaults are the vrrp_garp_* values, which an instance may override.
type GARPDefaults struct {
	MasterDelay         time.Duration
	MasterRepeat        uint32
	MasterRefresh       time.Duration
	MasterRefreshRepeat uint32
	LowerPrioDelay      *time.Duration // nil: MasterDelay
	LowerPrioRepeat     *uint32        // nil: MasterRepeat
	Interval            time.Duration  // between two gratuitous ARPs on a link
}

// LVSTimeouts is lvs_timeouts; 0 leaves the kernel's own.
type LVSTimeouts struct{ TCP, TCPFin, UDP time.Duration }

// FlushOnStop is lvs_flush_on_stop: the whole table, or only our services.
type FlushOnStop struct{ OnlyOurs bool }

// SyncDaemon is lvs_sync_daemon, or the instance keyword that came before it.
type SyncDaemon struct {
	Interface string
	Instance  string // "": both roles at once
	ID        *uint8
	MaxLen    uint16
	Port      uint16
	TTL       uint8
	Group     netip.Addr
	Pos       kconf.Pos
}

// defaultGlobals are the values of an empty file.
func defaultGlobals() Globals {
	return Globals{
		SMTPTimeout:      30 * time.Second,
		DefaultInterface: "eth0",
		VRRPVersion:      2,
		McastGroup4:      netip.AddrFrom4([4]byte{224, 0, 0, 18}), // RFC 9568 section 5.1.1.2
		DownTimerAdverts: 3,
		GARP: GARPDefaults{
			MasterDelay: 5 * time.Second, MasterRepeat: 5, MasterRefreshRepeat: 1,
		},
		ChildWait: 5 * time.Second,
	}
}

const (
	maxGARPDelay = 4294 * time.Second
	longestTime  = 4294967295 * time.Second
	maxUint32    = 1<<32 - 1
)

// globalKeywords is the vocabulary of global_defs.
var globalKeywords = append(kconf.Vocabulary[Globals]{
	{Name: "router_id", Args: "NAME", Default: "local host name", Since: "1.1.8",
		Doc: "Name of this node in alert mails.",
		Set: kconf.String(func(g *Globals) *string { return &g.RouterID })},
	{Name: "notification_email", Args: "{ ADDRESS... }", Since: "0.5.3",
		Doc: "Recipients of alert mails.",
		Set: kconf.Custom("word block", "", setEmails).WithBlock()},
	{Name: "notification_email_from", Args: "ADDRESS", Default: "login@hostname", Since: "0.5.3",
		Doc: "Sender of alert mails.",
		Set: kconf.String(func(g *Globals) *string { return &g.EmailFrom })},
	{Name: "smtp_server", Args: "HOST [PORT]", Default: "none, port 25", Since: "0.5.3",
		Doc: "Mail relay for alerts; without one no mail is sent.",
		Set: kconf.Custom("IP or DNS name", "port 1..65535", setSMTPServer)},
	{Name: "smtp_helo_name", Args: "NAME", Default: "local host name", Since: "1.2.20",
		Doc: "Name given in HELO to the mail relay.",
		Set: kconf.String(func(g *Globals) *string { return &g.SMTPHelo })},
	{Name: "smtp_connect_timeout", Args: "SECONDS", Default: "30", Since: "0.5.3",
		Doc: "Limit for connecting to the mail relay.",
		Set: kconf.SecondsZeroIs(func(g *Globals) *time.Duration { return &g.SMTPTimeout }, time.Second, time.Second, maxGARPDelay, 0)},
	{Name: "smtp_alert", Args: "[BOOL]", Default: "unset", Since: "2.0.0",
		Doc: "Default of every smtp_alert further down.",
		Set: kconf.OptBool(func(g *Globals) **bool { return &g.SMTPAlert })},
	{Name: "smtp_alert_vrrp", Args: "[BOOL]", Default: "smtp_alert", Since: "2.0.0",
		Doc: "Default of smtp_alert for VRRP instances and groups.",
		Set: kconf.OptBool(func(g *Globals) **bool { return &g.AlertVRRP })},
	{Name: "smtp_alert_checker", Args: "[BOOL]", Default: "smtp_alert", Since: "2.0.0",
		Doc: "Default of smtp_alert for virtual and real servers.",
		Set: kconf.OptBool(func(g *Globals) **bool { return &g.AlertChecker })},
	{Name: "no_email_faults", Default: "off", Since: "2.0.0",
		Doc: "Send no mail for FAULT.",
		Set: kconf.Flag(func(g *Globals) *bool { return &g.NoEmailFaults }, true)},
	{Name: "no_checker_emails", Args: "[BOOL]", Default: "false", Since: "2.0.0",
		Doc: "Mail only when a real server comes or goes, not for each checker.",
		Set: kconf.Bool(func(g *Globals) *bool { return &g.NoCheckerEmails })},

	{Name: "script_user", Args: "USER [GROUP]", Default: "keepalived_script if it exists, else the daemon's user", Since: "1.3.0",
		Doc: "Account for scripts that name none.",
		Set: kconf.Custom("USER [GROUP]", "must exist", setScriptUser)},
	{Name: "enable_script_security", Default: "off", Since: "1.3.0",
		Doc: "Refuse scripts run by root whose path others can write to.",
		Set: kconf.Flag(func(g *Globals) *bool { return &g.ScriptSecurity }, true)},

	{Name: "dynamic_interfaces", Args: "[allow_if_changes]", Default: "off", Since: "2.0.0",
		Doc: "Accept interfaces that do not exist yet.",
		Set: kconf.Custom("flag+word", "allow_if_changes", setDynamicInterfaces)},
	{Name: "default_interface", Args: "INTERFACE", Default: "eth0", Since: "1.2.24",
		Doc: "Link of static addresses that name none.",
		Set: kconf.Iface(func(g *Globals) *string { return &g.DefaultInterface })},

	{Name: "vrrp_version", Args: "NUMBER", Default: "2", Since: "1.2.20",
		Doc: "Protocol version of IPv4 instances that set none (RFC 3768: 2, RFC 9568: 3).",
		Set: kconf.Int(func(g *Globals) *int8 { return &g.VRRPVersion }, 2, 3)},
	{Name: "vrrp_mcast_group4", Args: "ADDRESS", Default: "224.0.0.18", Since: "1.2.10",
		Doc: "IPv4 multicast group of advertisements.",
		Set: kconf.Custom("IP4 multicast", "224.0.0.0/4", setMcastGroup4)},
	{Name: "vrrp_down_timer_adverts", Args: "NUMBER", Default: "3", Since: "2.2.3",
		Doc: "Intervals without an advertisement after which the master counts as gone.",
		Set: kconf.Uint(func(g *Globals) *uint8 { return &g.DownTimerAdverts }, 1, 100)},
	{Name: "vrrp_garp_master_delay", Args: "SECONDS", Default: "5", Since: "1.2.20",
		Doc: "Pause before the second burst of gratuitous ARP after becoming master; 0: none.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.GARP.MasterDelay }, 0, maxGARPDelay, 0)},
	{Name: "vrrp_garp_master_repeat", Args: "NUMBER", Default: "5", Since: "1.2.20",
		Doc: "Gratuitous ARPs an address in one burst.",
		Set: kconf.UintClamped(func(g *Globals) *uint32 { return &g.GARP.MasterRepeat }, 1, maxUint32)},
	{Name: "vrrp_garp_master_refresh", Args: "SECONDS", Default: "0", Since: "1.2.20",
		Doc: "Period of gratuitous ARP while master; 0: none.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.GARP.MasterRefresh }, 0, longestTime, 0)},
	{Name: "vrrp_garp_master_refresh_repeat", Args: "NUMBER", Default: "1", Since: "1.2.20",
		Doc: "Gratuitous ARPs an address in a periodic burst.",
		Set: kconf.UintClamped(func(g *Globals) *uint32 { return &g.GARP.MasterRefreshRepeat }, 1, maxUint32)},
	{Name: "vrrp_garp_lower_prio_delay", Args: "SECONDS", Default: "vrrp_garp_master_delay", Since: "1.2.20",
		Doc: "Pause before the second burst after a lower priority was heard.",
		Set: kconf.OptSeconds(func(g *Globals) **time.Duration { return &g.GARP.LowerPrioDelay }, 0, maxGARPDelay, 0)},
	{Name: "vrrp_garp_lower_prio_repeat", Args: "NUMBER", Default: "vrrp_garp_master_repeat", Since: "1.2.20",
		Doc: "Gratuitous ARPs an address after a lower priority was heard.",
		Set: kconf.OptUint(func(g *Globals) **uint32 { return &g.GARP.LowerPrioRepeat }, 0, 1<<31-1)},
	{Name: "vrrp_garp_interval", Args: "SECONDS", Default: "0", Since: "1.2.21",
		Doc: "Least time between two gratuitous ARPs on a link.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.GARP.Interval }, time.Microsecond, longestTime/1000, 6)},
	{Name: "vrrp_lower_prio_no_advert", Args: "[BOOL]", Default: "false", Since: "1.2.20",
		Doc: "As master, do not answer an advertisement of lower priority.",
		Set: kconf.OptBool(func(g *Globals) **bool { return &g.LowerPrioNoAdvert })},
	{Name: "vrrp_higher_prio_send_advert", Args: "[BOOL]", Default: "false", Since: "1.3.5",
		Doc: "As master, send one more advertisement when yielding.",
		Set: kconf.Bool(func(g *Globals) *bool { return &g.HigherPrioSend })},
	{Name: "vrrp_check_unicast_src", Default: "off", Since: "1.2.20",
		Doc: "Accept unicast advertisements only from configured peers.",
		Set: kconf.Flag(func(g *Globals) *bool { return &g.CheckUnicastSrc }, true)},
	{Name: "vrrp_skip_check_adv_addr", Args: "[BOOL]", Default: "false", Since: "1.2.20",
		Doc: "Do not compare the address list of a master that was compared before.",
		Set: kconf.Bool(func(g *Globals) *bool { return &g.SkipCheckAdvAddr })},
	{Name: "vrrp_notify_priority_changes", Args: "[BOOL]", Default: "false", Since: "2.0.16", Status: kconf.NotYet,
		Doc: "Also report changes of priority on the FIFOs.",
		Set: kconf.Bool(func(g *Globals) *bool { return &g.NotifyPriorityMoves })},

	{Name: "lvs_timeouts", Args: "[tcp S] [tcpfin S] [udp S]", Default: "the kernel's", Since: "1.2.24",
		Doc: "IPVS connection timeouts, put back at stop.",
		Set: kconf.Custom("UINT s", "0..2678400 each", setLVSTimeouts)},
	{Name: "lvs_flush", Default: "off", Since: "1.2.23",
		Doc: "Empty the IPVS table at start.",
		Set: kconf.Flag(func(g *Globals) *bool { return &g.LVSFlush }, true)},
	{Name: "lvs_flush_on_stop", Aliases: []string{"lvs_flush_onstop"}, Args: "[VS]", Default: "off", Since: "2.2.0",
		Doc: "At stop empty the IPVS table at once; with VS only our services.",
		Set: kconf.Custom("flag+word", "VS", setFlushOnStop)},
	{Name: "lvs_sync_daemon", Args: "IF [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]", Since: "1.2.20",
		Default: "id: VRID of the instance or 0",
		Doc:     "Run the IPVS connection synchronisation; with an instance its role follows that instance.",
		Set:     kconf.Custom("mixed", "id 0..255, maxlen 1..65507, port 1..65535, ttl 1..255", setSyncDaemon)},
	{Name: "checker_log_all_failures", Args: "[BOOL]", Default: "false", Since: "2.0.11",
		Doc: "Log each failed probe, not only the one that changes the state.",
		Set: kconf.Bool(func(g *Globals) *bool { return &g.LogAllFailure })},
	{Name: "rs_init_notifies", Args: "[BOOL]", Default: "false", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Run notify_up for real servers that are up from the start.",
		Set: kconf.Bool(func(g *Globals) *bool { return &g.RSInitNotify })},

	{Name: "umask", Args: "NUMBER", Default: "0177", Since: "2.0.9",
		Doc: "File creation mask; -u goes before it.",
		Set: kconf.Custom("number", "0..0777", setUmask)},
	{Name: "process_name", Args: "NAME", Default: "name of the program", Since: "2.0.16",
		Doc: "Process name of the parent, 15 characters.",
		Set: kconf.String(func(g *Globals) *string { return &g.ProcessName })},
	{Name: "vrrp_process_name", Args: "NAME", Default: "name of the program", Since: "2.0.16",
		Doc: "Process name of the VRRP child, 15 characters.",
		Set: kconf.String(func(g *Globals) *string { return &g.VRRPProcessName })},
	{Name: "checker_process_name", Aliases: []string{"lvs_process_name"}, Args: "NAME", Default: "name of the program", Since: "2.2.0",
		Doc: "Process name of the health check child, 15 characters.",
		Set: kconf.String(func(g *Globals) *string { return &g.CheckProcessName })},
	{Name: "process_names", Default: "off", Since: "2.0.16",
		Doc: "Give the children the names keepalived_vrrp and keepalived_lvs.",
		Set: kconf.Custom("flag", "", setProcessNames)},
}, knownOnly("use_symlink_paths", "set_supplementary_groups", "startup_script", "startup_script_timeout",
	"shutdown_script", "shutdown_script_timeout", "max_auto_priority", "min_auto_priority_delay", "bfd_process_name",
	"disable_local_igmp", "v3_checksum_as_v2", "vrrp_mcast_group6", "vrrp_gna_interval", "vrrp_min_garp",
	"vrrp_garp_extra_if", "vrrp_vmac_garp_intvl", "vrrp_iptables", "vrrp_ipsets", "nftables", "nftables_priority",
	"nftables_ifindex", "nftables_counters", "vrrp_strict", "vrrp_priority", "vrrp_no_swap", "vrrp_rt_priority",
	"vrrp_cpu_affinity", "vrrp_rlimit_rttime", "vrrp_rlimit_rtime", "nftables_ipvs", "nftables_ipvs_priority",
	"nftables_ipvs_start_fwmark", "notify_fifo", "notify_fifo_script", "vrrp_notify_fifo", "vrrp_notify_fifo_script",
	"fifo_write_vrrp_states_on_reload", "lvs_notify_fifo", "lvs_notify_fifo_script", "checker_priority",
	"checker_no_swap", "checker_rt_priority", "checker_cpu_affinity", "checker_rlimit_rttime", "checker_rlimit_rtime",
	"bfd_priority", "bfd_no_swap", "bfd_rt_priority", "bfd_cpu_affinity", "bfd_rlimit_rttime", "bfd_rlimit_rtime",
	"snmp_socket", "enable_traps", "enable_snmp_vrrp", "enable_snmp_keepalived", "enable_snmp_rfc",
	"enable_snmp_rfcv2", "enable_snmp_rfcv3", "enable_snmp_checker", "snmp_vs_stats_update_interval",
	"snmp_rs_stats_update_interval", "enable_dbus", "dbus_service_name", "dbus_no_interface_name",
	"vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs_force", "vrrp_netlink_monitor_rcv_bufs",
	"vrrp_netlink_monitor_rcv_bufs_force", "process_monitor_rcv_bufs", "process_monitor_rcv_bufs_force",
	"lvs_netlink_cmd_rcv_bufs", "lvs_netlink_cmd_rcv_bufs_force", "lvs_netlink_monitor_rcv_bufs",
	"lvs_netlink_monitor_rcv_bufs_force", "vrrp_rx_bufs_policy", "vrrp_rx_bufs_multiplier", "vrrp_startup_delay",
	"vrrp_delay_after_boot", "log_unknown_vrids", "vrrp_owner_ignore_adverts", "vmac_prefix", "vmac_addr_prefix",
	"random_seed", "reload_check_config", "reload_time_file", "reload_repeat", "reload_file", "include_check",
	"config_save_dir", "tmp_config_directory", "data_use_instance", "json_version", "iproute_usr_dir",
	"iproute_etc_dir", "state_dump_file", "stats_dump_file", "json_dump_file")...)

// knownOnly are keywords of keepalived that are recognised and do nothing yet.
func knownOnly(names ...string) kconf.Vocabulary[Globals] {
	rows := make(kconf.Vocabulary[Globals], len(names))
	for i, n := range names {
		rows[i] = kconf.Keyword[Globals]{Name: n, Status: kconf.KnowOnly}
	}
	return rows
}
