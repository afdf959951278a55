package host

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/kconf"
)

// LineKind says in which block a line stands.
type LineKind uint8

const (
	VirtualLine LineKind = iota // virtual_ipaddress, virtual_ipaddress_excluded, virtual_routes, virtual_rules
	StaticLine                  // static_ipaddress, static_routes, static_rules
)

// Option is one word that may stand on an address, route or rule line, with
// the words it takes. Like a row of a kconf.Vocabulary, it is what the decoder,
// the manual and completion all read.
type Option[T any] struct {
	Name       string
	Aliases    []string
	Args       string // as the manual writes them; their number is the number of words taken
	Type       string // UINT32, IP, IFNAME, ENUM; "" is flag
	Range      string // in the words of the manual; "" when anything goes
	Default    string
	Since      string // first keepalived version that had it; "" as long as the line itself
	Doc        string
	Deprecated string // advice: "write X instead"
	Status     kconf.Status
	Only       LineKind                     // with Limited: the only kind of line it may stand on
	Limited    bool                         // see Only
	Positional bool                         // no word but a place in the line: for manuals
	Take       func(words []kconf.Word) int // when the number of words varies; -1: too few
	Do         func(l *line, t *T, args []kconf.Word)
}

// Options are all words of one kind of line.
type Options[T any] []Option[T]

// The manual and completion see the rows as any other vocabulary.
var _ = []kconf.Vocab{AddressOptions, RouteOptions, RuleOptions}

// Docs implements kconf.Vocab.
func (o Options[T]) Docs() []kconf.KeywordDoc {
	docs := make([]kconf.KeywordDoc, len(o))
	for i, r := range o {
		docs[i] = kconf.KeywordDoc{Name: r.Name, Aliases: r.Aliases, Args: r.Args, Type: cmp.Or(r.Type, "flag"), Range: r.Range,
			Default: r.Default, Since: r.Since, Doc: r.Doc, Deprecated: r.Deprecated, Status: r.Status}
	}
	return docs
}

func (o Options[T]) find(word string, kind LineKind) *Option[T] {
	for i := range o {
		if !o[i].Positional && (o[i].Name == word || slices.Contains(o[i].Aliases, word)) && (!o[i].Limited || o[i].Only == kind) {
			return &o[i]
		}
	}
	return nil
}

func (o Options[T]) nearest(word string, kind LineKind) string {
	var names []string
	for _, r := range o {
		if r.Positional || r.Limited && r.Only != kind {
			continue
		}
		names = append(append(names, r.Name), r.Aliases...)
	}
	return kconf.Nearest(word, names)
}

// line is one line being decoded.
type line struct {
	x     *kconf.Ctx
	kind  LineKind
	names Names
	what  string // address, route or rule, for messages
	drop  bool   // the line can not be used

	protocol kconf.Word // keyword protocol with another number than ours; "" without one
	other    kconf.Word // that number
}

// errorf reports a mistake; the line is used without the option.
func (l *line) errorf(w kconf.Word, id, format string, args ...any) {
	l.x.Errorf(w.Pos, kconf.ClassGeneral, id, format, args...)
}

// dropf reports a mistake that makes the line useless.
func (l *line) dropf(w kconf.Word, id, format string, args ...any) {
	l.errorf(w, id, "%s; the %s is left out", fmt.Sprintf(format, args...), l.what)
	l.drop = true
}

// missing reports a word without its value. keepalived ends at once over it, with
// status 2, on routes and rules; of an address it drops the line, with status 5.
func (l *line) missing(w kconf.Word, args string) {
	class := kconf.ClassMissingParameter
	if l.what == "address" {
		class = kconf.ClassGeneral
	}
	l.x.Errorf(w.Pos, class, "missing-argument", "%s: wants %s; the %s is left out", w.Text, args, l.what)
	l.drop = true
}

