package vrrp

import (
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"holdfast/kconf"
)

// Defaults are the global values that an instance falls back to. The zero value
// is a file without global_defs, apart from Announce (see DefaultAnnounce).
type Defaults struct {
	Version          uint8 // vrrp_version; 0 means 2
	DownTimerAdverts int   // 0 means 3
	Group4, Group6   netip.Addr
	Announce         AnnounceParams

	Strict                                                      bool // vrrp_strict
	LowerPrioNoAdvert, HigherPrioSendAdvert, OwnerIgnoreAdverts bool
	SkipCheckAdvAddr, CheckUnicastSrc, ChecksumAsV2             bool
	ExtraGARP                                                   *ExtraGARP // vrrp_garp_extra_if

	SMTPAlertVRRP, SMTPAlert *bool // smtp_alert_vrrp, smtp_alert
	PriorityChanges          bool  // vrrp_notify_priority_changes
}

// DefaultAnnounce is keepalived's announcing when nothing is configured.
func DefaultAnnounce() AnnounceParams {
	return AnnounceParams{MasterDelay: 5 * time.Second, MasterRepeat: 5, RefreshRepeat: 1,
		LowerPrioDelay: 5 * time.Second, LowerPrioRepeat: 5}
}

// Surroundings are what is around an instance: the blocks that it belongs to,
// and what is known about the host. The zero value knows nothing; a rule about
// what is not known does not apply. Parent and child must be told the same, or
// they will not agree on what the instance is.
type Surroundings struct {
	Addrs []netip.Addr                // virtual addresses, in order, as their lines were read
	Group *GroupConfig                // the sync group that it is in; nil: none
	Link  func(name string) *LinkInfo // what is known about an interface; nil: nothing
	Files fs.FS                       // the root directory, for keys of auth_hmac; nil: they are not read
}

// LinkInfo is what the rules need to know about an interface.
type LinkInfo struct {
	Loopback    bool
	Ethernet    bool
	Multicast   bool
	PrivateVMAC bool // a macvlan in private mode, as use_vmac makes them
	MTU         int  // octets; 0: not known
}

// Resolved is an instance with every default filled in and every contradiction
// settled.
type Resolved struct {
	Params Params // PrimaryAddr only when the configuration names it

	State     string // MASTER or BACKUP: what it is to begin with
	Interface string // "" when there is none, or none that can be used
	Strict    bool
	Accept    bool // packets to the virtual addresses are accepted although not the owner
	Firewall  bool // something has to be dropped: nftables table keepalived, unless another is configured

	SMTPAlert       bool
	PriorityChanges bool // notify_priority_changes

	TrackSrcIP         bool
	VMAC               *VMACConfig   // nil: off. Its MAC has six octets, or is the RFC's
	VMACAddr           bool          // use_vmac_addr
	XmitBase           bool          // vmac_xmit_base
	IPVLAN             *IPVLANConfig // nil: off
	VRF                string
	PromoteSecondaries bool
	ExtraGARP          *ExtraGARP // nil: off

	Excess  []netip.Addr // virtual addresses that no advert has room for: to be treated as excluded ones
	Dropped []netip.Addr // virtual addresses that cannot be used at all

	// Stop says why the daemon must not start, "" if it may: the first reason of
	// perhaps several, all of which have been reported. One such instance ends
	// keepalived with status 2.
	Stop string
}

// resolver settles one instance; out is what has been settled so far.
type resolver struct {
	x   *kconf.Ctx
	c   *InstanceConfig
	d   Defaults
	s   Surroundings
	out Resolved

	group   netip.Addr // mcast_dst_ip, unless it is not used
	nopre   bool       // nopreempt was written
	hasAuth bool       // authentication is still in effect
}

