package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// DropReason says why a received datagram was not an advertisement for us. It
// is the label of the drop counter, the word in the log and in `why`.
type DropReason string

// The reasons, in the order in which Decode looks for them.
const (
	DropShort    DropReason = "short"     // fewer octets than an IP and a VRRP header need
	DropIPLength DropReason = "ip-length" // IPv4 total length differs from what arrived
	DropLength   DropReason = "length"    // not the length its address count asks for
	DropTTL      DropReason = "ttl"       // multicast not sent with 255: came through a router (RFC 9568 section 5.1.1.3)
	DropVersion  DropReason = "version"   // not the version we speak
	// Trailers of auth_hmac.
	DropHMACMissing   DropReason = "hmac-missing"   // none, and one is wanted
	DropHMACMalformed DropReason = "hmac-malformed" // of a kind that we do not know
	DropHMACStale     DropReason = "hmac-stale"     // stamped too long ago, or in the future
	DropHMACKey       DropReason = "hmac-key"       // a key that we have not
	DropHMACMAC       DropReason = "hmac-mac"       // another secret, or changed on the way
	DropHMACReplay    DropReason = "hmac-replay"    // a stamp that has been used

	DropAuthType    DropReason = "auth-type"     // version 2: none of the three types
	DropAuthMatch   DropReason = "auth-mismatch" // version 2: another type than ours
	DropPassword    DropReason = "password"      // version 2: PASS with another password
	DropAHSender    DropReason = "ah-spi"        // AH: the SPI is not the source address
	DropAHMAC       DropReason = "ah-mac"        // AH: another password, or changed on the way
	DropAHReplay    DropReason = "ah-replay"     // AH: a number that has been used
	DropInterval    DropReason = "interval"      // version 2: another one than ours (RFC 3768 section 7.1); version 3: zero (RFC 9568 section 7.1, erratum 8301)
	DropAddresses   DropReason = "addresses"     // version 3: none, and we have some (RFC 9568 section 5.2.5, erratum 8299)
	DropType        DropReason = "type"          // not an advertisement
	DropChecksum    DropReason = "checksum"      // RFC 9568 section 5.2.8
	DropDestination DropReason = "destination"   // unicast where multicast is configured, or the reverse
	DropOwner       DropReason = "owner"         // we own the addresses and ignore adverts
	DropPeer        DropReason = "peer"          // unicast from a router that is not in unicast_peer
	DropPeerTTL     DropReason = "peer-ttl"      // outside the peer's min_ttl..max_ttl
	DropVRID        DropReason = "vrid"          // no virtual router of this number here
)

// A PacketError is a datagram that was refused. It holds numbers and is turned
// into words only when somebody prints it: strangers decide how many there are.
type PacketError struct {
	Reason    DropReason
	Src       netip.Addr
	Version   uint8 // ours
	Got, Want int64 // octets, TTL, version, type or interval, as the reason has it
	Max       int64 // upper end where Want is a range

	// What the datagram says of its sender; 0 where it is too short for that.
	Priority, Theirs uint8 // Theirs: its version
}

// Error is the text operators know from keepalived, without the instance.
func (e *PacketError) Error() string {
	switch e.Reason {
	case DropShort:
		return fmt.Sprintf("IPv4 VRRP packet too short - %d bytes", e.Got)
	case DropIPLength:
		return fmt.Sprintf("ip_tot_len mismatch against received length from %v. %d and received %d", e.Src, e.Want, e.Got)
	case DropLength:
		word := "short"
		if e.Got > e.Want {
			word = "long"
		}
		return fmt.Sprintf("vrrp packet from %v too %s, length %d and expect %d", e.Src, word, e.Got, e.Want)
	case DropTTL:
		return fmt.Sprintf("invalid TTL/HL from %v. Received %d and expect 255", e.Src, e.Got)
	case DropVersion:
		return fmt.Sprintf("wrong VRRP version from %v. Received %d and expect %d", e.Src, e.Got, e.Want)
	case DropAuthType:
		return fmt.Sprintf("Invalid auth type from %v: %d", e.Src, e.Got)
	case DropAuthMatch:
		return fmt.Sprintf("received a %d auth from %v, expecting %d!", e.Got, e.Src, e.Want)
	case DropPassword:
		return fmt.Sprintf("received an invalid passwd from %v!", e.Src)
	case DropAHSender:
		return fmt.Sprintf("IPSEC AH : invalid IPSEC SPI value from %v. %#08x is not its address", e.Src, e.Got)
	case DropAHMAC:
		return fmt.Sprintf("IPSEC-AH : invalid IPSEC HMAC-MD5 value from %v. Due to fields mutation or bad password !", e.Src)
	case DropAHReplay:
		return fmt.Sprintf("IPSEC-AH : sequence number %d from %v already processed. Packet dropped. Local(%d)", e.Got, e.Src, e.Want)
	case DropHMACMissing, DropHMACMalformed, DropHMACStale, DropHMACKey, DropHMACMAC, DropHMACReplay:
		return e.trailerText()
	case DropInterval:
		if e.Version == 3 {
			return fmt.Sprintf("advertisement interval of zero from %v, mine=%v", e.Src, time.Duration(e.Want))
		}
		return fmt.Sprintf("advertisement interval mismatch with %v mine=%d sec rcv'd=%d sec",
			e.Src, time.Duration(e.Want)/time.Second, time.Duration(e.Got)/time.Second)
	case DropAddresses:
		return fmt.Sprintf("received an unexpected ip number count %d from %v, expected %d!", e.Got, e.Src, e.Want)
	case DropType:
		return fmt.Sprintf("Invalid packet type from %v. %d and expect %d", e.Src, e.Got, e.Want)
	case DropChecksum:
		return fmt.Sprintf("Invalid VRRPv%d checksum from %v", e.Version, e.Src)
	case DropDestination:
		if e.Want == destMulticast {
			return fmt.Sprintf("Expected multicast packet but received unicast packet from %v", e.Src)
		}
		return fmt.Sprintf("Expected unicast packet but received multicast packet from %v", e.Src)
	case DropOwner:
		return fmt.Sprintf("Dropping packet(s) from %v since we are address owner", e.Src)
	case DropPeer:
		return fmt.Sprintf("unicast source address %v not a unicast peer", e.Src)
	case DropPeerTTL:
		return fmt.Sprintf("TTL/HL %d from %v not in range [%d, %d]", e.Got, e.Src, e.Want, e.Max)
	case DropVRID:
		return fmt.Sprintf("Unknown VRID(%d) received from %v. ignoring...", e.Got, e.Src)
	}
	return fmt.Sprintf("vrrp packet from %v dropped: %s", e.Src, e.Reason)
}

