package ipvs

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"holdfast/kconf"
)

// Complete checks what no single keyword can, fills in what was not written,
// and drops what cannot work, each with a diagnostic at its place. It is to be
// called once, after the whole file was decoded.
func (c *Config) Complete(x *kconf.Ctx) {
	groups := map[string]*GroupConfig{}
	c.Groups = slices.DeleteFunc(c.Groups, func(g *GroupConfig) bool {
		if !g.usable(x) {
			return true
		}
		if first, there := groups[g.Name]; there {
			x.Diags.Add(kconf.Diagnostic{Pos: g.Pos, Severity: kconf.Warning, ID: "duplicate-name", Related: first.Pos,
				Message: "virtual_server_group " + g.Name + ": is there already, the first one counts"})
			return true
		}
		groups[g.Name] = g
		return false
	})
	used := map[string]int{}
	c.VirtualServers = slices.DeleteFunc(c.VirtualServers, func(v *VirtualServerConfig) bool {
		if v.Group != "" {
			v.groupIndex = used[v.Group]
			used[v.Group]++
		}
		return !v.complete(x, groups)
	})
}

// CompleteAlone is Complete for one virtual server that is of no group, and
// reports whether it can be used.
func (v *VirtualServerConfig) CompleteAlone(x *kconf.Ctx) bool { return v.complete(x, nil) }

// complete reports whether v can be used.
func (v *VirtualServerConfig) complete(x *kconf.Ctx, groups map[string]*GroupConfig) bool {
	g := groups[v.Group]
	v.written = nil
	switch {
	case v.Group != "" && g == nil:
		// keepalived only logs it: the exit status of -t stays 0
		x.Notef(v.Pos, "unknown-group", "virtual_server group %s: there is no such virtual_server_group; dropped", v.Group)
		return false
	case len(v.RealServers) == 0:
		x.Errorf(v.Pos, kconf.ClassGeneral, "no-real-server", "virtual_server: has no real_server and is dropped")
		return false
	}
	v.completeMethods(x)
	if !v.completeFamily(x, g) {
		return false
	}
	if len(v.RealServers) == 0 {
		x.Errorf(v.Pos, kconf.ClassGeneral, "no-real-server", "virtual_server: has no usable real_server and is dropped")
		return false
	}
	v.completeService(x, g)
	v.completeServers(x, g)
	v.completeQuorum(x)
	if g != nil {
		v.members = g.keys(v.Protocol, v.Family)
	} else if v.FWMark != 0 {
		v.members = []ServiceKey{FWMarkKey(v.Family, v.FWMark)}
	} else {
		v.members = []ServiceKey{AddressKey(v.Protocol, v.Addr)}
	}
	return true
}

// all are the real servers and the sorry server.
func (v *VirtualServerConfig) all() []*RealServerConfig {
	if v.Sorry == nil {
		return v.RealServers
	}
	return append(slices.Clone(v.RealServers), v.Sorry)
}

// completeMethods gives a forwarding method to the servers that name none. That
// the service has none is only worth a word if one of them needs it.
func (v *VirtualServerConfig) completeMethods(x *kconf.Ctx) {
	for _, r := range v.all() {
		if r.Method != nil {
			continue
		}
		if v.Method == nil {
			x.Warnf(v.Pos, kconf.ClassGeneral, "no-lvs-method", "virtual_server: no lvs_method, NAT is used")
			v.Method = &Method{Forward: Masq}
		}
		r.Method = v.Method
	}
}

// completeFamily settles the family and drops what cannot be reached from it. A
// group may contradict what its servers have decided, see endRealServer: then
// there is nothing to serve, which keepalived only logs.
func (v *VirtualServerConfig) completeFamily(x *kconf.Ctx, g *GroupConfig) bool {
	v4, v6 := g.families()
	tunnels := !slices.ContainsFunc(v.all(), func(r *RealServerConfig) bool { return r.Method.Forward != Tunnel })
	switch {
	case v4 && v6 && !tunnels:
		x.Notef(v.Pos, "mixed-families", "virtual_server group %s: IPv4 and IPv6 together need TUN for every server; dropped", v.Group)
		return false
	case v4 && v6:
		if v.Family == 0 {
			v.Family = v.serversFamily()
		}
		return true
	case v4 && v.Family == IPv6, v6 && v.Family == IPv4:
		x.Notef(v.Pos, "mixed-families", "virtual_server group %s: its addresses are not %v as the servers are; dropped", v.Group, v.Family)
		return false
	case v4:
		v.Family = IPv4
	case v6:
		v.Family = IPv6
	case v.Family == 0:
		v.Family = v.serversFamily()
	}
	v.RealServers = slices.DeleteFunc(v.RealServers, func(r *RealServerConfig) bool { return v.unreachable(x, r) })
	if v.Sorry != nil && v.unreachable(x, v.Sorry) {
		v.Sorry = nil
	}
	return true
}

