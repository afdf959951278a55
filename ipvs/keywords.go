package ipvs

import (
	"time"

	"holdfast/kconf"
)

// CheckKeyword is the row of a health check inside real_server. decode reads its
// block, whose keywords vocab describes; what it answers is one of
// RealServerConfig.Checks, nil for a check that has to be left out.
func CheckKeyword(name, doc string, vocab kconf.Vocab, decode func(*kconf.Ctx, *kconf.Stmt) any) kconf.Keyword[RealServerConfig] {
	set := kconf.Custom("block", "", func(x *kconf.Ctx, r *RealServerConfig, s *kconf.Stmt) {
		if c := decode(x, s); c != nil {
			r.Checks = append(r.Checks, c)
		}
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
		}).Says("block", "PORT 0..65535, fwmark 0..4294967295")
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
	}).WithVocab(GroupEntries)
	return kconf.Vocabulary[C]{
		{Name: "virtual_server_group", Defines: "virtual_server_group", Args: "NAME { ENTRY... }", Since: "1.0.2", Set: group,
			Doc: "Reusable list of addresses, ranges (A-B, A/N) and firewall marks (fwmark N [inet|inet6]), one a line, each with an optional port."},
		{Name: "virtual_server", Refers: "virtual_server_group", Args: "IP [PORT] | fwmark N | group NAME { ... }", Since: "0.5.3", Set: service,
			Doc: "One virtual service with its real servers. Port 0 or none: every port, with persistence. Mark 0 is on every packet and refused."},
	}
}

// Bounds of the timers, as keepalived 2.4.3 has them.
const (
	shortestTime   = time.Microsecond
	longestConnect = 4294967295 * time.Microsecond // 4294.967295 s
)

