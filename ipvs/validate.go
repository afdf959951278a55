package ipvs

import (
	"fmt"
	"math"
	"net/netip"
	"time"
)

// InvalidError is a service or destination that must not be sent to the
// kernel: it would refuse it, or accept it and then not do what it says.
type InvalidError struct {
	Object string // as in log lines
	Reason string
}

// Error says which object is wrong and why.
func (e *InvalidError) Error() string { return e.Object + ": " + e.Reason }

// longestName is what fits in the kernel's 16 octets with the final NUL:
// scheduler, persistence engine and interface names.
const longestName = 15

// Validate reports the first thing that is wrong with k, or nil. The kernel
// accepts unknown protocols and mark 0 without complaint.
func (k ServiceKey) Validate() error {
	bad := func(format string, args ...any) error {
		return &InvalidError{Object: "virtual service " + k.Name(), Reason: fmt.Sprintf(format, args...)}
	}
	if k.Family != IPv4 && k.Family != IPv6 {
		return bad("family %d is neither IPv4 nor IPv6", k.Family)
	}
	if k.IsFWMark() {
		if k.Addr.IsValid() || k.Protocol != 0 {
			return bad("a firewall mark has no protocol, address and port")
		}
		return nil
	}
	switch k.Protocol {
	case TCP, UDP, SCTP:
	default:
		return bad("protocol %d is none of tcp, udp, sctp", k.Protocol)
	}
	if reason := badAddr(k.Addr.Addr()); reason != "" {
		return bad("%s", reason)
	}
	if FamilyOf(k.Addr.Addr()) != k.Family {
		return bad("address and family %v contradict", k.Family)
	}
	return nil
}

// badAddr says why a cannot be given to ip_vs; "" if it can.
func badAddr(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "no address"
	case a.Zone() != "":
		return "address with a zone: ip_vs has no place for it"
	case a.Is4In6():
		return "IPv4 address written as IPv6"
	}
	return ""
}

// Validate reports the first thing that is wrong with s, or nil. Among what
// the kernel accepts although wrong: port 0 without persistence, one-packet
// scheduling of TCP, a persistence timeout over 31 days.
func (s Service) Validate() error {
	if err := s.Key.Validate(); err != nil {
		return err
	}
	bad := func(format string, args ...any) error {
		return &InvalidError{Object: "virtual service " + s.Key.Name(), Reason: fmt.Sprintf(format, args...)}
	}
	persistent := s.Flags&FlagPersistent != 0
	const known = FlagPersistent | flagHashed | FlagOnePacket | FlagSched1 | FlagSched2 | FlagSched3
	switch {
	case s.Scheduler == "" || len(s.Scheduler) > longestName:
		return bad("scheduler %q: wants 1 to %d characters", s.Scheduler, longestName)
	case len(s.Engine) > longestName:
		return bad("persistence engine %q: longer than %d characters", s.Engine, longestName)
	case s.Flags&^known != 0:
		return bad("unknown flags %#x", uint32(s.Flags&^known))
	case persistent != (s.PersistenceTimeout != 0):
		return bad("the persistent flag and a timeout come together")
	case s.PersistenceTimeout%time.Second != 0 || s.PersistenceTimeout < 0 || s.PersistenceTimeout > MaxPersistence:
		return bad("persistence timeout %v: wants whole seconds up to 31 days", s.PersistenceTimeout)
	case s.Engine != "" && !persistent:
		return bad("persistence engine %s without persistence", s.Engine)
	case s.Key.Family == IPv6 && s.Netmask > 128:
		return bad("persistence prefix /%d: IPv6 has 128 bits", s.Netmask)
	case s.Flags&FlagOnePacket != 0 && s.Key.Protocol != UDP && !s.Key.IsFWMark():
		return bad("one-packet scheduling is for udp")
	case !s.Key.IsFWMark() && s.Key.Addr.Port() == 0 && !persistent:
		return bad("port 0 needs persistence")
	}
	return nil
}

// Validate reports the first thing that is wrong with d as a destination of
// the service k, or nil. Among what the kernel accepts although wrong: unknown
// forwarding methods and tunnel types, a port of its own with DirectRoute or
// Tunnel.
func (d Destination) Validate(k ServiceKey) error {
	bad := func(format string, args ...any) error {
		return &InvalidError{Object: fmt.Sprintf("real server %v of %s", d.Addr, k.Name()), Reason: fmt.Sprintf(format, args...)}
	}
	if reason := badAddr(d.Addr.Addr()); reason != "" {
		return bad("%s", reason)
	}
	switch d.Method {
	case Masq, Tunnel, DirectRoute:
	default:
		return bad("forwarding method %d is none of NAT, TUN, DR", d.Method)
	}
	wantPort := k.Addr.Port() // 0 for a firewall mark, as it must be
	switch {
	case FamilyOf(d.Addr.Addr()) != k.Family && d.Method != Tunnel:
		return bad("family differs from the service's: only TUN can do that")
	case d.Method != Masq && d.Addr.Port() != wantPort:
		return bad("port must be %d, the service's: only NAT changes ports", wantPort)
	case d.Weight > MaxWeight:
		return bad("weight %d: must be 0-%d", d.Weight, MaxWeight)
	case d.UpperThreshold > math.MaxInt32:
		return bad("upper threshold %d: must be 0-%d", d.UpperThreshold, math.MaxInt32)
	case d.LowerThreshold > d.UpperThreshold:
		return bad("lower threshold %d is above the upper one, %d", d.LowerThreshold, d.UpperThreshold)
	}
	if reason := d.Tunnel.bad(); d.Method == Tunnel && reason != "" {
		return bad("%s", reason)
	}
	return nil
}

// bad says what contradicts itself in o; "" if nothing does.
func (o TunnelOptions) bad() string {
	switch {
	case o.Type > GRE:
		return fmt.Sprintf("tunnel type %d is none of ipip, gue, gre", o.Type)
	case o.Type == GUE && o.Port == 0:
		return "gue needs a port"
	case o.Type != GUE && o.Port != 0:
		return "only gue has a port"
	case o.Flags > TunnelRemoteChecksum:
		return fmt.Sprintf("unknown tunnel flags %#x", uint16(o.Flags))
	case o.Flags != 0 && o.Type == IPIP:
		return "ipip carries no checksum"
	case o.Flags == TunnelRemoteChecksum && o.Type == GRE:
		return "only gue has remcsum"
	}
	return ""
}

// Validate reports the first invalid service or destination, in order.
func (t Table) Validate() error {
	for _, k := range t.Keys() {
		p := t[k]
		if p.Service.Key != k {
			return &InvalidError{Object: "virtual service " + k.Name(), Reason: "stands under another key"}
		}
		if err := p.Service.Validate(); err != nil {
			return err
		}
		for _, dk := range p.DestinationKeys() {
			if err := p.Destinations[dk].Validate(k); err != nil {
				return err
			}
		}
	}
	return nil
}
