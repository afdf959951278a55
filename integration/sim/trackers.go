package sim

import (
	"math/rand/v2"
	"slices"

	"holdfast/track"
	"holdfast/vrrp"
)

// What a node has to track: scripts, files, and interfaces of which the first
// is the one its routers speak on.
const (
	scripts = 2
	files   = 2
	links   = 2
)

var (
	scriptNames = [scripts]string{"chk", "web"}
	fileNames   = [files]string{"load", "drain"}
	linkNames   = [links]string{"eth0", "eth1"}
)

// objects is what is known of everything a node can track.
type objects struct {
	scripts [scripts]track.State
	files   [files]int
	links   [links]bool
}

// freshObjects are all well.
func freshObjects() objects {
	return objects{scripts: [scripts]track.State{track.Up, track.Up}, links: [links]bool{true, true}}
}

// line is one line of a track block.
type line struct {
	kind    track.Kind
	object  int
	weight  int
	reverse bool
}

func (l line) name() string {
	switch l.kind {
	case track.Script:
		return scriptNames[l.object]
	case track.File:
		return fileNames[l.object]
	}
	return linkNames[l.object]
}

// drawLines draws up to three lines, each of another object; faultsOnly makes
// all weights zero.
func drawLines(r *rand.Rand, faultsOnly bool) []line {
	var list []line
	for range r.IntN(4) {
		l := line{kind: track.Interface, object: 1, reverse: r.IntN(8) == 0}
		switch r.IntN(5) {
		case 0, 1:
			l.kind, l.object = track.Script, r.IntN(scripts)
		case 2, 3:
			l.kind, l.object = track.File, r.IntN(files)
		}
		if !faultsOnly && r.IntN(3) > 0 {
			l.weight = r.IntN(507) - 253
		}
		if !slices.ContainsFunc(list, l.sameObject) {
			list = append(list, l)
		}
	}
	return list
}

func (l line) sameObject(o line) bool { return l.kind == o.kind && l.object == o.object }

// groupLines are the weighted lines of a sync group, and of a member's own those
// about other objects.
func groupLines(group, own []line) []line {
	var list []line
	for _, l := range group {
		if l.weight != 0 {
			list = append(list, l)
		}
	}
	for _, l := range own {
		if !slices.ContainsFunc(list, l.sameObject) {
			list = append(list, l)
		}
	}
	return list
}

// ownInterface is the line that nobody writes: a router tracks the interface
// it speaks on.
var ownInterface = line{kind: track.Interface}

// tracker is a line with what is known of its object, as package track wants it.
func (l *line) tracker(o *objects) track.Tracker {
	ref := track.Ref{Name: l.name(), Weight: &l.weight, Reverse: &l.reverse}
	switch l.kind {
	case track.Script:
		return track.TrackScript(ref, track.Params{}, o.scripts[l.object])
	case track.File:
		return track.Tracker{Kind: track.File, Name: ref.Name, Weight: l.weight, Reverse: l.reverse, Value: o.files[l.object]}
	}
	up := o.links[l.object]
	return track.TrackInterface(ref, track.Link{Exists: true, AdminUp: up, Running: up})
}

// fault is the fault that a line makes, if any.
func (l *line) fault(t track.Tracker) (vrrp.FaultRaised, bool) {
	switch c := t.Contribution(); {
	case c.Fault && l.kind == track.Interface:
		return vrrp.FaultRaised{Why: vrrp.ByInterface, Of: t.Name}, true
	case c.Fault:
		return vrrp.FaultRaised{Why: vrrp.ByTracker, Of: t.Name}, true
	case c.Pending:
		return vrrp.FaultRaised{Why: vrrp.ByInitialising, Of: t.Name}, true
	}
	return vrrp.FaultRaised{}, false
}

// told is what a router has been told of its trackers.
type told struct {
	base     int
	priority int
	faults   []vrrp.FaultRaised
}

// evaluate is what a router should know: the priority by package track, and
// every fault by its name, appended to faults.
func (l *LAN) evaluate(n *node, v *virtual, faults []vrrp.FaultRaised) (int, []vrrp.FaultRaised) {
	l.trackers = l.trackers[:0]
	for i := -1; i < len(v.lines); i++ {
		at := &ownInterface
		if i >= 0 {
			at = &v.lines[i]
		}
		t := at.tracker(&n.known)
		if f, is := at.fault(t); is {
			faults = append(faults, f)
		}
		l.trackers = append(l.trackers, t)
	}
	return track.Sum(int(v.params.Priority), l.trackers).Priority, faults
}

// tellFaults gives a router that is about to start the faults that hold from
// the start.
func (l *LAN) tellFaults(n *node, v *virtual) {
	_, v.told.faults = l.evaluate(n, v, v.told.faults[:0])
	for _, f := range v.told.faults {
		l.step(n, v, l.now, f)
	}
}

// tellAll tells all routers of a node what has changed since they were told.
func (l *LAN) tellAll(n *node) {
	for _, v := range n.list {
		l.tell(n, v)
		was := v.expect
		if v.expect, v.faulty = v.dumb(n); v.expect != was {
			v.changed = l.now
		}
		v.muted = false
		l.checkPriority(n, v)
	}
}

// tell compares what a router should know with what it was told, and tells it
// the difference as daemon does: faults before the priority, cleared faults last.
func (l *LAN) tell(n *node, v *virtual) {
	was := v.told
	priority, faults := l.evaluate(n, v, v.before[:0])
	v.told, v.before = told{base: int(v.params.Priority), priority: priority, faults: faults}, was.faults
	for _, f := range faults {
		if !slices.Contains(was.faults, f) {
			l.step(n, v, l.now, f)
		}
	}
	if priority != was.priority {
		l.step(n, v, l.now, vrrp.EffectivePriority{Value: priority, Why: "trackers"})
	}
	for _, f := range was.faults {
		if !slices.Contains(faults, f) {
			l.step(n, v, l.now, vrrp.FaultCleared(f))
		}
	}
}

// learn brings a process up to date with the world.
func (l *LAN) learn(n *node) {
	l.calm = never
	results := n.known.scripts
	n.known = n.trackers
	if n.resultAt != never {
		n.known.scripts = results // none yet
	}
	l.tellAll(n)
	l.disturb()
}

// dumb computes effective priority and fault a second time, in the plainest
// way and from nothing but the states of this moment.
func (v *virtual) dumb(n *node) (priority uint8, faulty bool) {
	faulty = v.noSource || !n.known.links[0]
	total := int(v.params.Priority)
	for _, l := range v.lines {
		add := 0
		if l.kind == track.File {
			product := n.known.files[l.object] * l.weight
			if l.reverse {
				product = -product
			}
			bad := n.known.files[l.object] != 0
			if l.reverse {
				bad = !bad // 0 is the fault then, as in keepalived 2.2.7
			}
			if l.weight == 0 && bad || product < -253 {
				faulty = true
			} else if product > 253 {
				add = 253
			} else {
				add = product
			}
		} else {
			known, good := true, n.known.links[1]
			if l.kind == track.Script {
				known, good = n.known.scripts[l.object] != track.Unknown, n.known.scripts[l.object] == track.Up
			}
			if l.weight == 0 && !(known && good != l.reverse) {
				faulty = true
			}
			if known && (l.weight > 0 && good || l.weight < 0 && !good) {
				add = l.weight
				if l.reverse {
					add = -add
				}
			}
		}
		total += add
	}
	if v.params.Priority == 255 {
		return 255, faulty
	}
	if total < 1 {
		total = 1
	}
	if total > 254 {
		total = 254
	}
	return uint8(total), faulty
}
