package config

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"holdfast/kconf"
)

func setEmails(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	if len(s.Block) == 0 {
		x.Warnf(s.Pos(), kconf.ClassGeneral, "empty-block", "%s: no address given", s.Keyword())
	}
	for _, line := range s.Block {
		for _, w := range line.Words {
			g.Emails = append(g.Emails, w.Text)
		}
	}
}

func setSMTPServer(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args, ok := x.Args(s, 1)
	if !ok {
		return
	}
	if _, err := netip.ParseAddr(args[0].Text); err != nil && strings.Trim(args[0].Text, "0123456789.:") == "" {
		x.Errorf(args[0].Pos, kconf.ClassGeneral, "not-a-host", "%s %s: must be an address or a host name, the port stands apart", s.Keyword(), args[0].Text)
		return
	}
	server := &SMTPServer{Host: args[0].Text, Port: 25, Pos: args[0].Pos}
	if len(args) > 1 {
		port, ok := kconf.ParseUint(x, args[1], s.Keyword(), 1, 65535)
		if !ok {
			return
		}
		server.Port = uint16(port)
	}
	g.SMTPServer = server
}

func setScriptUser(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args := s.Args()
	if len(args) == 0 { // keepalived only complains here, it does not end
		x.Errorf(s.Pos(), kconf.ClassGeneral, "missing-argument", "%s: wants a user", s.Keyword())
		return
	}
	g.ScriptUser = &Account{User: args[0].Text, Pos: args[0].Pos}
	if len(args) > 1 {
		g.ScriptUser.Group = args[1].Text
	}
}

func setDynamicInterfaces(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	g.DynamicInterfaces = true
	if args := s.Args(); len(args) > 0 && args[0].Text != "allow_if_changes" {
		x.Errorf(args[0].Pos, kconf.ClassGeneral, "bad-word", "%s %s: only allow_if_changes may follow", s.Keyword(), args[0].Text)
	}
}

func setMcastGroup4(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	a, ok := kconf.ParseAddr(x, w, s.Keyword())
	switch {
	case !ok:
	case !a.Is4() || !a.IsMulticast():
		x.Errorf(w.Pos, kconf.ClassGeneral, "not-multicast", "%s %s: must be an IPv4 multicast address", s.Keyword(), w.Text)
	default:
		g.McastGroup4 = a
	}
}

func setLVSTimeouts(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args, ok := x.Args(s, 2)
	if !ok {
		return
	}
	var t LVSTimeouts
	fields := map[string]*time.Duration{"tcp": &t.TCP, "tcpfin": &t.TCPFin, "udp": &t.UDP}
	for i := 0; i < len(args); i += 2 {
		field, known := fields[args[i].Text]
		if !known || i+1 == len(args) {
			x.Errorf(args[i].Pos, kconf.ClassGeneral, "bad-word", "%s %s: wants tcp, tcpfin or udp, each with seconds", s.Keyword(), args[i].Text)
			return
		}
		secs, ok := kconf.ParseUint(x, args[i+1], s.Keyword()+" "+args[i].Text, 0, 2678400)
		if !ok {
			return
		}
		*field = time.Duration(secs) * time.Second
	}
	g.LVSTimeouts = &t
}

func setFlushOnStop(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	f := &FlushOnStop{}
	if args := s.Args(); len(args) > 0 {
		if args[0].Text != "VS" {
			x.Errorf(args[0].Pos, kconf.ClassGeneral, "bad-word", "%s %s: only VS may follow", s.Keyword(), args[0].Text)
			return
		}
		f.OnlyOurs = true
	}
	g.LVSFlushStop = f
}

// setSyncDaemon reads the words of lvs_sync_daemon, including the old form in
// which instance and id stand without a name.
func setSyncDaemon(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args, ok := x.Args(s, 1)
	if !ok {
		return
	}
	if g.SyncDaemon != nil {
		x.Errorf(s.Pos(), kconf.ClassGeneral, "repeated", "%s: given before, at %v; this one is ignored", s.Keyword(), g.SyncDaemon.Pos)
		return
	}
	d := &SyncDaemon{Pos: s.Pos()}
	if d.Interface, ok = kconf.ParseIface(x, args[0], s.Keyword()); !ok {
		return
	}
	for i := 1; i < len(args); i++ {
		name := args[i].Text
		if i == 1 && !isSyncWord(name) {
			d.Instance = name
			continue
		}
		if id, err := strconv.ParseUint(name, 10, 8); err == nil && i == 2 {
			x.Warnf(args[i].Pos, kconf.ClassGeneral, "old-form", "%s %s: write id before the number", s.Keyword(), name)
			d.ID = new(uint8(id))
			continue
		}
		if !isSyncWord(name) || i+1 == len(args) {
			x.Errorf(args[i].Pos, kconf.ClassGeneral, "bad-word", "%s %s: wants inst, id, maxlen, port, ttl or group, each with a value", s.Keyword(), name)
			return
		}
		i++
		if !d.option(x, s.Keyword(), name, args[i]) {
			return
		}
	}
	g.SyncDaemon = d
}

func isSyncWord(w string) bool {
	switch w {
	case "inst", "id", "maxlen", "port", "ttl", "group":
		return true
	}
	return false
}

func (d *SyncDaemon) option(x *kconf.Ctx, keyword, name string, w kconf.Word) bool {
	number := func(lo, hi uint64, store func(uint64)) bool {
		n, ok := kconf.ParseUint(x, w, keyword+" "+name, lo, hi)
		if ok {
			store(n)
		}
		return ok
	}
	switch name {
	case "inst":
		d.Instance = w.Text
		return true
	case "id":
		return number(0, 255, func(n uint64) { d.ID = new(uint8(n)) })
	case "maxlen":
		return number(1, 65507, func(n uint64) { d.MaxLen = uint16(n) })
	case "port":
		return number(1, 65535, func(n uint64) { d.Port = uint16(n) })
	case "ttl":
		return number(1, 255, func(n uint64) { d.TTL = uint8(n) })
	}
	a, ok := kconf.ParseAddr(x, w, keyword+" group")
	if ok && !a.IsMulticast() {
		x.Errorf(w.Pos, kconf.ClassGeneral, "not-multicast", "%s group %s: must be a multicast address", keyword, w.Text)
		return false
	}
	d.Group = a
	return ok
}

// umaskBits are the names that umask takes instead of a number.
var umaskBits = map[string]int{
	"IRUSR": 0o400, "IWUSR": 0o200, "IXUSR": 0o100, "IRWXU": 0o700,
	"IRGRP": 0o040, "IWGRP": 0o020, "IXGRP": 0o010, "IRWXG": 0o070,
	"IROTH": 0o004, "IWOTH": 0o002, "IXOTH": 0o001, "IRWXO": 0o007,
}

func setUmask(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	w, ok := x.OneArg(s)
	if !ok {
		return
	}
	if n, err := strconv.ParseUint(w.Text, 0, 16); err == nil && n <= 0o777 {
		g.Umask = new(int(n))
		return
	}
	mask := 0
	for _, bit := range strings.Split(w.Text, "|") {
		b, known := umaskBits[strings.TrimSpace(bit)]
		if !known {
			x.Errorf(w.Pos, kconf.ClassGeneral, "bad-word", "umask %s: must be 0..0777 or names such as IWGRP|IWOTH", w.Text)
			return
		}
		mask |= b
	}
	g.Umask = &mask
}

func setProcessNames(_ *kconf.Ctx, g *Globals, _ *kconf.Stmt) {
	g.VRRPProcessName, g.CheckProcessName = "keepalived_vrrp", "keepalived_lvs"
}
