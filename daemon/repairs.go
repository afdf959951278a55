package daemon

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/vrrp"
)

// How long an instance stays in FAULT because somebody keeps removing what it
// owns: each time that it happens again soon after, twice as long.
const (
	firstHold = 30 * time.Second
	maxHold   = 10 * time.Minute
)

// holdDowns are the faults of instances whose addresses, routes or rules somebody
// keeps removing. It is plain data: the VRRP role owns it. An instance in FAULT
// carries nothing that could be removed, so it is let go after a time to see; a
// static object is still put back meanwhile, and then the time begins anew with
// each repair.
type holdDowns map[loss]*holdDown

// loss is an object that one instance depends on.
type loss struct{ instance, object string }

type holdDown struct {
	of    host.Op
	hold  time.Duration
	until time.Time // end of the fault; when it is lifted, until when it counts as the same
	held  bool      // in FAULT
}

// storm takes instances out because an object keeps being removed.
func (h holdDowns) storm(now time.Time, of host.Op, instances []string) (events []instanceEvent) {
	object := objectName(of)
	for _, name := range instances {
		l := loss{name, object}
		d := h[l]
		switch {
		case d == nil || !d.held && !now.Before(d.until):
			d = &holdDown{of: of, hold: firstHold}
		case !d.held:
			d.hold = min(2*d.hold, maxHold)
		}
		h[l] = d
		d.until = now.Add(d.hold)
		if !d.held {
			d.held = true
			events = append(events, instanceEvent{name, vrrp.FaultRaised{Why: vrrp.ByRemoval, Of: object}})
		}
	}
	return events
}

// repaired says that an object had to be put back once more.
func (h holdDowns) repaired(now time.Time, object string) {
	for l, d := range h {
		if l.object == object && d.held {
			d.until = now.Add(d.hold)
		}
	}
}

// due lets instances go whose time is over. For as long as they were held, and a
// minute, another storm counts as the same one.
func (h holdDowns) due(now time.Time) (events []instanceEvent) {
	for l, d := range h {
		switch {
		case now.Before(d.until):
		case d.held:
			d.held, d.until = false, now.Add(d.hold+time.Minute)
			events = append(events, instanceEvent{l.instance, vrrp.FaultCleared{Why: vrrp.ByRemoval, Of: l.object}})
		default:
			delete(h, l)
		}
	}
	slices.SortFunc(events, func(a, b instanceEvent) int { return strings.Compare(a.instance, b.instance) })
	return events
}

// next is when due has something to do; zero when there is nothing.
func (h holdDowns) next() (at time.Time) {
	for _, d := range h {
		if at.IsZero() || d.until.Before(at) {
			at = d.until
		}
	}
	return at
}

// configure forgets what an instance does not depend on any more, and lets it go.
func (h holdDowns) configure(c *config.Config, links map[string]host.Link) (events []instanceEvent) {
	for l, d := range h {
		if _, dependent := owners(c, links, d.of); slices.Contains(dependent, l.instance) {
			continue
		}
		if d.held {
			events = append(events, instanceEvent{l.instance, vrrp.FaultCleared{Why: vrrp.ByRemoval, Of: l.object}})
		}
		delete(h, l)
	}
	return events
}

// faultsOf are the faults that hold an instance from its start.
func (h holdDowns) faultsOf(instance string) (faults []vrrp.FaultRaised) {
	for l, d := range h {
		if l.instance == instance && d.held {
			faults = append(faults, vrrp.FaultRaised{Why: vrrp.ByRemoval, Of: l.object})
		}
	}
	return faults
}

// objectName is what an operation is about, for log lines: a fault names it.
func objectName(op host.Op) string {
	switch {
	case op.Address != nil:
		return fmt.Sprintf("address %v on %s", op.Address.Prefix, op.Address.Link)
	case op.Route != nil:
		return "route " + op.Route.String()
	case op.Rule != nil:
		return "rule " + op.Rule.String()
	case op.Link != nil:
		return "interface " + op.Link.Name
	}
	return op.String()
}

