package lifecycle

import (
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"holdfast/integration/netns"
)

func TestAKilledVRRPProcessIsReplacedAndNobodyNotices(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	d := master(t, h, Start{Conf: globals() + router(notify(hooks)) + server(vip)})
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
	// A peer with priority 100 would have waited 3*0.1 s + 156/256*0.1 s = 361 ms.
	unbroken(t, l, netns.From(h), killed, 350*time.Millisecond)
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
