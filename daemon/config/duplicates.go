package config

import (
	"cmp"
	"fmt"
	"net/netip"

	"holdfast/host"
	"holdfast/kconf"
	"holdfast/vrrp"
)

// routerID is what tells virtual routers of one VRID apart: the group for
// multicast, both ends for unicast.
type routerID struct {
	vrid        uint8
	ipv6        bool
	link        string
	group       netip.Addr // multicast
	local, peer netip.Addr // unicast; local may be unknown
}

// duplicates finds two instances that would be the same virtual router, because
// whoever hears one cannot tell it from the other: the same VRID and family, and
// on one link the same multicast group, or the same address sending to the same
// peer. keepalived does not start then; with dynamic_interfaces allow_if_changes
// the later one stays in FAULT.
func (a *assembler) duplicates() {
	first := map[routerID]*Instance{}
	for _, in := range a.c.Instances {
		if in.VRID == 0 {
			continue
		}
		var other *Instance
		id := routerID{vrid: in.VRID, ipv6: in.Params.IPv6, link: cmp.Or(in.Interface, in.Settled.VRF)}
		claim := func(id routerID) {
			if have := first[id]; have == nil {
				first[id] = in
			} else if have != in && other == nil {
				other = have
			}
		}
		if !in.Params.Unicast() {
			if a.env.Links != nil && a.env.Links[in.Interface].Index == 0 {
				continue // with dynamic_interfaces: it will be known when the link comes
			}
			id.group = in.Params.MulticastGroup()
			claim(id)
		} else {
			id.local = a.local(in)
			for _, p := range in.Params.Peers {
				id.peer = p.Addr
				claim(id)
			}
		}
		if other != nil {
			a.duplicate(in, other)
		}
	}
}

// local is the address that adverts of in come from, as far as it is known.
func (a *assembler) local(in *Instance) netip.Addr {
	if in.Source.IsValid() || a.env.Primary == nil {
		return in.Source
	}
	addr, _ := a.env.Primary(in.Interface, in.Params.IPv6)
	return addr
}

func (a *assembler) duplicate(in, other *Instance) {
	d := kconf.Diagnostic{Pos: at(in.InstanceConfig, "virtual_router_id"), Related: at(other.InstanceConfig, "virtual_router_id"),
		Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate-vrid"}
	what := fmt.Sprintf("vrrp_instance %s: virtual_router_id %d on %s is that of %s too", in.Name, in.VRID, in.Interface, other.Name)
	if in.Params.Unicast() {
		what = fmt.Sprintf("vrrp_instance %s: %s sends with virtual_router_id %d to the same peer", in.Name, other.Name, in.VRID)
	}
	if l := a.env.Links[in.Interface]; a.c.Global.AllowIfChanges && l.Kind != "" && !in.Params.Unicast() {
		d.Severity, d.Class, d.Message = kconf.Note, kconf.ClassNone, what+"; it stays in FAULT until the interface changes"
		a.keepInFault(in, "virtual_router_id of another instance")
		a.x.Diags.Add(d)
		return
	}
	d.Message = what
	a.x.Diags.Add(d)
	a.fatal = append(a.fatal, what)
}

// vmac is what tells VMACs apart: one link has one for each VRID and family.
type vmac struct {
	link string
	vrid uint8
	ipv6 bool
}

// vmacs finds instances that would put addresses on one and the same VMAC
// without being master together. The later one stays in FAULT; keepalived logs
// it and does not take it for a mistake.
func (a *assembler) vmacs() {
	first := map[vmac]*Instance{}
	for _, in := range a.c.Instances {
		claim := func(v vmac, pos kconf.Pos) {
			other := first[v]
			if other == nil {
				first[v] = in
				return
			}
			if other == in || in.SyncGroup != "" && in.SyncGroup == other.SyncGroup || in.Params.ConfigFault != "" {
				return
			}
			note(a.x, pos, at(other.InstanceConfig, "use_vmac"), "vmac-conflict",
				"vrrp_instance "+in.Name+": uses the VMAC of "+other.Name+", which is not in its sync group; it stays in FAULT")
			a.keepInFault(in, "VMAC of another instance")
		}
		if in.Settled.VMAC != nil {
			claim(in.vmac(in.Interface, in.Params.IPv6), at(in.InstanceConfig, "use_vmac"))
		}
		for _, list := range [][]host.AddressLine{in.Lines.Addresses, in.Lines.Excluded} {
			for i := range list {
				if l := &list[i]; (l.UseVMAC || in.Settled.VMACAddr) && l.Link != in.Interface {
					claim(in.vmac(l.Link, l.Prefix.Addr().Is6()), l.Pos)
				}
			}
		}
	}
}

func (in *Instance) vmac(link string, ipv6 bool) vmac { return vmac{link, in.VRID, ipv6} }

// vmacName takes the name of a VMAC away that another instance gave to its own.
func (a *assembler) vmacName(ic *vrrp.InstanceConfig) {
	if ic.VMAC == nil || ic.VMAC.Name == "" {
		return
	}
	other := a.vmacNames[ic.VMAC.Name]
	if other == nil {
		a.vmacNames[ic.VMAC.Name] = ic
		return
	}
	a.x.Diags.Add(kconf.Diagnostic{Pos: at(ic, "use_vmac"), Related: at(other, "use_vmac"), Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "vmac-name",
		Message: "vrrp_instance " + ic.Name + ": use_vmac " + ic.VMAC.Name + " is the name of the VMAC of " + other.Name + ", another is made up"})
	ic.VMAC.Name = ""
}

// keepInFault is for an instance that can do nothing because of another one.
func (a *assembler) keepInFault(in *Instance, why string) {
	in.Params.ConfigFault, a.c.told.Faults[in.Name] = why, why
}
