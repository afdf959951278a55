package config

import (
	"time"

	"holdfast/checkers"
	"holdfast/ipvs"
	"holdfast/kconf"
	"holdfast/track"
	"holdfast/vrrp"
)

// root is what the top level of a file fills in: decoded blocks, not yet
// checked against each other.
type root struct {
	global        Globals
	namespace     Once
	namespaceIPVS kconf.Pos
	instance      Once
	instances     []*vrrp.InstanceConfig
	groups        []*vrrp.GroupConfig
	scripts       []*track.ScriptConfig
	addresses     []*kconf.Stmt
	routes, rules []*kconf.Stmt
	servers       ipvs.Config
	ssl           *checkers.SSLConfig
}

// rootKeywords is the vocabulary of the file's top level.
var rootKeywords kconf.Vocabulary[root]

func init() { // the vocabulary and the functions in it refer to each other
	rootKeywords = append(kconf.Vocabulary[root]{
		{Name: "global_defs", Args: "{ ... }", Since: "0.5.3",
			Doc: "Settings of the whole daemon; several blocks are merged.",
			Set: kconf.Block(globalKeywords, func(_ *kconf.Ctx, r *root, _ *kconf.Stmt) *Globals { return &r.global }).Says("block", "may repeat, merged")},
		{Name: "net_namespace", Args: "NAME", Default: "none", Since: "1.2.24",
			Doc: "Network namespace to run in; -s goes before it.",
			Set: lookFirst(firstWord("STR", "first occurrence wins", func(r *root) *Once { return &r.namespace }))},
		{Name: "net_namespace_ipvs", Args: "[NAME]", Default: "same as net_namespace", Since: "2.1.0", Status: kconf.NotYet,
			Doc: "Network namespace of the IPVS table; without a name the one the daemon was started in.",
			Set: kconf.Custom("STR", "first occurrence wins", setNamespaceIPVS)},
		{Name: "namespace_with_ipsets", Default: "off", Since: "1.3.0",
			Doc: "Permit ipsets in a network namespace on kernels older than 3.13; newer ones always do.",
			Set: kconf.Flag(func(r *root) *bool { return &r.global.NamespaceWithIPSets }, true)},
		{Name: "instance", Args: "NAME", Default: "none", Since: "1.2.24",
			Doc: "Name that tells several daemons on one host apart, in pid files and the log.",
			Set: lookFirst(firstWord("STR", "first occurrence wins", func(r *root) *Once { return &r.instance }))},
		{Name: "use_pid_dir", Default: "off", Since: "1.2.24",
			Doc: "Put pid files into /run/keepalived.",
			Set: kconf.Flag(func(r *root) *bool { return &r.global.UsePIDDir }, true)},
		{Name: "linkbeat_use_polling", Default: "off", Since: "1.1.18", Status: kconf.NotYet,
			Doc: "Ask every VRRP interface for its link state instead of waiting for the kernel's word.",
			Set: kconf.Flag(func(r *root) *bool { return &r.global.LinkbeatPolling }, true)},
		{Name: "child_wait_time", Args: "SECONDS", Default: "5", Since: "2.0.0",
			Doc: "How long a stopping parent waits for its children and for hooks.",
			Set: kconf.Seconds(func(r *root) *time.Duration { return &r.global.ChildWait }, 0, longestTime, 0)},
		{Name: "vrrp_instance", Args: "NAME { ... }", Since: "0.5.3",
			Doc: "One virtual router (RFC 9568).",
			Set: kconf.Block(vrrp.InstanceKeywords, beginInstance)},
		{Name: "vrrp_sync_group", Args: "NAME { ... }", Since: "0.6.1",
			Doc: "Virtual routers that are master, wait and fail together.",
			Set: kconf.Block(vrrp.GroupKeywords, beginGroup)},
		{Name: "vrrp_script", Args: "NAME { ... }", Since: "1.1.13",
			Doc: "A command run again and again, whose result instances track.",
			Set: kconf.Custom("block", "", decodeScript).WithVocab(track.ScriptKeywords)},
		{Name: "static_ipaddress", Args: "{ ADDRESS... }", Since: "1.1.0",
			Doc: "Addresses that are there in every state.",
			Set: kconf.Lines(func(r *root) *[]*kconf.Stmt { return &r.addresses })},
		{Name: "static_routes", Args: "{ ROUTE... }", Since: "1.0.1",
			Doc: "Routes that are there in every state.",
			Set: kconf.Lines(func(r *root) *[]*kconf.Stmt { return &r.routes })},
		{Name: "static_rules", Args: "{ RULE... }", Since: "1.2.20",
			Doc: "Policy rules that are there in every state.",
			Set: kconf.Lines(func(r *root) *[]*kconf.Stmt { return &r.rules })},
		{Name: "SSL", Args: "{ ... }", Since: "0.5.3",
			Doc: "Client certificate of SSL_GET.",
			Set: kconf.Block(checkers.SSLVocabulary(), func(_ *kconf.Ctx, r *root, s *kconf.Stmt) *checkers.SSLConfig {
				r.ssl = &checkers.SSLConfig{Pos: s.Pos()}
				return r.ssl
			})},
	}, knownOnlyRoot("track_group", "garp_group",
		"linkbeat_interfaces", "vrrp_track_process", "interface_up_down_delays", "bfd_instance", "track_file", "vrrp_track_file")...)
	rootKeywords = append(rootKeywords, ipvs.Keywords(func(r *root) *ipvs.Config { return &r.servers }, checkKeywords()...)...)
}

