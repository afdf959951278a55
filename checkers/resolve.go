package checkers

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"reflect"
	"time"

	"holdfast/kconf"
)

// Inherit is what a checker takes over from what stands around it: the values
// of real_server, else of virtual_server; nil where neither says anything.
type Inherit struct {
	Owner string // identity of the real server across reloads, unique in the process
	Names Names  // for log lines; Peer is filled in by Resolve

	RealServer netip.AddrPort // with its final port, after virtual_server gave it one

	ConnectTimeout   *time.Duration
	DelayLoop        *time.Duration
	DelayBeforeRetry *time.Duration
	Warmup           *time.Duration
	Retry            *uint32
	Alpha            bool
	LogAllFailures   bool // checker_log_all_failures

	VirtualHost        string         // Host header: real_server, else virtual_server
	ServiceVirtualHost string         // of virtual_server alone: SNI does not look at real_server
	ServiceDelayLoop   *time.Duration // of virtual_server alone: default of misc_timeout
	ScriptUser         string         // default account of MISC_CHECK
	ScriptGroup        string
	Certificate        *tls.Certificate // client certificate of SSL_GET; nil: none

	// HasTrackFile and HasBFD tell whether a track_file of that name stands in
	// front of a place of the configuration, and a bfd_instance anywhere. nil: not
	// known, every name is believed.
	HasTrackFile, HasBFD func(name string, at kconf.Pos) bool
}

// Spec is a checker ready to run.
type Spec struct {
	Owner  string
	Kind   *Kind
	Config Config // with everything inherited; timers cleared
	Target Target
	Timing Timing
	Total  time.Duration // longest time of one probe
	Names  Names
	Pos    kconf.Pos
}

// Same reports whether two specs ask the same question of the same server:
// then the state of one is the state of the other, whatever their timers.
func (s Spec) Same(o Spec) bool {
	return s.Owner == o.Owner && s.Kind.Keyword == o.Kind.Keyword && s.Target == o.Target &&
		reflect.DeepEqual(s.Config, o.Config)
}

// LooksElsewhere reports whether a decoded check, one of those that ResolveAll
// takes, runs a program or follows what another block defines.
func LooksElsewhere(check any) bool {
	c, ok := check.(Check)
	if !ok {
		return false
	}
	switch c.Config.(type) {
	case *MiscConfig, *FileConfig, *BFDConfig:
		return true
	}
	return false
}

// params are what the Schedule of s needs.
func (s Spec) params() Params {
	p := Params{Timing: s.Timing, Pacing: s.Kind.Pacing, Names: s.Names}
	if s.Kind.Texts != nil {
		p.Texts = s.Kind.Texts(s.Config)
	}
	if h, ok := s.Config.(*HTTPConfig); ok {
		for _, u := range h.URLs {
			p.Steps = append(p.Steps, u.Path)
		}
	}
	return p
}

// ResolveAll resolves the checks of one real server, in their order. A second
// BFD_CHECK of the same session is left out.
func ResolveAll(x *kconf.Ctx, checks []any, in Inherit) []Spec {
	var specs []Spec
	sessions := map[string]kconf.Pos{}
	for _, any := range checks {
		c, ok := any.(Check)
		if !ok {
			continue
		}
		if b, ok := c.Config.(*BFDConfig); ok {
			if first, there := sessions[b.Name]; there {
				x.Diags.Add(kconf.Diagnostic{Pos: c.Pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate", Related: first,
					Message: "BFD_CHECK: the server follows " + b.Name + " already; checker is not used"})
				continue
			}
			sessions[b.Name] = c.Pos
		}
		specs = append(specs, Resolve(x, c, in)...)
	}
	return specs
}

// Resolve fills in what c inherits. Most blocks make one Spec; SMTP_CHECK with
// host blocks makes more; a checker that cannot work makes none, after the
// reason was reported.
func Resolve(x *kconf.Ctx, c Check, in Inherit) []Spec {
	kind := FindKind(c.Kind)
	if kind == nil || c.Config == nil {
		return nil
	}
	if kind.New == nil { // nothing to run: only what is wrong has to be said
		kind.Finish(x, c.Pos, c.Config, in)
		return nil
	}
	var specs []Spec
	for _, cfg := range expand(c.Config) {
		if s, ok := resolveOne(x, kind, cfg, c.Pos, in); ok {
			specs = append(specs, s)
		}
	}
	return specs
}

