package vrrp

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/kconf"
)

// Defaults are the global values that an instance falls back to.
type Defaults struct {
	Version          uint8 // vrrp_version; 0 means 2
	DownTimerAdverts int   // 0 means 3
	Group4, Group6   netip.Addr
	Announce         AnnounceParams

	LowerPrioNoAdvert, HigherPrioSendAdvert, OwnerIgnoreAdverts bool
	SkipCheckAdvAddr, CheckUnicastSrc, ChecksumAsV2             bool
}

// DefaultAnnounce is keepalived's announcing when nothing is configured.
func DefaultAnnounce() AnnounceParams {
	return AnnounceParams{MasterDelay: 5 * time.Second, MasterRepeat: 5, RefreshRepeat: 1,
		LowerPrioDelay: 5 * time.Second, LowerPrioRepeat: 5}
}

// Resolve turns what was written into parameters: defaults, contradictions
// between keywords, what the version cannot do. addrs are the virtual addresses
// in order. PrimaryAddr is only set when the configuration names it.
func (c *InstanceConfig) Resolve(x *kconf.Ctx, d Defaults, addrs []netip.Addr) Params {
	p := Params{VRID: c.VRID, Addrs: addrs, PreemptMode: !c.NoPreempt, PreemptDelay: c.PreemptDelay, Peers: c.Peers}
	p.PrimaryAddr = c.source()
	p.IPv6 = c.isIPv6(addrs)
	c.checkRequired(x)
	c.resolveFamily(x, &p)
	c.resolveVersion(d, &p)
	c.resolvePriority(x, &p)
	c.resolveInterval(x, &p)
	c.resolveAuth(x, &p)
	c.resolveDestination(x, d, &p)
	c.resolveAnnounce(x, d.Announce, &p)
	p.DownTimerAdverts = or(c.DownTimerAdverts, d.DownTimerAdverts)
	p.LowerPriorityNoAdvert = or(c.LowerPrioNoAdvert, d.LowerPrioNoAdvert)
	p.HigherPrioritySendAdvert = or(c.HigherPrioSendAdvert, d.HigherPrioSendAdvert)
	p.SkipCheckAdvAddr = or(c.SkipCheckAdvAddr, d.SkipCheckAdvAddr)
	p.ChecksumAsV2 = or(c.ChecksumAsV2, d.ChecksumAsV2)
	p.OwnerIgnoreAdverts = p.Owner() && or(c.OwnerIgnoreAdverts, d.OwnerIgnoreAdverts)
	return p
}

// isIPv6 finds the family of the adverts: that of the source address, else of
// the virtual addresses, else of the peers.
func (c *InstanceConfig) isIPv6(addrs []netip.Addr) bool {
	switch source := c.source(); {
	case c.NativeIPv6:
		return true
	case source.IsValid():
		return source.Is6()
	case len(addrs) > 0:
		return addrs[0].Is6()
	}
	return len(c.Peers) > 0 && c.Peers[0].Addr.Is6()
}

// resolveFamily leaves out what an advert of p's family cannot be sent to or
// carry: no socket reaches a peer of the other one.
func (c *InstanceConfig) resolveFamily(x *kconf.Ctx, p *Params) {
	p.Peers = slices.DeleteFunc(slices.Clone(p.Peers), func(peer Peer) bool {
		if peer.Addr.Is6() == p.IPv6 {
			return false
		}
		x.Errorf(c.Pos, kconf.ClassGeneral, "family-mismatch", "vrrp_instance %s: unicast peer %v is of another address family; it is not used", c.Name, peer.Addr)
		return true
	})
	if len(p.Peers) == 0 {
		p.Peers = nil
	}
	if len(p.Addrs) > 0 && p.Addrs[0].Is6() != p.IPv6 {
		x.Errorf(c.Pos, kconf.ClassGeneral, "family-mismatch", "vrrp_instance %s: %v is of another address family than the adverts; the instance stays in FAULT", c.Name, p.Addrs[0])
		p.ConfigFault = "virtual addresses of another family than the adverts"
	}
}

