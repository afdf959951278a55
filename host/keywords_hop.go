package host

import (
	"net/netip"
	"strconv"
	"strings"

	"holdfast/kconf"
)

// takeNextHop: everything up to the next nexthop belongs to this one.
func takeNextHop(words []kconf.Word) int {
	for i, w := range words {
		if w.Text == "nexthop" {
			return i
		}
	}
	return len(words)
}

// setNextHop reads one way of several. A word that is none of its own ends it, as
// keepalived has it: what follows is not looked at.
func setNextHop(l *line, r *RouteLine, w []kconf.Word) {
	h := NextHop{Weight: 1}
	for args := w[1:]; len(args) > 0 && !l.drop; {
		n := h.option(l, args)
		if n == 0 {
			l.errorf(args[0], "unknown-option", "nexthop: %s and what follows is ignored", args[0].Text)
			break
		}
		args = args[n:]
	}
	if !l.drop && !h.Via.IsValid() && h.Link == "" {
		l.x.Errorf(w[0].Pos, kconf.ClassNone, "no-gateway", "nexthop: wants via or dev; the route is left out") // keepalived leaves the refusal to the kernel
		l.drop = true
	}
	r.Hops = append(r.Hops, h)
}

// option reads the word at the head of args with its values, and answers how many
// words that were; 0: it is none of a hop.
func (h *NextHop) option(l *line, args []kconf.Word) int {
	need := map[string]int{"via": 1 + takeFamily(args[1:]), "dev": 2, "weight": 2, "realms": 2, "onlink": 1, "encap": 1}[args[0].Text]
	if need > len(args) {
		l.missing(args[0], "a value")
		return len(args)
	}
	switch args[0].Text {
	case "via":
		h.Via = l.mustAddr(args[0], args[need-1])
	case "dev":
		h.Link = l.iface(args)
	case "weight":
		n, ok := kconf.ParseUint(l.x, args[1], "weight", 1, 256)
		h.Weight, l.drop = uint16(n), l.drop || !ok
	case "realms":
		h.Realms = l.realms(args)
	case "onlink":
		h.OnLink = true
	case "encap":
		need += takeEncap(args[1:])
		h.Encap = l.encap(args[:need])
	}
	return need
}

func gateways(hops []NextHop) []netip.Addr {
	list := make([]netip.Addr, len(hops))
	for i, h := range hops {
		list[i] = h.Via
	}
	return list
}

// finishHops makes the ways of r those of a Route: the kernel does not tell a
// single nexthop from a plain gateway.
func (l *line) finishHops(r *RouteLine) {
	if len(r.Hops) > 0 && (r.Via.IsValid() || r.or.IsValid()) {
		l.x.Warnf(r.dst.Pos, kconf.ClassNone, "via-and-nexthop", "route to %s: has nexthop, what via and or say is ignored", r.dst.Text)
		r.Via, r.or = netip.Addr{}, netip.Addr{}
	}
	switch {
	case r.or.IsValid():
		r.Hops, r.Via = []NextHop{{Via: r.Via, Weight: 1}, {Via: r.or, Weight: 1}}, netip.Addr{}
	case len(r.Hops) == 1:
		h := r.Hops[0]
		r.Hops, r.Via, r.OnLink = nil, h.Via, r.OnLink || h.OnLink
		if h.Link != "" {
			r.Link = h.Link
		}
		if h.Realms != 0 {
			r.Realms = h.Realms
		}
		if h.Encap.Type != 0 {
			r.Encap = h.Encap
		}
	}
}

// encapWords are the words of encap ip and ip6, each with one value.
var encapWords = map[string][]string{
	"ip":  {"id", "dst", "src", "tos", "ttl", "flags"},
	"ip6": {"id", "dst", "src", "tc", "hoplimit", "flags"},
}

