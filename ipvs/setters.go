package ipvs

import (
	"net/netip"
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
	v := &VirtualServerConfig{Pos: s.Pos(), Weight: 1, Quorum: 1}
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
		v.FWMark, v.fwmPos = uint32(n), args[1].Pos
		if !ok {
			return nil
		}
		return v
	}
	if v.Addr, _, ok = addrPort(x, s.Keyword(), args); !ok {
		return nil
	}
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
	for _, o := range v.RealServers {
		if r.hasPort && o.Addr == r.Addr {
			x.Errorf(s.Pos(), kconf.ClassGeneral, "duplicate-real-server", "real_server %v: given before, the first one counts", r.Addr)
			return nil
		}
	}
	r.Method = v.Method // what the service has so far; Complete does the rest
	return r
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
	return kconf.Custom("flag", "", func(x *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) {
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
	return kconf.Custom("flag", "", func(_ *kconf.Ctx, v *VirtualServerConfig, s *kconf.Stmt) {
		v.Flags |= f
		if f == FlagOnePacket {
			v.opsPos = s.Pos()
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
	if a, err := netip.ParseAddr(w.Text); err == nil && a.Is4() {
		b := a.As4()
		v.Netmask = Netmask(b[0])<<24 | Netmask(b[1])<<16 | Netmask(b[2])<<8 | Netmask(b[3])
		v.maskFamily = IPv4
	} else if n, ok := kconf.ParseUint(x, w, s.Keyword(), 1, 128); ok {
		v.Netmask, v.maskFamily = Netmask(n), IPv6
	} else {
		return
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
	if v.Addr.IsValid() && FamilyOf(v.Addr.Addr()) != f {
		x.Errorf(w.Pos, kconf.ClassGeneral, "family-conflict", "ip_family %s: the address is of the other family", w.Text)
		return
	}
	v.Family = f
}
