package daemon

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"holdfast/daemon/config"
	"holdfast/host"
)

// ownLink is a link that virtual routers make for themselves: a VMAC or ipvlan.
type ownLink struct {
	host.VirtualLink
	vrid      uint8
	ipv6      bool         // family that it is made for
	main      bool         // adverts go by it, unless vmac_xmit_base
	keepIPv6  bool         // IPv6 must not be off on it
	linkLocal bool         // it carries a copy of its parent's link-local address
	addr      netip.Prefix // of an ipvlan; invalid: none
}

// layout says which links a configuration needs, and what goes by them.
type layout struct {
	links   []ownLink
	mains   map[string]int    // by instance: its link of use_vmac or use_ipvlan, as a place in links
	adverts map[string]string // by instance: the link that adverts go by, if not its interface
	sysctls map[string]string // further ones, of links that are not ours
}

// layOut finds the links that instances want for themselves, gives them names,
// and puts virtual addresses on them. links is the host as it is: a link that
// is there and fits keeps its name.
func layOut(conf *config.Config, links map[string]host.Link) layout {
	l := layouter{conf: conf, links: links, taken: map[string]bool{}, byPlace: map[linkPlace]*ownLink{}}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if links[name].Ours() {
			l.ours = append(l.ours, links[name])
		}
	}
	out := layout{mains: map[string]int{}, adverts: map[string]string{}, sysctls: map[string]string{}}
	for _, in := range conf.Instances { // names that somebody chose go before made-up ones
		if name := chosenName(in); name != "" {
			l.taken[name] = true
		}
	}
	for _, in := range conf.Instances {
		main := l.main(in)
		if main != nil {
			main = l.use(main)
			if out.mains[in.Name] = slices.Index(l.order, main); !in.Settled.XmitBase {
				out.adverts[in.Name] = main.Name
			}
		} else if in.Interface == "" && in.Settled.VRF != "" {
			out.adverts[in.Name] = in.Settled.VRF
		}
		l.place(in, main)
		if in.Settled.PromoteSecondaries && in.Interface != "" {
			out.sysctls[host.LinkSysctl("ipv4", in.Interface, "promote_secondaries")] = "1"
		}
	}
	if conf.Global.DisableLocalIGMP {
		out.sysctls["net/ipv4/igmp_link_local_mcast_reports"] = "0"
	}
	for _, own := range l.order {
		out.links = append(out.links, *own)
	}
	return out
}

// linkPlace tells links of ours apart: a parent carries an address once.
type linkPlace struct {
	kind, parent, name string // name: of an ipvlan, which has its parent's address
	mac                host.MAC
}

type layouter struct {
	conf    *config.Config
	links   map[string]host.Link
	ours    []host.Link // those of links that are ours already, by name
	taken   map[string]bool
	byPlace map[linkPlace]*ownLink
	order   []*ownLink
}

// use enters a link, and answers the one that is there already in its place.
func (l *layouter) use(own *ownLink) *ownLink {
	p := linkPlace{own.Kind, own.Parent, "", own.MAC}
	if own.Kind == host.IPVLAN {
		p.name = own.Name
	}
	if have := l.byPlace[p]; have != nil {
		have.keepIPv6 = have.keepIPv6 || own.keepIPv6
		return have
	}
	l.byPlace[p], l.taken[own.Name] = own, true
	l.order = append(l.order, own)
	return own
}

func chosenName(in *config.Instance) string {
	switch {
	case in.Settled.VMAC != nil:
		return in.Settled.VMAC.Name
	case in.Settled.IPVLAN != nil:
		return in.Settled.IPVLAN.Name
	}
	return ""
}

