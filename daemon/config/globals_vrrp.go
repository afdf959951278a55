package config

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/kconf"
	"holdfast/vrrp"
)

// interfaceKeywords are the rows about network interfaces.
var interfaceKeywords = kconf.Vocabulary[Globals]{
	{Name: "dynamic_interfaces", Args: "[allow_if_changes]", Default: "off", Since: "2.0.0",
		Doc: "Accept interfaces that do not exist yet; with the word, one may come back as another type.",
		Set: kconf.Custom("flag+word", "", setDynamicInterfaces)},
	{Name: "default_interface", Args: "IF", Default: "eth0", Since: "1.2.24",
		Doc: "Link of static addresses that name none.",
		Set: kconf.Iface(func(g *Globals) *string { return &g.DefaultInterface }).MissingIs(kconf.ClassGeneral)},
	{Name: "disable_local_igmp", Default: "off", Since: "2.2.0",
		Doc: "Turn off the kernel's IGMP reports for link-local multicast, of the whole host, until the daemon ends.",
		Set: kconf.Flag(func(g *Globals) *bool { return &g.DisableLocalIGMP }, true).Says("flag", "kernel 4.3+")},
	{Name: "vmac_prefix", Args: "NAME", Default: "vrrp", Since: "2.2.0",
		Doc: "Beginning of the names made for VMAC interfaces: NAME.VRID.",
		Set: firstWord("STR", "first one wins", func(g *Globals) *Once { return &g.VMACPrefix })},
	{Name: "vmac_addr_prefix", Args: "NAME", Default: "vmac_prefix", Since: "2.2.0",
		Doc: "Beginning of the names made for VMAC interfaces of addresses on other links.",
		Set: firstWord("STR", "first one wins", func(g *Globals) *Once { return &g.VMACAddrPrefix })},
}

