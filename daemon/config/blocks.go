package config

import (
	"slices"

	"holdfast/bfd"
	"holdfast/host"
	"holdfast/kconf"
	"holdfast/track"
	"holdfast/vrrp"
)

// routerRows are the blocks of VRRP and of what it tracks.
func routerRows() kconf.Vocabulary[root] {
	file := kconf.Keyword[root]{Name: "track_file", Defines: "track_file", Args: "NAME { ... }", Since: "2.1.0",
		Doc: "A file with a number that moves priorities and weights.",
		Set: collect(track.FileKeywords, track.DecodeFile, func(r *root) *[]*track.FileConfig { return &r.files })}
	old := oldName(file, "vrrp_track_file", "2.0.0", "write track_file instead")
	old.Set.Block = track.OldFileKeywords
	return kconf.Vocabulary[root]{
		{Name: "vrrp_instance", Defines: "vrrp_instance", Args: "NAME { ... }", Since: "0.5.3",
			Doc: "One virtual router (RFC 9568).",
			Set: kconf.Block(instanceKeywords(), beginInstance).Says("block", "unique NAME")},
		{Name: "vrrp_sync_group", Defines: "vrrp_sync_group", Args: "NAME { ... }", Since: "0.6.1",
			Doc: "Virtual routers that are master, wait and fail together.",
			Set: kconf.Block(vrrp.GroupKeywords, beginGroup).Says("block", "unique NAME")},
		{Name: "vrrp_script", Defines: "vrrp_script", Args: "NAME { ... }", Since: "1.1.13",
			Doc: "A command run again and again, whose result instances track.",
			Set: collect(track.ScriptKeywords, track.DecodeScript, func(r *root) *[]*track.ScriptConfig { return &r.scripts })},
		{Name: "vrrp_track_process", Defines: "vrrp_track_process", Args: "NAME { ... }", Since: "2.0.11",
			Doc: "Processes that must run, which instances track.",
			Set: collect(track.ProcessKeywords, track.DecodeProcess, func(r *root) *[]*track.ProcessConfig { return &r.processes })},
		file, old,
		{Name: "bfd_instance", Defines: "bfd_instance", Args: "NAME { ... }", Since: "2.0.0", Status: kconf.NotYet,
			Doc: "A BFD session with a neighbour (RFC 5880).",
			Set: collect(bfd.Keywords, bfd.Decode, func(r *root) *[]*bfd.Config { return &r.sessions }).Says("block", "NAME up to 31 chars, unique")},
		{Name: "garp_group", Args: "{ ... }", Since: "1.2.21",
			Doc: "Least time between announcements on some interfaces.",
			Set: collect(vrrp.GARPGroupKeywords, vrrp.DecodeGARPGroup, func(r *root) *[]*vrrp.GARPGroupConfig { return &r.garpGroups })},
		{Name: "linkbeat_interfaces", Args: "{ IF [MII or ETHTOOL or IOCTL] ... }", Since: "2.0.13",
			Doc: "Interfaces that are asked every second whether their link works, and how, rather than believing what the kernel tells.",
			Set: vrrp.LinkbeatInterfaces(func(r *root) *[]vrrp.Linkbeat { return &r.linkbeat }).Says("line block", "interface must exist")},
		{Name: "interface_up_down_delays", Args: "{ IF DOWN [UP] ... }", Default: "none", Since: "2.2.3",
			Doc: "How long a change of a link must last before it counts; always shorter than peers wait for adverts.",
			Set: vrrp.InterfaceUpDownDelays(func(r *root) *[]vrrp.LinkDelays { return &r.delays }).Says("line block DEC6 s", "0..255 each")},
	}
}

// instanceKeywords is vrrp's vocabulary of vrrp_instance, with what may stand on
// address, route and rule lines: package host reads those.
func instanceKeywords() kconf.Vocabulary[vrrp.InstanceConfig] {
	rows := slices.Clone(vrrp.InstanceKeywords)
	for i := range rows {
		switch rows[i].Name {
		case "virtual_ipaddress", "virtual_ipaddress_excluded":
			rows[i].Set.Block = host.AddressOptions
		case "virtual_routes":
			rows[i].Set.Block = host.RouteOptions
		case "virtual_rules":
			rows[i].Set.Block = host.RuleOptions
		}
	}
	return rows
}

