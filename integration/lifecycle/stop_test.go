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

// TestAStopWithNothingPendingIsOverAtOnce: keepalived needs a second; nobody
// who fails over by hand should have to wait. Tried three times, and measured
// against what it takes to start and end a program that does nothing: another
// process may have the processor.
func TestAStopWithNothingPendingIsOverAtOnce(t *testing.T) {
	const limit = 100 * time.Millisecond
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			l, h := lab(t)
			took := time.Duration(0)
			for range 3 {
				d := master(t, h, Start{Conf: router() + server(vip)})
				children := []int{d.child(vrrpPID, 0), d.child(checkersPID, 0)}
				asked := time.Now()
				d.signal(sig)
				if got := d.wait(controlLimit); got != 0 {
					t.Fatalf("status %d, want 0", got)
				}
				took = d.at.Sub(asked)
				for _, c := range children {
					if alive(c) {
						t.Errorf("child %d outlives its parent", c)
					}
				}
				for _, name := range []string{parentPID, vrrpPID, checkersPID} {
					if exists(filepath.Join(h.Dir, name)) {
						t.Errorf("%s is still there", name)
					}
				}
				if h.Holds(vip) {
					t.Error("the address is still there")
				}
				l.Capture.Next(asked, startLimit, "with priority 0", netns.Resigns(h))
				if d.count("Stopped Keepalived") != 1 {
					t.Error("the log does not say that it has stopped")
				}
				began := time.Now()
				run(t, h, "true")
				if took <= limit+netns.LatenessSince(asked)+4*time.Since(began) {
					return
				}
			}
			t.Errorf("the last of three stops took %v, want at most %v", took, limit)
		})
	}
}

// TestSignalsOfMonitoringDisturbNothing: exporters send these every few
// seconds, some to the parent, some to whatever process they find.
func TestSignalsOfMonitoringDisturbNothing(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	d := master(t, h, Start{Conf: globals() + router(notify(hooks)) + server(vip)})
	hooks.Wait(time.Time{}, startLimit, 2) // BACKUP, MASTER
	vrrp, checkers := d.child(vrrpPID, 0), d.child(checkersPID, 0)
	began := time.Now()
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, 36, 63, syscall.SIGPIPE} {
		for _, pid := range []int{d.pid(), vrrp, checkers} {
			if err := syscall.Kill(pid, sig); err != nil {
				t.Errorf("signal %d to %d: %v", sig, pid, err)
			}
		}
	}
	// the parent answers the last of them: it has seen all
	netns.Throughout(t, 600*time.Millisecond, "all three processes run on", func() bool {
		return d.running() && parentOf(vrrp) == d.pid() && parentOf(checkers) == d.pid()
	})
	unbroken(t, l, netns.From(h), began, 250*time.Millisecond) // interval 100 ms
	if again := hooks.Args(began); len(again) > 0 {
		t.Errorf("hooks ran: %q", again)
	}
}

// notify is the line that tells the script of every change.
func notify(hooks *netns.HookLog) string { return fmt.Sprintf("notify %q", hooks.Script) }

// TestTheTerminalsInterruptReachesAllAndStopsInOrder: Ctrl-C goes to the whole
// process group; only the parent may act on it.
func TestTheTerminalsInterruptReachesAllAndStopsInOrder(t *testing.T) {
	l, h := lab(t)
	d := master(t, h, Start{Conf: router() + server(vip)})
	asked := time.Now()
	for _, pid := range []int{d.child(vrrpPID, 0), d.child(checkersPID, 0), d.pid()} {
		syscall.Kill(pid, syscall.SIGINT)
	}
	if got := d.wait(controlLimit); got != 0 || d.count("died") > 0 {
		t.Errorf("status %d, want 0; a child died: %d", got, d.count("died"))
	}
	l.Capture.Next(asked, startLimit, "with priority 0", netns.Resigns(h))
}

func TestAddressesStayWithDontReleaseVRRP(t *testing.T) {
	l, h := lab(t)
	d := master(t, h, Start{Conf: router(), Args: []string{"-V"}})
	asked := time.Now()
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 {
		t.Errorf("status %d, want 0", got)
	}
	if !h.Holds(vip) {
		t.Error("the address is gone")
	}
	if n := len(l.Capture.Adverts(asked, netns.Resigns(h))); n > 0 {
		t.Errorf("%d adverts with priority 0, want none: nobody is to take over", n)
	}
	// the next one finds the address and does not trip over it
	d = master(t, h, Start{Conf: router()})
	d.signal(syscall.SIGTERM)
	d.wait(controlLimit)
	if h.Holds(vip) {
		t.Error("the next daemon did not remove the address that it took over")
	}
}

// TestStopHooksRunBeforeTheEnd: and the parent waits for them.
func TestStopHooksRunBeforeTheEnd(t *testing.T) {
	_, h := lab(t)
	hooks := h.Hooks()
	slow := h.File("slow.sh", "#!/bin/sh\nsleep 0.3\n: >"+h.Dir+"/slow.done\n", 0o755)
	d := master(t, h, Start{Conf: globals() + router(notify(hooks), fmt.Sprintf("notify_stop %q", slow))})
	hooks.Wait(time.Time{}, startLimit, 2)
	asked := time.Now()
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 {
		t.Errorf("status %d, want 0", got)
	}
	if want := []string{"[INSTANCE] [VI_1] [STOP] [200]"}; !slices.Equal(hooks.Args(asked), want) {
		t.Errorf("hooks at the stop: %q, want %q", hooks.Args(asked), want)
	}
	if !exists(filepath.Join(h.Dir, "slow.done")) {
		t.Error("notify_stop was cut off")
	}
}
