package daemon

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"

	"holdfast/checkers"
	"holdfast/internal/event"
	"holdfast/internal/run"
	"holdfast/kconf"
	"holdfast/notify"
	"holdfast/track"
	"holdfast/vrrp"
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
	as := notify.Accounts{Directory: notify.System{}, Security: g.ScriptSecurity}
	if g.ScriptUser != nil {
		as.User, as.Group = g.ScriptUser.User, g.ScriptUser.Group
	}
	return &scriptBook{check: notify.NewChecker(as), ready: map[*kconf.Script]run.Command{}}
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

// hook is a notify script ready to run, nil when there is none or it is not used.
func (b *scriptBook) hook(keyword string, s *kconf.Script) *notify.Hook {
	c, ok := b.ready[s]
	if s == nil || !ok {
		return nil
	}
	return &notify.Hook{Keyword: keyword, Command: c}
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
			c.dropped = append(c.dropped, s.Pos.String())
		}
		s.Script = &sc
	}
	for _, s := range c.Servers.services {
		for _, list := range s.specs {
			for _, spec := range list {
				c.checkProgram(spec)
			}
		}
	}
	for _, h := range c.hookScripts() {
		c.book.add(notify.UseNotify, h.script)
	}
	if !hopeless {
		c.book.check.Finish(&c.book.report)
	}
	for _, f := range c.book.report.Findings {
		x.Diags.Add(f.Diagnostic())
	}
	c.drop(c.dropped)
}

// checkProgram looks at the program of a MISC_CHECK.
func (c *Config) checkProgram(spec checkers.Spec) {
	m, ok := spec.Config.(*checkers.MiscConfig)
	if !ok {
		return
	}
	sc := *m.Script
	sc.User, sc.Group = m.User, m.Group
	if !c.book.add(notify.UseMisc, &sc) {
		c.dropped = append(c.dropped, spec.Pos.String())
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

// scriptJobs are the vrrp_scripts that something tracks, ready to run.
func (c *Config) scriptJobs() []track.Job {
	used := map[string]bool{}
	for _, in := range c.Instances {
		for _, r := range in.Scripts {
			used[r.Name] = true
		}
	}
	var jobs []track.Job
	for _, s := range c.Scripts {
		if cmd, ok := c.book.ready[s.Script]; ok && used[s.Name] {
			jobs = append(jobs, track.Job{Params: s.Params(), Command: cmd})
		}
	}
	return jobs
}

// hookScript is one notify script and whom it is about.
type hookScript struct {
	object  notify.Object
	keyword string
	state   string // "" for the generic one
	script  *kconf.Script
}

// hookScripts are all notify scripts of the configuration.
func (c *Config) hookScripts() []hookScript {
	var list []hookScript
	add := func(o notify.Object, keyword, state string, s *kconf.Script) {
		if s != nil {
			list = append(list, hookScript{o, keyword, state, s})
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
		add(h.object, h.keyword, h.state, h.script)
	}
	return list
}

// objectHooks are the hooks of everything that has any, or that is mailed about.
func (c *Config) objectHooks() map[notify.Object]objectHooks {
	all := map[notify.Object]objectHooks{}
	for _, h := range c.hookScripts() {
		oh := all[h.object]
		if oh.hooks.States == nil {
			oh.hooks.States = map[string]*notify.Hook{}
		}
		if h.state == "" {
			oh.hooks.Generic = c.book.hook(h.keyword, h.script)
		} else if ready := c.book.hook(h.keyword, h.script); ready != nil {
			oh.hooks.States[h.state] = ready
		}
		all[h.object] = oh
	}
	for o, alert := range c.alerts() {
		oh := all[o]
		oh.alert = alert
		all[o] = oh
	}
	return all
}

// alerts tells about which objects mail is sent: their own smtp_alert, else the
// kind's, else the global one, else the kind's default.
func (c *Config) alerts() map[notify.Object]bool {
	g := &c.Global
	all := map[notify.Object]bool{}
	for _, in := range c.Instances {
		all[notify.Object{Kind: event.Instance, Name: in.Name}] = firstBool(false, in.Notify.SMTPAlert, g.AlertVRRP, g.SMTPAlert)
	}
	for _, gr := range c.Groups {
		all[notify.Object{Kind: event.Group, Name: gr.Name}] = firstBool(false, gr.Notify.SMTPAlert, g.AlertVRRP, g.SMTPAlert)
	}
	for o, own := range c.serverAlerts() {
		def := o.Kind == event.RealServer
		all[o] = firstBool(def, own, g.AlertChecker, g.SMTPAlert)
	}
	return all
}

func firstBool(def bool, list ...*bool) bool {
	for _, b := range list {
		if b != nil {
			return *b
		}
	}
	return def
}

// mailSettings are where alerts go, with keepalived's defaults.
func (c *Config) mailSettings() notify.MailConfig {
	g := &c.Global
	m := notify.MailConfig{To: g.Emails, From: g.EmailFrom, Helo: g.SMTPHelo, Timeout: g.SMTPTimeout, NoFaults: g.NoEmailFaults}
	if g.SMTPServer == nil {
		return m
	}
	m.Server = net.JoinHostPort(g.SMTPServer.Host, strconv.Itoa(int(g.SMTPServer.Port)))
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	m.Helo = nonEmpty(m.Helo, name)
	if m.From == "" {
		login := "root"
		if u, err := user.Current(); err == nil {
			login = u.Username
		}
		m.From = fmt.Sprintf("%s@%s", login, name)
	}
	return m
}
