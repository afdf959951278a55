package vrrp

import (
	"slices"
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
		x.Errorf(w.Pos, kconf.ClassGeneral, "bad-state", "state %s: must be MASTER or BACKUP, in capitals; BACKUP is used", w.Text)
		if c.State == "" {
			c.State = "BACKUP"
		}
	case c.State == "MASTER" && w.Text == "BACKUP":
		x.Errorf(w.Pos, kconf.ClassGeneral, "state-twice", "state BACKUP: ignored after state MASTER")
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
	c.PreemptDelay, c.PreemptPos = d, s.Pos()
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
	default:
		c.McastDst = a
	}
}

// setPeers reads unicast_peer. A line that is refused is left out, the others stay.
func setPeers(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	c.UnicastKeyword = true
	for _, line := range s.Block {
		addr, ok := kconf.ParseAddr(x, line.Words[0], "unicast_peer")
		if !ok {
			continue
		}
		p := Peer{Addr: addr, MaxTTL: 255}
		for w := line.Args(); len(w) > 0 && ok; w = w[min(2, len(w)):] {
			ok = peerOption(x, c, &p, w)
		}
		switch {
		case !ok:
		case p.MinTTL > p.MaxTTL:
			x.Errorf(line.Pos(), kconf.ClassGeneral, "ttl-range", "unicast_peer %v: min_ttl %d is above max_ttl %d", addr, p.MinTTL, p.MaxTTL)
		case slices.ContainsFunc(c.Peers, func(have Peer) bool { return have.Addr == addr }):
			x.Errorf(line.Pos(), kconf.ClassGeneral, "duplicate", "unicast_peer %v: named twice", addr)
		default:
			c.Peers = append(c.Peers, p)
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
	c.Pass, c.PassPos = w.Text, w.Pos
	if len(c.Pass) > 8 {
		x.Warnf(w.Pos, kconf.ClassGeneral, "too-long", "auth_pass: %d octets, only the first 8 are used", len(c.Pass))
		c.Pass = c.Pass[:8]
	}
}

func setNotifyDeleted(x *kconf.Ctx, c *InstanceConfig, s *kconf.Stmt) {
	c.NotifyDeletedSet = true
	if len(s.Args()) == 0 {
		return
	}
	if sc, ok := x.ReadScript(s); ok {
		c.NotifyDeleted = sc
	}
}

// trackRows are the five track blocks. Their lines stay lines, because what may
// stand on them is the business of what is tracked: NAME [weight N
// [reverse|noreverse]].
func trackRows[C any](t func(*C) *Tracks) []kconf.Keyword[C] {
	row := func(name, what, doc string, status kconf.Status, field func(*Tracks) *[]*kconf.Stmt) kconf.Keyword[C] {
		return kconf.Keyword[C]{Name: name, Args: "{ " + what + " [weight N [reverse|noreverse]] ... }", Doc: doc, Status: status,
			Set: kconf.Lines(func(c *C) *[]*kconf.Stmt { return field(t(c)) })}
	}
	return []kconf.Keyword[C]{
		row("track_interface", "IF", "Further interfaces: down is a fault, or costs the weight.", kconf.Acts, func(t *Tracks) *[]*kconf.Stmt { return &t.Interfaces }),
		row("track_script", "SCRIPT", "Scripts whose result moves state or priority.", kconf.Acts, func(t *Tracks) *[]*kconf.Stmt { return &t.Scripts }),
		row("track_file", "FILE", "Files whose number times the weight moves the priority.", kconf.NotYet, func(t *Tracks) *[]*kconf.Stmt { return &t.Files }),
		row("track_process", "PROCESS", "Processes that move state or priority.", kconf.NotYet, func(t *Tracks) *[]*kconf.Stmt { return &t.Processes }),
		row("track_bfd", "BFD", "BFD sessions that move state or priority.", kconf.NotYet, func(t *Tracks) *[]*kconf.Stmt { return &t.BFDs }),
	}
}