// word decodes the option at the head of words and returns what follows it.
func word[T any](l *line, r *Option[T], t *T, words []kconf.Word) []kconf.Word {
	head, words := words[0], words[1:]
	n := len(strings.Fields(r.Args))
	if r.Take != nil {
		n = r.Take(words)
	}
	if n < 0 || n > len(words) {
		l.missing(head, r.Args)
		return nil
	}
	if r.Deprecated != "" {
		l.x.Warnf(head.Pos, kconf.ClassDeprecated, "deprecated", "%s: old spelling; %s", head.Text, r.Deprecated)
	}
	if r.Status != kconf.Acts {
		l.x.Notef(head.Pos, "not-supported-yet", "%s: not supported yet", head.Text)
	}
	r.Do(l, t, append([]kconf.Word{head}, words[:n]...))
	return words[n:]
}

// number reads an unsigned decimal number up to limit, or drops the line.
func (l *line) number(w kconf.Word, what string, limit uint64) uint32 {
	v, ok := kconf.ParseUint(l.x, w, what, 0, limit)
	l.drop = l.drop || !ok
	return uint32(v)
}

// numberC is number for values that may be written as in C: 0x10.
func (l *line) numberC(w kconf.Word, what string, limit uint64) uint32 {
	v, ok := kconf.ParseUintC(l.x, w, what, 0, limit)
	l.drop = l.drop || !ok
	return uint32(v)
}

// iface reads the interface name behind the word w[0], or drops the line.
func (l *line) iface(w []kconf.Word) string {
	name, ok := kconf.ParseIface(l.x, w[1], w[0].Text)
	l.drop = l.drop || !ok
	return name
}

// addr reads an address without length; invalid when it is none.
func (l *line) addr(w kconf.Word) netip.Addr {
	a, err := netip.ParseAddr(w.Text)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return netip.Addr{}
	}
	return a
}

// AddressLine is a decoded line of virtual_ipaddress,
// virtual_ipaddress_excluded or static_ipaddress.
type AddressLine struct {
	Address            // Link is "" when the line names no device: the instance's interface
	NoTrack     bool   // losing it is not a fault
	UseVMAC     bool   // goes on a VMAC of its interface
	TrackGroup  string // static only: the instances that depend on it
	Pos         kconf.Pos
	preferred   bool // preferred_lft was written
	scopeAt     kconf.Word
	labelAt     kconf.Word
	broadcastAt kconf.Word
}

