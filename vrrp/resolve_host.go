package vrrp

import (
	"net/netip"
	"slices"

	"holdfast/kconf"
)

// Rules about the host: interfaces, VMACs, room for addresses.

// required is what no default can replace.
func (r *resolver) required() {
	c := r.c
	switch {
	case c.VRID != 0:
	case c.Attempted("virtual_router_id"): // what is wrong with it has been said
		r.cannotStart("virtual_router_id is missing")
	default:
		r.stop(c.Pos, "no-vrid", "virtual_router_id is missing")
	}
	r.out.Interface = c.Interface
	if l := r.link(c.Interface); l != nil && l.Loopback {
		r.x.Errorf(r.at("interface"), kconf.ClassGeneral, "loopback", "interface %s: is a loopback interface, ignored", c.Interface)
		r.out.Interface = ""
	}
	if l := r.link(c.VRF); l != nil && l.Loopback {
		r.x.Errorf(r.at("vrf"), kconf.ClassGeneral, "loopback", "vrf %s: is a loopback interface, ignored", c.VRF)
		r.out.VRF = ""
	}
	if r.out.Interface != "" {
		return
	}
	p := &r.out.Params
	if !p.Unicast() {
		if c.Interface == "" && !c.Attempted("interface") {
			r.x.Errorf(c.Pos, kconf.ClassGeneral, "no-interface", "vrrp_instance %s: interface is missing", c.Name)
		}
		r.cannotStart("unknown interface")
		return
	}
	if r.out.VMAC != nil || r.out.IPVLAN != nil {
		keyword := r.macKeyword()
		r.fix(keyword, "vmac-no-interface", "%s: unicast without an interface has none, ignored", keyword)
		r.out.VMAC, r.out.IPVLAN = nil, nil
	}
	switch {
	case !p.PrimaryAddr.IsValid():
		r.stop(c.Pos, "no-source", "without an interface, unicast needs unicast_src_ip")
	case p.PrimaryAddr.Is6() && p.PrimaryAddr.IsLinkLocalUnicast():
		r.stop(r.at("unicast_src_ip"), "link-local-source", "%v is link-local and needs an interface", p.PrimaryAddr)
	}
}

// macKeyword is the keyword that gives the instance an interface of its own.
func (r *resolver) macKeyword() string {
	if r.c.IPVLAN != nil {
		return "use_ipvlan"
	}
	return "use_vmac"
}

// ownLink reports whether the instance makes an interface for itself.
func (r *resolver) ownLink() bool { return r.out.VMAC != nil || r.out.IPVLAN != nil }

// xmitBaseForUnicast: peers answer the address of the parent, not of the VMAC.
func (r *resolver) xmitBaseForUnicast() {
	if r.ownLink() && r.c.unicastWritten() && !r.out.XmitBase {
		keyword := r.macKeyword()
		r.fix(keyword, "xmit-base", "%s: unicast needs vmac_xmit_base, which is used", keyword)
		r.out.XmitBase = true
	}
}

// unicastTTL leaves 0 where nothing is written, which stands for 255.
func (r *resolver) unicastTTL() {
	p := &r.out.Params
	if r.c.UnicastTTL == nil {
		return
	}
	if !p.Unicast() {
		r.fix("unicast_ttl", "unicast-ttl", "unicast_ttl: no unicast_peer, ignored")
		return
	}
	p.UnicastTTL = *r.c.UnicastTTL
}

// interfaceNeeds: what the interface must be able to do.
func (r *resolver) interfaceNeeds() {
	c, p := r.c, &r.out.Params
	if v := r.out.VMAC; v != nil && v.MAC != nil {
		if r.out.Strict {
			r.fix("use_vmac", "vmac-strict", "use_vmac: strict mode has the MAC address of the RFC only, which is used")
			v.MAC = nil
		} else if len(v.MAC) == 5 {
			v.MAC = append(slices.Clone(v.MAC), p.VRID)
		}
	}
	l := r.link(r.out.Interface)
	if l == nil {
		return
	}
	if r.ownLink() && !l.Ethernet {
		keyword := r.macKeyword()
		r.x.Errorf(r.at(keyword), kconf.ClassGeneral, "not-ethernet", "%s: %s is no Ethernet interface, the instance stays in FAULT", keyword, c.Interface)
		r.out.VMAC, r.out.IPVLAN, r.out.VMACAddr, r.out.XmitBase = nil, nil, false, false
		r.fault("VMAC on an interface that is not Ethernet")
	}
	if !l.Multicast && !p.Unicast() {
		r.x.Errorf(r.at("interface"), kconf.ClassGeneral, "no-multicast", "interface %s: has no multicast, use unicast_peer; the instance stays in FAULT", c.Interface)
		r.fault("interface without multicast")
	}
}