// takeEncap counts the words that belong to encap: a type, and what it takes.
func takeEncap(words []kconf.Word) int {
	if len(words) == 0 {
		return 0
	}
	if words[0].Text == "mpls" || words[0].Text == "ila" {
		return min(2, len(words))
	}
	n := 1
	for n < len(words) && isOneOf(words[n].Text, encapWords[words[0].Text]) {
		n = min(n+2, len(words))
	}
	return n
}

func isOneOf(word string, words []string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func setEncap(l *line, r *RouteLine, w []kconf.Word) { r.Encap = l.encap(w) }

// encap reads encap TYPE ..., or drops the line: without its tunnel the route
// would send packets elsewhere.
func (l *line) encap(w []kconf.Word) Encap {
	if len(w) < 2 {
		l.dropf(w[0], "missing-argument", "encap: wants ip, ip6, mpls or ila")
		return Encap{}
	}
	typ, known := map[string]EncapType{"mpls": EncapMPLS, "ip": EncapIP, "ila": EncapILA, "ip6": EncapIP6}[w[1].Text]
	e, plain := Encap{Type: typ}, typ == EncapMPLS || typ == EncapILA
	switch {
	case !known:
		l.dropf(w[1], "not-one-of", "encap %s: must be ip, ip6, mpls or ila", w[1].Text)
	case plain && len(w) < 3, !plain && (len(w)%2 != 0 || len(w) < 4):
		l.dropf(w[len(w)-1], "missing-argument", "encap %s: %s wants a value", w[1].Text, w[len(w)-1].Text)
	case typ == EncapMPLS:
		e.Labels = l.labels(w[2])
	case typ == EncapILA:
		e.Locator = l.locator(w[2])
	}
	if plain {
		return e
	}
	for args := w[2:]; len(args) > 1 && !l.drop; args = args[2:] {
		l.encapWord(&e, args[0], args[1])
	}
	return e
}

// encapWord reads one word of encap ip or ip6 and its value.
func (l *line) encapWord(e *Encap, w, value kconf.Word) {
	switch w.Text {
	case "id":
		n, ok := kconf.ParseUintC(l.x, value, "encap id", 0, 1<<64-1)
		e.ID, l.drop = n, l.drop || !ok
	case "dst", "src":
		a := l.mustAddr(w, value)
		if a.IsValid() && a.Is6() != (e.Type == EncapIP6) {
			l.dropf(value, "mixed-families", "encap %s %s: is of the other family", w.Text, value.Text)
		}
		if w.Text == "dst" {
			e.Dst = a
		} else {
			e.Src = a
		}
	case "tos":
		e.TOS = uint8(l.named([]kconf.Word{w, value}, nil, l.names.TOS, 255))
	case "tc":
		e.TOS = uint8(l.number(value, "encap tc", 255))
	case "ttl", "hoplimit":
		e.TTL = uint8(l.number(value, "encap "+w.Text, 255))
	case "flags":
		e.Flags = uint16(l.number(value, "encap flags", 1<<16-1))
	}
}

// labels reads MPLS labels of 20 bits with slashes between them.
func (l *line) labels(w kconf.Word) string {
	for label := range strings.SplitSeq(w.Text, "/") {
		if n, err := strconv.ParseUint(label, 10, 20); err != nil || strconv.FormatUint(n, 10) != label {
			l.dropf(w, "not-a-label", "encap mpls %s: wants labels up to 1048575 with slashes between them", w.Text)
			break
		}
	}
	return w.Text
}

// locator reads four groups of hexadecimal digits.
func (l *line) locator(w kconf.Word) (v uint64) {
	groups := strings.Split(w.Text, ":")
	for _, g := range groups {
		n, err := strconv.ParseUint(g, 16, 16)
		if err != nil || len(groups) != 4 {
			l.dropf(w, "not-a-locator", "encap ila %s: wants four groups of up to four hexadecimal digits", w.Text)
			return 0
		}
		v = v<<16 | n
	}
	return v
}
