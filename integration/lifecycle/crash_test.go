package lifecycle

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/integration/netns"
)

func TestAKilledVRRPProcessIsReplacedAndNobodyNotices(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	// A successor resumes only while no peer can have taken over: with 0.1 s that
	// is 0.2 s, which a busy machine needs for its start, with 1 s it is 2 s.
	d := master(t, h, Start{Conf: globals() + strings.ReplaceAll(router(notify(hooks)), "advert_int 0.1", "advert_int 1") + server(vip)})
	hooks.Wait(time.Time{}, startLimit, 2) // BACKUP, MASTER
	vrrp, checkers := d.child(vrrpPID, 0), d.child(checkersPID, 0)
	l.Capture.Next(time.Time{}, startLimit, "from the master", netns.From(h))
	killed := time.Now()
	syscall.Kill(vrrp, syscall.SIGKILL)
	netns.Throughout(t, 700*time.Millisecond, "the address stays, the parent and the checkers run on", func() bool {
		return h.Holds(vip) && d.running() && pidIn(filepath.Join(h.Dir, checkersPID)) == checkers && parentOf(checkers) == d.pid()
	})
	successor := d.child(vrrpPID, vrrp)
	l.Capture.Next(time.Now(), startLimit, "from the successor", netns.From(h))
	// A peer with priority 100 would have waited 3*1 s + 156/256*1 s = 3.61 s.
	unbroken(t, l, netns.From(h), killed, 3500*time.Millisecond)
	if n := len(l.Capture.Adverts(killed, netns.Resigns(h))); n > 0 {
		t.Errorf("%d adverts with priority 0", n)
	}
	if again := hooks.Args(killed); len(again) > 0 {
		t.Errorf("hooks ran again: %q", again)
	}
	for _, phrase := range []string{
		fmt.Sprintf(`VRRP child process\(%d\) exited due to signal 9 \(killed\)`, vrrp),
		fmt.Sprintf(`VRRP child process\(%d\) died: Respawning`, vrrp),
		fmt.Sprintf("Starting VRRP child process, pid=%d", successor),
	} {
		if d.count(phrase) != 1 {
			t.Errorf("%d times in the log: %s", d.count(phrase), phrase)
		}
	}
}

func TestAKilledCheckerProcessIsReplacedAndAdvertsGoOn(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	d := master(t, h, Start{Conf: globals() + router(notify(hooks)) + server(vip)})
	hooks.Wait(time.Time{}, startLimit, 2)
	vrrp, checkers := d.child(vrrpPID, 0), d.child(checkersPID, 0)
	killed := time.Now()
	syscall.Kill(checkers, syscall.SIGKILL)
	d.child(checkersPID, checkers)
	netns.Throughout(t, 300*time.Millisecond, "the VRRP process runs on", func() bool {
		return parentOf(vrrp) == d.pid() && pidIn(filepath.Join(h.Dir, vrrpPID)) == vrrp && h.Holds(vip)
	})
	unbroken(t, l, netns.From(h), killed, 250*time.Millisecond) // interval 100 ms
	if again := hooks.Args(killed); len(again) > 0 {
		t.Errorf("hooks ran again: %q", again)
	}
	if d.count(`Healthcheck child process\(\d+\) died: Respawning`) != 1 {
		t.Error("the log does not say that the process is replaced")
	}
}

func TestProcessesThatDieAgainAndAgainAreReplacedMoreAndMoreSlowly(t *testing.T) {
	_, h := lab(t)
	d := master(t, h, Start{Conf: router() + server(vip)})
	first := d.child(checkersPID, 0)
	syscall.Kill(first, syscall.SIGKILL)
	second := d.child(checkersPID, first)
	killed := time.Now()
	syscall.Kill(second, syscall.SIGKILL)
	d.waitLog("Restart of Healthcheck process delayed 1 seconds to limit respawn rate", 1)
	third := d.child(checkersPID, second)
	if took := time.Since(killed); took < 900*time.Millisecond {
		t.Errorf("the third process came after %v, want a second", took)
	}
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 || alive(third) {
		t.Errorf("status %d, want 0", got)
	}
}

// TestAStopIsNotHeldUpByAReplacementThatIsDue.
func TestAStopIsNotHeldUpByAReplacementThatIsDue(t *testing.T) {
	_, h := lab(t)
	d := master(t, h, Start{Conf: router() + server(vip)})
	pid := 0
	for range 2 {
		pid = d.child(checkersPID, pid)
		syscall.Kill(pid, syscall.SIGKILL)
	}
	d.waitLog("delayed 1 seconds", 1)
	asked := time.Now()
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 {
		t.Errorf("status %d, want 0", got)
	}
	netns.AtMost(t, "the stop", asked, d.at, 800*time.Millisecond)
	if n := d.count("Starting Healthcheck child"); n != 2 {
		t.Errorf("%d checker processes were started, want 2", n)
	}
}

