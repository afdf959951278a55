package lifecycle

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/integration/netns"
)

// breath is the longest silence that adverts every 100 ms may show while
// something else is going on. A peer of priority 100 takes over after 361 ms.
const breath = 250 * time.Millisecond

// of matches adverts of one virtual router of a host.
func of(h *netns.Host, vrid uint8) func(netns.Advert) bool {
	return func(a netns.Advert) bool { return a.VRID == vrid && netns.From(h)(a) }
}

// quiet are the conditions under which nobody on the network has noticed
// anything since then.
func quiet(t *testing.T, l *netns.Lab, h *netns.Host, hooks *netns.HookLog, since time.Time) {
	t.Helper()
	unbroken(t, l, of(h, 51), since, breath)
	if n := len(l.Capture.Adverts(since, netns.Resigns(h))); n > 0 {
		t.Errorf("%d adverts with priority 0", n)
	}
	if again := hooks.Args(since); len(again) > 0 {
		t.Errorf("hooks ran: %q", again)
	}
	if !h.Holds(vip) {
		t.Error("the address is gone")
	}
}

func TestAReloadThatChangesNothingIsNotNoticed(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	conf := globals() + router(notify(hooks), "garp_master_delay 0") + server(vip) // announced once
	d := master(t, h, Start{Conf: conf})
	hooks.Wait(time.Time{}, startLimit, 2)
	netns.Eventually(t, startLimit, "the announcement", func() bool { return len(l.Capture.GARPs(time.Time{}, vip)) >= 5 })
	vrrp, checkers := d.child(vrrpPID, 0), d.child(checkersPID, 0)
	began := time.Now()
	for range 3 {
		d.reload(conf, reloaded)
	}
	quiet(t, l, h, hooks, began)
	if entered := d.count("Entering"); entered != 2 { // BACKUP and MASTER, at the start
		t.Errorf("%d state changes in the log, want 2", entered)
	}
	if d.child(vrrpPID, 0) != vrrp || d.child(checkersPID, 0) != checkers {
		t.Error("a child was replaced")
	}
	if n := len(l.Capture.GARPs(began, vip)); n > 0 {
		t.Errorf("%d gratuitous ARPs, want none", n)
	}
}

// TestACommentCausesNoNetlinkMessage: what ip monitor prints between two marks
// of our own is what a reload has changed in the kernel. The second half shows
// that it would have been printed.
func TestACommentCausesNoNetlinkMessage(t *testing.T) {
	_, h := lab(t)
	conf := "# %s\n" + globals("dynamic_interfaces") +
		router("virtual_ipaddress_excluded {\n10.9.1.100/24 dev eth0\n}", "virtual_routes {\n10.77.0.0/16 via 10.9.0.1 dev eth0%s\n}",
			"virtual_rules {\nfrom 10.77.0.0/16 table 77 priority 77\n}") +
		"static_ipaddress {\n10.9.2.1/32 dev eth0\n}\nstatic_routes {\n10.78.0.0/16 dev eth0\n}\nstatic_rules {\nto 10.78.0.0/16 table 78 priority 78\n}\n"
	d := master(t, h, Start{Conf: fmt.Sprintf(conf, "one", "")})
	netns.Eventually(t, startLimit, "everything is there", func() bool {
		return h.Holds("10.9.1.100") && h.Holds("10.9.2.1") && strings.Contains(h.IP("rule"), "77:") && strings.Contains(h.IP("route"), "10.77.0.0/16")
	})
	monitor := h.StartProcess("ip", "monitor", "link", "address", "route", "rule")
	mark := func(address string) {
		t.Helper()
		netns.Eventually(t, startLimit, address+" is seen by the monitor", func() bool {
			h.IP("address", "replace", address+"/32", "dev", "lo")
			return strings.Contains(monitor.Output(), address)
		})
	}
	mark("192.0.2.1")
	for range 3 {
		d.reload(fmt.Sprintf(conf, "two", ""), reloaded)
	}
	mark("192.0.2.2")
	_, after, _ := strings.Cut(monitor.Output(), "192.0.2.1")
	for line := range strings.Lines(after) {
		if strings.Contains(line, "10.9.") || strings.Contains(line, "10.7") || strings.Contains(line, "eth0") {
			t.Errorf("the kernel was told: %s", line)
		}
	}
	d.reload(fmt.Sprintf(conf, "two", " metric 7"), reloaded)
	netns.Eventually(t, startLimit, "a real change is seen by the monitor", func() bool {
		return strings.Contains(monitor.Output(), "metric 7")
	})
}

