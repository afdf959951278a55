package config

import (
	"net/netip"
	"slices"

	"holdfast/host"
	"holdfast/kconf"
	"holdfast/vrrp"
)

// instance completes one vrrp_instance: its lines are read, its trackers
// resolved, defaults filled in and contradictions settled.
func (a *assembler) instance(ic *vrrp.InstanceConfig) *Instance {
	in := &Instance{InstanceConfig: ic, NotifyDeleted: ic.NotifyDeletedSet}
	a.link(at(ic, "interface"), ic.Interface)
	if ic.Interface == "" { // else it is ignored
		a.link(at(ic, "vrf"), ic.VRF)
	}
	a.vmacName(ic)
	in.Lines = Lines{
		Addresses: a.addressLines(ic, ic.VirtualAddresses), Excluded: a.addressLines(ic, ic.ExcludedAddresses),
		Routes: a.routeLines(ic.VirtualRoutes, host.VirtualLine), Rules: a.ruleLines(ic.VirtualRules, host.VirtualLine),
	}
	a.sameAddress(in)
	in.Addresses, in.Excluded = addresses(in.Lines.Addresses), addresses(in.Lines.Excluded)
	a.c.Global.limit(in.Addresses)
	a.c.Global.limit(in.Excluded)
	in.Routes, in.Rules = routes(in.Lines.Routes), rules(in.Lines.Rules)
	a.resolve(in)
	a.linkGroup(in)
	a.instanceTrackers(in)
	for _, list := range [][]host.Address{in.Addresses, in.Excluded} {
		for _, addr := range list {
			a.c.virtual[addr.Prefix.Addr()] = true
		}
	}
	in.trackDevices()
	return in
}

// trackDevices makes the links that carry what the instance owns be tracked, but
// for lines with no_track.
func (in *Instance) trackDevices() {
	untracked := map[host.AddressKey]bool{}
	for _, lines := range [][]host.AddressLine{in.Lines.Addresses, in.Lines.Excluded} {
		for i := range lines {
			untracked[lines[i].Key()] = lines[i].NoTrack
		}
	}
	for _, list := range [][]host.Address{in.Addresses, in.Excluded} {
		for _, addr := range list {
			if !untracked[addr.Key()] {
				in.trackDevice(addr.Link)
			}
		}
	}
	for i := range in.Lines.Routes {
		if l := &in.Lines.Routes[i]; !l.NoTrack {
			in.trackDevice(l.Links()...)
		}
	}
	for i := range in.Lines.Rules {
		if l := &in.Lines.Rules[i]; !l.NoTrack {
			in.trackDevice(l.IIf)
		}
	}
}

// trackDevice tracks links with weight 0; the instance's own interface has a
// rule of its own.
func (in *Instance) trackDevice(links ...string) {
	for _, link := range links {
		if link != "" && link != in.Interface && !slices.Contains(in.Devices, link) {
			in.Devices = append(in.Devices, link)
		}
	}
}

// at is where a keyword of the instance stands, or else the instance.
func at(ic *vrrp.InstanceConfig, keyword string) kconf.Pos {
	if pos := ic.At(keyword); pos.IsValid() {
		return pos
	}
	return ic.Pos
}

// linkGroup reports a link group that nobody knows.
func (a *assembler) linkGroup(in *Instance) {
	keyword, group := "use_vmac", ""
	switch {
	case in.Settled.VMAC != nil:
		group = in.Settled.VMAC.Group
	case in.Settled.IPVLAN != nil:
		keyword, group = "use_ipvlan", in.Settled.IPVLAN.Group
	}
	if _, known := a.c.LinkGroup(group); group != "" && !known {
		a.x.Errorf(at(in.InstanceConfig, keyword), kconf.ClassGeneral, "unknown-link-group", "%s: group %s is no number and is not in /etc/iproute2/group; that of the interface is used", keyword, group)
	}
}

// resolve lets the instance settle itself, being told what is around it.
func (a *assembler) resolve(in *Instance) {
	around := vrrp.Surroundings{Files: a.env.Files, Link: a.linkInfo}
	for _, addr := range in.Addresses {
		around.Addrs = append(around.Addrs, addr.Prefix.Addr())
	}
	group := a.member[in.Name]
	if group != nil {
		around.Group, in.SyncGroup = group.GroupConfig, group.Name
	}
	out := in.Resolve(a.x, a.c.Global.vrrpDefaults(), around)
	if out.Stop != "" {
		a.fatal = append(a.fatal, out.Stop)
	}
	in.Params, in.Settled = out.Params, out
	in.Settled.Params = vrrp.Params{}
	in.Source, in.Params.PrimaryAddr = in.Params.PrimaryAddr, netip.Addr{}
	in.Params.Grouped = group != nil
	in.AnnounceInterval = a.announceInterval(in)
	in.place(out.Excess, out.Dropped)
}

