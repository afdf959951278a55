package config

import (
	"net/netip"
	"strings"
	"time"

	"holdfast/kconf"
)

// SMTPServer is the relay of smtp_server.
type SMTPServer struct {
	Host string // name or address
	Port uint16
	Pos  kconf.Pos
}

// mailKeywords are the rows about alert mails.
var mailKeywords = kconf.Vocabulary[Globals]{
	{Name: "router_id", Args: "NAME", Default: "local host name", Since: "1.1.8",
		Doc: "Name of this node in alert mails.",
		Set: kconf.String(func(g *Globals) *string { return &g.RouterID }).MissingIs(kconf.ClassGeneral)},
	{Name: "notification_email", Args: "{ ADDRESS... }", Default: "none", Since: "0.5.3",
		Doc: "Recipients of alert mails; quote an address with a display name.",
		Set: kconf.Custom("word block", "", setEmails).WithVocab(kconf.Entries{
			{Name: "<ADDR>", Type: "STR", Doc: "One recipient."},
		})},
	{Name: "notification_email_from", Args: "ADDRESS", Default: "login@hostname when smtp_server set", Since: "0.5.3",
		Doc: "Sender of alert mails; quote an address with a display name.",
		Set: kconf.String(func(g *Globals) *string { return &g.EmailFrom }).Says("STR", "one word (quote for display name)").MissingIs(kconf.ClassGeneral)},
	{Name: "smtp_server", Args: "HOST [PORT]", Default: "none, port 25", Since: "0.5.3",
		Doc: "Mail relay for alerts; without one no mail is sent.",
		Set: kconf.Custom("IP or DNS name", "PORT 1..65535", setSMTPServer)},
	{Name: "smtp_helo_name", Args: "NAME", Default: "local host name when smtp_server set", Since: "1.2.20",
		Doc: "Name given in HELO to the mail relay.",
		Set: kconf.Custom("STR", "", setHelo)},
	{Name: "smtp_connect_timeout", Args: "SECONDS", Default: "30", Since: "0.5.3",
		Doc: "Limit for connecting to the mail relay.",
		Set: kconf.SecondsZeroIs(func(g *Globals) *time.Duration { return &g.SMTPTimeout }, time.Second, time.Second, maxGARPDelay, 0)},
	{Name: "smtp_alert", Args: "[BOOL]", Default: "unset", Since: "2.0.0",
		Doc: "Default of every smtp_alert further down.",
		Set: kconf.OptBool(func(g *Globals) **bool { return &g.SMTPAlert })},
	{Name: "smtp_alert_vrrp", Args: "[BOOL]", Default: "unset, falls to smtp_alert", Since: "2.0.0",
		Doc: "Default of smtp_alert for VRRP instances and groups.",
		Set: kconf.OptBool(func(g *Globals) **bool { return &g.AlertVRRP })},
	{Name: "smtp_alert_checker", Args: "[BOOL]", Default: "unset, falls to smtp_alert", Since: "2.0.0",
		Doc: "Default of smtp_alert for virtual and real servers.",
		Set: kconf.OptBool(func(g *Globals) **bool { return &g.AlertChecker })},
	flagRow("no_email_faults", "2.0.0", "Send no mail for FAULT.", func(g *Globals) *bool { return &g.NoEmailFaults }),
	boolRow("no_checker_emails", "2.0.0", "Mail only when a real server comes or goes, not for each checker.",
		func(g *Globals) *bool { return &g.NoCheckerEmails }),
}

func setEmails(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	if len(s.Block) == 0 {
		x.Warnf(s.Pos(), kconf.ClassGeneral, "empty-block", "%s: no address given", s.Keyword())
	}
	for _, line := range s.Block {
		for _, w := range line.Words {
			g.Emails = append(g.Emails, w.Text)
		}
	}
}

// setHelo ignores a statement without name in silence, as keepalived does.
func setHelo(_ *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	if args := s.Args(); len(args) > 0 {
		g.SMTPHelo = args[0].Text
	}
}

func setSMTPServer(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args, ok := x.Args(s, 1)
	if !ok {
		return
	}
	if _, err := netip.ParseAddr(args[0].Text); err != nil && strings.Trim(args[0].Text, "0123456789.:") == "" {
		x.Errorf(args[0].Pos, kconf.ClassGeneral, "not-a-host", "%s %s: must be an address or a host name, the port stands apart", s.Keyword(), args[0].Text)
		return
	}
	server := &SMTPServer{Host: args[0].Text, Port: 25, Pos: args[0].Pos}
	if len(args) > 1 {
		port, ok := kconf.ParseUint(x, args[1], s.Keyword(), 1, 65535)
		if !ok {
			return
		}
		server.Port = uint16(port)
	}
	g.SMTPServer = server
}