// TestABurstOfReloadsEndsWithTheLastFile: a request that comes while one is
// under way is queued, not lost.
func TestABurstOfReloadsEndsWithTheLastFile(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	d := master(t, h, Start{Conf: globals() + router(notify(hooks))})
	hooks.Wait(time.Time{}, startLimit, 2)
	began := time.Now()
	for i := range 20 {
		h.File(confFile, globals()+router(notify(hooks), fmt.Sprintf("priority %d", 201+i)), 0o644)
		d.signal(syscall.SIGHUP)
	}
	l.Capture.Next(began, startLimit, "with the last priority", func(a netns.Advert) bool { return a.Priority == 220 })
	quiet(t, l, h, hooks, began)
}

func TestAFileThatCannotBeUsedIsRefusedAndAdvertsGoOn(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	good := globals() + router(notify(hooks)) + server(vip)
	d := master(t, h, Start{Conf: good})
	hooks.Wait(time.Time{}, startLimit, 2)
	vrrp, checkers := d.child(vrrpPID, 0), d.child(checkersPID, 0)
	for name, bad := range map[string]struct{ conf, reason string }{
		"a misspelt keyword":         {good + named("VI_2", 52, "10.9.0.101", "prioritty 1"), `k\.conf:\d+:\d+: unknown keyword prioritty`},
		"a VRID used twice":          {good + named("VI_2", 51, "10.9.0.101"), "virtual_router_id 51 on eth0 is that of VI_1 too"},
		"an interface that is none":  {good + "vrrp_instance VI_2 {\ninterface eth9\nvirtual_router_id 52\nvirtual_ipaddress {\n10.9.0.101\n}\n}\n", "interface eth9 does not exist"},
		"half a file":                {good[:len(good)/2], "reload refused"},
		"not a configuration at all": {"\x7fELF\x02\x01\x01\x00", "reload refused"},
		"a namespace":                {"net_namespace " + h.NS + "\n" + good, "Cannot change net_namespace at a reload"},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			n := d.count(bad.reason)
			d.reload(bad.conf, refused)
			if d.count(bad.reason) <= n {
				t.Errorf("the log does not say %s", bad.reason)
			}
			quiet(t, l, h, hooks, began)
		})
	}
	began := time.Now()
	if err := os.Remove(filepath.Join(h.Dir, confFile)); err != nil {
		t.Fatal(err)
	}
	n := d.count(refused)
	d.signal(syscall.SIGHUP)
	d.waitLog(refused, n+1)
	quiet(t, l, h, hooks, began)
	d.reload(good, reloaded) // and everything still works
	quiet(t, l, h, hooks, began)
	if d.child(vrrpPID, 0) != vrrp || d.child(checkersPID, 0) != checkers {
		t.Error("a child was replaced")
	}
}

func TestAChangedPriorityIsInTheNextAdverts(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	d := master(t, h, Start{Conf: globals() + router(notify(hooks))})
	hooks.Wait(time.Time{}, startLimit, 2)
	began := time.Now()
	d.reload(globals()+router(notify(hooks), "priority 150"), reloaded)
	l.Capture.Next(began, startLimit, "with the new priority", func(a netns.Advert) bool { return a.Priority == 150 })
	done := time.Now()
	quiet(t, l, h, hooks, began)
	if old := l.Capture.Adverts(done, func(a netns.Advert) bool { return a.Priority != 150 }); len(old) > 0 {
		t.Errorf("%d adverts with another priority afterwards", len(old))
	}
	// the interval too, and nothing else moves
	d.reload(globals()+router(notify(hooks), "priority 150", "advert_int 0.2"), reloaded)
	l.Capture.Next(done, startLimit, "with the new interval", func(a netns.Advert) bool { return a.Interval == 200*time.Millisecond })
	if again := hooks.Args(began); len(again) > 0 {
		t.Errorf("hooks ran: %q", again)
	}
}