// AddressOptions are the words of address lines.
var AddressOptions = Options[AddressLine]{
	{Name: "<IPADDR>[/PREFIX]", Positional: true, Args: "IP[/N]", Type: "IP", Range: "PREFIX 0..32 or 0..128", Default: "/32 or /128",
		Doc: "Address to manage, one a line; the first word."},
	{Name: "dev", Args: "IF", Type: "IFNAME", Range: "once", Default: "instance interface", Doc: "Interface that carries the address.",
		Do: func(l *line, a *AddressLine, w []kconf.Word) {
			if a.Link != "" {
				l.dropf(w[0], "repeated", "dev: given twice")
				return
			}
			a.Link = l.iface(w)
		}},
	{Name: "scope", Args: "SCOPE", Type: "0..255 or name", Range: "names from rt_scopes: global site link host nowhere", Default: "global", Doc: "Scope of an IPv4 address.",
		Do: func(l *line, a *AddressLine, w []kconf.Word) {
			v, ok := lookup(scopeNames, l.names.Scopes, w[1].Text, 255)
			if !ok {
				l.errorf(w[1], "unknown-name", "scope %s: not a scope, global is used", w[1].Text)
				return
			}
			a.Scope, a.scopeAt = Scope(v), w[0]
		}},
	{Name: "brd", Aliases: []string{"broadcast"}, Args: "IP4|+|-", Type: "IP4", Range: "prefix up to /30 for + and -", Default: "none",
		Doc: "IPv4 broadcast address; + sets and - clears the host bits of the address.", Do: setBroadcast},
	{Name: "label", Args: "LABEL", Type: "STR", Range: "max 15 chars", Default: "none", Doc: "Label of an IPv4 address, at most 15 characters.",
		Do: func(l *line, a *AddressLine, w []kconf.Word) {
			if len(w[1].Text) > 15 {
				l.dropf(w[1], "too-long", "label %s: longer than 15 characters", w[1].Text)
			}
			a.Label, a.labelAt = w[1].Text, w[0]
		}},
	{Name: "peer", Args: "ADDRESS", Type: "IP without prefix", Range: "same family", Default: "none", Doc: "Address at the other end of a point-to-point link.",
		Do: func(l *line, a *AddressLine, w []kconf.Word) {
			peer := l.addr(w[1])
			if !peer.IsValid() || peer.Is4() != a.Prefix.Addr().Is4() {
				l.errorf(w[1], "bad-peer", "peer %s: wants an address of the same family without length; ignored", w[1].Text)
				return
			}
			if a.Prefix.Bits() != peer.BitLen() {
				l.errorf(w[0], "peer-and-length", "peer: the length of %v has no meaning beside it; ignored", a.Prefix)
			}
			a.Peer = peer
			a.Prefix = netip.PrefixFrom(a.Prefix.Addr(), peer.BitLen())
		}},
	{Name: "home", Range: "IPv6", Default: "off", Doc: "Marks an IPv6 home address.", Do: addressFlag(Home)},
	{Name: "-nodad", Range: "IPv6", Default: "DAD off for VIPs", Doc: "Leaves duplicate address detection on for an IPv6 address.",
		Do: func(_ *line, a *AddressLine, _ []kconf.Word) { a.Flags &^= NoDAD }},
	{Name: "mngtmpaddr", Range: "IPv6", Default: "off", Doc: "Lets the kernel derive temporary addresses from this IPv6 address.", Do: addressFlag(ManageTempAddr)},
	{Name: "noprefixroute", Default: "off", Doc: "Adds no route for the subnet.", Do: addressFlag(NoPrefixRoute)},
	{Name: "autojoin", Default: "off", Doc: "Joins the multicast group on the Ethernet level.", Do: addressFlag(AutoJoin)},
	{Name: "no_track", Default: "off", Doc: "Losing the address is no fault of the instance.",
		Do: func(_ *line, a *AddressLine, _ []kconf.Word) { a.NoTrack = true }},
	{Name: "preferred_lft", Args: "SECONDS|forever", Type: "UINT32", Default: "forever; 0 for IPv6 /128",
		Doc: "How long the address may be picked as a source; forever, or 0 for never.",
		Do: func(l *line, a *AddressLine, w []kconf.Word) {
			a.PreferredLft, a.preferred = Forever, true
			if w[1].Text != "forever" {
				a.PreferredLft = l.number(w[1], "preferred_lft", uint64(Forever))
			}
		}},
	{Name: "use_vmac", Range: "not static", Default: "off", Limited: true, Only: VirtualLine, Doc: "Puts the address on a VMAC of its interface.",
		Do: func(_ *line, a *AddressLine, _ []kconf.Word) { a.UseVMAC = true }},
	{Name: "track_group", Args: "NAME", Type: "STR", Range: "static only, group defined earlier", Default: "none", Limited: true, Only: StaticLine, Doc: "Instances that are in fault while the interface of the address is down.",
		Do: func(_ *line, a *AddressLine, w []kconf.Word) { a.TrackGroup = w[1].Text }},
}

func addressFlag(f AddressFlags) func(*line, *AddressLine, []kconf.Word) {
	return func(_ *line, a *AddressLine, _ []kconf.Word) { a.Flags |= f }
}

