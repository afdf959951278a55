package vrrp

import (
	"net/netip"
	"slices"
	"time"
)

// Multicast groups of VRRP (RFC 9568 sections 5.1.1.2 and 5.1.2.2).
var (
	GroupIPv4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	GroupIPv6 = netip.MustParseAddr("ff02::12")
)

// PriorityOwner is the priority of the router that has the virtual addresses
// as its own: no tracker lowers it (RFC 9568 section 5.2.4).
const PriorityOwner = 255

// AuthType is the authentication of version 2 (RFC 2338 section 5.3.6), as on the wire.
type AuthType uint8

const (
	AuthNone AuthType = 0
	AuthPass AuthType = 1 // clear text password: keyword auth_type PASS
	AuthAH   AuthType = 2 // authentication header, version 2 over IPv4: keyword auth_type AH
)

// Params are what the configuration says about one virtual router. They are
// plain data: a Machine keeps a copy and never writes to the slices.
type Params struct {
	VRID    uint8 // 1-255: tells virtual routers on one LAN apart
	Version uint8 // 2 (RFC 3768) or 3 (RFC 9568)
	IPv6    bool  // family of adverts and virtual addresses

	Priority uint8 // base priority, 1-255; 255 is the address owner

	// AdvertisementInterval is the time between two adverts of an Active router:
	// whole seconds up to 255s in version 2, 10ms to 40.95s in version 3
	// (12 bits of centiseconds). Zero means 1s. Keyword advert_int.
	AdvertisementInterval time.Duration
	// DownTimerAdverts is how many adverts may be missed before a Backup takes
	// over, 1-100; zero means 3. Keyword down_timer_adverts.
	DownTimerAdverts int

	PreemptMode  bool          // a Backup takes over from an Active router of lower priority
	PreemptDelay time.Duration // how long it first listens to one; 0-1000s

	PrimaryAddr netip.Addr   // source of our adverts; breaks ties
	Addrs       []netip.Addr // virtual addresses in the order they are sent
	Group       netip.Addr   // multicast destination; zero means the RFC's
	Peers       []Peer       // unicast destinations; empty means multicast
	CheckPeers  bool         // accept unicast adverts only from Peers
	UnicastTTL  uint8        // TTL of unicast adverts; 0 means 255

	AuthType AuthType
	Password [8]byte // zero padded; used with AuthPass, and as key of AuthAH
	// HMAC is the trailer behind adverts, with an active key that exists; nil:
	// none. Keyword auth_hmac.
	HMAC *HMACConfig

	ChecksumAsV2       bool        // version 3, IPv4: send without pseudo header
	OldUnicastChecksum OldChecksum // version 3, IPv4, unicast: as before keepalived 1.3.7

	LowerPriorityNoAdvert    bool // an Active router does not answer lower adverts
	HigherPrioritySendAdvert bool // an Active router sends one advert before it yields
	OwnerIgnoreAdverts       bool // an owner drops all adverts
	SkipCheckAdvAddr         bool // do not compare address lists with the current Active router's

	Announce AnnounceParams

	// TimerExpired is the priority of a router that may have taken over while
	// this one was not run, 1-254: then it yields before it sends anything. 0:
	// off. Keyword timer_expired_backup.
	TimerExpired uint8

	// Grouped says that a sync group decides when this router becomes Active
	// and when it leaves Fault.
	Grouped bool

	// ConfigFault, when not empty, keeps the router in Fault: the configuration
	// asks for something that cannot be done, and doing less would mislead.
	ConfigFault string
}

// Peer is one line of unicast_peer.
type Peer struct {
	Addr           netip.Addr
	MinTTL, MaxTTL uint8 // accepted range; 0 and 255 unless configured
}

// AnnounceParams say when gratuitous ARP or unsolicited NA bursts are due.
// The packets of a burst and their spacing are the announcer's business.
type AnnounceParams struct {
	MasterDelay     time.Duration // second burst this long after becoming Active; 0: none
	MasterRepeat    int           // packets per address in a burst
	Refresh         time.Duration // periodic burst while Active, first at MasterDelay+Refresh; 0: none
	RefreshRepeat   int           // packets per address in a periodic burst
	LowerPrioDelay  time.Duration // second burst this long after a lower advert; 0: none
	LowerPrioRepeat int           // packets per address after a lower advert; 0: no burst at all
}

// Owner reports whether the router owns the virtual addresses.
func (p *Params) Owner() bool { return p.Priority == PriorityOwner }

