package vrrp

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/kconf"
)

// InstanceKeywords is the vocabulary of vrrp_instance.
var InstanceKeywords = slices.Concat(protocolRows(), hostRows(),
	trackRows(func(c *InstanceConfig) *Tracks { return &c.Tracks }, map[string]string{
		"track_interface": "1.0.1", "track_script": "1.1.13", "track_file": "2.0.0", "track_process": "2.0.11", "track_bfd": "2.0.0",
	}),
	notifyRows(func(c *InstanceConfig) *Notify { return &c.Notify }, "sync group value, else vrrp_notify_priority_changes", map[string]string{
		"notify_backup": "0.5.9", "notify_master": "0.5.9", "notify_fault": "0.5.9", "notify_stop": "1.1.13", "notify": "0.5.3",
		"smtp_alert": "0.5.7", "notify_priority_changes": "2.0.16",
	}))

// protocolRows are the keywords that say what is sent, when, and to whom.
func protocolRows() kconf.Vocabulary[InstanceConfig] {
	return kconf.Vocabulary[InstanceConfig]{
		{Name: "state", Args: "MASTER or BACKUP", Default: "MASTER if priority 255 else BACKUP", Since: "0.5.3",
			Doc: "Initial state; only decides the default priority, since a router that is not the owner listens first.",
			Set: kconf.Custom("ENUM", "exact upper case", setState)},
		{Name: "interface", Args: "IF", Default: "required without unicast", Since: "0.5.3",
			Doc: "Interface of adverts, and of addresses without another.",
			Set: kconf.Iface(func(c *InstanceConfig) *string { return &c.Interface }).Says("IFNAME max 15 chars", "must exist unless dynamic_interfaces; not loopback")},
		{Name: "virtual_router_id", Args: "N", Default: "required", Since: "0.5.3",
			Doc: "VRID that tells virtual routers on one LAN apart (RFC 9568 section 5.2.3).",
			Set: kconf.Uint(func(c *InstanceConfig) *uint8 { return &c.VRID }, 1, 255)},
		{Name: "version", Args: "N", Default: "vrrp_version; 3 for IPv6", Since: "1.2.17",
			Doc: "Protocol version.",
			Set: kconf.Custom("INT", "2..3", setVersion)},
		{Name: "priority", Args: "N", Default: "255 if state MASTER given, else 100", Since: "0.5.3",
			Doc: "Base priority; 255 is the address owner (RFC 9568 section 5.2.4).",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint8 { return &c.Priority }, 1, 255)},
		{Name: "advert_int", Args: "SECS", Default: "1", Since: "0.5.3",
			Doc: "Advertisement_Interval; fractions need version 3.",
			Set: kconf.OptSeconds(func(c *InstanceConfig) **time.Duration { return &c.Interval }, 10*time.Millisecond, 255*time.Second, 6).Says("DEC6 s", "0.01..255 while parsing")},
		{Name: "native_ipv6", Default: "off", Since: "1.2.1", Deprecated: "leave it out, IPv6 addresses say so already",
			Doc: "Force IPv6 and version 3.",
			Set: kconf.Custom("flag", "", setNativeIPv6)},
		{Name: "preempt", Default: "on", Since: "0.5.3",
			Doc: "Cancel an earlier nopreempt.",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.NoPreempt }, false)},
		{Name: "nopreempt", Default: "off", Since: "1.1.8",
			Doc: "Preempt_Mode off: a working Active router of lower priority keeps its place (RFC 9568 section 6.1).",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.NoPreempt }, true)},
		{Name: "preempt_delay", Args: "SECS", Default: "0", Since: "1.1.8",
			Doc: "How long to listen to an Active router of lower priority before taking over.",
			Set: kconf.Custom("DEC6 s", "0..1000", setPreemptDelay)},
		{Name: "down_timer_adverts", Args: "N", Default: "vrrp_down_timer_adverts", Since: "2.2.3",
			Doc: "Missed adverts before the Active router is down.",
			Set: kconf.OptInt(func(c *InstanceConfig) **int { return &c.DownTimerAdverts }, 1, 100).Says("UINT", "1..100")},
		{Name: "timer_expired_backup", Args: "[N]", Default: "off; 254 without value", Since: "2.2.8",
			Doc: "Become Backup, before sending anything, when running so late that a router of this priority has taken over.",
			Set: kconf.Custom("UINT", "1..254", setTimerExpired)},
		{Name: "thread_timer_expired", Args: "[N]", Default: "off", Since: "2.3.2", Deprecated: "write timer_expired_backup instead", DeprecatedAs: kconf.ClassGeneral,
			Doc: "The name that the manual once gave timer_expired_backup.",
			Set: kconf.Custom("UINT", "1..254", setTimerExpired)},
		{Name: "strict_mode", Args: "[BOOL]", Default: "vrrp_strict", Since: "1.2.20",
			Doc: "Enforce RFC behaviour for this instance.",
			Set: kconf.OptBool(func(c *InstanceConfig) **bool { return &c.StrictMode })},
		{Name: "mcast_src_ip", Args: "IP", Default: "primary interface address", Since: "0.6.1",
			Doc: "Source address of adverts.",
			Set: kconf.Custom("IP", "family of instance", setSource(func(c *InstanceConfig) *netip.Addr { return &c.McastSrc }))},
		{Name: "mcast_dst_ip", Args: "IP", Default: "global group", Since: "2.2.5",
			Doc: "Another multicast group.",
			Set: kconf.Custom("IP multicast", "IPv6 must be link-local", setMcastDst).Says("IP multicast", "IPv6 must be link-local")},
		{Name: "unicast_src_ip", Args: "IP", Default: "primary interface address", Since: "1.2.10",
			Doc: "Source address of unicast adverts.",
			Set: kconf.Custom("IP", "family of instance", setSource(func(c *InstanceConfig) *netip.Addr { return &c.UnicastSrc }))},
		{Name: "track_src_ip", Default: "off", Since: "2.0.0",
			Doc: "Fault while the configured source address is missing.",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.TrackSrcIP }, true)},
		{Name: "unicast_peer", Args: "{ IP [min_ttl N] [max_ttl N] ... }", Default: "TTL 0..255", Since: "1.2.8",
			Doc: "Send adverts to these peers instead of multicast.",
			Set: kconf.Custom("line block", "TTL 0..255, same family", setPeers).WithVocab(PeerLine).Says("line block", "TTL 0..255, same family")},
		{Name: "unicast_ttl", Args: "N", Default: "255 IPv4, kernel default IPv6", Since: "2.1.0",
			Doc: "TTL or hop limit of unicast adverts.",
			Set: kconf.OptUint(func(c *InstanceConfig) **uint8 { return &c.UnicastTTL }, 0, 255)},
		{Name: "unicast_fault_no_peer", Default: "off", Since: "2.2.5",
			Doc: "Fault rather than multicast when no peer is given.",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.UnicastFaultNoPeer }, true)},
		{Name: "check_unicast_src", Default: "vrrp_check_unicast_src", Since: "2.1.0",
			Doc: "Accept unicast adverts only from configured peers.",
			Set: kconf.Flag(func(c *InstanceConfig) *bool { return &c.CheckUnicastSrc }, true)},
		{Name: "old_unicast_checksum", Args: "[never]", Default: "auto detect", Since: "1.3.7",
			Doc: "Checksum of unicast version 3 as before 1.3.7; on receipt both are accepted.",
			Set: kconf.Custom("flag+word", "", setOldChecksum)},
		{Name: "authentication", Args: "{ ... }", Default: "none", Since: "0.5.3",
			Doc: "Authentication of version 2 (RFC 2338 section 5.3.6).",
			Set: kconf.Block(AuthKeywords, beginAuth).Says("block", "")},
		{Name: "auth_hmac", Args: "{ ... }", Default: "none", Since: "2.4.0",
			Doc: "HMAC-SHA256 trailer behind adverts, in both versions and families.",
			Set: kconf.BlockEnd(HMACKeywords, beginHMAC, nil).Says("block", "")},
		{Name: "v3_checksum_as_v2", Args: "[BOOL]", Default: "global v3_checksum_as_v2", Since: "2.2.8",
			Doc: "Send version 3 IPv4 checksums without pseudo header; both are accepted.",
			Set: kconf.OptBool(func(c *InstanceConfig) **bool { return &c.ChecksumAsV2 }).Says("BOOL", "")},
		{Name: "skip_check_adv_addr", Args: "[BOOL]", Default: "vrrp_skip_check_adv_addr", Since: "1.2.20",
			Doc: "Do not compare the addresses of adverts with ours.",
			Set: kconf.OptBool(func(c *InstanceConfig) **bool { return &c.SkipCheckAdvAddr }).Says("BOOL", "")},
		{Name: "kernel_rx_buf_size", Args: "BYTES", Default: "global policy", Since: "2.0.3",
			Doc: "Receive buffer of the socket, in octets; those of instances that share it add up.",
			Set: kconf.Custom("UINT", "0..4294967295", setRxBuffer)},
		{Name: "debug", Args: "N", Default: "0", Since: "0.5.3",
			Doc: "Stored, no effect, as in keepalived.",
			Set: kconf.Uint(func(c *InstanceConfig) *uint8 { return &c.Debug }, 0, 4)},
	}
}

// AuthKeywords is the vocabulary of authentication.
var AuthKeywords = kconf.Vocabulary[AuthConfig]{
	{Name: "auth_type", Args: "PASS or AH", Default: "none", Since: "0.5.3",
		Doc: "Clear text password, or IPsec AH.",
		Set: kconf.Enum(func(c *AuthConfig) *string { return &c.Type }, "PASS", "AH").Says("ENUM", "exact upper case")},
	{Name: "auth_pass", Args: "STR", Default: "none", Since: "0.5.3",
		Doc: "Shared password; eight octets count.",
		Set: kconf.Custom("STR", "first 8 bytes used", setPass)},
}
