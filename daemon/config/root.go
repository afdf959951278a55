package config

import (
	"slices"
	"strings"
	"time"

	"holdfast/bfd"
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
	blocks        map[string]kconf.Pos // named blocks: "vrrp_instance NAME"
	instances     []*vrrp.InstanceConfig
	groups        []*vrrp.GroupConfig
	scripts       []*track.ScriptConfig
	files         []*track.FileConfig
	processes     []*track.ProcessConfig
	sessions      []*bfd.Config
	trackGroups   []*vrrp.TrackGroupConfig
	garpGroups    []*vrrp.GARPGroupConfig
	linkbeat      []vrrp.Linkbeat
	delays        []vrrp.LinkDelays
	addresses     []*kconf.Stmt
	routes, rules []*kconf.Stmt
	servers       ipvs.Config
	ssl           *checkers.SSLConfig
}

// rootKeywords is the vocabulary of the file's top level.
var rootKeywords kconf.Vocabulary[root]

func init() { // the vocabulary and the functions in it refer to each other
	rootKeywords = slices.Concat(kconf.Vocabulary[root]{
		{Name: "global_defs", Args: "{ ... }", Since: "0.5.3",
			Doc: "Settings of the whole daemon; several blocks are merged.",
			Set: kconf.Block(globalKeywords, func(_ *kconf.Ctx, r *root, _ *kconf.Stmt) *Globals { return &r.global }).Says("block", "may repeat, merged")},
		{Name: "net_namespace", Args: "NAME", Default: "none", Since: "1.2.24",
			Doc: "Network namespace to run in; -s goes before it.",
			Set: firstWord("STR", "first occurrence wins", func(r *root) *Once { return &r.namespace }).MissingIs(kconf.ClassGeneral)},
		{Name: "net_namespace_ipvs", Args: "[NAME]", Default: "same as net_namespace", Since: "2.1.0",
			Doc: "Network namespace of the IPVS table; without a name the default one, which is that of process 1.",
			Set: kconf.Custom("STR", "first occurrence wins", setNamespaceIPVS)},
		{Name: "namespace_with_ipsets", Default: "off", Since: "1.3.0",
			Doc: "Permit ipsets in a network namespace on kernels older than 3.13; newer ones always do.",
			Set: kconf.Flag(func(r *root) *bool { return &r.global.NamespaceWithIPSets }, true)},
		{Name: "instance", Args: "NAME", Default: "none", Since: "1.2.24",
			Doc: "Name that tells several daemons on one host apart, in pid files and the log.",
			Set: firstWord("STR", "first occurrence wins", func(r *root) *Once { return &r.instance }).MissingIs(kconf.ClassGeneral)},
		{Name: "use_pid_dir", Default: "off", Since: "1.2.24",
			Doc: "Put pid files into /run/keepalived.",
			Set: kconf.Flag(func(r *root) *bool { return &r.global.UsePIDDir }, true)},
		{Name: "linkbeat_use_polling", Default: "off", Since: "1.1.18",
			Doc: "Ask every VRRP interface for its link state instead of waiting for the kernel's word.",
			Set: kconf.Flag(func(r *root) *bool { return &r.global.LinkbeatPolling }, true)},
		{Name: "child_wait_time", Args: "SECONDS", Default: "5", Since: "2.0.0",
			Doc: "How long a stopping parent waits for its children and for hooks.",
			Set: kconf.Seconds(func(r *root) *time.Duration { return &r.global.ChildWait }, 0, longestTime, 0)},
	}, routerRows(), staticRows(), kconf.Vocabulary[root]{
		{Name: "SSL", Args: "{ ... }", Default: "auto-generated context", Since: "0.5.3",
			Doc: "Client certificate of SSL_GET.",
			Set: kconf.Block(checkers.SSLVocabulary(), func(x *kconf.Ctx, r *root, s *kconf.Stmt) *checkers.SSLConfig {
				if r.ssl != nil {
					x.Diags.Add(kconf.Diagnostic{Pos: s.Pos(), Related: r.ssl.Pos, Severity: kconf.Warning, Class: kconf.ClassGeneral, ID: "repeated",
						Message: "SSL: given before, this one counts"})
				}
				r.ssl = &checkers.SSLConfig{Pos: s.Pos()}
				return r.ssl
			}).Says("block", "single")},
	}, ipvs.Keywords(func(r *root) *ipvs.Config { return &r.servers }, checkKeywords()...))
}

// RootVocabulary is what a file may say at its top level, and through the blocks
// of its rows everything a configuration may say anywhere.
func RootVocabulary() kconf.Vocab { return rootKeywords }

// TopLevel are the blocks that stand in no other: where one opens inside
// another, closing braces are missing. A word that means something inside a
// block, too, tells nothing.
func TopLevel() []string {
	inside := map[string]bool{}
	var walk func(v kconf.Vocab)
	walk = func(v kconf.Vocab) {
		for _, d := range v.Docs() {
			inside[d.Name] = true
			for _, alias := range d.Aliases {
				inside[alias] = true
			}
			if d.KeywordBlock() {
				walk(d.Block)
			}
		}
	}
	var names []string
	docs := rootKeywords.Docs()
	for _, d := range docs {
		if d.KeywordBlock() {
			walk(d.Block)
		}
	}
	for _, d := range docs {
		if !inside[d.Name] && (d.Type == "block" || strings.HasPrefix(d.Type, "line block")) {
			names = append(names, d.Name)
		}
	}
	return names
}

func setNamespaceIPVS(x *kconf.Ctx, r *root, s *kconf.Stmt) {
	if r.namespaceIPVS.IsValid() {
		repeated(x, s, r.namespaceIPVS)
		return
	}
	r.namespaceIPVS, r.global.NamespaceIPVS = s.Pos(), new(firstArg(s, ""))
}
