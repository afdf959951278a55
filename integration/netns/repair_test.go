package netns

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAnAddressDeletedByHandComesBack: keepalived leaves MASTER for this and
// resigns; holdfast puts the address back and nobody notices.
func TestAnAddressDeletedByHandComesBack(t *testing.T) {
	Require(t)
	for _, proto := range protocols {
		t.Run(proto.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, pairing{Holdfast, Keepalived}, proto, nil)
			hooks := p.a.Hooks()
			r := p.router
			r.Priority, r.Extra = 150, hooked(hooks, "")
			a, b := p.start(r.Conf())
			p.settle(a, b)
			hooks.Wait(time.Time{}, 2*time.Second, 4) // BACKUP and MASTER, two each
			for range 3 {
				deleted := time.Now()
				p.a.IP("addr", "del", r.VIPs[len(r.VIPs)-1], "dev", "eth0")
				Eventually(t, time.Second, "the address is back", func() bool { return p.a.Holds(vipOf(r.VIPs[len(r.VIPs)-1])) })
				AtMost(t, "putting the address back", deleted, time.Now(), 200*time.Millisecond)
				Throughout(t, 3*r.Interval/2, "the address stays", func() bool { return p.a.Holds(p.vip) })
				if gap, limit := p.Capture.Gap(deleted, From(p.a)), r.Interval+slack+latenessSince(deleted); gap > limit {
					t.Errorf("a was silent for %v, want at most %v", gap, limit)
				}
				if n := len(p.Capture.Adverts(deleted, Resigns(p.a))); n > 0 {
					t.Errorf("a resigned %d times", n)
				}
				if got := hooks.Args(deleted); len(got) > 0 {
					t.Errorf("hooks ran: %q", got)
				}
				if got := append(a.Entered(deleted), b.Entered(deleted)...); len(got) > 0 {
					t.Errorf("routers entered %q", got)
				}
			}
		})
	}
}

// TestWhatElseIsRemovedByHandComesBack: routes, rules and static things, also
// those that "ip route replace" has replaced; nobody notices.
func TestWhatElseIsRemovedByHandComesBack(t *testing.T) {
	Require(t)
	t.Parallel()
	lab := NewLab(t)
	h := lab.Host("a", 1)
	r := protocols[1].router
	r.Priority, r.VIPs = 150, []string{"10.9.0.100/24"}
	r.Extra = "virtual_routes {\n 10.60.0.0/16 via 10.9.0.254 dev eth0\n fd00:60::/64 dev eth0\n}\nvirtual_rules {\n from 10.9.0.100 lookup 60 priority 100\n}"
	r.After = "static_ipaddress {\n 10.9.0.110/24 dev eth0\n}\nstatic_routes {\n 10.70.0.0/16 via 10.9.0.253 dev eth0\n}\nstatic_rules {\n from 10.9.0.110 lookup 70 priority 200\n}"
	d := h.Start(Holdfast, r.Conf())
	lab.WaitHolders(6*time.Second, "10.9.0.100", "a")
	tests := []struct {
		name, shown string
		list        []string
		remove      []string
	}{
		{"a route", "10.60.0.0/16 via 10.9.0.254", []string{"route"}, []string{"route", "del", "10.60.0.0/16"}},
		{"a route that is replaced", "10.60.0.0/16 via 10.9.0.254", []string{"route"}, []string{"route", "replace", "10.60.0.0/16", "via", "10.9.0.252"}},
		{"a route of IPv6", "fd00:60::/64", []string{"-6", "route"}, []string{"-6", "route", "del", "fd00:60::/64"}},
		{"a rule", "from 10.9.0.100 lookup 60", []string{"rule"}, []string{"rule", "del", "priority", "100"}},
		{"a static address", "10.9.0.110/24", []string{"addr", "show", "dev", "eth0"}, []string{"addr", "del", "10.9.0.110/24", "dev", "eth0"}},
		{"a static route", "10.70.0.0/16 via 10.9.0.253", []string{"route"}, []string{"route", "del", "10.70.0.0/16"}},
		{"a static rule", "from 10.9.0.110 lookup 70", []string{"rule"}, []string{"rule", "del", "priority", "200"}},
	}
	began := time.Now()
	for _, tt := range tests {
		there := func() bool { return strings.Contains(h.IP(tt.list...), tt.shown) }
		Eventually(t, 10*time.Second, tt.name+" is there", there)
		h.IP(tt.remove...)
		Eventually(t, 10*time.Second, tt.name+" is back", there)
	}
	lab.Capture.Next(time.Now(), 2*time.Second, "of a", From(h))
	if got := d.Entered(began); len(got) > 0 {
		t.Errorf("it entered %q", got)
	}
	if n := len(lab.Capture.Adverts(began, Resigns(h))); n > 0 {
		t.Errorf("it resigned %d times", n)
	}
}

