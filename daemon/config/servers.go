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
	Params ipvs.Params            // Checkers of the servers are to be filled in by who runs them
	Checks [][]checkers.Spec      // of Params.Servers, index for index
	Files  [][]checkers.FileCheck // FILE_CHECKs of Params.Servers, likewise
	// Sessions are the BFD_CHECKs of Params.Servers, likewise.
	Sessions [][]checkers.SessionCheck
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
	for _, v := range conf.VirtualServers {
		s := &Service{Conf: v, Params: v.Params()}
		s.Params.InitNotify = a.c.Global.RSInitNotify
		if a.standsTwice(v) {
			continue
		}
		for i, rs := range v.RealServers {
			in := a.inherited(v, rs)
			server := s.Params.Servers[i].Name
			in.Owner, in.Names, in.Certificate = ServerObject(server, s.Params.Name), checkers.Names{Server: server, Service: s.Params.Name}, cert
			s.Checks = append(s.Checks, checkers.ResolveAll(a.x, rs.Checks, in))
			s.Files = append(s.Files, a.fileChecks(rs))
			s.Sessions = append(s.Sessions, checkers.Sessions(rs.Checks, in))
		}
		a.c.Services = append(a.c.Services, s)
	}
}

// fileChecks are the FILE_CHECKs of a real server whose file there is.
func (a *assembler) fileChecks(rs *ipvs.RealServerConfig) []checkers.FileCheck {
	var list []checkers.FileCheck
	for _, any := range rs.Checks {
		c, _ := any.(checkers.Check)
		fc, ok := c.Config.(*checkers.FileConfig)
		if !ok {
			continue
		}
		if f := a.c.File(fc.TrackFile); f != nil {
			list = append(list, fc.Settle(f.Weight, f.Reverse))
		}
	}
	return list
}

// standsTwice reports a virtual server that is there already.
func (a *assembler) standsTwice(v *ipvs.VirtualServerConfig) bool {
	if a.services == nil {
		a.services = map[string]kconf.Pos{}
	}
	name := v.Name()
	first, taken := a.services[name]
	if !taken {
		a.services[name] = v.Pos
		return false
	}
	second := v.Pos
	if second.Source == first.Source && second.Line < first.Line { // see settle
		first, second = second, first
	}
	a.x.Diags.Add(kconf.Diagnostic{Pos: second, Severity: kconf.Warning, ID: "duplicate-service", Related: first,
		Message: "virtual_server " + name + ": is there already, this block is not used"})
	return true
}

// settle says all that is to be said about the virtual server that has just been
// decoded, and forgets it: in a test nobody will run it, and there may be many
// thousands. One that refers to another block, or has a script to be looked at,
// waits for the rest of the file.
func (a *assembler) settle() {
	list := a.r.servers.VirtualServers
	if len(list) == a.waiting {
		return // the block was refused
	}
	v := list[len(list)-1]
	if v.Group != "" || v.QuorumUp != nil || v.QuorumDown != nil || slices.ContainsFunc(v.RealServers, waits) {
		a.waiting = len(list)
		return
	}
	a.r.servers.VirtualServers = list[:len(list)-1]
	if !v.CompleteAlone(a.x) || a.standsTwice(v) {
		return
	}
	for _, rs := range v.RealServers {
		checkers.ResolveAll(a.x, rs.Checks, a.inherited(v, rs))
	}
}

// waits reports whether a real server has scripts, or a check that runs a program
// or follows what another block defines.
func waits(rs *ipvs.RealServerConfig) bool {
	return rs.NotifyUp != nil || rs.NotifyDown != nil || slices.ContainsFunc(rs.Checks, checkers.LooksElsewhere)
}

// inherited is what the checks of one real server inherit. They go to the port as
// it is written, whatever becomes of it in the table.
func (a *assembler) inherited(v *ipvs.VirtualServerConfig, rs *ipvs.RealServerConfig) checkers.Inherit {
	in := checkers.Inherit{
		RealServer:       netip.AddrPortFrom(rs.Addr.Addr(), cmp.Or(rs.WrittenPort, rs.Addr.Port())),
		ConnectTimeout:   cmp.Or(rs.ConnectTimeout, v.ConnectTimeout),
		DelayLoop:        cmp.Or(rs.DelayLoop, v.DelayLoop),
		DelayBeforeRetry: cmp.Or(rs.DelayBeforeRetry, v.DelayBeforeRetry),
		Warmup:           cmp.Or(rs.Warmup, v.Warmup),
		Retry:            cmp.Or(rs.Retry, v.Retry),
		LogAllFailures:   a.c.Global.LogAllFailure,

		VirtualHost:        cmp.Or(rs.VirtualHost, v.VirtualHost),
		ServiceVirtualHost: v.VirtualHost,
		ServiceDelayLoop:   v.DelayLoop,
		ScriptUser:         a.scriptUser,
		ScriptGroup:        a.scriptGroup,
		HasTrackFile:       func(name string, _ kconf.Pos) bool { return a.defs[track.File][name] != nil },
		HasBFD:             func(name string, _ kconf.Pos) bool { return a.checked[name] },
	}
	if alpha := cmp.Or(rs.Alpha, v.Alpha); alpha != nil {
		in.Alpha = *alpha
	}
	return in
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
