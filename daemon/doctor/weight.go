package doctor

import (
	"maps"

	"holdfast/daemon/config"
	"holdfast/kconf"
	"holdfast/track"
	"holdfast/vrrp"
)

// tracked is one line of a track block of an instance, with what it inherits.
type tracked struct {
	kind    track.Kind
	name    string
	weight  int
	reverse bool
	pos     kconf.Pos // of the line
	object  kconf.Pos // of the vrrp_script; no place for an interface
}

// what is "script chk".
func (t tracked) what() string { return string(t.kind) + " " + t.name }

// healthy is what t adds while its object is as it should be: up.
func (t tracked) healthy() int {
	return track.Tracker{Kind: t.kind, Weight: t.weight, Reverse: t.reverse, State: track.Up}.Contribution().Delta
}

// amount is what t adds when it adds anything.
func (t tracked) amount() int {
	if t.reverse {
		return -t.weight
	}
	return t.weight
}

// trackers are all lines of an instance.
func (in *Input) trackers(i *config.Instance) []tracked {
	var list []tracked
	for _, ref := range i.Links {
		list = append(list, follow(tracked{kind: track.Interface, name: ref.Name, pos: ref.Pos}, ref))
	}
	for _, ref := range i.Scripts {
		t := tracked{kind: track.Script, name: ref.Name, pos: ref.Pos}
		if s := in.Config.Script(ref.Name); s != nil {
			t.weight, t.reverse, t.object = s.Weight, s.Reverse, s.Pos
		}
		list = append(list, follow(t, ref))
	}
	return list
}

// follow lets the line's own words go before those of its object.
func follow(t tracked, ref track.Ref) tracked {
	if ref.Weight != nil {
		t.weight = *ref.Weight
	}
	if ref.Reverse != nil {
		t.reverse = *ref.Reverse
	}
	return t
}

// weighted are the trackers of an instance that move its priority; those of
// weight 0 move its state instead.
func (in *Input) weighted(i *config.Instance) []tracked {
	var list []tracked
	for _, t := range in.trackers(i) {
		if t.weight != 0 {
			list = append(list, t)
		}
	}
	return list
}

// reach is what the trackers of a router can make of its priority.
type reach struct {
	healthy         int // everything is as it should be
	lowest, highest int // over all combinations, within 1..254
	least, most     int // the same before they are cut to that range
}

func clamp(priority int) int { return min(max(priority, track.PriorityMin), track.PriorityMax) }

// opaque says whether i also tracks what can move its priority by amounts that
// are not known here: the number in a file, processes, BFD sessions. Nothing can
// be said then about what its weights do not reach.
func (in *Input) opaque(i *config.Instance) bool {
	more := func(t vrrp.Tracks) bool { return len(t.Files)+len(t.Processes)+len(t.BFDs) > 0 }
	if more(i.Tracks) {
		return true
	}
	for _, g := range in.Config.Groups {
		if g.Name == i.SyncGroup && more(g.Tracks) {
			return true
		}
	}
	return false
}

// reachOf goes through all combinations of what can be up and down. Every
// tracker adds its amount or nothing, so the extremes are sums of one sign.
func (in *Input) reachOf(i *config.Instance) reach {
	base := int(i.Params.Priority)
	if i.Params.Owner() {
		return reach{base, base, base, base, base}
	}
	r := reach{base, base, base, base, base}
	for _, t := range in.weighted(i) {
		r.healthy += t.healthy()
		r.least += min(t.amount(), 0)
		r.most += max(t.amount(), 0)
	}
	r.healthy, r.lowest, r.highest = clamp(r.healthy), clamp(r.least), clamp(r.most)
	if in.opaque(i) {
		r.lowest, r.highest = track.PriorityMin, track.PriorityMax
	}
	return r
}

// moves says whether there is any combination of the others in which list[n]
// changes the priority that results from base.
func moves(base int, list []tracked, n int) bool {
	sums := map[int]bool{base: true}
	for i, t := range list {
		if i == n {
			continue
		}
		for s := range maps.Clone(sums) {
			sums[s+t.amount()] = true
		}
	}
	for s := range sums {
		if clamp(s) != clamp(s+list[n].amount()) {
			return true
		}
	}
	return false
}
