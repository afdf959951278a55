package host

import (
	"net/netip"
	"strings"

	"holdfast/kconf"
)

// FirstPreference is the priority of the first rule that names none; the next
// one gets one less, in each family by itself.
const FirstPreference = 16384

// RuleLine is a decoded line of virtual_rules or static_rules.
type RuleLine struct {
	Rule
	NoPriority bool   // the line names none: see Preferences
	NoTrack    bool   // losing it is not a fault
	TrackGroup string // static only: the instances that depend on it
	Pos        kconf.Pos

	v4, v6  bool
	prio    bool
	actions int
}

// RuleOptions are the words of rule lines.
var RuleOptions = Options[RuleLine]{
	{Name: "inet", Doc: "An IPv4 rule.", Do: func(_ *line, r *RuleLine, _ []kconf.Word) { r.v4 = true }},
	{Name: "inet6", Doc: "An IPv6 rule.", Do: func(_ *line, r *RuleLine, _ []kconf.Word) { r.v6 = true }},
	{Name: "not", Doc: "Matches what the rest does not match.", Do: func(_ *line, r *RuleLine, _ []kconf.Word) { r.Not = true }},
	{Name: "from", Args: "PREFIX", Default: "all", Doc: "Source of the packet.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.From = l.selector(w[1]) }},
	{Name: "to", Args: "PREFIX", Default: "all", Doc: "Destination of the packet.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.To = l.selector(w[1]) }},
	{Name: "iif", Aliases: []string{"dev"}, Args: "IF", Doc: "Interface the packet came in by.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.IIf = l.iface(w) }},
	{Name: "oif", Args: "IF", Doc: "Interface the sending socket is bound to.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.OIf = l.iface(w) }},
	{Name: "tos", Aliases: []string{"dsfield"}, Args: "TOS", Doc: "Type of service, number or name.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.TOS = uint8(l.named(w, nil, l.names.TOS, 255)) }},
	{Name: "fwmark", Args: "MARK[/MASK]", Doc: "Firewall mark.", Do: setMark},
	{Name: "ipproto", Args: "PROTOCOL", Doc: "IP protocol, number or name.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.IPProto = uint8(l.named(w, ipProtocols, nil, 255)) }},
	{Name: "sport", Args: "FIRST-LAST", Doc: "Source ports.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.Sport = l.ports(w) }},
	{Name: "dport", Args: "FIRST-LAST", Doc: "Destination ports.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.Dport = l.ports(w) }},
	{Name: "priority", Aliases: []string{"preference", "order"}, Args: "NUMBER", Default: "16384 and down, with a warning",
		Doc: "Place of the rule; lower is asked first.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			r.Priority, r.prio = l.numberC(w[1], w[0].Text, 1<<32-1), true
		}},
	{Name: "table", Aliases: []string{"lookup"}, Args: "TABLE", Doc: "Looks the destination up in this table, number or name.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			l.action(r, ToTable)
			if r.Table = l.named(w, tableNames, l.names.Tables, 1<<32-1); r.Table == 0 && !l.drop {
				l.dropf(w[1], "table-zero", "table 0 is no table")
			}
		}},
	{Name: "goto", Args: "PRIORITY", Doc: "Goes on at the rule with this priority.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			l.action(r, Goto)
			r.Goto = l.number(w[1], "goto", 1<<32-1)
		}},
	{Name: "type", Args: "ACTION", Doc: "blackhole, unreachable, prohibit, nop or goto; the word type may be left out.",
		Take: takeType, Do: func(*line, *RuleLine, []kconf.Word) {}},
	{Name: "nop", Doc: "Does nothing.", Do: ruleAction(Nop)},
	{Name: "blackhole", Doc: "Drops the packet in silence.", Do: ruleAction(RuleBlackhole)},
	{Name: "unreachable", Doc: "Answers that the network is unreachable.", Do: ruleAction(RuleUnreachable)},
	{Name: "prohibit", Doc: "Answers that it is forbidden.", Do: ruleAction(RuleProhibit)},
	{Name: "protocol", Args: "NUMBER", Default: "18", Doc: "Ignored: rules carry keepalived's number, by which they are known again.",
		Do: func(l *line, _ *RuleLine, w []kconf.Word) { l.otherProtocol(w, l.number(w[1], "protocol", 255)) }},
	{Name: "no_track", Doc: "Losing the rule is no fault of the instance.",
		Do: func(_ *line, r *RuleLine, _ []kconf.Word) { r.NoTrack = true }},
	{Name: "track_group", Args: "NAME", Limited: true, Only: StaticLine, Doc: "Instances that become faulty when the rule disappears.",
		Do: func(_ *line, r *RuleLine, w []kconf.Word) { r.TrackGroup = w[1].Text }},
	{Name: "realms", Args: "REALM", Doc: "Routing realms; not supported yet.", Do: leaveRuleOut},
	{Name: "suppress_prefixlength", Aliases: []string{"sup_pl"}, Args: "NUMBER", Doc: "Refuses routes this short; not supported yet.", Do: leaveRuleOut},
	{Name: "suppress_ifgroup", Aliases: []string{"sup_group"}, Args: "GROUP", Doc: "Refuses routes by interface group; not supported yet.", Do: leaveRuleOut},
	{Name: "tunnel-id", Args: "NUMBER", Doc: "Tunnel the packet came by; not supported yet.", Do: leaveRuleOut},
	{Name: "uidrange", Args: "FIRST-LAST", Doc: "Users that send; not supported yet.", Do: leaveRuleOut},
	{Name: "l3mdev", Doc: "Table of the packet's VRF; not supported yet.", Do: leaveRuleOut},
}

// takeType wants a word, which is a row of its own.
func takeType(words []kconf.Word) int {
	if len(words) == 0 {
		return -1
	}
	return 0
}

// ipProtocols are the names of protocols(5) that firewalls and balancers meet.
var ipProtocols = map[string]uint32{"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51,
	"ipv6-icmp": 58, "icmpv6": 58, "ospf": 89, "vrrp": 112, "sctp": 132, "udplite": 136}

// leaveRuleOut: without one of its selectors a rule would catch packets that it
// must not, so it is better not there at all.
func leaveRuleOut(l *line, _ *RuleLine, w []kconf.Word) { l.leaveOut(w[0]) }

func ruleAction(a RuleAction) func(*line, *RuleLine, []kconf.Word) {
	return func(l *line, r *RuleLine, _ []kconf.Word) { l.action(r, a) }
}

func (l *line) action(r *RuleLine, a RuleAction) {
	r.Action = a
	r.actions++
}

// selector reads a prefix; default, all and any match everything.
func (l *line) selector(w kconf.Word) netip.Prefix {
	switch w.Text {
	case "default", "all", "any":
		return netip.Prefix{}
	}
	return l.prefix(w)
}

func setMark(l *line, r *RuleLine, w []kconf.Word) {
	mark, mask, found := strings.Cut(w[1].Text, "/")
	r.Mark = l.numberC(kconf.Word{Text: mark, Pos: w[1].Pos}, "fwmark", 1<<32-1)
	r.Mask = ^uint32(0)
	if found {
		r.Mask = l.numberC(kconf.Word{Text: mask, Pos: w[1].Pos}, "fwmark mask", 1<<32-1)
	}
}

// ports reads FIRST-LAST. keepalived refuses a single port and then installs
// the rule without it; we take it as a range of one.
func (l *line) ports(w []kconf.Word) PortRange {
	first, last, found := strings.Cut(w[1].Text, "-")
	if !found {
		last = first
		l.x.Warnf(w[1].Pos, kconf.ClassGeneral, "single-port", "%s %s: keepalived wants %s-%s", w[0].Text, first, first, first)
	}
	p := PortRange{uint16(l.number(kconf.Word{Text: first, Pos: w[1].Pos}, w[0].Text, 65535)),
		uint16(l.number(kconf.Word{Text: last, Pos: w[1].Pos}, w[0].Text, 65535))}
	if !l.drop && p.Last < p.First {
		l.dropf(w[1], "out-of-range", "%s %s: ends before it begins", w[0].Text, w[1].Text)
	}
	return p
}

// DecodeRule reads one rule line with the names every host has.
func DecodeRule(x *kconf.Ctx, s *kconf.Stmt, kind LineKind) (RuleLine, bool) {
	return Names{}.DecodeRule(x, s, kind)
}

// DecodeRule reads one rule line; false means that it can not be used. A rule
// without a priority must still go through Preferences.
func (n Names) DecodeRule(x *kconf.Ctx, s *kconf.Stmt, kind LineKind) (RuleLine, bool) {
	l := &line{x: x, kind: kind, names: n, what: "rule"}
	r := RuleLine{Pos: s.Pos()}
	for words := s.Words; len(words) > 0 && !l.drop; {
		opt := RuleOptions.find(words[0].Text, kind)
		if opt == nil {
			l.dropf(words[0], "unknown-option", "%s: unknown word", words[0].Text)
			break
		}
		words = word(l, opt, &r, words)
	}
	if !l.drop {
		l.finishRule(&r, s.Words[0])
		l.finishProtocol(!r.NoTrack)
	}
	return r, !l.drop
}

func (l *line) finishRule(r *RuleLine, first kconf.Word) {
	for _, p := range []netip.Prefix{r.From, r.To} {
		r.v4, r.v6 = r.v4 || p.Addr().Is4(), r.v6 || p.Addr().Is6()
	}
	r.IPv6, r.NoPriority = r.v6, !r.prio
	switch {
	case r.v4 && r.v6:
		l.dropf(first, "mixed-families", "rule: IPv4 and IPv6 on one line")
	case r.actions == 0:
		l.dropf(first, "no-action", "rule: wants table, goto, nop, blackhole, unreachable or prohibit")
	case r.actions > 1:
		l.dropf(first, "two-actions", "rule: more than one of table, goto, nop, blackhole, unreachable and prohibit")
	case r.Action == Goto && (r.NoPriority || r.Goto <= r.Priority):
		l.dropf(first, "goto-backwards", "rule: goto wants a priority of its own below the one it goes to")
	}
}

// Preferences gives rules without a priority one, over the whole
// configuration in the order of the file. The zero value begins at
// FirstPreference.
type Preferences struct{ used [2]uint32 }

// Fill gives r a priority when its line names none, and says so.
func (p *Preferences) Fill(x *kconf.Ctx, r *RuleLine) {
	if !r.NoPriority {
		return
	}
	n := &p.used[boolInt(r.IPv6)]
	r.Priority = FirstPreference - *n
	*n++
	x.Warnf(r.Pos, kconf.ClassGeneral, "no-priority", "rule without priority: %d is used, probably not what you want", r.Priority)
}
