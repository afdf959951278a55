package config

import (
	"strings"

	"holdfast/kconf"
)

// Buffers are the receive buffers of sockets.
type Buffers struct {
	VRRPCommand, VRRPMonitor Buffer // netlink
	LVSCommand, LVSMonitor   Buffer // netlink
	ProcessMonitor           Buffer // process events

	// VRRPSize is a number of octets for sockets of adverts; VRRPPolicy
	// computes one, times VRRPMultiplier. Neither: the system's default.
	VRRPSize       uint32
	VRRPPolicy     string // MTU, ADVERT or ""
	VRRPMultiplier uint32
}

// Buffer is one receive buffer.
type Buffer struct {
	Size  uint32 // octets; 0: the kernel's default
	Force bool   // beyond net.core.rmem_max
}

// bufferKeywords are the rows about receive buffers.
var bufferKeywords = append(bufferRows(), kconf.Vocabulary[Globals]{
	{Name: "vrrp_rx_bufs_policy", Args: "MTU or ADVERT or NUMBER", Default: "system default", Since: "2.0.3",
		Doc: "Receive buffers of adverts: from the MTU, from the size of an advert, or so many octets.",
		Set: kconf.Custom("ENUM/UINT", "case-insensitive words", setBufferPolicy).MissingIs(kconf.ClassGeneral)},
	{Name: "vrrp_rx_bufs_multiplier", Args: "NUMBER", Default: "3", Since: "2.0.3",
		Doc: "How many times the MTU or advert a receive buffer of vrrp_rx_bufs_policy has.",
		Set: kconf.Uint(func(g *Globals) *uint32 { return &g.Buffers.VRRPMultiplier }, 1, maxUint32).MissingIs(kconf.ClassGeneral)},
}...)

func bufferRows() kconf.Vocabulary[Globals] {
	var rows kconf.Vocabulary[Globals]
	for _, b := range []struct {
		prefix, what, since string
		field               func(*Globals) *Buffer
	}{
		{"vrrp_netlink_cmd", "VRRP child's netlink commands", "2.0.0", func(g *Globals) *Buffer { return &g.Buffers.VRRPCommand }},
		{"vrrp_netlink_monitor", "VRRP child's netlink events", "2.0.0", func(g *Globals) *Buffer { return &g.Buffers.VRRPMonitor }},
		{"process_monitor", "process events", "2.0.11", func(g *Globals) *Buffer { return &g.Buffers.ProcessMonitor }},
		{"lvs_netlink_cmd", "checker child's netlink commands", "2.0.0", func(g *Globals) *Buffer { return &g.Buffers.LVSCommand }},
		{"lvs_netlink_monitor", "checker child's netlink events", "2.0.0", func(g *Globals) *Buffer { return &g.Buffers.LVSMonitor }},
	} {
		size := kconf.Uint(func(g *Globals) *uint32 { return &b.field(g).Size }, 0, maxUint32)
		rows = append(rows, kconf.Keyword[Globals]{Name: b.prefix + "_rcv_bufs", Args: "BYTES", Default: "kernel default", Since: b.since,
			Doc: "Receive buffer of the " + b.what + ".", Set: size.Says("UINT", "0..4294967295 (0 ignored)").MissingIs(kconf.ClassGeneral)},
			boolRow(b.prefix+"_rcv_bufs_force", b.since, "Let the buffer exceed net.core.rmem_max.", func(g *Globals) *bool { return &b.field(g).Force }))
	}
	return rows
}

// setBufferPolicy reads a number, or the words. A number is used whatever
// stands behind it, and MTU goes before ADVERT.
func setBufferPolicy(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args, b := s.Args(), &g.Buffers
	if policy(args[0]) == "" {
		n, ok := kconf.ParseUint(x, args[0], s.Keyword(), 0, maxUint32)
		if !ok {
			return
		}
		b.VRRPSize, b.VRRPPolicy = uint32(n), ""
		if len(args) > 1 && policy(args[1]) != "" {
			x.Warnf(args[1].Pos, kconf.ClassGeneral, "size-and-policy", "%s %s: the number before it is used", s.Keyword(), args[1].Text)
		}
		return
	}
	chosen := ""
	for _, w := range args {
		p := policy(w)
		switch {
		case p == "":
			x.Errorf(w.Pos, kconf.ClassGeneral, "not-one-of", "%s %s: wants MTU, ADVERT or a number of octets", s.Keyword(), w.Text)
			return
		case chosen != "" && p != chosen:
			x.Warnf(w.Pos, kconf.ClassGeneral, "two-policies", "%s: MTU and ADVERT, MTU is used", s.Keyword())
			p = "MTU"
		}
		chosen = p
	}
	b.VRRPSize, b.VRRPPolicy = 0, chosen
}

// policy is MTU or ADVERT, "" for another word.
func policy(w kconf.Word) string {
	switch p := strings.ToUpper(w.Text); p {
	case "MTU", "ADVERT":
		return p
	}
	return ""
}
