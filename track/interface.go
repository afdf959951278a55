package track

import "time"

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

// Debounce makes changes of one interface count only once they have lasted:
// interface_up_down_delays. It is plain data that is told the time. What is seen
// first counts at once, and so does an interface that is gone.
type Debounce struct {
	Down, Up time.Duration // how long a change must last; 0: it counts at once

	seen, counts Link
	known        bool
	due          time.Time // when what is seen will count; zero: it does
}

// See takes in what the interface is now.
func (d *Debounce) See(now time.Time, l Link) {
	d.Tick(now) // what has lasted until now has lasted long enough
	before := d.seen
	d.seen = l
	delay := d.Up
	if l.State() == Down {
		delay = d.Down
	}
	switch {
	case !d.known, !l.Exists, delay <= 0, l.State() == d.counts.State():
		d.known, d.counts, d.due = true, l, time.Time{}
	case before.State() != l.State() || d.due.IsZero():
		d.due = now.Add(delay)
	}
}

// Tick lets what has lasted long enough count. Early or late is harmless.
func (d *Debounce) Tick(now time.Time) {
	if !d.due.IsZero() && !now.Before(d.due) {
		d.counts, d.due = d.seen, time.Time{}
	}
}

// Deadline is when Tick will change something; zero: never.
func (d *Debounce) Deadline() time.Time { return d.due }

// Counts is the interface as far as its changes have lasted.
func (d *Debounce) Counts() Link { return d.counts }

// Deaf reports that the interface carries nothing although it counts as up.
func (d *Debounce) Deaf() bool { return d.counts.State() == Up && d.seen.State() == Down }

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
