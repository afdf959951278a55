package vrrp

import (
	"time"

	"holdfast/kconf"
)

// Rules about the protocol: version, priority, authentication, timers.

// version: the configured one, else 3 for IPv6, for which version 2 was never
// specified (RFC 5798 was the first), else the global one. An explicit version 2
// is obeyed for IPv6, too, unless strict.
func (r *resolver) version() {
	c, p := r.c, &r.out.Params
	r.out.Strict = or(c.StrictMode, r.d.Strict)
	switch {
	case c.family.known:
		p.IPv6 = c.family.ipv6
	case len(r.s.Addrs) > 0:
		p.IPv6 = r.s.Addrs[0].Is6()
	}
	switch {
	case c.Version != nil && *c.Version == 2 && p.IPv6 && r.out.Strict:
		r.fix("version", "version-ipv6", "version 2: strict mode has no IPv6 in version 2, version 3 is used")
		p.Version = 3
	case c.Version != nil:
		p.Version = *c.Version
	case p.IPv6 || r.d.Version == 3:
		p.Version = 3
	default:
		p.Version = 2
	}
}

// priorityAndState: each follows from the other where it is not given.
func (r *resolver) priorityAndState() {
	c, p := r.c, &r.out.Params
	p.Priority = 100
	if c.State == "MASTER" {
		p.Priority = PriorityOwner
	}
	p.Priority = or(c.Priority, p.Priority)
	fromPriority := "BACKUP"
	if p.Owner() {
		fromPriority = "MASTER"
	}
	switch {
	case c.State == "":
		r.out.State = fromPriority
	case r.out.Strict && c.State != fromPriority:
		r.fix("state", "state-priority", "state %s: priority %d makes it %s in strict mode", c.State, p.Priority, fromPriority)
		r.out.State = fromPriority
	default:
		r.out.State = c.State
	}
}

// wantsActive reports whether the router is to be Active from the start.
func (r *resolver) wantsActive() bool { return r.out.State == "MASTER" }

// authentication is for version 2.
func (r *resolver) authentication() {
	c, p := r.c, &r.out.Params
	if !r.hasAuth {
		return
	}
	r.hasAuth = false
	ignore := func(id, why string) { r.fix("authentication", id, "authentication: %s", why) }
	switch {
	case r.out.Strict:
		ignore("auth-strict", "strict mode has none, ignored")
		return
	case p.Version == 3:
		ignore("auth-v3", "version 3 has none, ignored (RFC 9568 section 9)")
		return
	case c.Auth.Pass == "":
		ignore("auth-no-pass", "auth_type without auth_pass, ignored")
		return
	case c.Auth.Type == "AH" && p.IPv6:
		ignore("auth-ah-ipv6", "AH is for IPv4 only, ignored")
		return
	}
	if c.Auth.Type == "AH" && r.wantsActive() && !p.Owner() {
		r.fix("state", "auth-ah-master", "state MASTER: AH wants to hear its peers first, BACKUP is used")
		r.out.State = "BACKUP"
	}
	if c.HMAC != nil {
		ignore("auth-hmac", "auth_hmac takes its place, ignored")
		return
	}
	r.hasAuth = true
	p.AuthType = AuthPass
	if c.Auth.Type == "AH" {
		p.AuthType = AuthAH
	}
	copy(p.Password[:], c.Auth.Pass)
}

// Bounds of the default of time_window.
const (
	hmacWindowMin = 5 * time.Second
	hmacWindowMax = 300 * time.Second
)

// hmac: without a key to sign with there is no trailer at all.
func (r *resolver) hmac() {
	if r.c.HMAC == nil {
		return
	}
	h := *r.c.HMAC
	if r.s.Files != nil {
		h.ReadKeys(r.x, r.s.Files)
	}
	if h.key(h.ActiveKey) == nil {
		pos, what := h.At("active_key"), "is not defined"
		if h.ActiveKey == 0 {
			pos, what = h.Pos, "is missing"
		}
		r.x.Errorf(pos, kconf.ClassGeneral, "hmac-no-key", "auth_hmac: active_key %s, the trailer is neither sent nor wanted", what)
		return
	}
	if r.out.Strict && h.Mode != HMACEnforce {
		r.x.Warnf(h.At("mode"), kconf.ClassGeneral, "hmac-strict", "mode %s: strict mode wants enforce, which is used", h.Mode)
		h.Mode = HMACEnforce
	}
	if h.Window == 0 && h.AntiReplay == "time" {
		interval := or(r.c.Interval, time.Second).Truncate(time.Second)
		h.Window = min(max(3*interval, hmacWindowMin), hmacWindowMax)
	}
	r.out.Params.HMAC = &h
}

