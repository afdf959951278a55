package host

import (
	"net/netip"
	"strconv"
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

	v4, v6         bool
	prio           bool
	actions        int
	ofTable, only4 kconf.Word // words that go with a table only, with IPv4 only
}

// RuleOptions are the words of rule lines.
var RuleOptions = Options[RuleLine]{
	{Name: "inet", Default: "from addresses", Doc: "An IPv4 rule.", Do: func(_ *line, r *RuleLine, _ []kconf.Word) { r.v4, r.v6 = true, false }},
	{Name: "inet6", Default: "from addresses", Doc: "An IPv6 rule.", Do: func(_ *line, r *RuleLine, _ []kconf.Word) { r.v4, r.v6 = false, true }},
	{Name: "not", Default: "off", Doc: "Matches what the rest does not match.", Do: func(_ *line, r *RuleLine, _ []kconf.Word) { r.Not = true }},
	{Name: "from", Args: "PREFIX", Type: "prefix", Default: "any", Doc: "Source of the packet.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.From = l.selector(w[1]) }},
	{Name: "to", Args: "PREFIX", Type: "prefix", Default: "any", Doc: "Destination of the packet.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.To = l.selector(w[1]) }},
	{Name: "iif", Aliases: []string{"dev"}, Args: "IF", Type: "IFNAME", Default: "none", Doc: "Interface the packet came in by, which is tracked unless no_track stands there.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.IIf = l.iface(w) }},
	{Name: "oif", Args: "IF", Type: "IFNAME", Default: "none", Doc: "Interface the sending socket is bound to.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.OIf = l.iface(w) }},
	{Name: "tos", Aliases: []string{"dsfield"}, Args: "TOS", Type: "0..255", Default: "0", Doc: "Type of service, number or name.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.TOS = uint8(l.named(w, nil, l.names.TOS, 255)) }},
	{Name: "fwmark", Args: "MARK[/MASK]", Type: "UINT32, C-prefix base", Default: "none", Doc: "Firewall mark.", Do: setMark},
	{Name: "ipproto", Args: "PROTOCOL", Type: "0..255", Default: "none", Doc: "IP protocol, number or name.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.IPProto = uint8(l.named(w, ipProtocols, nil, 255)) }},
	{Name: "sport", Args: "FIRST-LAST", Type: "UINT16", Default: "none", Doc: "Source ports.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.Sport = l.ports(w) }},
	{Name: "dport", Args: "FIRST-LAST", Type: "UINT16", Default: "none", Doc: "Destination ports.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) { r.Dport = l.ports(w) }},
	{Name: "uidrange", Args: "FIRST-LAST", Type: "UINT32", Default: "none", Doc: "Users that send.", Do: setUIDs},
	{Name: "tunnel-id", Args: "NUMBER", Type: "UINT64", Default: "none", Doc: "Tunnel the packet came by.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			id, ok := kconf.ParseUint(l.x, w[1], "tunnel-id", 0, 1<<64-1)
			r.TunnelID, l.drop = id, l.drop || !ok
		}},
	{Name: "priority", Aliases: []string{"preference", "order"}, Args: "NUMBER", Type: "UINT32, C-prefix base", Default: "16384 counting down per family, with error",
		Doc: "Place of the rule; lower is asked first.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			r.Priority, r.prio = l.numberC(w[1], w[0].Text, 1<<32-1), true
		}},
	{Name: "table", Aliases: []string{"lookup"}, Args: "TABLE", Type: "UINT32", Range: "not 0", Default: "required action", Doc: "Looks the destination up in this table, number or name.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			l.action(r, ToTable)
			if r.Table = l.named(w, tableNames, l.names.Tables, 1<<32-1); r.Table == 0 && !l.drop {
				l.dropf(w[1], "table-zero", "table 0 is no table")
			}
		}},
	{Name: "l3mdev", Default: "off", Doc: "Looks the destination up in the table of the packet's VRF; instead of table.",
		Do: func(l *line, r *RuleLine, _ []kconf.Word) {
			l.action(r, ToTable)
			r.L3MDev = true
		}},
	{Name: "realms", Args: "R[/R]", Type: "0..255 or name", Range: "IPv4, table action", Default: "none", Doc: "Realm of the destination, or of source and destination.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			r.Realms, r.ofTable, r.only4 = l.realms(w), w[0], w[0]
		}},
	{Name: "suppress_prefixlength", Aliases: []string{"sup_pl"}, Args: "NUMBER", Type: "UINT31", Range: "table action", Default: "none", Doc: "Refuses routes of the table whose prefix is this short or shorter.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			r.SuppressPrefix, r.ofTable = Some(l.number(w[1], w[0].Text, 1<<31-1)), w[0]
		}},
	{Name: "suppress_ifgroup", Aliases: []string{"sup_group"}, Args: "GROUP", Type: "UINT31", Range: "table action", Default: "none", Doc: "Refuses routes of the table by links of this group, number or name.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			r.SuppressGroup, r.ofTable = Some(l.named(w, map[string]uint32{"default": 0}, l.names.Groups, 1<<31-1)), w[0]
		}},
	{Name: "goto", Args: "PRIORITY", Type: "UINT32", Range: "greater than own priority", Default: "none", Doc: "Goes on at the rule with this priority.",
		Do: func(l *line, r *RuleLine, w []kconf.Word) {
			l.action(r, Goto)
			r.Goto = l.number(w[1], "goto", 1<<32-1)
		}},
	{Name: "type", Args: "ACTION", Type: "ENUM", Default: "none", Doc: "blackhole, unreachable, prohibit, nop or goto; the word type may be left out.",
		Take: takeType, Do: func(*line, *RuleLine, []kconf.Word) {}},
	{Name: "nop", Default: "none", Doc: "Does nothing.", Do: ruleAction(Nop)},
	{Name: "blackhole", Default: "none", Doc: "Drops the packet in silence.", Do: ruleAction(RuleBlackhole)},
	{Name: "unreachable", Default: "none", Doc: "Answers that the network is unreachable.", Do: ruleAction(RuleUnreachable)},
	{Name: "prohibit", Default: "none", Doc: "Answers that it is forbidden.", Do: ruleAction(RuleProhibit)},
	{Name: "protocol", Args: "NUMBER", Type: "UINT8", Default: "18", Doc: "Ignored: rules carry keepalived's number, by which they are known again.",
		Do: func(l *line, _ *RuleLine, w []kconf.Word) { l.otherProtocol(w, l.number(w[1], "protocol", 255)) }},
	{Name: "no_track", Default: "off", Doc: "Losing the rule is no fault of the instance.",
		Do: func(_ *line, r *RuleLine, _ []kconf.Word) { r.NoTrack = true }},
	{Name: "track_group", Args: "NAME", Type: "STR", Range: "static only, needs iif", Default: "none", Limited: true, Only: StaticLine, Doc: "Instances that are in fault while the interface of the rule is down.",
		Do: func(_ *line, r *RuleLine, w []kconf.Word) { r.TrackGroup = w[1].Text }},
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
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	if err1 != nil || err2 != nil || b < a {
		l.badRange(w, "65535", isRange(first, last))
	}
	return PortRange{uint16(a), uint16(b)}
}

// setUIDs reads FIRST-LAST.
func setUIDs(l *line, r *RuleLine, w []kconf.Word) {
	first, last, found := strings.Cut(w[1].Text, "-")
	a, err1 := strconv.ParseUint(first, 10, 32)
	b, err2 := strconv.ParseUint(last, 10, 32)
	if !found || err1 != nil || err2 != nil || b < a {
		l.badRange(w, "4294967295", found && isRange(first, last))
		return
	}
	r.UIDs = Some(UIDRange{uint32(a), uint32(b)})
}

// badRange drops the line. Numbers that are too large or the wrong way round are
// no mistake to keepalived; the kernel refuses the rule then.
func (l *line) badRange(w []kconf.Word, limit string, numbers bool) {
	class := kconf.ClassGeneral
	if numbers {
		class = kconf.ClassNone
	}
	l.x.Errorf(w[1].Pos, class, "out-of-range", "%s %s: wants FIRST-LAST, from 0 to %s; the rule is left out", w[0].Text, w[1].Text, limit)
	l.drop = true
}

func isRange(first, last string) bool {
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(first) && digits(last)
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
	case r.ofTable.Text != "" && r.Action != ToTable:
		l.dropf(r.ofTable, "not-for-action", "%s: goes with table or l3mdev only", r.ofTable.Text)
	case r.only4.Text != "" && r.v6:
		l.dropf(r.only4, "ipv4-only", "%s: is for IPv4", r.only4.Text)
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
