package vrrp

import (
	"net/netip"
	"time"

	"holdfast/kconf"
)

// InstanceConfig is one vrrp_instance block as written: a nil pointer is a
// keyword that was not there, so that global defaults can take its place.
// Address, route and rule lines stay lines; the daemon reads them.
type InstanceConfig struct {
	Name string
	Pos  kconf.Pos

	State     string // MASTER, BACKUP or ""
	Interface string
	VRID      uint8 // 0: not given
	Version   *uint8
	Priority  *uint8
	Interval  *time.Duration // advert_int

	NativeIPv6       bool
	NoPreempt        bool
	PreemptDelay     time.Duration
	PreemptPos       kconf.Pos // of nopreempt or preempt_delay
	DownTimerAdverts *int
	StrictMode       *bool

	McastSrc, UnicastSrc, McastDst netip.Addr
	TrackSrcIP                     bool
	Peers                          []Peer
	UnicastKeyword                 bool // any unicast keyword was written
	UnicastTTL                     *uint8
	UnicastFaultNoPeer             bool
	CheckUnicastSrc                bool

	Auth    *AuthConfig
	AuthPos kconf.Pos
	HasHMAC kconf.Pos // of auth_hmac; invalid when absent

	VirtualAddresses  []*kconf.Stmt
	ExcludedAddresses []*kconf.Stmt
	VirtualRoutes     []*kconf.Stmt
	VirtualRules      []*kconf.Stmt
	NoVirtualAddress  bool
	SkipCheckAdvAddr  *bool
	ChecksumAsV2      *bool
	Accept            *bool

	Tracks           Tracks
	DontTrackPrimary bool

	GarpMasterDelay, GarpMasterRefresh, GarpLowerPrioDelay         *uint32 // seconds
	GarpMasterRepeat, GarpMasterRefreshRepeat, GarpLowerPrioRepeat *uint32
	LowerPrioNoAdvert, HigherPrioSendAdvert, OwnerIgnoreAdverts    *bool
	Notify                                                         Notify
	NotifyMasterRxLowerPri                                         *kconf.Script
	NotifyDeleted                                                  *kconf.Script
	NotifyDeletedSet                                               bool
	Debug                                                          uint8
	PromoteSecondaries                                             bool
	SyncDaemonInterface                                            string // lvs_sync_daemon_interface
}

// AuthConfig is the authentication block.
type AuthConfig struct {
	Type    string // PASS or AH
	Pass    string
	PassPos kconf.Pos
}

// Notify are the hooks that instances and groups share.
type Notify struct {
	Master, Backup, Fault, Stop, Any *kconf.Script
	SMTPAlert, PriorityChanges       *bool
}

// Tracks are the lines of the track blocks of an instance or group.
type Tracks struct {
	Interfaces, Scripts, Files, Processes, BFDs []*kconf.Stmt
}

// GroupConfig is one vrrp_sync_group block.
type GroupConfig struct {
	Name           string
	Pos            kconf.Pos
	Members        []kconf.Word
	Tracks         Tracks
	TrackingWeight bool // members keep their weighted trackers
	Notify         Notify
}

type instanceKW = kconf.Keyword[InstanceConfig]