func TestAddressesComeAndGoWithAReload(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	d := master(t, h, Start{Conf: globals() + router(notify(hooks))})
	hooks.Wait(time.Time{}, startLimit, 2)
	began := time.Now()
	two := globals() + named("VI_1", 51, vip+"\n        10.9.0.101", notify(hooks))
	d.reload(two, reloaded)
	netns.Eventually(t, startLimit, "the second address is there", func() bool { return h.Holds("10.9.0.101") })
	netns.Eventually(t, startLimit, "it is announced", func() bool { return len(l.Capture.GARPs(began, "10.9.0.101")) > 0 })
	l.Capture.Next(began, startLimit, "with both addresses", func(a netns.Advert) bool {
		return slices.Equal(a.Addrs, []netip.Addr{netip.MustParseAddr(vip), netip.MustParseAddr("10.9.0.101")})
	})
	quiet(t, l, h, hooks, began)
	began = time.Now()
	d.reload(globals()+router(notify(hooks)), reloaded)
	netns.Eventually(t, startLimit, "the second address is gone", func() bool { return !h.Holds("10.9.0.101") })
	l.Capture.Next(began, startLimit, "with one address", func(a netns.Advert) bool { return len(a.Addrs) == 1 })
	quiet(t, l, h, hooks, began)
}

// TestARouterThatIsRemovedLeavesInOrder: priority 0, its addresses, its
// scripts; the others do not notice.
func TestARouterThatIsRemovedLeavesInOrder(t *testing.T) {
	for state, line := range map[string]string{"FAULT": "", "DELETED": "notify_deleted"} {
		t.Run(state, func(t *testing.T) {
			l, h := lab(t)
			stays, goes := h.Hooks(), h.File("gone.sh", "#!/bin/sh\necho \"$*\" >>"+h.Dir+"/gone\n", 0o755)
			first := globals() + router(notify(stays))
			d := master(t, h, Start{Conf: first + named("VI_2", 52, "10.9.0.101", fmt.Sprintf("notify %q", goes), line)})
			stays.Wait(time.Time{}, startLimit, 2)
			netns.Eventually(t, startLimit, "the second address is there", func() bool { return h.Holds("10.9.0.101") })
			began := time.Now()
			d.reload(first, reloaded)
			zero := l.Capture.Next(began, startLimit, "with priority 0", netns.Resigns(h))
			if zero.VRID != 52 {
				t.Errorf("router %d resigned, want 52", zero.VRID)
			}
			netns.Eventually(t, startLimit, "its address is gone", func() bool { return !h.Holds("10.9.0.101") })
			want := "INSTANCE VI_2 BACKUP 200\nINSTANCE VI_2 MASTER 200\nINSTANCE VI_2 " + state + " 200\n"
			netns.Eventually(t, startLimit, "its script has run", func() bool {
				text, _ := os.ReadFile(filepath.Join(h.Dir, "gone"))
				return string(text) == want
			})
			l.Capture.Next(time.Now(), startLimit, "of the one that stays", of(h, 51))
			unbroken(t, l, of(h, 51), began, breath)
			if late := l.Capture.Adverts(zero.At, of(h, 52)); len(late) > 0 {
				t.Errorf("%d adverts of the removed one", len(late))
			}
			if again := stays.Args(began); len(again) > 0 {
				t.Errorf("hooks of the one that stays ran: %q", again)
			}
		})
	}
}

// TestARenamedRouterStaysWhatItIs: keepalived knows a router by its VRID and
// interface, not by its name.
func TestARenamedRouterStaysWhatItIs(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	d := master(t, h, Start{Conf: globals() + router(notify(hooks))})
	hooks.Wait(time.Time{}, startLimit, 2)
	began := time.Now()
	d.reload(globals()+named("web", 51, vip, notify(hooks)), reloaded)
	quiet(t, l, h, hooks, began)
	asked := time.Now()
	d.signal(syscall.SIGTERM)
	d.wait(controlLimit)
	if want := []string{"[INSTANCE] [web] [STOP] [200]"}; !slices.Equal(hooks.Args(asked), want) {
		t.Errorf("at the stop: %q, want %q", hooks.Args(asked), want)
	}
}

