package lsp

import (
	"holdfast/kconf"
)

// config is what the vocabulary of these tests fills in: only lines and words,
// since nobody looks at it.
type config struct {
	text  string
	flag  bool
	count uint
	lines []*kconf.Stmt
	words []kconf.Word
	cmd   *kconf.Script
}

func text(c *config) *string           { return &c.text }
func lines(c *config) *[]*kconf.Stmt   { return &c.lines }
func words(c *config) *[]kconf.Word    { return &c.words }
func count(c *config) *uint            { return &c.count }
func command(c *config) **kconf.Script { c.cmd = nil; return &c.cmd }

// named is a block that any number of words may stand before.
func namedBlock(v kconf.Vocabulary[config]) kconf.Setter[config] {
	return kconf.Block(v, func(_ *kconf.Ctx, c *config, _ *kconf.Stmt) *config { return new(config) })
}

var instanceRows = kconf.Vocabulary[config]{
	{Name: "state", Args: "STATE", Doc: "The state to begin with.", Default: "BACKUP", Since: "0.1", Set: kconf.Enum(text, "MASTER", "BACKUP")},
	{Name: "interface", Args: "INTERFACE", Set: kconf.Iface(text)},
	{Name: "priority", Args: "N", Aliases: []string{"prio"}, Default: "100", Doc: "Who wins.", Set: kconf.Uint(count, 1, 255)},
	{Name: "nopreempt", Deprecated: "preempt off", Set: kconf.Flag(func(c *config) *bool { return &c.flag }, true)},
	{Name: "notify", Args: "SCRIPT [USER [GROUP]]", Set: kconf.ScriptLine(command)},
	{Name: "track_script", Args: "{ SCRIPT... }", Doc: "Scripts that count.", Refers: "vrrp_script", Set: kconf.Lines(lines)},
	{Name: "virtual_ipaddress", Args: "{ ADDRESS... }", Doc: "The addresses.", Set: kconf.Lines(lines)},
}

var rootRows = kconf.Vocabulary[config]{
	{Name: "global_defs", Args: "{ ... }", Set: namedBlock(kconf.Vocabulary[config]{
		{Name: "router_id", Args: "NAME", Set: kconf.String(text)},
		{Name: "lvs_sync_daemon", Args: "IF [inst] INSTANCE", Refers: "vrrp_instance",
			Set: kconf.Custom("mixed", "", func(_ *kconf.Ctx, _ *config, _ *kconf.Stmt) {})},
	})},
	{Name: "vrrp_script", Args: "NAME { ... }", Defines: "vrrp_script", Set: namedBlock(kconf.Vocabulary[config]{
		{Name: "script", Args: "COMMAND", Set: kconf.Command(command)},
		{Name: "interval", Args: "SECONDS", Set: kconf.Uint(count, 1, 60)},
	})},
	{Name: "vrrp_instance", Args: "NAME { ... }", Doc: "One virtual router.", Defines: "vrrp_instance", Set: namedBlock(instanceRows)},
	{Name: "vrrp_sync_group", Args: "NAME { ... }", Defines: "vrrp_sync_group", Set: namedBlock(kconf.Vocabulary[config]{
		{Name: "group", Args: "{ INSTANCE... }", Refers: "vrrp_instance", Set: kconf.Words(words)},
	})},
	{Name: "virtual_server_group", Args: "NAME { ENTRY... }", Defines: "virtual_server_group",
		Set: kconf.Custom("line block", "", func(_ *kconf.Ctx, _ *config, _ *kconf.Stmt) {}).WithBlock()},
	{Name: "virtual_server", Args: "IP PORT | group NAME { ... }", Refers: "virtual_server_group", Set: namedBlock(kconf.Vocabulary[config]{
		{Name: "quorum", Args: "N", Status: kconf.NotYet, Set: kconf.Uint(count, 1, 9)},
	})},
}

// check reads as --config-test does.
func check(path string, files kconf.FS) (*kconf.Diagnostics, *kconf.File) {
	f, ds := kconf.ParseFile(path, kconf.Options{ConfigID: "lb1", FS: files, TopLevel: []string{"vrrp_instance"}})
	rootRows.Decode(&kconf.Ctx{Diags: ds}, new(config), f.Stmts)
	return ds, f
}