// Resolve settles what was written: defaults, contradictions between keywords,
// what the version cannot do. The order is keepalived's, since a rule sees what
// the rules before it have changed.
func (c *InstanceConfig) Resolve(x *kconf.Ctx, d Defaults, s Surroundings) Resolved {
	r := &resolver{x: x, c: c, d: d, s: s, group: c.McastDst, nopre: c.NoPreempt, hasAuth: c.Auth != nil && c.Auth.Type != ""}
	p := &r.out.Params
	p.VRID, p.Peers, p.PreemptMode, p.PreemptDelay = c.VRID, c.Peers, !c.NoPreempt, c.PreemptDelay
	p.Addrs = s.Addrs
	p.PrimaryAddr = c.source()
	r.out.TrackSrcIP, r.out.VMACAddr, r.out.XmitBase, r.out.PromoteSecondaries = c.TrackSrcIP, c.VMACAddr, c.XmitBase, c.PromoteSecondaries
	r.out.VRF, r.out.IPVLAN = c.VRF, c.IPVLAN
	if c.VMAC != nil {
		vmac := *c.VMAC // its MAC is completed
		r.out.VMAC = &vmac
	}
	for _, rule := range []func(){
		r.required, r.xmitBaseForUnicast, r.unicastTTL, // minimum checks
		r.version, r.priorityAndState, r.authentication, r.hmac, r.destination,
		r.interfaceNeeds, r.linkLocalFirst, r.vrf, r.room,
		r.preemption, r.downTimer, r.acceptance, r.multicastGroup, r.announcing, r.lowerAndHigher, r.owner,
		r.notifications, r.interval, r.sourceTracking, r.ownInterface, r.addressLinks, r.extraGARP, r.enoughAddresses,
	} {
		rule()
	}
	p.SkipCheckAdvAddr = or(c.SkipCheckAdvAddr, d.SkipCheckAdvAddr)
	p.OldUnicastChecksum = c.OldUnicastChecksum
	p.ChecksumAsV2 = or(c.ChecksumAsV2, d.ChecksumAsV2)
	return r.out
}

// or is what was written, or else the default.
func or[T any](written *T, fallback T) T {
	if written != nil {
		return *written
	}
	return fallback
}

// fix reports that a keyword is used otherwise than it was written.
func (r *resolver) fix(keyword, id, format string, args ...any) {
	r.x.Warnf(r.at(keyword), kconf.ClassGeneral, id, format, args...)
}

// at is where keyword stands, or else the instance.
func (r *resolver) at(keyword string) kconf.Pos {
	if pos := r.c.At(keyword); pos.IsValid() {
		return pos
	}
	return r.c.Pos
}

// stop reports what the daemon cannot start with.
func (r *resolver) stop(pos kconf.Pos, id, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.x.Errorf(pos, kconf.ClassGeneral, id, "vrrp_instance %s: %s", r.c.Name, text)
	r.cannotStart(text)
}

// cannotStart keeps the first reason.
func (r *resolver) cannotStart(why string) {
	if r.out.Stop == "" {
		r.out.Stop = "vrrp_instance " + r.c.Name + ": " + why
	}
}

// fault keeps the instance in FAULT for ever; the first reason counts.
func (r *resolver) fault(why string) {
	if r.out.Params.ConfigFault == "" {
		r.out.Params.ConfigFault = why
	}
}

// link is what is known about an interface; nil: nothing.
func (r *resolver) link(name string) *LinkInfo {
	if name == "" || r.s.Link == nil {
		return nil
	}
	return r.s.Link(name)
}

// source is the configured source address. The keywords mean the same.
func (c *InstanceConfig) source() netip.Addr {
	switch {
	case c.UnicastSrc.IsValid():
		return c.UnicastSrc
	case c.McastSrc.IsValid():
		return c.McastSrc
	case c.IPVLAN != nil:
		return c.IPVLAN.Addr
	}
	return netip.Addr{}
}

// unicastWritten reports whether any keyword that only unicast needs was
// written. unicast_ttl and unicast_fault_no_peer do not count.
func (c *InstanceConfig) unicastWritten() bool {
	return c.Has("unicast_peer") || c.UnicastSrc.IsValid() || c.CheckUnicastSrc || c.OldUnicastChecksum != OldChecksumAuto
}
