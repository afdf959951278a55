package netns

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// hooked are the lines of an instance that name every hook there is.
func hooked(h *HookLog, user string) string {
	var b strings.Builder
	for _, state := range []string{"master", "backup", "fault", "stop"} {
		fmt.Fprintf(&b, "notify_%s \"%s m_%s extra 'two words'\" %s\n", state, h.Script, state, user)
	}
	fmt.Fprintf(&b, "notify \"%s gen\" %s", h.Script, user)
	return b.String()
}

// pairOf is what one change of state runs: the hook of the state, then the
// general one.
func pairOf(state string) []string {
	return []string{
		"[m_" + strings.ToLower(state) + "] [extra] [two words]",
		"[gen] [INSTANCE] [VI_1] [" + state + "] [150]",
	}
}

// TestHooksSayWhatHappened tells a router's story by its hooks. keepalived
// starts the two hooks of one change at the same time, so that their order is
// luck; holdfast runs them one after the other.
func TestHooksSayWhatHappened(t *testing.T) {
	Require(t)
	users := map[string]struct {
		name string
		uid  int
	}{
		"as the configured default": {"", 0},
		"as a user of their own":    {"nobody", 65534},
	}
	for name, user := range users {
		for _, kind := range []Kind{Holdfast, Keepalived} {
			t.Run(name+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				lab := NewLab(t)
				h := lab.Host("a", 1)
				hooks := h.Hooks()
				r := Router{Version: 3, Interval: 100 * time.Millisecond, Priority: 150, Extra: hooked(hooks, user.name)}
				since := time.Now()
				expect := func(t *testing.T, states ...string) {
					t.Helper()
					want := []string{}
					for _, s := range states {
						want = append(want, pairOf(s)...)
					}
					got := hooks.Wait(since, 3*time.Second, len(want))
					if kind == Keepalived {
						for i := 0; i+1 < len(got); i += 2 {
							slices.Sort(got[i : i+2])
							slices.Sort(want[i : i+2])
						}
					}
					if !slices.Equal(got, want) {
						t.Errorf("hooks ran\n %s, want\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
					}
					for _, run := range hooks.Runs(since) {
						if run.UID != user.uid {
							t.Errorf("hook %s ran as uid %d, want %d", run.Args, run.UID, user.uid)
						}
						if run.At.After(since) { // hooks at the same time write in any order
							since = run.At
						}
					}
				}
				d := h.Start(kind, r.Conf())
				lab.Step("start: backup, then active", func(t *testing.T) { expect(t, "BACKUP", "MASTER") })
				lab.Step("link down: fault", func(t *testing.T) { h.Unplug("eth0"); expect(t, "FAULT") })
				lab.Step("link up: backup, then active", func(t *testing.T) { h.Replug("eth0"); expect(t, "BACKUP", "MASTER") })
				lab.Step("reload without change: nothing", func(t *testing.T) {
					d.Reload(r.Conf())
					d.WaitLog(since, 3*time.Second, "Reload complete|Reloading finished")
					Throughout(t, 500*time.Millisecond, "no hook runs", func() bool { return len(hooks.Args(since)) == 0 })
				})
				lab.Step("stop: stop, and nothing of leaving", func(t *testing.T) {
					d.Stop()
					expect(t, "STOP")
				})
			})
		}
	}
}

func TestMembersAndGroupRunTheirHooks(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			groupHooks(t, kind)
		})
	}
}

func groupHooks(t *testing.T, kind Kind) {
	lab := NewLab(t)
	h := lab.Host("a", 1)
	h.Plug("eth1", "02:00:00:00:01:01", "10.8.0.1/24")
	hooks := h.Hooks()
	notify := fmt.Sprintf("notify \"%s\"", hooks.Script)
	r := Router{Version: 3, Interval: 100 * time.Millisecond, Priority: 150, Extra: notify, After: fmt.Sprintf(`
		vrrp_instance VI_2 {
			interface eth1
			virtual_router_id 52
			version 3
			advert_int 0.1
			priority 150
			%s
			virtual_ipaddress {
				10.8.0.100/24
			}
		}
		vrrp_sync_group G1 {
			group {
				VI_1
				VI_2
			}
			%s
		}`, notify, notify)}
	d := h.Start(kind, r.Conf())
	backup := []string{"[GROUP] [G1] [BACKUP] [0]", "[INSTANCE] [VI_1] [BACKUP] [150]", "[INSTANCE] [VI_2] [BACKUP] [150]"}
	master := []string{"[GROUP] [G1] [MASTER] [0]", "[INSTANCE] [VI_1] [MASTER] [150]", "[INSTANCE] [VI_2] [MASTER] [150]"}
	fault := []string{"[GROUP] [G1] [FAULT] [0]", "[INSTANCE] [VI_1] [FAULT] [150]", "[INSTANCE] [VI_2] [FAULT] [150]"}
	since := time.Time{}
	// Hooks of different objects run at the same time: only the set is certain.
	expect := func(t *testing.T, want ...string) {
		t.Helper()
		got := hooks.Wait(since, 3*time.Second, len(want))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("hooks ran %q, want %q", got, want)
		}
		for _, run := range hooks.Runs(since) {
			if run.At.After(since) {
				since = run.At
			}
		}
	}
	lab.Step("start", func(t *testing.T) { expect(t, append(backup, master...)...) })
	lab.Step("the fault of one member is the fault of all", func(t *testing.T) {
		cut := time.Now()
		h.Unplug("eth1")
		expect(t, fault...)
		if h.Holds("10.9.0.100") || h.Holds("10.8.0.100") {
			t.Error("a member keeps its address while the group is at fault")
		}
		lab.Capture.Next(cut, time.Second, "of priority 0 for VI_1", func(a Advert) bool { return a.VRID == 51 && a.Priority == 0 })
	})
	lab.Step("recovery is one of all", func(t *testing.T) {
		h.Replug("eth1")
		expect(t, append(backup, master...)...)
	})
	d.Stop()
}

// TestAHookThatHangsDelaysNobody: the hook ignores SIGTERM and does not end.
func TestAHookThatHangsDelaysNobody(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, pairing{kind, Keepalived}, protocols[1], nil)
			hang := p.a.File("hang.sh", "#!/bin/sh\ntrap '' TERM INT HUP\necho $$ >"+p.a.Dir+"/hanging\nwhile :; do sleep 0.1; done\n", 0o755)
			r := p.router
			r.Priority, r.Extra = 150, fmt.Sprintf("notify_master \"%s\"\nnotify \"%s\"\nnotify_stop \"%s\"", hang, hang, hang)
			a, b := p.start(r.Conf())
			p.settle(a, b)
			Eventually(t, 2*time.Second, "the hook hangs", func() bool { return p.a.exists("hanging") })

			began := time.Now()
			Throughout(t, 3*time.Second, "a stays active", func() bool { return p.a.Holds(p.vip) })
			if gap, limit := p.Capture.Gap(began, From(p.a)), r.Interval+slack+latenessSince(began); gap > limit {
				t.Errorf("a was silent for %v, want at most %v", gap, limit)
			}
			if n := len(p.Capture.Adverts(began, p.b.sent)); n > 0 {
				t.Errorf("b sent %d adverts", n)
			}
			asked := time.Now()
			a.Stop() // fails the test when it takes 10 s
			resigned := p.Capture.Next(asked, time.Second, "of priority 0", Resigns(p.a))
			AtMost(t, "resigning", asked, resigned.At, 100*time.Millisecond)
		})
	}
}