// unreachable reports a server of the other family that is behind no tunnel.
func (v *VirtualServerConfig) unreachable(x *kconf.Ctx, r *RealServerConfig) bool {
	if r.Method.Forward == Tunnel || FamilyOf(r.Addr.Addr()) == v.Family {
		return false
	}
	v.otherFamily(x, r)
	return true
}

// serversFamily is that of all servers if they agree, else IPv4. It is asked
// only if all are behind tunnels: of the others, the first has decided.
func (v *VirtualServerConfig) serversFamily() Family {
	family := FamilyOf(v.RealServers[0].Addr.Addr())
	for _, r := range v.RealServers {
		if FamilyOf(r.Addr.Addr()) != family {
			return IPv4
		}
	}
	return family
}

// completeService applies the rules of scheduler, protocol and persistence.
func (v *VirtualServerConfig) completeService(x *kconf.Ctx, g *GroupConfig) {
	hasMark, hasAddr, anyPort := v.FWMark != 0, v.Addr.IsValid(), v.Addr.IsValid() && v.Addr.Port() == 0
	if g != nil {
		for _, e := range g.Entries {
			hasMark = hasMark || e.FWMark != 0
			hasAddr = hasAddr || e.FWMark == 0
			anyPort = anyPort || e.FWMark == 0 && e.Port == 0
		}
	}
	if v.HASuspend && hasMark {
		x.Warnf(v.At.HASuspend, kconf.ClassGeneral, "ha-suspend-mark", "ha_suspend: means nothing for a firewall mark, ignored")
		v.HASuspend = false
	}
	switch {
	case hasAddr && v.Protocol == 0:
		x.Warnf(v.Pos, kconf.ClassGeneral, "no-protocol", "virtual_server: no protocol, UDP is used")
		v.Protocol = UDP
	case !hasAddr && v.Protocol != 0:
		x.Warnf(v.At.Protocol, kconf.ClassGeneral, "mark-protocol", "virtual_server fwmark: protocol is ignored")
		v.Protocol = 0
	}
	if v.Flags&FlagOnePacket != 0 && hasAddr && v.Protocol != UDP {
		x.Warnf(v.At.OPS, kconf.ClassGeneral, "ops-protocol", "ops: is for UDP, ignored")
		v.Flags &^= FlagOnePacket
	}
	if anyPort && v.PersistenceTimeout == 0 {
		x.Warnf(v.Pos, kconf.ClassGeneral, "port-0-persistence", "virtual_server: every port needs persistence, persistence_timeout 360 is used")
		v.PersistenceTimeout = defaultPersistence
	}
	if v.Scheduler == "" {
		x.Warnf(v.Pos, kconf.ClassGeneral, "no-scheduler", "virtual_server: no lvs_sched, %s is used", DefaultScheduler)
		v.Scheduler = DefaultScheduler
	}
	v.completePersistence(x)
}

// completePersistence leaves out what is for the other family or too long for the
// kernel, and sets the flag that a timeout means.
func (v *VirtualServerConfig) completePersistence(x *kconf.Ctx) {
	if v.maskFamily != 0 && v.maskFamily != v.Family {
		class := kconf.ClassGeneral
		if v.Family == IPv4 {
			class = kconf.ClassNone // keepalived takes 64 for the mask 0.0.0.64, in silence
		}
		x.Errorf(v.At.Granularity, class, "granularity-family", "persistence_granularity: is not for %v, ignored", v.Family)
		v.Netmask = 0
	}
	if n := len(v.Engine); n > longestName {
		class := kconf.ClassGeneral
		if n == longestName+1 {
			class = kconf.ClassNone // it would fit without the final NUL, keepalived says nothing
		}
		x.Warnf(v.At.Engine, class, "too-long", "persistence_engine %s: longer than %d characters, cut", v.Engine, longestName)
		v.Engine = v.Engine[:longestName]
	}
	if v.Engine != "" && v.PersistenceTimeout == 0 {
		x.Notef(v.At.Engine, "engine-alone", "persistence_engine: has no effect without persistence_timeout")
		v.Engine = ""
	}
	if v.PersistenceTimeout != 0 {
		v.Flags |= FlagPersistent
	}
}

