package ipvs

import (
	"time"

	"holdfast/kconf"
)

// CheckKeyword is the row of a health check inside real_server. Its block is
// kept for the checkers, which decode it with the vocabulary that vocab
// describes.
func CheckKeyword(name, doc string, vocab kconf.Vocab) kconf.Keyword[RealServerConfig] {
	set := kconf.Custom("block", "", func(_ *kconf.Ctx, r *RealServerConfig, s *kconf.Stmt) {
		r.Checks = append(r.Checks, s)
	})
	set.Block, set.Takes = vocab, kconf.WantsBlock
	return kconf.Keyword[RealServerConfig]{Name: name, Args: "{ ... }", Doc: doc, Set: set}
}

// Keywords are virtual_server and virtual_server_group as they stand at the
// top of a file. field finds the Config in C; checks are the rows of the
// health checks, see CheckKeyword.
func Keywords[C any](field func(*C) *Config, checks ...kconf.Keyword[RealServerConfig]) kconf.Vocabulary[C] {
	service := kconf.BlockEnd(VirtualServerKeywords(checks...),
		func(x *kconf.Ctx, _ *C, s *kconf.Stmt) *VirtualServerConfig { return beginVirtualServer(x, s) },
		func(_ *kconf.Ctx, c *C, v *VirtualServerConfig, _ *kconf.Stmt) {
			field(c).VirtualServers = append(field(c).VirtualServers, v)
		})
	group := kconf.Custom("line block", "", func(x *kconf.Ctx, c *C, s *kconf.Stmt) {
		w, ok := x.OneArg(s)
		if !ok {
			return
		}
		g := &GroupConfig{Name: w.Text, Pos: s.Pos()}
		for _, line := range s.Block {
			if e, ok := parseGroupEntry(x, line); ok {
				g.Entries = append(g.Entries, e)
			}
		}
		field(c).Groups = append(field(c).Groups, g)
	})
	group.Takes = kconf.WantsBlock
	return kconf.Vocabulary[C]{
		{Name: "virtual_server_group", Args: "NAME { ENTRY... }", Since: "1.0.2", Set: group,
			Doc: "Reusable list of addresses, ranges (A-B, A/N) and firewall marks (fwmark N [inet|inet6]), one a line, each with an optional port."},
		{Name: "virtual_server", Args: "IP [PORT] | fwmark N | group NAME { ... }", Since: "0.5.3 or older", Set: service,
			Doc: "One virtual service with its real servers. Port 0 or none: every port, with persistence."},
	}
}

// Bounds of the timers, as keepalived 2.4.3 has them.
const (
	shortestTime   = time.Microsecond
	longestConnect = 4294967295 * time.Microsecond // 4294.967295 s
)

