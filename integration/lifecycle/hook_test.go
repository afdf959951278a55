package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/integration/netns"
)

// nobody is the account of the user of that name in Debian.
const nobody = 65534

func TestHooksRunAsTheUserWhoIsNamed(t *testing.T) {
	_, h := lab(t)
	hooks := h.Hooks()
	d := master(t, h, Start{Conf: strings.Replace(globals(), "script_user root", "script_user nobody", 1) +
		router(notify(hooks), fmt.Sprintf(`notify_master "%s special" root`, hooks.Script))})
	hooks.Wait(time.Time{}, startLimit, 3)
	d.signal(syscall.SIGTERM)
	d.wait(controlLimit)
	got := []string{}
	for _, run := range hooks.Runs(time.Time{}) {
		got = append(got, fmt.Sprint(run.UID, " ", run.Args))
	}
	want := []string{
		fmt.Sprint(nobody, " [INSTANCE] [VI_1] [BACKUP] [200]"),
		"0 [special]", // its line names an account of its own; it comes before notify
		fmt.Sprint(nobody, " [INSTANCE] [VI_1] [MASTER] [200]"),
		fmt.Sprint(nobody, " [INSTANCE] [VI_1] [STOP] [200]"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("hooks\n got %q\nwant %q", got, want)
	}
}

// TestFilesOfHooksAreForTheirOwnerAloneUnlessSaid: the umask is keepalived's.
func TestFilesOfHooksAreForTheirOwnerAloneUnlessSaid(t *testing.T) {
	for name, tt := range map[string]struct {
		global string
		args   []string
		want   os.FileMode
	}{
		"by default":       {"", nil, 0o600},
		"-u":               {"umask 077", []string{"-u", "022"}, 0o644},
		"umask in a file":  {"umask 027", nil, 0o640},
		"by name, as bits": {"umask IWGRP|IWOTH", nil, 0o644},
	} {
		t.Run(name, func(t *testing.T) {
			_, h := lab(t)
			script := h.File("touch.sh", "#!/bin/sh\n: >"+h.Dir+"/made\n", 0o755)
			master(t, h, Start{Conf: globals(tt.global) + router(fmt.Sprintf("notify_master %q", script)), Args: tt.args})
			var mode os.FileMode
			netns.Eventually(t, startLimit, "the hook has made its file", func() bool {
				info, err := os.Stat(filepath.Join(h.Dir, "made"))
				if err == nil {
					mode = info.Mode().Perm()
				}
				return err == nil
			})
			if mode != tt.want {
				t.Errorf("mode %04o, want %04o", mode, tt.want)
			}
		})
	}
}

// TestHooksInheritNothingOfOurs: no descriptors, no variables by which our
// processes know each other.
func TestHooksInheritNothingOfOurs(t *testing.T) {
	_, h := lab(t)
	script := h.File("look.sh", "#!/bin/sh\n{ env; echo; ls -l /proc/self/fd; } >"+h.Dir+"/seen.tmp\nmv "+h.Dir+"/seen.tmp "+h.Dir+"/seen\n", 0o755)
	master(t, h, Start{Conf: globals() + router(fmt.Sprintf("notify_master %q", script)), Env: []string{"LD_PRELOAD=", "SITE=north"}})
	netns.Eventually(t, startLimit, "the hook has looked", func() bool { return exists(filepath.Join(h.Dir, "seen")) })
	text, err := os.ReadFile(filepath.Join(h.Dir, "seen"))
	if err != nil {
		t.Fatal(err)
	}
	env, fds, _ := strings.Cut(string(text), "\n\n")
	if strings.Contains(env, "HOLDFAST_ROLE") || strings.Contains(env, "HOLDFAST_DETACHED") || !strings.Contains(env, "SITE=north") {
		t.Errorf("environment:\n%s", env)
	}
	// what the test itself was started with is nobody's fault
	if strings.Contains(fds, "socket:") || strings.Contains(fds, "eventpoll") || strings.Contains(fds, ".pid") || strings.Contains(fds, "k.conf") {
		t.Errorf("descriptors:\n%s", fds)
	}
	if n := strings.Count(fds, "/dev/null"); n < 2 {
		t.Errorf("standard input, output and error are not /dev/null:\n%s", fds)
	}
}

// TestAHookThatHangsHoldsUpNobodyElse: it ignores SIGTERM; adverts, another
// router's hooks, a reload and the stop go on.
func TestAHookThatHangsHoldsUpNobodyElse(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	hang := h.File("hang.sh", "#!/bin/sh\ntrap '' TERM INT HUP\necho $$ >"+h.Dir+"/hang.pid\nwhile :; do sleep 1; done\n", 0o755)
	conf := "child_wait_time 1\n" + globals() + router(fmt.Sprintf("notify_master %q", hang)) + named("VI_2", 52, "10.9.0.101", notify(hooks))
	d := master(t, h, Start{Conf: conf})
	hooks.Wait(time.Time{}, startLimit, 2)
	hanging := 0
	netns.Eventually(t, startLimit, "the hook hangs", func() bool {
		hanging = pidIn(filepath.Join(h.Dir, "hang.pid"))
		return alive(hanging)
	})
	t.Cleanup(func() {
		if alive(hanging) {
			syscall.Kill(-hanging, syscall.SIGKILL)
			syscall.Kill(hanging, syscall.SIGKILL)
		}
	})
	began := time.Now()
	d.reload(conf, reloaded)
	netns.Throughout(t, 500*time.Millisecond, "everything runs", func() bool { return h.Holds(vip) && h.Holds("10.9.0.101") })
	unbroken(t, l, of(h, 51), began, breath)
	asked := time.Now()
	d.signal(syscall.SIGTERM)
	netns.Eventually(t, startLimit, "the addresses are gone", func() bool { return !h.Holds(vip) && !h.Holds("10.9.0.101") })
	zero := l.Capture.Next(asked, startLimit, "with priority 0", netns.Resigns(h))
	netns.AtMost(t, "priority 0", asked, zero.At, 500*time.Millisecond)
	hooks.Wait(asked, startLimit, 1) // STOP of the other
	// child_wait_time, 1 s, then 2 s from SIGTERM to SIGKILL
	if got := d.wait(controlLimit); got != 0 {
		t.Errorf("status %d, want 0", got)
	}
	netns.AtMost(t, "the stop", asked, d.at, 4*time.Second)
	if alive(hanging) {
		t.Error("the hook outlives the daemon")
	}
}

// TestHooksOfOneRouterNeverOverlap: what a slow one missed it learns in the
// end, in order.
func TestHooksOfOneRouterNeverOverlap(t *testing.T) {
	_, h := lab(t)
	script := h.File("slow.sh", "#!/bin/sh\nmkdir "+h.Dir+"/lock || echo overlap >>"+h.Dir+"/bad\nsleep 0.2\necho $3 >>"+h.Dir+"/states\nrmdir "+h.Dir+"/lock\n", 0o755)
	d := master(t, h, Start{Conf: globals() + router(fmt.Sprintf("notify %q", script))})
	for range 3 {
		h.IP("link", "set", "eth0", "down")
		d.waitLog("Entering FAULT STATE", 1)
		h.IP("link", "set", "eth0", "up")
	}
	netns.Eventually(t, startLimit, "master again", func() bool { return h.Holds(vip) })
	d.signal(syscall.SIGTERM)
	if got := d.wait(controlLimit); got != 0 {
		t.Errorf("status %d, want 0", got)
	}
	text, _ := os.ReadFile(filepath.Join(h.Dir, "states"))
	states := strings.Fields(string(text))
	if exists(filepath.Join(h.Dir, "bad")) {
		t.Error("two hooks ran at once")
	}
	if len(states) == 0 || states[len(states)-1] != "STOP" {
		t.Errorf("states %q, want STOP as the last", states)
	}
}