// completeServers applies the rules of ports, weights and thresholds.
func (v *VirtualServerConfig) completeServers(x *kconf.Ctx, g *GroupConfig) {
	for _, r := range v.all() {
		v.completePort(x, r, g)
		if r.Weight == nil {
			w := v.Weight
			r.Weight = &w
		}
		if r.Inhibit == nil {
			on := v.Inhibit
			r.Inhibit = &on
		}
		if r.UpperThreshold > math.MaxInt32 {
			x.Warnf(r.UpperThresholdPos, kconf.ClassNone, "threshold", "uthreshold %d: the kernel takes up to %d", r.UpperThreshold, math.MaxInt32)
			r.UpperThreshold = math.MaxInt32
		}
		if r.LowerThreshold > r.UpperThreshold { // the kernel would refuse the whole server
			x.Warnf(r.LowerThresholdPos, kconf.ClassNone, "bounds-reversed", "lthreshold %d: above uthreshold %d, ignored", r.LowerThreshold, r.UpperThreshold)
			r.LowerThreshold = 0
		}
	}
	v.dropDoubles(x)
	if v.Sorry == nil {
		return
	}
	for _, r := range v.RealServers {
		if r.Addr == v.Sorry.Addr && *r.Inhibit != *v.Sorry.Inhibit {
			x.Warnf(cmp.Or(v.At.SorryInhibit, v.Sorry.Pos), kconf.ClassGeneral, "sorry-inhibit", "sorry_server %v: is a real_server too, whose inhibit_on_failure counts", r.Addr)
			*v.Sorry.Inhibit = *r.Inhibit
		}
	}
}

// dropDoubles drops servers that differ only in ports that were left out or
// corrected. The kernel has one destination for both: keepalived keeps two that
// undo each other, and a failed one would stay in the pool for the other's sake.
func (v *VirtualServerConfig) dropDoubles(x *kconf.Ctx) {
	seen := map[netip.AddrPort]bool{}
	v.RealServers = slices.DeleteFunc(v.RealServers, func(r *RealServerConfig) bool {
		if seen[r.Addr] {
			x.Notef(r.Pos, "duplicate-real-server", "server %v: is the same destination as one before; dropped", r.Addr)
			return true
		}
		seen[r.Addr] = true
		return false
	})
}

// completePort gives a server the port of its destination: only NAT changes
// ports, so with any other method the kernel would refuse another one. Behind a
// mark there is no port to take over; in a group each entry has its own.
func (v *VirtualServerConfig) completePort(x *kconf.Ctx, r *RealServerConfig, g *GroupConfig) {
	port := r.Addr.Port()
	switch {
	case g != nil: // each entry has its own
		if r.Method.Forward != Masq && r.hasPort {
			g.comparePorts(x, r)
		}
		return
	case r.Method.Forward == Masq && v.FWMark == 0 && !r.hasPort:
		port = v.Addr.Port()
	case r.Method.Forward != Masq && v.FWMark != 0 && port != 0:
		x.Warnf(r.Pos, kconf.ClassGeneral, "server-port", "server %v: behind a firewall mark only NAT has ports, 0 is used", r.Addr)
		port = 0
	case r.Method.Forward != Masq && v.FWMark == 0:
		if r.hasPort && port != v.Addr.Port() {
			x.Warnf(r.Pos, kconf.ClassGeneral, "server-port", "server %v: only NAT changes ports, %d is used", r.Addr, v.Addr.Port())
		}
		port = v.Addr.Port()
	}
	r.Addr = netip.AddrPortFrom(r.Addr.Addr(), port)
}

// completeQuorum makes the quorum reachable.
func (v *VirtualServerConfig) completeQuorum(x *kconf.Ctx) {
	var sum uint64
	for _, r := range v.RealServers {
		sum += uint64(*r.Weight)
	}
	pos := func(p kconf.Pos) kconf.Pos { return cmp.Or(p, v.Pos) }
	if uint64(v.Quorum) > sum {
		x.Warnf(pos(v.At.Quorum), kconf.ClassGeneral, "quorum-too-high", "quorum %d: exceeds the weights of all servers, %d is used", v.Quorum, sum)
		v.Quorum = uint32(sum)
	}
	if v.Hysteresis != 0 && v.Hysteresis >= v.Quorum {
		less := max(v.Quorum, 1) - 1
		x.Warnf(pos(v.At.Hysteresis), kconf.ClassGeneral, "hysteresis-too-high", "hysteresis %d: must be below quorum, %d is used", v.Hysteresis, less)
		v.Hysteresis = less
	}
	if need := uint64(v.Quorum) + uint64(v.Hysteresis); need > sum && sum > 0 {
		x.Notef(pos(v.At.Hysteresis), "quorum-unreachable", "quorum %d with hysteresis %d: all servers together weigh %d, a lost quorum is never gained again",
			v.Quorum, v.Hysteresis, sum)
	}
}
