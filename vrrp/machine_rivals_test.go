package vrrp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// diaryOf steps a machine and notes what it wants, with the time.
type diaryOf struct {
	m     *Machine
	lines []string
}

func (d *diaryOf) step(seconds float64, ev Event) {
	for _, a := range d.m.Step(at(seconds), ev, nil) {
		d.lines = append(d.lines, fmt.Sprintf("%gs %s", seconds, lines([]Action{a})[0]))
	}
}

// ticks steps a machine at each of its deadlines until then.
func (d *diaryOf) ticks(until float64) {
	for next := d.m.Deadline(); !next.IsZero() && !next.After(at(until)); next = d.m.Deadline() {
		d.step(next.Sub(t0).Seconds(), Tick{})
	}
}

func (d *diaryOf) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, d.lines); diff != "" {
		t.Errorf("diary (-want +got):\n%s", diff)
	}
	d.lines = nil
}

// anOwner is an address owner with the highest address there is.
func anOwner(t *testing.T) *diaryOf {
	p := base()
	p.Priority = 255
	m := started(t, p, Active)
	m.Step(t0, SourceAddress{routerB}, nil)
	return &diaryOf{m: m}
}

// insists is an advert of the other owner, which has the lower address.
func insists() AdvertReceived { return heard(255) }

// TestAnOwnerArguesWithAnotherOneOfLowerAddressAndThenTakesAStepBack: it answers
// twice, waits 1.2 intervals, and yields when the other still goes on (vrrp
// reference, two owners).
func TestAnOwnerArguesWithAnotherOneOfLowerAddressAndThenTakesAStepBack(t *testing.T) {
	d := anOwner(t)
	for _, second := range []float64{10, 11, 12, 12.1, 12.3, 13} {
		d.step(second, insists())
	}
	d.want(t,
		"10s Alarm{Kind:two-owners Peer:10.9.0.1 Priority:255 Version:3 Got:0 Want:0 Err:<nil>}",
		"10s LowerReceived{From:10.9.0.1 Priority:255 Ours:255 NewElection:true}", "10s SendAdvert{Priority:255}",
		"11s LowerReceived{From:10.9.0.1 Priority:255 Ours:255 NewElection:true}", "11s SendAdvert{Priority:255}",
		// patience until 11s + 1.2s
		"12.3s OwnerReduced{From:10.9.0.1}", "12.3s PriorityChanged{From:255 To:254 Why:two-owners}",
		"13s HigherReceived{From:10.9.0.1 Priority:255 Ours:254}", "13s Transition{From:Active To:Backup Why:higher-priority Of:}", "13s ApplyHost{}")
	if s := d.m.Snapshot(); s.Priority != 254 || !s.Owner || s.Active != routerA {
		t.Errorf("%+v: want an owner of priority 254 that follows the other", s)
	}
}