func TestWithDontRespawnADeadChildEndsTheDaemonInOrder(t *testing.T) {
	l, h := lab(t)
	d := master(t, h, Start{Conf: router() + server(vip), Args: []string{"-R"}})
	killed := time.Now()
	syscall.Kill(d.child(checkersPID, 0), syscall.SIGKILL)
	if got := d.wait(controlLimit); got == 0 {
		t.Error("status 0, want that of a failure")
	}
	l.Capture.Next(killed, startLimit, "with priority 0", netns.Resigns(h))
	if h.Holds(vip) || d.count(`Healthcheck child process\(\d+\) died: Exiting`) != 1 {
		t.Errorf("address left behind: %v", h.Holds(vip))
	}
}

// TestChildrenOfAKilledParentLeaveInOrder: the peer hears a priority of 0 and
// the address is gone, although nobody told them to stop.
func TestChildrenOfAKilledParentLeaveInOrder(t *testing.T) {
	l, h := lab(t)
	d := master(t, h, Start{Conf: router() + server(vip)})
	children := []int{d.child(vrrpPID, 0), d.child(checkersPID, 0)}
	l.Capture.Next(time.Time{}, startLimit, "from the master", netns.From(h))
	killed := time.Now()
	d.signal(syscall.SIGKILL)
	zero := l.Capture.Next(killed, startLimit, "with priority 0", netns.Resigns(h))
	netns.Eventually(t, controlLimit, "the children are gone", func() bool {
		return !slices.ContainsFunc(children, alive)
	})
	netns.Eventually(t, controlLimit, "the address is gone", func() bool { return !h.Holds(vip) })
	if late := l.Capture.Adverts(zero.At, netns.From(h)); len(late) > 0 {
		t.Errorf("%d adverts after the one with priority 0", len(late))
	}
	for _, name := range []string{vrrpPID, checkersPID} {
		if exists(filepath.Join(h.Dir, name)) {
			t.Errorf("%s is still there", name)
		}
	}
	// the parent could not remove its own; the lock is gone with it
	d = master(t, h, Start{Conf: router()})
	if got := pidIn(filepath.Join(h.Dir, parentPID)); got != d.pid() {
		t.Errorf("%s names %d, want the new parent %d", parentPID, got, d.pid())
	}
}

// TestAStoppedChildIsKilledWhenItDoesNotEnd: child_wait_time.
func TestAChildThatDoesNotEndIsKilled(t *testing.T) {
	_, h := lab(t)
	d := master(t, h, Start{Conf: "child_wait_time 1\n" + router() + server(vip)})
	frozen := d.child(checkersPID, 0)
	freeze(t, frozen)
	asked := time.Now()
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 || alive(frozen) {
		t.Errorf("status %d, child alive %v", got, alive(frozen))
	}
	if took := d.at.Sub(asked); took < 900*time.Millisecond {
		t.Errorf("the end took %v, want the second of child_wait_time", took)
	}
	netns.AtMost(t, "the end", asked, d.at, 3*time.Second)
	if d.count("Healthcheck process failed to die - forcing termination") != 1 {
		t.Error("the log does not say that a child was killed")
	}
}

// estate is what a killed daemon leaves behind: an address, a route, a rule,
// virtual and static.
func estate(last string) string {
	net := "10.6" + last + ".0.0/16"
	return named("VI_1", 51, "10.9.0.10"+last+"/24",
		"virtual_routes {", "        "+net+" via 10.9.0.254 dev eth0", "    }",
		"virtual_rules {", "        from 10.9.0.10"+last+" lookup 6"+last+" priority 10"+last, "    }") +
		"static_ipaddress {\n    10.9.0.11" + last + "/24 dev eth0\n}\n" +
		"static_routes {\n    10.7" + last + ".0.0/16 via 10.9.0.253 dev eth0\n}\n" +
		"static_rules {\n    from 10.9.0.11" + last + " lookup 7" + last + " priority 20" + last + "\n}\n"
}

