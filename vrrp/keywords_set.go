package vrrp

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/kconf"
)

// Setters of vrrp_instance that are more than one value of one type.

// setState keeps keepalived's rules: upper case only, and MASTER stays.
func setState(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	switch {
	case w.Text != "MASTER" && w.Text != "BACKUP":
		x.Errorf(w.Pos, kconf.ClassGeneral, "not-one-of", "state %s: must be MASTER or BACKUP, in capitals; BACKUP is used", w.Text)
		if c.State == "" {
			c.State = "BACKUP"
		}
	case c.State == "MASTER" && w.Text == "BACKUP":
		x.Errorf(w.Pos, kconf.ClassGeneral, "repeated", "state BACKUP: ignored after state MASTER")
	default:
		c.State = w.Text
	}
}

// setPreemptDelay takes 0 to 1000 seconds with up to six decimals; a mistake is 0.
func setPreemptDelay(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	d, ok := kconf.ParseSeconds(x, w, s.Keyword(), 0, 1000*time.Second, 6)
	if !ok {
		d = 0
	}
	c.PreemptDelay = d
}

// setMcastDst refuses what routers would forward: an advert stays on its link.
func setMcastDst(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	a, ok := kconf.ParseAddr(x, w, s.Keyword())
	switch {
	case !ok:
	case !a.IsMulticast() || a.Is6() && !a.IsLinkLocalMulticast():
		x.Errorf(w.Pos, kconf.ClassGeneral, "not-multicast", "mcast_dst_ip %v: must be multicast, for IPv6 link-local", a)
	case c.ofFamily(x, w.Pos, s.Keyword(), a):
		c.McastDst = a
	}
}

// setSource reads mcast_src_ip and unicast_src_ip.
func setSource(field func(*InstanceConfig) *netip.Addr) func(*kconf.Ctx, *InstanceConfig, *kconf.Stmt) {
	return func(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
		w, ok := x.OneArg(s)
		if !ok {
			return
		}
		if a, ok := kconf.ParseAddr(x, w, s.Keyword()); ok && c.ofFamily(x, w.Pos, s.Keyword(), a) {
			*field(c) = a
		}
	}
}

// ofFamily reports whether a is of the instance's family. The first address of
// the block decides it, in whatever keyword it stands; one of the other family
// is not used.
func (c *InstanceConfig) ofFamily(x *kconf.Ctx, pos kconf.Pos, what string, a netip.Addr) bool {
	f := &c.family
	if !f.known {
		*f = familySource{known: true, ipv6: a.Is6(), addr: a}
	}
	if a.Is6() == f.ipv6 {
		return true
	}
	than, hint := "native_ipv6", ""
	if f.addr.IsValid() {
		than = f.addr.String()
	}
	if what == "virtual_ipaddress" {
		hint = "; use virtual_ipaddress_excluded"
	}
	x.Errorf(pos, kconf.ClassGeneral, "mixed-families", "vrrp_instance %s: %v is of another family than %s%s", c.Name, a, than, hint)
	return false
}

// setNativeIPv6 needs no address to know the family.
func setNativeIPv6(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	if c.family.known && !c.family.ipv6 {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "native-ipv6", "native_ipv6: ignored, %v is an IPv4 address", c.family.addr)
		return
	}
	c.NativeIPv6 = true
	if !c.family.known {
		c.family = familySource{known: true, ipv6: true}
	}
}

// setVersion keeps the first one. Version 2 is refused once the instance is
// known to be IPv6, and obeyed when it stands before the addresses: so does
// keepalived, and files rely on it.
func setVersion(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	n, ok := kconf.ParseUint(x, w, s.Keyword(), 2, 3)
	version := uint8(n)
	switch {
	case !ok:
	case c.Version != nil && *c.Version != version:
		x.Errorf(w.Pos, kconf.ClassGeneral, "repeated", "version %d: ignored after version %d", version, *c.Version)
	case version == 2 && c.Version == nil && c.family.known && c.family.ipv6:
		x.Errorf(w.Pos, kconf.ClassGeneral, "version-ipv6", "version 2: ignored, the instance is IPv6 already, which needs version 3 (RFC 9568 section 5.2.1)")
	default:
		c.Version = &version
	}
}

// setVirtualAddresses keeps the lines of the instance's family, and those that
// are no addresses, about which whoever reads the lines has more to say.
func setVirtualAddresses(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	var lines []*kconf.Stmt
	kconf.Lines(func(list *[]*kconf.Stmt) *[]*kconf.Stmt { return list }).Do(x, &lines, s)
	for _, line := range lines {
		a := lineAddr(line)
		if !a.IsValid() || c.ofFamily(x, line.Pos(), s.Keyword(), a) {
			c.VirtualAddresses = append(c.VirtualAddresses, line)
		}
	}
}

// lineAddr is the address at the beginning of an address line; invalid when it
// is none.
func lineAddr(line *kconf.Stmt) netip.Addr {
	text, _, _ := strings.Cut(line.Keyword(), "/")
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}
	}
	return a
}