func TestAnOwnerThatTookAStepBackIsRestored(t *testing.T) {
	reduced := func(t *testing.T) *diaryOf {
		d := anOwner(t)
		for _, second := range []float64{10, 11, 12.3, 13} {
			d.step(second, insists())
		}
		d.lines = nil
		return d
	}
	t.Run("when the other is gone", func(t *testing.T) {
		d := reduced(t)
		d.ticks(16.1)                      // 13s + 3*1s + 2/256*1s
		if got := len(d.lines); got != 7 { // expired, restored, priority, advert, apply, announce, transition
			t.Errorf("%d actions: %q", got, d.lines)
		}
		d.lines = d.lines[1:4]
		d.want(t, "16.0078125s OwnerRestored{From:invalid IP}", "16.0078125s PriorityChanged{From:254 To:255 Why:two-owners}", "16.0078125s SendAdvert{Priority:255}")
	})
	t.Run("when a third router is heard", func(t *testing.T) {
		d := reduced(t)
		d.step(13.5, heard(100, from("10.9.0.7")))
		d.want(t, "13.5s OwnerRestored{From:10.9.0.1}", "13.5s PriorityChanged{From:254 To:255 Why:two-owners}", "13.5s LowerDiscarded{From:10.9.0.7 Priority:100}")
	})
	t.Run("when the other is an owner no more", func(t *testing.T) {
		d := reduced(t)
		d.step(13.5, heard(200))
		d.want(t, "13.5s OwnerRestored{From:10.9.0.1}", "13.5s PriorityChanged{From:254 To:255 Why:two-owners}", "13.5s LowerDiscarded{From:10.9.0.1 Priority:200}")
	})
	t.Run("not when the other resigns: the timer decides", func(t *testing.T) {
		d := reduced(t)
		d.step(13.5, heard(0))
		d.want(t, "13.5s PriorityZero{State:Backup From:10.9.0.1}")
	})
	t.Run("not by a tracker", func(t *testing.T) {
		d := reduced(t)
		d.step(13.5, EffectivePriority{250, "script"})
		d.want(t)
	})
	t.Run("by a stop and a start", func(t *testing.T) {
		d := reduced(t)
		d.step(13.5, Shutdown{})
		d.step(14, Startup{Params: *d.m.Params()})
		if got := d.m.Snapshot(); got.Priority != 255 || got.State != Active {
			t.Errorf("%v with %d, want Active with 255", got.State, got.Priority)
		}
	})
	t.Run("by a reload", func(t *testing.T) {
		d := reduced(t)
		p := *d.m.Params()
		p.Priority = 100
		d.step(13.5, Reconfigure{p})
		if got := d.m.Snapshot().Priority; got != 100 {
			t.Errorf("priority %d, want that of the new configuration", got)
		}
	})
}

func TestAnOwnerThatWasSilentForLongBeginsTheArgumentAnew(t *testing.T) {
	d := anOwner(t)
	for _, second := range []float64{10, 11, 20, 21, 22} { // patience would have ended at 12.2s
		d.step(second, insists())
	}
	if got := d.m.Snapshot(); got.Priority != 255 || got.State != Active {
		t.Errorf("%v with %d, want Active with 255", got.State, got.Priority)
	}
}

// A rival may be slower than our own Active_Down_Interval: that is no silence.
func TestAnOwnerWhoseRivalIsSlowTakesAStepBackAsWell(t *testing.T) {
	d := anOwner(t)
	slow := heard(255, func(a *Advert) { a.MaxAdvertiseInterval = 4 * time.Second }) // ours is 1s, we would wait 3.004s
	for _, second := range []float64{10, 14, 18, 22} {
		d.step(second, slow)
	}
	if got := d.m.Snapshot().Priority; got != 254 {
		t.Errorf("priority %d after two answers and patience until 18.8s, want 254", got)
	}
}

// reclaimer is an Active router that reclaims its addresses twice after a lower
// advert, the second time after 5s.
func reclaimer(t *testing.T) *diaryOf {
	p := base()
	p.Announce = AnnounceParams{LowerPrioRepeat: 2, LowerPrioDelay: 5 * time.Second}
	return &diaryOf{m: started(t, p, Active)}
}

// times are those at which an action began with these words.
func (d *diaryOf) times(action string) (list []string) {
	for _, l := range d.lines {
		if when, what, _ := strings.Cut(l, " "); strings.HasPrefix(what, action) {
			list = append(list, when)
		}
	}
	return list
}

func (d *diaryOf) bursts() string {
	return fmt.Sprint(d.times("Announce{Why:lower-priority Repeat:2}"))
}
func (d *diaryOf) alarms() string { return fmt.Sprint(d.times("Alarm{Kind:two-active ")) }

