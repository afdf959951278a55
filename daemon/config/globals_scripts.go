package config

import (
	"slices"
	"time"

	"holdfast/kconf"
)

// Account is USER [GROUP] of script_user. A group that begins with a colon
// also asks for the supplementary groups of the user.
type Account struct {
	User, Group string
	Pos         kconf.Pos
}

// RunOnce is a script of the daemon's own start or end.
type RunOnce struct {
	Script  *kconf.Script // nil: none
	Timeout time.Duration // after which it is killed
}

// FIFO is a named pipe that receives state events, and the script that reads it.
type FIFO struct {
	Path        string // "": none
	User, Group string // who owns it; default: the script user
	Pos         kconf.Pos
	Script      *kconf.Script
}

// scriptKeywords are the rows about scripts in general.
var scriptKeywords = append(kconf.Vocabulary[Globals]{
	{Name: "script_user", Args: "USER [GROUP]", Default: "keepalived_script if it exists, else daemon user", Since: "1.3.0",
		Doc: "Account for scripts that name none.",
		Set: kconf.Custom("USER", "must exist; GROUP may be prefixed with a colon", setScriptUser)},
	flagRow("enable_script_security", "1.3.0", "Refuse scripts run by root whose path others can write to.",
		func(g *Globals) *bool { return &g.ScriptSecurity }),
	boolRow("use_symlink_paths", "2.3.0", "Run scripts under the path as written, symbolic links included.",
		func(g *Globals) *bool { return &g.SymlinkPaths }),
	boolRow("set_supplementary_groups", "2.4.3+git", "Give every script the supplementary groups of its user.",
		func(g *Globals) *bool { return &g.SupplementaryGroups }),
},
	onceRow("startup_script", "Run once before any child process starts, which waits for its end.", func(g *Globals) *RunOnce { return &g.Startup }),
	onceTimeoutRow("startup_script_timeout", "Limit after which the startup script is killed.", func(g *Globals) *RunOnce { return &g.Startup }),
	onceRow("shutdown_script", "Run once after all child processes have stopped.", func(g *Globals) *RunOnce { return &g.Shutdown }),
	onceTimeoutRow("shutdown_script_timeout", "Limit after which the shutdown script is killed.", func(g *Globals) *RunOnce { return &g.Shutdown }),
)

func onceRow(name, doc string, run func(*Globals) *RunOnce) kconf.Keyword[Globals] {
	set := kconf.ScriptLine(func(g *Globals) **kconf.Script { return &run(g).Script })
	return kconf.Keyword[Globals]{Name: name, Args: "SCRIPT [USER [GROUP]]", Default: "none", Since: "2.1.0", Doc: doc,
		Set: set.Says("SCRIPT", "only one").MissingIs(kconf.ClassGeneral)}
}

func onceTimeoutRow(name, doc string, run func(*Globals) *RunOnce) kconf.Keyword[Globals] {
	return kconf.Keyword[Globals]{Name: name, Args: "SECONDS", Default: "10", Since: "2.1.0", Doc: doc,
		Set: kconf.Seconds(func(g *Globals) *time.Duration { return &run(g).Timeout }, time.Second, 1000*time.Second, 0).MissingIs(kconf.ClassGeneral)}
}

// fifoKeywords are the rows about named pipes.
var fifoKeywords = slices.Concat(
	fifoRows("notify_fifo", "all state events", func(g *Globals) *FIFO { return &g.NotifyFIFO }),
	fifoRows("vrrp_notify_fifo", "events of VRRP only", func(g *Globals) *FIFO { return &g.VRRPFIFO }),
	fifoRows("lvs_notify_fifo", "events of virtual and real servers", func(g *Globals) *FIFO { return &g.LVSFIFO }),
	kconf.Vocabulary[Globals]{
		boolRow("vrrp_notify_priority_changes", "2.0.16", "Also report changes of priority on the FIFOs.",
			func(g *Globals) *bool { return &g.NotifyPriorityMoves }),
		flagRow("fifo_write_vrrp_states_on_reload", "2.2.5", "Repeat all present states on the FIFOs after a reload.",
			func(g *Globals) *bool { return &g.StatesOnReload }),
	},
)

