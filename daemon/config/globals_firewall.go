package config

import (
	"slices"

	"holdfast/kconf"
)

// Firewall says how packets to virtual addresses are filtered, and how those of
// virtual server groups are marked.
type Firewall struct {
	NFTables Once // table; "": no filter was asked for
	Priority int32
	IfIndex  bool // sets of link-local addresses are keyed by index, not name
	Counters bool

	IPTables *IPTables // asked for, nftables is used in its place
	IPSets   *IPSets

	IPVSTable       Once // "": marks are not made with nftables
	IPVSPriority    int32
	IPVSStartFwmark uint32 // the first of the marks that may be given out
}

// Table is the name of the table that a filter is made in.
func (f *Firewall) Table() string {
	if f.NFTables.Text == "" {
		return defaultTable
	}
	return f.NFTables.Text
}

// IPTables are the chains of vrrp_iptables.
type IPTables struct {
	In, Out string
	Pos     kconf.Pos
}

// IPSets are the names of vrrp_ipsets, given or derived.
type IPSets struct {
	IPv4, IPv6, IPv6Links, IGMP, MLD, ND string
	Pos                                  kconf.Pos
}

// defaultTable is what a filter is made in when nobody named a table.
const defaultTable = "keepalived"

// firewallKeywords are the rows about nftables and its predecessors.
var firewallKeywords = slices.Concat(kconf.Vocabulary[Globals]{
	{Name: "nftables", Args: "[TABLE]", Default: "keepalived", Since: "2.0.11",
		Doc: "Name of the nftables tables that drop packets to virtual addresses of no_accept instances and send the group reports of VMACs from the interface below.",
		Set: tableName(defaultTable, func(g *Globals) *Once { return &g.Firewall.NFTables })},
	{Name: "nftables_priority", Args: "NUMBER", Default: "-1", Since: "2.0.11",
		Doc: "Priority of the chains in and out among those of the host; lower ones come first, the usual filter has 0.",
		Set: int32Setter(func(g *Globals) *int32 { return &g.Firewall.Priority })},
	flagRow("nftables_ifindex", "2.0.11", "Tell link-local addresses of instances with dont_track_primary apart by interface index, as those of all others, instead of name.",
		func(g *Globals) *bool { return &g.Firewall.IfIndex }),
	flagRow("nftables_counters", "2.0.11", "Count packets and octets that the rules match; nft list shows them.", func(g *Globals) *bool { return &g.Firewall.Counters }),

	{Name: "nftables_ipvs", Args: "[TABLE]", Default: "keepalived_ipvs", Since: "2.2.2",
		Doc: "Balance each virtual server group behind one firewall mark instead of as a service for each address; the marks are set with this nftables table.",
		Set: tableName("keepalived_ipvs", func(g *Globals) *Once {
			g.Firewall.IPVSStartFwmark = defaultGlobals().Firewall.IPVSStartFwmark // as keepalived does: the mark stands behind
			return &g.Firewall.IPVSTable
		})},
	{Name: "nftables_ipvs_priority", Args: "NUMBER", Default: "-1", Since: "2.2.2",
		Doc: "Priority of the chain that sets marks.",
		Set: int32Setter(func(g *Globals) *int32 { return &g.Firewall.IPVSPriority })},
	{Name: "nftables_ipvs_start_fwmark", Args: "NUMBER", Default: "1000", Since: "2.2.2",
		Doc: "First firewall mark to give out; stands behind nftables_ipvs.",
		Set: kconf.Uint(func(g *Globals) *uint32 { return &g.Firewall.IPVSStartFwmark }, 1, maxUint32)},
}, kconf.Vocabulary[Globals]{
	{Name: "vrrp_iptables", Args: "[IN [OUT]]", Default: "INPUT OUTPUT if no names", Since: "1.2.20",
		Doc: "Filter with chains of iptables. The same is done with nftables, in both directions, whatever chains are named.",
		Set: kconf.Custom("STR", "1..27 chars, names must differ", setIPTables)},
	{Name: "vrrp_ipsets", Args: "[S1 [S2 [S3 [S4 [S5 [S6]]]]]]", Since: "1.2.20",
		Default: "keepalived, keepalived6, keepalived_if6, keepalived_igmp, keepalived_mld, keepalived_nd",
		Doc:     "Sets to use with vrrp_iptables; names that are missing are made from the first. The addresses are in sets of the nftables tables instead.",
		Set:     kconf.Custom("STR", "1..30 chars, all different", setIPSets)},
})

