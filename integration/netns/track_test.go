package netns

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
	// onlyHoldfast: keepalived cannot be compared with here.
	onlyHoldfast bool
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
	{
		name: "a file", // weight is a factor of its number
		block: func(p *pair, weight string) (string, string) {
			file := p.a.File("number", "0\n", 0o644)
			return fmt.Sprintf("track_file number {\n file %s\n%s\n}\n", file, or(weight, "weight 0")), "track_file {\n number\n}"
		},
		spoil:  func(p *pair) { p.a.File("number", "1\n", 0o644) },
		mend:   func(p *pair) { os.Remove(p.a.Dir + "/number") },
		notice: 100 * time.Millisecond,
	},
	{
		name: "a process",
		// The kernel tells of processes in the first network namespace only. In
		// this one keepalived sees none; holdfast reads /proc every second.
		onlyHoldfast: true,
		block: func(p *pair, weight string) (string, string) {
			p.runJob()
			return fmt.Sprintf("vrrp_track_process job {\n process %s 1000\n%s\n}\n", p.jobPath(), weight), "track_process {\n job\n}"
		},
		spoil:  func(p *pair) { p.job.Kill() },
		mend:   func(p *pair) { p.runJob() },
		notice: 1300 * time.Millisecond,
	},
}

// jobPath is the program of a tracked process: no other test has the same.
func (p *pair) jobPath() string { return filepath.Join(p.a.Dir, "job") }

func (p *pair) runJob() {
	p.t.Helper()
	if err := os.Symlink("/bin/sleep", p.jobPath()); err != nil && !os.IsExist(err) {
		p.t.Fatal(err)
	}
	p.job = p.a.StartProcess(p.jobPath(), "1000")
}

// forEachTracking runs f for each way of tracking and both roles. Router a has
// priority 150, tracks with the given weight, and owns the address.
func forEachTracking(t *testing.T, weight string, f func(p *pair, tr tracking, a *Daemon)) {
	t.Helper()
	Require(t)
	for _, tr := range trackings {
		for _, kinds := range pairings[:2] {
			if tr.onlyHoldfast && kinds.a != Holdfast {
				continue
			}
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

// TestTheNumberInAFileMovesThePriority: keepalived is the control.
func TestTheNumberInAFileMovesThePriority(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.Host("a", 1)
			r := Router{Version: 3, Priority: 150, Interval: 200 * time.Millisecond,
				Before: fmt.Sprintf("track_file number {\n file %s/number\n init_file 7\n}\n", h.Dir), Extra: "track_file {\n number\n}"}
			began := time.Now()
			d := h.Start(kind, r.Conf())
			lab.WaitHolders(4*time.Second, "10.9.0.100", "a")
			if first := lab.Capture.Next(began, time.Second, "of a", From(h)); first.Priority != 157 {
				t.Errorf("priority %d at the start, want 157: init_file has written 7", first.Priority)
			}
			was := 157
			for _, w := range []struct {
				what string
				do   func()
				want int
			}{
				{"a number is added", func() { h.File("number", "20\n", 0o644) }, 170},
				{"in hexadecimal", func() { h.File("number", " 0x10 apples\n", 0o644) }, 166},
				{"or taken away", func() { h.File("number", "-30", 0o644) }, 120},
				{"a file that is gone is 0", func() { os.Remove(h.Dir + "/number") }, 150},
				{"one that is moved into its place counts", func() {
					h.File("number.new", "-5\n", 0o644)
					os.Rename(h.Dir+"/number.new", h.Dir+"/number")
				}, 145},
				{"never above 254", func() { h.File("number", "200\n", 0o644) }, 254},
				{"never below 1", func() { h.File("number", "-253\n", 0o644) }, 1},
				{"garbage is 0", func() { h.File("number", "garbage\n", 0o644) }, 150},
			} {
				written := time.Now()
				w.do()
				moved := lab.Capture.Next(written, time.Second, fmt.Sprintf("%s: of priority %d", w.what, w.want),
					func(a Advert) bool { return From(h)(a) && int(a.Priority) == w.want })
				AtMost(t, w.what, written, moved.At, r.Interval+slack)
				d.WaitLog(written, time.Second, regexp.QuoteMeta(fmt.Sprintf("(VI_1) Changing effective priority from %d to %d", was, w.want)))
				was = w.want
			}
			ended := time.Now()
			h.File("number", "-254\n", 0o644)
			d.WaitLog(ended, time.Second, `\(VI_1\): tracked file number now FAULT state`)
			d.WaitLog(ended, time.Second, `\(VI_1\) Entering FAULT STATE`)
			mended := time.Now()
			h.File("number", "3\n", 0o644)
			d.WaitLog(mended, time.Second, `\(VI_1\): tracked file number leaving FAULT state`)
			d.WaitLog(mended, time.Second, `\(VI_1\) Entering BACKUP STATE`)
		})
	}
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