func fifoRows(name, what string, fifo func(*Globals) *FIFO) kconf.Vocabulary[Globals] {
	set := kconf.Custom("PATH", "first one wins", func(x *kconf.Ctx, g *Globals, s *kconf.Stmt) { fifo(g).set(x, s) })
	script := kconf.ScriptLine(func(g *Globals) **kconf.Script { return &fifo(g).Script })
	return kconf.Vocabulary[Globals]{
		{Name: name, Args: "PATH [USER [GROUP]]", Default: "none", Since: "1.3.6",
			Doc: "Named pipe that receives " + what + ".", Set: set.MissingIs(kconf.ClassGeneral)},
		{Name: name + "_script", Args: "SCRIPT [USER [GROUP]]", Default: "none", Since: "1.3.6",
			Doc: "Reader of " + name + ", started with the path as its last argument.",
			Set: script.Says("SCRIPT", "first one wins").MissingIs(kconf.ClassGeneral)},
	}
}

func (f *FIFO) set(x *kconf.Ctx, s *kconf.Stmt) {
	if f.Pos.IsValid() {
		repeated(x, s, f.Pos)
		return
	}
	args := s.Args()
	f.Path, f.Pos = args[0].Text, args[0].Pos
	if len(args) > 1 {
		f.User = args[1].Text
	}
	if len(args) > 2 {
		f.Group = args[2].Text
	}
}

// completeFIFOs drops a pipe that would carry another one's events too, and the
// second reader of a pipe, which keepalived only logs; owners and arguments of
// the others are filled in.
func (g *Globals) completeFIFOs(x *kconf.Ctx) {
	for _, f := range []struct {
		keyword string
		fifo    *FIFO
	}{{"vrrp_notify_fifo", &g.VRRPFIFO}, {"lvs_notify_fifo", &g.LVSFIFO}} {
		if f.fifo.Path != "" && f.fifo.Path == g.NotifyFIFO.Path {
			note(x, f.fifo.Pos, g.NotifyFIFO.Pos, "same-fifo", f.keyword+" "+f.fifo.Path+": is notify_fifo too and is not used")
			*f.fifo = FIFO{}
		}
	}
	if l, v := &g.LVSFIFO, &g.VRRPFIFO; l.Path != "" && l.Path == v.Path && l.Script != nil && v.Script != nil {
		note(x, l.Script.Pos, v.Script.Pos, "same-fifo", "lvs_notify_fifo_script: vrrp_notify_fifo_script reads the same pipe; this one is not used")
		l.Script = nil
	}
	for _, f := range []*FIFO{&g.NotifyFIFO, &g.VRRPFIFO, &g.LVSFIFO} {
		if f.Path == "" {
			continue
		}
		if f.User == "" && g.ScriptUser != nil {
			f.User, f.Group = g.ScriptUser.User, g.ScriptUser.Group
		}
		if f.Script != nil { // it is told where to read
			s := *f.Script
			s.Argv = append(slices.Clone(s.Argv), f.Path)
			f.Script = &s
		}
	}
}

// note reports what changes no exit status, with the other place.
func note(x *kconf.Ctx, pos, related kconf.Pos, id, text string) {
	x.Diags.Add(kconf.Diagnostic{Pos: pos, Related: related, Severity: kconf.Note, ID: id, Message: text})
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

// fifoScripts are the readers of FIFOs about something that the configuration
// has: no other one is started.
func (c *Config) fifoScripts() []*kconf.Script {
	g, routers, services := &c.Global, len(c.Instances) > 0, len(c.Services) > 0
	var list []*kconf.Script
	if routers || services {
		list = append(list, g.NotifyFIFO.Script)
	}
	if routers {
		list = append(list, g.VRRPFIFO.Script)
	}
	if services {
		list = append(list, g.LVSFIFO.Script)
	}
	return list
}