func TestTheAddressesAreReclaimed(t *testing.T) {
	tests := map[string]struct {
		lower []float64 // seconds at which a lower advert comes
		want  string
	}{
		"at once, and again later":                        {[]float64{10}, "[10s 15s]"},
		"after a second split soon after the first":       {[]float64{10, 12}, "[10s 12s 17s]"},
		"for an advert soon after a burst, a bit later":   {[]float64{10, 10.25}, "[10s 11s 16s]"},
		"for many adverts soon after a burst, once":       {[]float64{10, 10.125, 10.25, 10.5, 10.75}, "[10s 11s 16s]"},
		"when the second burst comes in the middle of it": {[]float64{10, 14.75}, "[10s 14.75s 19.75s]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := reclaimer(t)
			for _, second := range tt.lower {
				d.ticks(second)
				d.step(second, heard(50))
			}
			d.ticks(60)
			if got := d.bursts(); got != tt.want {
				t.Errorf("bursts at %s, want %s", got, tt.want)
			}
		})
	}
}

// TestASiblingReclaimsLikeTheMemberThatHeardIt: with the second burst, and
// limited in the same way.
func TestASiblingReclaimsLikeTheMemberThatHeardIt(t *testing.T) {
	d := reclaimer(t)
	for _, second := range []float64{10, 10.5, 10.75} {
		d.step(second, SiblingReclaims{})
	}
	d.ticks(60)
	if got, want := d.bursts(), "[10s 11s 16s]"; got != want {
		t.Errorf("bursts at %s, want %s", got, want)
	}
	d = &diaryOf{m: started(t, base(), Backup)}
	d.step(1, SiblingReclaims{})
	d.want(t)
}

// An Active router that was not run for long listens first: a burst that it owes
// waits until then, and does not wake it again and again.
func TestAnOwedBurstWaitsUntilARouterThatWasLateHasListened(t *testing.T) {
	d := reclaimer(t)
	for _, second := range []float64{10, 10.5} { // the second one owes a burst at 11s
		d.step(second, SiblingReclaims{})
	}
	d.step(15, Tick{})
	if got, want := d.m.Deadline(), at(16); !got.Equal(want) {
		t.Errorf("runs next at %v, want %v, an interval later", got, want)
	}
}

// TestTwentyThousandLowerAdvertsASecond: 60,000 in 3 seconds make an Active
// router with an interval of 100 ms send one advert each 100 ms, three bursts and
// then one a second, say something each 100 ms, and raise one alarm.
func TestTwentyThousandLowerAdvertsASecond(t *testing.T) {
	p := base()
	p.AdvertisementInterval = 100 * time.Millisecond
	p.Announce = AnnounceParams{LowerPrioRepeat: 5, LowerPrioDelay: 5 * time.Second}
	m := started(t, p, Active)
	m.Step(at(1), Tick{}, nil)
	count := map[string]int{}
	lower := heard(50, func(a *Advert) { a.MaxAdvertiseInterval = 100 * time.Millisecond })
	out := make([]Action, 0, 16)
	for n := range 60_000 {
		now := at(1).Add(time.Duration(n+1) * 50 * time.Microsecond)
		out = m.Step(now, lower, out[:0])
		out = m.Step(now, Tick{}, out)
		for _, a := range out {
			count[fmt.Sprintf("%T", a)]++
		}
	}
	want := map[string]int{"vrrp.SendAdvert": 30, "vrrp.LowerReceived": 30, "vrrp.Announce": 5, "vrrp.Alarm": 1}
	if d := cmp.Diff(want, count); d != "" {
		t.Errorf("actions in 3s (-want +got):\n%s", d)
	}
	if m.State() != Active {
		t.Errorf("%v, want Active", m.State())
	}
}

