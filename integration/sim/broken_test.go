package sim

import (
	"strings"
	"testing"
	"time"

	"holdfast/vrrp"
)

// bent is a machine with one thing wrong: the events it gets or the actions it
// wants are not what they should be.
type bent struct {
	vrrp.Machine
	event   func(*vrrp.Machine, vrrp.Event) vrrp.Event                               // nil: lost
	undying bool                                                                     // it was never gone, says a successor
	action  func(m *vrrp.Machine, ev vrrp.Event, was vrrp.State, a vrrp.Action) bool // false: lost
}

func (m *bent) Step(now time.Time, ev vrrp.Event, out []vrrp.Action) []vrrp.Action {
	if m.event != nil {
		if ev = m.event(&m.Machine, ev); ev == nil {
			return out
		}
	}
	if e, ok := ev.(vrrp.Startup); ok && m.undying && e.Resume != nil {
		e.Resume.LastSent = now
	}
	was := m.State()
	acts := m.Machine.Step(now, ev, nil)
	for _, a := range acts {
		if m.action == nil || m.action(&m.Machine, ev, was, a) {
			out = append(out, a)
		}
	}
	return out
}

// withParams changes what a machine is configured with.
func withParams(change func(*vrrp.Params)) func(*vrrp.Machine, vrrp.Event) vrrp.Event {
	return func(_ *vrrp.Machine, ev vrrp.Event) vrrp.Event {
		switch e := ev.(type) {
		case vrrp.Startup:
			change(&e.Params)
			return e
		case vrrp.Reconfigure:
			change(&e.Params)
			return e
		}
		return ev
	}
}

// losing drops events.
func losing(lost func(*vrrp.Machine, vrrp.Event) bool) func(*vrrp.Machine, vrrp.Event) vrrp.Event {
	return func(m *vrrp.Machine, ev vrrp.Event) vrrp.Event {
		if lost(m, ev) {
			return nil
		}
		return ev
	}
}

func isA[T any](x any) bool {
	_, is := x.(T)
	return is
}

