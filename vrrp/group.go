package vrrp

import (
	"slices"
	"time"
)

// Group is a sync group: virtual routers that are Active together, wait
// together and fail together, so that traffic does not leave by one router and
// return by another. It is a machine above the members' machines and like them
// does nothing itself: the loop tells it what became of each member and hands
// its orders to them as Forced events.
type Group struct {
	state   State
	members []Member
}

// Member is what a Group knows of one virtual router.
type Member struct {
	State       State
	WantsActive bool // its Active_Down_Timer ran out
	Faulty      bool // it has a fault of its own, or has not started
}

// GroupMember is the group's view of a snapshot.
func (s *Snapshot) GroupMember() Member {
	return Member{State: s.State, WantsActive: s.WantsActive, Faulty: s.State == Initialize || len(s.Faults) > 0}
}

// groupMember is the same of a machine, without copying the rest.
func (m *Machine) groupMember() Member {
	return Member{State: m.state, WantsActive: m.wantsActive, Faulty: m.state == Initialize || len(m.faults) > 0}
}

// GroupAction is what a Group wants done. The set is closed.
type GroupAction interface{ groupAction() }

// ForceMember orders member number Index to go to a state.
type ForceMember struct {
	Index int
	To    State
}

// GroupTransition is a change of the whole group that has been decided; the
// orders to the members follow it.
type GroupTransition struct{ From, To State }

func (ForceMember) groupAction()     {}
func (GroupTransition) groupAction() {}

// NewGroup is a group of n members that have not started.
func NewGroup(n int) *Group {
	g := &Group{members: make([]Member, n)}
	for i := range g.members {
		g.members[i].Faulty = true
	}
	return g
}

// State is where the group stands as a whole.
func (g *Group) State() State { return g.state }

// Step records what became of a member and appends what follows from it. A
// group has no timers, so now is not used; it is there because all our machines
// step alike.
func (g *Group) Step(_ time.Time, index int, m Member, out []GroupAction) []GroupAction {
	if index < 0 || index >= len(g.members) {
		return out
	}
	g.members[index] = m
	to := g.wanted()
	if to != g.state {
		out = append(out, GroupTransition{g.state, to})
		g.state = to
	}
	for i, m := range g.members {
		if m.State != to && m.State != Initialize && (to == Fault || !m.Faulty) && to != Initialize {
			out = append(out, ForceMember{i, to})
		}
	}
	return out
}

// wanted is the state that the members' states ask for: one faulty member stops
// all; one that stopped being Active takes all back; Active only if every one
// is or wants to be.
func (g *Group) wanted() State {
	started := func(m Member) bool { return m.State != Initialize }
	switch {
	case !slices.ContainsFunc(g.members, started):
		return Initialize
	case slices.ContainsFunc(g.members, func(m Member) bool { return m.Faulty && started(m) }):
		return Fault
	case slices.ContainsFunc(g.members, func(m Member) bool { return !started(m) }):
		return g.stateBeforeAll()
	case !slices.ContainsFunc(g.members, func(m Member) bool { return m.State != Active && !m.WantsActive }):
		return Active
	default: // also when the last fault has gone
		return Backup
	}
}

// stateBeforeAll holds the group while its members start or stop one by one: a
// member that resumed as Active must not be taken back because its sibling is
// a moment later.
func (g *Group) stateBeforeAll() State {
	if g.state == Initialize || g.state == Fault {
		return Initialize
	}
	return g.state
}
