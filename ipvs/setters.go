package ipvs

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"holdfast/kconf"
)

// beginVirtualServer reads IP [PORT], fwmark N or group NAME. nil: skip the
// block.
func beginVirtualServer(x *kconf.Ctx, s *kconf.Stmt) *VirtualServerConfig {
	args, ok := x.Args(s, 1)
	if !ok {
		return nil
	}
	v := &VirtualServerConfig{Pos: s.Pos(), Weight: 1, Quorum: 1, written: map[netip.AddrPort]kconf.Pos{}}
	switch args[0].Text {
	case "fwmark", "group":
		if args, ok = x.Args(s, 2); !ok {
			return nil
		}
		if args[0].Text == "group" {
			v.Group = args[1].Text
			return v
		}
		// Mark 0 is on every packet; the kernel makes a broken service of it.
		n, ok := kconf.ParseUint(x, args[1], "virtual_server fwmark", 1, 1<<32-1)
		v.FWMark, v.At.FWMark = uint32(n), args[1].Pos
		if !ok {
			return nil
		}
		return v
	}
	if v.Addr, _, ok = addrPort(x, s.Keyword(), args); !ok {
		return nil
	}
	v.Family = FamilyOf(v.Addr.Addr())
	return v
}

// addrPort reads IP [PORT].
func addrPort(x *kconf.Ctx, what string, args []kconf.Word) (a netip.AddrPort, hasPort, ok bool) {
	addr, ok := kconf.ParseAddr(x, args[0], what)
	if !ok || len(args) < 2 {
		return netip.AddrPortFrom(addr.Unmap(), 0), false, ok
	}
	n, ok := kconf.ParseUint(x, args[1], what+" port", 0, 65535)
	if len(args) > 2 {
		x.Notef(args[2].Pos, "extra-arguments", "%s: %s and what follows is ignored", what, args[2].Text)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), n != 0, ok
}

// beginRealServer makes the server of a block; a line that names none, or one that
// is there already, makes nothing and the block is read and thrown away.
func beginRealServer(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) *RealServerConfig {
	args, ok := x.Args(s, 1)
	if !ok {
		return nil
	}
	r := &RealServerConfig{Pos: s.Pos()}
	if r.Addr, r.hasPort, ok = addrPort(x, s.Keyword(), args); !ok {
		return nil
	}
	r.WrittenPort = r.Addr.Port()
	// A port that was left out is none here: completing it is for later.
	if first, there := v.written[r.Addr]; there {
		name := fmt.Sprint(r.Addr)
		if !r.hasPort {
			name = fmt.Sprint(r.Addr.Addr())
		}
		x.Diags.Add(kconf.Diagnostic{Pos: s.Pos(), Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate-real-server", Related: first,
			Message: fmt.Sprintf("real_server %s: given before, the first one counts", name)})
		return nil
	}
	r.Method = v.Method // what the service has so far; Complete does the rest
	return r
}

// endRealServer takes the server over unless it cannot be reached: only a tunnel
// carries the other family. Behind a mark, the first server that names one
// decides which it is, and so do ip_family and persistence_granularity in front
// of it. A method that virtual_server names below does not count yet.
func endRealServer(x *kconf.Ctx, v *VirtualServerConfig, r *RealServerConfig, _ *kconf.Stmt) {
	f := FamilyOf(r.Addr.Addr())
	if r.Method == nil || r.Method.Forward != Tunnel {
		if v.Family == 0 {
			v.Family = f
		}
		if f != v.Family {
			v.otherFamily(x, r)
			return
		}
	}
	v.written[r.Addr] = r.Pos
	v.RealServers = append(v.RealServers, r)
}

// otherFamily reports a server that cannot be reached.
func (v *VirtualServerConfig) otherFamily(x *kconf.Ctx, r *RealServerConfig) {
	x.Errorf(r.Pos, kconf.ClassGeneral, "mixed-families", "server %v: is not %v as its virtual_server; dropped", r.Addr.Addr(), v.Family)
}

