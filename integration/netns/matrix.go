package netns

import (
	"fmt"
	"slices"
	"time"
)

// Cell is one way in which two routers may speak VRRP with each other. One of
// them is holdfast; in the control rows both are keepalived.
type Cell struct {
	Peer    Kind
	Version int
	IPv6    bool
	Unicast bool
	Auth    string // "", PASS, AH
	// PeerFirst says that the peer starts first, with the lower priority, and
	// that we take over from it; else the peer takes over from us.
	PeerFirst bool
	Control   bool // keepalived in our place
}

// Cells is the whole matrix, with the control rows in front.
func Cells() []Cell {
	var all []Cell
	for _, version := range []int{2, 3} {
		for _, ipv6 := range []bool{false, true} {
			for _, unicast := range []bool{false, true} {
				for _, auth := range []string{"", "PASS", "AH"} {
					way := Cell{Keepalived, version, ipv6, unicast, auth, false, true}
					all = append(all, way)
					for _, peer := range []Kind{Keepalived, FRR, Holdfast} {
						for _, peerFirst := range []bool{false, true} {
							way.Peer, way.PeerFirst, way.Control = peer, peerFirst, false
							all = append(all, way)
						}
					}
				}
			}
		}
	}
	isControl := func(c Cell) bool { return c.Control }
	others := slices.DeleteFunc(slices.Clone(all), isControl)
	return append(slices.DeleteFunc(all, func(c Cell) bool { return !isControl(c) }), others...)
}

// Impossible is why nobody can run this cell, or "" for one that runs.
func (c Cell) Impossible() string {
	switch {
	case c.Version == 3 && c.Auth != "":
		return "version 3 has no authentication (RFC 5798 section 9)"
	case c.IPv6 && c.Auth == "AH":
		return "keepalived has AH for IPv4 only, and ignores it for IPv6"
	case c.Peer == FRR && c.Unicast:
		return "FRR sends to the group only"
	case c.Peer == FRR && c.Auth != "":
		return "FRR has no authentication"
	case c.Peer == FRR && c.Version == 2 && c.IPv6:
		return "FRR refuses IPv6 in version 2 (RFC 3768 is for IPv4)"
	case c.IPv6 && c.Auth != "" && (c.Control || c.Peer == Keepalived):
		return "keepalived 2.2.7 ends with a segmentation fault when it hears a password over IPv6"
	case c.Peer == Holdfast && c.PeerFirst:
		return "both are holdfast: the row above"
	}
	return ""
}

// Way is the cell without who speaks: cells of one way have one control row.
func (c Cell) Way() string {
	auth, cast, family := or(c.Auth, "no auth"), "multicast", "IPv4"
	if c.Unicast {
		cast = "unicast"
	}
	if c.IPv6 {
		family = "IPv6"
	}
	return fmt.Sprintf("v%d %s %s %s", c.Version, family, cast, auth)
}

// Pair is who starts first, and who then takes over.
func (c Cell) Pair() (first, second Kind) {
	us := Holdfast
	if c.Control {
		us = Keepalived
	}
	if c.PeerFirst {
		return c.Peer, us
	}
	return us, c.Peer
}

func (c Cell) String() string {
	first, second := c.Pair()
	return fmt.Sprintf("%s, %s then %s", c.Way(), first, second)
}

// The priorities of the router that starts first and of the one that takes over.
const (
	lowPriority  = 100
	highPriority = 150
)

// Router is the configuration of the first router, or of the second, whose
// addresses are 10.9.0.1 and 10.9.0.2.
func (c Cell) Router(second bool, own, other *Host) Router {
	r := Router{Version: c.Version, Interval: c.Interval(), Priority: lowPriority, VIPs: []string{"10.9.0.100/24", "10.9.0.101/24"}}
	if second {
		r.Priority = highPriority
	}
	if c.IPv6 {
		r.VIPs = []string{"fe80::9:100/64", "fd00:9::100/64"}
	}
	if c.IPv6 && c.Peer == FRR { // it would send from the virtual link-local address
		r.VIPs = r.VIPs[1:]
	}
	if c.Auth != "" {
		r.AuthType, r.Password = c.Auth, "s3cr3t"
	}
	if c.Unicast {
		from, to := own.Addr, other.Addr
		if c.IPv6 {
			from, to = own.LinkLocal(), other.LinkLocal()
		}
		r.Extra = fmt.Sprintf("unicast_src_ip %v\nunicast_peer {\n %v\n}", from, to)
	}
	return r
}

// VIP is the address that a test watches.
func (c Cell) VIP() string {
	if c.IPv6 {
		return "fd00:9::100"
	}
	return "10.9.0.100"
}

// Interval is short, but no shorter than a busy machine can keep: whoever is not
// run for three intervals loses an election, and rightly so.
func (c Cell) Interval() time.Duration {
	if c.Version == 2 {
		return time.Second
	}
	return 200 * time.Millisecond
}

// Skew is (256 - priority)/256 intervals (RFC 9568 section 6.1).
func (c Cell) Skew(priority int) time.Duration {
	return time.Duration(256-priority) * c.Interval() / 256
}

// Down is three intervals and the skew.
func (c Cell) Down(priority int) time.Duration { return 3*c.Interval() + c.Skew(priority) }
