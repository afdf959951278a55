package bfd

import (
	"net/netip"
	"time"

	"holdfast/kconf"
)

// Config is one bfd_instance block: one session with one neighbour.
type Config struct {
	kconf.Written // where each keyword stands
	Name          string
	Pos           kconf.Pos // of the keyword bfd_instance

	NeighborIP netip.Addr // neighbor_ip: the other end
	SourceIP   netip.Addr // source_ip; zero: the kernel chooses

	MinRX      time.Duration // min_rx: 1ms to 4294967ms, default 10ms
	MinTX      time.Duration // min_tx: 1ms to 4294967ms, default 10ms
	IdleTX     time.Duration // idle_tx: 1s to 4294967ms, default 1s
	Multiplier uint8         // multiplier: 1-255, default 5
	Passive    bool          // passive

	TTL      uint8 // ttl: 1-255; default 255 for IPv4, 64 for IPv6
	MaxHops  int16 // max_hops: -1 (any) to TTL, default 0
	Multihop bool  // multihop: UDP port 4784

	Weight  int  // weight: -253..253, default 0, which makes down a FAULT
	Reverse bool // weight N reverse: up counts as down

	VRRP, Checker bool // who is told; at least one is set
}

// Limits and defaults (keepalived.conf(5), bfd_instance).
const (
	maxName           = 31
	longest           = 4294967 * time.Millisecond
	long              = 10 * time.Second // longer ones are hardly meant
	defaultInterval   = 10 * time.Millisecond
	defaultIdle       = time.Second
	defaultMultiplier = 5
	defaultTTL4       = 255
	defaultTTL6       = 64
	weightMax         = 253
)

// Keywords is the vocabulary of bfd_instance.
var Keywords = kconf.Vocabulary[Config]{
	{Name: "neighbor_ip", Aliases: []string{"neighbour_ip"}, Args: "IP", Default: "required", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Address of the other end (RFC 5881 section 3).",
		Set: kconf.Addr(func(c *Config) *netip.Addr { return &c.NeighborIP }).Says("IP", "unique with source and multihop")},
	{Name: "source_ip", Args: "IP", Default: "any", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Our own address; without one the kernel chooses.",
		Set: kconf.Addr(func(c *Config) *netip.Addr { return &c.SourceIP }).Says("IP", "family of neighbour")},
	{Name: "min_rx", Args: "MS", Default: "10", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Required Min RX Interval: shortest time between packets that we can take (RFC 5880 section 6.8.1).",
		Set: kconf.Millis(func(c *Config) *time.Duration { return &c.MinRX }, time.Millisecond, longest, 3)},
	{Name: "min_tx", Args: "MS", Default: "10", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Desired Min TX Interval: shortest time between our packets while the session is up (RFC 5880 section 6.8.1).",
		Set: kconf.Millis(func(c *Config) *time.Duration { return &c.MinTX }, time.Millisecond, longest, 3)},
	{Name: "idle_tx", Args: "MS", Default: "1000", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Time between our packets while the session is not up; at least a second (RFC 5880 section 6.8.3).",
		Set: kconf.Millis(func(c *Config) *time.Duration { return &c.IdleTX }, time.Second, longest, 3)},
	{Name: "multiplier", Args: "N", Default: "5", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Detection multiplier: so many packets may be lost before the session is down (RFC 5880 section 6.8.4).",
		Set: kconf.Uint(func(c *Config) *uint8 { return &c.Multiplier }, 1, 255)},
	{Name: "passive", Default: "off", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Wait for the first packet of the other end (RFC 5880 section 6.1).",
		Set: kconf.Flag(func(c *Config) *bool { return &c.Passive }, true)},
	{Name: "ttl", Aliases: []string{"hoplimit"}, Args: "N", Default: "255 IPv4, 64 IPv6", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "TTL or hop limit of our packets.",
		Set: kconf.Uint(func(c *Config) *uint8 { return &c.TTL }, 1, 255)},
	{Name: "max_hops", Args: "N", Default: "0", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Routers that a received packet may have passed: its TTL may be this much below ttl; -1 accepts any.",
		Set: kconf.Int(func(c *Config) *int16 { return &c.MaxHops }, -1, 255)},
	{Name: "multihop", Args: "[BOOL]", Default: "false", Since: "2.2.8", Status: kconf.NotYet,
		Doc: "Use the UDP port of sessions over routers, 4784 instead of 3784 (RFC 5883 section 5).",
		Set: kconf.Bool(func(c *Config) *bool { return &c.Multihop })},
	{Name: "weight", Args: "N [reverse]", Default: "0", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Priority change of routers that track the session and give no weight; 0 makes a session that is down a FAULT.",
		Set: kconf.Custom("INT", "-253..253", setWeight)},
	{Name: "vrrp", Default: "both processes", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Tell routers about the session, and checks only if checker stands there too.",
		Set: kconf.Flag(func(c *Config) *bool { return &c.VRRP }, true)},
	{Name: "checker", Default: "both processes", Since: "2.0.0", Status: kconf.NotYet,
		Doc: "Tell checks about the session, and routers only if vrrp stands there too.",
		Set: kconf.Flag(func(c *Config) *bool { return &c.Checker }, true)},
}

