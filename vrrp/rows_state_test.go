package vrrp

import (
	"slices"
	"testing"
	"time"
)

// What keepalived does in and between the states, row by row. The ids are those
// of docs/rfc9568.md, second part.

// grouped are two routers of one sync group in a loop; diary is what they do
// until the end of f.
func grouped(t *testing.T, change func(p *Params), f func(b *bench)) {
	onBench(t, func(b *bench) {
		var list []Instance
		for vrid, name := range map[uint8]string{51: "VI_1", 52: "VI_2"} {
			in := one(name, vrid)
			in.SyncGroup, in.Params.Grouped = "G", true
			change(&in.Params)
			list = append(list, in)
		}
		slices.SortFunc(list, func(a, b Instance) int { return int(a.Params.VRID) - int(b.Params.VRID) })
		b.loop.Configure(list)
		f(b)
	})
}

func TestKeepalivedStart(t *testing.T) {
	rules{
		"K6.1-1 without priority, MASTER is 255 and others are 100": func(t *testing.T) {
			for body, want := range map[string]uint8{"state MASTER": 255, "": 100} {
				if _, p, _ := decode(t, must+body, Defaults{}); p.Priority != want {
					t.Errorf("%q: priority %d, want %d", body, p.Priority, want)
				}
			}
		},
		"K6.1-2 without state, 255 is MASTER and others are BACKUP": func(t *testing.T) {
			for body, want := range map[string]string{"priority 255": "MASTER", "priority 254": "BACKUP", "": "BACKUP"} {
				if _, r, _ := resolve(t, must+vip+body, Defaults{}, Surroundings{}); r.State != want {
					t.Errorf("%q: state %s, want %s", body, r.State, want)
				}
			}
		},
		"K6.1-3 an owner goes to MASTER at once, and says nothing of BACKUP": func(t *testing.T) {
			s := starts(t, having(isOwner))
			s.wants(SendAdvert{255}, ApplyHost{}, Announce{ByActive, 1}, Transition{From: Initialize, To: Active, Why: ByOwner})
		},
		"K6.1-4 members of a sync group wait in full, whatever their state line says": func(t *testing.T) {
			grouped(t, func(p *Params) { p.Priority = 150 }, func(b *bench) {
				b.take()
				time.Sleep(3414 * time.Millisecond) // 3s + 106/256*1s = 3.4140625s
				b.want()
				time.Sleep(time.Millisecond)
				if got := b.take(); len(got) == 0 {
					t.Error("they wait for longer than that")
				}
			})
		},
		"K6.1-5 all others are BACKUP and wait for the whole down timer": func(t *testing.T) {
			starts(t, having(func(p *Params) { p.Priority = 150 })).wakes(3.4140625) // 3s + 106/256*1s
		},
		"K6.1-6 a fault that is known is FAULT from the start": func(t *testing.T) {
			m := unstarted()
			m.Step(t0, FaultRaised{ByInterface, "eth0"}, nil)
			s := step{t, m, m.Step(t0, Startup{Params: having(isOwner)}, nil)}
			s.ends(Fault)
			s.sends()
			s.wakes(0)
		},
		"K6.1-7 a script without a result holds it out of BACKUP until its first success": func(t *testing.T) {
			m := unstarted()
			m.Step(t0, FaultRaised{ByInitialising, "chk"}, nil)
			step{t, m, m.Step(t0, Startup{Params: base()}, nil)}.ends(Fault)
			s := step{t, m, m.Step(at(1), FaultCleared{ByInitialising, "chk"}, nil)}
			s.ends(Backup)
			s.wakes(4.609375)
		},
		"K6.1-8 leftovers are removed before anything else": func(t *testing.T) {
			carries(base(), listens, "[]")(t) // the host is told at once, though nobody is Active
		},
	}.run(t)
}