// left are the lines of the kernel that are about an estate.
func left(h *netns.Host, last string) (list []string) {
	text := h.IP("-o", "-4", "addr", "show", "dev", "eth0") + h.IP("route") + h.IP("rule")
	for line := range strings.Lines(text) {
		for _, own := range []string{"10.9.0.10" + last, "10.6" + last + ".", "10.9.0.11" + last, "10.7" + last + "."} {
			if strings.Contains(line, own) {
				list = append(list, strings.Join(strings.Fields(line), " "))
				break
			}
		}
	}
	return list
}

// TestWhatAKilledDaemonLeftBehindIsAdoptedOrRemovedByTheNext: what is configured
// still is adopted without a gap where it is static, and with the router it is
// for where it is virtual; what is not configured any more goes by its mark, and
// nothing of anybody else's goes.
func TestWhatAKilledDaemonLeftBehindIsAdoptedOrRemovedByTheNext(t *testing.T) {
	for name, tt := range map[string]struct{ before, after string }{
		"the file is the same":       {"1", "1"},
		"the file is another by now": {"1", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			_, h := lab(t)
			h.IP("addr", "add", "10.9.0.199/24", "dev", "eth0")
			h.IP("route", "add", "10.80.0.0/16", "via", "10.9.0.252")
			h.IP("rule", "add", "from", "10.9.0.199", "lookup", "80", "priority", "300")
			strangers := func() bool {
				return h.Holds("10.9.0.199") && strings.Contains(h.IP("route"), "10.80.0.0/16") && strings.Contains(h.IP("rule"), "from 10.9.0.199")
			}
			d := start(t, h, Start{Conf: estate(tt.before)})
			netns.Eventually(t, startLimit, "everything is there", func() bool { return len(left(h, tt.before)) == 6 })
			killAll(t, d)
			if got := left(h, tt.before); len(got) != 6 {
				t.Fatalf("left behind: %q, want six things", got)
			}
			d = start(t, h, Start{Conf: estate(tt.after)})
			netns.Eventually(t, startLimit, "the new daemon has its own", func() bool { return len(left(h, tt.after)) == 6 && strangers() })
			if tt.before != tt.after {
				if got := left(h, tt.before); len(got) > 0 {
					t.Errorf("still there: %q", got)
				}
			}
			d.signal(syscall.SIGTERM)
			if got := d.wait(controlLimit); got != 0 {
				t.Errorf("status %d", got)
			}
			if got := append(left(h, tt.before), left(h, tt.after)...); len(got) > 0 || !strangers() {
				t.Errorf("left behind at the end: %q; what is somebody else's is there: %v", got, strangers())
			}
		})
	}
}

// TestAKilledVRRPProcessOfManyRoutersIsReplacedAndNobodyNotices: thirty of
// them, ten in sync groups.
func TestAKilledVRRPProcessOfManyRoutersIsReplacedAndNobodyNotices(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	conf := globals()
	const routers = 30
	for i := range routers {
		conf += named(fmt.Sprintf("VI_%d", i+1), 100+i, fmt.Sprintf("10.9.0.%d", 100+i), notify(hooks))
	}
	for g := range 5 {
		conf += fmt.Sprintf("vrrp_sync_group G_%d {\n    group {\n        VI_%d\n        VI_%d\n    }\n    %s\n}\n", g, 2*g+1, 2*g+2, notify(hooks))
	}
	// A successor resumes only while no peer can have taken over: with 0.1 s that
	// is 0.2 s, which a busy machine needs for its start, with 2 s it is 4 s.
	d := start(t, h, Start{Conf: strings.ReplaceAll(conf, "advert_int 0.1", "advert_int 2")})
	all := func() bool { // the first, one in the middle, the last
		return h.Holds("10.9.0.100") && h.Holds("10.9.0.115") && h.Holds("10.9.0.129")
	}
	hooks.Wait(time.Time{}, 3*startLimit, 2*(routers+5)) // BACKUP and MASTER
	vrrp := d.child(vrrpPID, 0)
	killed := time.Now()
	syscall.Kill(vrrp, syscall.SIGKILL)
	d.child(vrrpPID, vrrp)
	netns.Throughout(t, time.Second, "the addresses stay", all)
	since := time.Now()
	for i := range routers {
		vrid := uint8(100 + i)
		l.Capture.Next(since, startLimit, fmt.Sprintf("of VRID %d", vrid), func(a netns.Advert) bool { return a.VRID == vrid && a.Priority == 200 })
	}
	if n := len(l.Capture.Adverts(killed, netns.Resigns(h))); n > 0 {
		t.Errorf("%d adverts with priority 0", n)
	}
	if again := hooks.Args(killed); len(again) > 0 {
		t.Errorf("hooks ran again: %q", again)
	}
}
