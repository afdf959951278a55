package vrrp

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// Requirements of RFC 9568 by their ids; docs/rfc9568.md is the ledger that
// names each of these tests, and what we do otherwise and why. Steps of section
// 6.4 have the numbers that RFC 5798 printed before them.

// rules are tests by requirement: the id, then what holds.
type rules map[string]func(t *testing.T)

func (r rules) run(t *testing.T) {
	for name, f := range r {
		t.Run(name, f)
	}
}

// step is one event fed to a machine at a time after t0, and what came of it.
type step struct {
	t    *testing.T
	m    *Machine
	acts []Action
}

// when brings a machine to a state at t0 and feeds it an event so many seconds later.
func when(t *testing.T, p Params, state State, seconds float64, ev Event) step {
	t.Helper()
	m := started(t, p, state)
	return step{t, m, m.Step(at(seconds), ev, nil)}
}

// sends wants exactly these priorities in adverts.
func (s step) sends(priorities ...uint8) {
	s.t.Helper()
	var got []uint8
	for _, a := range s.acts {
		if sent, ok := a.(SendAdvert); ok {
			got = append(got, sent.Priority)
		}
	}
	if !slices.Equal(got, priorities) {
		s.t.Errorf("sends adverts with priorities %v, want %v", got, priorities)
	}
}

// ends wants the machine in a state.
func (s step) ends(state State) {
	s.t.Helper()
	if s.m.State() != state {
		s.t.Errorf("ends in %v, want %v", s.m.State(), state)
	}
}

// wakes wants the timer of the state set to this many seconds after t0; 0: not at all.
func (s step) wakes(seconds float64) {
	s.t.Helper()
	want := at(seconds)
	if seconds == 0 {
		want = time.Time{}
	}
	if !s.m.deadline.Equal(want) {
		s.t.Errorf("timer set to %v after t0, want %vs", s.m.deadline.Sub(t0), seconds)
	}
}

// wants are the first of all actions, in order.
func (s step) wants(first ...Action) {
	s.t.Helper()
	if len(s.acts) < len(first) || !slices.Equal(s.acts[:len(first)], first) {
		s.t.Errorf("actions %v, want them to begin with %v", lines(s.acts), lines(first))
	}
}

// having is router B with something changed.
func having(change ...func(*Params)) Params {
	p := base()
	for _, c := range change {
		c(&p)
	}
	return p
}

func isOwner(p *Params)   { p.Priority = PriorityOwner }
func patient(p *Params)   { p.PreemptMode = false }
func overIPv6(p *Params)  { p.IPv6, p.PrimaryAddr, p.Addrs = true, fe80b, addrs("fe80::9:100") }
func unstarted() *Machine { return &Machine{} }

var fe80b = netip.MustParseAddr("fe80::2")

// every is an advert's interval.
func every(d time.Duration) func(*Advert) {
	return func(a *Advert) { a.MaxAdvertiseInterval = d }
}

// starts feeds Startup to a fresh machine at t0.
func starts(t *testing.T, p Params) step {
	m := unstarted()
	return step{t, m, m.Step(t0, Startup{Params: p}, nil)}
}

func TestRFC9568Timers(t *testing.T) {
	rules{
		"6.1-1 Skew_Time is (256-Priority)/256 of the Active router's interval": func(t *testing.T) {
			p := base()
			if got := p.SkewTime(100, 2*time.Second); got != 1218750*time.Microsecond { // 156/256 * 2s
				t.Errorf("%v, want 1.21875s", got)
			}
		},
		"6.1-2 Active_Down_Interval is three intervals and the skew": func(t *testing.T) {
			p := base()
			if got := p.ActiveDownInterval(100, 2*time.Second); got != 7218750*time.Microsecond { // 3*2s + 156/256*2s
				t.Errorf("%v, want 7.21875s", got)
			}
		},
		"6.2-1 the Active_Down_Timer runs in Backup": func(t *testing.T) { starts(t, base()).wakes(3.609375) },
		"6.2-2 the Adver_Timer runs in Active":       func(t *testing.T) { starts(t, having(isOwner)).wakes(1) },
	}.run(t)
}