// checkRequired reports what no default can replace.
func (c *InstanceConfig) checkRequired(x *kconf.Ctx) {
	if c.VRID == 0 {
		x.Errorf(c.Pos, kconf.ClassGeneral, "no-vrid", "vrrp_instance %s: virtual_router_id is missing", c.Name)
	}
	if c.Interface == "" && len(c.Peers) == 0 {
		x.Errorf(c.Pos, kconf.ClassGeneral, "no-interface", "vrrp_instance %s: interface is missing", c.Name)
	}
}

// or is what was written, or else the default.
func or[T any](written *T, fallback T) T {
	if written != nil {
		return *written
	}
	return fallback
}

// source is the configured source address. The two keywords mean the same.
func (c *InstanceConfig) source() netip.Addr {
	if c.UnicastSrc.IsValid() {
		return c.UnicastSrc
	}
	return c.McastSrc
}

// resolveVersion: version 2 unless something says otherwise; IPv6 has been
// specified for version 3 only (RFC 5798), but an explicit version 2 is obeyed.
func (c *InstanceConfig) resolveVersion(d Defaults, p *Params) {
	switch {
	case c.Version != nil:
		p.Version = *c.Version
	case p.IPv6 || d.Version == 3:
		p.Version = 3
	default:
		p.Version = 2
	}
}

// resolvePriority: an unset one follows from state, and preemption cannot be
// off for a router that is to be Active from the start.
func (c *InstanceConfig) resolvePriority(x *kconf.Ctx, p *Params) {
	p.Priority = 100
	if c.State == "MASTER" {
		p.Priority = PriorityOwner
	}
	p.Priority = or(c.Priority, p.Priority)
	wantsActive := c.State == "MASTER" || c.State == "" && p.Owner()
	if c.NoPreempt && (wantsActive || p.Owner()) {
		x.Warnf(c.PreemptPos, kconf.ClassGeneral, "nopreempt-master", "nopreempt: has no meaning with state MASTER or priority 255, ignored")
		p.PreemptMode = true
	}
	if c.PreemptDelay > 0 && (wantsActive || !p.PreemptMode) {
		x.Warnf(c.PreemptPos, kconf.ClassGeneral, "preempt-delay", "preempt_delay: has no meaning with state MASTER or nopreempt, ignored")
		p.PreemptDelay = 0
	}
}

// resolveInterval rounds to what the version can carry: half up, to whole
// seconds in version 2, to 10ms in version 3.
func (c *InstanceConfig) resolveInterval(x *kconf.Ctx, p *Params) {
	want := or(c.Interval, time.Second)
	unit, highest := time.Second, 255*time.Second
	if p.Version == 3 {
		unit, highest = centisecond, maxCentiMask*centisecond
	}
	got := min(max((want+unit/2)/unit*unit, unit), highest)
	if got != want {
		x.Warnf(c.Pos, kconf.ClassGeneral, "advert-int-rounded", "advert_int %v: version %d cannot carry it, %v is used", want, p.Version, got)
	}
	p.AdvertisementInterval = got
}

