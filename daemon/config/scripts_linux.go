package config

import (
	"holdfast/checkers"
	"holdfast/internal/event"
	"holdfast/internal/run"
	"holdfast/kconf"
	"holdfast/notify"
	"holdfast/vrrp"
	"os"
)

// scriptBook is what came of the scripts of a configuration: which are ready
// to run, under which account. Only the parent makes one; the children run none
// of them.
type scriptBook struct {
	check  *notify.Checker
	report notify.SecurityReport
	ready  map[*kconf.Script]run.Command
}

func newScriptBook(g *Globals) *scriptBook {
	check := notify.NewChecker(g.accounts())
	check.KeepSymlinks = g.SymlinkPaths
	return &scriptBook{check: check, ready: map[*kconf.Script]run.Command{}}
}

// add checks one script; a nil one is no script.
func (b *scriptBook) add(use notify.Use, s *kconf.Script) bool {
	if s == nil {
		return false
	}
	c, ok := b.check.Check(&b.report, use, s)
	if ok {
		b.ready[s] = c
	}
	return ok
}

// Command is how to run a script of c; ok is false when it is not to be run,
// and for every script of a Config whose scripts were not checked.
func (c *Config) Command(s *kconf.Script) (cmd run.Command, ok bool) {
	if c.book == nil {
		return run.Command{}, false
	}
	cmd, ok = c.book.ready[s]
	return cmd, ok
}

// checkScripts looks at every script the parent runs, and reports what is
// wrong with it at its place. Track scripts that cannot be used are dropped,
// as are the lines that refer to them. With hopeless, keepalived has given up
// before it asks whether script security is on.
func (c *Config) checkScripts(x *kconf.Ctx, hopeless bool) {
	c.book = newScriptBook(&c.Global)
	c.checkScriptUser(x)
	for _, s := range c.Scripts {
		sc := *s.Script
		sc.User, sc.Group = s.User, s.Group
		if !c.book.add(notify.UseTrack, &sc) {
			c.told.Dropped = append(c.told.Dropped, s.Pos.String())
		}
		s.Script = &sc
	}
	for _, s := range c.Services {
		for _, list := range s.Checks {
			for i := range list {
				c.checkProgram(&list[i])
			}
		}
	}
	for _, h := range c.NotifyScripts() {
		c.book.add(notify.UseNotify, h.Script)
	}
	for _, s := range c.fifoScripts() {
		c.book.add(notify.UseNotify, s)
	}
	for _, run := range []RunOnce{c.Global.Startup, c.Global.Shutdown} {
		c.book.add(notify.UseOnce, run.Script)
	}
	c.checkFIFOOwners(x)
	if !hopeless {
		c.book.check.Finish(&c.book.report)
	}
	for _, f := range c.book.report.Findings {
		x.Diags.Add(f.Diagnostic())
	}
	c.drop(c.told.Dropped)
}

// checkProgram looks at the program of a MISC_CHECK.
func (c *Config) checkProgram(spec *checkers.Spec) {
	m, ok := spec.Config.(*checkers.MiscConfig)
	if !ok {
		return
	}
	sc := *m.Script
	sc.User, sc.Group = m.User, m.Group
	if !c.book.add(notify.UseMisc, &sc) {
		c.told.Dropped = append(c.told.Dropped, spec.Pos.String())
	}
}

// checkScriptUser reports a script_user who has no account here: scripts that
// name no user of their own are then not run.
func (c *Config) checkScriptUser(x *kconf.Ctx) {
	u := c.Global.ScriptUser
	if u == nil {
		return
	}
	as := notify.Accounts{Directory: notify.System{}, User: u.User, Group: u.Group}
	if _, err := as.For("", ""); err != nil {
		x.Errorf(u.Pos, kconf.ClassGeneral, "unknown-account", "script_user %s: %v", u.User, err)
	}
}

// checkFIFOOwners notes owners of FIFOs who have no account here; keepalived
// only logs that.
func (c *Config) checkFIFOOwners(x *kconf.Ctx) {
	g := &c.Global
	for _, f := range []*FIFO{&g.NotifyFIFO, &g.VRRPFIFO, &g.LVSFIFO} {
		if f.User == "" || g.ScriptUser != nil && f.User == g.ScriptUser.User {
			continue // an unknown script_user has been reported
		}
		if _, err := g.accounts().For(f.User, f.Group); err != nil {
			x.Notef(f.Pos, "unknown-account", "FIFO %s: %v", f.Path, err)
		}
	}
}

// Owner is the account that a FIFO belongs to; the daemon's own where the one
// that is named does not exist, which has been said.
func (c *Config) Owner(f *FIFO) notify.Account {
	a, err := c.Global.accounts().For(f.User, f.Group)
	if err != nil {
		return notify.Account{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	}
	return a
}

// NotifyScript is one notify script and whom it is about.
type NotifyScript struct {
	Object  notify.Object
	Keyword string
	State   string // "" for the generic one
	Script  *kconf.Script
}

// NotifyScripts are all notify scripts of the configuration.
func (c *Config) NotifyScripts() []NotifyScript {
	var list []NotifyScript
	add := func(o notify.Object, keyword, state string, s *kconf.Script) {
		if s != nil {
			list = append(list, NotifyScript{o, keyword, state, s})
		}
	}
	states := func(o notify.Object, n *vrrp.Notify) {
		add(o, "notify_master", notify.Master, n.Master)
		add(o, "notify_backup", notify.Backup, n.Backup)
		add(o, "notify_fault", notify.Fault, n.Fault)
		add(o, "notify_stop", notify.Stop, n.Stop)
		add(o, "notify", "", n.Any)
	}
	for _, in := range c.Instances {
		o := notify.Object{Kind: event.Instance, Name: in.Name}
		states(o, &in.Notify)
		add(o, "notify_deleted", notify.Deleted, in.InstanceConfig.NotifyDeleted)
		add(o, "notify_master_rx_lower_pri", notify.MasterRxLowerPri, in.NotifyMasterRxLowerPri)
	}
	for _, g := range c.Groups {
		states(notify.Object{Kind: event.Group, Name: g.Name}, &g.Notify)
	}
	for _, h := range c.serverScripts() {
		add(h.Object, h.Keyword, h.State, h.Script)
	}
	return list
}