// place moves the addresses that no advert has room for to the excluded ones,
// and forgets those that cannot be used.
func (in *Instance) place(excess, dropped []netip.Addr) {
	if len(excess)+len(dropped) == 0 {
		return
	}
	here := func(list []netip.Addr) func(host.Address) bool {
		set := map[netip.Addr]bool{}
		for _, a := range list {
			set[a] = true
		}
		return func(a host.Address) bool { return set[a.Prefix.Addr()] }
	}
	gone, over := here(dropped), here(excess)
	in.Addresses = slices.DeleteFunc(in.Addresses, gone)
	in.Excluded = slices.DeleteFunc(in.Excluded, gone)
	for _, addr := range in.Addresses {
		if over(addr) {
			in.Excluded = append(in.Excluded, addr)
		}
	}
	in.Addresses = slices.DeleteFunc(in.Addresses, over)
}

// sameAddress drops an address that the instance has already: among those it
// advertises, or on the same link among the others. keepalived does so since
// 2.4; 2.2.7 says nothing, so this is no mistake.
func (a *assembler) sameAddress(in *Instance) {
	if len(in.Lines.Addresses)+len(in.Lines.Excluded) < 2 {
		return
	}
	type place struct {
		addr netip.Addr
		link string // "" for one that is advertised
	}
	first := map[place]kconf.Pos{}
	taken := func(l *host.AddressLine, p place) bool {
		pos, taken := first[p]
		if taken {
			note(a.x, l.Pos, pos, "duplicate", "vrrp_instance "+in.Name+": "+p.addr.String()+" is there already, this line is not used")
		}
		return taken
	}
	in.Lines.Addresses = slices.DeleteFunc(in.Lines.Addresses, func(l host.AddressLine) bool {
		p := place{addr: l.Prefix.Addr()}
		if taken(&l, p) {
			return true
		}
		first[p] = l.Pos
		first[place{p.addr, l.Link}] = l.Pos
		return false
	})
	in.Lines.Excluded = slices.DeleteFunc(in.Lines.Excluded, func(l host.AddressLine) bool {
		p := place{l.Prefix.Addr(), l.Link}
		if taken(&l, p) {
			return true
		}
		first[p] = l.Pos
		return false
	})
}

func (a *assembler) addressLines(ic *vrrp.InstanceConfig, lines []*kconf.Stmt) []host.AddressLine {
	var list []host.AddressLine
	for _, s := range lines {
		line, ok := a.names.DecodeAddress(a.x, s, host.VirtualLine)
		if !ok {
			continue
		}
		if line.Link == "" {
			line.Link = ic.Interface
		} else {
			a.link(line.Pos, line.Link)
		}
		list = append(list, line)
	}
	return list
}

func (a *assembler) routeLines(lines []*kconf.Stmt, kind host.LineKind) []host.RouteLine {
	var list []host.RouteLine
	for _, s := range lines {
		if line, ok := a.names.DecodeRoute(a.x, s, kind); ok {
			for _, link := range line.Links() {
				a.link(line.Pos, link)
			}
			list = append(list, line)
		}
	}
	return list
}

func (a *assembler) ruleLines(lines []*kconf.Stmt, kind host.LineKind) []host.RuleLine {
	var list []host.RuleLine
	for _, s := range lines {
		if line, ok := a.names.DecodeRule(a.x, s, kind); ok {
			a.preferences.Fill(a.x, &line)
			a.link(line.Pos, line.IIf)
			a.link(line.Pos, line.OIf)
			list = append(list, line)
		}
	}
	return list
}

// addresses, routes and rules are what of lines the host package works with.
func addresses(lines []host.AddressLine) []host.Address {
	return parts(lines, func(l *host.AddressLine) host.Address { return l.Address })
}

func routes(lines []host.RouteLine) []host.Route {
	return parts(lines, func(l *host.RouteLine) host.Route { return l.Route })
}

func rules(lines []host.RuleLine) []host.Rule {
	return parts(lines, func(l *host.RuleLine) host.Rule { return l.Rule })
}

func parts[L, P any](lines []L, part func(*L) P) []P {
	if len(lines) == 0 {
		return nil
	}
	list := make([]P, len(lines))
	for i := range lines {
		list[i] = part(&lines[i])
	}
	return list
}
