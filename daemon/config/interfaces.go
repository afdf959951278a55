package config

import (
	"slices"
	"time"

	"holdfast/host"
	"holdfast/kconf"
	"holdfast/vrrp"
)

// interfaces settles the blocks about interfaces.
func (a *assembler) interfaces() {
	a.links, a.garp = map[string]*vrrp.LinkInfo{}, map[string]*vrrp.GARPGroupConfig{}
	for _, l := range a.r.linkbeat {
		if a.known(l.Pos, "linkbeat_interfaces", l.Interface) {
			a.c.Linkbeat = append(a.c.Linkbeat, l)
		}
	}
	for _, d := range a.r.delays {
		if !a.known(d.Pos, "interface_up_down_delays", d.Interface) {
			continue
		}
		a.c.Delays = append(a.c.Delays, d)
	}
	a.garpGroups()
}

// linkDelays shortens delays until no instance on the interface believes longer
// in a dead link than its peers wait for adverts: less than one interval short of
// down_timer_adverts. Of several lines about an interface the last one counts.
func (a *assembler) linkDelays() {
	last := map[string]*vrrp.LinkDelays{}
	for i := range a.c.Delays {
		last[a.c.Delays[i].Interface] = &a.c.Delays[i]
	}
	a.c.Delays = slices.DeleteFunc(a.c.Delays, func(d vrrp.LinkDelays) bool { return last[d.Interface].Pos != d.Pos })
	for _, in := range a.c.Instances {
		i := slices.IndexFunc(a.c.Delays, func(d vrrp.LinkDelays) bool { return d.Interface == in.Interface })
		if i < 0 {
			continue
		}
		d, limit := &a.c.Delays[i], in.Params.LongestLinkDelay()
		if d.Down > limit || d.Up > limit {
			a.x.Notef(at(in.InstanceConfig, "interface"), "link-delays", "vrrp_instance %s: the interface_up_down_delays of %s are too long for its advert_int, %v is used", in.Name, in.Interface, limit)
			d.Down, d.Up = min(d.Down, limit), min(d.Up, limit)
		}
	}
}

// known reports a line about an interface that does not exist. Such a line is
// left out, and the daemon starts all the same.
func (a *assembler) known(pos kconf.Pos, keyword, name string) bool {
	if a.exists(name) {
		return true
	}
	a.x.Errorf(pos, kconf.ClassFatal, "no-such-interface", "%s: interface %s does not exist, the line is not used", keyword, name)
	return false
}

// exists is true where it is not known, or does not matter.
func (a *assembler) exists(name string) bool {
	if name == "" || a.c.Global.DynamicInterfaces {
		return true
	}
	_, exists := a.env.Links[name]
	if exists || a.env.Links == nil {
		return !a.env.missing[name]
	}
	a.c.told.Missing[name] = true
	return false
}

// link reports an interface that does not exist: keepalived does not start then.
func (a *assembler) link(pos kconf.Pos, name string) {
	if a.exists(name) {
		return
	}
	a.missing = true
	d := kconf.Diagnostic{Pos: pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "no-such-interface",
		Message: "interface " + name + " does not exist", Hint: "create it, or allow interfaces to come later with dynamic_interfaces in global_defs"}
	a.x.Diags.Add(d)
}

// garpGroups gives each interface to the first garp_group that names it.
func (a *assembler) garpGroups() {
	first := map[string]kconf.Word{}
	for _, g := range a.r.garpGroups {
		g.Interfaces = slices.DeleteFunc(g.Interfaces, func(w kconf.Word) bool {
			if other, taken := first[w.Text]; taken {
				a.x.Diags.Add(kconf.Diagnostic{Pos: w.Pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "two-garp-groups", Related: other.Pos,
					Message: "garp_group: " + w.Text + " is in a garp_group already"})
				return true
			}
			if l, ok := a.env.Links[w.Text]; ok && l.Kind == "macvlan" {
				a.x.Errorf(w.Pos, kconf.ClassGeneral, "vmac-garp-group", "garp_group: %s is a VMAC; name the interface below it", w.Text)
				return true
			}
			a.link(w.Pos, w.Text)
			first[w.Text] = w
			a.garp[w.Text] = g
			return false
		})
	}
	a.c.GARPGroups = a.r.garpGroups
}

// announceInterval is the least time between two announcements on the link of
// an instance: that of its garp_group, else the global one.
func (a *assembler) announceInterval(in *Instance) time.Duration {
	own, every := (*time.Duration)(nil), a.c.Global.GARP.Interval
	g := a.garp[in.Interface]
	switch {
	case in.Params.IPv6:
		every = a.c.Global.GARP.GNAInterval
		if g != nil {
			own = g.GNAInterval
		}
	case g != nil:
		own = g.GARPInterval
	}
	if own != nil {
		return *own
	}
	return every
}

// linkInfo is what instances are told about an interface; nil: nothing. The
// parent looks at the machine, and hands on what it said, so that a child
// settles an instance as the parent did.
func (a *assembler) linkInfo(name string) *vrrp.LinkInfo {
	if l, ok := a.links[name]; ok {
		return l
	}
	var info *vrrp.LinkInfo
	if l, ok := a.env.Links[name]; ok {
		info = &vrrp.LinkInfo{Loopback: l.Loopback, Ethernet: l.MAC != host.MAC{}, Multicast: l.Multicast, PrivateVMAC: l.Kind == host.MACVLAN && l.Mode == host.Private, MTU: l.MTU}
	} else if l, ok := a.env.told[name]; ok {
		info = new(*l)
	}
	if a.links[name] = info; info != nil {
		a.c.told.Links[name] = info
	}
	return info
}

// syncDaemon drops a sync daemon that would follow an instance which does not
// exist. keepalived finds out when it runs, not under --config-test.
func (a *assembler) syncDaemon() {
	d := a.c.Global.SyncDaemon
	if d == nil || d.Instance == "" || a.byName[d.Instance] != nil {
		return
	}
	a.x.Warnf(d.InstancePos, kconf.ClassNone, "unknown-instance", "lvs_sync_daemon %s: there is no vrrp_instance of that name; no sync daemon is run", d.Instance)
	a.c.Global.SyncDaemon = nil
}
