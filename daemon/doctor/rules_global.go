package doctor

import (
	"path/filepath"
	"strconv"
	"strings"

	"holdfast/daemon/config"
	"holdfast/kconf"
)

// globalRules are about global_defs and the file as a whole.
func globalRules() []Rule {
	return []Rule{
		{
			ID: "alerts-without-relay", Theme: Global, Severity: kconf.Warning, Title: "Mail recipients without a relay",
			What:       "notification_email names recipients, and there is no smtp_server. Without one no mail is sent.",
			Why:        "The failover at night is not reported, and nothing says that it was not.",
			Fix:        "add smtp_server, 127.0.0.1 for a relay on this machine",
			Bad:        conf("global_defs { notification_email { ops@example.net } }", router("smtp_alert")),
			Good:       conf("global_defs { notification_email { ops@example.net }; smtp_server 127.0.0.1 }", router("smtp_alert")),
			References: []string{"notification_email", "smtp_server"},
			Find: func(in *Input, r Report) {
				if g := &in.Config.Global; len(g.Emails) > 0 && g.SMTPServer == nil {
					r.At(placeOfStmt(in.global("notification_email")), kconf.Pos{}, "notification_email: no smtp_server, so no mail is sent to %s", strings.Join(g.Emails, ", "))
				}
			},
		},
		{
			ID: "alerts-to-nobody", Theme: Global, Severity: kconf.Warning, Title: "smtp_alert without recipients",
			What: "smtp_alert is switched on somewhere, and notification_email is missing or empty.",
			Why:  "The mail that smtp_alert stands for is never sent.",
			Fix:  "add notification_email and smtp_server to global_defs",
			Bad:  conf(router("smtp_alert")), Good: conf("global_defs { notification_email { ops@example.net }; smtp_server 127.0.0.1 }", router("smtp_alert")),
			References: []string{"smtp_alert", "notification_email"},
			Find: func(in *Input, r Report) {
				if len(in.Config.Global.Emails) > 0 {
					return
				}
				walk(in.File.Stmts, func(s *kconf.Stmt) {
					switch s.Keyword() {
					case "smtp_alert", "smtp_alert_vrrp", "smtp_alert_checker":
						if args := s.Args(); len(args) == 0 || !isOff(args[0].Text) {
							r.At(s.Pos(), kconf.Pos{}, "%s: there is no notification_email", s.Keyword())
						}
					}
				})
			},
		},
		{
			ID: "interfaces-need-not-be-dynamic", Theme: Global, Severity: kconf.Note, Title: "dynamic_interfaces although every interface exists",
			What: "dynamic_interfaces is set, and all interfaces that the instances name exist on this machine. With it a misspelt interface is no mistake any more.",
			Why:  "A typo in an interface name is found only when the instance stays in FAULT.",
			Fix:  "take dynamic_interfaces away unless interfaces come and go while the daemon runs",
			Bad:  conf("global_defs { dynamic_interfaces }", router("")), Good: conf("global_defs { dynamic_interfaces }", router("interface wg0")),
			References: []string{"dynamic_interfaces", "interface"},
			Find: func(in *Input, r Report) {
				if !in.Config.Global.DynamicInterfaces || in.Machine == nil || len(in.Config.Instances) == 0 {
					return
				}
				for _, i := range in.Config.Instances {
					if _, exists := in.Machine.Links[i.Interface]; !exists {
						return
					}
				}
				r.At(placeOfStmt(in.global("dynamic_interfaces")), in.Config.Instances[0].Pos, "dynamic_interfaces: every interface of an instance exists")
			},
		},
		{
			ID: "static-on-default-link", Theme: Global, Severity: kconf.Note, Title: "Static address without an interface",
			What: "A static_ipaddress names no dev, and default_interface is not set. eth0 is taken.",
			Why:  "On a machine whose cards have other names the file is refused, or the address lands on the wrong network.",
			Fix:  "write dev behind the address, or set default_interface",
			Bad:  conf("static_ipaddress { 192.0.2.10/24 }", router("")), Good: conf("static_ipaddress { 192.0.2.10/24 dev eth0 }", router("")),
			References: []string{"static_ipaddress", "default_interface"},
			Find: func(in *Input, r Report) {
				if in.global("default_interface") != nil {
					return
				}
				for _, b := range in.blocks("static_ipaddress") {
					for _, line := range b.Block {
						dev := false
						for _, w := range line.Args() {
							dev = dev || w.Text == "dev"
						}
						if !dev {
							r.At(line.Pos(), kconf.Pos{}, "static_ipaddress %s: no dev and no default_interface, eth0 is taken", line.Keyword())
						}
					}
				}
			},
		},
		{
			ID: "newer-than-wanted", Theme: Global, Severity: kconf.Note, Title: "Keyword that the target version does not have",
			What: "The keyword came with a later keepalived than the one the file is for (2.2.7 unless another is named). That one does not know it.",
			Why:  "holdfast obeys it, the keepalived on the other node reports an unknown keyword and goes on without.",
			Fix:  "leave it out as long as a node runs the older version",
			Bad:  conf(router("version 3; v3_checksum_as_v2")), Good: conf(router("version 3")),
			References: []string{"keepalived release notes"},
			Find:       findNewer,
		},
		{
			ID: "old-spelling", Theme: Global, Severity: kconf.Note, Title: "Keyword with an old spelling",
			What: "The keyword is an old name of another, or is done otherwise now. It works.",
			Why:  "Examples and manuals use the new name, and a later version may drop the old one.",
			Fix:  "write what the message names",
			Bad:  conf(router("lvs_sync_daemon_interface eth1")), Good: conf("global_defs { lvs_sync_daemon eth1 VI_1 }", router("")),
			References: []string{"keyword reference"},
			Covers:     []string{"deprecated"},
			Find: func(in *Input, r Report) {
				for _, d := range in.Read {
					if d.ID == "deprecated" {
						r.hint = d.Hint
						r.At(d.Pos, d.Related, "%s", d.Message)
					}
				}
			},
		},
		{
			ID: "nothing-to-include", Theme: Global, Severity: kconf.Warning, Title: "include whose pattern matches nothing",
			What: "The pattern of an include statement matches no file. That is no mistake unless include_check says so.",
			Why:  "The instances and services of the missing files are simply not there, and the daemon starts without a word.",
			Fix:  "correct the pattern, or write includew, which insists on a match",
			Bad:  conf("include conf.d/*.missing", router("")), Good: conf("include conf.d/*.conf", router("")),
			References: []string{"include", "include_check"},
			Find:       findEmptyIncludes,
		},
		{
			ID: "empties-others-tables", Theme: Global, Severity: kconf.Note, Title: "lvs_flush takes away what others made",
			What: "lvs_flush empties the whole ip_vs table at start, also services that something else has put there, and the connections of the daemon's own.",
			Why:  "Every restart of the daemon cuts all balanced connections.",
			Fix:  "take lvs_flush away: what is left over from an earlier run is corrected without it",
			Bad:  conf("global_defs { lvs_flush }", service("")), Good: conf(service("")),
			References: []string{"lvs_flush"},
			Find: func(in *Input, r Report) {
				if in.Config.Global.LVSFlush {
					r.At(placeOfStmt(in.global("lvs_flush")), kconf.Pos{}, "lvs_flush: every start cuts all balanced connections")
				}
			},
		},
		{
			ID: "nothing-to-do", Theme: Global, Severity: kconf.Warning, Title: "A file that configures nothing",
			What: "The file has neither an instance nor a virtual server nor anything static.",
			Why:  "The daemon runs and does nothing. Mostly an include or a condition has taken everything out.",
			Fix:  "check the includes, and the conditions with @",
			Bad:  conf("global_defs { router_id lb1 }"), Good: conf("global_defs { router_id lb1 }", router("")),
			References: []string{"vrrp_instance", "virtual_server", "include"},
			Find: func(in *Input, r Report) {
				if !in.Config.HasVRRP() && !in.Config.HasCheckers() {
					r.At(kconf.At(in.File.Name, 1, 1), kconf.Pos{}, "no vrrp_instance and no virtual_server")
				}
			},
		},
	}
}

