package doctor

import (
	"slices"
	"strings"

	"holdfast/checkers"
	"holdfast/kconf"
	"holdfast/notify"
	"holdfast/track"
)

// scriptRules are about programs that the daemon runs.
func scriptRules() []Rule {
	return []Rule{
		{
			ID: "path-others-can-change", Theme: Scripts, Severity: kconf.Warning, Title: "Script of root that others can change",
			What:       "A script is run by root, and the file or a directory on the way to it belongs to somebody else or can be written by others. With enable_script_security such a script is not run.",
			Why:        "Whoever can change the file becomes root on the node. When security is switched on the check stops running.",
			Fix:        "change owner and mode as the message says",
			Bad:        conf("global_defs { enable_script_security; script_user nobody }", script("script /srv/shared/chk; user root"), router("track_script { chk }")),
			Good:       conf("global_defs { enable_script_security; script_user nobody }", script("script /usr/local/bin/chk; user root"), router("track_script { chk }")),
			References: []string{"enable_script_security", "script_user", "vrrp_script", "notify"},
			Covers:     []string{string(notify.Insecure)},
			Find:       explain("whoever can write there becomes root", string(notify.Insecure)),
		},
		{
			ID: "scripts-unsecured", Theme: Scripts, Severity: kconf.Warning, Title: "Scripts run without script security",
			What:       "Scripts are run and enable_script_security is not set. Nobody looks whether others can change what root runs.",
			Why:        "A script in a writable directory is a way to become root. holdfast -t and keepalived -t end with status 6 for it.",
			Fix:        "add enable_script_security and a script_user to global_defs",
			Bad:        conf("global_defs { script_user nobody }", script(""), router("track_script { chk }")),
			Good:       conf(secure, script(""), router("track_script { chk }")),
			References: []string{"enable_script_security", "script_user"},
			Covers:     []string{string(notify.SecurityOff)},
			Find:       explain("what others can write to is run all the same", string(notify.SecurityOff)),
		},
		{
			ID: "script-runs-as-root", Theme: Scripts, Severity: kconf.Note, Title: "Script that root runs",
			What: "The script names root as its user, or script_user is root and it names nobody.",
			Why:  "A mistake in it, or in a program it calls, has all rights on the node. A check that only looks needs none of them.",
			Fix:  "name another user where root is not needed",
			Bad:  conf(secure, script("user root"), router("track_script { chk }")), Good: conf(secure, script("user nobody"), router("track_script { chk }")),
			References: []string{"script_user", "user", "notify"},
			Find:       findRoot,
		},
		{
			ID: "tracker-not-run", Theme: Scripts, Severity: kconf.Warning, Title: "Tracked script that is not run",
			What:       "A vrrp_script cannot be run: it does not exist, cannot be executed by its user, or script security refuses it. It is left out, with the track_script lines that name it.",
			Why:        "The instance behaves as if the check were not there: the service dies and the addresses stay.",
			Fix:        "mend what is said about the script",
			Bad:        conf(secure, script("script /usr/local/bin/missing"), router("track_script { chk }")),
			Good:       conf(secure, script(""), router("track_script { chk }")),
			References: []string{"vrrp_script", "track_script", "enable_script_security"},
			Find: func(in *Input, r Report) {
				for _, s := range in.blocks("vrrp_script") {
					if len(s.Words) < 2 || runs(in.Config.Scripts, s) || !in.refused(s) {
						continue
					}
					walk(in.File.Stmts, func(t *kconf.Stmt) {
						if t.Keyword() != "track_script" {
							return
						}
						for _, line := range t.Block {
							if line.Keyword() == s.Words[1].Text {
								r.At(line.Pos(), placeIn(s, s.Pos(), "script"), "track_script %s: the script is not run, so its failure is never noticed", line.Keyword())
							}
						}
					})
				}
			},
		},
		{
			ID: "check-not-run", Theme: Scripts, Severity: kconf.Warning, Title: "MISC_CHECK that is not run",
			What:       "The program of a MISC_CHECK cannot be run: it does not exist, cannot be executed by its user, or script security refuses it. The check is left out.",
			Why:        "A real server without another check counts as up for ever: it keeps its connections when it is dead.",
			Fix:        "mend what is said about the program",
			Bad:        conf(secure, service("real_server 198.51.100.11 80 { MISC_CHECK { misc_path /usr/local/bin/missing; misc_timeout 2 } }")),
			Good:       conf(secure, service("real_server 198.51.100.11 80 { MISC_CHECK { misc_path /usr/local/bin/chk; misc_timeout 2 } }")),
			References: []string{"MISC_CHECK", "misc_path"},
			Find: func(in *Input, r Report) {
				run := map[key]bool{}
				for _, c := range in.Config.Checks() {
					run[placeKey(c.Pos)] = true
				}
				for _, s := range in.File.Stmts {
					walk(s.Block, func(t *kconf.Stmt) {
						if t.Keyword() == "MISC_CHECK" && !run[placeKey(t.Pos())] && in.refused(t) {
							r.At(t.Pos(), s.Pos(), "MISC_CHECK: its program is not run, so its real server is never found down by it")
						}
					})
				}
			},
		},
		{
			ID: "no-shell-here", Theme: Scripts, Severity: kconf.Warning, Title: "Shell syntax in a command",
			What:       "The command has words that only a shell understands: a pipe, &&, ||, a redirection. No shell is used; the words are arguments of the program.",
			Why:        "The program gets arguments it does not know and mostly fails, or succeeds for the wrong reason. The check says nothing about the service.",
			Fix:        "put the line into a script file, or call /bin/sh -c with it in quotes",
			Bad:        conf(secure, script("script \"/usr/local/bin/chk && /usr/local/bin/more\""), router("track_script { chk }")),
			Good:       conf(secure, script("script \"/usr/local/bin/chk --and more\""), router("track_script { chk }")),
			References: []string{"script", "misc_path", "notify"},
			Find: func(in *Input, r Report) {
				for _, s := range in.scripts() {
					for _, w := range s.Argv[min(1, len(s.Argv)):] {
						if shellWord(w) {
							r.At(s.Pos, kconf.Pos{}, "%s: %s is an argument of the program, no shell reads it", s.Argv[0], w)
							break
						}
					}
				}
			},
		},
	}
}

