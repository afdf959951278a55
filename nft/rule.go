package nft

import (
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables/expr"
)

// Rule is one rule twice: in the words of nft(8), and as the program that the
// kernel runs. Both come from the same parts, so that they say the same. Of a
// rule that was read from the kernel only the program is known.
type Rule struct {
	Text    string
	Program []expr.Any
}

// same reports whether a and b do the same, whatever they have counted. Of what
// was read the library leaves out each Dup, which is therefore not compared: a
// rule like ours without it would pass for ours.
func (a Rule) same(b Rule) bool {
	return slices.EqualFunc(readable(a.Program), readable(b.Program),
		func(x, y expr.Any) bool { return reflect.DeepEqual(plain(x), plain(y)) })
}

func readable(program []expr.Any) []expr.Any {
	return slices.DeleteFunc(slices.Clone(program), func(e expr.Any) bool { _, dup := e.(*expr.Dup); return dup })
}

// plain takes away what the kernel adds: counts, and the number a set had in
// the transaction that made it.
func plain(e expr.Any) expr.Any {
	switch e := e.(type) {
	case *expr.Counter:
		return &expr.Counter{}
	case *expr.Lookup:
		l := *e
		l.SetID = 0
		return &l
	}
	return e
}

// clause is a piece of a rule.
type clause struct {
	words   string
	program []expr.Any
}

func newRule(clauses ...clause) Rule {
	var r Rule
	var words []string
	for _, c := range clauses {
		if c.words != "" {
			words = append(words, c.words)
		}
		r.Program = append(r.Program, c.program...)
	}
	r.Text = strings.Join(words, " ")
	return r
}

// field is something of a packet that can be loaded into a register. Registers
// have 16 octets and are numbered from 1; shorter fields begin one too.
type field struct {
	words string
	load  func(register uint32) expr.Any
	needs []expr.Any // what must be true of a packet that has the field
}

// header is a field of the network header.
func header(words string, offset, length uint32) field {
	return field{words: words, load: func(reg uint32) expr.Any {
		return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}
	}}
}

func meta(words string, key expr.MetaKey) field {
	return field{words: words, load: func(reg uint32) expr.Any { return &expr.Meta{Key: key, Register: reg} }}
}

// The protocols that rules name.
const (
	protoIGMP   = 2
	protoICMPv6 = 58
)

// The fields that rules match. Offsets are those of RFC 791 and RFC 8200.
var (
	ipProtocol = header("ip protocol", 9, 1)
	ipSource   = header("ip saddr", 12, 4)
	ipDest     = header("ip daddr", 16, 4)
	ip6Source  = header("ip6 saddr", 8, 16)
	ip6Dest    = header("ip6 daddr", 24, 16)
	inIndex    = meta("iif", expr.MetaKeyIIF)
	outIndex   = meta("oif", expr.MetaKeyOIF)
	inName     = meta("iifname", expr.MetaKeyIIFNAME)
	outName    = meta("oifname", expr.MetaKeyOIFNAME)
	outKind    = meta("meta oifkind", metaOIFKind)

	// icmpv6Type looks behind extension headers: reports of multicast listeners
	// have one.
	icmpv6Type = field{words: "icmpv6 type", load: icmpv6TypeLoad,
		needs: []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}, equals(1, protoICMPv6)}}
	// plainICMPv6Type does not: neighbour discovery has none (RFC 6980).
	plainICMPv6Type = field{words: "icmpv6 type", load: icmpv6TypeLoad,
		needs: []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 6, Len: 1}, equals(1, protoICMPv6)}}
)

// metaOIFKind is NFT_META_OIFKIND (kernel 5.1), which the library does not name.
const metaOIFKind expr.MetaKey = 27

func icmpv6TypeLoad(reg uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Len: 1}
}

func equals(reg uint32, octets ...byte) expr.Any {
	return &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: octets}
}

// in matches what a set holds. Several fields make one key.
func in(set string, fields ...field) clause {
	var c clause
	var words []string
	for i, f := range fields {
		words = append(words, f.words)
		c.program = append(append(c.program, f.needs...), f.load(uint32(i+1)))
	}
	c.program = append(c.program, &expr.Lookup{SourceRegister: 1, SetName: set})
	c.words = strings.Join(words, " . ") + " @" + set
	return c
}

// is matches one value, which nft(8) calls by name.
func is(f field, name string, octets ...byte) clause {
	return clause{f.words + " " + name, append(slices.Clone(f.needs), f.load(1), equals(1, octets...))}
}

// kindIs matches packets that leave by an interface of a kind.
func kindIs(kind string) clause {
	return is(outKind, strconv.Quote(kind), []byte(NameKey(kind))...)
}

// within matches addresses of a prefix.
func within(f field, p netip.Prefix) clause {
	n := uint32(p.Addr().BitLen() / 8)
	mask := make([]byte, n)
	for i := range p.Bits() {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return clause{f.words + " " + p.String(), append(slices.Clone(f.needs), f.load(1),
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: n, Mask: mask, Xor: make([]byte, n)},
		equals(1, p.Masked().Addr().AsSlice()...))}
}

// dupToBase sends a copy to dest by the interface that the map gives for the one
// the packet would leave by. Without an entry the rule does not match.
func dupToBase(dest field, m string) clause {
	return clause{"dup to " + dest.words + " device oif map @" + m, []expr.Any{
		dest.load(1), outIndex.load(2),
		&expr.Lookup{SourceRegister: 2, DestRegister: 2, IsDestRegSet: true, SetName: m},
		&expr.Dup{RegAddr: 1, RegDev: 2, IsRegDevSet: true},
	}}
}

// count counts packets and octets if wanted.
func count(wanted bool) clause {
	if !wanted {
		return clause{}
	}
	return clause{"counter", []expr.Any{&expr.Counter{}}}
}

func verdict(words string, v expr.Verdict) clause { return clause{words, []expr.Any{&v}} }

func drop() clause   { return verdict("drop", expr.Verdict{Kind: expr.VerdictDrop}) }
func accept() clause { return verdict("accept", expr.Verdict{Kind: expr.VerdictAccept}) }

// goTo goes on in another chain and does not come back.
func goTo(chain string) clause {
	return verdict("goto "+chain, expr.Verdict{Kind: expr.VerdictGoto, Chain: chain})
}

// ICMPv6 types, and how nft(8) calls them (RFC 4861, RFC 3810).
const (
	routerSolicit   = 133
	neighborSolicit = 135
	neighborAdvert  = 136
	mld2Report      = 143
)

func icmpv6Name(t byte) string {
	switch t {
	case routerSolicit:
		return "nd-router-solicit"
	case neighborSolicit:
		return "nd-neighbor-solicit"
	case neighborAdvert:
		return "nd-neighbor-advert"
	case mld2Report:
		return "mld2-listener-report"
	}
	return strconv.Itoa(int(t))
}