// inheritedKeywords are accepted in virtual_server and in real_server.
func inheritedKeywords[C any](in func(*C) *Inherited) kconf.Vocabulary[C] {
	return kconf.Vocabulary[C]{
		{Name: "delay_loop", Args: "SECONDS", Default: "60", Doc: "Time between two runs of a check.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &in(c).DelayLoop }, shortestTime, kconf.NoLimit, 6)},
		{Name: "connect_timeout", Args: "SECONDS", Default: "5", Since: "2.0.13", Doc: "How long a check waits for a connection.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &in(c).ConnectTimeout }, shortestTime, longestConnect, 6)},
		{Name: "retry", Args: "NUMBER", Since: "1.3.7", Doc: "Attempts beside the first before a server counts as failed; the default is the check's.",
			Set: kconf.OptUint(func(c *C) **uint32 { return &in(c).Retry }, 1, 1<<32-1)},
		{Name: "delay_before_retry", Args: "SECONDS", Since: "1.3.7", Doc: "Pause before another attempt; the default is the check's.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &in(c).DelayBeforeRetry }, 0, kconf.NoLimit, 6)},
		{Name: "warmup", Args: "SECONDS", Default: "delay_loop", Since: "1.3.7", Doc: "Upper end of the random delay before the first run.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &in(c).Warmup }, 0, kconf.NoLimit, 6)},
		{Name: "smtp_alert", Args: "[BOOL]", Since: "2.0.0", Doc: "Mail on changes; the default is smtp_alert_checker's, then smtp_alert's.",
			Set: kconf.OptBool(func(c *C) **bool { return &in(c).SMTPAlert })},
		{Name: "virtualhost", Args: "NAME", Doc: "Host that HTTP and SSL checks ask for.",
			Set: kconf.String(func(c *C) *string { return &in(c).VirtualHost })},
		{Name: "snmp_name", Args: "NAME", Since: "2.2.3", Doc: "Label for SNMP.",
			Set: kconf.String(func(c *C) *string { return &in(c).SNMPName })},
	}
}

// trueFlag stores a pointer to true for a keyword without argument.
func trueFlag(field func(*VirtualServerConfig) **bool) kconf.Setter[VirtualServerConfig] {
	return kconf.Custom("flag", "", func(_ *kconf.Ctx, v *VirtualServerConfig, _ *kconf.Stmt) {
		on := true
		*field(v) = &on
	})
}

// VirtualServerKeywords is the vocabulary of virtual_server.
func VirtualServerKeywords(checks ...kconf.Keyword[RealServerConfig]) kconf.Vocabulary[VirtualServerConfig] {
	type c = VirtualServerConfig
	scheduler := kconf.Enum(func(v *c) *Scheduler { return &v.Scheduler }, Schedulers...)
	rows := append(serviceKeywords(scheduler), inheritedKeywords(func(v *c) *Inherited { return &v.Inherited })...)
	return append(rows, kconf.Vocabulary[c]{
		{Name: "ha_suspend", Since: "1.0.0", Doc: "Check servers only while the address is on this machine; not with firewall marks.",
			Set: kconf.Custom("flag", "", func(_ *kconf.Ctx, v *c, s *kconf.Stmt) { v.HASuspend, v.haPos = true, s.Pos() })},
		{Name: "alpha", Since: "1.1.16", Doc: "Servers are down until checked.", Set: trueFlag(func(v *c) **bool { return &v.Alpha })},
		{Name: "omega", Since: "1.1.16", Doc: "Run notify_down and quorum_down at shutdown.",
			Set: kconf.Flag(func(v *c) *bool { return &v.Omega }, true)},
		{Name: "inhibit_on_failure", Since: "1.3.7", Doc: "Failing sets weight 0 instead of removing the server.",
			Set: kconf.Flag(func(v *c) *bool { return &v.Inhibit }, true)},
		{Name: "quorum_up", Args: "SCRIPT [USER [GROUP]]", Since: "1.1.16", Doc: "Run when the quorum is gained.",
			Set: kconf.ScriptLine(func(v *c) **kconf.Script { return &v.QuorumUp })},
		{Name: "quorum_down", Args: "SCRIPT [USER [GROUP]]", Since: "1.1.16", Doc: "Run when the quorum is lost.",
			Set: kconf.ScriptLine(func(v *c) **kconf.Script { return &v.QuorumDown })},
		{Name: "quorum", Args: "NUMBER", Default: "1", Since: "1.1.16", Doc: "Weight that must be alive.",
			Set: at(kconf.Uint(func(v *c) *uint32 { return &v.Quorum }, 1, 1<<32-1), func(v *c) *kconf.Pos { return &v.quorumPos })},
		{Name: "hysteresis", Args: "NUMBER", Default: "0", Since: "1.1.16", Doc: "How far the alive weight must pass the quorum, in either direction.",
			Set: at(kconf.Uint(func(v *c) *uint32 { return &v.Hysteresis }, 0, 1<<32-1), func(v *c) *kconf.Pos { return &v.hysterPos })},
		{Name: "weight", Args: "NUMBER", Default: "1", Since: "1.3.7", Doc: "Weight of servers that name none.",
			Set: kconf.Int(func(v *c) *int64 { return &v.Weight }, 1, MaxWeight)},
		{Name: "sorry_server", Args: "IP [PORT]", Doc: "Server that answers while the quorum is lost; the last one counts.",
			Set: kconf.Custom("IP", "PORT 0..65535", setSorry)},
		{Name: "sorry_server_inhibit", Since: "1.2.13", Doc: "The sorry server stands by with weight 0.",
			Set: kconf.Custom("flag", "", func(x *kconf.Ctx, v *c, s *kconf.Stmt) {
				if needsSorry(x, v, s) {
					*v.Sorry.Inhibit = true
				}
			})},
		{Name: "sorry_server_lvs_method", Args: "as lvs_method", Since: "1.3.6", Doc: "Forwarding to the sorry server.",
			Set: methodSetter(func(x *kconf.Ctx, v *c, s *kconf.Stmt, m *Method) {
				if needsSorry(x, v, s) {
					v.Sorry.Method = m
				}
			})},
		{Name: "real_server", Args: "IP [PORT] { ... }", Doc: "One real server.",
			Set: kconf.BlockEnd(RealServerKeywords(checks...), beginRealServer,
				func(_ *kconf.Ctx, v *c, r *RealServerConfig, _ *kconf.Stmt) { v.RealServers = append(v.RealServers, r) })},
	}...)
}

// at remembers where a keyword stood, for messages that compare it with others.
func at(set kconf.Setter[VirtualServerConfig], pos func(*VirtualServerConfig) *kconf.Pos) kconf.Setter[VirtualServerConfig] {
	do := set.Do
	set.Do = func(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) {
		*pos(v) = s.Pos()
		do(x, v, s)
	}
	return set
}

// serviceKeywords are the rows that describe the service itself.
func serviceKeywords(scheduler kconf.Setter[VirtualServerConfig]) kconf.Vocabulary[VirtualServerConfig] {
	type c = VirtualServerConfig
	method := methodSetter(func(_ *kconf.Ctx, v *c, _ *kconf.Stmt, m *Method) { v.Method = m })
	return kconf.Vocabulary[c]{
		{Name: "ip_family", Args: "FAMILY", Since: "1.2.20", Doc: "Family of a firewall mark's service; the default is the servers'.",
			Set: kconf.Custom("ENUM", "inet or inet6", setFamily)},
		{Name: "protocol", Args: "PROTOCOL", Default: "UDP", Doc: "Transport protocol, in either case; not for firewall marks.",
			Set: kconf.EnumMap(func(v *c) *Protocol { return &v.Protocol }, true, map[string]Protocol{"tcp": TCP, "udp": UDP, "sctp": SCTP})},
		{Name: "lvs_sched", Aliases: []string{"lb_algo"}, Args: "NAME", Default: string(DefaultScheduler), Since: "1.1.5",
			Doc: "ip_vs scheduler.", Set: scheduler},
		{Name: "lvs_method", Aliases: []string{"lb_kind"}, Args: "METHOD", Default: "NAT", Since: "1.1.5",
			Doc: "How packets reach the servers.", Set: method},
		{Name: "hashed", Since: "1.3.0", Doc: "Accepted without effect.", Set: plainFlag(0)},
		{Name: "ops", Since: "1.2.8", Doc: "Schedule every datagram by itself; UDP and firewall marks.", Set: plainFlag(FlagOnePacket)},
		{Name: "flag-1", Since: "1.3.0", Doc: "Scheduler flag 1.", Set: plainFlag(FlagSched1)},
		{Name: "flag-2", Since: "1.3.0", Doc: "Scheduler flag 2.", Set: plainFlag(FlagSched2)},
		{Name: "flag-3", Since: "1.3.0", Doc: "Scheduler flag 3.", Set: plainFlag(FlagSched3)},
		{Name: "sh-port", Since: "1.3.0", Doc: "Source hashing includes the port; behind lvs_sched sh.", Set: schedFlag(FlagHashPort, "sh")},
		{Name: "sh-fallback", Since: "1.3.0", Doc: "Source hashing falls back to another server; behind lvs_sched sh.", Set: schedFlag(FlagFallback, "sh")},
		{Name: "mh-port", Since: "2.0.20", Doc: "Maglev hashing includes the port; behind lvs_sched mh.", Set: schedFlag(FlagHashPort, "mh")},
		{Name: "mh-fallback", Since: "2.0.20", Doc: "Maglev hashing falls back to another server; behind lvs_sched mh.", Set: schedFlag(FlagFallback, "mh")},
		{Name: "persistence_engine", Args: "NAME", Since: "1.2.20", Doc: "Persistence engine, normally sip; only with persistence.",
			Set: kconf.String(func(v *c) *string { return &v.Engine })},
		{Name: "persistence_timeout", Args: "[SECONDS]", Default: "off; 360 without a value", Doc: "How long a client stays with its server.",
			Set: kconf.Custom("UINT s", "1..2678400", setPersistence)},
		{Name: "persistence_granularity", Args: "MASK", Default: "one host", Doc: "Clients that stay together: IPv4 mask or IPv6 prefix length; turns persistence on.",
			Set: kconf.Custom("IPv4 mask or IPv6 prefix length", "IPv6 1..128", setGranularity)},
	}
}

// RealServerKeywords is the vocabulary of real_server.
func RealServerKeywords(checks ...kconf.Keyword[RealServerConfig]) kconf.Vocabulary[RealServerConfig] {
	type c = RealServerConfig
	rows := kconf.Vocabulary[c]{
		{Name: "weight", Args: "NUMBER", Default: "virtual_server's", Doc: "Share of new connections.",
			Set: kconf.OptInt(func(r *c) **int64 { return &r.Weight }, 0, MaxWeight)},
		{Name: "lvs_method", Args: "METHOD", Default: "virtual_server's", Since: "1.3.6", Doc: "How packets reach this server.",
			Set: methodSetter(func(_ *kconf.Ctx, r *c, _ *kconf.Stmt, m *Method) { r.Method = m })},
		{Name: "uthreshold", Args: "NUMBER", Default: "0", Since: "1.1.13", Doc: "Connections at which the server is overloaded; 0: never.",
			Set: kconf.Uint(func(r *c) *uint32 { return &r.UpperThreshold }, 0, 1<<32-1)},
		{Name: "lthreshold", Args: "NUMBER", Default: "0", Since: "1.1.13", Doc: "Connections at which an overloaded server returns.",
			Set: kconf.Uint(func(r *c) *uint32 { return &r.LowerThreshold }, 0, 1<<32-1)},
		{Name: "inhibit_on_failure", Args: "[BOOL]", Default: "virtual_server's", Since: "0.6.8", Doc: "Failing sets weight 0 instead of removing the server.",
			Set: kconf.OptBool(func(r *c) **bool { return &r.Inhibit })},
		{Name: "notify_up", Args: "SCRIPT [USER [GROUP]]", Since: "1.0.0", Doc: "Run when the server comes up.",
			Set: kconf.ScriptLine(func(r *c) **kconf.Script { return &r.NotifyUp })},
		{Name: "notify_down", Args: "SCRIPT [USER [GROUP]]", Since: "1.0.0", Doc: "Run when the server goes down.",
			Set: kconf.ScriptLine(func(r *c) **kconf.Script { return &r.NotifyDown })},
		{Name: "alpha", Args: "[BOOL]", Default: "virtual_server's", Since: "1.3.7", Doc: "Down until checked.",
			Set: kconf.OptBool(func(r *c) **bool { return &r.Alpha })},
	}
	rows = append(rows, inheritedKeywords(func(r *c) *Inherited { return &r.Inherited })...)
	return append(rows, checks...)
}
