package config

import (
	"fmt"
	"net/netip"
	"slices"

	"holdfast/checkers"
	"holdfast/kconf"
	"holdfast/track"
	"holdfast/vrrp"
)

// refs decodes the lines of a track block; a name that stands twice counts once.
func (a *assembler) refs(kind track.Kind, lines []*kconf.Stmt) []track.Ref {
	var list []track.Ref
	for _, s := range lines {
		r, ok := track.DecodeRef(a.x, kind, s)
		if !ok {
			continue
		}
		if i := indexRef(list, r.Name); i >= 0 {
			a.x.Diags.Add(kconf.Diagnostic{Pos: r.Pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate", Related: list[i].Pos,
				Message: fmt.Sprintf("track_%s %s: given before, this line is ignored", kind, r.Name)})
			continue
		}
		list = append(list, r)
	}
	return list
}

func indexRef(list []track.Ref, name string) int {
	return slices.IndexFunc(list, func(r track.Ref) bool { return r.Name == name })
}

// groups links sync groups with their members.
func (a *assembler) groups() {
	member := map[string]string{}
	byName := map[string]*Instance{}
	for _, in := range a.c.Instances {
		byName[in.Name] = in
	}
	for _, g := range a.r.groups {
		var members []string
		for _, w := range g.Members {
			in := byName[w.Text]
			switch {
			case in == nil:
				a.x.Errorf(w.Pos, kconf.ClassGeneral, "unknown-instance", "vrrp_sync_group %s: there is no vrrp_instance %s", g.Name, w.Text)
			case member[w.Text] != "":
				a.x.Errorf(w.Pos, kconf.ClassGeneral, "already-grouped", "vrrp_sync_group %s: %s is in group %s already", g.Name, w.Text, member[w.Text])
			default:
				member[w.Text] = g.Name
				members = append(members, w.Text)
				in.SyncGroup, in.Params.Grouped = g.Name, true
			}
		}
		a.groupTracks(g, members, byName)
		switch len(members) {
		case 0:
			a.x.Errorf(g.Pos, kconf.ClassGeneral, "empty-group", "vrrp_sync_group %s: has no member; it is not used", g.Name)
			continue
		case 1:
			a.x.Warnf(g.Pos, kconf.ClassGeneral, "one-member", "vrrp_sync_group %s: has one member, which is probably not wanted", g.Name)
		}
		a.c.Groups = append(a.c.Groups, g)
	}
}

// groupTracks gives the trackers of a group to every member. A member's own
// weighted trackers would let the priorities of a group drift apart; without
// sync_group_tracking_weight interfaces count without weight and scripts not
// at all.
func (a *assembler) groupTracks(g *vrrp.GroupConfig, members []string, byName map[string]*Instance) {
	links, scripts := a.refs(track.Interface, g.Tracks.Interfaces), a.refs(track.Script, g.Tracks.Scripts)
	for _, name := range members {
		in := byName[name]
		if !g.TrackingWeight {
			a.weightless(g, in)
		}
		for _, r := range links {
			if indexRef(in.Links, r.Name) < 0 && r.Name != in.Interface {
				in.Links = append(in.Links, r)
				a.link(r.Pos, r.Name)
			}
		}
		for _, r := range scripts {
			switch {
			case a.c.Script(r.Name) == nil:
				a.x.Errorf(r.Pos, kconf.ClassGeneral, "unknown-script", "vrrp_sync_group %s: track_script %s: there is no vrrp_script of that name", g.Name, r.Name)
			case indexRef(in.Scripts, r.Name) < 0:
				in.Scripts = append(in.Scripts, r)
			}
		}
	}
}

func (a *assembler) weightless(g *vrrp.GroupConfig, in *Instance) {
	none := 0
	for i := range in.Links {
		if r := &in.Links[i]; r.Weight != nil && *r.Weight != 0 {
			a.x.Errorf(r.Pos, kconf.ClassGeneral, "group-weight", "track_interface %s: %s is in sync group %s, the weight is not used", r.Name, in.Name, g.Name)
			r.Weight = &none
		}
	}
	in.Scripts = slices.DeleteFunc(in.Scripts, func(r track.Ref) bool {
		weight := a.c.Script(r.Name).Weight
		if r.Weight != nil {
			weight = *r.Weight
		}
		if weight != 0 {
			a.x.Errorf(r.Pos, kconf.ClassGeneral, "group-weight", "track_script %s: %s is in sync group %s, a script with weight is not tracked", r.Name, in.Name, g.Name)
		}
		return weight != 0
	})
}