func TestKeepalivedBackup(t *testing.T) {
	delayed := func(p *Params) { p.PreemptDelay = 4 * time.Second }
	rules{
		"K6.2-1 the timer runs out: MASTER": func(t *testing.T) { when(t, base(), Backup, 3.609375, Tick{}).ends(Active) },
		"K6.2-2 in a group that cannot, the wish is kept and the timer restarted": func(t *testing.T) {
			s := when(t, having(func(p *Params) { p.Grouped = true }), Backup, 3.609375, Tick{})
			s.ends(Backup)
			s.wakes(7.21875)
			if !s.m.groupMember().WantsActive {
				t.Error("the wish is forgotten")
			}
		},
		"K6.2-3 a refused advert leaves the timer alone": func(t *testing.T) {
			when(t, base(), Backup, 1, AdvertRefused{&PacketError{Reason: DropPassword, Src: routerA}}).wakes(3.609375)
		},
		"K6.2-4 priority 0: the skew, and its sender is not the master now": func(t *testing.T) {
			s := when(t, base(), Backup, 1, heard(0))
			s.wakes(1.609375)
			s.wants(PriorityZero{Backup, routerA})
			if got := s.m.Snapshot().Active; got.IsValid() {
				t.Errorf("it follows %v", got)
			}
		},
		"K6.2-5 priority 0 of a router it does not follow changes nothing": func(t *testing.T) {
			m := started(t, base(), Backup)
			m.Step(at(1), heard(150), nil)
			step{t, m, m.Step(at(2), heard(0, from("10.9.0.7")), nil)}.wakes(4.609375)
		},
		"K6.2-6 as high as ours, or nopreempt: followed": func(t *testing.T) {
			for name, s := range map[string]step{"equal": when(t, base(), Backup, 1, heard(100)),
				"nopreempt": when(t, having(patient), Backup, 1, heard(1))} {
				if got := s.m.Snapshot(); got.Active != routerA || !s.m.deadline.Equal(at(4.609375)) {
					t.Errorf("%s: follows %v until %v", name, got.Active, s.m.deadline.Sub(t0))
				}
			}
		},
		"K6.2-7 lower otherwise: discarded, and said once": func(t *testing.T) {
			s := when(t, base(), Backup, 1, heard(99))
			s.wants(LowerDiscarded{routerA, 99})
			s.wakes(3.609375)
			if again := s.m.Step(at(2), heard(99), nil); len(again) > 0 {
				t.Errorf("the second time: %v", lines(again))
			}
		},
		"K6.2-8 another master is remarked upon": func(t *testing.T) {
			m := started(t, base(), Backup)
			m.Step(at(1), heard(150), nil)
			other := from("10.9.0.7")
			step{t, m, m.Step(at(2), heard(160, other), nil)}.wants(ActiveRouterChanged{routerA, heard(160, other).Advert.Src})
		},
		"K6.2-9 preempt_delay: lower ones are followed until it is over, then the down timer runs": func(t *testing.T) {
			m := started(t, having(delayed), Backup)
			for s := 0.5; s <= 4.5; s++ { // the first starts the delay: it ends at 4.5s
				m.Step(at(s), heard(50), nil)
			}
			step{t, m, nil}.wakes(7.109375) // the last one followed came at 3.5s: + 3.609375s
		},
		"K6.2-10 preempt_delay: an advert of our rank stops it": func(t *testing.T) {
			m := started(t, having(delayed), Backup)
			m.Step(at(1), heard(50), nil)
			s := step{t, m, m.Step(at(2), heard(100), nil)}
			s.wants(PreemptDelayStopped{})
			step{t, m, m.Step(at(3), heard(50), nil)}.wants(PreemptDelayStarted{4 * time.Second})
		},
		"K6.2-11 preempt_delay is forgotten when it comes to BACKUP anew": func(t *testing.T) {
			m := started(t, having(delayed), Backup)
			m.Step(at(1), heard(50), nil)
			m.Step(at(2), FaultRaised{ByInterface, "eth0"}, nil)
			m.Step(at(3), FaultCleared{ByInterface, "eth0"}, nil)
			step{t, m, m.Step(at(6), heard(50), nil)}.wants(PreemptDelayStarted{4 * time.Second})
		},
	}.run(t)
}