// runs says whether the vrrp_script at a statement is one of those that are run.
func runs(list []*track.ScriptConfig, s *kconf.Stmt) bool {
	return slices.ContainsFunc(list, func(c *track.ScriptConfig) bool { return placeKey(c.Pos) == placeKey(s.Pos()) })
}

// refused says whether the reading found something wrong with the program of a
// block, for which it may be left out.
func (in *Input) refused(block *kconf.Stmt) bool {
	return slices.ContainsFunc(in.Read, func(d kconf.Diagnostic) bool {
		switch notify.Problem(d.ID) {
		case notify.UnknownAccount, notify.NoAccount, notify.CannotSwitch, notify.NotFound, notify.NotReachable, notify.NotExecutable, notify.Insecure:
			return in.within(d.Pos, block.Pos())
		}
		return false
	})
}

func shellWord(w string) bool {
	switch w {
	case "|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1", "&>":
		return true
	}
	return strings.HasPrefix(w, ">/") || strings.HasPrefix(w, "2>/") || strings.HasPrefix(w, "&>/")
}

// scripts are all commands of the configuration with the user that is named for
// them.
func (in *Input) scripts() []*kconf.Script {
	var list []*kconf.Script
	add := func(s *kconf.Script, user string) {
		if s != nil && len(s.Argv) > 0 {
			c := *s
			if user != "" {
				c.User = user
			}
			list = append(list, &c)
		}
	}
	for _, s := range in.Config.Scripts {
		add(s.Script, s.User)
	}
	for _, s := range in.Config.NotifyScripts() {
		add(s.Script, "")
	}
	for _, c := range in.Config.Checks() {
		if m, ok := c.Config.(*checkers.MiscConfig); ok {
			add(m.Script, m.User)
		}
	}
	return list
}

// findRoot looks at users that are named; whose scripts name nobody and have no
// script_user are another matter.
func findRoot(in *Input, r Report) {
	u := in.Config.Global.ScriptUser
	for _, s := range in.scripts() {
		switch {
		case s.User == "root":
			r.At(s.Pos, kconf.Pos{}, "%s: root runs it", s.Argv[0])
		case s.User == "" && u != nil && u.User == "root":
			r.At(s.Pos, u.Pos, "%s: root runs it, as script_user says", s.Argv[0])
		}
	}
}
