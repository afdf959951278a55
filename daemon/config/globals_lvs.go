package config

import (
	"net/netip"
	"strconv"
	"time"

	"holdfast/kconf"
)

// LVSTimeouts is lvs_timeouts; 0 leaves the kernel's own.
type LVSTimeouts struct{ TCP, TCPFin, UDP time.Duration }

// FlushOnStop is lvs_flush_on_stop: the whole table, or only our services.
type FlushOnStop struct{ OnlyOurs bool }

// SyncDaemon is lvs_sync_daemon, or the instance keyword that came before it.
type SyncDaemon struct {
	Interface string
	Instance  string // "": both roles at once
	ID        *uint8
	MaxLen    uint16
	Port      uint16
	TTL       uint8
	Group     netip.Addr
	Pos       kconf.Pos
	// InstancePos is where Instance stands.
	InstancePos kconf.Pos
}

// lvsKeywords are the rows about IPVS and the checks of servers.
var lvsKeywords = kconf.Vocabulary[Globals]{
	{Name: "lvs_timeouts", Args: "[tcp S] [tcpfin S] [udp S]", Default: "kernel values", Since: "1.2.24",
		Doc: "IPVS connection timeouts, put back at stop.",
		Set: kconf.Custom("UINT s", "0..2678400 each, at least one pair", setLVSTimeouts)},
	flagRow("lvs_flush", "1.2.23", "Empty the IPVS table at start.", func(g *Globals) *bool { return &g.LVSFlush }),
	flushRow,
	oldName(flushRow, "lvs_flush_onstop", "2.0.15", ""),
	{Name: "lvs_sync_daemon", Refers: "vrrp_instance", Args: "IF [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]", Since: "1.2.20",
		Default: "id = VRID of inst or 0; port 8848; group 224.0.0.81",
		Doc: "Run the IPVS connection synchronisation; with an instance its role follows that instance. " +
			"Both machines need the same id and the same virtual servers. The kernel tells a connection with its third packet and then every 50 (net.ipv4.vs.sync_threshold), up to 2 s late; " +
			"with sync_threshold=\"1 0\" and sync_refresh_period it goes by time, which connections with little traffic need to reach a peer that was started anew.",
		Set: kconf.Custom("mixed", "IF max 15 chars; id 0..255; maxlen 1..65507; port 1..65535; ttl 1..255",
			setSyncDaemon).MissingIs(kconf.ClassGeneral)},
	boolRow("checker_log_all_failures", "2.0.11", "Log each failed probe, not only the one that changes the state.",
		func(g *Globals) *bool { return &g.LogAllFailure }),
	boolRow("rs_init_notifies", "2.0.0", "Run notify_up, and tell FIFOs, for real servers that are up from the start.",
		func(g *Globals) *bool { return &g.RSInitNotify }),
}

var flushRow = kconf.Keyword[Globals]{Name: "lvs_flush_on_stop", Args: "[VS]", Default: "off", Since: "2.2.0",
	Doc: "At stop empty the IPVS table at once; with VS only our services.",
	Set: kconf.Custom("flag+word", "", setFlushOnStop)}

func setLVSTimeouts(x *kconf.Ctx, g *Globals, s *kconf.Stmt) {
	args := s.Args()
	if len(args) < 2 { // keepalived looks first, and does not end
		x.Errorf(s.Pos(), kconf.ClassGeneral, "missing-argument", "%s: wants tcp, tcpfin or udp, each with seconds", s.Keyword())
		return
	}
	var t LVSTimeouts
	fields := map[string]*time.Duration{"tcp": &t.TCP, "tcpfin": &t.TCPFin, "udp": &t.UDP}
	for i := 0; i < len(args); i += 2 {
		field, known := fields[args[i].Text]
		if !known || i+1 == len(args) {
			x.Errorf(args[i].Pos, kconf.ClassGeneral, "unknown-option", "%s %s: wants tcp, tcpfin or udp, each with seconds", s.Keyword(), args[i].Text)
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
			x.Errorf(args[0].Pos, kconf.ClassGeneral, "unknown-option", "%s %s: only VS may follow", s.Keyword(), args[0].Text)
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
		repeated(x, s, g.SyncDaemon.Pos)
		return
	}
	d := &SyncDaemon{Pos: s.Pos()}
	if d.Interface, ok = kconf.ParseIface(x, args[0], s.Keyword()); !ok {
		return
	}
	for i := 1; i < len(args); i++ {
		name := args[i].Text
		if i == 1 && !isSyncWord(name) {
			d.Instance, d.InstancePos = name, args[i].Pos
			continue
		}
		if id, err := strconv.ParseUint(name, 10, 8); err == nil && i == 2 {
			x.Warnf(args[i].Pos, kconf.ClassGeneral, "deprecated", "%s %s: write id before the number", s.Keyword(), name)
			d.ID = new(uint8(id))
			continue
		}
		if !isSyncWord(name) || i+1 == len(args) {
			x.Errorf(args[i].Pos, kconf.ClassGeneral, "unknown-option", "%s %s: wants inst, id, maxlen, port, ttl or group, each with a value", s.Keyword(), name)
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
		d.Instance, d.InstancePos = w.Text, w.Pos
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