func isOff(word string) bool {
	switch strings.ToLower(word) {
	case "off", "no", "false":
		return true
	}
	return false
}

func placeOfStmt(s *kconf.Stmt) kconf.Pos {
	if s == nil {
		return kconf.Pos{}
	}
	return s.Pos()
}

// findNewer walks the file along the vocabulary: whatever a row says about its
// first version is all there is to know. A keyword is named once.
func findNewer(in *Input, r Report) {
	target := in.For
	if target == "" {
		target = Target
	}
	named := map[string]bool{}
	known := map[string]map[string]kconf.KeywordDoc{} // by what they stand in
	var visit func(stmts []*kconf.Stmt, v kconf.Vocab, within string)
	visit = func(stmts []*kconf.Stmt, v kconf.Vocab, within string) {
		rows := known[within]
		if rows == nil {
			rows = rowsOf(v)
			known[within] = rows
		}
		for _, s := range stmts {
			row, found := rows[s.Keyword()]
			if !found {
				continue
			}
			if key := within + s.Keyword(); newer(row.Since, target) && !named[key] {
				named[key] = true
				r.At(s.Pos(), kconf.Pos{}, "%s: came with keepalived %s, the file is for %s", s.Keyword(), row.Since, target)
			}
			if row.KeywordBlock() {
				visit(s.Block, row.Block, within+s.Keyword()+"/")
			}
		}
	}
	visit(in.File.Stmts, config.RootVocabulary(), "")
}