// InstanceKeywords is the vocabulary of vrrp_instance.
var InstanceKeywords = func() kconf.Vocabulary[InstanceConfig] {
	v := kconf.Vocabulary[InstanceConfig]{
		{Name: "state", Args: "MASTER|BACKUP", Default: "MASTER if priority 255, else BACKUP",
			Doc: "Initial state; only decides the default priority, since a router that is not the owner listens first.",
			Set: kconf.Custom("ENUM", "MASTER or BACKUP", setState)},
		{Name: "interface", Args: "IF", Doc: "Interface of adverts, and of addresses without another.",
			Set: kconf.Iface(func(c *InstanceConfig) *string { return &c.Interface })},
		{Name: "virtual_router_id", Args: "NUMBER", Doc: "VRID that tells virtual routers on one LAN apart (RFC 9568 section 5.2.3).",
			Set: kconf.Uint(func(c *InstanceConfig) *uint8 { return &c.VRID }, 1, 255)},
		{Name: "version", Args: "2|3", Default: "vrrp_version; 3 for IPv6", Since: "1.2.17", Doc: "Protocol version.",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint8 { return &c.Version }, 2, 3)},
		{Name: "priority", Args: "NUMBER", Default: "255 if state MASTER, else 100", Doc: "Base priority; 255 is the address owner (RFC 9568 section 5.2.4).",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint8 { return &c.Priority }, 1, 255)},
		{Name: "advert_int", Args: "SECONDS", Default: "1", Doc: "Advertisement_Interval; fractions need version 3.",
			Set: kconf.OptSeconds(func(c *InstanceConfig) **time.Duration { return &c.Interval }, 10*time.Millisecond, 255*time.Second, 6)},
		{Name: "native_ipv6", Doc: "Force IPv6 and version 3.", Deprecated: "IPv6 addresses say so already",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.NativeIPv6 }, true)},
		{Name: "preempt", Doc: "Cancel an earlier nopreempt.", Default: "on",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.NoPreempt }, false)},
		{Name: "nopreempt", Since: "1.1.8", Doc: "Preempt_Mode off: a working Active router of lower priority keeps its place (RFC 9568 section 6.1).",
			Set: kconf.Custom("flag", "", func(_ *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) { c.NoPreempt, c.PreemptPos = true, s.Pos() })},
		{Name: "preempt_delay", Args: "SECONDS", Default: "0", Since: "1.1.8", Doc: "How long to listen to an Active router of lower priority before taking over.",
			Set: kconf.Custom("DEC6 s", "0..1000", setPreemptDelay)},
		{Name: "down_timer_adverts", Args: "NUMBER", Default: "vrrp_down_timer_adverts", Since: "2.2.3", Doc: "Missed adverts before the Active router is down.",
			Set: kconf.OptInt(func(c *InstanceConfig) **int { return &c.DownTimerAdverts }, 1, 100)},
		{Name: "strict_mode", Args: "[BOOL]", Default: "vrrp_strict", Since: "1.2.20", Doc: "Enforce RFC behaviour for this instance.", Status: kconf.NotYet,
			Set: kconf.OptBool(func(c *InstanceConfig) **bool { return &c.StrictMode })},
		{Name: "mcast_src_ip", Args: "IP", Default: "primary address of the interface", Doc: "Source address of adverts.",
			Set: kconf.Addr(func(c *InstanceConfig) *netip.Addr { return &c.McastSrc })},
		{Name: "unicast_src_ip", Args: "IP", Default: "primary address of the interface", Since: "1.2.10", Doc: "Source address of unicast adverts.",
			Set: kconf.Addr(func(c *InstanceConfig) *netip.Addr { return &c.UnicastSrc })},
		{Name: "mcast_dst_ip", Args: "IP", Default: "global group", Since: "2.2.5", Doc: "Another multicast group.",
			Set: kconf.Custom("IP", "multicast", setMcastDst)},
		{Name: "track_src_ip", Since: "2.0.0", Doc: "Fault while the configured source address is missing.", Status: kconf.NotYet,
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.TrackSrcIP }, true)},
		{Name: "unicast_peer", Args: "{ IP [min_ttl N] [max_ttl N] ... }", Since: "1.2.8", Doc: "Send adverts to these peers instead of multicast.",
			Set: kconf.Setter[InstanceConfig]{Type: "line block", Range: "TTL 0..255", Takes: kconf.WantsBlock, Do: setPeers}},
		{Name: "unicast_ttl", Args: "NUMBER", Default: "255", Since: "2.1.0", Doc: "TTL of unicast adverts.",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint8 { return &c.UnicastTTL }, 0, 255)},
		{Name: "unicast_fault_no_peer", Since: "2.2.5", Doc: "Fault rather than multicast when no peer is given.",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.UnicastFaultNoPeer }, true)},
		{Name: "check_unicast_src", Default: "vrrp_check_unicast_src", Since: "2.1.0", Doc: "Accept unicast adverts only from configured peers.",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.CheckUnicastSrc }, true)},
		{Name: "old_unicast_checksum", Args: "[never]", Since: "1.3.7", Status: kconf.KnowOnly, Doc: "Checksum of unicast version 3 as before 1.3.7; on receipt both are accepted."},
		{Name: "authentication", Args: "{ ... }", Doc: "Authentication of version 2 (RFC 2338 section 5.3.6).",
			Set: kconf.Block(AuthKeywords, func(_ *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) *AuthConfig {
				c.Auth, c.AuthPos = &AuthConfig{}, s.Pos()
				return c.Auth
			})},
		{Name: "auth_hmac", Args: "{ ... }", Since: "2.4.0", Status: kconf.NotYet, Doc: "HMAC-SHA256 trailer of adverts; the instance stays in Fault meanwhile.",
			Set: kconf.Setter[InstanceConfig]{Type: "block", Takes: kconf.WantsBlock,
				Do: func(_ *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) { c.HasHMAC = s.Pos() }}},
		{Name: "virtual_ipaddress", Args: "{ ADDRESS ... }", Doc: "Virtual addresses, sent in adverts.",
			Set: kconf.Lines(func(c *InstanceConfig) *[]*kconf.Stmt { return &c.VirtualAddresses })},
		{Name: "virtual_ipaddress_excluded", Args: "{ ADDRESS ... }", Since: "0.5.9", Doc: "Virtual addresses that adverts do not name.",
			Set: kconf.Lines(func(c *InstanceConfig) *[]*kconf.Stmt { return &c.ExcludedAddresses })},
		{Name: "virtual_routes", Args: "{ ROUTE ... }", Doc: "Routes present while Active.",
			Set: kconf.Lines(func(c *InstanceConfig) *[]*kconf.Stmt { return &c.VirtualRoutes })},
		{Name: "virtual_rules", Args: "{ RULE ... }", Since: "1.2.20", Doc: "Policy rules present while Active.",
			Set: kconf.Lines(func(c *InstanceConfig) *[]*kconf.Stmt { return &c.VirtualRules })},
		{Name: "no_virtual_ipaddress", Since: "2.2.8", Doc: "Permit an instance without virtual addresses.",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.NoVirtualAddress }, true)},
		{Name: "skip_check_adv_addr", Args: "[BOOL]", Default: "vrrp_skip_check_adv_addr", Since: "1.2.20", Doc: "Do not compare the addresses of adverts with ours.",
			Set: kconf.OptBool(func(c *InstanceConfig) **bool { return &c.SkipCheckAdvAddr })},
		{Name: "v3_checksum_as_v2", Args: "[BOOL]", Default: "global v3_checksum_as_v2", Since: "2.2.8", Doc: "Send version 3 IPv4 checksums without pseudo header; both are accepted.",
			Set: kconf.OptBool(func(c *InstanceConfig) **bool { return &c.ChecksumAsV2 })},
		{Name: "accept", Default: "on unless strict", Since: "1.2.17", Doc: "Accept packets to virtual addresses although not the owner (RFC 9568 section 6.1).",
			Set: kconf.Custom("flag", "", func(_ *kconf.Ctx, c *InstanceConfig, _ *kconf.Stmt) { yes := true; c.Accept = &yes })},
		{Name: "no_accept", Since: "1.3.0", Status: kconf.NotYet, Doc: "Drop packets to virtual addresses when not the owner.",
			Set: kconf.Custom("flag", "", func(_ *kconf.Ctx, c *InstanceConfig, _ *kconf.Stmt) { no := false; c.Accept = &no })},
		{Name: "dont_track_primary", Since: "1.1.8", Doc: "Ignore the link state of the instance's interface.",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.DontTrackPrimary }, true)},
		{Name: "garp_master_delay", Args: "SECONDS", Default: "vrrp_garp_master_delay", Doc: "Second announcement so long after becoming Active.",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint32 { return &c.GarpMasterDelay }, 0, 4294)},
		{Name: "garp_master_refresh", Args: "SECONDS", Default: "vrrp_garp_master_refresh", Doc: "Period of announcements while Active; 0: none.",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint32 { return &c.GarpMasterRefresh }, 0, 1<<32-1)},
		{Name: "garp_master_repeat", Args: "NUMBER", Default: "vrrp_garp_master_repeat", Doc: "Packets per address in an announcement.",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint32 { return &c.GarpMasterRepeat }, 0, 1<<32-1)},
		{Name: "garp_master_refresh_repeat", Args: "NUMBER", Default: "vrrp_garp_master_refresh_repeat", Doc: "Packets per address in a periodic announcement.",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint32 { return &c.GarpMasterRefreshRepeat }, 0, 1<<32-1)},
		{Name: "garp_lower_prio_delay", Args: "SECONDS", Default: "vrrp_garp_lower_prio_delay", Doc: "Second announcement so long after a lower advert.",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint32 { return &c.GarpLowerPrioDelay }, 0, 4294)},
		{Name: "garp_lower_prio_repeat", Args: "NUMBER", Default: "vrrp_garp_lower_prio_repeat", Doc: "Packets per address after a lower advert; 0: none.",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint32 { return &c.GarpLowerPrioRepeat }, 0, 1<<31-1)},
		{Name: "lower_prio_no_advert", Args: "[BOOL]", Default: "global value", Since: "1.2.20", Doc: "Do not answer lower adverts.",
			Set: kconf.OptBool(func(c *InstanceConfig) **bool { return &c.LowerPrioNoAdvert })},
		{Name: "higher_prio_send_advert", Args: "[BOOL]", Default: "global value", Since: "1.3.5", Doc: "Send one advert before yielding.",
			Set: kconf.OptBool(func(c *InstanceConfig) **bool { return &c.HigherPrioSendAdvert })},
		{Name: "owner_ignore_adverts", Args: "[BOOL]", Default: "global value", Since: "2.3.3", Doc: "The address owner drops all adverts.",
			Set: kconf.OptBool(func(c *InstanceConfig) **bool { return &c.OwnerIgnoreAdverts })},
		{Name: "debug", Args: "NUMBER", Default: "0", Doc: "Stored, no effect, as in keepalived.",
			Set: kconf.Uint(func(c *InstanceConfig) *uint8 { return &c.Debug }, 0, 4)},
		{Name: "promote_secondaries", Since: "1.3.0", Status: kconf.NotYet, Doc: "Set the sysctl of that name on the interface.",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.PromoteSecondaries }, true)},
		{Name: "notify_master_rx_lower_pri", Args: "SCRIPT [USER [GROUP]]", Since: "2.0.6", Doc: "Run when an Active router hears a lower advert.",
			Set: kconf.ScriptLine(func(c *InstanceConfig) **kconf.Script { return &c.NotifyMasterRxLowerPri })},
		{Name: "lvs_sync_daemon_interface", Args: "IF", Since: "0.5.5", Doc: "Interface of an IPVS sync daemon that follows this instance.",
			Deprecated: "lvs_sync_daemon in global_defs", DeprecatedAs: kconf.ClassGeneral,
			Set: kconf.Iface(func(c *InstanceConfig) *string { return &c.SyncDaemonInterface })},
		{Name: "notify_deleted", Args: "[SCRIPT [USER [GROUP]]]", Since: "2.1.0", Doc: "Report DELETED instead of FAULT when a reload removes the instance.",
			Set: kconf.Custom("SCRIPT", "", setNotifyDeleted)},
	}
	v = append(v, trackRows(func(c *InstanceConfig) *Tracks { return &c.Tracks })...)
	v = append(v, notifyRows(func(c *InstanceConfig) *Notify { return &c.Notify })...)
	for _, k := range []instanceKW{
		{Name: "use_vmac", Args: "[NAME] [MAC]", Since: "1.2.3", Doc: "Run on a macvlan with the virtual MAC address."},
		{Name: "use_vmac_addr", Since: "2.2.0", Doc: "VMACs for addresses on other interfaces."},
		{Name: "vmac_xmit_base", Since: "1.2.10", Doc: "Adverts on the parent interface."},
		{Name: "use_ipvlan", Args: "[NAME] [IP] [MODE]", Since: "2.0.17", Doc: "Run on an ipvlan interface."},
		{Name: "vrf", Args: "IF", Since: "2.2.5", Doc: "VRF to operate in."},
		{Name: "linkbeat_use_polling", Since: "2.0.0", Doc: "Poll the link state.", Deprecated: "linkbeat_interfaces", DeprecatedAs: kconf.ClassGeneral},
		{Name: "timer_expired_backup", Args: "[NUMBER]", Since: "2.2.8", Doc: "Revert to Backup when running very late."},
		{Name: "thread_timer_expired", Args: "[NUMBER]", Since: "2.3.2", Doc: "As timer_expired_backup.", Deprecated: "timer_expired_backup", DeprecatedAs: kconf.ClassGeneral},
		{Name: "garp_extra_if", Args: "[all] SECONDS", Since: "2.2.3", Doc: "Periodic announcements on further interfaces."},
		{Name: "vmac_garp_intvl", Args: "[all] SECONDS", Since: "2.2.0", Doc: "As garp_extra_if.", Deprecated: "garp_extra_if", DeprecatedAs: kconf.ClassDeprecated},
		{Name: "kernel_rx_buf_size", Args: "BYTES", Since: "2.0.3", Doc: "Receive buffer of the socket."},
	} {
		k.Status = kconf.KnowOnly
		v = append(v, k)
	}
	return v
}()