// staticRows are the blocks of what is there in every state.
func staticRows() kconf.Vocabulary[root] {
	return kconf.Vocabulary[root]{
		{Name: "track_group", Defines: "track_group", Args: "NAME { group { INSTANCE... } }", Since: "2.0.3",
			Doc: "Instances that are in fault while the interface of a static address, route or rule of the group is down or missing. What is deleted is put back.",
			Set: kconf.Custom("block", "unique NAME", decodeTrackGroup).WithVocab(vrrp.TrackGroupKeywords)},
		{Name: "static_ipaddress", Args: "{ ADDRESS... }", Since: "1.1.0",
			Doc: "Addresses that are there in every state.",
			Set: kconf.Lines(func(r *root) *[]*kconf.Stmt { return &r.addresses }).WithVocab(host.AddressOptions)},
		{Name: "static_routes", Args: "{ ROUTE... }", Since: "1.0.1",
			Doc: "Routes that are there in every state.",
			Set: kconf.Lines(func(r *root) *[]*kconf.Stmt { return &r.routes }).WithVocab(host.RouteOptions)},
		{Name: "static_rules", Args: "{ RULE... }", Since: "1.2.20",
			Doc: "Policy rules that are there in every state.",
			Set: kconf.Lines(func(r *root) *[]*kconf.Stmt { return &r.rules }).WithVocab(host.RuleOptions)},
	}
}

// collect is the setter of a block that a package decodes as a whole; nil means
// that it is not used, and that this has been said.
func collect[T any](v kconf.Vocab, decode func(*kconf.Ctx, *kconf.Stmt) *T, list func(*root) *[]*T) kconf.Setter[root] {
	return kconf.Custom("block", "", func(x *kconf.Ctx, r *root, s *kconf.Stmt) {
		if c := decode(x, s); c != nil {
			*list(r) = append(*list(r), c)
		}
	}).WithVocab(v)
}

// beginInstance reads the name of a vrrp_instance; nil skips the block.
func beginInstance(x *kconf.Ctx, r *root, s *kconf.Stmt) *vrrp.InstanceConfig {
	name, ok := r.uniqueName(x, s)
	if !ok {
		return nil
	}
	c := &vrrp.InstanceConfig{Name: name, Pos: s.Pos()}
	r.instances = append(r.instances, c)
	return c
}

// beginGroup reads the name of a vrrp_sync_group; nil skips the block.
func beginGroup(x *kconf.Ctx, r *root, s *kconf.Stmt) *vrrp.GroupConfig {
	name, ok := r.uniqueName(x, s)
	if !ok {
		return nil
	}
	c := &vrrp.GroupConfig{Name: name, Pos: s.Pos()}
	r.groups = append(r.groups, c)
	return c
}

func decodeTrackGroup(x *kconf.Ctx, r *root, s *kconf.Stmt) {
	if len(s.Args()) > 0 && r.taken(x, s) {
		return
	}
	if g := vrrp.DecodeTrackGroup(x, s); g != nil {
		r.trackGroups = append(r.trackGroups, g)
	}
}

// uniqueName reads the one word between a block's keyword and its brace. A
// block with none, with more, or with a name that is taken is skipped.
func (r *root) uniqueName(x *kconf.Ctx, s *kconf.Stmt) (string, bool) {
	args := s.Args()
	switch {
	case len(args) == 0:
		x.Errorf(s.Pos(), kconf.ClassGeneral, "no-name", "%s: has no name, the block is skipped", s.Keyword())
		return "", false
	case len(args) > 1:
		x.Errorf(args[1].Pos, kconf.ClassGeneral, "extra-arguments", "%s %s: %s may not stand before the brace, the block is skipped", s.Keyword(), args[0].Text, args[1].Text)
		return "", false
	}
	return args[0].Text, !r.taken(x, s)
}

// taken reports a block whose name another one of its kind has, and remembers
// the name of one that is new.
func (r *root) taken(x *kconf.Ctx, s *kconf.Stmt) bool {
	key := s.Keyword() + " " + s.Args()[0].Text
	if first, taken := r.blocks[key]; taken {
		duplicateName(x, s.Keyword(), s.Args()[0].Text, s.Args()[0].Pos, first)
		return true
	}
	r.blocks[key] = s.Pos()
	return false
}

func duplicateName(x *kconf.Ctx, block, name string, pos, first kconf.Pos) {
	x.Diags.Add(kconf.Diagnostic{Pos: pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate-name", Related: first,
		Message: block + " " + name + ": the name is taken, this block is skipped"})
}