func setBroadcast(l *line, a *AddressLine, w []kconf.Word) {
	addr, bits := a.Prefix.Addr(), a.Prefix.Bits()
	if addr.Is6() {
		l.dropf(w[0], "ipv4-only", "%s: IPv6 has no broadcast", w[0].Text)
		return
	}
	switch sign := w[1].Text; {
	case sign != "+" && sign != "-":
		if a.Broadcast = l.addr(w[1]); !a.Broadcast.Is4() {
			l.dropf(w[1], "bad-broadcast", "%s %s: not an IPv4 address, + or -", w[0].Text, w[1].Text)
		}
	case bits > 30:
		l.errorf(w[1], "bad-broadcast", "%s %s: a /%d has no broadcast address; none is set", w[0].Text, sign, bits)
		return
	default:
		ip, host := addr.As4(), uint32(1)<<(32-bits)-1
		v := binary.BigEndian.Uint32(ip[:]) | host
		if sign == "-" {
			v &^= host
		}
		binary.BigEndian.PutUint32(ip[:], v)
		a.Broadcast = netip.AddrFrom4(ip)
	}
	a.broadcastAt = w[0]
}

// DecodeAddress reads one address line with the names every host has.
func DecodeAddress(x *kconf.Ctx, s *kconf.Stmt, kind LineKind) (AddressLine, bool) {
	return Names{}.DecodeAddress(x, s, kind)
}

// DecodeAddress reads one address line. What keepalived repairs is repaired and
// reported; false means that the line can not be used.
func (n Names) DecodeAddress(x *kconf.Ctx, s *kconf.Stmt, kind LineKind) (AddressLine, bool) {
	l := &line{x: x, kind: kind, names: n, what: "address"}
	prefix, ok := l.addressWord(s.Words[0])
	if !ok {
		return AddressLine{}, false
	}
	a := AddressLine{Address: NewAddress("", prefix), Pos: s.Pos()}
	for words := s.Args(); len(words) > 0 && !l.drop; {
		if r := AddressOptions.find(words[0].Text, kind); r != nil {
			words = word(l, r, &a, words)
			continue
		}
		l.unknown(words[0], AddressOptions.nearest(words[0].Text, kind))
		words = words[1:] // keepalived keeps the address
	}
	if !l.drop {
		l.finishAddress(&a)
	}
	return a, !l.drop
}

func (l *line) unknown(w kconf.Word, near string) {
	if near != "" {
		near = "; did you mean " + near + "?"
	}
	l.errorf(w, "unknown-option", "%s: unknown word in %s line%s", w.Text, l.what, near)
}

// addressWord reads ADDRESS[/LENGTH]; a length out of range is replaced by the
// full one.
func (l *line) addressWord(w kconf.Word) (netip.Prefix, bool) {
	text, length, found := strings.Cut(w.Text, "/")
	addr := l.addr(kconf.Word{Text: text})
	if !addr.IsValid() {
		l.dropf(w, "not-an-address", "%s: not an IP address", w.Text)
		return netip.Prefix{}, false
	}
	bits := uint64(addr.BitLen())
	if found {
		if v, ok := prefixLength(length, bits); ok {
			bits = v
		} else {
			l.x.Errorf(w.Pos, kconf.ClassInvalidNumber, "out-of-range", "%s: length must be 0-%d; /%d is used", w.Text, bits, bits)
		}
	}
	return netip.PrefixFrom(addr, int(bits)), true
}

// prefixLength reads what follows the slash: decimal, zeros in front allowed.
func prefixLength(text string, limit uint64) (uint64, bool) {
	v, err := strconv.ParseUint(text, 10, 8)
	return v, err == nil && v <= limit
}

// finishAddress repairs what does not go together.
func (l *line) finishAddress(a *AddressLine) {
	if a.Prefix.Addr().Is6() {
		if a.scopeAt.Text != "" {
			l.errorf(a.scopeAt, "ipv4-only", "scope: IPv6 addresses bring their own; ignored")
			a.Scope = ScopeGlobal
		}
		if a.Label != "" {
			l.errorf(a.labelAt, "ipv4-only", "label: IPv6 addresses have none; ignored")
			a.Label = ""
		}
		if !a.preferred {
			a.PreferredLft = NewAddress("", a.Prefix).PreferredLft // peer may have changed the length
		}
	}
	if a.Broadcast.IsValid() && a.Peer.IsValid() {
		l.errorf(a.broadcastAt, "broadcast-and-peer", "%s: a point-to-point address has none; ignored", a.broadcastAt.Text)
		a.Broadcast = netip.Addr{}
	}
}