func TestTwoActiveRoutersAreAnAlarm(t *testing.T) {
	const alarm = "Alarm{Kind:two-active Peer:10.9.0.1 Priority:50 Version:3 Got:0 Want:100 Err:<nil>}"
	t.Run("beside an Active one that has been heard, once a minute at most", func(t *testing.T) {
		d := reclaimer(t)
		d.step(5, heard(50))
		if d.lines[0] != "5s "+alarm {
			t.Errorf("%s, want %s", d.lines[0], alarm)
		}
		d.step(7, heard(50))
		d.step(8, heard(150)) // we yield
		d.step(20, Forced{Active})
		d.step(25, heard(50))
		d.step(70, heard(50))
		if got, want := d.alarms(), "[5s 70s]"; got != want {
			t.Errorf("alarms %s, want %s", got, want)
		}
	})
	t.Run("not in the first interval: that is an election", func(t *testing.T) {
		d := reclaimer(t)
		d.step(0.5, heard(50))
		if got := d.alarms(); got != "[]" {
			t.Errorf("alarms %s", got)
		}
	})
	t.Run("of which a Backup hears both", func(t *testing.T) {
		d := &diaryOf{m: started(t, base(), Backup)}
		d.step(1, heard(150))
		d.step(1.5, heard(140, from("10.9.0.7")))
		d.step(2, heard(150))
		d.step(2.5, heard(140, from("10.9.0.7")))
		if got, want := d.alarms(), "[2s 2.5s]"; got != want { // one for each
			t.Errorf("alarms %s, want %s", got, want)
		}
	})
	t.Run("not when the first has resigned in between", func(t *testing.T) {
		d := &diaryOf{m: started(t, base(), Backup)}
		d.step(1, heard(150))
		d.step(1.5, heard(200, from("10.9.0.7"))) // preempts
		d.step(2, heard(0, from("10.9.0.7")))
		d.step(2.2, heard(150))
		if got := d.alarms(); got != "[]" {
			t.Errorf("alarms %s", got)
		}
	})
	t.Run("not when one follows the other and comes back after a takeover", func(t *testing.T) {
		d := &diaryOf{m: started(t, base(), Backup)}
		d.step(1, heard(150))
		d.step(1.5, heard(200, from("10.9.0.7")))
		d.step(5.2, heard(150)) // its timer ran out: 3.4s
		if got := d.alarms(); got != "[]" {
			t.Errorf("alarms %s", got)
		}
	})
}

func TestWhoSendsForOurVRIDAndIsNoneOfUs(t *testing.T) {
	others := func(list ...string) func(*Advert) {
		return func(a *Advert) { a.AddrsDiffer, a.Addrs = true, addrs(list...) }
	}
	refused := func(why DropReason) AdvertRefused {
		return AdvertRefused{&PacketError{Reason: why, Src: routerA, Priority: 150, Theirs: 3, Got: 64, Want: 255}}
	}
	tests := map[string]struct {
		event Event
		want  AlarmKind
	}{
		"no address is ours":        {heard(150, others("10.1.1.1", "10.1.1.2")), AlarmDuplicate},
		"one address is missing":    {heard(150, others("10.1.1.1", "10.9.0.100")), AlarmAddresses},
		"it has no addresses":       {heard(150, others()), AlarmAddresses},
		"unicast from no peer":      {refused(DropPeer), AlarmStranger},
		"a peer beyond its ttl":     {refused(DropPeerTTL), AlarmStranger},
		"through a router":          {refused(DropTTL), AlarmStranger},
		"unicast, we are multicast": {refused(DropDestination), AlarmStranger},
		"a wrong checksum is noise": {refused(DropChecksum), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := started(t, base(), Backup)
			var got []Alarm
			for range 3 {
				for _, a := range m.Step(at(1), tt.event, nil) {
					if alarm, ok := a.(Alarm); ok {
						got = append(got, alarm)
					}
				}
			}
			switch {
			case tt.want == "" && len(got) == 0:
			case len(got) != 1 || got[0].Kind != tt.want || got[0].Peer != routerA || got[0].Priority != 150 || got[0].Version != 3:
				t.Errorf("%+v, want one alarm %s of 10.9.0.1, priority 150, version 3", got, tt.want)
			}
		})
	}
}