// resolveAuth is for version 2. What we cannot speak yet is not left out: peers
// would refuse our adverts, and both sides would be Active.
func (c *InstanceConfig) resolveAuth(x *kconf.Ctx, p *Params) {
	switch {
	case c.HasHMAC.IsValid():
		// Peers that enforce the trailer would not hear us, and become Active too.
		p.ConfigFault = "auth_hmac is not supported yet"
	case c.Auth == nil || c.Auth.Type == "":
	case p.Version == 3:
		x.Warnf(c.AuthPos, kconf.ClassGeneral, "auth-v3", "authentication: version 3 has none, ignored (RFC 9568 section 9)")
	case c.Auth.Pass == "":
		x.Warnf(c.AuthPos, kconf.ClassGeneral, "auth-no-pass", "authentication: auth_type without auth_pass, ignored")
	case c.Auth.Type == "AH" && p.IPv6:
		x.Warnf(c.AuthPos, kconf.ClassGeneral, "auth-ah-ipv6", "authentication: AH is for IPv4 only, ignored")
	case c.Auth.Type == "AH":
		// Speaking without authentication instead would make a second Active router.
		x.Errorf(c.AuthPos, kconf.ClassGeneral, "auth-ah", "auth_type AH: not supported yet, the instance stays in FAULT")
		p.AuthType, p.ConfigFault = AuthAH, "auth_type AH is not supported yet"
	default:
		p.AuthType = AuthPass
		copy(p.Password[:], c.Auth.Pass)
	}
}

// resolveDestination decides between multicast and unicast. min_ttl and max_ttl
// of a peer imply check_unicast_src: the range is per source.
func (c *InstanceConfig) resolveDestination(x *kconf.Ctx, d Defaults, p *Params) {
	p.CheckPeers = c.CheckUnicastSrc || d.CheckUnicastSrc
	p.UnicastTTL = or(c.UnicastTTL, 0)
	if p.Group = d.Group4; p.IPv6 {
		p.Group = d.Group6
	}
	switch {
	case !c.McastDst.IsValid():
	case c.McastDst.Is6() != p.IPv6:
		x.Errorf(c.Pos, kconf.ClassGeneral, "family-mismatch", "mcast_dst_ip %v: is of another address family than vrrp_instance %s; it is not used", c.McastDst, c.Name)
	default:
		p.Group = c.McastDst
	}
	unicast := c.UnicastKeyword || c.UnicastSrc.IsValid() || c.CheckUnicastSrc
	switch {
	case !unicast || len(p.Peers) > 0:
	case c.UnicastFaultNoPeer:
		p.ConfigFault = "unicast without peers"
	default:
		x.Warnf(c.Pos, kconf.ClassWarning, "unicast-no-peer", "vrrp_instance %s: unicast without unicast_peer, multicast is used", c.Name)
	}
	if c.UnicastTTL != nil && len(p.Peers) == 0 {
		x.Warnf(c.Pos, kconf.ClassGeneral, "unicast-ttl", "unicast_ttl: no unicast_peer, ignored")
	}
}

// resolveAnnounce takes each value from the instance, else from global_defs. That
// includes garp_lower_prio_delay, which does not follow the instance's own
// garp_master_delay (seen in a dump of keepalived 2.2.7).
func (c *InstanceConfig) resolveAnnounce(x *kconf.Ctx, d AnnounceParams, p *Params) {
	seconds := func(v *uint32, fallback time.Duration) time.Duration {
		if v == nil {
			return fallback
		}
		return time.Duration(*v) * time.Second
	}
	count := func(v *uint32, fallback, lowest int) int {
		if v == nil {
			return max(fallback, lowest)
		}
		if int(*v) < lowest {
			x.Warnf(c.Pos, kconf.ClassGeneral, "garp-repeat", "vrrp_instance %s: a garp repeat of 0 is raised to 1", c.Name)
		}
		return max(int(*v), lowest)
	}
	p.Announce = AnnounceParams{
		MasterDelay: seconds(c.GarpMasterDelay, d.MasterDelay), MasterRepeat: count(c.GarpMasterRepeat, d.MasterRepeat, 1),
		Refresh: seconds(c.GarpMasterRefresh, d.Refresh), RefreshRepeat: count(c.GarpMasterRefreshRepeat, d.RefreshRepeat, 1),
		LowerPrioDelay: seconds(c.GarpLowerPrioDelay, d.LowerPrioDelay), LowerPrioRepeat: count(c.GarpLowerPrioRepeat, d.LowerPrioRepeat, 0),
	}
}
