package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/integration/netns"
)

// init keeps the first thread for TestMain: a thread that has entered a
// namespace ends with its goroutine, which the first one cannot.
func init() { runtime.LockOSThread() }

// TestMain lets four labs run at once: they wait more than they work.
func TestMain(m *testing.M) { os.Exit(netns.Main(m, 4)) }

// lab is a LAN with one host.
func lab(t *testing.T) (*netns.Lab, *netns.Host) {
	t.Helper()
	netns.Require(t)
	t.Parallel()
	l := netns.NewLab(t)
	return l, l.Host("a", 1)
}

const vip = "10.9.0.100"

// router is a fast virtual router: version 3, ten adverts a second, master
// 0.3 s after its start (3*0.1 s + 56/256*0.1 s). Lines go into the instance.
func router(lines ...string) string {
	return named("VI_1", 51, vip, lines...)
}

func named(name string, vrid int, address string, lines ...string) string {
	return fmt.Sprintf("vrrp_instance %s {\n    interface eth0\n    version 3\n    advert_int 0.1\n    priority 200\n"+
		"    virtual_router_id %d\n    %s\n    virtual_ipaddress {\n        %s\n    }\n}\n",
		name, vrid, strings.Join(lines, "\n    "), address)
}

// globals allow scripts, which run as root unless lines say otherwise.
func globals(lines ...string) string {
	return "global_defs {\n    enable_script_security\n    script_user root\n    " + strings.Join(lines, "\n    ") + "\n}\n"
}

// server is a virtual server whose real server nobody checks.
func server(address string) string {
	return "virtual_server " + address + " 80 {\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n" +
		"    real_server 10.9.0.1 8080 {\n        weight 1\n    }\n}\n"
}

// master starts a router and waits until it is master.
func master(t *testing.T, h *netns.Host, s Start) *Daemon {
	t.Helper()
	d := start(t, h, s)
	d.waitLog(`\(VI_1\) Entering MASTER STATE`, 1)
	netns.Eventually(t, startLimit, "the address is there", func() bool { return h.Holds(vip) })
	return d
}

// unbroken fails the test when between two adverts that match, from since until
// now, lies more than limit, plus what the machine itself was late. The capture
// may lag behind, so it waits for an advert that was sent after the call.
func unbroken(t *testing.T, l *netns.Lab, match func(netns.Advert) bool, since time.Time, limit time.Duration) {
	t.Helper()
	l.Capture.Next(time.Now(), startLimit, "of the master", match)
	last, gap := since, time.Duration(0)
	for _, a := range l.Capture.Adverts(since, match) {
		gap, last = max(gap, a.At.Sub(last)), a.At
	}
	if late := netns.LatenessSince(since); gap > limit+late {
		t.Errorf("%v without an advert, want at most %v (machine late by %v)", gap, limit, late)
	}
}

// freeze stops a process and waits until all its threads stand still.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatalf("stop %d: %v", pid, err)
	}
	netns.Eventually(t, startLimit, "the process stands still", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, file := range threads {
			text, _ := os.ReadFile(file)
			if _, state, _ := strings.Cut(string(text), ") "); !strings.HasPrefix(state, "T") {
				return false
			}
		}
		return len(threads) > 0
	})
}