func TestKeepalivedMaster(t *testing.T) {
	bursts := func(p *Params) {
		p.Announce = AnnounceParams{LowerPrioRepeat: 3, LowerPrioDelay: 2 * time.Second}
	}
	rules{
		"K6.3-1 on its timer it sends": func(t *testing.T) {
			s := when(t, base(), Active, 1, Tick{})
			s.sends(100)
			s.wakes(2)
		},
		"K6.3-2 priority 0 is answered at once": func(t *testing.T) {
			when(t, base(), Active, 0.5, heard(0)).wants(PriorityZero{Active, routerA}, SendAdvert{100})
		},
		"K6.3-3 higher_prio_send_advert sends before it yields": func(t *testing.T) {
			s := when(t, having(func(p *Params) { p.HigherPrioritySendAdvert = true }), Active, 0.5, heard(101))
			s.sends(100)
			s.ends(Backup)
		},
		"K6.3-4 our own address is a warning, and nothing else": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, heard(100, from("10.9.0.2")))
			s.sends()
			s.ends(Active)
			s.wakes(1)
		},
		"K6.3-5 a lower one is answered": func(t *testing.T) {
			when(t, base(), Active, 0.5, heard(99)).wants(LowerReceived{routerA, 99, 100, true}, SendAdvert{100})
			when(t, base(), Active, 0.5, heard(100)).wants(LowerReceived{routerA, 100, 100, true}, SendAdvert{100})
		},
		"K6.3-6 lower_prio_no_advert: not answered, and the timer runs on": func(t *testing.T) {
			s := when(t, having(func(p *Params) { p.LowerPriorityNoAdvert = true }), Active, 0.5, heard(99))
			s.sends()
			s.wakes(1)
		},
		"K6.3-7 a lower one: a burst now, and another after garp_lower_prio_delay": func(t *testing.T) {
			s := when(t, having(bursts), Active, 0.5, heard(99))
			s.wants(LowerReceived{routerA, 99, 100, true}, SendAdvert{100}, Announce{ByLowerPriority, 3})
			s.m.Step(at(1.5), Tick{}, nil)
			if got := s.m.Step(at(2.5), Tick{}, nil); !slices.Contains(got, Action(Announce{ByLowerPriority, 3})) {
				t.Errorf("at 2.5s it wants %v", lines(got))
			}
		},
		"K6.3-8 a lower one: the whole sync group announces itself": func(t *testing.T) {
			grouped(t, bursts, func(b *bench) {
				time.Sleep(4 * time.Second)
				b.take()
				b.hear(51, 50, time.Now())
				b.want("  4.0000s VI_2 announce lower-priority", "  4.0000s vrid 51 sends priority 100 to 224.0.0.18", "  4.0000s VI_1 announce lower-priority")
			})
		},
		"K6.3-9 a higher one: BACKUP with the whole timer, and no priority 0": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, heard(101))
			s.sends()
			s.ends(Backup)
			s.wakes(4.109375)
		},
		"K6.3-10 only sending restarts the timer of adverts": func(t *testing.T) {
			when(t, base(), Active, 0.9, AdvertRefused{&PacketError{Reason: DropChecksum, Src: routerA}}).wakes(1)
		},
		"K6.3-11 of two owners the lower address yields, and both say so": func(t *testing.T) {
			s := when(t, having(isOwner), Active, 0.5, heard(255, from("10.9.0.3")))
			s.wants(Alarm{Kind: AlarmTwoOwners, Peer: heard(255, from("10.9.0.3")).Advert.Src, Priority: 255, Version: 3})
			s.ends(Backup)
			when(t, having(isOwner), Active, 0.5, heard(255)).wants(Alarm{Kind: AlarmTwoOwners, Peer: routerA, Priority: 255, Version: 3})
		},
		"K6.3-12 owner_ignore_adverts drops everything": func(t *testing.T) {
			refused(t, having(isOwner, func(p *Params) { p.OwnerIgnoreAdverts = true }), fromA(t), DropOwner)
		},
		"K6.3-13 the owner of the higher address argues, and takes a step back if the other one goes on": func(t *testing.T) {
			m := started(t, having(isOwner), Active)
			var s step
			for i := 1; i <= 5; i++ { // two answers, 1.2s of patience
				s = step{t, m, m.Step(at(float64(i)), heard(255), nil)}
				if slices.Contains(s.acts, Action(OwnerReduced{routerA})) {
					break
				}
			}
			if got := m.Snapshot().Priority; got != 254 {
				t.Errorf("after 5s its priority is %d, want 254", got)
			}
		},
		"K6.4-1 entering: advert, addresses, announcement, and only then hooks": func(t *testing.T) {
			when(t, base(), Backup, 3.609375, Tick{}).wants(ActiveDownExpired{}, SendAdvert{100}, ApplyHost{},
				Announce{ByActive, 1}, Transition{From: Backup, To: Active, Why: ByActiveDown})
		},
		"K6.4-2 entering: the second burst is after garp_master_delay": func(t *testing.T) {
			s := when(t, having(func(p *Params) { p.Announce.MasterDelay = 5 * time.Second }), Backup, 3.609375, Tick{})
			if got := s.m.announceAt; !got.Equal(at(8.609375)) {
				t.Errorf("second burst after %v, want 8.609375s", got.Sub(t0))
			}
		},
		"K6.5-1 leaving to FAULT: one priority 0, then the addresses go": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, FaultRaised{ByTracker, "chk"})
			s.wants(SendAdvert{0}, ZeroSent{}, Transition{From: Active, To: Fault, Why: ByTracker, Of: "chk"}, ApplyHost{})
		},
		"K6.5-2 leaving for the group or a higher rank: no priority 0": func(t *testing.T) {
			when(t, base(), Active, 0.5, Forced{Backup}).sends()
			when(t, base(), Active, 0.5, heard(101)).sends()
		},
		"K6.5-3 leaving: what was to be announced is not": func(t *testing.T) {
			s := when(t, having(bursts), Active, 0.5, heard(99))
			s.m.Step(at(0.6), heard(101), nil)
			if !s.m.announceAt.IsZero() || !s.m.refreshAt.IsZero() {
				t.Errorf("bursts at %v and %v", s.m.announceAt.Sub(t0), s.m.refreshAt.Sub(t0))
			}
		},
	}.run(t)
}