// rowsOf are the rows of a vocabulary under every name they have.
func rowsOf(v kconf.Vocab) map[string]kconf.KeywordDoc {
	rows := map[string]kconf.KeywordDoc{}
	for _, d := range v.Docs() {
		rows[d.Name] = d
		for _, a := range d.Aliases {
			rows[a] = d
		}
	}
	return rows
}

// newer compares versions number by number; "2.4.3+git" is newer than 2.4.3.
func newer(since, target string) bool {
	s, _, _ := strings.Cut(since, " ")
	s, extra := strings.CutSuffix(s, "+git")
	a, b := strings.Split(s, "."), strings.Split(target, ".")
	for n := range max(len(a), len(b)) {
		if x, y := number(a, n), number(b, n); x != y {
			return x > y
		}
	}
	return extra
}

func number(parts []string, n int) int {
	if n >= len(parts) {
		return 0
	}
	v, err := strconv.Atoi(parts[n])
	if err != nil {
		return 0
	}
	return v
}

// findEmptyIncludes reads the files again: an include that matches nothing
// leaves no trace in the tree.
func findEmptyIncludes(in *Input, r Report) {
	if in.Sources == nil {
		return
	}
	seen := map[*kconf.Source]bool{}
	look := func(src *kconf.Source) {
		if src == nil || seen[src] {
			return
		}
		seen[src] = true
		text, err := in.Sources.ReadFile(src.Name)
		if err != nil {
			return // the reading has said so
		}
		n := int32(0)
		for l := range strings.Lines(string(text)) {
			n++
			words := strings.Fields(l)
			if len(words) < 2 || !isInclude(words[0]) {
				continue
			}
			pattern := strings.Trim(words[1], `"`)
			if !strings.ContainsAny(pattern, "*?[") || strings.ContainsAny(pattern, "${}") {
				continue // a plain name that is missing is a mistake that the reading reports
			}
			full := pattern
			if !filepath.IsAbs(full) {
				full = filepath.Join(filepath.Dir(src.Name), full)
			}
			if found, err := in.Sources.Glob(full); err == nil && len(found) == 0 {
				col := int32(strings.Index(l, words[0]) + 1)
				r.At(kconf.Pos{Source: src, Line: n, Col: col}, kconf.Pos{}, "%s %s: matches no file", words[0], pattern)
			}
		}
	}
	look(&kconf.Source{Name: in.File.Name})
	walk(in.File.Stmts, func(s *kconf.Stmt) {
		if src := s.Pos().Source; src != nil && src.Name != in.File.Name {
			look(src)
		}
	})
}

func isInclude(word string) bool {
	switch word {
	case "include", "includer", "includeb", "includea":
		return true
	}
	return false // includem and includew report it themselves
}
