package daemon

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"os/user"
	"strings"

	"holdfast/checkers"
	"holdfast/internal/event"
	"holdfast/ipvs"
	"holdfast/kconf"
	"holdfast/notify"
)

// servers is the balancing half of a configuration.
type servers struct {
	services []*service
}

// service is one virtual_server with the checks of its real servers.
type service struct {
	conf   *ipvs.VirtualServerConfig
	params ipvs.Params                    // Checkers of the servers are the role's to fill in
	specs  [][]checkers.Spec              // of params.Servers, index for index
	last   struct{ check, quorum string } // what the next mail is about
}

// checkKeywords are the rows of health checks inside real_server.
func checkKeywords() []kconf.Keyword[ipvs.RealServerConfig] {
	var rows []kconf.Keyword[ipvs.RealServerConfig]
	for _, k := range checkers.Kinds() {
		row := ipvs.CheckKeyword(k.Keyword, k.Doc, k.Rows, k.DecodeCheck)
		row.Status, row.Meanwhile, row.Since = k.Status, k.Meanwhile, k.Since
		rows = append(rows, row)
	}
	return rows
}

// servers completes the virtual servers and resolves their checks.
func (a *assembler) servers() {
	conf := &a.r.servers
	written := map[*ipvs.RealServerConfig]netip.AddrPort{}
	for _, v := range conf.VirtualServers {
		for _, rs := range v.RealServers {
			written[rs] = rs.Addr // checks go to the port as written, whatever becomes of it in the table
		}
	}
	conf.Complete(a.x)
	cert := a.clientCertificate()
	names := map[string]kconf.Pos{}
	for _, v := range conf.VirtualServers {
		s := &service{conf: v, params: v.Params()}
		if first, taken := names[s.params.Name]; taken {
			a.x.Diags.Add(kconf.Diagnostic{Pos: v.Pos, Severity: kconf.Warning, ID: "duplicate-service", Related: first,
				Message: "virtual_server " + s.params.Name + ": is there already, this block is not used"})
			continue
		}
		names[s.params.Name] = v.Pos
		for i, rs := range v.RealServers {
			addr := written[rs]
			if addr.Port() == 0 {
				addr = rs.Addr
			}
			s.specs = append(s.specs, a.specs(s, i, rs, addr, cert))
		}
		a.c.Servers.services = append(a.c.Servers.services, s)
	}
}

// specs decodes the checks of one real server and fills in what they inherit.
func (a *assembler) specs(s *service, i int, rs *ipvs.RealServerConfig, addr netip.AddrPort, cert *tls.Certificate) []checkers.Spec {
	v, g := s.conf, &a.c.Global
	in := checkers.Inherit{
		Owner: serverObject(s.params.Servers[i].Name, s.params.Name),
		Names: checkers.Names{Server: s.params.Servers[i].Name, Service: s.params.Name},

		RealServer:       addr,
		ConnectTimeout:   firstOf(rs.ConnectTimeout, v.ConnectTimeout),
		DelayLoop:        firstOf(rs.DelayLoop, v.DelayLoop),
		DelayBeforeRetry: firstOf(rs.DelayBeforeRetry, v.DelayBeforeRetry),
		Warmup:           firstOf(rs.Warmup, v.Warmup),
		Retry:            firstOf(rs.Retry, v.Retry),
		Alpha:            firstBool(false, rs.Alpha, v.Alpha),
		LogAllFailures:   g.LogAllFailure,

		VirtualHost:        nonEmpty(rs.VirtualHost, v.VirtualHost),
		ServiceVirtualHost: v.VirtualHost,
		ServiceDelayLoop:   v.DelayLoop,
		Certificate:        cert,
	}
	if g.ScriptUser != nil {
		in.ScriptUser, in.ScriptGroup = g.ScriptUser.User, g.ScriptUser.Group
	} else if _, err := user.Lookup(notify.DefaultAccount); err == nil {
		in.ScriptUser = notify.DefaultAccount
	}
	return checkers.ResolveAll(a.x, rs.Checks, in)
}

func firstOf[T any](list ...*T) *T {
	for _, v := range list {
		if v != nil {
			return v
		}
	}
	return nil
}