// vrrpKeywords are the rows about the protocol.
var vrrpKeywords = slices.Concat(kconf.Vocabulary[Globals]{
	{Name: "vrrp_version", Args: "NUMBER", Default: "2", Since: "1.2.20",
		Doc: "Protocol version of IPv4 instances that set none (RFC 3768: 2, RFC 9568: 3).",
		Set: kconf.Int(func(g *Globals) *int8 { return &g.VRRPVersion }, 2, 3)},
	{Name: "vrrp_mcast_group4", Args: "ADDRESS", Default: "224.0.0.18", Since: "1.2.10",
		Doc: "IPv4 multicast group of advertisements (RFC 9568 section 5.1.1.2).",
		Set: kconf.Custom("IP4 multicast", "", setMcastGroup4)},
	{Name: "vrrp_mcast_group6", Args: "ADDRESS", Default: "ff02::12", Since: "1.2.10",
		Doc: "IPv6 multicast group of advertisements (RFC 9568 section 5.1.2.2).",
		Set: kconf.Custom("IP6 multicast", "link-local expected", setMcastGroup6)},
	{Name: "vrrp_down_timer_adverts", Args: "NUMBER", Default: "3", Since: "2.2.3",
		Doc: "Intervals without an advertisement after which the master counts as gone.",
		Set: kconf.Uint(func(g *Globals) *uint8 { return &g.DownTimerAdverts }, 1, 100)},
	{Name: "vrrp_lower_prio_no_advert", Args: "[BOOL]", Default: "false (true if strict)", Since: "1.2.20",
		Doc: "As master, do not answer an advertisement of lower priority.",
		Set: kconf.OptBool(func(g *Globals) **bool { return &g.LowerPrioNoAdvert }).Says("BOOL", "")},
	boolRow("vrrp_higher_prio_send_advert", "1.3.5", "As master, send one more advertisement when yielding.",
		func(g *Globals) *bool { return &g.HigherPrioSend }),
	{Name: "vrrp_owner_ignore_adverts", Args: "[BOOL]", Default: "false (true if strict)", Since: "2.3.3",
		Doc: "Address owners ignore all advertisements.",
		Set: kconf.OptBool(func(g *Globals) **bool { return &g.OwnerIgnoreAdverts }).Says("BOOL", "")},
	flagRow("vrrp_check_unicast_src", "1.2.20", "Accept unicast advertisements only from configured peers.",
		func(g *Globals) *bool { return &g.CheckUnicastSrc }),
	onRow("vrrp_skip_check_adv_addr", "1.2.20", "Do not compare the address list of a master that was compared before.",
		func(g *Globals) *bool { return &g.SkipCheckAdvAddr }),
	flagRow("v3_checksum_as_v2", "2.2.8", "Leave the pseudo header out of version 3 checksums of IPv4 instances that do not say.",
		func(g *Globals) *bool { return &g.ChecksumAsV2 }),
	onRow("vrrp_strict", "1.2.20", "Enforce what the RFC says for instances without strict_mode.",
		func(g *Globals) *bool { return &g.Strict }),
}, kconf.Vocabulary[Globals]{
	flagRow("log_unknown_vrids", "2.0.16", "Log advertisements of virtual routers that are not configured on their link.",
		func(g *Globals) *bool { return &g.LogUnknownVRIDs }),
	{Name: "vrrp_startup_delay", Args: "SECONDS", Default: "0", Since: "2.0.14",
		Doc: "How long instances wait after the start of the daemon; the longest one that is written counts.",
		Set: kconf.Custom("DEC6 s", "0.001..4294.967295", setStartupDelay)},
	{Name: "vrrp_delay_after_boot", Args: "SECONDS", Default: "0", Since: "2.4.0",
		Doc: "Time since the start of the system that instances wait for.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.DelayAfterBoot }, time.Millisecond, maxFraction, 6)},
})

// onRow is a boolRow of one of the two keywords whose argument keepalived 2.2.7
// does not look at: another word than those of a BOOL is no mistake.
func onRow(name, since, doc string, field func(*Globals) *bool) kconf.Keyword[Globals] {
	row := boolRow(name, since, doc, field)
	set := row.Set.Do
	row.Set.Do = func(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
		if args := s.Args(); len(args) > 0 && !slices.Contains([]string{"true", "on", "yes", "false", "off", "no"}, args[0].Text) {
			x.Notef(args[0].Pos, "not-a-bool", "%s %s: is taken for on; write true or false", s.Keyword(), args[0].Text)
			*field(g) = true
			return
		}
		set(x, g, s)
	}
	return row
}

func setDynamicInterfaces(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	g.DynamicInterfaces = true
	switch args := s.Args(); {
	case len(args) == 0:
	case args[0].Text == "allow_if_changes":
		g.AllowIfChanges = true
	default:
		x.Errorf(args[0].Pos, kconf.ClassGeneral, "unknown-option", "%s %s: only allow_if_changes may follow", s.Keyword(), args[0].Text)
	}
}

func setMcastGroup4(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	if a, _, ok := multicast(x, s, "an IPv4", netip.Addr.Is4); ok {
		g.McastGroup4 = a
	}
}

// setMcastGroup6 uses a group that is not link-local all the same, as keepalived does.
func setMcastGroup6(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	a, w, ok := multicast(x, s, "an IPv6", netip.Addr.Is6)
	if !ok {
		return
	}
	if !a.IsLinkLocalMulticast() {
		x.Warnf(w.Pos, kconf.ClassWarning, "not-link-local", "%s %s: should be a link-local multicast address, ff02::/16", s.Keyword(), w.Text)
	}
	g.McastGroup6 = a
}

func multicast(x *kconf.Ctx, s *kconf.Stmt, which string, family func(netip.Addr) bool) (netip.Addr, kconf.Word, bool) {
	w, ok := x.OneArg(s)
	if !ok {
		return netip.Addr{}, w, false
	}
	a, ok := kconf.ParseAddr(x, w, s.Keyword())
	if ok && (!family(a) || !a.IsMulticast()) {
		x.Errorf(w.Pos, kconf.ClassGeneral, "not-multicast", "%s %s: must be %s multicast address", s.Keyword(), w.Text, which)
		return a, w, false
	}
	return a, w, ok
}

func setStartupDelay(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	if d, ok := kconf.ParseSeconds(x, w, s.Keyword(), time.Millisecond, maxFraction, 6); ok {
		g.StartupDelay = max(g.StartupDelay, d)
	}
}

// vrrpDefaults are the globals that instances take over.
func (g *Globals) vrrpDefaults() vrrp.Defaults {
	d := vrrp.Defaults{
		Version: uint8(g.VRRPVersion), Group4: g.McastGroup4, Group6: g.McastGroup6, DownTimerAdverts: int(g.DownTimerAdverts),
		HigherPrioSendAdvert: g.HigherPrioSend, SkipCheckAdvAddr: g.SkipCheckAdvAddr, CheckUnicastSrc: g.CheckUnicastSrc,
		ChecksumAsV2: g.ChecksumAsV2, Announce: g.GARP.announce(), Strict: g.Strict,
		SMTPAlertVRRP: g.AlertVRRP, SMTPAlert: g.SMTPAlert, PriorityChanges: g.NotifyPriorityMoves,
	}
	if g.ExtraIf.Interval > 0 {
		d.ExtraGARP = &vrrp.ExtraGARP{All: g.ExtraIf.All, Every: g.ExtraIf.Interval}
	}
	if g.LowerPrioNoAdvert != nil {
		d.LowerPrioNoAdvert = *g.LowerPrioNoAdvert
	}
	if g.OwnerIgnoreAdverts != nil {
		d.OwnerIgnoreAdverts = *g.OwnerIgnoreAdverts
	}
	return d
}