// linkLocalFirst is RFC 9568 section 5.2.9: the first IPv6 address is link-local.
func (r *resolver) linkLocalFirst() {
	c, p := r.c, &r.out.Params
	if !p.IPv6 || p.Unicast() || len(p.Addrs) == 0 || p.Addrs[0].IsLinkLocalUnicast() {
		return
	}
	const text = "vrrp_instance %s: the first IPv6 address, %v, should be link-local (RFC 9568 section 5.2.9)"
	if r.out.Strict {
		r.x.Warnf(r.addrAt(p.Addrs[0]), kconf.ClassGeneral, "first-not-link-local", text, c.Name, p.Addrs[0])
	} else {
		r.x.Notef(r.addrAt(p.Addrs[0]), "first-not-link-local", text, c.Name, p.Addrs[0])
	}
}

// addrAt is the line of a virtual address.
func (r *resolver) addrAt(a netip.Addr) kconf.Pos {
	for _, line := range r.c.VirtualAddresses {
		if lineAddr(line) == a {
			return line.Pos()
		}
	}
	return r.c.Pos
}

// vrf is for unicast that has no interface to tell its routing table.
func (r *resolver) vrf() {
	if r.out.VRF == "" {
		return
	}
	switch {
	case r.out.Interface != "":
		r.x.Errorf(r.at("vrf"), kconf.ClassGeneral, "vrf-ignored", "vrf %s: ignored, interface %s is given", r.c.VRF, r.out.Interface)
	case !r.out.Params.Unicast():
		r.x.Errorf(r.at("vrf"), kconf.ClassGeneral, "vrf-ignored", "vrf %s: ignored, it is for unicast and there is no unicast_peer", r.c.VRF)
	default:
		return
	}
	r.out.VRF = ""
}

// Octets of an advert besides the virtual addresses.
const (
	ethernetHeader = 14
	ipv4Header     = 20
	ipv6Header     = 40
	v2AuthField    = 8
	ahHeader       = 24
	hmacTrailer    = 28
	mostAddresses  = 255 // the count is one octet (RFC 9568 section 5.2.5)
)

// room moves addresses that an advert has no room for to the excluded ones.
func (r *resolver) room() {
	p := &r.out.Params
	limit := mostAddresses
	if l := r.link(r.out.Interface); l != nil && l.MTU > 0 {
		space, size := l.MTU-ethernetHeader-ipv4Header-headerLen, 4
		if p.IPv6 {
			space, size = l.MTU-ethernetHeader-ipv6Header-headerLen, 16
		}
		if !p.IPv6 && p.Version == 2 {
			space -= v2AuthField
		}
		if p.AuthType == AuthAH {
			space -= ahHeader
		}
		if p.HMAC != nil {
			space -= hmacTrailer
		}
		limit = min(limit, max(space, 0)/size)
	}
	if len(p.Addrs) <= limit {
		return
	}
	r.x.Errorf(r.addrAt(p.Addrs[limit]), kconf.ClassGeneral, "too-many-addresses",
		"vrrp_instance %s: %d addresses, an advert has room for %d; the others are treated as virtual_ipaddress_excluded", r.c.Name, len(p.Addrs), limit)
	p.Addrs, r.out.Excess = p.Addrs[:limit:limit], p.Addrs[limit:]
}

// sourceTracking needs an address that the configuration names.
func (r *resolver) sourceTracking() {
	r.out.TrackSrcIP = r.out.TrackSrcIP && r.out.Params.PrimaryAddr.IsValid()
}