// inheritedKeywords are accepted in virtual_server and in real_server; defaults
// and since say what differs between the two, by name.
func inheritedKeywords[C any](in func(*C) *Inherited, defaults, since map[string]string) kconf.Vocabulary[C] {
	word := func(field func(*C) *string) kconf.Setter[C] { return kconf.String(field).MissingIs(kconf.ClassGeneral) }
	rows := kconf.Vocabulary[C]{
		{Name: "delay_loop", Args: "SECONDS", Doc: "Time from the end of one run of a check to the next.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &in(c).DelayLoop }, shortestTime, kconf.NoLimit, 6).
				RememberAt(func(c *C) *kconf.Pos { return &in(c).DelayLoopPos })},
		{Name: "connect_timeout", Args: "SECONDS", Since: "2.0.13", Doc: "How long a check waits for a connection.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &in(c).ConnectTimeout }, shortestTime, longestConnect, 6).
				RememberAt(func(c *C) *kconf.Pos { return &in(c).ConnectTimeoutPos })},
		{Name: "retry", Args: "NUMBER", Since: "1.3.7", Doc: "Attempts beside the first before a server counts as failed; what is built in differs from check to check.",
			Set: kconf.OptUint(func(c *C) **uint32 { return &in(c).Retry }, 1, 1<<32-1)},
		{Name: "delay_before_retry", Args: "SECONDS", Since: "1.3.7", Doc: "Pause before another attempt; what is built in differs from check to check.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &in(c).DelayBeforeRetry }, 0, kconf.NoLimit, 6)},
		{Name: "warmup", Args: "SECONDS", Since: "1.3.7", Doc: "Upper end of the random delay before the first run; if nothing says it, delay_loop.",
			Set: kconf.OptSeconds(func(c *C) **time.Duration { return &in(c).Warmup }, 0, kconf.NoLimit, 6)},
		{Name: "smtp_alert", Args: "[BOOL]", Since: "2.0.0", Doc: "Mail on changes of the state.",
			Set: kconf.OptBool(func(c *C) **bool { return &in(c).SMTPAlert })},
		{Name: "virtualhost", Args: "NAME", Doc: "Host that HTTP and SSL checks ask for.",
			Set: word(func(c *C) *string { return &in(c).VirtualHost })},
		{Name: "snmp_name", Args: "NAME", Default: "none", Since: "2.2.3", Doc: "Label for SNMP.",
			Set: oneWord(word(func(c *C) *string { return &in(c).SNMPName }))},
	}
	for i, r := range rows {
		if d, ok := defaults[r.Name]; ok {
			rows[i].Default = d
		}
		if s, ok := since[r.Name]; ok {
			rows[i].Since = s
		}
	}
	return rows
}

// oneWord refuses a second word, which most keywords let pass.
func oneWord[C any](set kconf.Setter[C]) kconf.Setter[C] {
	do := set.Do
	set.Range = "exactly one word"
	set.Do = func(x *kconf.Ctx, c *C, s *kconf.Stmt) {
		if args := s.Args(); len(args) > 1 {
			x.Errorf(args[1].Pos, kconf.ClassGeneral, "extra-arguments", "%s: wants one argument, has %d", s.Keyword(), len(args))
			return
		}
		do(x, c, s)
	}
	return set
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
	rows := append(serviceKeywords(), persistenceKeywords()...)
	rows = append(rows, inheritedKeywords(func(v *c) *Inherited { return &v.Inherited }, map[string]string{
		"delay_loop": "60", "connect_timeout": "5", "retry": "unset", "delay_before_retry": "unset", "warmup": "unset",
		"smtp_alert": "smtp_alert_checker, smtp_alert, else false", "virtualhost": "none",
	}, map[string]string{"delay_loop": "0.5.3", "virtualhost": "0.5.8"})...)
	rows = append(rows, kconf.Vocabulary[c]{
		{Name: "ha_suspend", Default: "off", Since: "1.0.0", Doc: "Check servers only while the address is on this machine; not with firewall marks.",
			Set: kconf.Flag(func(v *c) *bool { return &v.HASuspend }, true).Says("flag", "not with fwmark").
				RememberAt(func(v *c) *kconf.Pos { return &v.At.HASuspend })},
		{Name: "alpha", Default: "off", Since: "1.1.16", Doc: "Servers are down until checked.", Set: trueFlag(func(v *c) **bool { return &v.Alpha })},
		{Name: "omega", Default: "off", Since: "1.1.16", Doc: "Run notify_down and quorum_down at shutdown.",
			Set: kconf.Flag(func(v *c) *bool { return &v.Omega }, true)},
		{Name: "inhibit_on_failure", Default: "off", Since: "1.3.7", Doc: "Failing sets weight 0 instead of removing the server.",
			Set: kconf.Flag(func(v *c) *bool { return &v.Inhibit }, true)},
	}...)
	return append(append(rows, quorumKeywords()...), sorryKeywords(checks)...)
}

// quorumKeywords are the rows about how many servers must be alive.
func quorumKeywords() kconf.Vocabulary[VirtualServerConfig] {
	type c = VirtualServerConfig
	return kconf.Vocabulary[c]{
		{Name: "quorum_up", Args: "SCRIPT [USER [GROUP]]", Default: "none", Since: "1.1.16", Doc: "Run when the quorum is gained.",
			Set: kconf.ScriptLine(func(v *c) **kconf.Script { return &v.QuorumUp })},
		{Name: "quorum_down", Args: "SCRIPT [USER [GROUP]]", Default: "none", Since: "1.1.16", Doc: "Run when the quorum is lost.",
			Set: kconf.ScriptLine(func(v *c) **kconf.Script { return &v.QuorumDown })},
		{Name: "quorum", Args: "NUMBER", Default: "1", Since: "1.1.16", Doc: "Weight that must be alive; at most that of all servers together.",
			Set: kconf.Uint(func(v *c) *uint32 { return &v.Quorum }, 1, 1<<32-1).RememberAt(func(v *c) *kconf.Pos { return &v.At.Quorum })},
		{Name: "hysteresis", Args: "NUMBER", Default: "0", Since: "1.1.16", Doc: "How far the alive weight must pass the quorum, in either direction; below it.",
			Set: kconf.Uint(func(v *c) *uint32 { return &v.Hysteresis }, 0, 1<<32-1).RememberAt(func(v *c) *kconf.Pos { return &v.At.Hysteresis })},
		{Name: "weight", Args: "NUMBER", Default: "1", Since: "1.3.7", Doc: "Weight of servers that name none.",
			Set: kconf.Int(func(v *c) *int64 { return &v.Weight }, 1, MaxWeight).Says("UINT", "1..2147483647").
				RememberAt(func(v *c) *kconf.Pos { return &v.At.Weight })},
	}
}

// sorryKeywords are the rows of the servers.
func sorryKeywords(checks []kconf.Keyword[RealServerConfig]) kconf.Vocabulary[VirtualServerConfig] {
	type c = VirtualServerConfig
	return kconf.Vocabulary[c]{
		{Name: "sorry_server", Args: "IP [PORT]", Default: "none; port of virtual server", Since: "0.5.3", Doc: "Server that answers while the quorum is lost; the last one counts.",
			Set: kconf.Custom("IP", "PORT 0..65535", setSorry).RememberAt(func(v *c) *kconf.Pos { return &v.At.SorryServer })},
		{Name: "sorry_server_inhibit", Default: "off", Since: "1.2.13", Doc: "The sorry server stands by with weight 0.",
			Set: kconf.Custom("flag", "after sorry_server", func(x *kconf.Ctx, v *c, s *kconf.Stmt) {
				if needsSorry(x, v, s) {
					*v.Sorry.Inhibit, v.At.SorryInhibit = true, s.Pos()
				}
			})},
		{Name: "sorry_server_lvs_method", Args: "as lvs_method", Default: "method of virtual server", Since: "1.3.6", Doc: "Forwarding to the sorry server.",
			Set: methodSetter(func(x *kconf.Ctx, v *c, s *kconf.Stmt, m *Method) {
				if needsSorry(x, v, s) {
					v.Sorry.Method, v.Sorry.MethodPos = m, s.Pos()
				}
			}).Says("ENUM", "after sorry_server")},
		{Name: "real_server", Args: "IP [PORT] { ... }", Default: "port of virtual server", Since: "0.5.3", Doc: "One real server; of the service's family, unless behind a tunnel.",
			Set: kconf.BlockEnd(RealServerKeywords(checks...), beginRealServer, endRealServer).Says("block", "PORT 0..65535")},
	}
}

// serviceKeywords are the rows that describe the service itself.
func serviceKeywords() kconf.Vocabulary[VirtualServerConfig] {
	type c = VirtualServerConfig
	method := methodSetter(func(_ *kconf.Ctx, v *c, s *kconf.Stmt, m *Method) { v.Method, v.At.Method = m, s.Pos() })
	scheduler := kconf.Enum(func(v *c) *Scheduler { return &v.Scheduler }, Schedulers...).RememberAt(func(v *c) *kconf.Pos { return &v.At.Scheduler })
	protocol := kconf.EnumMap(func(v *c) *Protocol { return &v.Protocol }, true, map[string]Protocol{"tcp": TCP, "udp": UDP, "sctp": SCTP})
	return kconf.Vocabulary[c]{
		{Name: "ip_family", Args: "FAMILY", Default: "from addresses, else inet", Since: "1.2.20", Doc: "Family of a firewall mark's service, inet or inet6.",
			Set: kconf.Custom("ENUM", "must not conflict with addresses", setFamily)},
		{Name: "protocol", Args: "TCP|UDP|SCTP", Default: "UDP (with error)", Since: "0.5.3", Doc: "Transport protocol; not for firewall marks.",
			Set: protocol.Says("ENUM", "case-insensitive").RememberAt(func(v *c) *kconf.Pos { return &v.At.Protocol })},
		{Name: "lvs_sched", Args: "NAME", Default: string(DefaultScheduler), Since: "1.1.5", Doc: "ip_vs scheduler.",
			Set: scheduler.Says("ENUM", "as lb_algo")},
		{Name: "lb_algo", Args: "NAME", Default: string(DefaultScheduler), Since: "0.5.3", Doc: "Older spelling of lvs_sched.", Set: scheduler},
		{Name: "lvs_method", Args: "METHOD", Default: "NAT", Since: "1.1.5", Doc: "How packets reach the servers.", Set: method.Says("ENUM", "as lb_kind")},
		{Name: "lb_kind", Args: methodArgs, Default: "NAT", Since: "0.5.3", Doc: "Older spelling of lvs_method; only type gue has a port, ipip no checksum, gre no remcsum.", Set: method},
		{Name: "hashed", Since: "1.3.0", Doc: "Accepted without effect behind the schedulers sh and mh.", Set: hashedFlag()},
		{Name: "ops", Default: "off", Since: "1.2.8", Doc: "Schedule every datagram by itself; UDP and firewall marks.",
			Set: plainFlag(FlagOnePacket).Says("flag", "UDP or fwmark only").RememberAt(func(v *c) *kconf.Pos { return &v.At.OPS })},
		{Name: "flag-1", Default: "off", Since: "1.3.0", Doc: "Scheduler flag 1.", Set: plainFlag(FlagSched1)},
		{Name: "flag-2", Default: "off", Since: "1.3.0", Doc: "Scheduler flag 2.", Set: plainFlag(FlagSched2)},
		{Name: "flag-3", Default: "off", Since: "1.3.0", Doc: "Scheduler flag 3.", Set: plainFlag(FlagSched3)},
		{Name: "sh-port", Default: "off", Since: "1.3.0", Doc: "Source hashing includes the port; behind lvs_sched sh.", Set: schedFlag(FlagHashPort, "sh")},
		{Name: "sh-fallback", Default: "off", Since: "1.3.0", Doc: "Source hashing falls back to another server; behind lvs_sched sh.", Set: schedFlag(FlagFallback, "sh")},
		{Name: "mh-port", Default: "off", Since: "2.0.20", Doc: "Maglev hashing includes the port; behind lvs_sched mh.", Set: schedFlag(FlagHashPort, "mh")},
		{Name: "mh-fallback", Default: "off", Since: "2.0.20", Doc: "Maglev hashing falls back to another server; behind lvs_sched mh.", Set: schedFlag(FlagFallback, "mh")},
	}
}

// persistenceKeywords are the rows about clients that stay with their server.
func persistenceKeywords() kconf.Vocabulary[VirtualServerConfig] {
	type c = VirtualServerConfig
	return kconf.Vocabulary[c]{
		{Name: "persistence_engine", Args: "NAME", Default: "none", Since: "1.2.20", Doc: "Persistence engine, normally sip; only with persistence. The kernel keeps 15 characters.",
			Set: kconf.String(func(v *c) *string { return &v.Engine }).Says("STR", "max 16 chars, truncated").
				RememberAt(func(v *c) *kconf.Pos { return &v.At.Engine })},
		{Name: "persistence_timeout", Args: "[SECONDS]", Default: "0 (off); 360 without value", Since: "0.5.3", Doc: "How long a client stays with its server.",
			Set: kconf.Custom("UINT s", "1..2678400", setPersistence).RememberAt(func(v *c) *kconf.Pos { return &v.At.PersistenceTimeout })},
		{Name: "persistence_granularity", Args: "MASK", Default: "host", Since: "0.5.7", Doc: "Clients that stay together: IPv4 mask or IPv6 prefix length; turns persistence on.",
			Set: kconf.Custom("IPv4 mask or IPv6 prefix length", "IPv6 1..128", setGranularity).RememberAt(func(v *c) *kconf.Pos { return &v.At.Granularity })},
	}
}

// RealServerKeywords is the vocabulary of real_server.
func RealServerKeywords(checks ...kconf.Keyword[RealServerConfig]) kconf.Vocabulary[RealServerConfig] {
	type c = RealServerConfig
	rows := kconf.Vocabulary[c]{
		{Name: "weight", Args: "NUMBER", Default: "virtual_server weight", Since: "0.5.3", Doc: "Share of new connections.",
			Set: kconf.OptInt(func(r *c) **int64 { return &r.Weight }, 0, MaxWeight).Says("UINT", "0..2147483647").
				RememberAt(func(r *c) *kconf.Pos { return &r.WeightPos })},
		{Name: "lvs_method", Args: "as lb_kind of virtual_server", Default: "method of virtual server at that point", Since: "1.3.6", Doc: "How packets reach this server.",
			Set: methodSetter(func(_ *kconf.Ctx, r *c, s *kconf.Stmt, m *Method) { r.Method, r.MethodPos = m, s.Pos() }).Says("ENUM", "as lb_kind")},
		{Name: "uthreshold", Args: "NUMBER", Default: "0", Since: "1.1.13", Doc: "Connections at which the server is overloaded; 0: never.",
			Set: kconf.Uint(func(r *c) *uint32 { return &r.UpperThreshold }, 0, 1<<32-1).RememberAt(func(r *c) *kconf.Pos { return &r.UpperThresholdPos })},
		{Name: "lthreshold", Args: "NUMBER", Default: "0", Since: "1.1.13", Doc: "Connections at which an overloaded server returns.",
			Set: kconf.Uint(func(r *c) *uint32 { return &r.LowerThreshold }, 0, 1<<32-1).RememberAt(func(r *c) *kconf.Pos { return &r.LowerThresholdPos })},
		{Name: "inhibit_on_failure", Args: "[BOOL]", Default: "virtual_server", Since: "0.6.8", Doc: "Failing sets weight 0 instead of removing the server.",
			Set: kconf.OptBool(func(r *c) **bool { return &r.Inhibit }).Says("BOOL", "")},
		{Name: "notify_up", Args: "SCRIPT [USER [GROUP]]", Default: "none", Since: "1.0.0", Doc: "Run when the server comes up.",
			Set: kconf.ScriptLine(func(r *c) **kconf.Script { return &r.NotifyUp })},
		{Name: "notify_down", Args: "SCRIPT [USER [GROUP]]", Default: "none", Since: "1.0.0", Doc: "Run when the server goes down.",
			Set: kconf.ScriptLine(func(r *c) **kconf.Script { return &r.NotifyDown })},
		{Name: "alpha", Args: "[BOOL]", Default: "virtual_server", Since: "1.3.7", Doc: "Down until checked.",
			Set: kconf.OptBool(func(r *c) **bool { return &r.Alpha }).Says("BOOL", "")},
	}
	const service = "virtual_server"
	rows = append(rows, inheritedKeywords(func(r *c) *Inherited { return &r.Inherited }, map[string]string{
		"delay_loop": service, "connect_timeout": service, "retry": service, "delay_before_retry": service, "warmup": service,
		"smtp_alert": "smtp_alert_checker, smtp_alert, else true", "virtualhost": service,
	}, map[string]string{"delay_loop": "1.3.7", "virtualhost": "1.3.6"})...)
	return append(rows, checks...)
}
