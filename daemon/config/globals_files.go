package config

import (
	"holdfast/kconf"
)

// Reload says when and how a configuration is read again.
type Reload struct {
	Check    bool   // a file with mistakes is not taken over
	CheckLog string // where the mistakes go; "": nowhere
	TimeFile string // its first line says when to reload
	Repeat   bool   // a time without date counts every day
	Marker   string // file that exists while the configuration is read; "": none
}

// Files are the places of what the daemon writes and reads beside its configuration.
type Files struct {
	SaveDir       string // copies of the configuration as read, for debugging
	TmpDir        Once   // for the copy that children read; "": in memory
	UseInstance   bool   // names of dump files carry instance and namespace
	JSONVersion   uint8
	IPRouteUsrDir string // tables of names that come with the system
	IPRouteEtcDir string // tables of names of this machine
	StateDump     string
	StatsDump     string
	JSONDump      string
}

// markerFile is what reload_file without a path means.
const markerFile = "/run/keepalived.reload"

// fileKeywords are the rows about reloading, files and what is left.
var fileKeywords = append(kconf.Vocabulary[Globals]{
	{Name: "random_seed", Args: "NUMBER", Default: "time based", Since: "2.0.15",
		Doc: "Kept; as in keepalived, ${_RANDOM} does not depend on it.",
		Set: kconf.OptUint(func(g *Globals) **uint32 { return &g.RandomSeed }, 0, maxUint32)},
	{Name: "include_check", Args: "[[+-]OPT...]", Default: "off; no OPT = all four", Since: "2.2.0",
		Doc: "Which failures of the include lines that follow end the program; the reader of the file obeys it.",
		Set: kconf.Custom("ENUM", "read match wildcard_match brace_match", func(*kconf.Ctx, *Globals, *kconf.Stmt) {})},
}, notYet(kconf.Vocabulary[Globals]{
	{Name: "reload_check_config", Args: "[FILE]", Default: "off; /dev/null without file", Since: "2.2.0",
		Doc: "Refuse a reload whose configuration has mistakes, and write them to the file.",
		Set: kconf.Custom("PATH", "", func(_ *kconf.Ctx, g *Globals, s *kconf.Stmt) {
			g.Reload.Check, g.Reload.CheckLog = true, firstArg(s, "/dev/null")
		})},
	{Name: "reload_time_file", Args: "PATH", Default: "none", Since: "2.1.0",
		Doc: "File whose first line says when to reload.",
		Set: onlyWord("PATH", "exactly one word", func(g *Globals) *string { return &g.Reload.TimeFile })},
	flagRow("reload_repeat", "2.1.0", "Keep the schedule, and repeat it daily when it is a time without date.",
		func(g *Globals) *bool { return &g.Reload.Repeat }),
	{Name: "reload_file", Args: "[PATH]", Default: "off; RUNDIR/keepalived.reload without path", Since: "2.2.0",
		Doc: "File that exists while the configuration is being read.",
		Set: kconf.Custom("PATH", "", func(_ *kconf.Ctx, g *Globals, s *kconf.Stmt) { g.Reload.Marker = firstArg(s, markerFile) })},
	{Name: "config_save_dir", Args: "DIRECTORY", Default: "none", Since: "2.2.3",
		Doc: "Keep a copy of the configuration as it was read at each load.",
		Set: kconf.String(func(g *Globals) *string { return &g.Files.SaveDir }).Says("PATH", "created if missing")},
	{Name: "tmp_config_directory", Args: "DIRECTORY", Default: "memory file", Since: "2.2.0",
		Doc: "Keep the copy of the configuration for the children there instead of in memory.",
		Set: firstWord("PATH", "first one wins", func(g *Globals) *Once { return &g.Files.TmpDir }).MissingIs(kconf.ClassGeneral)},
	boolRow("data_use_instance", "2.2.3", "Put the names of instance and namespace into those of dump files.",
		func(g *Globals) *bool { return &g.Files.UseInstance }),
	{Name: "json_version", Args: "NUMBER", Default: "1", Since: "2.2.8",
		Doc: "Layout of the JSON dump.",
		Set: kconf.Uint(func(g *Globals) *uint8 { return &g.Files.JSONVersion }, 1, 2)},
	{Name: "iproute_usr_dir", Args: "DIRECTORY", Default: "compile-time", Since: "2.3.2",
		Doc: "Where the system keeps its names of routing tables, protocols and scopes.",
		Set: onlyWord("PATH", "exactly one word", func(g *Globals) *string { return &g.Files.IPRouteUsrDir })},
	{Name: "iproute_etc_dir", Args: "DIRECTORY", Default: "compile-time", Since: "2.3.2",
		Doc: "Where this machine keeps its names of routing tables, protocols and scopes.",
		Set: onlyWord("PATH", "exactly one word", func(g *Globals) *string { return &g.Files.IPRouteEtcDir })},
	{Name: "state_dump_file", Args: "PATH", Default: "TMPDIR/keepalived.data", Since: "2.3.3",
		Doc: "Where dumps of the state go; with a slash at the end a directory.",
		Set: path(func(g *Globals) *string { return &g.Files.StateDump })},
	{Name: "stats_dump_file", Args: "PATH", Default: "TMPDIR/keepalived.stats", Since: "2.3.3",
		Doc: "Where dumps of statistics go; keepalived itself does not look at it.",
		Set: path(func(g *Globals) *string { return &g.Files.StatsDump })},
	{Name: "json_dump_file", Args: "PATH", Default: "TMPDIR/keepalived.json", Since: "2.3.3",
		Doc: "Where JSON dumps go; keepalived itself does not look at it.",
		Set: path(func(g *Globals) *string { return &g.Files.JSONDump })},
}...)...)

// firstArg is the first argument of s, def if it has none.
func firstArg(s *kconf.Stmt, def string) string {
	if args := s.Args(); len(args) > 0 {
		return args[0].Text
	}
	return def
}