// destination decides between multicast and unicast. min_ttl and max_ttl of a
// peer imply check_unicast_src: the range is per source.
func (r *resolver) destination() {
	c, p := r.c, &r.out.Params
	p.CheckPeers = c.CheckUnicastSrc || r.d.CheckUnicastSrc
	if p.Unicast() || !c.unicastWritten() {
		return
	}
	if c.UnicastFaultNoPeer {
		r.x.Notef(c.Pos, "unicast-no-peer", "vrrp_instance %s: unicast without unicast_peer, the instance stays in FAULT", c.Name)
		r.fault("unicast without peers")
		return
	}
	r.x.Warnf(c.Pos, kconf.ClassDeprecated, "unicast-no-peer", "vrrp_instance %s: unicast without unicast_peer, multicast is used", c.Name)
}

// preemption cannot be off, and has nothing to wait for, where a router is to be
// Active from the start.
func (r *resolver) preemption() {
	p := &r.out.Params
	if r.nopre && (r.wantsActive() || p.Owner()) {
		r.fix("nopreempt", "nopreempt-master", "nopreempt: has no meaning with state MASTER or priority 255, ignored")
		p.PreemptMode = true
	}
	if p.PreemptDelay == 0 {
		return
	}
	switch {
	case r.wantsActive() || !p.PreemptMode:
		r.fix("preempt_delay", "preempt-delay", "preempt_delay: has no meaning with state MASTER or nopreempt, ignored")
	case r.out.Strict:
		r.fix("preempt_delay", "preempt-delay", "preempt_delay: strict mode has none, ignored")
	default:
		return
	}
	p.PreemptDelay = 0
}

// downTimer: RFC 9568 section 6.1 has three adverts, no more and no less.
func (r *resolver) downTimer() {
	c, p := r.c, &r.out.Params
	p.DownTimerAdverts = or(c.DownTimerAdverts, r.d.DownTimerAdverts)
	if r.out.Strict && p.downAdverts() != 3 {
		r.fix("down_timer_adverts", "down-timer-strict", "down_timer_adverts %d: strict mode wants 3, which is used", p.DownTimerAdverts)
		p.DownTimerAdverts = 3
	}
	if c.TimerExpiredBackup == nil {
		return
	}
	if p.PreemptMode {
		keyword := "timer_expired_backup"
		if !c.Has(keyword) {
			keyword = "thread_timer_expired"
		}
		r.fix(keyword, "timer-expired", "%s: needs nopreempt, ignored", keyword)
		return
	}
	p.TimerExpired = *c.TimerExpiredBackup
}

// acceptance is Accept_Mode (RFC 9568 section 6.1). Version 2 has none.
func (r *resolver) acceptance() {
	c, p := r.c, &r.out.Params
	r.out.Accept = or(c.Accept, p.Owner() || !r.out.Strict)
	if r.out.Accept && r.out.Strict && p.Version == 2 && !p.Owner() {
		r.fix("accept", "accept-v2", "accept: strict mode has none in version 2 (RFC 3768 section 6.4.3), ignored")
		r.out.Accept = false
	}
	r.out.Firewall = !r.out.Accept || r.out.VMAC != nil
}

// multicastGroup: another group than the usual one is only for multicast.
func (r *resolver) multicastGroup() {
	p := &r.out.Params
	if p.Group = r.d.Group4; p.IPv6 {
		p.Group = r.d.Group6
	}
	switch {
	case !r.group.IsValid():
	case p.Unicast():
		r.fix("mcast_dst_ip", "mcast-dst-unicast", "mcast_dst_ip: adverts go to unicast_peer, ignored")
	default:
		p.Group = r.group
	}
}