// AuthKeywords is the vocabulary of authentication.
var AuthKeywords = kconf.Vocabulary[AuthConfig]{
	{Name: "auth_type", Args: "PASS|AH", Doc: "Clear text password, or IPsec AH.",
		Set: kconf.Enum(func(c *AuthConfig) *string { return &c.Type }, "PASS", "AH")},
	{Name: "auth_pass", Args: "STRING", Doc: "Shared password; eight octets count.",
		Set: kconf.Custom("STR", "1..8 octets", setPass)},
}

// GroupKeywords is the vocabulary of vrrp_sync_group.
var GroupKeywords = func() kconf.Vocabulary[GroupConfig] {
	v := kconf.Vocabulary[GroupConfig]{
		{Name: "group", Args: "{ INSTANCE ... }", Doc: "Member instances.",
			Set: kconf.Words(func(c *GroupConfig) *[]kconf.Word { return &c.Members })},
		{Name: "sync_group_tracking_weight", Since: "2.0.0", Doc: "Members keep their weighted trackers.",
			Set: kconf.Flag(func(c *GroupConfig) *bool { return &c.TrackingWeight }, true)},
		{Name: "global_tracking", Doc: "As sync_group_tracking_weight.", Deprecated: "sync_group_tracking_weight", DeprecatedAs: kconf.ClassGeneral,
			Set: kconf.Flag(func(c *GroupConfig) *bool { return &c.TrackingWeight }, true)},
	}
	v = append(v, trackRows(func(c *GroupConfig) *Tracks { return &c.Tracks })...)
	return append(v, notifyRows(func(c *GroupConfig) *Notify { return &c.Notify })...)
}()

