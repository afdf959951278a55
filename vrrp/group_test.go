package vrrp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// pair is two virtual routers of one node in a sync group, driven as the loop does it.
type pair struct {
	g   *Group
	m   [2]*Machine
	log []string
}

func newPair(t *testing.T, p Params) *pair {
	t.Helper()
	p.Grouped = true
	other := p
	other.VRID = 52
	q := &pair{g: NewGroup(2), m: [2]*Machine{{}, {}}}
	q.step(t0, 0, Startup{Params: p})
	q.step(t0, 1, Startup{Params: other})
	return q
}

func (q *pair) step(now time.Time, i int, ev Event) {
	for _, a := range q.m[i].Step(now, ev, nil) {
		if tr, ok := a.(Transition); ok {
			q.log = append(q.log, string(rune('1'+i))+" "+tr.From.String()+" -> "+tr.To.String()+" ("+string(tr.Why)+")")
		}
	}
	snap := q.m[i].Snapshot()
	for _, a := range q.g.Step(now, i, snap.GroupMember(), nil) {
		switch a := a.(type) {
		case GroupTransition:
			q.log = append(q.log, "group "+a.From.String()+" -> "+a.To.String())
		case ForceMember:
			q.step(now, a.Index, Forced{a.To})
		}
	}
}

func (q *pair) want(t *testing.T, lines ...string) {
	t.Helper()
	if d := cmp.Diff(lines, q.log); d != "" {
		t.Errorf("diary (-want +got):\n%s", d)
	}
	q.log = nil
}

func TestMembersBecomeActiveOnlyTogether(t *testing.T) {
	q := newPair(t, base())
	q.want(t, "1 Initialize -> Backup (startup)", "2 Initialize -> Backup (startup)", "group Initialize -> Backup")
	q.step(at(1), 1, heard(50)) // discarded: the second member's deadline is the first's
	q.step(at(3.7), 0, Tick{})
	q.want(t)
	q.step(at(3.7), 1, Tick{})
	q.want(t, "group Backup -> Active", "1 Backup -> Active (group)", "2 Backup -> Active (group)")
}

func TestAMemberThatFollowsAgainTakesItsWishBack(t *testing.T) {
	q := newPair(t, base())
	q.step(at(3.7), 0, Tick{})
	q.step(at(3.8), 0, heard(150))
	q.log = nil
	q.step(at(3.9), 1, Tick{})
	q.want(t)
}

func active(t *testing.T) *pair {
	q := newPair(t, base())
	q.step(at(3.7), 0, Tick{})
	q.step(at(3.7), 1, Tick{})
	q.log = nil
	return q
}

func TestOneMemberThatYieldsTakesAllBack(t *testing.T) {
	q := active(t)
	q.step(at(4), 1, heard(150))
	q.want(t, "2 Active -> Backup (higher-priority)", "group Active -> Backup", "1 Active -> Backup (group)")
}

func TestOneFaultyMemberStopsAllAndTheLastFaultFreesAll(t *testing.T) {
	q := active(t)
	q.step(at(4), 0, FaultRaised{ByInterface, "eth0"})
	q.want(t, "1 Active -> Fault (interface)", "group Active -> Fault", "2 Active -> Fault (group)")
	q.step(at(5), 1, FaultRaised{ByInterface, "eth1"})
	q.step(at(6), 0, FaultCleared{ByInterface, "eth0"})
	q.want(t)
	q.step(at(7), 1, FaultCleared{ByInterface, "eth1"})
	q.want(t, "group Fault -> Backup", "1 Fault -> Backup (fault-cleared)", "2 Fault -> Backup (fault-cleared)")
}

func TestOwnersStartTogether(t *testing.T) {
	p := base()
	p.Priority = 255
	q := newPair(t, p)
	q.want(t, "1 Initialize -> Backup (startup)", "2 Initialize -> Backup (startup)",
		"group Initialize -> Active", "1 Backup -> Active (group)", "2 Backup -> Active (group)")
}