// expand turns one block into the checkers it stands for.
func expand(c Config) []Config {
	if s, ok := c.(*SMTPConfig); ok {
		return s.expand()
	}
	return []Config{c}
}

// resolveOne fills in one checker. A source address of the other family is left
// out, as keepalived does; a link-local target without an interface cannot be
// reached at all.
func resolveOne(x *kconf.Ctx, kind *Kind, cfg Config, pos kconf.Pos, in Inherit) (Spec, bool) {
	cfg = clone(cfg)
	com := *cfg.common()
	*cfg.common() = Common{} // the identity of a checker does not depend on its timers
	s := Spec{Owner: in.Owner, Kind: kind, Target: target(com, in), Timing: timing(kind, com, in), Names: in.Names, Pos: pos}
	s.Names.Peer = peerName(s.Target.Addr)
	if b := s.Target.Bind; b.IsValid() && b.Addr().Is4() != s.Target.Addr.Addr().Is4() {
		x.Errorf(pos, kconf.ClassGeneral, "mixed-families", "%s: bindto %v cannot reach %v; bindto is not used", kind.Keyword, b.Addr(), s.Target.Addr.Addr())
		s.Target.Bind = netip.AddrPort{}
	}
	if s.Target.Addr.Addr().IsLinkLocalUnicast() && s.Target.Addr.Addr().Is6() && s.Target.BindIf == "" && kind.opensSocket() {
		x.Errorf(pos, kconf.ClassGeneral, "link-local", "%s: link-local address %v needs bind_if; checker is not used", kind.Keyword, s.Target.Addr.Addr())
		return Spec{}, false
	}
	if kind.Finish != nil {
		if cfg = kind.Finish(x, pos, cfg, in); cfg == nil {
			return Spec{}, false
		}
	}
	s.Config = cfg
	s.Total = kind.Total(cfg, s.Target.Timeout)
	return s, true
}

// opensSocket: the checker talks to an address itself.
func (k *Kind) opensSocket() bool { return k.Keyword != "MISC_CHECK" }

// clone copies the struct behind cfg, so that Resolve never changes what was decoded.
func clone(cfg Config) Config {
	v := reflect.New(reflect.TypeOf(cfg).Elem())
	v.Elem().Set(reflect.ValueOf(cfg).Elem())
	return v.Interface().(Config)
}

// target is where to connect: connect_ip and connect_port, else the real server
// with the port it has in the end. keepalived takes the port as written, and
// asks port 0 when none was.
func target(c Common, in Inherit) Target {
	addr, port := in.RealServer.Addr(), in.RealServer.Port()
	if c.ConnectIP.IsValid() {
		addr = c.ConnectIP
	}
	if c.ConnectPort != 0 {
		port = c.ConnectPort
	}
	if addr.Is6() && addr.IsLinkLocalUnicast() && c.BindIf != "" {
		addr = addr.WithZone(c.BindIf)
	}
	t := Target{Addr: netip.AddrPortFrom(addr, port), BindIf: c.BindIf, Mark: c.FwMark,
		Timeout: first(defaultConnectTimeout, c.ConnectTimeout, in.ConnectTimeout)}
	if c.BindTo.IsValid() {
		t.Bind = netip.AddrPortFrom(c.BindTo, c.BindPort)
	}
	return t
}

// timing takes each value from the checker, else from what stands around it, else
// what is built in for the kind.
func timing(kind *Kind, c Common, in Inherit) Timing {
	t := Timing{
		DelayLoop:      first(defaultDelayLoop, c.DelayLoop, in.DelayLoop),
		Retry:          first(kind.Retry, c.Retry, in.Retry),
		Alpha:          first(in.Alpha, c.Alpha),
		LogAllFailures: c.LogAllFailures || in.LogAllFailures,
	}
	before := kind.DelayBeforeRetry
	if before == 0 {
		before = t.DelayLoop
	}
	t.DelayBeforeRetry = first(before, c.DelayBeforeRetry, in.DelayBeforeRetry)
	t.Warmup = first(t.DelayLoop, c.Warmup, in.Warmup)
	return t
}

// first is the first value that is there, else def.
func first[T any](def T, values ...*T) T {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return def
}

// peerName is the address as SMTP lines and Host headers for IPv6 have it.
func peerName(a netip.AddrPort) string {
	return fmt.Sprintf("[%s]:%d", a.Addr().WithZone(""), a.Port())
}