// setPeers reads unicast_peer. A line that is refused is left out, the others stay.
func setPeers(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	for _, line := range s.Block {
		addr, ok := kconf.ParseAddr(x, line.Words[0], "unicast_peer")
		if !ok || !c.ofFamily(x, line.Pos(), s.Keyword(), addr) {
			continue
		}
		p := Peer{Addr: addr, MaxTTL: 255}
		for w := line.Args(); len(w) > 0 && ok; w = w[min(2, len(w)):] {
			ok = peerOption(x, c, &p, w)
		}
		switch {
		case !ok:
		case p.MinTTL > p.MaxTTL:
			x.Errorf(line.Pos(), kconf.ClassGeneral, "bounds-reversed", "unicast_peer %v: min_ttl %d is above max_ttl %d", addr, p.MinTTL, p.MaxTTL)
		case slices.ContainsFunc(c.Peers, func(have Peer) bool { return have.Addr == addr }):
			x.Notef(line.Pos(), "duplicate", "unicast_peer %v: named twice, one advert is sent", addr) // keepalived 2.2.7 sends two
		default:
			c.Peers, c.PeerPos = append(c.Peers, p), append(c.PeerPos, line.Pos())
		}
	}
}

// peerOption reads min_ttl N or max_ttl N.
func peerOption(x *kconf.Ctx, c *InstanceConfig, p *Peer, w []kconf.Word) bool {
	field := map[string]*uint8{"min_ttl": &p.MinTTL, "max_ttl": &p.MaxTTL}[w[0].Text]
	if field == nil || len(w) < 2 {
		x.Errorf(w[0].Pos, kconf.ClassGeneral, "unknown-option", "unicast_peer: %s: want min_ttl or max_ttl and a number", w[0].Text)
		return false
	}
	v, ok := kconf.ParseUint(x, w[1], w[0].Text, 0, 255)
	*field, c.CheckUnicastSrc = uint8(v), c.CheckUnicastSrc || ok
	return ok
}

// setPass keeps 8 octets: there is no room for more in an advert, and keepalived
// compares no more.
func setPass(x *kconf.Ctx, c *AuthConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	c.Pass = w.Text
	if len(c.Pass) > 8 {
		x.Warnf(w.Pos, kconf.ClassGeneral, "too-long", "auth_pass: %d octets, only the first 8 are used", len(c.Pass))
		c.Pass = c.Pass[:8]
	}
}

func beginAuth(_ *kconf.Ctx, c *InstanceConfig, _ *kconf.Stmt) *AuthConfig {
	c.Auth = &AuthConfig{}
	return c.Auth
}

// setOldChecksum reads old_unicast_checksum [never].
func setOldChecksum(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	c.OldUnicastChecksum = OldChecksumAlways
	args := s.Args()
	switch {
	case len(args) == 0:
	case args[0].Text == "never":
		c.OldUnicastChecksum = OldChecksumNever
	default:
		c.OldUnicastChecksum = OldChecksumAuto
		x.Errorf(args[0].Pos, kconf.ClassGeneral, "not-one-of", "old_unicast_checksum %s: must be never, or nothing", args[0].Text)
	}
}

// setTimerExpired reads timer_expired_backup [N]; without a number it is 254.
func setTimerExpired(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	n, ok := uint64(254), true
	if args := s.Args(); len(args) > 0 {
		n, ok = kconf.ParseUint(x, args[0], s.Keyword(), 1, 254)
	}
	if ok {
		adverts := uint8(n)
		c.TimerExpiredBackup = &adverts
	}
}

// setRxBuffer wants exactly one number; another count of words is no missing
// argument to keepalived, which looks first.
func setRxBuffer(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	args := s.Args()
	if len(args) != 1 {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "missing-argument", "kernel_rx_buf_size: wants one argument, has %d", len(args))
		return
	}
	if n, ok := kconf.ParseUint(x, args[0], s.Keyword(), 0, 1<<32-1); ok {
		size := uint32(n)
		c.KernelRxBufSize = &size
	}
}

// setRepeat reads a number of packets. 0 once meant 1.
func setRepeat(field func(*InstanceConfig) **uint32) func(*kconf.Ctx, *InstanceConfig, *kconf.Stmt) {
	return func(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
		w, ok := x.OneArg(s)
		if !ok {
			return
		}
		n, ok := kconf.ParseUint(x, w, s.Keyword(), 0, 1<<32-1)
		if !ok {
			return
		}
		if n == 0 {
			x.Warnf(w.Pos, kconf.ClassGeneral, "clamped", "%s 0: a garp repeat of 0 is raised to 1", s.Keyword())
			n = 1
		}
		count := uint32(n)
		*field(c) = &count
	}
}

// setAccept is accept and no_accept; the last one counts.
func setAccept(accept bool) func(*kconf.Ctx, *InstanceConfig, *kconf.Stmt) {
	return func(_ *kconf.Ctx, c *InstanceConfig, _ *kconf.Stmt) {
		v := accept
		c.Accept = &v
	}
}

// setSyncDaemonInterface keeps the first one.
func setSyncDaemonInterface(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	name, ok := kconf.ParseIface(x, w, s.Keyword())
	switch {
	case !ok:
	case c.SyncDaemonInterface != "":
		c.Repeated(x, s)
	default:
		c.SyncDaemonInterface = name
	}
}

// setNotifyDeleted works without a script, too.
func setNotifyDeleted(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	c.NotifyDeletedSet = true
	if len(s.Args()) == 0 {
		return
	}
	if sc, ok := x.ReadScript(s); ok {
		c.NotifyDeleted = sc
	}
}