// clientCertificate is what SSL_GET shows to servers that ask, nil without an
// SSL block or when its files cannot be used.
func (a *assembler) clientCertificate() *tls.Certificate {
	if a.r.ssl == nil {
		return nil
	}
	cert, err := checkers.LoadCertificate(*a.r.ssl)
	if err != nil {
		a.x.Warnf(a.r.ssl.Pos, kconf.ClassNone, "client-certificate", "SSL: %v", err)
	}
	return cert
}

// serverObject names a real server of a virtual server for hooks and facts.
func serverObject(server, service string) string { return server + " of " + service }

// serverName is the name of a real server of s.
func (s *service) serverName(k ipvs.ServerKey) string {
	for i := range s.params.Servers {
		if s.params.Servers[i].Key == k {
			return s.params.Servers[i].Name
		}
	}
	return ipvs.ServerName(s.conf.Protocol, k)
}

func (c *Config) hasCheckers() bool {
	return len(c.Servers.services) > 0 || c.Global.SyncDaemon != nil || c.instanceSyncDaemon() != nil
}

// serverScripts are the scripts of real and virtual servers.
func (c *Config) serverScripts() []hookScript {
	var list []hookScript
	for _, s := range c.Servers.services {
		vs := notify.Object{Kind: event.VirtualServer, Name: s.params.Name}
		list = append(list, hookScript{vs, "quorum_up", stateUp, s.conf.QuorumUp}, hookScript{vs, "quorum_down", stateDown, s.conf.QuorumDown})
		for i, rs := range s.conf.RealServers {
			o := notify.Object{Kind: event.RealServer, Name: serverObject(s.params.Servers[i].Name, s.params.Name)}
			list = append(list, hookScript{o, "notify_up", stateUp, rs.NotifyUp}, hookScript{o, "notify_down", stateDown, rs.NotifyDown})
		}
	}
	return list
}

// serverAlerts are the smtp_alert settings of servers, nil where there is none.
func (c *Config) serverAlerts() map[notify.Object]*bool {
	all := map[notify.Object]*bool{}
	for _, s := range c.Servers.services {
		all[notify.Object{Kind: event.VirtualServer, Name: s.params.Name}] = s.conf.SMTPAlert
		for i, rs := range s.conf.RealServers {
			all[notify.Object{Kind: event.RealServer, Name: serverObject(s.params.Servers[i].Name, s.params.Name)}] = rs.SMTPAlert
		}
	}
	return all
}

// syncDaemonConfig is the IPVS sync daemon to run, and the VRID that is its id
// unless one is configured.
func (c *Config) syncDaemonConfig() (*syncDaemon, uint8) {
	d := c.Global.SyncDaemon
	if d == nil {
		return c.instanceSyncDaemon(), 0
	}
	for _, in := range c.Instances {
		if in.Name == d.Instance {
			return d, in.VRID
		}
	}
	return d, 0
}

// instanceSyncDaemon is lvs_sync_daemon_interface, the old way to ask for a
// sync daemon; its id is 0.
func (c *Config) instanceSyncDaemon() *syncDaemon {
	for _, in := range c.Instances {
		if in.SyncDaemonInterface != "" {
			return &syncDaemon{Interface: in.SyncDaemonInterface, Instance: in.Name, ID: new(uint8(0)), Pos: in.Pos}
		}
	}
	return nil
}

// mailText is what keepalived's mail says about a change of a real server,
// without the arrows.
func mailText(check string, up bool) string {
	name, verb := check, "failed"
	if up {
		verb = "succeed"
	}
	switch check {
	case "HTTP_GET", "SSL_GET":
		if !up {
			return "CHECK failed on service : HTTP/SSL request failed"
		}
		name = "CHECK"
	case "SMTP_CHECK":
		name = "CHECK"
	case "TCP_CHECK", "UDP_CHECK":
		name = strings.Replace(check, "_", " ", 1)
	case "DNS_CHECK":
		name = "DNS_CHECK:"
	case "PING_CHECK":
		name = "ICMP CHECK"
	case "MISC_CHECK":
		name = "MISC CHECK"
		if up {
			verb = "succeeded"
		}
	}
	return fmt.Sprintf("%s %s on service", name, verb)
}

// quorumMail is the text of a quorum's mail: the log line without the service,
// in the form that keepalived gives it.
func (s *service) quorumMail() string {
	text, _, _ := strings.Cut(s.last.quorum, " for VS ")
	return text
}