// ownInterface settles the interface that the instance makes for itself.
func (r *resolver) ownInterface() {
	if v := r.out.VMAC; v != nil && v.Name != "" {
		if l := r.link(v.Name); l != nil && !l.PrivateVMAC {
			r.x.Errorf(r.at("use_vmac"), kconf.ClassGeneral, "vmac-name", "use_vmac: interface %s is there and is no private macvlan, another name is used", v.Name)
			v.Name = ""
		}
	}
	if r.out.XmitBase {
		switch {
		case !r.ownLink():
			r.fix("vmac_xmit_base", "xmit-base", "vmac_xmit_base: there is no use_vmac, ignored")
			r.out.XmitBase = false
		case r.out.Strict:
			r.fix("vmac_xmit_base", "xmit-base", "vmac_xmit_base: strict mode sends from the VMAC, ignored")
			r.out.XmitBase = false
		}
	}
	if r.ownLink() && r.out.PromoteSecondaries {
		r.fix("promote_secondaries", "promote-secondaries", "promote_secondaries: is on anyway for an interface of its own, ignored")
		r.out.PromoteSecondaries = false
	}
	if v := r.out.IPVLAN; v != nil && (!r.out.Params.IPv6 && !v.Addr.IsValid() || v.Addr.IsValid() && v.Addr.Is6() != r.out.Params.IPv6) {
		r.x.Errorf(r.at("use_ipvlan"), kconf.ClassGeneral, "ipvlan-address", "use_ipvlan: needs an address of the family of its adverts, the instance stays in FAULT")
		r.fault("ipvlan without address")
	}
}

// lineLink is the interface that an address line names, and whether it asks for
// a VMAC of its own.
func lineLink(line *kconf.Stmt) (name string, vmac *kconf.Word) {
	args := line.Args()
	for i := range args {
		switch {
		case args[i].Text == "dev" && i+1 < len(args):
			name = args[i+1].Text
		case args[i].Text == "use_vmac":
			vmac = &args[i]
		}
	}
	return name, vmac
}

// addressLinks: where each address goes. An address on the interface of an
// instance with a VMAC is on that VMAC; asking for one is a mistake.
func (r *resolver) addressLinks() {
	for _, line := range slices.Concat(r.c.VirtualAddresses, r.c.ExcludedAddresses) {
		name, vmac := lineLink(line)
		onOwn := r.out.VMAC != nil && (name == "" || name == r.out.Interface)
		if vmac != nil && (onOwn || r.out.VMACAddr) {
			r.x.Errorf(vmac.Pos, kconf.ClassGeneral, "vmac-twice", "%s: use_vmac has no effect, the address is on a VMAC anyway", line.Keyword())
		}
		if name != "" || r.out.Interface != "" || !r.out.Params.Unicast() {
			continue // multicast without an interface has been reported as such
		}
		a := lineAddr(line)
		r.x.Errorf(line.Pos(), kconf.ClassGeneral, "address-without-interface", "%s: no interface carries it, say dev; the address is left out", line.Keyword())
		r.out.Dropped = append(r.out.Dropped, a)
		r.out.Params.Addrs = slices.DeleteFunc(slices.Clone(r.out.Params.Addrs), func(have netip.Addr) bool { return have == a })
	}
}

// extraGARP is off where no address is on another interface than that of the
// instance; without all, only VMACs count.
func (r *resolver) extraGARP() {
	g := r.c.ExtraGARP
	if g == nil {
		g = r.d.ExtraGARP
	}
	if g == nil || g.Every == 0 {
		return
	}
	for _, line := range slices.Concat(r.c.VirtualAddresses, r.c.ExcludedAddresses) {
		name, vmac := lineLink(line)
		if name != "" && name != r.out.Interface && (g.All || vmac != nil || r.out.VMACAddr) {
			r.out.ExtraGARP = g
			return
		}
	}
}

// enoughAddresses: version 3 adverts name at least one address (RFC 9568 section
// 5.2.5), and keepalived wants one for IPv6, too.
func (r *resolver) enoughAddresses() {
	c, p := r.c, &r.out.Params
	permitted := c.NoVirtualAddress
	if permitted && r.out.Strict {
		r.x.Warnf(r.at("no_virtual_ipaddress"), kconf.ClassWarning, "no-address-strict", "no_virtual_ipaddress: strict mode wants an address, ignored")
		permitted = false
	}
	switch {
	case len(p.Addrs) > 0 || permitted:
	case p.Version == 3:
		r.stop(c.Pos, "no-virtual-address", "version 3 needs a virtual_ipaddress, or no_virtual_ipaddress")
	case r.out.Strict:
		r.stop(c.Pos, "no-virtual-address", "strict mode needs a virtual_ipaddress")
	case p.IPv6:
		r.stop(c.Pos, "no-virtual-address", "IPv6 needs a virtual_ipaddress, or no_virtual_ipaddress")
	default:
		r.x.Warnf(c.Pos, kconf.ClassWarning, "no-virtual-address", "vrrp_instance %s: has no virtual_ipaddress", c.Name)
	}
}
