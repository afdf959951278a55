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

	dst     kconf.Word // as written; "" until met
	v6, v4  bool       // inet6 or inet was written
	hops    int        // nexthop groups
	hopDev  string
	routeTo bool // a type was written
}

// RouteOptions are the words of route lines. The destination is the word that
// is none of them.
var RouteOptions = Options[RouteLine]{
	{Name: "to", Args: "PREFIX", Default: "required", Doc: "Destination; default, any or all for everything. The word to may be left out.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { l.destination(r, w[1], "") }},
	{Name: "inet", Doc: "An IPv4 route.", Do: func(_ *line, r *RouteLine, _ []kconf.Word) { r.v4 = true }},
	{Name: "inet6", Doc: "An IPv6 route.", Do: func(_ *line, r *RouteLine, _ []kconf.Word) { r.v6 = true }},
	{Name: "src", Args: "ADDRESS", Doc: "Preferred source address.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Src = l.mustAddr(w[0], w[1]) }},
	{Name: "via", Args: "[inet|inet6] ADDRESS", Doc: "Gateway.", Take: takeFamily,
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Via = l.mustAddr(w[0], w[len(w)-1]) }},
	{Name: "gw", Args: "ADDRESS", Deprecated: "write via", Doc: "Gateway.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Via = l.mustAddr(w[0], w[1]) }},
	{Name: "or", Args: "ADDRESS", Deprecated: "write nexthop via A nexthop via B", Doc: "Second gateway of equal weight.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.OrVia = l.mustAddr(w[0], w[1]) }},
	{Name: "from", Args: "PREFIX", Doc: "Source prefix of an IPv6 route.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.From = l.prefix(w[1]) }},
	{Name: "dev", Aliases: []string{"oif"}, Args: "IF", Doc: "Output interface.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Link = l.iface(w) }},
	{Name: "scope", Args: "SCOPE", Default: "global", Doc: "Scope of an IPv4 route.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.Scope = Scope(l.named(w, scopeNames, l.names.Scopes, 255))
		}},
	{Name: "table", Args: "TABLE", Default: "main", Doc: "Routing table, number or name.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			r.Table = l.named(w, tableNames, l.names.Tables, 1<<32-1)
		}},
	{Name: "metric", Aliases: []string{"priority", "preference"}, Args: "NUMBER", Default: "0", Doc: "Preference; lower wins.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.Metric = l.number(w[1], w[0].Text, 1<<32-1) }},
	{Name: "tos", Aliases: []string{"dsfield"}, Args: "TOS", Default: "0", Doc: "Type of service, number or name.",
		Do: func(l *line, r *RouteLine, w []kconf.Word) { r.TOS = uint8(l.named(w, nil, l.names.TOS, 255)) }},
	{Name: "mtu", Args: "[lock] NUMBER", Doc: "Path MTU in octets; lock is not supported yet.", Take: takeLock,
		Do: func(l *line, r *RouteLine, w []kconf.Word) {
			if len(w) == 3 {
				l.x.Notef(w[1].Pos, "not-supported-yet", "mtu lock: not supported yet, the value is used")
			}
			r.MTU = l.number(w[len(w)-1], "mtu", 1<<32-1)
		}},
	{Name: "onlink", Doc: "The gateway is on the link, whatever its subnet says.",
		Do: func(_ *line, r *RouteLine, _ []kconf.Word) { r.OnLink = true }},
	{Name: "nexthop", Args: "via ADDRESS [dev IF] [weight NUMBER]", Take: takeNextHop,
		Doc: "One of two gateways that share the traffic equally.", Do: setNextHop},
	{Name: "protocol", Args: "NUMBER", Default: "18", Doc: "Ignored: routes carry keepalived's number, by which they are known again.",
		Do: func(l *line, _ *RouteLine, w []kconf.Word) {
			l.otherProtocol(w, l.named(w, protocolNames, l.names.Protocols, 255))
		}},
	{Name: "prepend", Default: "on", Doc: "Goes in front of equal routes.", Do: func(*line, *RouteLine, []kconf.Word) {}},
	{Name: "no_track", Doc: "Losing the route is no fault of the instance.",
		Do: func(_ *line, r *RouteLine, _ []kconf.Word) { r.NoTrack = true }},
	{Name: "track_group", Args: "NAME", Limited: true, Only: StaticLine, Doc: "Instances that become faulty when the route disappears.",
		Do: func(_ *line, r *RouteLine, w []kconf.Word) { r.TrackGroup = w[1].Text }},
	{Name: "vrf", Args: "IF", Doc: "Table of this VRF; not supported yet.", Do: leaveRouteOut},
	{Name: "encap", Args: "TYPE ...", Doc: "Light-weight tunnel; not supported yet.",
		Take: func(w []kconf.Word) int { return len(w) }, Do: leaveRouteOut},
	{Name: "as", Args: "PREFIX", Doc: "Not supported by keepalived either.",
		Do: func(l *line, _ *RouteLine, w []kconf.Word) { l.dropf(w[0], "unknown-option", "as: not supported") }},
	notYet("add", "", "Fails when an equal route exists."),
	notYet("append", "", "Goes behind equal routes."),
	notYet("expires", "SECONDS", "Lifetime of an IPv6 route."),
	notYet("hoplimit", "NUMBER", "Hop limit of packets on this route."),
	notYet("advmss", "[lock] NUMBER", "Maximum segment size to advertise."),
	notYet("rtt", "[lock] TIME", "Initial round trip time."),
	notYet("rttvar", "[lock] TIME", "Initial variance of the round trip time."),
	notYet("reordering", "[lock] NUMBER", "Reordering that TCP tolerates."),
	notYet("window", "NUMBER", "Largest TCP window."),
	notYet("cwnd", "[lock] NUMBER", "Clamp of the congestion window."),
	notYet("ssthresh", "[lock] NUMBER", "Slow start threshold."),
	notYet("realms", "REALM", "Routing realms."),
	notYet("rto_min", "[lock] TIME", "Smallest retransmission time-out."),
	notYet("initcwnd", "NUMBER", "Initial congestion window."),
	notYet("initrwnd", "NUMBER", "Initial receive window."),
	notYet("features", "ecn", "TCP features."),
	notYet("quickack", "NUMBER", "Quick acknowledgements."),
	notYet("congctl", "[lock] NAME", "Congestion control algorithm."),
	notYet("pref", "PREFERENCE", "IPv6 router preference."),
	notYet("ttl-propagate", "STATE", "Copies the TTL into tunnels."),
	notYet("fastopen_no_cookie", "NUMBER", "TCP fast open without cookie."),
}

// notYet is a row for a word that only tunes the route: it is taken and noted.
func notYet(name, args, doc string) Option[RouteLine] {
	o := Option[RouteLine]{Name: name, Args: args, Doc: doc, Status: kconf.KnowOnly}
	if strings.HasPrefix(args, "[lock] ") {
		o.Take = takeLock
	}
	return o
}

func leaveRouteOut(l *line, _ *RouteLine, w []kconf.Word) { l.leaveOut(w[0]) }

func takeLock(words []kconf.Word) int {
	if len(words) > 0 && words[0].Text == "lock" {
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

// takeNextHop: everything up to the next nexthop belongs to this one.
func takeNextHop(words []kconf.Word) int {
	for i, w := range words {
		if w.Text == "nexthop" {
			return i
		}
	}
	return len(words)
}

// setNextHop: two gateways of equal weight are what a Route can hold.
func setNextHop(l *line, r *RouteLine, w []kconf.Word) {
	var gw netip.Addr
	dev := ""
	for args := w[1:]; len(args) > 0 && !l.drop; {
		switch word := args[0].Text; {
		case word == "via" && len(args) > takeFamily(args[1:]):
			n := takeFamily(args[1:])
			gw, args = l.mustAddr(args[0], args[n]), args[n+1:]
		case word == "dev" && len(args) > 1:
			dev, args = l.iface(args), args[2:]
		case word == "weight" && len(args) > 1 && args[1].Text == "1":
			args = args[2:]
		default:
			l.leaveOut(args[0])
		}
	}
	if l.drop {
		return
	}
	r.hops++
	switch {
	case !gw.IsValid(), r.hops > 2, r.hops == 2 && dev != r.hopDev:
		l.leaveOut(w[0])
	case r.hops == 1:
		r.Via, r.hopDev = gw, dev
	default:
		r.OrVia = gw
	}
	if dev != "" {
		r.Link = dev
	}
}

// mustAddr reads an address; without a good one the line is dropped.
func (l *line) mustAddr(what, w kconf.Word) netip.Addr {
	a := l.addr(w)
	if !a.IsValid() && !l.drop {
		l.dropf(w, "not-an-address", "%s %s: not an IP address", what.Text, w.Text)
	}
	return a
}

// prefix reads ADDRESS[/LENGTH], or drops the line. Host bits are cleared: the
// kernel takes none.
func (l *line) prefix(w kconf.Word) netip.Prefix {
	if a := l.addr(w); a.IsValid() {
		return netip.PrefixFrom(a, a.BitLen())
	}
	text, length, _ := strings.Cut(w.Text, "/")
	a := l.addr(kconf.Word{Text: text})
	bits, ok := prefixLength(length, uint64(max(a.BitLen(), 0)))
	p := netip.PrefixFrom(a, int(bits))
	if !ok || !p.IsValid() {
		l.dropf(w, "not-a-prefix", "%s: not an IP address with optional /length", w.Text)
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
	if r.dst.Text != "" {
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
	if !l.drop {
		l.finishRoute(&r, s.Words[0])
		l.finishProtocol(!r.NoTrack)
	}
	return r, !l.drop
}

// finishRoute settles the family and reads the destination.
func (l *line) finishRoute(r *RouteLine, first kconf.Word) {
	v4, v6 := r.v4, r.v6
	for _, a := range []netip.Addr{r.Via, r.OrVia, r.Src, r.From.Addr()} {
		v4, v6 = v4 || a.Is4(), v6 || a.Is6()
	}
	switch r.dst.Text {
	case "":
		l.dropf(first, "no-destination", "route without destination")
		return
	case "default6":
		l.x.Warnf(r.dst.Pos, kconf.ClassDeprecated, "deprecated", "default6: old spelling; write inet6 default")
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
	case r.OrVia.IsValid() && !r.Via.IsValid():
		l.dropf(r.dst, "no-gateway", "route to %s: a second gateway without a first", r.dst.Text)
	case v6:
		r.Scope = ScopeGlobal
	}
}

func zeroAddr(v6 bool) netip.Addr {
	if v6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}
