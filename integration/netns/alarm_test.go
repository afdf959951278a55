package netns

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// flood sends packets in turn for a span, so many a second, as far as the machine
// can, and says how many it were.
func (i *Injector) flood(perSecond int, span time.Duration, packets ...Packet) (sent int) {
	began := time.Now()
	for now := began; now.Sub(began) < span; now = time.Now() {
		for due := int(now.Sub(began).Seconds() * float64(perSecond)); sent < due; sent++ {
			i.Send(packets[sent%len(packets)])
		}
		time.Sleep(time.Millisecond)
	}
	return sent
}

// TestAFloodOfLowerAdvertsIsAnsweredAtALimitedRate: one advert an interval and one
// burst a second after the first three. keepalived answers each of them, and
// every answer is a burst; it is asked with fewer.
func TestAFloodOfLowerAdvertsIsAnsweredAtALimitedRate(t *testing.T) {
	Require(t)
	tests := map[string]struct {
		kind      Kind
		perSecond int
		span      time.Duration
	}{
		"holdfast, 20,000 a second":   {Holdfast, 20_000, 2500 * time.Millisecond},
		"keepalived, 500 in a second": {Keepalived, 500, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h, stranger := lab.Host("a", 1), lab.Host("stranger", 3)
			lab.Capture.Ignore(stranger.Addr)
			d := h.Start(tt.kind, Router{Version: 2, Priority: 150, VIPs: []string{"10.9.0.100/24"}, Extra: "garp_master_delay 0\ngarp_lower_prio_delay 1"}.Conf())
			lab.WaitHolders(8*time.Second, "10.9.0.100", "a")
			before := lab.Capture.Next(time.Now(), 3*time.Second, "of a", From(h))
			advert := Packet{stranger.Addr, group, 255, plainV2(51, 100, 1, netip.MustParseAddr("10.9.0.100"))}
			sent := stranger.Injector().flood(tt.perSecond, tt.span, advert)
			took := time.Since(before.At)
			lab.Capture.Next(time.Now(), 3*time.Second, "of a after the flood", From(h))
			if tt.kind == Holdfast {
				d.WaitLog(before.At, 15*time.Second, `is MASTER as well`) // the MAC is looked for
			} else { // how fast it answers depends on the machine; the limit of holdfast would be 5
				Eventually(t, 15*time.Second, "keepalived answers many", func() bool { return len(lab.Capture.Adverts(before.At, From(h))) > 8 })
			}
			adverts, bursts := len(lab.Capture.Adverts(before.At, From(h))), len(lab.Capture.GARPs(before.At, "10.9.0.100"))/5
			lines := d.Count(before.At, `Received advert from`)
			t.Logf("%d lower adverts in %v: %d adverts, %d bursts, %d lines", sent, took, adverts, bursts, lines)
			if got := d.Entered(before.At); len(got) > 0 {
				t.Errorf("the flood made it enter %q", got)
			}
			seconds := int(time.Since(before.At).Seconds())
			if most := 2*seconds + 3; tt.kind == Holdfast && (adverts > most || bursts > 3+seconds+1 || lines > seconds+2) {
				t.Errorf("%d adverts, %d bursts, %d lines, want at most %d, %d, %d", adverts, bursts, lines, most, 4+seconds, seconds+2)
			}
			if tt.kind == Holdfast {
				if n := d.Count(before.At, `is MASTER as well`); n != 1 {
					t.Errorf("%d alarms about a second master, want 1", n)
				}
			}
		})
	}
}

// plainV2 is a right advert without authentication.
func plainV2(vrid, priority, interval uint8, vips ...netip.Addr) []byte {
	b := AdvertV2(vrid, priority, interval, "", vips...)
	b[4] = 0
	return SumV2(b)
}

// TestWhoKeepsDeletingTakesTheRouterOut: once, and the other one serves; with
// no_track the router goes on and puts the address back again and again.
func TestWhoKeepsDeletingTakesTheRouterOut(t *testing.T) {
	Require(t)
	const tool = "while :; do ip addr del 10.9.0.100/24 dev eth0 2>/dev/null; done"
	start := func(t *testing.T, option string) (p *pair, hooks *HookLog, a *Daemon) {
		t.Parallel()
		p = newPair(t, pairing{Holdfast, Holdfast}, protocols[1], func(_ string, r *Router) { r.VIPs = []string{"10.9.0.100/24" + option} })
		hooks = p.a.Hooks()
		r := p.router
		r.Priority, r.Extra, r.VIPs = 150, hooked(hooks, ""), []string{"10.9.0.100/24" + option}
		a, b := p.start(r.Conf())
		p.settle(a, b)
		hooks.Wait(time.Time{}, 3*time.Second, 4) // BACKUP and MASTER, two each
		return p, hooks, a
	}
	t.Run("tracked", func(t *testing.T) {
		p, hooks, a := start(t, "")
		began := time.Now()
		robber := p.a.StartProcess("sh", "-c", tool)
		a.WaitLog(began, 15*time.Second, `keeps removing address 10\.9\.0\.100/24 on eth0: put back 5 times within 10s; in FAULT for it: VI_1`)
		a.WaitLog(began, time.Second, `\(VI_1\): entering FAULT state \(address 10\.9\.0\.100/24 on eth0 is removed again and again\)`)
		p.WaitHolders(10*time.Second, p.vip, "b")
		robber.Kill()
		Throughout(t, 2*p.down, "b serves", func() bool { return p.b.Holds(p.vip) && !p.a.Holds(p.vip) })
		if got := a.Entered(began); len(got) != 1 {
			t.Errorf("a entered %q, want FAULT once", got)
		}
		hooks.Wait(began, 10*time.Second, 2)
		if got := hooks.Args(began); len(got) != 2 {
			t.Errorf("hooks ran: %q, want those of FAULT", got)
		}
	})
	t.Run("with no_track", func(t *testing.T) {
		p, hooks, a := start(t, " no_track")
		began := time.Now()
		robber := p.a.StartProcess("sh", "-c", tool)
		a.WaitLog(began, 15*time.Second, `keeps removing address 10\.9\.0\.100/24 on eth0: put back 5 times within 10s, from now on once in 1s`)
		Throughout(t, 2*p.down, "b stays out of it", func() bool { return !p.b.Holds(p.vip) })
		robber.Kill()
		Eventually(t, 10*time.Second, "the address is back", func() bool { return p.a.Holds(p.vip) })
		if got := append(a.Entered(began), hooks.Args(began)...); len(got) > 0 {
			t.Errorf("a entered, or hooks ran: %q", got)
		}
	})
}