// ownerTracks drops trackers with a weight from an address owner: its priority
// is 255 whatever they find.
func (a *assembler) ownerTracks(in *Instance) {
	weighted := func(kind track.Kind, own func(string) int) func(track.Ref) bool {
		return func(r track.Ref) bool {
			weight := own(r.Name)
			if r.Weight != nil {
				weight = *r.Weight
			}
			if weight != 0 {
				a.x.Errorf(r.Pos, kconf.ClassGeneral, "owner-weight", "track_%s %s: %s is the address owner, a tracker with weight is not used", kind, r.Name, in.Name)
			}
			return weight != 0
		}
	}
	in.Links = slices.DeleteFunc(in.Links, weighted(track.Interface, func(string) int { return 0 }))
	in.Scripts = slices.DeleteFunc(in.Scripts, weighted(track.Script, func(name string) int {
		if s := a.c.Script(name); s != nil {
			return s.Weight
		}
		return 0
	}))
}

// duplicates finds two multicast instances that would be the same virtual
// router on one link.
func (a *assembler) duplicates() {
	type id struct {
		link  string
		vrid  uint8
		ipv6  bool
		group netip.Addr
	}
	first := map[id]*Instance{}
	for _, in := range a.c.Instances {
		if in.Params.Unicast() || in.Params.VRID == 0 {
			continue
		}
		k := id{in.Interface, in.Params.VRID, in.Params.IPv6, in.Params.MulticastGroup()}
		if other := first[k]; other != nil {
			a.stop(in.Pos, "duplicate-vrid", "vrrp_instance %s: virtual_router_id %d on %s is that of %s too, at %v", in.Name, k.vrid, k.link, other.Name, other.Pos)
			continue
		}
		first[k] = in
	}
}

// unknownTracks reports track lines whose object does not exist.
func (a *assembler) unknownTracks() {
	c, x := a.c, a.x
	for _, in := range c.Instances {
		in.Scripts = slices.DeleteFunc(in.Scripts, func(r track.Ref) bool {
			unknown := c.Script(r.Name) == nil
			if unknown {
				x.Errorf(r.Pos, kconf.ClassGeneral, "unknown-script", "vrrp_instance %s: track_script %s: there is no vrrp_script of that name", in.Name, r.Name)
			}
			return unknown
		})
		in.Links = slices.DeleteFunc(in.Links, func(r track.Ref) bool {
			own := r.Name == in.Interface
			if own {
				x.Warnf(r.Pos, kconf.ClassGeneral, "own-interface", "vrrp_instance %s: track_interface %s: is its own interface, which is tracked anyway", in.Name, r.Name)
			}
			return own
		})
	}
}

// unusedScripts names scripts that nothing tracks: they are not run.
func (a *assembler) unusedScripts() {
	for _, s := range a.c.Scripts {
		used := slices.ContainsFunc(a.c.Instances, func(in *Instance) bool { return indexRef(in.Scripts, s.Name) >= 0 })
		if !used {
			a.x.Notef(s.Pos, "unused-script", "Warning - script %s is not used", s.Name)
		}
	}
}

// drop removes the track scripts and checks that stand at these places of the
// file, and the lines that refer to them.
func (c *Config) drop(places []string) {
	gone := func(p kconf.Pos) bool { return slices.Contains(places, p.String()) }
	c.Scripts = slices.DeleteFunc(c.Scripts, func(s *track.ScriptConfig) bool { return gone(s.Pos) })
	for _, in := range c.Instances {
		in.Scripts = slices.DeleteFunc(in.Scripts, func(r track.Ref) bool { return c.Script(r.Name) == nil })
	}
	for _, s := range c.Services {
		for i := range s.Checks {
			s.Checks[i] = slices.DeleteFunc(s.Checks[i], func(spec checkers.Spec) bool { return gone(spec.Pos) })
		}
	}
}

// Script is the vrrp_script of that name, nil if there is none.
func (c *Config) Script(name string) *track.ScriptConfig {
	for _, s := range c.Scripts {
		if s.Name == name {
			return s
		}
	}
	return nil
}