// TestTheVRRPProcessKilledAloneIsReplacedUnnoticed: the new process takes over
// what the old one held; the address stays, nobody else becomes active.
func TestTheVRRPProcessKilledAloneIsReplacedUnnoticed(t *testing.T) {
	Require(t)
	for _, proto := range []protocol{protocols[0], protocols[1], authHeader} {
		for _, other := range []Kind{Keepalived, Holdfast} {
			t.Run(fmt.Sprintf("%s, beside %s", proto.name, other), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, pairing{Holdfast, other}, proto, nil)
				hooks := p.a.Hooks()
				r := p.router
				r.Priority, r.Extra = 150, hooked(hooks, "")
				a, b := p.start(r.Conf())
				p.settle(a, b)
				b.WaitLog(time.Time{}, 5*time.Second, `Entering BACKUP STATE`) // it may start late
				hooks.Wait(time.Time{}, 2*time.Second, 4)
				child, err := a.VRRPChild()
				if err != nil {
					t.Fatal(err)
				}
				killed := time.Now()
				if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				Throughout(t, p.down+time.Second, "the address stays where it is", func() bool {
					return p.a.Holds(p.vip) && !p.b.Holds(p.vip)
				})
				a.WaitLog(killed, time.Second, `VRRP child process\(\d+\) died: Respawning`)
				if fresh, err := a.VRRPChild(); err != nil || fresh == child {
					t.Errorf("pid file names %d after %d was killed: %v", fresh, child, err)
				}
				p.Capture.Next(killed.Add(p.down), 2*r.Interval+time.Second, "of a after the crash", From(p.a))
				if n := len(p.Capture.Adverts(killed, p.b.sent)); n > 0 {
					t.Errorf("b sent %d adverts", n)
				}
				if n := len(p.Capture.Adverts(killed, Resigns(p.a))); n > 0 {
					t.Errorf("a resigned %d times", n)
				}
				if got := hooks.Args(killed); len(got) > 0 {
					t.Errorf("hooks ran: %q", got)
				}
				if got := b.Entered(killed); len(got) > 0 {
					t.Errorf("b entered %q", got)
				}
			})
		}
	}
}

