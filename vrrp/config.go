package vrrp

import (
	"net/netip"
	"time"

	"holdfast/kconf"
)

// InstanceConfig is one vrrp_instance block as written: a nil pointer is a
// keyword that was not there, so that global defaults can take its place.
// Address, route and rule lines stay lines; the daemon reads them. What needs no
// other block and no default to be judged has been checked.
type InstanceConfig struct {
	kconf.Written // where each keyword stands

	Name string
	Pos  kconf.Pos

	State     string // MASTER, BACKUP or ""
	Interface string
	VRID      uint8 // 0: not given
	Version   *uint8
	Priority  *uint8
	Interval  *time.Duration // advert_int

	NativeIPv6         bool
	NoPreempt          bool
	PreemptDelay       time.Duration
	DownTimerAdverts   *int
	StrictMode         *bool
	TimerExpiredBackup *uint8 // priority of the router that takes over; 254 when written without a number

	McastSrc, UnicastSrc, McastDst netip.Addr
	TrackSrcIP                     bool
	Peers                          []Peer
	PeerPos                        []kconf.Pos // where each of Peers stands
	UnicastTTL                     *uint8
	UnicastFaultNoPeer             bool
	CheckUnicastSrc                bool
	OldUnicastChecksum             OldChecksum

	Auth *AuthConfig
	HMAC *HMACConfig

	VirtualAddresses  []*kconf.Stmt // of one family, which is that of the adverts
	ExcludedAddresses []*kconf.Stmt
	VirtualRoutes     []*kconf.Stmt
	VirtualRules      []*kconf.Stmt
	NoVirtualAddress  bool
	SkipCheckAdvAddr  *bool
	ChecksumAsV2      *bool
	Accept            *bool

	Tracks           Tracks
	DontTrackPrimary bool
	LinkbeatPolling  bool

	VMAC     *VMACConfig   // use_vmac
	VMACAddr bool          // use_vmac_addr
	XmitBase bool          // vmac_xmit_base
	IPVLAN   *IPVLANConfig // use_ipvlan
	VRF      string

	GarpMasterDelay, GarpMasterRefresh, GarpLowerPrioDelay         *uint32 // seconds
	GarpMasterRepeat, GarpMasterRefreshRepeat, GarpLowerPrioRepeat *uint32
	ExtraGARP                                                      *ExtraGARP
	LowerPrioNoAdvert, HigherPrioSendAdvert, OwnerIgnoreAdverts    *bool
	Notify                                                         Notify
	NotifyMasterRxLowerPri                                         *kconf.Script
	NotifyDeleted                                                  *kconf.Script
	NotifyDeletedSet                                               bool
	Debug                                                          uint8
	KernelRxBufSize                                                *uint32 // octets
	PromoteSecondaries                                             bool
	SyncDaemonInterface                                            string // lvs_sync_daemon_interface

	family familySource
}

// familySource is what decided between IPv4 and IPv6: the first keyword of the
// block that has an address.
type familySource struct {
	known, ipv6 bool
	addr        netip.Addr // invalid: native_ipv6
}

// OldChecksum is the argument of old_unicast_checksum.
type OldChecksum uint8

const (
	OldChecksumAuto   OldChecksum = iota // what the peer uses: keyword not written
	OldChecksumAlways                    // old_unicast_checksum
	OldChecksumNever                     // old_unicast_checksum never
)

// String is the word of the dumped configuration.
func (o OldChecksum) String() string { return [...]string{"auto", "always", "never"}[o] }

// AuthConfig is the authentication block.
type AuthConfig struct {
	kconf.Written // where each keyword stands

	Type string // PASS or AH
	Pass string
}

// VMACConfig are the arguments of use_vmac.
type VMACConfig struct {
	Name          string // of the macvlan; "": vmac_prefix and the VRID
	MAC           []byte // five octets, to which the VRID is the sixth, or six; nil: the RFC's
	NotifyMessage bool   // netlink_notify_msg
	Group         string // link group, number or name; "": that of the parent
}

// IPVLANConfig are the arguments of use_ipvlan.
type IPVLANConfig struct {
	Name   string
	Addr   netip.Addr   // also source address of adverts
	Prefix netip.Prefix // the same with the length that was written, or all bits
	Mode   string       // bridge, private or vepa
	Group  string
}

// ExtraGARP is garp_extra_if: periodic announcements on interfaces that carry
// addresses of the instance and are not its own.
type ExtraGARP struct {
	All   bool          // also on interfaces that are no VMACs
	Every time.Duration // 0: none; up to a day
}

// Notify are the hooks that instances and groups share.
type Notify struct {
	Master, Backup, Fault, Stop, Any *kconf.Script
	SMTPAlert, PriorityChanges       *bool
}

// Tracks are the lines of the track blocks of an instance or group.
type Tracks struct {
	Interfaces, Scripts, Files, Processes, BFDs []*kconf.Stmt
}

// GroupConfig is one vrrp_sync_group block.
type GroupConfig struct {
	kconf.Written // where each keyword stands

	Name           string
	Pos            kconf.Pos
	Members        []kconf.Word
	Tracks         Tracks
	TrackingWeight bool // members keep their weighted trackers
	Notify         Notify
}
