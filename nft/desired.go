package nft

import "net/netip"

// Filter is what virtual routers want of the kernel: that packets to and from
// some addresses are dropped, and that macvlans do not show their MAC address
// where the LAN should see that of the interface below.
type Filter struct {
	Table    string // name in both families; keyword nftables
	Priority int32  // of the chains with a hook, default -1; keyword nftables_priority
	Counters bool   // keyword nftables_counters
	Guarded  []Guarded
	VMACs    []VMAC
}

// Guarded is a virtual address of an instance in no_accept mode that is not the
// owner (RFC 9568 section 6.1, Accept_Mode). The table is there for all of them;
// packets are dropped where Active.
type Guarded struct {
	Addr   netip.Addr
	Link   string // the interface that it is on
	Index  int    // of Link; 0: Link does not exist
	ByName bool   // a link-local address is told apart by the name of Link, not its index
	Active bool
}

// VMAC is a macvlan that carries a virtual MAC address, for one family: one that
// carries both stands twice.
//
// The kernel reports the groups of such an interface from its own MAC address,
// which would teach switches the wrong port; the reports are sent from the
// interface below instead.
type VMAC struct {
	Name      string
	Index     int
	Base      string // the interface below
	BaseIndex int
	IPv6      bool
}

// The names in the table, as keepalived has them.
const (
	vipSet      = "vips"
	ndSet       = "neighbor-discovery"
	linkSet     = "vips_link_local"
	linkNameSet = "vips_link_local_name"
	vmacMap     = "vmac_map"
	vmacSet     = "vmac_set"
	inChain     = "in"
	outChain    = "out"
	inLinkChain = "in_link_local"
	outLink     = "out_link_local"
)

// linkLocal is what ip6 saddr and daddr are compared with (RFC 4291 section 2.5.6).
var linkLocal = netip.MustParsePrefix("fe80::/10")

// Desired are the tables that f needs: one for each family that has guarded
// addresses or VMACs. The result depends on nothing but f.
func Desired(f Filter) []Table {
	var tables []Table
	for _, family := range []Family{IPv4, IPv6} {
		b := tableBuilder{Filter: &f, table: Table{Key: Key{family, f.Table}}}
		b.vmacs()
		b.guard()
		if len(b.out) > 0 {
			tables = append(tables, b.finish())
		}
	}
	return tables
}

// Names are the interfaces that elements of the tables name, by index.
func (f *Filter) Names() map[int]string {
	names := map[int]string{}
	for _, g := range f.Guarded {
		if g.Index != 0 {
			names[g.Index] = g.Link
		}
	}
	for _, v := range f.VMACs {
		names[v.Index], names[v.BaseIndex] = v.Name, v.Base
	}
	return names
}

// tableBuilder makes the table of one family.
type tableBuilder struct {
	*Filter
	table   Table
	in, out []Rule // of the chains with a hook
	hasIn   bool
	linked  []Chain // those that packets of link-local addresses go on in
}

func (b *tableBuilder) ipv6() bool { return b.table.Family == IPv6 }

// set adds an empty set or map.
func (b *tableBuilder) set(name string, value Type, key ...Type) *Set {
	b.table.Sets = append(b.table.Sets, Set{Name: name, Key: key, Value: value, Elements: map[string]string{}})
	return &b.table.Sets[len(b.table.Sets)-1]
}

// vmacs sends reports of group membership from the interface below, and keeps
// solicitations of routers to those that have an address to ask for.
func (b *tableBuilder) vmacs() {
	bases, own := map[string]string{}, map[string]string{}
	for _, v := range b.VMACs {
		if v.IPv6 == b.ipv6() {
			bases[IndexKey(v.Index)], own[IndexKey(v.Index)] = IndexKey(v.BaseIndex), ""
		}
	}
	if len(bases) == 0 {
		return
	}
	b.set(vmacMap, IfIndex, IfIndex).Elements = bases
	counter, macvlan := count(b.Counters), kindIs("macvlan")
	if !b.ipv6() {
		b.out = append(b.out, newRule(is(ipProtocol, "igmp", protoIGMP), macvlan, dupToBase(ipDest, vmacMap), counter, drop()))
		return
	}
	b.set(vmacSet, 0, IfIndex).Elements = own
	b.out = append(b.out,
		newRule(is(icmpv6Type, icmpv6Name(mld2Report), mld2Report), macvlan, dupToBase(ip6Dest, vmacMap), counter, drop()),
		newRule(is(icmpv6Type, icmpv6Name(routerSolicit), routerSolicit), macvlan, in(vmacSet, outIndex), counter, drop()))
}

