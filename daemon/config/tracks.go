package config

import (
	"slices"

	"holdfast/bfd"
	"holdfast/checkers"
	"holdfast/kconf"
	"holdfast/track"
	"holdfast/vrrp"
)

// Trackers are what moves the priority of an instance or keeps it in FAULT. The
// names exist, each once, and weights are those that count.
type Trackers struct {
	Links          []track.Ref // track_interface
	Scripts        []track.Ref // track_script
	TrackFiles     []track.Ref // track_file
	TrackProcesses []track.Ref // track_process
	TrackBFDs      []track.Ref // track_bfd
}

// trackKind says where the lines of one kind of tracker stand, and what they become.
type trackKind struct {
	kind  track.Kind
	lines func(*vrrp.Tracks) []*kconf.Stmt
	refs  func(*Trackers) *[]track.Ref
	what  string // the block that defines it
}

var trackKinds = []trackKind{
	{track.Interface, func(t *vrrp.Tracks) []*kconf.Stmt { return t.Interfaces }, func(t *Trackers) *[]track.Ref { return &t.Links }, ""},
	{track.Script, func(t *vrrp.Tracks) []*kconf.Stmt { return t.Scripts }, func(t *Trackers) *[]track.Ref { return &t.Scripts }, "vrrp_script"},
	{track.File, func(t *vrrp.Tracks) []*kconf.Stmt { return t.Files }, func(t *Trackers) *[]track.Ref { return &t.TrackFiles }, "track_file"},
	{track.Process, func(t *vrrp.Tracks) []*kconf.Stmt { return t.Processes }, func(t *Trackers) *[]track.Ref { return &t.TrackProcesses }, "vrrp_track_process"},
	{track.BFD, func(t *vrrp.Tracks) []*kconf.Stmt { return t.BFDs }, func(t *Trackers) *[]track.Ref { return &t.TrackBFDs }, "bfd_instance"},
}

// definition is a block that track lines may name.
type definition struct {
	pos    kconf.Pos
	weight int
	used   bool // by an instance
}

// define lists what track lines may name, wherever in the file it stands. Of
// two blocks with one name the first counts.
func (a *assembler) define() {
	a.defs = map[track.Kind]map[string]*definition{}
	for _, k := range trackKinds {
		a.defs[k.kind] = map[string]*definition{}
	}
	put := func(kind track.Kind, name string, d definition) {
		if a.defs[kind][name] == nil {
			a.defs[kind][name] = &d
		}
	}
	for _, s := range a.c.Scripts {
		put(track.Script, s.Name, definition{pos: s.Pos, weight: s.Weight})
	}
	for _, f := range a.c.Files {
		put(track.File, f.Name, definition{pos: f.Pos, weight: f.Weight})
	}
	for _, p := range a.c.Processes {
		put(track.Process, p.Name, definition{pos: p.Pos, weight: p.Weight})
	}
	for _, b := range a.c.BFDs {
		if b.VRRP { // others are the checkers' alone
			put(track.BFD, b.Name, definition{pos: b.Pos, weight: b.Weight})
		}
	}
}

// sessions drops BFD sessions that are there already, by name or by neighbour.
func (a *assembler) sessions() {
	type ends struct {
		neighbor, source string
		multihop         bool
	}
	names, sessions := map[string]kconf.Pos{}, map[ends]*bfd.Config{}
	for _, b := range a.r.sessions {
		e := ends{b.NeighborIP.String(), b.SourceIP.String(), b.Multihop}
		if first, taken := names[b.Name]; taken {
			duplicateName(a.x, "bfd_instance", b.Name, b.Pos, first)
			continue
		}
		if first := sessions[e]; first != nil {
			a.x.Diags.Add(kconf.Diagnostic{Pos: b.At("neighbor_ip"), Related: first.At("neighbor_ip"), Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate-session",
				Message: "bfd_instance " + b.Name + ": " + first.Name + " is a session with " + b.NeighborIP.String() + " already, this one is not used"})
			continue
		}
		names[b.Name], sessions[e] = b.Pos, b
		a.c.BFDs = append(a.c.BFDs, b)
	}
}

// weight is what a tracker adds: its line's weight, else that of the definition.
func (a *assembler) weight(kind track.Kind, r track.Ref) int {
	if r.Weight != nil {
		return *r.Weight
	}
	if d := a.defs[kind][r.Name]; d != nil {
		return d.weight
	}
	return 0
}

// trackers reads the track blocks of an instance or group, called block and
// name. A line about something that does not exist is left out.
func (a *assembler) trackers(block, name string, t *vrrp.Tracks) Trackers {
	var all Trackers
	for _, k := range trackKinds {
		list := a.refs(k.kind, k.lines(t))
		*k.refs(&all) = slices.DeleteFunc(list, func(r track.Ref) bool {
			if k.kind == track.Interface {
				a.link(r.Pos, r.Name)
				return false
			}
			unknown := a.defs[k.kind][r.Name] == nil
			if unknown {
				a.x.Errorf(r.Pos, kconf.ClassGeneral, "unknown-"+string(k.kind), "%s %s: track_%s %s: there is no %s of that name", block, name, k.kind, r.Name, k.what)
			}
			return unknown
		})
	}
	return all
}

