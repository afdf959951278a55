package netns

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// pairing is who runs on which router: a has priority 150 and address
// 10.9.0.1, b has priority 100 and address 10.9.0.2.
type pairing struct{ a, b Kind }

var pairings = []pairing{
	{Holdfast, Keepalived},
	{Keepalived, Holdfast},
	{Holdfast, Holdfast},
	{Keepalived, Keepalived}, // the control: what keepalived does, on this machine
}

func (p pairing) String() string { return fmt.Sprintf("%s above %s", p.a, p.b) }

// protocol is one way to speak VRRP, with the times that follow for router b.
type protocol struct {
	name   string
	router Router
	vip    string        // the address that a test watches
	skew   time.Duration // of priority 100
	down   time.Duration // 3 intervals and the skew of priority 100
	downA  time.Duration // the same of priority 150
}

var protocols = []protocol{
	{
		name:   "version 2 with password",
		router: Router{Version: 2, Interval: time.Second, Password: "s3cr3t", VIPs: []string{"10.9.0.100/24", "10.9.0.101/24"}},
		vip:    "10.9.0.100",
		skew:   609375 * time.Microsecond,  // 156/256 * 1s
		down:   3609375 * time.Microsecond, // 3*1s + 156/256*1s
		downA:  3414063 * time.Microsecond, // 3*1s + 106/256*1s
	},
	{
		name:   "version 3",
		router: Router{Version: 3, Interval: 200 * time.Millisecond, VIPs: []string{"10.9.0.100/24"}},
		vip:    "10.9.0.100",
		skew:   121875 * time.Microsecond, // 156/256 * 0.2s
		down:   721875 * time.Microsecond, // 3*0.2s + 156/256*0.2s
		downA:  682813 * time.Microsecond, // 3*0.2s + 106/256*0.2s
	},
	{
		name:   "version 3 over IPv6",
		router: Router{Version: 3, Interval: 200 * time.Millisecond, VIPs: []string{"fe80::9:100/64", "fd00:9::100/64"}},
		vip:    "fd00:9::100",
		skew:   121875 * time.Microsecond,
		down:   721875 * time.Microsecond,
		downA:  682813 * time.Microsecond,
	},
}

// pair is two routers on a LAN and how they are configured.
type pair struct {
	*Lab
	protocol
	kinds pairing
	a, b  *Host
	confA string
	confB string
	job   *Process // what a tracks, if that is a process
}

// newPair makes the LAN; edit may change a copy of the configuration for
// router "a" and "b".
func newPair(t *testing.T, k pairing, p protocol, edit func(router string, r *Router)) *pair {
	t.Helper()
	lab := NewLab(t)
	conf := func(name string, priority int) string {
		r := p.router
		r.Priority = priority
		if edit != nil {
			edit(name, &r)
		}
		return r.Conf()
	}
	return &pair{Lab: lab, protocol: p, kinds: k, a: lab.Host("a", 1), b: lab.Host("b", 2),
		confA: conf("a", 150), confB: conf("b", 100)}
}

// start runs both daemons, the second when the first is waiting: in version 3
// the down timers differ by 40 ms, which is less than a start may take.
func (p *pair) start(confA string) (a, b *Daemon) {
	p.t.Helper()
	a = p.a.Start(p.kinds.a, confA)
	a.WaitLog(time.Time{}, 3*time.Second, `\(VI_1\) Entering BACKUP STATE`)
	return a, p.b.Start(p.kinds.b, p.confB)
}

// settle waits until a has the addresses and b has been told so.
func (p *pair) settle(a, b *Daemon) {
	p.t.Helper()
	p.WaitHolders(8*time.Second, p.vip, "a")
	p.Capture.Next(time.Now(), 3*time.Second, "of a, which b hears", From(p.a))
}

// TestTwoRoutersLiveThroughEverythingTogether walks one pair through the life
// of a cluster. Every step names the time that the protocol allows. The other
// ways to speak, unicast among them, and other peers are in the wire matrix.
func TestTwoRoutersLiveThroughEverythingTogether(t *testing.T) {
	Require(t)
	for _, proto := range protocols {
		for _, kinds := range pairings {
			t.Run(proto.name+", "+kinds.String(), func(t *testing.T) {
				t.Parallel()
				liveTogether(t, newPair(t, kinds, proto, nil))
			})
		}
	}
}

