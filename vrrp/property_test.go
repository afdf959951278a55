package vrrp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyParams draws what a configuration may ask for, the odd ones included.
func anyParams(t *rapid.T) Params {
	p := Params{VRID: 51, Version: uint8(rapid.IntRange(2, 3).Draw(t, "version")), PrimaryAddr: routerB, Addrs: addrs("10.9.0.100"),
		Priority:              uint8(rapid.SampledFrom([]int{1, 99, 100, 101, 254, 255}).Draw(t, "priority")),
		AdvertisementInterval: time.Duration(rapid.SampledFrom([]int{0, 10, 1000, 40950}).Draw(t, "interval")) * time.Millisecond,
		PreemptMode:           rapid.Bool().Draw(t, "preempt"), Grouped: rapid.Bool().Draw(t, "grouped"),
		LowerPriorityNoAdvert: rapid.Bool().Draw(t, "no answer"), HigherPrioritySendAdvert: rapid.Bool().Draw(t, "send higher")}
	p.PreemptDelay = time.Duration(rapid.IntRange(0, 3).Draw(t, "preempt delay")) * time.Second
	p.Announce = AnnounceParams{MasterDelay: time.Duration(rapid.IntRange(0, 2).Draw(t, "garp delay")) * time.Second,
		Refresh: time.Duration(rapid.IntRange(0, 2).Draw(t, "refresh")) * time.Second, LowerPrioRepeat: rapid.IntRange(0, 1).Draw(t, "lower repeat")}
	if rapid.IntRange(0, 9).Draw(t, "no address") == 0 {
		p.PrimaryAddr = netip.Addr{}
	}
	return p
}

// anyEvent draws one of everything that can happen to a machine.
func anyEvent(t *rapid.T) Event {
	fault := FaultRaised{Why: ByTracker, Of: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "of")}
	switch rapid.IntRange(0, 16).Draw(t, "event") {
	case 0:
		return Startup{Params: anyParams(t)}
	case 1:
		return Shutdown{}
	case 2:
		return Reconfigure{Params: anyParams(t)}
	case 3, 4:
		return AdvertReceived{&Advert{Version: 3, VRID: 51, Src: rapid.SampledFrom([]netip.Addr{routerA, routerB, netip.MustParseAddr("10.9.0.3")}).Draw(t, "from"),
			Priority:             uint8(rapid.SampledFrom([]int{0, 1, 99, 100, 101, 254, 255}).Draw(t, "heard")),
			MaxAdvertiseInterval: time.Duration(rapid.IntRange(0, 4095).Draw(t, "their interval")) * centisecond}}
	case 5:
		return AdvertRefused{&PacketError{Reason: DropVersion, Src: routerA}}
	case 6:
		return EffectivePriority{Value: rapid.IntRange(-300, 600).Draw(t, "effective"), Why: "script"}
	case 7:
		return fault
	case 8:
		return FaultCleared(fault)
	case 9:
		return SourceAddress{rapid.SampledFrom([]netip.Addr{{}, routerB}).Draw(t, "source")}
	case 10:
		return Forced{rapid.SampledFrom([]State{Backup, Active, Fault}).Draw(t, "forced")}
	case 11:
		return HostApplied{Repaired: true}
	case 12:
		return Hold{time.Unix(1_000_000, 0).Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "hold")) * time.Second)}
	case 13:
		return Deaf{rapid.Bool().Draw(t, "deaf")}
	case 14:
		return Slept{time.Duration(rapid.IntRange(0, 60).Draw(t, "slept")) * time.Second}
	case 15:
		return SiblingReclaims{}
	default:
		return Release{}
	}
}

// Whatever happens in whatever order, the machine keeps what its owner relies on.
func TestNoOrderOfEventsBreaksTheMachinesContract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m Machine
		now := time.Unix(1_000_000, 0)
		m.Step(now, Startup{Params: anyParams(t)}, nil)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			ev := Event(Tick{})
			if rapid.Bool().Draw(t, "other than a tick") {
				ev = anyEvent(t)
			}
			before := m.State()
			acts := m.Step(now, ev, nil)
			if err := contract(&m, before, now, ev, acts); err != nil {
				t.Fatalf("%T%+v in %v: %v; actions %+v", ev, ev, before, err, acts)
			}
		}
	})
}

// contract says what is wrong with one step; nil when nothing is.
func contract(m *Machine, before State, now time.Time, ev Event, acts []Action) error {
	state, applied, sent := before, false, -1
	for _, a := range acts {
		switch a := a.(type) {
		case Transition:
			if stopped := a.To == Initialize && a.Why == ByShutdown; a.From != state || a.From == a.To && !stopped {
				return fmt.Errorf("transition from %v to %v while in %v", a.From, a.To, state)
			}
			state = a.To
		case ApplyHost:
			applied = true
		case SendAdvert:
			sent = int(a.Priority)
		case Announce:
			if m.State() != Active {
				return fmt.Errorf("announces in %v", m.State())
			}
			if before != Active && !applied {
				return fmt.Errorf("announces addresses that the host was not told of")
			}
		}
	}
	switch {
	case state != m.State():
		return fmt.Errorf("transitions lead to %v, the machine is in %v", state, m.State())
	case (before == Active) != (state == Active) && !applied:
		return fmt.Errorf("%v became %v and the host was not told", before, state)
	case state == Active && sent == 0, sent > 0 && before != Active && state != Active:
		return fmt.Errorf("sends priority %d in %v", sent, state)
	case before != Active && state == Active && sent < 0:
		return fmt.Errorf("became Active in silence")
	case state == Initialize && m.running: // an owner that waits for the end of the start delay
	case (state == Active || state == Backup) == m.Deadline().IsZero():
		return fmt.Errorf("deadline %v in %v", m.Deadline(), state)
	case state == Active && m.deadline.After(now.Add(m.Params().Interval())):
		return fmt.Errorf("the next advert is due in %v, the interval is %v", m.deadline.Sub(now), m.Params().Interval())
	case m.priority == 0 && m.running || (m.Params().Owner() && !m.dispute.reduced) != (m.priority == PriorityOwner) && m.running,
		m.dispute.reduced && (!m.Params().Owner() || m.priority != PriorityOwner-1) && m.running:
		return fmt.Errorf("effective priority %d of base %d", m.priority, m.Params().Priority)
	}
	if _, tick := ev.(Tick); tick && state == Active && !m.Deadline().After(now) {
		return fmt.Errorf("after a tick the next advert is due in the past: a busy loop")
	}
	if longest := m.Params().ActiveDownInterval(1, 40950*time.Millisecond); m.deadline.Sub(m.from(now)) > longest {
		return fmt.Errorf("waits %v, no parameters ask for more than %v", m.deadline.Sub(m.from(now)), longest)
	}
	return nil
}
