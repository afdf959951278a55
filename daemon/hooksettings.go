package daemon

import (
	"net"
	"strconv"

	"holdfast/daemon/config"
	"holdfast/internal/event"
	"holdfast/notify"
)

// hooksOf are the hooks of everything that has any, or that is mailed about.
func hooksOf(c *config.Config) map[notify.Object]objectHooks {
	all := map[notify.Object]objectHooks{}
	for _, h := range c.NotifyScripts() {
		oh := all[h.Object]
		if oh.hooks.States == nil {
			oh.hooks.States = map[string]*notify.Hook{}
		}
		if h.State == "" {
			oh.hooks.Generic = readyHook(c, h)
		} else if ready := readyHook(c, h); ready != nil {
			oh.hooks.States[h.State] = ready
		}
		all[h.Object] = oh
	}
	for o, alert := range alerts(c) {
		oh := all[o]
		oh.alert = alert
		all[o] = oh
	}
	return all
}

// readyHook is a notify script ready to run, nil when there is none or it is not used.
func readyHook(c *config.Config, h config.NotifyScript) *notify.Hook {
	cmd, ok := c.Command(h.Script)
	if h.Script == nil || !ok {
		return nil
	}
	return &notify.Hook{Keyword: h.Keyword, Command: cmd}
}

// alerts tells about which objects mail is sent: their own smtp_alert, else the
// kind's, else the global one, else the kind's default.
func alerts(c *config.Config) map[notify.Object]bool {
	g := &c.Global
	all := map[notify.Object]bool{}
	for _, in := range c.Instances {
		all[notify.Object{Kind: event.Instance, Name: in.Name}] = firstBool(false, in.Notify.SMTPAlert, g.AlertVRRP, g.SMTPAlert)
	}
	for _, gr := range c.Groups {
		all[notify.Object{Kind: event.Group, Name: gr.Name}] = firstBool(false, gr.Notify.SMTPAlert, g.AlertVRRP, g.SMTPAlert)
	}
	for o, own := range serverAlerts(c) {
		def := o.Kind == event.RealServer
		all[o] = firstBool(def, own, g.AlertChecker, g.SMTPAlert)
	}
	return all
}

// serverAlerts are the smtp_alert settings of servers, nil where there is none.
func serverAlerts(c *config.Config) map[notify.Object]*bool {
	all := map[notify.Object]*bool{}
	for _, s := range c.Services {
		all[notify.Object{Kind: event.VirtualServer, Name: s.Params.Name}] = s.Conf.SMTPAlert
		for i, rs := range s.Conf.RealServers {
			all[notify.Object{Kind: event.RealServer, Name: config.ServerObject(s.Params.Servers[i].Name, s.Params.Name)}] = rs.SMTPAlert
		}
	}
	return all
}

func firstBool(def bool, list ...*bool) bool {
	for _, b := range list {
		if b != nil {
			return *b
		}
	}
	return def
}

// mailSettings are where alerts go.
func mailSettings(c *config.Config) notify.MailConfig {
	g := &c.Global
	m := notify.MailConfig{To: g.Emails, From: g.EmailFrom, Helo: g.SMTPHelo, Timeout: g.SMTPTimeout, NoFaults: g.NoEmailFaults}
	if g.SMTPServer == nil {
		return m
	}
	m.Server = net.JoinHostPort(g.SMTPServer.Host, strconv.Itoa(int(g.SMTPServer.Port)))
	return m
}
