package netns

import (
	"testing"
	"time"
)

func TestEqualPrioritiesWithoutPreemptionStayWhereTheyAre(t *testing.T) {
	Require(t)
	for _, proto := range protocols {
		for _, kinds := range pairings {
			t.Run(proto.name+", "+kinds.String(), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, kinds, proto, func(_ string, r *Router) { r.Priority, r.NoPreempt, r.State = 100, true, "BACKUP" })
				a := p.a.Start(kinds.a, p.confA)
				p.WaitHolders(8*time.Second, p.vip, "a")
				var b *Daemon
				p.Step("the second to start stays backup", func(t *testing.T) {
					began := time.Now()
					b = p.b.Start(kinds.b, p.confB)
					Throughout(t, p.down+p.down/2, "b sends nothing", func() bool {
						return len(p.Capture.Adverts(began, p.b.sent)) == 0
					})
				})
				p.Step("it takes over when the first stops", func(t *testing.T) {
					asked := time.Now()
					a.Stop()
					resigned := p.Capture.Next(asked, time.Second, "of priority 0", Resigns(p.a))
					Took(t, "taking over", resigned.At, p.Capture.Next(asked, 2*time.Second, "of b", From(p.b)).At, p.skew)
				})
				p.Step("the first does not take it back", func(t *testing.T) {
					began := time.Now()
					a = p.a.Start(kinds.a, p.confA)
					a.WaitLog(began, 2*time.Second, `\(VI_1\) Entering BACKUP STATE`)
					Throughout(t, p.down+p.down/2, "a sends nothing", func() bool {
						return len(p.Capture.Adverts(began, p.a.sent)) == 0
					})
				})
				p.Step("until the second stops", func(t *testing.T) {
					asked := time.Now()
					b.Stop()
					resigned := p.Capture.Next(asked, time.Second, "of priority 0", Resigns(p.b))
					Took(t, "taking over", resigned.At, p.Capture.Next(asked, 2*time.Second, "of a", From(p.a)).At, p.skew)
					p.WaitHolders(time.Second, p.vip, "a")
				})
			})
		}
	}
}

// TestPreemptionCanWait: preempt_delay counts from the first lower advert that
// the returning router hears; the down timer, last armed by an advert that was
// accepted in that time, runs out after it.
func TestPreemptionCanWait(t *testing.T) {
	Require(t)
	for _, kinds := range pairings {
		t.Run(kinds.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, kinds, protocols[1], func(router string, r *Router) {
				if router == "a" {
					r.Extra = "preempt_delay 2"
				}
			})
			b := p.b.Start(kinds.b, p.confB)
			p.WaitHolders(3*time.Second, p.vip, "b")
			a := p.a.Start(kinds.a, p.confA)
			began := time.Now()
			a.WaitLog(time.Time{}, 2*time.Second, `\(VI_1\) start preempt delay`)
			heard := p.Capture.Next(began, time.Second, "of b", From(p.b))
			taken := p.Capture.Next(began, 6*time.Second, "of a", From(p.a))
			// Between the delay and one interval more, and then the down timer.
			got, late := taken.At.Sub(heard.At), latenessSince(began)
			if low, high := 2*time.Second+p.downA-p.router.Interval-slack, 2*time.Second+p.downA+p.router.Interval+slack+late; got < low || got > high {
				t.Errorf("a took over %v after it heard b, want %v to %v", got, low, high)
			}
			b.WaitLog(began, time.Second, `\(VI_1\) Entering BACKUP STATE`)
			p.WaitHolders(time.Second, p.vip, "a")
		})
	}
}