// trailerText is the text of what is wrong with a trailer.
func (e *PacketError) trailerText() string {
	switch e.Reason {
	case DropHMACMissing:
		return fmt.Sprintf("missing authentication trailer from %v", e.Src)
	case DropHMACMalformed:
		return fmt.Sprintf("malformed authentication trailer from %v", e.Src)
	case DropHMACStale:
		return fmt.Sprintf("stale authentication trailer from %v, clock skew %d sec exceeds window %d sec",
			e.Src, time.Duration(e.Got)/time.Second, time.Duration(e.Want)/time.Second)
	case DropHMACKey:
		return fmt.Sprintf("unknown authentication key id %d from %v", e.Got, e.Src)
	case DropHMACMAC:
		return fmt.Sprintf("invalid authentication HMAC from %v", e.Src)
	default:
		return fmt.Sprintf("replayed authentication trailer from %v", e.Src)
	}
}

// What PacketError.Want means for DropDestination.
const (
	destUnicast   = 0
	destMulticast = 1
)

// Counters are the statistics of one virtual router, under keepalived's names.
type Counters struct {
	AdvertReceived  uint64 `json:"advert_rcvd"`
	AdvertSent      uint64 `json:"advert_sent"` // one per advert, however many peers
	BecomeActive    uint64 `json:"become_master"`
	ReleaseActive   uint64 `json:"release_master"`
	PacketLenErr    uint64 `json:"packet_len_err"`
	IntervalErr     uint64 `json:"advert_interval_err"`
	TTLErr          uint64 `json:"ip_ttl_err"`
	InvalidType     uint64 `json:"invalid_type_rcvd"`
	AddrListErr     uint64 `json:"addr_list_err"`
	InvalidAuthType uint64 `json:"invalid_authtype"`
	AuthMismatch    uint64 `json:"authtype_mismatch"`
	AuthFailure     uint64 `json:"auth_failure"`
	ExtMissing      uint64 `json:"auth_ext_missing"`
	ExtMalformed    uint64 `json:"auth_ext_malformed"`
	ExtUnknownKey   uint64 `json:"auth_ext_unknown_key"`
	ExtInvalidHMAC  uint64 `json:"auth_ext_invalid_hmac"`
	ExtStale        uint64 `json:"auth_ext_stale"`
	ExtReplay       uint64 `json:"auth_ext_replay"`
	PriZeroReceived uint64 `json:"pri_zero_rcvd"`
	PriZeroSent     uint64 `json:"pri_zero_sent"`
	ChecksumErr     uint64 `json:"chk_err"`
	VersionErr      uint64 `json:"vers_err"`
	VRIDErr         uint64 `json:"vrid_err"`
	OtherDropped    uint64 `json:"other_dropped"` // owner, peer, peer-ttl
	SendErr         uint64 `json:"send_err"`      // adverts the kernel did not take
}

// dropped counts a refusal where keepalived counts it.
func (c *Counters) dropped(r DropReason) {
	switch r {
	case DropShort, DropIPLength, DropLength:
		c.PacketLenErr++
	case DropTTL:
		c.TTLErr++
	case DropVersion:
		c.VersionErr++
	case DropAuthType:
		c.InvalidAuthType++
	case DropAuthMatch:
		c.AuthMismatch++
	case DropPassword, DropAHSender, DropAHMAC, DropAHReplay:
		c.AuthFailure++
	case DropHMACMissing:
		c.ExtMissing++
	case DropHMACMalformed:
		c.ExtMalformed++
	case DropHMACStale:
		c.ExtStale++
	case DropHMACKey:
		c.ExtUnknownKey++
	case DropHMACMAC:
		c.ExtInvalidHMAC++
	case DropHMACReplay:
		c.ExtReplay++
	case DropInterval:
		c.IntervalErr++
	case DropType:
		c.InvalidType++
	case DropChecksum:
		c.ChecksumErr++
	case DropDestination, DropAddresses:
		c.AddrListErr++
	case DropVRID:
		c.VRIDErr++
	default:
		c.OtherDropped++
	}
}