// Unicast reports whether adverts go to configured peers.
func (p *Params) Unicast() bool { return len(p.Peers) > 0 }

// MulticastGroup is where multicast adverts go.
func (p *Params) MulticastGroup() netip.Addr {
	switch {
	case p.Group.IsValid():
		return p.Group
	case p.IPv6:
		return GroupIPv6
	default:
		return GroupIPv4
	}
}

// Interval is AdvertisementInterval with its default.
func (p *Params) Interval() time.Duration {
	if p.AdvertisementInterval <= 0 {
		return time.Second
	}
	return p.AdvertisementInterval
}

func (p *Params) downAdverts() int {
	if p.DownTimerAdverts <= 0 {
		return 3
	}
	return p.DownTimerAdverts
}

// SkewTime is how much later a router of this priority takes over than one of
// priority 256 would: (256-priority)/256 of a second in version 2 (RFC 3768
// section 6.1), of the Active router's interval in version 3 (RFC 9568 section 6.1).
func (p *Params) SkewTime(priority uint8, interval time.Duration) time.Duration {
	if p.Version == 2 {
		interval = time.Second
	}
	return time.Duration(256-int(priority)) * interval / 256
}

// ActiveDownInterval is how long a Backup waits without an advert before it
// takes over: down_timer_adverts intervals and the skew (RFC 9568 section 6.1).
func (p *Params) ActiveDownInterval(priority uint8, interval time.Duration) time.Duration {
	return time.Duration(p.downAdverts())*interval + p.SkewTime(priority, interval)
}

// LongestLinkDelay is how long a link that is down may count as up at most: peers
// that got one advert just before it went must not take over meanwhile. It is a
// 256th of an interval shorter than down_timer_adverts less one, as keepalived has it.
func (p *Params) LongestLinkDelay() time.Duration {
	a := p.Interval()
	return max(time.Duration(p.downAdverts()-1)*a-a/256, 0).Truncate(time.Microsecond)
}

// Impact is what a change of parameters costs at a reload.
type Impact uint8

const (
	Unchanged Impact = iota // nothing to do
	InPlace                 // the machine keeps its state; adverts or timers change
	Restart                 // another virtual router: stop the old one, start the new one
)

// String is the word of `plan`.
func (i Impact) String() string { return [...]string{"none", "in place", "restart"}[i] }

// Change says what it costs to go from old to p. The same VRID, family and
// version is the same virtual router; everything else changes in place.
func (p *Params) Change(old *Params) Impact {
	switch {
	case p.VRID != old.VRID || p.IPv6 != old.IPv6 || p.Version != old.Version:
		return Restart
	case p.equal(old):
		return Unchanged
	default:
		return InPlace
	}
}

func (p *Params) equal(o *Params) bool {
	return slices.Equal(p.Addrs, o.Addrs) && slices.Equal(p.Peers, o.Peers) &&
		p.Priority == o.Priority && p.Interval() == o.Interval() && p.downAdverts() == o.downAdverts() &&
		p.PreemptMode == o.PreemptMode && p.PreemptDelay == o.PreemptDelay && p.PrimaryAddr == o.PrimaryAddr &&
		p.Group == o.Group && p.CheckPeers == o.CheckPeers && p.UnicastTTL == o.UnicastTTL &&
		p.AuthType == o.AuthType && p.Password == o.Password && p.HMAC.same(o.HMAC) &&
		p.ChecksumAsV2 == o.ChecksumAsV2 && p.OldUnicastChecksum == o.OldUnicastChecksum &&
		p.LowerPriorityNoAdvert == o.LowerPriorityNoAdvert &&
		p.HigherPrioritySendAdvert == o.HigherPrioritySendAdvert &&
		p.OwnerIgnoreAdverts == o.OwnerIgnoreAdverts && p.SkipCheckAdvAddr == o.SkipCheckAdvAddr &&
		p.Announce == o.Announce && p.TimerExpired == o.TimerExpired && p.Grouped == o.Grouped && p.ConfigFault == o.ConfigFault
}

// AdvertSize is how many octets an advert has, with its IP header.
func (p *Params) AdvertSize() int {
	a := p.Advert(p.Priority, p.MulticastGroup())
	size := len(AppendAdvert(nil, &a))
	switch {
	case p.IPv6:
		size += ipv6Header
	case p.ah():
		size += ipv4Header + ahHeader
	default:
		size += ipv4Header
	}
	if p.HMAC != nil {
		size += hmacTrailer
	}
	return size
}
