package config

import (
	"cmp"
	"crypto/tls"
	"net/netip"
	"os/user"
	"slices"

	"holdfast/checkers"
	"holdfast/internal/event"
	"holdfast/ipvs"
	"holdfast/kconf"
	"holdfast/notify"
	"holdfast/track"
)

// Service is one virtual_server with the checks of its real servers.
type Service struct {
	Conf   *ipvs.VirtualServerConfig
	Params ipvs.Params       // Checkers of the servers are to be filled in by who runs them
	Checks [][]checkers.Spec // of Params.Servers, index for index
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
	conf.Complete(a.x)
	cert := a.clientCertificate()
	a.checkAccount()
	names := map[string]kconf.Pos{}
	for _, v := range conf.VirtualServers {
		s := &Service{Conf: v, Params: v.Params()}
		if first, taken := names[s.Params.Name]; taken {
			a.x.Diags.Add(kconf.Diagnostic{Pos: v.Pos, Severity: kconf.Warning, ID: "duplicate-service", Related: first,
				Message: "virtual_server " + s.Params.Name + ": is there already, this block is not used"})
			continue
		}
		names[s.Params.Name] = v.Pos
		s.Checks = make([][]checkers.Spec, len(v.RealServers))
		for i, rs := range v.RealServers {
			s.Checks[i] = a.specs(s, i, rs, cert)
			if a.testOnly {
				s.Checks[i] = slices.DeleteFunc(s.Checks[i], func(c checkers.Spec) bool { return !c.RunsProgram() })
				rs.Checks = nil
			}
		}
		if a.testOnly {
			s.Params = ipvs.Params{Name: s.Params.Name}
		}
		a.c.Services = append(a.c.Services, s)
	}
}

// specs decodes the checks of one real server and fills in what they inherit.
// They go to the port as it is written, whatever becomes of it in the table.
func (a *assembler) specs(s *Service, i int, rs *ipvs.RealServerConfig, cert *tls.Certificate) []checkers.Spec {
	v, g := s.Conf, &a.c.Global
	in := checkers.Inherit{
		Owner: ServerObject(s.Params.Servers[i].Name, s.Params.Name),
		Names: checkers.Names{Server: s.Params.Servers[i].Name, Service: s.Params.Name},

		RealServer:       netip.AddrPortFrom(rs.Addr.Addr(), cmp.Or(rs.WrittenPort, rs.Addr.Port())),
		ConnectTimeout:   firstOf(rs.ConnectTimeout, v.ConnectTimeout),
		DelayLoop:        firstOf(rs.DelayLoop, v.DelayLoop),
		DelayBeforeRetry: firstOf(rs.DelayBeforeRetry, v.DelayBeforeRetry),
		Warmup:           firstOf(rs.Warmup, v.Warmup),
		Retry:            firstOf(rs.Retry, v.Retry),
		LogAllFailures:   g.LogAllFailure,

		VirtualHost:        cmp.Or(rs.VirtualHost, v.VirtualHost),
		ServiceVirtualHost: v.VirtualHost,
		ServiceDelayLoop:   v.DelayLoop,
		Certificate:        cert,
	}
	if alpha := firstOf(rs.Alpha, v.Alpha); alpha != nil {
		in.Alpha = *alpha
	}
	in.ScriptUser, in.ScriptGroup = a.scriptUser, a.scriptGroup
	in.HasTrackFile = func(name string, _ kconf.Pos) bool { return a.defs[track.File][name] != nil }
	in.HasBFD = func(name string, _ kconf.Pos) bool { return a.checked[name] }
	return checkers.ResolveAll(a.x, rs.Checks, in)
}

// checkAccount finds the account of checks that name none, and the BFD sessions
// that they may follow.
func (a *assembler) checkAccount() {
	if u := a.c.Global.ScriptUser; u != nil {
		a.scriptUser, a.scriptGroup = u.User, u.Group
	} else if _, err := user.Lookup(notify.DefaultAccount); err == nil {
		a.scriptUser = notify.DefaultAccount
	}
	a.checked = map[string]bool{}
	for _, b := range a.c.BFDs {
		if b.Checker {
			a.checked[b.Name] = true
		}
	}
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

// ServerObject names a real server of a virtual server for hooks and facts.
func ServerObject(server, service string) string { return server + " of " + service }

// ServerName is the name of a real server of s.
func (s *Service) ServerName(k ipvs.ServerKey) string {
	for i := range s.Params.Servers {
		if s.Params.Servers[i].Key == k {
			return s.Params.Servers[i].Name
		}
	}
	return ipvs.ServerName(s.Conf.Protocol, k)
}

// HasCheckers says whether there is work for a checker process.
func (c *Config) HasCheckers() bool {
	return len(c.Services) > 0 || c.Global.SyncDaemon != nil || c.instanceSyncDaemon() != nil
}

// Checks are the checks of all real servers, in the order of services and servers.
func (c *Config) Checks() []checkers.Spec {
	var specs []checkers.Spec
	for _, s := range c.Services {
		for _, list := range s.Checks {
			specs = append(specs, list...)
		}
	}
	return specs
}

// serverScripts are the scripts of real and virtual servers.
func (c *Config) serverScripts() []NotifyScript {
	var list []NotifyScript
	for _, s := range c.Services {
		vs := notify.Object{Kind: event.VirtualServer, Name: s.Params.Name}
		list = append(list, NotifyScript{vs, "quorum_up", notify.Up, s.Conf.QuorumUp}, NotifyScript{vs, "quorum_down", notify.Down, s.Conf.QuorumDown})
		for _, rs := range s.Conf.RealServers {
			if rs.NotifyUp == nil && rs.NotifyDown == nil {
				continue
			}
			o := notify.Object{Kind: event.RealServer, Name: ServerObject(s.Conf.ServerName(rs), s.Params.Name)}
			list = append(list, NotifyScript{o, "notify_up", notify.Up, rs.NotifyUp}, NotifyScript{o, "notify_down", notify.Down, rs.NotifyDown})
		}
	}
	return list
}

// SyncDaemon is the IPVS sync daemon to run, and the VRID that is its id
// unless one is configured.
func (c *Config) SyncDaemon() (*SyncDaemon, uint8) {
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
func (c *Config) instanceSyncDaemon() *SyncDaemon {
	for _, in := range c.Instances {
		if in.SyncDaemonInterface != "" {
			return &SyncDaemon{Interface: in.SyncDaemonInterface, Instance: in.Name, ID: new(uint8(0)), Pos: in.Pos}
		}
	}
	return nil
}
