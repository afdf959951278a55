package config

import (
	"time"

	"holdfast/kconf"
)

// SNMP says what is told to the master agent of an SNMP daemon.
type SNMP struct {
	Socket  Once // address of the master agent
	Traps   bool
	VRRP    bool // the VRRP part of keepalived's MIB
	RFCv2   bool // VRRP-MIB of RFC 2787
	RFCv3   bool // VRRPV3-MIB of RFC 6527
	Checker bool // the part of keepalived's MIB about servers

	VSInterval time.Duration // least age of a virtual server's statistics before they are read again
	RSInterval time.Duration // the same for real servers; default VSInterval
}

// DBus is how the D-Bus interface presents itself.
type DBus struct {
	Enabled         bool
	ServiceName     string
	NoInterfaceName string // stands for the interface of an instance that has none
}

// snmpKeywords are the rows about SNMP and D-Bus.
var snmpKeywords = notYet(kconf.Vocabulary[Globals]{
	{Name: "snmp_socket", Args: "ADDRESS", Default: "unix:/var/agentx/master", Since: "1.2.20",
		Doc: "Address of the AgentX master agent, as Net-SNMP writes it.",
		Set: kconf.Custom("STR", "exactly one word, first wins", setSNMPSocket).MissingIs(kconf.ClassGeneral)},
	flagRow("enable_traps", "1.2.5", "Send SNMP traps.", func(g *Globals) *bool { return &g.SNMP.Traps }),
	mibRow("enable_snmp_vrrp", "2.0.0", "the VRRP part of keepalived's MIB", func(g *Globals) *bool { return &g.SNMP.VRRP }),
	flagRow("enable_snmp_keepalived", "1.2.20", "Old name of enable_snmp_vrrp.", func(g *Globals) *bool { return &g.SNMP.VRRP }),
	{Name: "enable_snmp_rfc", Default: "off", Since: "1.2.20",
		Doc: "Answer for both MIBs of the RFCs.",
		Set: kconf.Custom("flag", "", func(_ *kconf.Ctx, g *Globals, _ *kconf.Stmt) { g.SNMP.RFCv2, g.SNMP.RFCv3 = true, true })},
	mibRow("enable_snmp_rfcv2", "1.2.20", "the MIB of version 2 (RFC 2787)", func(g *Globals) *bool { return &g.SNMP.RFCv2 }),
	mibRow("enable_snmp_rfcv3", "1.2.20", "the MIB of version 3 (RFC 6527)", func(g *Globals) *bool { return &g.SNMP.RFCv3 }),
	mibRow("enable_snmp_checker", "1.2.20", "the part of keepalived's MIB about servers", func(g *Globals) *bool { return &g.SNMP.Checker }),
	{Name: "snmp_vs_stats_update_interval", Args: "SECONDS", Default: "5", Since: "2.3.0",
		Doc: "Least age of a virtual server's statistics before SNMP reads them again.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.SNMP.VSInterval }, time.Millisecond, 30*time.Second, 6)},
	{Name: "snmp_rs_stats_update_interval", Args: "SECONDS", Default: "snmp_vs_stats_update_interval", Since: "2.3.0",
		Doc: "Least age of a real server's statistics before SNMP reads them again.",
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &g.SNMP.RSInterval }, time.Millisecond, 30*time.Second, 6)},

	flagRow("enable_dbus", "1.3.0", "Offer the D-Bus interface.", func(g *Globals) *bool { return &g.DBus.Enabled }),
	{Name: "dbus_service_name", Args: "NAME", Default: "org.keepalived.Vrrp1", Since: "1.3.7",
		Doc: "Name to own on the bus.",
		Set: kconf.String(func(g *Globals) *string { return &g.DBus.ServiceName }).MissingIs(kconf.ClassGeneral)},
	{Name: "dbus_no_interface_name", Args: "NAME", Default: "none", Since: "2.3.0",
		Doc: "What stands for the interface in the path of an instance that has none.",
		Set: kconf.String(func(g *Globals) *string { return &g.DBus.NoInterfaceName }).MissingIs(kconf.ClassGeneral)},
}...)

// mibRow is a part of the MIBs, which -x switches on, too.
func mibRow(name, since, what string, field func(*Globals) *bool) kconf.Keyword[Globals] {
	row := flagRow(name, since, "Answer for "+what+".", field)
	row.Default = "off (on with -x)"
	return row
}

func setSNMPSocket(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args, socket := s.Args(), &g.SNMP.Socket
	switch {
	case len(args) > 1:
		x.Errorf(args[1].Pos, kconf.ClassGeneral, "extra-arguments", "%s %s: wants one word", s.Keyword(), args[1].Text)
	case socket.Pos.IsValid():
		repeated(x, s, socket.Pos)
	default:
		*socket = Once{args[0].Text, args[0].Pos}
	}
}