// breaks are one thing wrong each, and the invariant that has to notice.
func breaks() map[string]struct {
	invariant string
	opts      Options
} {
	made := func(b bent) Options {
		return Options{Machine: func() machine { m := b; return &m }}
	}
	sends := 0
	ticks := 0 // of all machines of a test: batches of one worker
	return map[string]struct {
		invariant string
		opts      Options
	}{
		"a Backup that waits far too long": {"owner", made(bent{event: withParams(func(p *vrrp.Params) { p.DownTimerAdverts += 9 })})},
		"an Active router that never yields": {"double", made(bent{event: losing(func(m *vrrp.Machine, ev vrrp.Event) bool {
			return isA[vrrp.AdvertReceived](ev) && m.State() == vrrp.Active
		})})},
		"a rank that does not preempt": {"rank", made(bent{event: withParams(func(p *vrrp.Params) { p.PreemptMode = false })})},
		"one that preempts where it must not": {"preempts", made(bent{event: withParams(func(p *vrrp.Params) {
			p.PreemptMode = true
		})})},
		"preempt_delay that is not waited for":  {"preempts", made(bent{event: withParams(func(p *vrrp.Params) { p.PreemptDelay = 0 })})},
		"a successor that goes on however late": {"resume", made(bent{undying: true})},
		"a reload that makes an Active router hand over": {"resume", made(bent{event: func(m *vrrp.Machine, ev vrrp.Event) vrrp.Event {
			if isA[vrrp.Reconfigure](ev) && m.State() == vrrp.Active {
				return vrrp.Release{}
			}
			return ev
		}})},
		"an advert left out now and then": {"rhythm", made(bent{action: func(_ *vrrp.Machine, _ vrrp.Event, _ vrrp.State, a vrrp.Action) bool {
			if isA[vrrp.SendAdvert](a) {
				sends++
			}
			return !isA[vrrp.SendAdvert](a) || sends%7 > 0
		}})},
		"orders of the sync group are lost": {"groups", Options{LoseOrders: true}},
		"resigning without a reason": {"peace", made(bent{event: func(m *vrrp.Machine, ev vrrp.Event) vrrp.Event {
			if isA[vrrp.Tick](ev) && m.State() == vrrp.Active {
				if ticks++; ticks%50 == 0 {
					return vrrp.Release{}
				}
			}
			return ev
		}})},
		"priorities that add up with every change": {"priority", made(bent{event: func(m *vrrp.Machine, ev vrrp.Event) vrrp.Event {
			if e, ok := ev.(vrrp.EffectivePriority); ok {
				e.Value += (int(m.Snapshot().Priority) - int(m.Params().Priority)) / 2
				return e
			}
			return ev
		}})},
		"a reload that is not obeyed": {"config", made(bent{event: losing(func(_ *vrrp.Machine, ev vrrp.Event) bool {
			return isA[vrrp.Reconfigure](ev)
		})})},
		"a reload that forgets what routers were told": {"fault", Options{ForgetAtReload: true}},
		"a tracker's fault that is ignored": {"fault", made(bent{event: losing(func(_ *vrrp.Machine, ev vrrp.Event) bool {
			f, ok := ev.(vrrp.FaultRaised)
			return ok && f.Why == vrrp.ByTracker
		})})},
		"a fault that never ends": {"fault", made(bent{event: losing(func(_ *vrrp.Machine, ev vrrp.Event) bool {
			return isA[vrrp.FaultCleared](ev)
		})})},
		"a transition nobody is told of": {"hooks", made(bent{action: func(m *vrrp.Machine, _ vrrp.Event, was vrrp.State, a vrrp.Action) bool {
			t, ok := a.(vrrp.Transition)
			return !ok || t.To != vrrp.Fault || was != vrrp.Active
		}})},
		"addresses left behind by one that yields": {"addresses", made(bent{action: func(m *vrrp.Machine, _ vrrp.Event, was vrrp.State, a vrrp.Action) bool {
			return !isA[vrrp.ApplyHost](a) || was != vrrp.Active || m.State() != vrrp.Backup
		}})},
		"a host that is not told what to carry": {"addresses", Options{LoseHost: true}},
		"repaired addresses not announced": {"announced", made(bent{event: losing(func(_ *vrrp.Machine, ev vrrp.Event) bool {
			return isA[vrrp.HostApplied](ev)
		})})},
		"a survivor that does not announce itself": {"announced", made(bent{action: func(_ *vrrp.Machine, _ vrrp.Event, _ vrrp.State, a vrrp.Action) bool {
			return !isA[vrrp.LowerReceived](a) && a != vrrp.Action(vrrp.Announce{Why: vrrp.ByLowerPriority, Repeat: 1})
		}})},
		"deadlines before queued datagrams":              {"preempts", Options{TickFirst: true}},
		"a recorded advert that is believed":             {"peace", Options{Gullible: true}},
		"a resumed router that numbers its adverts anew": {"preempts", Options{NumbersAnew: true}},
		"a new key that was not told to everybody": {"double", made(bent{event: withParams(func(p *vrrp.Params) {
			if p.HMAC != nil && p.HMAC.ActiveKey == 1 { // who still signs with the old one knows no other
				c := *p.HMAC
				c.Keys = c.Keys[:1]
				p.HMAC = &c
			}
		})})},
		"checksums of one form only": {"double", Options{Refuse: func(p *vrrp.Params, a *vrrp.Advert) bool {
			ours := p.Advert(1, a.Dst)
			return a.Version == 3 && a.Checksum != ours.Checksum
		}}},
		"another list of addresses that is refused": {"double", Options{Refuse: func(_ *vrrp.Params, a *vrrp.Advert) bool {
			return a.AddrsDiffer
		}}},
		"hooks that are told of the last transition first": {"hooks", Options{HooksBackwards: true}},
		"a nopreempt that is preempt": {"preempts", made(bent{event: withParams(func(p *vrrp.Params) {
			p.PreemptMode, p.PreemptDelay = true, 0
		})})},
	}
}

func TestTheSimulatorFindsBrokenMachines(t *testing.T) {
	for name, b := range breaks() {
		t.Run(name, func(t *testing.T) {
			var others []string
			for s := uint64(1); s <= 1000; s++ {
				r := Try(s, b.opts)
				switch {
				case r.Err == nil:
				case strings.Contains(r.Err.Error(), ": "+b.invariant+": "):
					t.Logf("seed %d: %v", s, r.Err)
					return
				default:
					others = append(others, r.Err.Error())
				}
			}
			t.Errorf("1000 seeds found nothing against %q, but %d other things: %.3q", b.invariant, len(others), others)
		})
	}
}