// RootVocabulary is what a file may say at its top level, and through the blocks
// of its rows everything a configuration may say anywhere.
func RootVocabulary() kconf.Vocab { return rootKeywords }

// TopLevel are the blocks that stand in no other: where one opens inside
// another, closing braces are missing.
func TopLevel() []string {
	var names []string
	for _, d := range rootKeywords.Docs() {
		if d.Type == "block" || d.Type == "line block" {
			names = append(names, d.Name)
		}
	}
	return names
}

func knownOnlyRoot(names ...string) kconf.Vocabulary[root] {
	rows := make(kconf.Vocabulary[root], len(names))
	for i, n := range names {
		rows[i] = kconf.Keyword[root]{Name: n, Status: kconf.KnowOnly}
	}
	return rows
}

func setNamespaceIPVS(x *kconf.Ctx, r *root, s *kconf.Stmt) {
	if r.namespaceIPVS.IsValid() {
		repeated(x, s, r.namespaceIPVS)
		return
	}
	r.namespaceIPVS, r.global.NamespaceIPVS = s.Pos(), new(firstArg(s, ""))
}

// beginInstance reads the name of a vrrp_instance; nil skips the block.
func beginInstance(x *kconf.Ctx, r *root, s *kconf.Stmt) *vrrp.InstanceConfig {
	name, ok := uniqueName(x, s, func(name string) kconf.Pos {
		for _, o := range r.instances {
			if o.Name == name {
				return o.Pos
			}
		}
		return kconf.Pos{}
	})
	if !ok {
		return nil
	}
	c := &vrrp.InstanceConfig{Name: name, Pos: s.Pos()}
	r.instances = append(r.instances, c)
	return c
}

// beginGroup reads the name of a vrrp_sync_group; nil skips the block.
func beginGroup(x *kconf.Ctx, r *root, s *kconf.Stmt) *vrrp.GroupConfig {
	name, ok := uniqueName(x, s, func(name string) kconf.Pos {
		for _, o := range r.groups {
			if o.Name == name {
				return o.Pos
			}
		}
		return kconf.Pos{}
	})
	if !ok {
		return nil
	}
	c := &vrrp.GroupConfig{Name: name, Pos: s.Pos()}
	r.groups = append(r.groups, c)
	return c
}

// uniqueName reads the one word between a block's keyword and its brace. A
// block with none, with more, or with a name that is taken is skipped.
func uniqueName(x *kconf.Ctx, s *kconf.Stmt, taken func(string) kconf.Pos) (string, bool) {
	args := s.Args()
	switch {
	case len(args) == 0:
		x.Errorf(s.Pos(), kconf.ClassGeneral, "no-name", "%s: has no name, the block is skipped", s.Keyword())
		return "", false
	case len(args) > 1:
		x.Errorf(args[1].Pos, kconf.ClassGeneral, "extra-name", "%s %s: %s may not stand before the brace, the block is skipped", s.Keyword(), args[0].Text, args[1].Text)
		return "", false
	}
	if at := taken(args[0].Text); at.IsValid() {
		x.Diags.Add(kconf.Diagnostic{Pos: args[0].Pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate-name", Related: at,
			Message: s.Keyword() + " " + args[0].Text + ": the name is taken, this block is skipped"})
		return "", false
	}
	return args[0].Text, true
}

func decodeScript(x *kconf.Ctx, r *root, s *kconf.Stmt) {
	if c := track.DecodeScript(x, s); c != nil {
		r.scripts = append(r.scripts, c)
	}
}
