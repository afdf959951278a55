package netns

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// tracking is a way to make a router less wanted and back, from outside.
type tracking struct {
	name  string
	block func(p *pair, weight string) (before, extra string)
	spoil func(p *pair)
	mend  func(p *pair)
	// notice is how long the daemon may need to notice.
	notice time.Duration
}

var trackings = []tracking{
	{
		name: "a script",
		block: func(p *pair, weight string) (string, string) {
			flag := p.a.File("healthy", "", 0o644)
			script := fmt.Sprintf("vrrp_script chk {\n script \"/usr/bin/test -e %s\"\n interval 1\n%s\n}\n", flag, weight)
			return script, "track_script {\n chk\n}"
		},
		spoil:  func(p *pair) { os.Remove(p.a.Dir + "/healthy") },
		mend:   func(p *pair) { p.a.File("healthy", "", 0o644) },
		notice: 1100 * time.Millisecond, // interval 1, rise 1, fall 1
	},
	{
		name: "an interface",
		block: func(p *pair, weight string) (string, string) {
			p.a.Plug("eth1", "02:00:00:00:01:01")
			return "", "track_interface {\n eth1 " + weight + "\n}"
		},
		spoil: func(p *pair) { p.a.Unplug("eth1") },
		mend:  func(p *pair) { p.a.Replug("eth1") },
		// The kernel tells carrier changes of a link at most once a second.
		notice: 1100 * time.Millisecond,
	},
}

// forEachTracking runs f for each way of tracking and both roles. Router a has
// priority 150, tracks with the given weight, and owns the address.
func forEachTracking(t *testing.T, weight string, f func(p *pair, tr tracking, a *Daemon)) {
	t.Helper()
	Require(t)
	for _, tr := range trackings {
		for _, kinds := range pairings[:2] {
			t.Run(tr.name+", "+kinds.String(), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, kinds, protocols[1], nil)
				r := p.router
				r.Priority = 150
				r.Before, r.Extra = tr.block(p, weight)
				a, b := p.start(r.Conf())
				p.settle(a, b)
				f(p, tr, a)
			})
		}
	}
}

func TestWhatIsTrackedLowersThePriority(t *testing.T) {
	forEachTracking(t, "weight -60", func(p *pair, tr tracking, _ *Daemon) {
		p.Step("the backup takes over from the lowered priority", func(t *testing.T) {
			spoilt := time.Now()
			tr.spoil(p)
			lowered := p.Capture.Next(spoilt, tr.notice+time.Second, "of a with priority 90", // 150 - 60
				func(adv Advert) bool { return p.a.sent(adv) && adv.Priority == 90 })
			taken := p.Capture.Next(spoilt, 3*time.Second, "of b", From(p.b))
			if got := taken.At.Sub(lowered.At); got > p.down+slack+latenessSince(spoilt) {
				t.Errorf("b took over %v after the first lowered advert, want at most %v", got, p.down)
			}
			p.WaitHolders(2*time.Second, p.vip, "b")
			if n := len(p.Capture.Adverts(spoilt, Resigns(p.a))); n != 0 {
				t.Errorf("a resigned %d times; it had only a lower priority", n)
			}
		})
		p.Step("and yields when it is raised again", func(t *testing.T) {
			mended := time.Now()
			tr.mend(p)
			p.WaitHolders(tr.notice+3*time.Second, p.vip, "a")
			back := p.Capture.Next(mended, time.Second, "of a with priority 150",
				func(adv Advert) bool { return p.a.sent(adv) && adv.Priority == 150 })
			AtMost(t, "returning", mended, back.At, tr.notice+p.down+slack)
		})
	})
}

func TestWhatIsTrackedWithoutWeightIsAFault(t *testing.T) {
	forEachTracking(t, "", func(p *pair, tr tracking, a *Daemon) {
		p.Step("the active router resigns and the backup follows after its skew time", func(t *testing.T) {
			spoilt := time.Now()
			tr.spoil(p)
			resigned := p.Capture.Next(spoilt, tr.notice+time.Second, "of priority 0", Resigns(p.a))
			AtMost(t, "resigning", spoilt, resigned.At, tr.notice+slack)
			a.WaitLog(spoilt, time.Second, `\(VI_1\) Entering FAULT STATE`)
			taken := p.Capture.Next(spoilt, 2*time.Second, "of b", From(p.b))
			Took(t, "taking over", resigned.At, taken.At, p.skew)
			// keepalived resigns twice, a fraction of a millisecond apart.
			if n := len(p.Capture.Adverts(spoilt, Resigns(p.a))); p.kinds.a == Holdfast && n != 1 {
				t.Errorf("a resigned %d times, want once", n)
			}
			p.WaitHolders(time.Second, p.vip, "b")
		})
		p.Step("it comes back as backup and preempts", func(t *testing.T) {
			mended := time.Now()
			tr.mend(p)
			a.WaitLog(mended, tr.notice+time.Second, `\(VI_1\) Entering BACKUP STATE`)
			a.WaitLog(mended, 3*time.Second, `\(VI_1\) Entering MASTER STATE`)
			p.WaitHolders(time.Second, p.vip, "a")
		})
	})
}

// TestAnInterfaceThatVanishesIsAFaultOfItsOwn removes the interface of one of
// two instances.
func TestAnInterfaceThatVanishesIsAFaultOfItsOwn(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.Host("a", 1)
			h.Plug("eth1", "02:00:00:00:01:01", "10.8.0.1/24")
			hooks := h.Hooks()
			second := fmt.Sprintf(`vrrp_instance VI_2 {
				interface eth1
				virtual_router_id 52
				version 3
				advert_int 0.2
				notify "%s"
				virtual_ipaddress {
					10.8.0.100/24
				}
			}`, hooks.Script)
			r := Router{Version: 3, Interval: 200 * time.Millisecond, After: second}
			d := h.Start(kind, r.Conf())
			lab.WaitHolders(3*time.Second, "10.9.0.100", "a")
			lab.WaitHolders(3*time.Second, "10.8.0.100", "a")
			hooks.Wait(time.Time{}, 2*time.Second, 2) // BACKUP and MASTER

			gone := time.Now()
			h.IP("link", "del", "eth1")
			d.WaitLog(gone, 2*time.Second, `\(VI_2\) Entering FAULT STATE`)
			if got, want := hooks.Wait(gone, 2*time.Second, 1)[0], "[INSTANCE] [VI_2] [FAULT] [100]"; got != want {
				t.Errorf("hook got %s, want %s", got, want)
			}
			Throughout(t, time.Second, "the other instance keeps its address", func() bool { return h.Holds("10.9.0.100") })
			first := func(a Advert) bool { return a.VRID == 51 && a.Priority != 0 }
			if gap, limit := lab.Capture.Gap(gone, first), r.Interval+slack+latenessSince(gone); gap > limit {
				t.Errorf("the other instance was silent for %v, want at most %v", gap, limit)
			}
			if got := d.Entered(gone); len(got) != 1 {
				t.Errorf("instances entered %q, want only VI_2 FAULT", got)
			}
		})
	}
}