// TestReloadChangesOnlyWhatChanged reloads the active router; the other must
// not notice. Both daemons do it.
func TestReloadChangesOnlyWhatChanged(t *testing.T) {
	Require(t)
	for _, kinds := range pairings[:2] {
		t.Run(kinds.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, kinds, protocols[1], nil)
			hooks := p.a.Hooks()
			r := p.router
			r.Priority, r.Extra = 150, hooked(hooks, "")
			a, b := p.start(r.Conf())
			p.settle(a, b)
			hooks.Wait(time.Time{}, 2*time.Second, 4)
			began := time.Now()
			reload := func(t *testing.T, edit func()) time.Time {
				t.Helper()
				edit()
				at := time.Now()
				a.Reload(r.Conf())
				return at
			}
			p.Step("another priority is in the next advert", func(t *testing.T) {
				at := reload(t, func() { r.Priority = 140 })
				p.Capture.Next(at, 2*time.Second, "with priority 140", func(adv Advert) bool { return p.a.sent(adv) && adv.Priority == 140 })
			})
			p.Step("an address that was added is set and announced", func(t *testing.T) {
				at := reload(t, func() { r.VIPs = []string{"10.9.0.100/24", "10.9.0.102/24"} })
				p.WaitHolders(2*time.Second, "10.9.0.102", "a")
				Eventually(t, 2*time.Second, "announcement of the new address",
					func() bool { return len(p.Capture.GARPs(at, "10.9.0.102")) > 0 })
				p.Capture.Next(at, 2*time.Second, "with two addresses", func(adv Advert) bool { return p.a.sent(adv) && len(adv.Addrs) == 2 })
			})
			p.Step("an address that was removed goes", func(t *testing.T) {
				reload(t, func() { r.VIPs = []string{"10.9.0.100/24"} })
				p.WaitHolders(2*time.Second, "10.9.0.102")
				p.WaitHolders(time.Second, "10.9.0.100", "a")
			})
			p.Step("nobody noticed", func(t *testing.T) {
				if gap, limit := p.Capture.Gap(began, From(p.a)), r.Interval+slack+latenessSince(began); gap > limit {
					t.Errorf("a was silent for %v, want at most %v", gap, limit)
				}
				if n := len(p.Capture.Adverts(began, Resigns(p.a))); n > 0 {
					t.Errorf("a resigned %d times", n)
				}
				if got := hooks.Args(began); len(got) > 0 {
					t.Errorf("hooks ran: %q", got)
				}
				if kinds.b == Holdfast { // keepalived 2.2.7 refuses the longer list and becomes active for a moment
					if got := b.Entered(began); len(got) > 0 {
						t.Errorf("b entered %q", got)
					}
				}
			})
		})
	}
}

// TestABrokenFileAtReloadChangesNothing: keepalived ends here. holdfast goes on
// with what it has and says where the mistake is.
func TestABrokenFileAtReloadChangesNothing(t *testing.T) {
	Require(t)
	tests := map[string]struct{ old, new, says string }{
		"a number out of range":       {"virtual_router_id 51", "virtual_router_id 300", `holdfast\.conf.*virtual_router_id`},
		"an interface that is gone":   {"interface eth0", "interface eth9", `eth9`},
		"a brace too few":             {"    virtual_ipaddress {", "    virtual_ipaddress ", `holdfast\.conf`},
		"two instances with one VRID": {"vrrp_instance VI_1 {", "vrrp_instance VI_0 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 10.9.0.99\n }\n}\nvrrp_instance VI_1 {", `VI_0|VI_1`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, pairing{Holdfast, Keepalived}, protocols[1], nil)
			a, b := p.start(p.confA)
			p.settle(a, b)
			at := time.Now()
			a.Reload(replaceOnce(t, p.confA, tt.old, tt.new))
			a.WaitLog(at, 3*time.Second, tt.says)
			Throughout(t, 2*p.down, "a is active", func() bool { return a.Running() && p.a.Holds(p.vip) && !p.b.Holds(p.vip) })
			if gap, limit := p.Capture.Gap(at, From(p.a)), p.router.Interval+slack+latenessSince(at); gap > limit {
				t.Errorf("a was silent for %v, want at most %v", gap, limit)
			}
			if got := append(a.Entered(at), b.Entered(at)...); len(got) > 0 {
				t.Errorf("routers entered %q", got)
			}
			at = time.Now()
			a.Reload(p.confA)
			a.WaitLog(at, 3*time.Second, "Reload complete")
			if got := a.Entered(at); !slices.Equal(got, nil) {
				t.Errorf("reloading the old file again made a enter %q", got)
			}
		})
	}
}