// guard drops what goes to or comes from guarded addresses.
func (b *tableBuilder) guard() {
	var mine []Guarded
	for _, g := range b.Guarded {
		if g.Addr.Is6() == b.ipv6() {
			mine = append(mine, g)
		}
	}
	if len(mine) == 0 {
		return
	}
	b.hasIn = true
	counter := count(b.Counters)
	if !b.ipv6() {
		vips := b.set(vipSet, 0, IPv4Addr).Elements
		for _, g := range mine {
			if g.Active {
				vips[AddrKey(g.Addr)] = ""
			}
		}
		b.out = append(b.out, newRule(in(vipSet, ipSource), counter, drop()))
		b.in = append(b.in, newRule(in(vipSet, ipDest), counter, drop()))
		return
	}
	b.guard6(mine)
}

// guard6: neighbours must still find the addresses, and the same link-local
// address may be on two links and guarded on one.
func (b *tableBuilder) guard6(mine []Guarded) {
	counter := count(b.Counters)
	vips := map[string]string{}
	b.set(vipSet, 0, IPv6Addr).Elements = vips
	nd := b.set(ndSet, 0, ICMPv6Type)
	nd.Constant, nd.Elements = true, map[string]string{string([]byte{neighborSolicit}): "", string([]byte{neighborAdvert}): ""}
	b.linked = []Chain{{Name: inLinkChain}, {Name: outLink}}
	byIndex := b.linkLocals(mine, linkRules{linkSet, IfIndex, inIndex, outIndex}, false)
	byName := b.linkLocals(mine, linkRules{linkNameSet, IfName, inName, outName}, true)
	for _, g := range mine {
		switch {
		case !g.Active:
		case !g.Addr.IsLinkLocalUnicast():
			vips[AddrKey(g.Addr)] = ""
		case g.ByName:
			byName[AddrKey(g.Addr)+NameKey(g.Link)] = ""
		case g.Index != 0:
			byIndex[AddrKey(g.Addr)+IndexKey(g.Index)] = ""
		}
	}
	found := newRule(in(ndSet, plainICMPv6Type), counter, accept())
	b.out = append(b.out, found, newRule(within(ip6Source, linkLocal), counter, goTo(outLink)), newRule(in(vipSet, ip6Source), counter, drop()))
	b.in = append(b.in, found, newRule(within(ip6Dest, linkLocal), counter, goTo(inLinkChain)), newRule(in(vipSet, ip6Dest), counter, drop()))
}

// linkRules are how link-local addresses are told apart.
type linkRules struct {
	set     string
	typ     Type
	in, out field
}

// linkLocals adds the set and the rules of one way to tell links apart, if any
// address needs it, and returns its elements.
func (b *tableBuilder) linkLocals(mine []Guarded, r linkRules, byName bool) map[string]string {
	for _, g := range mine {
		if g.Addr.IsLinkLocalUnicast() && g.ByName == byName {
			counter := count(b.Counters)
			b.linked[0].Rules = append(b.linked[0].Rules, newRule(in(r.set, ip6Dest, r.in), counter, drop()))
			b.linked[1].Rules = append(b.linked[1].Rules, newRule(in(r.set, ip6Source, r.out), counter, drop()))
			return b.set(r.set, 0, IPv6Addr, r.typ).Elements
		}
	}
	return nil
}

// finish puts the chains together.
func (b *tableBuilder) finish() Table {
	b.table.Chains = []Chain{{Name: outChain, Hook: OutputHook, Priority: b.Priority, Rules: b.out}}
	if b.hasIn {
		b.table.Chains = append(b.table.Chains, Chain{Name: inChain, Hook: InputHook, Priority: b.Priority, Rules: b.in})
	}
	b.table.Chains = append(b.table.Chains, b.linked...)
	return b.table
}