func liveTogether(t *testing.T, p *pair) {
	var a, b *Daemon
	p.Step("the higher priority wins the election", func(t *testing.T) {
		began := time.Now()
		a, b = p.start(p.confA)
		p.settle(a, b)
		first := p.Capture.Next(began, time.Second, "of a", From(p.a))
		if lost := p.Capture.Adverts(began, From(p.b)); len(lost) > 0 {
			t.Errorf("b sent %d adverts", len(lost))
		}
		if got := first.At.Sub(began); got < p.downA {
			t.Errorf("a was active after %v, before its down timer of %v", got, p.downA)
		}
		if want := p.router.Version; int(first.Version) != want || first.Priority != 150 || first.TTL != 255 || first.VRID != 51 ||
			first.Interval != p.router.Interval || len(first.Addrs) != len(p.router.VIPs) {
			t.Errorf("first advert of a is %+v", first)
		}
	})
	p.Step("when the active router stops in order, the other needs only its skew time", func(t *testing.T) {
		asked := time.Now()
		took := a.Stop()
		resigned := p.Capture.Next(asked, time.Second, "of priority 0", Resigns(p.a))
		AtMost(t, "resigning", asked, resigned.At, 100*time.Millisecond)
		taken := p.Capture.Next(asked, 2*time.Second, "of b", From(p.b))
		if p.a.Holds(p.vip) {
			t.Error("a still has the address while b is active")
		}
		Took(t, "taking over after priority 0", resigned.At, taken.At, p.skew)
		p.WaitHolders(time.Second, p.vip, "b")
		if n := len(p.Capture.Adverts(asked, Resigns(p.a))); n != 1 {
			t.Errorf("a sent %d adverts of priority 0, want 1", n)
		}
		if status := a.WaitEnd(time.Second); status != 0 {
			t.Errorf("a ended with status %d", status)
		}
		// keepalived waits a second for its goodbye to leave; holdfast is gone
		// in some 20 ms, and in less than this on a machine that is overloaded.
		if limit := 500*time.Millisecond + latenessSince(asked); p.kinds.a == Holdfast && took > limit {
			t.Errorf("%s took %v to end, want at most %v", p.kinds.a, took, limit)
		}
	})
	p.Step("the higher priority takes the addresses back when it returns", func(t *testing.T) {
		began := time.Now()
		a = p.a.Start(p.kinds.a, p.confA)
		p.settle(a, b)
		if first := p.Capture.Next(began, time.Second, "of a", From(p.a)); first.At.Sub(began) < p.downA {
			t.Errorf("a was active again after %v, before its down timer of %v", first.At.Sub(began), p.downA)
		}
		b.WaitLog(began, 2*time.Second, `\(VI_1\) Entering BACKUP STATE`)
		if n := len(p.Capture.Adverts(began, Resigns(p.b))); n != 0 {
			t.Errorf("b sent %d adverts of priority 0 when it yielded, want none", n)
		}
	})
	p.Step("when all processes of the active router are killed, the other waits three intervals and its skew", func(t *testing.T) {
		killed := time.Now()
		a.Kill()
		last := p.Capture.Last(From(p.a))
		taken := p.Capture.Next(killed, 6*time.Second, "of b", From(p.b))
		Took(t, "taking over from a dead router", last.At, taken.At, p.down)
		if n := len(p.Capture.Adverts(killed, Resigns(p.a))); n != 0 {
			t.Errorf("a dead router sent %d adverts of priority 0", n)
		}
	})
	p.Step("a router that was killed returns and clears what it left", func(t *testing.T) {
		began := time.Now()
		a = p.a.Start(p.kinds.a, p.confA)
		Eventually(t, 2*time.Second, "the addresses left by the dead router are gone", func() bool { return !p.a.Holds(p.vip) })
		p.settle(a, b)
		b.WaitLog(began, 2*time.Second, `\(VI_1\) Entering BACKUP STATE`)
	})
	p.Step("when the active router loses its link, the other takes over", func(t *testing.T) {
		cut := time.Now()
		last := p.Capture.Last(From(p.a))
		p.a.Unplug("eth0")
		a.WaitLog(cut, 2*time.Second, `\(VI_1\) Entering FAULT STATE`)
		taken := p.Capture.Next(cut, 6*time.Second, "of b", From(p.b))
		if newest := p.Capture.Last(From(p.a)); newest.At.After(last.At) {
			last = newest // one more left before the link was gone
		}
		Took(t, "taking over from a router without link", last.At, taken.At, p.down)
		p.WaitHolders(time.Second, p.vip, "b")
	})
	p.Step("when the link is back, so is the higher priority", func(t *testing.T) {
		back := time.Now()
		p.a.Replug("eth0")
		p.settle(a, b)
		states := a.Entered(back)
		if want := []string{"VI_1 BACKUP", "VI_1 MASTER"}; !slices.Equal(states, want) {
			t.Errorf("a entered %q, want %q", states, want)
		}
		b.WaitLog(back, 2*time.Second, `\(VI_1\) Entering BACKUP STATE`)
		p.WaitHolders(time.Second, p.vip, "a")
	})
	if strings.Contains(a.Log()+b.Log(), "panic") {
		t.Error("a daemon panicked")
	}
}