func notifyRows[C any](n func(*C) *Notify) []kconf.Keyword[C] {
	hook := func(name, doc string, field func(*Notify) **kconf.Script) kconf.Keyword[C] {
		return kconf.Keyword[C]{Name: name, Args: "SCRIPT [USER [GROUP]]", Doc: doc,
			Set: kconf.ScriptLine(func(c *C) **kconf.Script { return field(n(c)) })}
	}
	return []kconf.Keyword[C]{
		hook("notify_backup", "Run on entering BACKUP.", func(n *Notify) **kconf.Script { return &n.Backup }),
		hook("notify_master", "Run on entering MASTER.", func(n *Notify) **kconf.Script { return &n.Master }),
		hook("notify_fault", "Run on entering FAULT.", func(n *Notify) **kconf.Script { return &n.Fault }),
		hook("notify_stop", "Run when VRRP stops.", func(n *Notify) **kconf.Script { return &n.Stop }),
		hook("notify", "Run on any change, with kind, name, state and priority appended.", func(n *Notify) **kconf.Script { return &n.Any }),
		{Name: "smtp_alert", Args: "[BOOL]", Default: "smtp_alert_vrrp, smtp_alert, else false", Doc: "Mail on changes of state.",
			Set: kconf.OptBool(func(c *C) **bool { return &n(c).SMTPAlert })},
		{Name: "notify_priority_changes", Args: "[BOOL]", Default: "vrrp_notify_priority_changes", Doc: "Report changes of priority on FIFOs.",
			Set: kconf.OptBool(func(c *C) **bool { return &n(c).PriorityChanges })},
	}
}