func int32Setter(field func(*Globals) *int32) kconf.Setter[Globals] {
	s := kconf.Int(field, -1<<31, 1<<31-1)
	return s.Says("INT32", s.Range)
}

// tableName stores the name of an nftables table, def when none is written.
func tableName(def string, field func(*Globals) *Once) kconf.Setter[Globals] {
	return kconf.Custom("STR", "1..254 chars", func(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
		o := field(g)
		if o.Pos.IsValid() {
			repeated(x, s, o.Pos)
			return
		}
		name, pos := def, s.Pos()
		if args := s.Args(); len(args) > 0 {
			name, pos = args[0].Text, args[0].Pos
			if !length(x, args[0], s.Keyword(), 254) {
				return
			}
		}
		*o = Once{name, pos}
	})
}

// length checks that a name has 1 to most characters.
func length(x *kconf.Ctx, w kconf.Word, what string, most int) bool {
	ok := len(w.Text) > 0 && len(w.Text) <= most
	if !ok {
		x.Errorf(w.Pos, kconf.ClassGeneral, "too-long", "%s %q: must have 1-%d characters", what, w.Text, most)
	}
	return ok
}

// setIPTables remembers the chains. keepalived as Debian builds it has no
// iptables either, says so, and uses nftables.
func setIPTables(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	t := &IPTables{In: "INPUT", Out: "OUTPUT", Pos: s.Pos()}
	args := s.Args()
	for i, w := range args[:min(2, len(args))] {
		if !length(x, w, s.Keyword(), 27) {
			return
		}
		if i == 1 && w.Text == args[0].Text {
			x.Errorf(w.Pos, kconf.ClassGeneral, "same-name", "%s %s: the two chains must have different names", s.Keyword(), w.Text)
			return
		}
	}
	if len(args) > 0 {
		t.In, t.Out = args[0].Text, ""
	}
	if len(args) > 1 {
		t.Out = args[1].Text
	}
	g.Firewall.IPTables = t
	x.Diags.Add(kconf.Diagnostic{Pos: s.Pos(), Severity: kconf.Warning, Class: kconf.ClassGeneral, ID: "no-iptables",
		Message: s.Keyword() + ": there is no iptables here, nftables is used instead", Hint: "write nftables in place of vrrp_iptables and vrrp_ipsets"})
}

func setIPSets(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args := s.Args()
	if len(args) == 0 {
		g.Firewall.IPSets = nil // without names keepalived uses no sets
		return
	}
	base := args[0].Text
	names := []string{base, base + "6", base + "_if6", base + "_igmp", base + "_mld", base + "_nd"}
	for i, w := range args[:min(len(names), len(args))] {
		if !length(x, w, s.Keyword(), 30) {
			return
		}
		names[i] = w.Text
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			at := args[min(i, len(args)-1)]
			x.Errorf(at.Pos, kconf.ClassGeneral, "same-name", "%s %s: the names must be different; none is used", s.Keyword(), name)
			return
		}
	}
	g.Firewall.IPSets = &IPSets{names[0], names[1], names[2], names[3], names[4], names[5], s.Pos()}
}

// complete puts nftables in the place of iptables. Sets of the latter mean
// nothing without it.
func (f *Firewall) complete(x *kconf.Ctx) {
	if f.IPSets != nil && f.IPTables == nil {
		x.Notef(f.IPSets.Pos, "unused-sets", "vrrp_ipsets: has no meaning without vrrp_iptables, ignored")
		f.IPSets = nil
	}
	if f.IPSets != nil {
		x.Notef(f.IPSets.Pos, "sets-in-nftables", "vrrp_ipsets: no ipset is made, the addresses are in sets of the nftables tables %s", f.Table())
	}
	if f.IPTables != nil && f.NFTables.Text == "" {
		f.NFTables = Once{defaultTable, f.IPTables.Pos}
	}
}