// TestARouterWithAnotherVRIDIsAnotherRouter.
func TestARouterWithAnotherVRIDIsAnotherRouter(t *testing.T) {
	l, h := lab(t)
	d := master(t, h, Start{Conf: router()})
	began := time.Now()
	d.reload(named("VI_1", 61, vip), reloaded)
	zero := l.Capture.Next(began, startLimit, "with priority 0", netns.Resigns(h))
	if zero.VRID != 51 {
		t.Errorf("router %d resigned, want 51", zero.VRID)
	}
	first := l.Capture.Next(began, startLimit, "of the new router", of(h, 61))
	if wait := first.At.Sub(began); wait < 300*time.Millisecond { // 3*0.1 s + 56/256*0.1 s = 322 ms
		t.Errorf("the new router was master after %v: it did not wait for others", wait)
	}
	netns.Eventually(t, startLimit, "the address is back", func() bool { return h.Holds(vip) })
}

func TestTheCheckerProcessComesAndGoesWithItsServers(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	alone := globals() + router(notify(hooks))
	d := master(t, h, Start{Conf: alone})
	hooks.Wait(time.Time{}, startLimit, 2)
	vrrp := d.child(vrrpPID, 0)
	began := time.Now()
	d.reload(alone+server(vip), reloaded)
	checkers := d.child(checkersPID, 0)
	d.reload(alone, reloaded)
	netns.Eventually(t, startLimit, "the checker process has ended", func() bool {
		return !alive(checkers) && !exists(filepath.Join(h.Dir, checkersPID))
	})
	if d.count("died") > 0 {
		t.Error("the log calls the end of the checker process a death")
	}
	d.reload(alone+server(vip), reloaded)
	d.child(checkersPID, checkers)
	quiet(t, l, h, hooks, began)
	if d.child(vrrpPID, 0) != vrrp {
		t.Error("the VRRP process was replaced")
	}
}

// TestTheVRRPProcessComesAndGoesWithItsRouters: the same for the other child.
func TestTheVRRPProcessComesAndGoesWithItsRouters(t *testing.T) {
	l, h := lab(t)
	d := master(t, h, Start{Conf: router() + server("10.9.0.102")})
	vrrp, checkers := d.child(vrrpPID, 0), d.child(checkersPID, 0)
	began := time.Now()
	d.reload(server("10.9.0.102"), reloaded)
	netns.Eventually(t, startLimit, "the VRRP process has ended", func() bool { return !alive(vrrp) })
	l.Capture.Next(began, startLimit, "with priority 0", netns.Resigns(h))
	if h.Holds(vip) {
		t.Error("the address is still there")
	}
	d.reload(router()+server("10.9.0.102"), reloaded)
	netns.Eventually(t, startLimit, "the address is back", func() bool { return h.Holds(vip) })
	if d.child(checkersPID, 0) != checkers {
		t.Error("the checker process was replaced")
	}
}

// TestAProcessThatIsWantedAgainBeforeItHasEndedIsNoDeath: somebody removes a
// section, thinks better of it, and reloads at once.
func TestAProcessThatIsWantedAgainBeforeItHasEndedIsNoDeath(t *testing.T) {
	_, h := lab(t)
	d := master(t, h, Start{Conf: router() + server("10.9.0.102")})
	checkers := d.child(checkersPID, 0)
	freeze(t, checkers) // it cannot end meanwhile
	d.reload(router(), reloaded)
	h.File(confFile, router()+server("10.9.0.102"), 0o644)
	d.signal(syscall.SIGHUP)
	d.waitLog("Reloading [.]{3}", 2)
	syscall.Kill(checkers, syscall.SIGCONT)
	d.waitLog(reloaded, 2)
	d.child(checkersPID, checkers)
	if d.count("died") > 0 {
		t.Error("the log calls it a death")
	}
}