// TestASplitNetworkHeals: both sides are active while they cannot hear each
// other, and one of them when they can.
func TestASplitNetworkHeals(t *testing.T) {
	Require(t)
	tests := map[string]struct {
		priorityB int
		winner    string
	}{
		"the higher priority stays":                    {100, "a"},
		"of equal priorities the higher address stays": {150, "b"},
	}
	for name, tt := range tests {
		for _, kinds := range pairings {
			t.Run(name+", "+kinds.String(), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, kinds, protocols[1], func(router string, r *Router) {
					if router == "b" {
						r.Priority = tt.priorityB
					}
				})
				a := p.a.Start(kinds.a, p.confA)
				p.WaitHolders(8*time.Second, p.vip, "a")
				b := p.b.Start(kinds.b, p.confB)
				b.WaitLog(time.Time{}, 2*time.Second, `Entering BACKUP STATE`)
				p.a.Isolate()
				p.WaitHolders(3*time.Second, p.vip, "a", "b")

				healed := time.Now()
				p.a.Rejoin()
				p.WaitHolders(2*time.Second, p.vip, tt.winner)
				win, loser, lost := p.a, p.b, b
				if tt.winner == "b" {
					win, loser, lost = p.b, p.a, a
				}
				lost.WaitLog(healed, time.Second, `\(VI_1\) Entering BACKUP STATE`)
				if n := len(p.Capture.Adverts(healed, Resigns(loser))); n != 0 {
					t.Errorf("who yields to a higher rank sent %d adverts of priority 0, want none", n)
				}
				// Who hears a lower rank sends a burst to win the neighbours'
				// caches back: garp_lower_prio_repeat is garp_master_repeat, 5.
				// When the loser heard the winner first, there was nothing to hear.
				if heard := p.Capture.Adverts(healed.Add(20*time.Millisecond), From(loser)); len(heard) > 0 {
					Eventually(t, 2*time.Second, "five announcements of the winner", func() bool {
						n := 0
						for _, g := range p.Capture.GARPs(healed, p.vip) {
							if g.from(win) {
								n++
							}
						}
						return n >= 5
					})
				}
				Throughout(t, p.down, "the loser sends nothing more", func() bool {
					return len(p.Capture.Adverts(healed.Add(500*time.Millisecond), From(loser))) == 0
				})
			})
		}
	}
}

// TestDifferentAddressListsDoNotMakeTwoActiveRouters: keepalived 2.2.7 as a
// backup refuses such adverts and becomes active too, so only holdfast is
// asked to be the backup here.
func TestDifferentAddressListsDoNotMakeTwoActiveRouters(t *testing.T) {
	Require(t)
	lists := map[string][]string{
		"one address less":    {"10.9.0.100/24"},
		"another address":     {"10.9.0.100/24", "10.9.0.199/24"},
		"the order is turned": {"10.9.0.101/24", "10.9.0.100/24"},
	}
	for name, vips := range lists {
		for _, kinds := range []pairing{{Keepalived, Holdfast}, {Holdfast, Holdfast}} {
			for _, proto := range protocols[:2] {
				t.Run(name+", "+proto.name+", "+kinds.String(), func(t *testing.T) {
					t.Parallel()
					p := newPair(t, kinds, proto, func(router string, r *Router) {
						r.VIPs = []string{"10.9.0.100/24", "10.9.0.101/24"}
						if router == "b" {
							r.VIPs = vips
						}
					})
					began := time.Now()
					_, b := p.start(p.confA)
					p.WaitHolders(8*time.Second, p.vip, "a")
					Throughout(t, p.down+p.down/2, "b sends nothing", func() bool {
						return len(p.Capture.Adverts(began, p.b.sent)) == 0
					})
					if name != "the order is turned" && b.Count(began, `\(VI_1\) (expected \d+ VIPs|ip address associated with VRID|received advert from \S+ with another list)`) == 0 {
						t.Error("b does not say in its log that the lists differ")
					}
				})
			}
		}
	}
}

// TestClientsLoseTheAddressOnlyForAMoment probes the address from a third host
// while the active router goes.
func TestClientsLoseTheAddressOnlyForAMoment(t *testing.T) {
	Require(t)
	tests := map[string]struct {
		leave func(a *Daemon)
		pause time.Duration // the protocol's own time, until the other is active
	}{
		"when the active router is killed":         {(*Daemon).Kill, protocols[1].down},
		"when the active router stops in order":    {func(a *Daemon) { a.Stop() }, protocols[1].skew},
		"when the active router's cable is pulled": {func(a *Daemon) { a.host.Unplug("eth0") }, protocols[1].down},
	}
	for name, tt := range tests {
		for _, kinds := range pairings {
			t.Run(name+", "+kinds.String(), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, kinds, protocols[1], nil)
				a, b := p.start(p.confA)
				p.settle(a, b)
				client := p.Host("client", 3).Probe(p.vip, 10*time.Millisecond)
				Eventually(t, 2*time.Second, "the client reaches the address", client.Answered)
				began, waiting := time.Now(), keptWaiting(a, b)
				tt.leave(a)
				p.Capture.Next(began, 5*time.Second, "of b", From(p.b))
				Eventually(t, 2*time.Second, "the client reaches the address again", client.Answered)
				outage, lost := client.Outage(t, began)
				if limit := tt.pause + slack + probeTimeout + latenessSince(began) + waiting(a, b); outage > limit {
					t.Errorf("the client lost the address for %v (%d probes), want at most %v", outage, lost, limit)
				}
				t.Logf("outage %v, %d probes lost", outage, lost)
			})
		}
	}
}