// setSorry reads sorry_server ADDRESS [PORT]; it belongs to no check and is up.
func setSorry(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) {
	args, ok := x.Args(s, 1)
	if !ok {
		return
	}
	weight, inhibit := int64(1), false
	r := &RealServerConfig{Pos: s.Pos(), Weight: &weight, Inhibit: &inhibit}
	if r.Addr, r.hasPort, ok = addrPort(x, s.Keyword(), args); ok {
		v.Sorry = r
	}
}

// needsSorry reports a keyword that only means something behind sorry_server.
func needsSorry(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) bool {
	if v.Sorry == nil {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "no-sorry-server", "%s: must stand behind sorry_server", s.Keyword())
	}
	return v.Sorry != nil
}

// schedFlag sets a flag; scheduler, if not empty, must have been chosen before.
// sh and mh keep quiet about each other's flags, as keepalived does.
func schedFlag(f Flags, scheduler Scheduler) kconf.Setter[VirtualServerConfig] {
	return kconf.Custom("flag", "after lb_algo "+string(scheduler), func(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) {
		switch v.Scheduler {
		case scheduler:
			v.Flags |= f
		case "sh", "mh":
		default:
			x.Errorf(s.Pos(), kconf.ClassGeneral, "wrong-scheduler", "%s: lvs_sched %s must stand before", s.Keyword(), scheduler)
		}
	})
}

func plainFlag(f Flags) kconf.Setter[VirtualServerConfig] {
	return kconf.Custom("flag", "", func(_ *kconf.Ctx, v *VirtualServerConfig, _ *kconf.Stmt) { v.Flags |= f })
}

// hashedFlag has no effect; keepalived refuses it in front of the schedulers that
// it once was for.
func hashedFlag() kconf.Setter[VirtualServerConfig] {
	return kconf.Custom("flag", "", func(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) {
		if v.Scheduler != "sh" && v.Scheduler != "mh" {
			x.Errorf(s.Pos(), kconf.ClassGeneral, "wrong-scheduler", "hashed: lvs_sched sh or mh must stand before; ignored")
		}
	})
}

// defaultPersistence is what a service gets that needs persistence and names
// no time.
const defaultPersistence = 360 * time.Second

// setPersistence reads persistence_timeout; without a number it is six minutes,
// as with keepalived.
func setPersistence(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) {
	if len(s.Args()) == 0 {
		v.PersistenceTimeout = defaultPersistence
		return
	}
	if d, ok := kconf.ParseSeconds(x, s.Args()[0], s.Keyword(), time.Second, MaxPersistence, 0); ok {
		v.PersistenceTimeout = d
	}
}

// setGranularity reads a mask for IPv4 or a prefix length for IPv6, and remembers
// which: the family may stand behind it.
func setGranularity(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	if a, err := netip.ParseAddr(w.Text); err == nil && a.Is4() && v.Family != IPv6 {
		b := a.As4()
		v.Netmask = Netmask(b[0])<<24 | Netmask(b[1])<<16 | Netmask(b[2])<<8 | Netmask(b[3])
		v.maskFamily = IPv4
	} else if _, err := strconv.ParseUint(w.Text, 10, 32); err == nil && v.Family == IPv4 {
		// keepalived takes 64 for the mask 0.0.0.64, in silence
		x.Errorf(w.Pos, kconf.ClassNone, "granularity-family", "persistence_granularity %s: IPv4 wants a mask such as 255.255.255.0; ignored", w.Text)
	} else if n, ok := kconf.ParseUint(x, w, s.Keyword(), 1, 128); ok {
		v.Netmask, v.maskFamily = Netmask(n), IPv6
	} else {
		return
	}
	if v.Family == 0 { // behind a mark it says which family is meant
		v.Family = v.maskFamily
	}
	if v.PersistenceTimeout == 0 {
		v.PersistenceTimeout = defaultPersistence
	}
}

// setFamily reads ip_family, which only a service without an address needs.
func setFamily(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok || !x.OneOf(w, s.Keyword(), []string{"inet", "inet6"}) {
		return
	}
	f := families[w.Text]
	if v.Family != 0 && v.Family != f {
		x.Errorf(w.Pos, kconf.ClassGeneral, "mixed-families", "ip_family %s: the address is of the other family, or what stands above is", w.Text)
		return
	}
	v.Family, v.At.Family = f, s.Pos()
}
