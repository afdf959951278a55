package host

import (
	"net/netip"
	"strings"

	"holdfast/kconf"
)

// RouteLine is a decoded line of virtual_routes or static_routes.
type RouteLine struct {
	Route
	NoTrack    bool   // losing it is not a fault
	TrackGroup string // static only: the instances that depend on it
	Pos        kconf.Pos

	dst          kconf.Word // as written; "" until met
	v6, v4       bool       // inet6 or inet was written
	or           netip.Addr
	routeTo      bool       // a type was written
	only4, only6 kconf.Word // the first word that is for one family
}

// RouteOptions are the words of route lines. The destination is the word that
// is none of them.
var RouteOptions = append(Options[RouteLine]{
	{Name: "[to] DEST", Positional: true, Args: "PREFIX", Type: "prefix", Default: "required",
		Doc: "Destination: any word that is not an option."},
	{Name: "TYPE", Positional: true, Args: "TYPE", Type: "ENUM", Default: "unicast",
		Doc: "Route type, in front of the destination: unicast, local, broadcast, brd, multicast, throw, unreachable, prohibit, blackhole, nat, anycast, xresolve or a number."},
	{Name: "to", Args: "PREFIX", Type: "prefix", Default: "required",
		Doc: "Destination; default, any or all for everything. The word to may be left out.",
		Do:  func(l *line, r *RouteLine, w []kconf.Word) { l.destination(r, w[1], "") }},
	{Name: "inet", Default: "from addresses", Doc: "An IPv4 route.", Do: func(_ *line, r *RouteLine, _ []kconf.Word) { r.v4, r.v6 = true, false }},
	{Name: "inet6", Default: "from addresses", Doc: "An IPv6 route.", Do: func(_ *line, r *RouteLine, _ []kconf.Word) { r.v4, r.v6 = false, true }},
	{Name: "src", Args: "ADDRESS", Type: "IP", Range: "one family", Default: "none", Doc: "Preferred source address.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Src = l.mustAddr(w[0], w[1]) }},
	{Name: "via", Args: "[inet|inet6] ADDRESS", Type: "IP", Range: "one family", Default: "none", Doc: "Gateway.", Take: takeFamily,
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Via = l.mustAddr(w[0], w[len(w)-1]) }},
	{Name: "gw", Args: "ADDRESS", Type: "IP", Range: "one family", Default: "none", Deprecated: "write via instead", Doc: "Gateway.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Via = l.mustAddr(w[0], w[1]) }},
	{Name: "or", Args: "ADDRESS", Type: "IP", Default: "none", Deprecated: "write nexthop via A nexthop via B instead", Doc: "Second gateway of equal weight.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.or = l.mustAddr(w[0], w[1]) }},
	{Name: "from", Args: "PREFIX", Type: "IPv6 prefix", Default: "none", Doc: "Source prefix of an IPv6 route.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.From = l.prefix(w[1]) }},
	{Name: "dev", Aliases: []string{"oif"}, Args: "IF", Type: "IFNAME", Default: "none", Doc: "Output interface, which is tracked unless no_track stands there.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Link = l.iface(w) }},
	{Name: "scope", Args: "SCOPE", Type: "0..255", Range: "rt_scopes", Default: "global", Doc: "Scope of an IPv4 route, number or name.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.Scope = Scope(l.named(w, scopeNames, l.names.Scopes, 255))
		}},
	{Name: "table", Args: "TABLE", Type: "0..4294967295", Range: "rt_tables", Default: "main", Doc: "Routing table, number or name.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.Table = l.named(w, tableNames, l.names.Tables, 1<<32-1)
		}},
	{Name: "vrf", Args: "IF", Type: "IFNAME of existing VRF", Default: "none", Doc: "Table of this VRF.", Do: setVRF},
	{Name: "metric", Aliases: []string{"priority", "preference"}, Args: "NUMBER", Type: "UINT32", Default: "0", Doc: "Preference; lower wins.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Metric = l.number(w[1], w[0].Text, 1<<32-1) }},
	{Name: "tos", Aliases: []string{"dsfield"}, Args: "TOS", Type: "0..255", Range: "rt_dsfield", Default: "0", Doc: "Type of service, number or name.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.TOS = uint8(l.named(w, nil, l.names.TOS, 255)) }},
	{Name: "onlink", Default: "off", Doc: "The gateway is on the link, whatever its subnet says.",
		Do: func(_ *line, r *RouteLine, _ []kconf.Word) { r.OnLink = true }},
	{Name: "nexthop", Args: "[via [inet|inet6] ADDRESS] [dev IF] [weight 1..256] [onlink] [encap ...] [realms R]", Type: "group", Range: "must end the line",
		Default: "none", Take: takeNextHop, Doc: "One of several ways that share the traffic by weight; may be repeated.", Do: setNextHop},
	{Name: "encap", Args: "TYPE ...", Type: "ip or ip6 or mpls or ila", Default: "none", Take: takeEncap, Do: setEncap,
		Doc: "Light-weight tunnel: ip [id N] [dst IP] [src IP] [tos N] [ttl N] [flags N], ip6 with tc and hoplimit, mpls LABEL[/LABEL], ila LOCATOR."},
	{Name: "realms", Args: "R[/R]", Type: "0..255 or name", Range: "rt_realms, IPv4", Default: "none", Doc: "Realm of the destination, or of source and destination.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.Realms, r.only4 = l.realms(w), firstWord(r.only4, w[0])
		}},
	{Name: "protocol", Args: "NUMBER", Type: "0..255", Range: "rt_protos", Default: "18 (keepalived)", Doc: "Ignored: routes carry keepalived's number, by which they are known again.",
		Do: func(l *line, _ *RouteLine, w []kconf.Word) {
			l.otherProtocol(w, l.named(w, protocolNames, l.names.Protocols, 255))
		}},
	{Name: "add", Default: "prepend", Doc: "Does not go beside an equal route.", Do: placed(AddAlone)},
	{Name: "prepend", Default: "default", Doc: "Goes in front of equal routes.", Do: placed(Prepend)},
	{Name: "append", Default: "prepend", Doc: "Goes behind equal routes.", Do: placed(Append)},
	{Name: "no_track", Default: "off", Doc: "Losing the route is no fault of the instance.",
		Do: func(_ *line, r *RouteLine, _ []kconf.Word) { r.NoTrack = true }},
	{Name: "track_group", Args: "NAME", Type: "STR", Range: "static only, needs dev", Default: "none", Limited: true, Only: StaticLine, Doc: "Instances that are in fault while the interface of the route is down.",
		Do: func(_ *line, r *RouteLine, w []kconf.Word) { r.TrackGroup = w[1].Text }},
	{Name: "as", Args: "[to] PREFIX", Type: "prefix", Take: takeTo, Doc: "Not supported by keepalived either: of MPLS.",
		Do: func(l *line, _ *RouteLine, w []kconf.Word) {
			l.errorf(w[0], "unknown-option", "as: not supported; ignored")
		}},
}, metricOptions...)

func placed(p Place) func(*line, *RouteLine, []kconf.Word) {
	return func(_ *line, r *RouteLine, _ []kconf.Word) { r.Place = p }
}

func firstWord(have, w kconf.Word) kconf.Word {
	if have.Text != "" {
		return have
	}
	return w
}

func takeTo(words []kconf.Word) int {
	if len(words) > 0 && words[0].Text == "to" {
		return 2
	}
	return 1
}

func takeFamily(words []kconf.Word) int {
	if len(words) > 0 && (words[0].Text == "inet" || words[0].Text == "inet6") {
		return 2
	}
	return 1
}

// setVRF: which table it has shows when the route is put there.
func setVRF(l *line, r *RouteLine, w []kconf.Word) {
	r.VRF = l.iface(w)
	if _, known := l.names.VRFs[r.VRF]; l.names.VRFs != nil && !known && !l.drop {
		l.dropf(w[1], "no-such-vrf", "vrf %s: there is no such VRF", r.VRF)
	}
}

// realms reads R or R/R behind the word w[0], or drops the line.
func (l *line) realms(w []kconf.Word) uint32 {
	from, to, both := strings.Cut(w[1].Text, "/")
	if !both {
		from, to = "0", from
	}
	a, ok1 := lookup(nil, l.names.Realms, from, 255)
	b, ok2 := lookup(nil, l.names.Realms, to, 255)
	if !ok1 || !ok2 {
		l.dropf(w[1], "unknown-name", "%s %s: wants one or two realms, numbers to 255 or names, with a slash between them", w[0].Text, w[1].Text)
	}
	return a<<16 | b
}

// mustAddr reads an address; without a good one the line is dropped.
func (l *line) mustAddr(what, w kconf.Word) netip.Addr {
	a := l.addr(w)
	if !a.IsValid() && !l.drop {
		l.dropf(w, "not-an-address", "%s %s: not an IP address", what.Text, w.Text)
	}
	return a
}

// prefix reads ADDRESS[/LENGTH], or drops the line. A length out of range is
// replaced by the full one. Host bits are cleared: the kernel takes none.
func (l *line) prefix(w kconf.Word) netip.Prefix {
	p, ok := l.addressWord(w)
	if !ok {
		return netip.Prefix{}
	}
	if p != p.Masked() {
		l.x.Notef(w.Pos, "host-bits", "%s: is %v", w.Text, p.Masked())
	}
	return p.Masked()
}

// named reads a number or one of its names, or drops the line.
func (l *line) named(w []kconf.Word, known, more map[string]uint32, limit uint64) uint32 {
	v, ok := lookup(known, more, w[1].Text, limit)
	if !ok {
		l.dropf(w[1], "unknown-name", "%s %s: neither a number nor a known name", w[0].Text, w[1].Text)
	}
	return v
}

// otherProtocol remembers a number in w that is not ours, until it is known
// whether the object is tracked.
func (l *line) otherProtocol(w []kconf.Word, number uint32) {
	if number != Mark {
		l.protocol, l.other = w[0], w[1]
	}
}

// finishProtocol says that our own number is used. keepalived, too, replaces the
// number of what it tracks, which is a mistake then; of the rest it is not,
// but without our number we would not know the object again after a crash.
func (l *line) finishProtocol(tracked bool) {
	const format = "protocol %s: %d is used, by which we know our own again"
	switch {
	case l.protocol.Text == "" || l.drop:
	case tracked:
		l.x.Warnf(l.protocol.Pos, kconf.ClassGeneral, "protocol-ignored", format+"; no_track would allow another with keepalived", l.other.Text, Mark)
	default:
		l.x.Notef(l.protocol.Pos, "protocol-ignored", format, l.other.Text, Mark)
	}
}

// destination notes the word; what it means depends on the family, which a
// later word may tell.
func (l *line) destination(r *RouteLine, w kconf.Word, near string) {
	if text, _, _ := strings.Cut(w.Text, "/"); r.dst.Text != "" && l.addr(kconf.Word{Text: text}).IsValid() {
		l.x.Warnf(w.Pos, kconf.ClassNone, "repeated", "route to %s: %s is another destination, the last one counts", r.dst.Text, w.Text)
	} else if r.dst.Text != "" {
		l.unknown(w, near)
		l.drop = true
		return
	}
	r.dst = w
}

// DecodeRoute reads one route line with the names every host has.
func DecodeRoute(x *kconf.Ctx, s *kconf.Stmt, kind LineKind) (RouteLine, bool) {
	return Names{}.DecodeRoute(x, s, kind)
}

// DecodeRoute reads one route line; false means that it can not be used.
func (n Names) DecodeRoute(x *kconf.Ctx, s *kconf.Stmt, kind LineKind) (RouteLine, bool) {
	l := &line{x: x, kind: kind, names: n, what: "route"}
	r := RouteLine{Pos: s.Pos()}
	for words := s.Words; len(words) > 0 && !l.drop; {
		w := words[0]
		if opt := RouteOptions.find(w.Text, kind); opt != nil {
			words = word(l, opt, &r, words)
			continue
		}
		if t, ok := lookup(routeTypeNames, nil, w.Text, 255); ok && !r.routeTo && r.dst.Text == "" {
			r.Type, r.routeTo = RouteType(t), true
		} else {
			l.destination(&r, w, RouteOptions.nearest(w.Text, kind))
		}
		words = words[1:]
	}
	dev := r.Link // that of a nexthop does not count
	if !l.drop {
		l.finishRoute(&r, s.Words[0])
		l.finishProtocol(!r.NoTrack)
	}
	if !l.drop && !r.NoTrack && dev == "" {
		l.x.Warnf(s.Pos(), kconf.ClassGeneral, "not-tracked", "route to %s: without dev it cannot be tracked, as if no_track stood there", r.dst.Text)
		r.NoTrack = true
	}
	return r, !l.drop
}

// finishRoute settles the family and reads the destination.
func (l *line) finishRoute(r *RouteLine, first kconf.Word) {
	v4, v6 := r.v4, r.v6
	for _, a := range append([]netip.Addr{r.Via, r.or, r.Src, r.From.Addr()}, gateways(r.Hops)...) {
		v4, v6 = v4 || a.Is4(), v6 || a.Is6()
	}
	switch r.dst.Text {
	case "":
		l.dropf(first, "no-destination", "route without destination")
		return
	case "default6":
		l.x.Warnf(r.dst.Pos, kconf.ClassNone, "deprecated", "default6: old spelling; write inet6 default instead")
		v6 = true
		fallthrough
	case "default", "any", "all":
		r.Dst = netip.PrefixFrom(zeroAddr(v6), 0)
	default:
		if r.Dst = l.prefix(r.dst); l.drop {
			return
		}
	}
	v4, v6 = v4 || r.Dst.Addr().Is4(), v6 || r.Dst.Addr().Is6()
	switch {
	case v4 && v6:
		l.dropf(r.dst, "mixed-families", "route to %s: IPv4 and IPv6 on one line", r.dst.Text)
	case r.From.IsValid() && v4:
		l.dropf(r.dst, "ipv6-only", "route to %s: from is for IPv6", r.dst.Text)
	case r.only4.Text != "" && v6:
		l.dropf(r.only4, "ipv4-only", "%s: is for IPv4", r.only4.Text)
	case r.only6.Text != "" && v4:
		l.dropf(r.only6, "ipv6-only", "%s: is for IPv6", r.only6.Text)
	case r.or.IsValid() && !r.Via.IsValid():
		l.dropf(r.dst, "no-gateway", "route to %s: a second gateway without a first", r.dst.Text)
	case v6:
		r.Scope = ScopeGlobal
	}
	l.finishHops(r)
}

func zeroAddr(v6 bool) netip.Addr {
	if v6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}