func TestRFC9568Initialize(t *testing.T) {
	rules{
		"6.4.1-100 nothing but a startup begins": func(t *testing.T) {
			for _, ev := range []Event{Tick{}, heard(0), heard(1), Release{}, Shutdown{}} {
				m := unstarted()
				if acts := m.Step(t0, ev, nil); len(acts) > 0 || m.State() != Initialize || !m.Deadline().IsZero() {
					t.Errorf("%T: %v, ends in %v", ev, lines(acts), m.State())
				}
			}
		},
		"6.4.1-105 the owner goes another way than the rest": func(t *testing.T) {
			starts(t, having(isOwner)).ends(Active)
			starts(t, having(func(p *Params) { p.Priority = 254 })).ends(Backup)
		},
		"6.4.1-110 the owner sends an advertisement, before anything else": func(t *testing.T) {
			s := starts(t, having(isOwner))
			s.sends(255)
			s.wants(SendAdvert{255})
		},
		"6.4.1-120 the owner announces its IPv4 addresses, once they are there": func(t *testing.T) {
			starts(t, having(isOwner)).wants(SendAdvert{255}, ApplyHost{}, Announce{ByActive, 1})
		},
		"6.4.1-130 the owner announces its IPv6 addresses, once they are there": func(t *testing.T) {
			starts(t, having(isOwner, overIPv6)).wants(SendAdvert{255}, ApplyHost{}, Announce{ByActive, 1})
		},
		"6.4.1-140 the owner's Adver_Timer is its interval": func(t *testing.T) {
			starts(t, having(isOwner, func(p *Params) { p.AdvertisementInterval = 5 * time.Second })).wakes(5)
		},
		"6.4.1-145 the owner is Active": func(t *testing.T) { starts(t, having(isOwner)).ends(Active) },
		"6.4.1-155 others begin with their own interval": func(t *testing.T) {
			s := starts(t, having(func(p *Params) { p.AdvertisementInterval = 100 * time.Millisecond }))
			if got := s.m.Snapshot().Interval; got != 100*time.Millisecond {
				t.Errorf("Active_Adver_Interval is %v, want 100ms", got)
			}
		},
		"6.4.1-160 others wait for the Active_Down_Interval": func(t *testing.T) { starts(t, base()).wakes(3.609375) },
		"6.4.1-165 others are Backup, and silent": func(t *testing.T) {
			s := starts(t, base())
			s.ends(Backup)
			s.sends()
		},
	}.run(t)
}

// hostOf is what the host was told to carry, in the end, by a loop with one
// router that became what f made it.
func hostOf(t *testing.T, p Params, f func(b *bench)) (last string) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{{Name: "VI_1", Interface: "eth0", Params: p}})
		f(b)
		for _, line := range b.take() {
			if len(line) > 16 && line[10:16] == "apply " { // behind the time
				last = line[16:]
			}
		}
	})
	return last
}

// listens and takesOver are what the router of hostOf does.
func listens(*bench)     {}
func takesOver(b *bench) { time.Sleep(4 * time.Second) }

func carries(p Params, f func(*bench), want string) func(t *testing.T) {
	return func(t *testing.T) {
		if got := hostOf(t, p, f); got != want {
			t.Errorf("the host carries the addresses of %s, want %s", got, want)
		}
	}
}