// setWeight reads N [reverse]; a wrong second word is only reported.
func setWeight(x *kconf.Ctx, c *Config, s *kconf.Stmt) {
	args, ok := x.Args(s, 1)
	if !ok {
		return
	}
	n, ok := kconf.ParseInt(x, args[0], s.Keyword(), -weightMax, weightMax)
	if !ok {
		return
	}
	c.Weight, c.Reverse = int(n), len(args) > 1 && args[1].Text == "reverse"
	if len(args) > 1 && !c.Reverse {
		x.Errorf(args[1].Pos, kconf.ClassGeneral, "unknown-option", "weight: unknown word %s, only reverse may follow", args[1].Text)
	}
}

// Decode reads a bfd_instance statement. It returns nil, having said why, when
// there can be no session: no name, one that is too long, no neighbour, or
// addresses of two families. Whether another block has the same name or the
// same neighbour is for the caller to find out, see Config.Same.
func Decode(x *kconf.Ctx, s *kconf.Stmt) *Config {
	args, ok := x.Args(s, 1)
	if !ok {
		return nil
	}
	name := args[0]
	if len(name.Text) > maxName {
		x.Errorf(name.Pos, kconf.ClassGeneral, "too-long", "bfd_instance %s: a name has at most %d characters, this block is skipped", name.Text, maxName)
		return nil
	}
	if len(args) > 1 {
		x.Notef(args[1].Pos, "extra-arguments", "bfd_instance %s: %s and what follows is ignored", name.Text, args[1].Text)
	}
	c := &Config{Name: name.Text, Pos: s.Pos(), MinRX: defaultInterval, MinTX: defaultInterval,
		IdleTX: defaultIdle, Multiplier: defaultMultiplier}
	Keywords.Decode(x, c, s.Block)
	if !c.checkAddresses(x) {
		return nil
	}
	c.checkHops(x)
	c.checkTimers(x)
	if !c.VRRP && !c.Checker {
		c.VRRP, c.Checker = true, true
	}
	return c
}

// checkAddresses reports whether there is somebody to talk to.
func (c *Config) checkAddresses(x *kconf.Ctx) bool {
	switch {
	case !c.NeighborIP.IsValid():
		if !c.Has("neighbor_ip") { // one that is no address has been reported there
			x.Errorf(c.Pos, kconf.ClassGeneral, "no-neighbor", "bfd_instance %s: has no neighbor_ip, it is not used", c.Name)
		}
		return false
	case c.SourceIP.IsValid() && c.SourceIP.Is4() != c.NeighborIP.Is4():
		x.Diags.Add(kconf.Diagnostic{Pos: c.At("source_ip"), Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "mixed-families",
			Related: c.At("neighbor_ip"),
			Message: "bfd_instance " + c.Name + ": source_ip " + c.SourceIP.String() + " and neighbor_ip " + c.NeighborIP.String() + " are of two families, it is not used"})
		return false
	}
	return true
}

// checkHops fills in the TTL, and keeps max_hops within it.
func (c *Config) checkHops(x *kconf.Ctx) {
	if c.TTL == 0 {
		if c.TTL = defaultTTL4; c.NeighborIP.Is6() {
			c.TTL = defaultTTL6
		}
	}
	if c.MaxHops > int16(c.TTL) {
		x.Warnf(c.At("max_hops"), kconf.ClassGeneral, "clamped", "max_hops %d: is more than the ttl of %d, which is used instead", c.MaxHops, c.TTL)
		c.MaxHops = int16(c.TTL)
	}
}

// checkTimers mentions intervals that are hardly meant: milliseconds are easily
// taken for microseconds.
func (c *Config) checkTimers(x *kconf.Ctx) {
	for _, t := range []struct {
		keyword string
		d       time.Duration
	}{{"min_rx", c.MinRX}, {"min_tx", c.MinTX}, {"idle_tx", c.IdleTX}} {
		if t.d > long {
			x.Notef(c.At(t.keyword), "long-interval", "%s: %v is long; the unit is milliseconds", t.keyword, t.d)
		}
	}
}

// Same reports whether c and other would be one session: same neighbour, same
// source, same port. keepalived drops the later one.
func (c *Config) Same(other *Config) bool {
	return c.NeighborIP == other.NeighborIP && c.SourceIP == other.SourceIP && c.Multihop == other.Multihop
}