// main is the link of use_vmac or use_ipvlan; nil: the instance has none.
func (l *layouter) main(in *config.Instance) *ownLink {
	own := &ownLink{vrid: in.VRID, ipv6: in.Params.IPv6, main: true, keepIPv6: in.Params.IPv6}
	own.linkLocal = own.ipv6 && !in.Settled.XmitBase
	var group string
	switch v, p := in.Settled.VMAC, in.Settled.IPVLAN; {
	case in.Interface == "" || v == nil && p == nil:
		return nil
	case v != nil:
		own.Kind, own.Mode, own.MAC, own.Notify, group = host.MACVLAN, host.Private, macOf(in, own.ipv6), v.NotifyMessage, v.Group
	default:
		own.Kind, own.Mode, group = host.IPVLAN, p.Mode, p.Group
		if own.addr = p.Prefix; own.addr.IsValid() {
			own.linkLocal = false
		}
	}
	own.Parent, own.Alias = in.Interface, host.LinkMark+in.Name
	if n, ok := l.conf.LinkGroup(group); ok {
		own.Group = host.Some(n)
	}
	for _, a := range in.Excluded {
		own.keepIPv6 = own.keepIPv6 || a.Prefix.Addr().Is6()
	}
	if own.Name = chosenName(in); own.Name == "" {
		own.Name = l.name(own, l.conf.Global.VMACPrefix.Text)
	}
	return own
}

// macOf is the address of a VMAC: that of the RFC, or the one that was given,
// which all VMACs of the instance have.
func macOf(in *config.Instance, ipv6 bool) host.MAC {
	if v := in.Settled.VMAC; v != nil && len(v.MAC) == 6 {
		return host.MAC(v.MAC)
	}
	return host.VirtualMAC(in.VRID, ipv6)
}

// place puts the instance's addresses on the links that they belong to: those
// of its family on its interface go on its own link; use_vmac on their line, or
// use_vmac_addr for those elsewhere or of the other family, give them another.
func (l *layouter) place(in *config.Instance, main *ownLink) {
	asked := map[host.AddressKey]bool{}
	for _, list := range [][]host.AddressLine{in.Lines.Addresses, in.Lines.Excluded} {
		for i := range list {
			if list[i].UseVMAC {
				asked[list[i].Key()] = true
			}
		}
	}
	for _, list := range [][]host.Address{in.Addresses, in.Excluded} {
		for i := range list {
			a := &list[i]
			ipv6 := a.Prefix.Addr().Is6()
			home := a.Link == in.Interface && ipv6 == in.Params.IPv6
			switch {
			case a.Link == "":
			case home && main != nil:
				a.Link = main.Name
			case asked[a.Key()], in.Settled.VMACAddr && !home:
				own := &ownLink{vrid: in.VRID, ipv6: ipv6, keepIPv6: ipv6, linkLocal: ipv6}
				own.VirtualLink = host.VirtualLink{Kind: host.MACVLAN, Mode: host.Private, Parent: a.Link, MAC: macOf(in, ipv6), Alias: host.LinkMark + in.Name}
				if have := l.byPlace[linkPlace{own.Kind, own.Parent, "", own.MAC}]; have == nil {
					own.Name = l.name(own, l.conf.Global.VMACAddrPrefix.Text)
				}
				a.Link = l.use(own).Name
			}
		}
	}
}

// maxLinkName is how long a name may be.
const maxLinkName = 15

// name makes a name up: PREFIX.VRID; if that is taken PREFIX6.VRID for IPv6,
// then PREFIX1.VRID and so on. A link of ours that fits keeps the one it has, so
// that a reload does not make it anew.
func (l *layouter) name(own *ownLink, prefix string) string {
	suffix := fmt.Sprintf(".%d", own.vrid)
	form := func(number string) string {
		return prefix[:min(len(prefix), maxLinkName-len(suffix)-len(number))] + number + suffix
	}
	parent := l.links[own.Parent].Index
	for _, have := range l.ours {
		if !have.Fits(own.VirtualLink, parent) || l.taken[have.Name] {
			continue
		}
		number, madeUp := strings.CutPrefix(strings.TrimSuffix(have.Name, suffix), prefix)
		if madeUp && strings.Trim(number, "0123456789") == "" && have.Name == form(number) {
			return have.Name
		}
	}
	free := func(name string) bool {
		have, exists := l.links[name]
		return !l.taken[name] && (!exists || have.Ours() || have.Fits(own.VirtualLink, parent))
	}
	if name := form(""); free(name) {
		return name
	}
	if name := form("6"); own.ipv6 && free(name) {
		return name
	}
	for i := 1; ; i++ {
		if name := form(fmt.Sprint(i)); free(name) {
			return name
		}
	}
}

