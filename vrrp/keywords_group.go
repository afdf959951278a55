package vrrp

import (
	"slices"

	"holdfast/kconf"
)

// GroupKeywords is the vocabulary of vrrp_sync_group.
var GroupKeywords = slices.Concat(groupRows(),
	trackRows(func(c *GroupConfig) *Tracks { return &c.Tracks }, map[string]string{
		"track_interface": "2.0.0", "track_script": "2.0.0", "track_file": "2.0.0", "track_process": "2.0.11", "track_bfd": "2.0.0",
	}),
	notifyRows(func(c *GroupConfig) *Notify { return &c.Notify }, "unset", map[string]string{
		"notify_backup": "0.6.4", "notify_master": "0.6.4", "notify_fault": "0.6.4", "notify_stop": "2.0.0", "notify": "1.1.2",
		"smtp_alert": "1.0.0", "notify_priority_changes": "2.2.0",
	}))

func groupRows() kconf.Vocabulary[GroupConfig] {
	return kconf.Vocabulary[GroupConfig]{
		{Name: "group", Refers: "vrrp_instance", Args: "{ INSTANCE... }", Default: "required", Since: "0.6.4",
			Doc: "Member instances.",
			Set: kconf.Custom("word block", "once; one group per instance", setGroupMembers).WithVocab(MemberLine).Says("word block", "once; one group per instance")},
		{Name: "sync_group_tracking_weight", Default: "off", Since: "2.0.0",
			Doc: "Members keep their weighted trackers.",
			Set: kconf.Flag(func(c *GroupConfig) *bool { return &c.TrackingWeight }, true)},
		{Name: "global_tracking", Default: "off", Since: "1.2.3", Deprecated: "write sync_group_tracking_weight instead", DeprecatedAs: kconf.ClassGeneral,
			Doc: "Old name of sync_group_tracking_weight.",
			Set: kconf.Flag(func(c *GroupConfig) *bool { return &c.TrackingWeight }, true)},
	}
}

// setGroupMembers reads the members; a second list is not used.
func setGroupMembers(x *kconf.Ctx, c *GroupConfig, s *kconf.Stmt) {
	memberList(x, &c.Written, s, &c.Members)
}

// memberList reads a word block that may stand only once.
func memberList(x *kconf.Ctx, w *kconf.Written, s *kconf.Stmt, members *[]kconf.Word) {
	if w.First(s.Keyword()) != s {
		w.Repeated(x, s)
		return
	}
	kconf.Words(func(list *[]kconf.Word) *[]kconf.Word { return list }).Do(x, members, s)
}

// trackRows are the five track blocks; since is when each came. Their lines stay
// lines, because what may stand on them is the business of what is tracked.
func trackRows[C any](t func(*C) *Tracks, since map[string]string) kconf.Vocabulary[C] {
	row := func(name, what, doc string, status kconf.Status, field func(*Tracks) *[]*kconf.Stmt) kconf.Keyword[C] {
		fact := trackFacts[name]
		return kconf.Keyword[C]{Name: name, Refers: fact.block, Args: "{ " + what + " ... }", Default: fact.own, Since: since[name], Doc: doc, Status: status,
			Set: kconf.Lines(func(c *C) *[]*kconf.Stmt { return field(t(c)) }).WithVocab(fact.line).Says("line block", fact.weight)}
	}
	sessions := row("track_bfd", "BFD [weight N [reverse or noreverse]]", "BFD sessions that move state or priority.",
		kconf.NotYet, func(t *Tracks) *[]*kconf.Stmt { return &t.BFDs })
	sessions.Meanwhile = "no session runs; what tracks one is neither in fault nor moved by it"
	return kconf.Vocabulary[C]{
		row("track_interface", "IF [weight N [reverse]]", "Further interfaces: down is a fault, or costs the weight.",
			kconf.Acts, func(t *Tracks) *[]*kconf.Stmt { return &t.Interfaces }),
		row("track_script", "SCRIPT [weight N [reverse or noreverse]]", "Scripts whose result moves state or priority.",
			kconf.Acts, func(t *Tracks) *[]*kconf.Stmt { return &t.Scripts }),
		row("track_file", "FILE [weight N [reverse or noreverse]]", "Files whose number times the weight moves the priority.",
			kconf.Acts, func(t *Tracks) *[]*kconf.Stmt { return &t.Files }),
		row("track_process", "PROC [weight N [reverse or noreverse]]", "Processes that move state or priority.",
			kconf.Acts, func(t *Tracks) *[]*kconf.Stmt { return &t.Processes }),
		sessions,
	}
}

// trackFacts are what the manual says about the weights of each block.
var trackFacts = map[string]struct {
	own, weight string // the weight when none is written; the range
	line        kconf.Vocab
	block       string // that defines what is tracked; "": no block does
}{
	"track_interface": {"weight 0", "weight -253..253 (254 clipped)", TrackInterfaceLine, ""},
	"track_script":    {"weight of the script", "weight -253..253 (254 clipped)", TrackScriptLine, "vrrp_script"},
	"track_file":      {"weight of the track_file", "weight -254..254", TrackFileLine, "track_file"},
	"track_process":   {"weight of the process entry", "weight -254..254", TrackProcessLine, "vrrp_track_process"},
	"track_bfd":       {"weight of the bfd_instance", "weight -253..253", TrackBFDLine, "bfd_instance"},
}

// notifyRows are the hooks that instances and groups share; moves is the default
// of notify_priority_changes.
func notifyRows[C any](n func(*C) *Notify, moves string, since map[string]string) kconf.Vocabulary[C] {
	hook := func(name, doc string, field func(*Notify) **kconf.Script) kconf.Keyword[C] {
		return kconf.Keyword[C]{Name: name, Args: "SCRIPT [USER [GROUP]]", Default: "none", Since: since[name], Doc: doc,
			Set: kconf.ScriptLine(func(c *C) **kconf.Script { return field(n(c)) }).Says("SCRIPT", "once")}
	}
	return kconf.Vocabulary[C]{
		hook("notify_backup", "Run on entering BACKUP.", func(n *Notify) **kconf.Script { return &n.Backup }),
		hook("notify_master", "Run on entering MASTER.", func(n *Notify) **kconf.Script { return &n.Master }),
		hook("notify_fault", "Run on entering FAULT.", func(n *Notify) **kconf.Script { return &n.Fault }),
		hook("notify_stop", "Run when VRRP stops.", func(n *Notify) **kconf.Script { return &n.Stop }),
		hook("notify", "Run on any change, with kind, name, state and priority appended.", func(n *Notify) **kconf.Script { return &n.Any }),
		{Name: "smtp_alert", Args: "[BOOL]", Default: "smtp_alert_vrrp, smtp_alert, else false", Since: since["smtp_alert"], Doc: "Mail on changes of state.",
			Set: kconf.OptBool(func(c *C) **bool { return &n(c).SMTPAlert })},
		{Name: "notify_priority_changes", Args: "[BOOL]", Default: moves, Since: since["notify_priority_changes"], Status: kconf.NotYet, Doc: "Report changes of priority on FIFOs.",
			Set: kconf.OptBool(func(c *C) **bool { return &n(c).PriorityChanges })},
	}
}