func TestMembersStopOneByOneWithoutForcingEachOther(t *testing.T) {
	q := active(t)
	q.step(at(4), 0, Shutdown{})
	q.step(at(4), 1, Shutdown{})
	q.want(t, "1 Active -> Initialize (shutdown)", "2 Active -> Initialize (shutdown)", "group Active -> Initialize")
}

// Whatever happens to the members, after each step they agree.
func TestMembersAlwaysAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := newPair(t, base())
		now := t0
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(rt, "ms")) * time.Millisecond)
			i := rapid.IntRange(0, 1).Draw(rt, "member")
			events := []Event{Tick{}, Tick{}, Tick{}, heard(0), heard(50), heard(150), FaultRaised{ByInterface, "eth0"},
				FaultCleared{ByInterface, "eth0"}, FaultRaised{ByTracker, "chk"}, FaultCleared{ByTracker, "chk"}, Release{}}
			q.step(now, i, rapid.SampledFrom(events).Draw(rt, "event"))
			if a, b := q.m[0].State(), q.m[1].State(); a != b || a != q.g.State() {
				rt.Fatalf("members are %v and %v, the group %v", a, b, q.g.State())
			}
		}
	})
}

// What three members ask for together; one faulty one decides against all.
func TestWhatAGroupMakesOfItsMembers(t *testing.T) {
	initial, backup, wants := Member{State: Initialize, Faulty: true}, Member{State: Backup}, Member{State: Backup, WantsActive: true}
	active, ill, held := Member{State: Active}, Member{State: Fault, Faulty: true}, Member{State: Fault}
	tests := map[string]struct {
		members [3]Member
		state   State
		forced  map[int]State // the last order to each member that got one
	}{
		"none has started":           {[3]Member{initial, initial, initial}, Initialize, nil},
		"two have started":           {[3]Member{backup, backup, initial}, Initialize, nil},
		"all listen":                 {[3]Member{backup, backup, backup}, Backup, nil},
		"one would take over":        {[3]Member{wants, backup, backup}, Backup, nil},
		"all but one would":          {[3]Member{wants, wants, backup}, Backup, nil},
		"all would":                  {[3]Member{wants, wants, wants}, Active, map[int]State{0: Active, 1: Active, 2: Active}},
		"some are, the others would": {[3]Member{active, wants, active}, Active, map[int]State{1: Active}},
		"all are":                    {[3]Member{active, active, active}, Active, nil},
		"one that is has to wait for one that is not": {[3]Member{active, wants, backup}, Backup, map[int]State{0: Backup}},
		"one is ill":                             {[3]Member{backup, ill, backup}, Fault, map[int]State{0: Fault, 2: Fault}},
		"one is ill while the others are Active": {[3]Member{active, ill, active}, Fault, map[int]State{0: Fault, 2: Fault}},
		"one is ill, the others held":            {[3]Member{held, ill, held}, Fault, nil},
		"two are ill":                            {[3]Member{ill, ill, backup}, Fault, map[int]State{2: Fault}},
		"one is ill before the last has started": {[3]Member{ill, backup, initial}, Fault, map[int]State{1: Fault}},
		"nobody is ill any more":                 {[3]Member{held, held, held}, Backup, map[int]State{0: Backup, 1: Backup, 2: Backup}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := NewGroup(3)
			var last []GroupAction
			for i, m := range tt.members {
				last = g.Step(t0, i, m, nil) // only what follows from all of them counts
			}
			var forced map[int]State
			for _, a := range last {
				if f, ok := a.(ForceMember); ok {
					if forced == nil {
						forced = map[int]State{}
					}
					forced[f.Index] = f.To
				}
			}
			if g.State() != tt.state {
				t.Errorf("group is %v, want %v", g.State(), tt.state)
			}
			if d := cmp.Diff(tt.forced, forced); d != "" {
				t.Errorf("orders (-want +got):\n%s", d)
			}
		})
	}
}

func TestANumberThatIsNoMembersChangesNothing(t *testing.T) {
	g := NewGroup(2)
	for _, i := range []int{-1, 2} {
		if acts := g.Step(t0, i, Member{State: Active}, nil); len(acts) != 0 {
			t.Errorf("member %d: %v", i, acts)
		}
	}
}
