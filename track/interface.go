package track

// Link is what the kernel says about an interface.
type Link struct {
	Exists  bool
	AdminUp bool // IFF_UP
	Running bool // IFF_RUNNING: carrier, and for virtual devices the operational state
}

// State is Up when packets can pass: the interface exists, is switched on and
// runs. An interface that does not exist is Down, not Unknown: it will not carry
// an advert.
func (l Link) State() State {
	if l.Exists && l.AdminUp && l.Running {
		return Up
	}
	return Down
}

// TrackInterface is the tracker of one track_interface line.
func TrackInterface(ref Ref, l Link) Tracker {
	return Tracker{Kind: Interface, Name: ref.Name, Weight: ref.weight(0), Reverse: ref.reverse(false), State: l.State()}
}

// TrackScript is the tracker of one track_script line about a script whose own
// weight and reverse apply where the line has none.
func TrackScript(ref Ref, script Params, s State) Tracker {
	return Tracker{Kind: Script, Name: ref.Name, Weight: ref.weight(script.Weight), Reverse: ref.reverse(script.Reverse), State: s}
}

// TrackBFD is the tracker of one track_bfd line about a session whose own weight
// and sense apply where the line has none. A session is down until it is up, as
// keepalived has it: nobody waits for a first result.
func TrackBFD(ref Ref, weight int, reverse bool, s State) Tracker {
	if s == Unknown {
		s = Down
	}
	return Tracker{Kind: BFD, Name: ref.Name, Weight: ref.weight(weight), Reverse: ref.reverse(reverse), State: s}
}

// weight is the line's weight, or own where the line names none.
func (r Ref) weight(own int) int {
	if r.Weight == nil {
		return own
	}
	return *r.Weight
}

// reverse is the line's sense, or own where the line has neither reverse nor noreverse.
func (r Ref) reverse(own bool) bool {
	if r.Reverse == nil {
		return own
	}
	return *r.Reverse
}