// desire adds the links to what the host should be, with the sysctls that they
// need. linkLocals are addresses by parent.
func (l layout) desire(d host.Desired, linkLocals map[string]netip.Addr) host.Desired {
	for _, own := range l.links {
		d = own.desire(d, linkLocals)
	}
	maps.Copy(d.Sysctls, l.sysctls)
	return d
}

func (own *ownLink) desire(d host.Desired, linkLocals map[string]netip.Addr) host.Desired {
	d.Link(own.VirtualLink)
	of := func(family, link, name, value string) { d.Sysctls[host.LinkSysctl(family, link, name)] = value }
	if of("ipv6", own.Name, "disable_ipv6", "1"); own.keepIPv6 {
		of("ipv6", own.Name, "disable_ipv6", "0")
	}
	if !own.ipv6 {
		// Adverts and answers to what came by the parent come from addresses of
		// other links: no filter may look at the way.
		of("ipv4", own.Name, "accept_local", "1")
		of("ipv4", own.Name, "rp_filter", "0")
		of("ipv4", own.Name, "promote_secondaries", "1")
		d.SpreadRPFilter = true
	}
	if !own.ipv6 && own.Kind == host.MACVLAN {
		// Only the VMAC answers for the virtual addresses, with its own address.
		of("ipv4", own.Name, "arp_ignore", "1")
		of("ipv4", own.Parent, "arp_ignore", "1")
		of("ipv4", own.Parent, "arp_filter", "1")
	}
	if own.addr.IsValid() {
		d.Address(host.NewAddress(own.Name, own.addr), true)
	}
	if source := linkLocals[own.Parent]; own.linkLocal && source.IsValid() {
		a := host.NewAddress(own.Name, netip.PrefixFrom(source, 64))
		a.PreferredLft = 0 // for adverts, which name it; never chosen for anything else
		d.Address(a, true)
	}
	return d
}

// sameLinks reports whether both want the same links.
func (l layout) sameLinks(o layout) bool {
	return slices.Equal(l.links, o.links)
}

// without are the links of l that o does not want, and whose place it does not
// need either: they stay until nothing goes by them.
func (l layout) without(o layout) (left []ownLink) {
	for _, own := range l.links {
		needed := slices.ContainsFunc(o.links, func(w ownLink) bool {
			return w.Name == own.Name || w.Parent == own.Parent && w.MAC == own.MAC
		})
		if !needed {
			left = append(left, own)
		}
	}
	return left
}

// linkLocals are the IPv6 addresses that links of ours take over from their
// parents: the first link-local one, or where there is none the one that the
// parent's MAC makes (RFC 4291 appendix A). While the kernel still tests one for
// duplicates there is none.
func (l layout) linkLocals(s host.State, virtual func(netip.Addr) bool) map[string]netip.Addr {
	found := map[string]netip.Addr{}
	for _, own := range l.links {
		if own.linkLocal {
			if addr := linkLocalOf(s, own.Parent, virtual); addr.IsValid() {
				found[own.Parent] = addr
			}
		}
	}
	return found
}

func linkLocalOf(s host.State, link string, virtual func(netip.Addr) bool) netip.Addr {
	if addr, ok := s.LinkLocal(link, virtual); ok {
		return addr
	}
	for _, a := range s.AddressesOf(link) {
		if addr := a.Prefix.Addr(); a.Tentative && addr.IsLinkLocalUnicast() && !virtual(addr) {
			return netip.Addr{}
		}
	}
	mac := s.Links[link].MAC
	if mac == (host.MAC{}) {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
}

// vmacIndex is a VMAC as a packet filter has to know it, to send what the kernel
// reports about its multicast groups out of the link below.
type vmacIndex struct {
	Name      string
	Index     int
	Base      string
	BaseIndex int
	IPv4      bool // made for IPv4
	IPv6      bool // IPv6 is on
}

// vmacs are the VMACs that exist, in the order of their making.
func (l layout) vmacs(links map[string]host.Link) []vmacIndex {
	var list []vmacIndex
	for _, own := range l.links {
		link, made := links[own.Name]
		base, there := links[own.Parent]
		if own.Kind == host.MACVLAN && made && there {
			list = append(list, vmacIndex{own.Name, link.Index, own.Parent, base.Index, !own.ipv6, own.keepIPv6})
		}
	}
	return list
}