func TestRFC9568Backup(t *testing.T) {
	rules{
		"6.4.2-310 the host carries no IPv4 address of a Backup, and so answers no ARP for it": carries(base(), listens, "[]"),
		"6.4.2-320 the host carries no IPv6 address of a Backup, and so answers no solicitation": carries(
			having(overIPv6), listens, "[]"),
		"6.4.2-340 what the host does not carry it does not accept": carries(base(), listens, "[]"),
		"6.4.2-350 a shutdown cancels the Active_Down_Timer": func(t *testing.T) {
			when(t, base(), Backup, 1, Shutdown{}).wakes(0)
		},
		"6.4.2-355 a shutdown leads to Initialize, without a word": func(t *testing.T) {
			s := when(t, base(), Backup, 1, Shutdown{})
			s.ends(Initialize)
			s.sends()
		},
		"6.4.2-365 nothing happens before the Active_Down_Timer has run": func(t *testing.T) {
			s := when(t, base(), Backup, 3.609374, Tick{})
			s.ends(Backup)
			s.sends()
		},
		"6.4.2-370 then it sends an advertisement, before anything else": func(t *testing.T) {
			s := when(t, base(), Backup, 3.609375, Tick{})
			s.sends(100)
			s.wants(ActiveDownExpired{}, SendAdvert{100})
		},
		"6.4.2-380 and announces its IPv4 addresses, once they are there": func(t *testing.T) {
			when(t, base(), Backup, 3.609375, Tick{}).wants(ActiveDownExpired{}, SendAdvert{100}, ApplyHost{}, Announce{ByActive, 1})
		},
		"6.4.2-390 the kernel joins the solicited-node groups of addresses it is given": carries(having(overIPv6), takesOver, "[VI_1]"),
		"6.4.2-395 and announces its IPv6 addresses, once they are there": func(t *testing.T) {
			when(t, having(overIPv6), Backup, 3.609375, Tick{}).wants(ActiveDownExpired{}, SendAdvert{100}, ApplyHost{}, Announce{ByActive, 1})
		},
		"6.4.2-405 and sets the Adver_Timer to its interval": func(t *testing.T) {
			when(t, base(), Backup, 3.609375, Tick{}).wakes(4.609375)
		},
		"6.4.2-410 and is Active": func(t *testing.T) { when(t, base(), Backup, 3.609375, Tick{}).ends(Active) },
		"6.4.2-420 an advertisement moves a Backup, a datagram that is none does not": func(t *testing.T) {
			when(t, base(), Backup, 1, heard(150)).wakes(4.609375)
			when(t, base(), Backup, 1, AdvertRefused{&PacketError{Reason: DropChecksum, Src: routerA}}).wakes(3.609375)
		},
		"6.4.2-430 priority zero leaves the Skew_Time": func(t *testing.T) {
			s := when(t, base(), Backup, 1, heard(0))
			s.ends(Backup)
			s.wakes(1.609375) // 1s + 156/256*1s
		},
		"6.4.2-445 without preemption any priority counts, with it one as high as ours": func(t *testing.T) {
			when(t, having(patient), Backup, 1, heard(1)).wakes(4.609375)
			when(t, base(), Backup, 1, heard(100)).wakes(4.609375)
			when(t, base(), Backup, 1, heard(99)).wakes(3.609375)
		},
		"6.4.2-450 the interval of the Active router is adopted": func(t *testing.T) {
			s := when(t, base(), Backup, 1, heard(150, every(2*time.Second)))
			if got := s.m.Snapshot().Interval; got != 2*time.Second {
				t.Errorf("Active_Adver_Interval is %v, want 2s", got)
			}
		},
		"6.4.2-455 the Active_Down_Interval is computed anew, with the skew": func(t *testing.T) {
			s := when(t, base(), Backup, 1, heard(150, every(2*time.Second)))
			if got := s.m.Snapshot().ActiveDown; got != 7218750*time.Microsecond { // 3*2s + 156/256*2s
				t.Errorf("Active_Down_Interval is %v, want 7.21875s", got)
			}
		},
		"6.4.2-460 the Active_Down_Timer begins again": func(t *testing.T) {
			when(t, base(), Backup, 1, heard(150, every(2*time.Second))).wakes(8.21875)
		},
		"6.4.2-470 with preemption a lower priority is discarded": func(t *testing.T) {
			s := when(t, base(), Backup, 1, heard(99, every(2*time.Second)))
			s.ends(Backup)
			s.wakes(3.609375)
			if got := s.m.Snapshot().Interval; got != time.Second {
				t.Errorf("Active_Adver_Interval is %v, want 1s as before", got)
			}
		},
	}.run(t)
}