// announcing takes each value from the instance, else from global_defs. That
// includes garp_lower_prio_delay, which does not follow the instance's own
// garp_master_delay (seen in a dump of keepalived 2.2.7).
func (r *resolver) announcing() {
	c, d := r.c, r.d.Announce
	if r.out.Strict { // the RFC has no announcement after a lower advert
		d.LowerPrioDelay, d.LowerPrioRepeat = 0, 0
	}
	a := &r.out.Params.Announce
	*a = AnnounceParams{
		MasterDelay: seconds(c.GarpMasterDelay, d.MasterDelay), MasterRepeat: count(c.GarpMasterRepeat, d.MasterRepeat, 1),
		Refresh: seconds(c.GarpMasterRefresh, d.Refresh), RefreshRepeat: count(c.GarpMasterRefreshRepeat, d.RefreshRepeat, 1),
		LowerPrioDelay: seconds(c.GarpLowerPrioDelay, d.LowerPrioDelay), LowerPrioRepeat: count(c.GarpLowerPrioRepeat, d.LowerPrioRepeat, 0),
	}
	if r.out.Strict && a.LowerPrioRepeat != 0 {
		r.fix("garp_lower_prio_repeat", "garp-strict", "garp_lower_prio_repeat %d: strict mode wants 0, which is used", a.LowerPrioRepeat)
		a.LowerPrioRepeat = 0
	}
	if r.out.Strict && a.LowerPrioDelay != 0 {
		r.fix("garp_lower_prio_delay", "garp-strict", "garp_lower_prio_delay %v: strict mode wants 0, which is used", a.LowerPrioDelay)
		a.LowerPrioDelay = 0
	}
}

// seconds is a number of seconds that was written, or else the default.
func seconds(written *uint32, fallback time.Duration) time.Duration {
	if written == nil {
		return fallback
	}
	return time.Duration(*written) * time.Second
}

// count is a number of packets that was written, or else the default, and at
// least lowest.
func count(written *uint32, fallback, lowest int) int {
	if written == nil {
		return max(fallback, lowest)
	}
	return max(int(*written), lowest)
}

// lowerAndHigher: in strict mode an Active router neither answers a lower advert,
// nor sends one more before it yields.
func (r *resolver) lowerAndHigher() {
	c, p := r.c, &r.out.Params
	p.LowerPriorityNoAdvert = or(c.LowerPrioNoAdvert, r.out.Strict || r.d.LowerPrioNoAdvert)
	if r.out.Strict && !p.LowerPriorityNoAdvert {
		r.fix("lower_prio_no_advert", "lower-prio-strict", "lower_prio_no_advert false: strict mode wants true, which is used")
		p.LowerPriorityNoAdvert = true
	}
	p.HigherPrioritySendAdvert = or(c.HigherPrioSendAdvert, !r.out.Strict && r.d.HigherPrioSendAdvert)
	if r.out.Strict && p.HigherPrioritySendAdvert {
		r.fix("higher_prio_send_advert", "higher-prio-strict", "higher_prio_send_advert: strict mode wants false, which is used")
		p.HigherPrioritySendAdvert = false
	}
}

// owner: only the address owner may drop what others say. Its explicit false is
// obeyed unless strict; keepalived overrides it always, which makes the keyword
// useless.
func (r *resolver) owner() {
	c, p := r.c, &r.out.Params
	written := c.OwnerIgnoreAdverts
	switch {
	case !p.Owner():
		if or(written, false) {
			r.fix("owner_ignore_adverts", "not-owner", "owner_ignore_adverts: priority %d is not that of the address owner, ignored", p.Priority)
		}
	case r.out.Strict && !or(written, true):
		r.fix("owner_ignore_adverts", "owner-strict", "owner_ignore_adverts false: strict mode wants true for an address owner, which is used")
		p.OwnerIgnoreAdverts = true
	default:
		p.OwnerIgnoreAdverts = or(written, r.out.Strict || r.d.OwnerIgnoreAdverts)
	}
}

// notifications: the nearest setting counts.
func (r *resolver) notifications() {
	n := &r.c.Notify
	r.out.SMTPAlert = or(n.SMTPAlert, or(r.d.SMTPAlertVRRP, or(r.d.SMTPAlert, false)))
	fallback := r.d.PriorityChanges
	if r.s.Group != nil {
		fallback = or(r.s.Group.Notify.PriorityChanges, fallback)
	}
	r.out.PriorityChanges = or(n.PriorityChanges, fallback)
}

// interval rounds to what the version can carry: half up, to whole seconds in
// version 2, to 10ms in version 3.
func (r *resolver) interval() {
	p := &r.out.Params
	want := or(r.c.Interval, time.Second)
	unit, highest := time.Second, 255*time.Second
	if p.Version == 3 {
		unit, highest = centisecond, maxCentiMask*centisecond
	}
	got := min(max((want+unit/2)/unit*unit, unit), highest)
	if got != want {
		r.fix("advert_int", "advert-int-rounded", "advert_int %v: version %d cannot carry it, %v is used", want, p.Version, got)
	}
	p.AdvertisementInterval = got
}