func TestKeepalivedFault(t *testing.T) {
	rules{
		"K6.6-1 FAULT has no timer and hears nobody": func(t *testing.T) {
			s := when(t, base(), Fault, 1, heard(1))
			s.wakes(0)
			s.ends(Fault)
			s.sends()
		},
		"K6.6-2 the last cause's end leads to BACKUP with the whole timer, for an owner as well": func(t *testing.T) {
			s := when(t, having(isOwner), Fault, 1, FaultCleared{ByInterface, "eth0"})
			s.ends(Backup)
			s.wakes(4.00390625) // 1s + 3s + 1/256*1s
		},
		"K6.6-3 members of a group wait until none is faulty": func(t *testing.T) {
			when(t, having(func(p *Params) { p.Grouped = true }), Fault, 1, FaultCleared{ByInterface, "eth0"}).ends(Fault)
		},
		"K6.7-1 an address that others took away is put back and announced, without a transition": func(t *testing.T) {
			s := when(t, base(), Active, 0.5, HostApplied{Repaired: true})
			s.wants(Announce{ByRepair, 1})
			s.ends(Active)
			s.sends()
		},
	}.run(t)
}

// Found by the simulator: a router that was not scheduled for seconds, was in
// Fault before, and finds an advert in its socket that is as old as that.
func TestAnAdvertFromBeforeATransitionCountsFromThen(t *testing.T) {
	p := having(func(p *Params) { p.PreemptDelay = 4 * time.Second })
	m := started(t, p, Fault)
	m.Step(at(10), FaultCleared{ByInterface, "eth0"}, nil)
	s := step{t, m, m.Step(at(1), heard(50), nil)}
	s.wants(PreemptDelayStarted{4 * time.Second})
	s.wakes(13.609375) // 10s + 3.609375s
	if !m.preemptAt.Equal(at(14)) {
		t.Errorf("the delay ends after %v, want 14s", m.preemptAt.Sub(t0))
	}
}
