package track

import "slices"

// Limits of priorities and weights.
const (
	PriorityMin   = 1   // lowest effective priority of a router that is not the owner
	PriorityMax   = 254 // highest
	PriorityOwner = 255 // owner of the addresses: weights do not apply (RFC 9568 section 5.2.4)
	FileFault     = -254
	FileMax       = 253
)

// Kind is what sort of thing is tracked.
type Kind string

const (
	Script    Kind = "script"
	Interface Kind = "interface"
	File      Kind = "file"
	Process   Kind = "process"
	BFD       Kind = "bfd"
)

// State is what is known about a tracked object.
type State uint8

const (
	Unknown State = iota // no result yet
	Up                   // script succeeds, interface runs, process has its quorum, session is up
	Down
)

// String is the word in facts and status.
func (s State) String() string { return [...]string{"unknown", "up", "down"}[s] }

// Tracker is one line of a track block with what is known about its object now.
type Tracker struct {
	Kind    Kind
	Name    string
	Weight  int  // -254..254; 0: Down is a fault
	Reverse bool // what the weight adds is taken off, and the other way round; weight 0: up is a fault
	State   State
	Value   int // File only: the number in the file; State is not looked at
}

// Contribution is what one tracker does to its router.
type Contribution struct {
	Delta   int  // added to the priority
	Fault   bool // keeps the router in FAULT
	Pending bool // no result yet and weight 0: the router waits before it says anything
}

// Contribution is what t does: a positive weight is added while its object is
// up, a negative one while it is down, and weight 0 makes down a fault. Reversed,
// the same weights are taken off at the same times, as keepalived does it, and
// weight 0 makes up a fault. Nothing known yet contributes nothing.
func (t Tracker) Contribution() Contribution {
	if t.Kind == File {
		return t.fileContribution()
	}
	if t.State == Unknown {
		return Contribution{Pending: t.Weight == 0}
	}
	up := t.State == Up
	switch {
	case t.Weight == 0:
		return Contribution{Fault: up == t.Reverse}
	case t.Weight > 0 && up, t.Weight < 0 && !up:
		if t.Reverse {
			return Contribution{Delta: -t.Weight}
		}
		return Contribution{Delta: t.Weight}
	default:
		return Contribution{}
	}
}

// fileContribution is the file's number times the weight. Weight 0 makes every
// number but 0 a fault, and reversed 0 itself; so does a product of -254 or
// less. More than 253 is cut.
func (t Tracker) fileContribution() Contribution {
	if t.Weight == 0 {
		return Contribution{Fault: (t.Value != 0) != t.Reverse}
	}
	// Beyond these bounds the outcome is the same and the product cannot overflow.
	value := min(max(t.Value, -1000), 1000)
	delta := value * t.Weight
	if t.Reverse {
		delta = -delta
	}
	if delta <= FileFault {
		return Contribution{Fault: true}
	}
	return Contribution{Delta: min(delta, FileMax)}
}

// Effective is what all trackers together make of a router.
type Effective struct {
	Priority int      // 1..255
	Faults   []string // "script chk", "interface eth1": each keeps the router in FAULT
	Pending  []string // each has no result yet and would be a fault
}

// Sum is base with all contributions: clamped to 1..254, and 255, the owner of
// the addresses, whatever the weights. Faults count for an owner too.
func Sum(base int, trackers []Tracker) Effective {
	e := Effective{Priority: base}
	total := base
	for _, t := range trackers {
		c := t.Contribution()
		total += c.Delta
		name := string(t.Kind) + " " + t.Name
		if c.Fault && !slices.Contains(e.Faults, name) {
			e.Faults = append(e.Faults, name)
		}
		if c.Pending && !slices.Contains(e.Pending, name) {
			e.Pending = append(e.Pending, name)
		}
	}
	if base != PriorityOwner {
		e.Priority = min(max(total, PriorityMin), PriorityMax)
	}
	return e
}