// owners are the instances that an object belongs to: virtual objects to those
// that name them, static ones to the members of their track_group. dependent are
// those of them that cannot do without: no_track says that one can.
func owners(c *config.Config, links map[string]host.Link, op host.Op) (all, dependent []string) {
	note := func(name string, noTrack bool) {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
		if !noTrack && !slices.Contains(dependent, name) {
			dependent = append(dependent, name)
		}
	}
	if op.Link != nil {
		note(strings.TrimPrefix(op.Link.Alias, host.LinkMark), false)
		return all, dependent
	}
	for _, in := range c.Instances {
		lines := config.Lines{Routes: in.Lines.Routes, Rules: in.Lines.Rules}
		eachOwned(lines, links, op, func(noTrack bool, _ string) { note(in.Name, noTrack) })
		if op.Address != nil && carries(in, op.Address.Key()) {
			note(in.Name, exempt(in, op.Address.Prefix))
		}
	}
	static := config.Lines{Addresses: c.Statics.Lines.Addresses, Routes: c.Statics.Lines.Routes, Rules: c.Statics.Lines.Rules}
	eachOwned(static, links, op, func(_ bool, group string) {
		for _, g := range c.TrackGroups {
			if group == "" || g.Name != group {
				continue
			}
			for _, m := range g.Members {
				note(m.Text, false)
			}
		}
	})
	return all, dependent
}

// carries reports whether an instance puts an address where key says, which may
// be a link of ours.
func carries(in *config.Instance, key host.AddressKey) bool {
	here := func(a host.Address) bool { return a.Key() == key }
	return slices.ContainsFunc(in.Addresses, here) || slices.ContainsFunc(in.Excluded, here)
}

// exempt reports whether the line of an address has no_track.
func exempt(in *config.Instance, p netip.Prefix) bool {
	has := func(l host.AddressLine) bool { return l.Prefix == p && l.NoTrack }
	return slices.ContainsFunc(in.Lines.Addresses, has) || slices.ContainsFunc(in.Lines.Excluded, has)
}

// eachOwned calls f for every line that asks for op's object.
func eachOwned(lines config.Lines, links map[string]host.Link, op host.Op, f func(noTrack bool, group string)) {
	switch {
	case op.Address != nil:
		for _, l := range lines.Addresses {
			if l.Address.Key() == op.Address.Key() {
				f(l.NoTrack, l.TrackGroup)
			}
		}
	case op.Route != nil:
		for _, l := range lines.Routes {
			r := l.Route
			if table := links[r.VRF].Table; r.VRF != "" && table != 0 { // as the host package settles it
				r.VRF, r.Table = "", table
			}
			if r.Key() == op.Route.Key() {
				f(l.NoTrack, l.TrackGroup)
			}
		}
	case op.Rule != nil:
		for _, l := range lines.Rules {
			if l.Rule.Key() == op.Rule.Key() {
				f(l.NoTrack, l.TrackGroup)
			}
		}
	}
}

// stormLine says what happens, to whom, and what can be done.
func stormLine(s host.RepairStorm, dependent []string) string {
	line := fmt.Sprintf("something on this host keeps removing %s: put back %d times within %v", objectName(s.Of), s.Repairs, host.StormWindow)
	if len(dependent) == 0 {
		return line + fmt.Sprintf(", from now on once in %v; find out what it is", host.StormPace)
	}
	return line + fmt.Sprintf("; in FAULT for it: %s. Find out what it is, or write no_track", strings.Join(dependent, ", "))
}

// repairedInstances are those that an outcome gave addresses back.
func repairedInstances(c *config.Config, links map[string]host.Link, repairs []host.Op) map[string]bool {
	names := map[string]bool{}
	for _, op := range repairs {
		if op.Address == nil {
			continue // nothing that a neighbour remembers
		}
		all, _ := owners(c, links, op)
		for _, name := range all {
			names[name] = true
		}
	}
	return names
}