// refs decodes the lines of a track block; a name that stands twice counts once.
func (a *assembler) refs(kind track.Kind, lines []*kconf.Stmt) []track.Ref {
	var list []track.Ref
	seen := map[string]kconf.Pos{}
	for _, s := range lines {
		r, ok := track.DecodeRef(a.x, kind, s)
		if !ok {
			continue
		}
		if first, twice := seen[r.Name]; twice {
			a.x.Diags.Add(kconf.Diagnostic{Pos: r.Pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate", Related: first,
				Message: "track_" + string(kind) + " " + r.Name + ": given before, this line is ignored"})
			continue
		}
		seen[r.Name] = r.Pos
		list = append(list, r)
	}
	return list
}

func indexRef(list []track.Ref, name string) int {
	return slices.IndexFunc(list, func(r track.Ref) bool { return r.Name == name })
}

// instanceTrackers are those of the instance itself. Weights would let the
// priorities of a sync group drift apart, unless that is wanted, and mean
// nothing to an address owner.
func (a *assembler) instanceTrackers(in *Instance) {
	in.Trackers = a.trackers("vrrp_instance", in.Name, &in.Tracks)
	in.Links = slices.DeleteFunc(in.Links, func(r track.Ref) bool {
		own := r.Name == in.Interface
		if own {
			a.x.Warnf(r.Pos, kconf.ClassGeneral, "own-interface", "vrrp_instance %s: track_interface %s: is its own interface, which is tracked anyway", in.Name, r.Name)
		}
		return own
	})
	if g := a.member[in.Name]; g != nil && !g.TrackingWeight {
		a.weightless(in, "group-weight", "in sync group "+g.Name, true)
	}
	if in.Params.Owner() {
		a.weightless(in, "owner-weight", "the address owner", false)
	}
	for _, k := range trackKinds {
		for _, r := range *k.refs(&in.Trackers) {
			if d := a.defs[k.kind][r.Name]; d != nil {
				d.used = true
			}
		}
	}
}

// weightless drops the trackers of in that have a weight, or their weight: of an
// interface with keepLinks, and of a file whose weight is 1, as it is when
// nothing is written. Those of processes stay as they are.
func (a *assembler) weightless(in *Instance, id, why string, keepLinks bool) {
	for _, k := range trackKinds {
		if k.kind == track.Process {
			continue
		}
		list := k.refs(&in.Trackers)
		kept := (*list)[:0]
		for _, r := range *list {
			weight := a.weight(k.kind, r)
			keep := weight == 0 || k.kind == track.Interface && keepLinks || k.kind == track.File && weight == 1
			if weight != 0 {
				used := "a tracker with weight is not used"
				if keep {
					used, r.Weight = "the weight is not used", new(0)
				}
				a.x.Errorf(r.Pos, kconf.ClassGeneral, id, "track_%s %s: %s is %s, %s", k.kind, r.Name, in.Name, why, used)
			}
			if keep {
				kept = append(kept, r)
			}
		}
		*list = kept
	}
}

// unusedScripts names scripts that nothing tracks: they are not run.
func (a *assembler) unusedScripts() {
	for _, s := range a.c.Scripts {
		if d := a.defs[track.Script][s.Name]; d.pos != s.Pos || !d.used {
			a.x.Notef(s.Pos, "unused-script", "Warning - script %s is not used", s.Name)
		}
	}
}

// drop removes the track scripts and checks that stand at these places of the
// file, and the lines that refer to them.
func (c *Config) drop(places []string) {
	if len(places) == 0 {
		return
	}
	set := map[string]bool{}
	for _, p := range places {
		set[p] = true
	}
	gone := func(p kconf.Pos) bool { return set[p.String()] }
	c.Scripts = slices.DeleteFunc(c.Scripts, func(s *track.ScriptConfig) bool { return gone(s.Pos) })
	c.indexScripts()
	unknown := func(r track.Ref) bool { return c.Script(r.Name) == nil }
	for _, in := range c.Instances {
		in.Scripts = slices.DeleteFunc(in.Scripts, unknown)
	}
	for _, g := range c.Groups {
		g.Scripts = slices.DeleteFunc(g.Scripts, unknown)
	}
	for _, s := range c.Services {
		for i := range s.Checks {
			s.Checks[i] = slices.DeleteFunc(s.Checks[i], func(spec checkers.Spec) bool { return gone(spec.Pos) })
		}
	}
}

// File is the track_file of that name; of two with one name the first. nil:
// there is none.
func (c *Config) File(name string) *track.FileConfig {
	if i := slices.IndexFunc(c.Files, func(f *track.FileConfig) bool { return f.Name == name }); i >= 0 {
		return c.Files[i]
	}
	return nil
}

// Process is the vrrp_track_process of that name; of two with one name the
// first. nil: there is none.
func (c *Config) Process(name string) *track.ProcessConfig {
	if i := slices.IndexFunc(c.Processes, func(p *track.ProcessConfig) bool { return p.Name == name }); i >= 0 {
		return c.Processes[i]
	}
	return nil
}

// indexScripts makes scripts be found by name; of two with one name the first is.
func (c *Config) indexScripts() {
	c.scripts = make(map[string]*track.ScriptConfig, len(c.Scripts))
	for _, s := range c.Scripts {
		if c.scripts[s.Name] == nil {
			c.scripts[s.Name] = s
		}
	}
}

// Script is the vrrp_script of that name, nil if there is none.
func (c *Config) Script(name string) *track.ScriptConfig { return c.scripts[name] }
