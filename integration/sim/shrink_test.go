package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/vrrp"
)

// unimpressed ignores what scripts and files say.
func unimpressed() Options {
	return Options{Machine: func() machine {
		return &bent{event: losing(func(_ *vrrp.Machine, ev vrrp.Event) bool {
			f, ok := ev.(vrrp.FaultRaised)
			return ok && f.Why == vrrp.ByTracker
		})}
	}}
}

func TestTheSameSeedWritesTheSameDiary(t *testing.T) {
	a, b := Try(7, Options{Diary: true}), Try(7, Options{Diary: true})
	if !slices.Equal(a.Diary, b.Diary) || len(a.Diary) < 50 {
		t.Errorf("two runs of seed 7 differ, or say little: %d and %d lines", len(a.Diary), len(b.Diary))
	}
	if c := Try(7, Options{}); c.Events != a.Events {
		t.Errorf("without a diary %d events, with one %d", c.Events, a.Events)
	}
}

func TestAFailingSeedIsShrunkToTheFaultsItNeeds(t *testing.T) {
	long, tried := 0, 0
	for s := uint64(1); s <= 200 && tried < 10; s++ {
		whole := Try(s, unimpressed())
		if whole.Err == nil || len(whole.Faults) == 0 {
			continue // some fail before anything happens to them
		}
		tried++
		short := Shrink(whole, unimpressed())
		if short.Err == nil {
			t.Fatalf("seed %d: shrunk to faults %v it does not fail", s, short.Faults)
		}
		// One change of a script or a file is enough.
		if len(short.Faults) != 1 {
			t.Errorf("seed %d: shrunk from %d faults to %v, want one", s, len(whole.Faults), short.Faults)
		}
		long = max(long, len(whole.Faults))
	}
	if long < 5 {
		t.Errorf("the longest list of faults has %d: nothing was there to shrink", long)
	}
}

func TestAReportRepeatsWhatItReports(t *testing.T) {
	r := Result{Seed: 17, Faults: []int{3, 9}, Diary: []string{"first", "second"}, Err: errHost}
	want := "seed 17: no buffer space available\n" +
		"repeat with: go test ./integration/sim -run Settle -seed 17 -keep 3,9 -v\nfirst\nsecond"
	if got := r.Report(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.Faults = nil
	if got := r.Report(); !strings.Contains(got, "-keep none ") {
		t.Errorf("without faults it says %q", got)
	}
}

func TestFaultsThatAreNotKeptDoNotHappen(t *testing.T) {
	if got := Try(3, Options{Keep: []int{2, 5}}).Faults; !slices.Equal(got, []int{2, 5}) {
		t.Errorf("faults %v happened, want 2 and 5", got)
	}
	if got := Try(3, Options{Keep: []int{}}).Faults; got != nil {
		t.Errorf("faults %v happened, want none", got)
	}
}

// TestSeedsMeetEverything counts what the seeds draw: a fault or a kind of
// router that never comes is not tested.
func TestSeedsMeetEverything(t *testing.T) {
	var met [kinds]int
	routers := map[string]int{}
	for s := uint64(1); s <= 200; s++ {
		l := newLAN(s, Options{})
		for _, f := range l.plan {
			met[f.Kind]++
		}
		for _, s := range l.slots {
			if s.rivals {
				routers["two owners"]++
			}
		}
		routers[[...]string{2: "two nodes", 3: "three nodes", 4: "four nodes", 5: "five nodes"}[len(l.nodes)]]++
		for _, n := range l.nodes {
			for _, v := range n.list {
				count := func(what string, is bool) {
					if is {
						routers[what]++
					}
				}
				count("version 2", v.params.Version == 2)
				count("version 3", v.params.Version == 3)
				count("IPv4", !v.params.IPv6)
				count("IPv6", v.params.IPv6)
				count("unicast", v.params.Unicast())
				count("owner", v.params.Owner())
				count("owner that ignores adverts", v.params.OwnerIgnoreAdverts)
				count("preempt_delay", v.params.PreemptDelay > 0)
				count("password", v.params.AuthType == vrrp.AuthPass)
				count("AH", v.params.AuthType == vrrp.AuthAH)
				if h := v.params.HMAC; h != nil {
					count("trailer by the clock", h.AntiReplay == "time")
					count("trailer by a counter", h.AntiReplay == "monotonic")
					count(fmt.Sprint("key ", h.ActiveKey), true)
					count(string(h.Mode), true)
				}
				count("checksum without pseudo header", v.params.ChecksumAsV2)
				count("checksum of old unicast", v.params.OldUnicastChecksum == vrrp.OldChecksumAlways)
				count("an address more", len(v.params.Addrs) > 1)
				count("nopreempt", !v.params.PreemptMode)
				count("two missed adverts", v.params.DownTimerAdverts == 2)
				count("five missed adverts", v.params.DownTimerAdverts == 5)
				for _, l := range v.lines {
					count("tracked "+string(l.kind), true)
					count("weight 0", l.weight == 0)
					count("positive weight", l.weight > 0)
					count("negative weight", l.weight < 0)
					count("reverse", l.reverse)
				}
			}
		}
	}
	for k, n := range met {
		if n < 50 {
			t.Errorf("fault %s came %d times in 200 seeds", kindNames[k], n)
		}
	}
	for what, n := range routers {
		if n < 15 {
			t.Errorf("%s: %d times in 200 seeds", what, n)
		}
	}
	if len(routers) != 36 {
		t.Errorf("seeds draw %d of 36 things: %v", len(routers), routers)
	}
}

func TestALANAtPeaceAllocatesNothing(t *testing.T) {
	for s := uint64(1); s <= 8; s++ {
		l := newLAN(s, Options{})
		if l.shape.refresh > 0 {
			continue // each announcement is an allocation of the machine's
		}
		l.plan = nil
		l.Run(l.quietTime())
		before := l.events
		allocs := testing.AllocsPerRun(5, func() { l.Run(l.now + int64(time.Minute)) })
		if l.err != nil || l.events < before+100 {
			t.Fatalf("seed %d: %d events, %v", s, l.events-before, l.err)
		}
		if allocs > 0 {
			t.Errorf("seed %d: %.0f allocations a minute", s, allocs)
		}
	}
}