func TestRFC9568Active(t *testing.T) {
	higherAddr := from("10.9.0.3")
	rules{
		"6.4.3-610 the host carries the IPv4 addresses, and so answers ARP for them":      carries(base(), takesOver, "[VI_1]"),
		"6.4.3-620 the host carries the IPv6 addresses, with their solicited-node groups": carries(having(overIPv6), takesOver, "[VI_1]"),
		"6.4.3-625 the host carries the IPv6 addresses, and so answers solicitations":     carries(having(overIPv6), takesOver, "[VI_1]"),
		"6.4.3-650 an owner accepts packets to its addresses, others unless told not to": func(t *testing.T) {
			for body, want := range map[string]bool{"priority 255": true, "priority 100": true, "no_accept": false,
				"strict_mode on": false, "strict_mode on\naccept\nversion 3": true} {
				if _, r, _ := resolve(t, body, Defaults{}, Surroundings{}); r.Accept != want {
					t.Errorf("%q: accepts %v, want %v", body, r.Accept, want)
				}
			}
		},
		"6.4.3-660 a shutdown cancels the Adver_Timer": func(t *testing.T) { when(t, base(), Active, 0.5, Shutdown{}).wakes(0) },
		"6.4.3-665 a shutdown sends one advertisement with priority zero, before the addresses go": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, Shutdown{})
			s.sends(0)
			s.wants(SendAdvert{0})
		},
		"6.4.3-670 a shutdown leads to Initialize": func(t *testing.T) { when(t, base(), Active, 0.5, Shutdown{}).ends(Initialize) },
		"6.4.3-680 nothing is sent before the Adver_Timer has run": func(t *testing.T) {
			when(t, base(), Active, 0.999999, Tick{}).sends()
		},
		"6.4.3-685 then an advertisement is": func(t *testing.T) { when(t, base(), Active, 1, Tick{}).sends(100) },
		"6.4.3-690 and the Adver_Timer begins again": func(t *testing.T) {
			when(t, base(), Active, 1, Tick{}).wakes(2)
		},
		"6.4.3-700 an advertisement moves an Active router, a datagram that is none does not": func(t *testing.T) {
			when(t, base(), Active, 0.5, heard(101)).ends(Backup)
			s := when(t, base(), Active, 0.5, AdvertRefused{&PacketError{Reason: DropChecksum, Src: routerA}})
			s.ends(Active)
			s.wakes(1)
		},
		"6.4.3-710 priority zero is answered at once": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, heard(0))
			s.sends(100)
			s.ends(Active)
			if acts := s.m.Step(at(0.6), heard(0), nil); len(acts) > 0 { // a second one within the interval is not
				t.Errorf("a flood of them: %v", lines(acts))
			}
		},
		"6.4.3-715 priority zero: the Adver_Timer begins again": func(t *testing.T) { when(t, base(), Active, 0.5, heard(0)).wakes(1.5) },
		"6.4.3-725 a higher priority deposes it": func(t *testing.T) {
			when(t, base(), Active, 0.5, heard(101)).ends(Backup)
			when(t, base(), Active, 0.5, heard(99, higherAddr)).ends(Active)
		},
		"6.4.3-735 of equal priorities the higher address stays, compared as numbers": func(t *testing.T) {
			when(t, base(), Active, 0.5, heard(100, higherAddr)).ends(Backup)
			when(t, base(), Active, 0.5, heard(100)).ends(Active)                    // 10.9.0.1 and ours is .2
			when(t, base(), Active, 0.5, heard(100, from("10.9.0.10"))).ends(Backup) // as text it would be the lower one
			when(t, having(overIPv6), Active, 0.5, heard(100, from("fe80::3"))).ends(Backup)
		},
		"6.4.3-740 deposed it sends nothing any more": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, heard(101))
			s.sends()
			if acts := s.m.Step(at(1), Tick{}, nil); len(acts) > 0 { // when the Adver_Timer would have run
				t.Errorf("at 1s it wants %v", lines(acts))
			}
		},
		"6.4.3-745 the interval of the new Active router is adopted": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, heard(101, every(2*time.Second)))
			if got := s.m.Snapshot().Interval; got != 2*time.Second {
				t.Errorf("Active_Adver_Interval is %v, want 2s", got)
			}
		},
		"6.4.3-750 the Skew_Time is computed anew": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, heard(101, every(2*time.Second)))
			s.m.Step(at(1), heard(0), nil)
			s.wakes(2.21875) // 1s + 156/256*2s
		},
		"6.4.3-755 the Active_Down_Interval is computed anew": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, heard(101, every(2*time.Second)))
			if got := s.m.Snapshot().ActiveDown; got != 7218750*time.Microsecond {
				t.Errorf("Active_Down_Interval is %v, want 7.21875s", got)
			}
		},
		"6.4.3-760 the Active_Down_Timer is set to it": func(t *testing.T) {
			when(t, base(), Active, 0.5, heard(101, every(2*time.Second))).wakes(7.71875)
		},
		"6.4.3-765 deposed it is Backup, and the host carries the addresses no more": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, heard(101))
			s.ends(Backup)
			if !slices.Contains(s.acts, Action(ApplyHost{})) {
				t.Errorf("actions %v: the host is not told", lines(s.acts))
			}
		},
		"6.4.3-775 a lower router is discarded, and told at once who is Active": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, heard(99, every(2*time.Second)))
			s.ends(Active)
			s.sends(100)
			if got := s.m.Snapshot().Interval; got != time.Second {
				t.Errorf("its interval is %v, want 1s as before", got)
			}
		},
	}.run(t)
}
