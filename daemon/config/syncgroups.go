package config

import (
	"slices"

	"holdfast/kconf"
	"holdfast/track"
	"holdfast/vrrp"
)

// Group is one vrrp_sync_group that is used.
type Group struct {
	*vrrp.GroupConfig
	Instances []string // its members, without those that cannot be
	Start     string   // MASTER when every member is one with priority 255, else BACKUP
	Trackers           // of all members
}

// linkGroups finds the members of each group. An instance belongs to the first
// group that names it, and a group without members is not used.
func (a *assembler) linkGroups() {
	a.member = map[string]*Group{}
	exists := make(map[string]*vrrp.InstanceConfig, len(a.r.instances))
	for _, ic := range a.r.instances {
		exists[ic.Name] = ic
	}
	for _, gc := range a.r.groups {
		g := &Group{GroupConfig: gc}
		for _, w := range gc.Members {
			other := a.member[w.Text]
			switch {
			case exists[w.Text] == nil:
				a.x.Errorf(w.Pos, kconf.ClassGeneral, "unknown-instance", "vrrp_sync_group %s: there is no vrrp_instance %s", g.Name, w.Text)
			case other != nil:
				a.x.Diags.Add(kconf.Diagnostic{Pos: w.Pos, Related: other.Pos, Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "already-grouped",
					Message: "vrrp_sync_group " + g.Name + ": " + w.Text + " is in group " + other.Name + " already"})
			default:
				a.member[w.Text] = g
				g.Instances = append(g.Instances, w.Text)
			}
		}
		switch len(g.Instances) {
		case 0:
			a.x.Errorf(g.Pos, kconf.ClassGeneral, "empty-block", "vrrp_sync_group %s: has no member; it is not used", g.Name)
			continue
		case 1:
			a.x.Warnf(g.Pos, kconf.ClassGeneral, "one-member", "vrrp_sync_group %s: has one member, which is probably not wanted", g.Name)
		}
		a.ownerAndBackup(g, exists)
		a.c.Groups = append(a.c.Groups, g)
	}
}

// ownerAndBackup reports a group of an address owner and, behind it, a router
// that is to be BACKUP: both written so. They cannot be what they are together.
// Like keepalived, it looks at no other order, and at no defaults.
func (a *assembler) ownerAndBackup(g *Group, exists map[string]*vrrp.InstanceConfig) {
	var owner *vrrp.InstanceConfig
	for _, name := range g.Instances {
		ic := exists[name]
		switch {
		case ic.State == "MASTER" && ic.Priority != nil && *ic.Priority == vrrp.PriorityOwner:
			owner = ic
		case ic.State == "BACKUP" && owner != nil:
			a.x.Diags.Add(kconf.Diagnostic{Pos: at(ic, "state"), Related: at(owner, "priority"), Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "owner-and-backup",
				Message: "vrrp_sync_group " + g.Name + ": " + owner.Name + " is the address owner and " + ic.Name + " is not, which does not work"})
			return
		}
	}
}

// groups completes the groups once their members are.
func (a *assembler) groups() {
	for _, g := range a.c.Groups {
		g.Start = "MASTER"
		var owner *Instance
		for _, name := range g.Instances {
			in := a.byName[name]
			if in.Params.Owner() && owner == nil {
				owner = in
			}
			if !in.Params.Owner() || in.Settled.State != "MASTER" {
				g.Start = "BACKUP"
			}
		}
		g.Trackers = a.trackers("vrrp_sync_group", g.Name, &g.Tracks)
		if owner != nil {
			a.groupOfOwner(g, owner)
		}
		for _, name := range g.Instances {
			a.joinTrackers(g, a.byName[name])
		}
	}
}

// groupOfOwner takes the weights of a group's trackers away: the priority of an
// address owner is 255 whatever they find.
func (a *assembler) groupOfOwner(g *Group, owner *Instance) {
	for _, k := range trackKinds {
		for i := range *k.refs(&g.Trackers) {
			r := &(*k.refs(&g.Trackers))[i]
			if a.weight(k.kind, *r) == 0 {
				continue
			}
			a.x.Diags.Add(kconf.Diagnostic{Pos: r.Pos, Related: at(owner.InstanceConfig, "priority"), Severity: kconf.Warning, Class: kconf.ClassGeneral, ID: "owner-weight",
				Message: "track_" + string(k.kind) + " " + r.Name + ": " + owner.Name + " of vrrp_sync_group " + g.Name + " is the address owner, the weight is not used"})
			r.Weight = new(0)
		}
	}
}

// joinTrackers gives the trackers of a group to a member. Of one that both
// have, the group's weight counts, unless the member's has none: then a failure
// is a fault.
func (a *assembler) joinTrackers(g *Group, in *Instance) {
	for _, k := range trackKinds {
		own := k.refs(&in.Trackers)
		for _, r := range *k.refs(&g.Trackers) {
			if d := a.defs[k.kind][r.Name]; d != nil {
				d.used = true
			}
			i := indexRef(*own, r.Name)
			self := k.kind == track.Interface && r.Name == in.Interface
			switch {
			case i < 0 && !self:
				*own = append(*own, r)
				continue
			case self:
				a.bothTrack(k.kind, in, g, r, at(in.InstanceConfig, "interface"))
				continue
			}
			a.bothTrack(k.kind, in, g, r, (*own)[i].Pos)
			if a.weight(k.kind, (*own)[i]) != 0 {
				(*own)[i] = r
			}
		}
		*own = slices.Clip(*own)
	}
}

// bothTrack reports what an instance and its group track. Only for interfaces
// keepalived takes it for a mistake.
func (a *assembler) bothTrack(kind track.Kind, in *Instance, g *Group, r track.Ref, own kconf.Pos) {
	d := kconf.Diagnostic{Pos: r.Pos, Related: own, Severity: kconf.Note, ID: "tracked-twice",
		Message: "track_" + string(kind) + " " + r.Name + ": vrrp_instance " + in.Name + " of vrrp_sync_group " + g.Name + " tracks it too; remove one of them"}
	if kind == track.Interface {
		d.Severity, d.Class = kconf.Error, kconf.ClassGeneral
	}
	a.x.Diags.Add(d)
}