// TestAnAlarmNamesTheMachineByItsMAC: somebody else's virtual router with our
// number, and one that speaks another version.
func TestAnAlarmNamesTheMachineByItsMAC(t *testing.T) {
	Require(t)
	tests := map[string]struct {
		advert func(src netip.Addr) []byte
		line   string
	}{
		"another router's adverts with our number": {
			func(src netip.Addr) []byte { return advertV3(51, 90, src, netip.MustParseAddr("10.9.0.222")) },
			`uses our virtual_router_id for other addresses .*\(MAC 02:00:00:00:00:03, address 10\.9\.0\.3, priority 90, version 3\)`},
		"another list of addresses": {
			func(src netip.Addr) []byte {
				return advertV3(51, 90, src, netip.MustParseAddr("10.9.0.100"), netip.MustParseAddr("10.9.0.222"))
			},
			`another list of virtual addresses .*\(MAC 02:00:00:00:00:03, address 10\.9\.0\.3, priority 90, version 3\)`},
		"another version": {
			func(netip.Addr) []byte { return plainV2(51, 90, 1, netip.MustParseAddr("10.9.0.100")) },
			`neither side will hear the other \(MAC 02:00:00:00:00:03, address 10\.9\.0\.3, priority 90, version 2\)`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h, stranger := lab.Host("a", 1), lab.Host("stranger", 3)
			lab.Capture.Ignore(stranger.Addr)
			r := protocols[1].router
			r.Priority = 150
			d := h.Start(Holdfast, r.Conf())
			lab.WaitHolders(6*time.Second, "10.9.0.100", "a")
			began := time.Now()
			wire := stranger.Injector()
			Eventually(t, 10*time.Second, "the alarm", func() bool {
				wire.Send(Packet{stranger.Addr, group, 255, tt.advert(stranger.Addr)})
				time.Sleep(50 * time.Millisecond)
				return d.Count(began, tt.line) > 0
			})
			for range 20 {
				wire.Send(Packet{stranger.Addr, group, 255, tt.advert(stranger.Addr)})
			}
			lab.Capture.Next(time.Now(), 2*time.Second, "of a", From(h))
			if n := d.Count(began, tt.line); n != 1 {
				t.Errorf("%d such lines, want one", n)
			}
		})
	}
}

// advertV3 is a right version 3 advert with an interval of 200 ms.
func advertV3(vrid, priority uint8, src netip.Addr, vips ...netip.Addr) []byte {
	b := []byte{0x31, vrid, priority, byte(len(vips)), 0, 20, 0, 0}
	for _, v := range vips {
		b = append(b, v.AsSlice()...)
	}
	return SumV3(b, src, group)
}

// TestAfterASplitTheWinnerAnnouncesItselfAndRunsItsHook: at once, and again
// after garp_lower_prio_delay.
func TestAfterASplitTheWinnerAnnouncesItselfAndRunsItsHook(t *testing.T) {
	Require(t)
	for _, kinds := range []pairing{{Holdfast, Keepalived}, {Holdfast, Holdfast}} {
		t.Run(kinds.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, kinds, protocols[1], func(_ string, r *Router) {
				r.Extra = "garp_master_delay 0\nhigher_prio_send_advert" // whoever hears the other first
			})
			hooks := p.a.Hooks()
			r := p.router
			r.Priority, r.Extra = 150, fmt.Sprintf("garp_master_delay 0\ngarp_lower_prio_delay 2\nnotify_master_rx_lower_pri \"%s lower\"", hooks.Script)
			a, b := p.start(r.Conf())
			p.settle(a, b)
			p.b.Isolate()
			p.WaitHolders(10*time.Second, p.vip, "a", "b")
			healed := time.Now()
			p.b.Rejoin()
			p.WaitHolders(10*time.Second, p.vip, "a")
			first := func() []GARP {
				var list []GARP
				for _, g := range p.Capture.GARPs(healed, p.vip) {
					if g.Frame[11] == 1 { // of a
						list = append(list, g)
					}
				}
				return list
			}
			Eventually(t, 10*time.Second, "the first burst", func() bool { return len(first()) >= 5 })
			hooks.Wait(healed, 10*time.Second, 1)
			Eventually(t, 10*time.Second, "the second burst", func() bool {
				all := first()
				return all[len(all)-1].At.Sub(all[0].At) > 1900*time.Millisecond
			})
			a.WaitLog(healed, 15*time.Second, `10\.9\.0\.2 is MASTER as well, with priority 100 beside 150.*\(MAC `)
			if got := a.Entered(healed); len(got) > 0 {
				t.Errorf("a entered %q", got)
			}
		})
	}
}
