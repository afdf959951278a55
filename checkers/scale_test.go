package checkers

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crowd is a great number of TCP checks in virtual time whose servers note when
// they are asked.
type crowd struct {
	start time.Time
	kind  Kind

	mu    sync.Mutex
	asked map[netip.AddrPort][]time.Duration // since start
	bad   bool                               // what servers answer

	outOfStep float64 // shares that may have come together
}

// crowdSize is how many checks there are, every crowdLoop.
const (
	crowdSize = 20_000
	crowdLoop = 3 * time.Second
)

// crowdProbe asks one server of a crowd.
type crowdProbe struct {
	*crowd
	addr netip.AddrPort
}

// Check implements Checker.
func (p crowdProbe) Check(context.Context) Verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[p.addr] = append(p.asked[p.addr], time.Since(p.start))
	return Verdict{Up: !p.bad, Reason: Connect}
}

func newCrowd() *crowd {
	c := &crowd{start: time.Now(), kind: *tcpKind, asked: map[netip.AddrPort][]time.Duration{}}
	c.kind.New = func(_ Config, t Target) []Checker { return []Checker{crowdProbe{c, t.Addr}} }
	return c
}

// checks are those of the servers from first on, of one service.
func (c *crowd) checks(service string, first, count int, loop time.Duration) (specs []Spec) {
	for i := first; i < first+count; i++ {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 80)
		s := Spec{Owner: fmt.Sprintf("%s %v", service, addr), Kind: &c.kind, Config: &TCPConfig{}, Target: Target{Addr: addr, Timeout: time.Second},
			Timing: times(loop, time.Second, 1), Total: time.Second, Names: Names{Server: addr.String(), Service: service}}
		s.Timing.Warmup = loop // the default
		specs = append(specs, s)
	}
	return specs
}

// wantEven fails when a hundredth of a second has more of the probes between two
// moments than chance gives it, or when these are not so many, but for what is asked
// together a little too early. With a share of 67 that is about twice as many.
func (c *crowd) wantEven(t *testing.T, from, to time.Duration, probes int) {
	t.Helper()
	const width = 10 * time.Millisecond
	buckets, total := make([]int, (to-from)/width), 0
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, list := range c.asked {
		for _, at := range list {
			if at >= from && at < to {
				buckets[(at-from)/width]++
				total++
			}
		}
	}
	if slack := probes / 100; total < probes-slack || total > probes+slack {
		t.Errorf("from %v to %v %d probes, want %d", from, to, total, probes)
	}
	share := float64(probes) / float64(len(buckets))
	most := share + 8*math.Sqrt(share) + c.outOfStep*share // 8 standard deviations
	for i, n := range buckets {
		if float64(n) > most {
			t.Errorf("%d probes in the 10 ms from %v on, the share is %.0f", n, from+time.Duration(i)*width, share)
		}
	}
}

// wantRhythm fails when a server was not asked at each loop since the first time, give
// or take what is asked together, or loses its place in the long run.
func (c *crowd) wantRhythm(t *testing.T, specs []Spec, loop time.Duration, least int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range specs {
		list := c.asked[s.Target.Addr]
		if len(list) < least {
			t.Fatalf("%v was asked %d times, want %d at least", s.Target.Addr, len(list), least)
		}
		for i := 1; i < len(list); i++ {
			if off := list[i] - list[0] - time.Duration(i)*loop; off.Abs() > together {
				t.Fatalf("%v was asked at %v, want each %v and never off by more than %v", s.Target.Addr, list, loop, together)
			}
		}
	}
}

// play runs a pool with these checks in virtual time.
func (c *crowd) play(t *testing.T, specs []Spec, emit func(Report), story func(p *Pool)) {
	p := NewPool(emit)
	ctx, stop := context.WithCancel(t.Context())
	go p.Run(ctx, specs)
	story(p)
	stop()
	synctest.Wait()
	select {
	case <-p.done:
	default:
		t.Error("Run has not returned")
	}
}

// until lets time pass to a moment after the start.
func (c *crowd) until(at time.Duration) {
	time.Sleep(time.Until(c.start.Add(at)))
	synctest.Wait()
}

func TestTwentyThousandChecksAreSpreadEvenlyAlsoAfterAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd()
		first := c.checks("vs", 0, crowdSize, crowdLoop)
		c.play(t, first, nil, func(p *Pool) {
			c.until(10 * time.Second)
			c.wantEven(t, firstDelay, firstDelay+crowdLoop, crowdSize) // the first of each
			c.wantEven(t, 7*time.Second, 10*time.Second, crowdSize)
			// Five thousand go, as many come, and twice as many as are left.
			second := append(first[5000:len(first):len(first)], c.checks("vs", crowdSize, 5000, crowdLoop)...)
			second = append(second, c.checks("vs", 2*crowdSize, 15_000, crowdLoop)...)
			if err := p.Reconfigure(t.Context(), second); err != nil {
				t.Fatal(err)
			}
			c.until(20 * time.Second)
			c.wantEven(t, 14*time.Second, 17*time.Second, 35_000)
			c.wantEven(t, 17*time.Second, 20*time.Second, 35_000)
			c.wantRhythm(t, second[:15_000], crowdLoop, 6) // as before: the first at 4s or earlier, the sixth 15s later
			c.wantRhythm(t, second[15_000:], crowdLoop, 2) // new at 10s, the first at 14s or earlier
			c.wantRhythm(t, first[:5000], crowdLoop, 2)
		})
	})
}

// TestAShorterIntervalKeepsChecksApart: with delay_loop 60 most of them are due
// later than 3s from now, and must not all be asked at that very moment.
func TestAShorterIntervalKeepsChecksApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd()
		c.play(t, c.checks("vs", 0, crowdSize, time.Minute), nil, func(p *Pool) {
			c.until(70 * time.Second)
			if err := p.Reconfigure(t.Context(), c.checks("vs", 0, crowdSize, crowdLoop)); err != nil {
				t.Fatal(err)
			}
			c.until(80 * time.Second)
			c.wantEven(t, 70*time.Second, 73*time.Second, crowdSize)
			c.wantEven(t, 76*time.Second, 79*time.Second, crowdSize)
		})
	})
}

// TestAPoolThatStoodStillKeepsChecksApart: a machine that was suspended, or a
// processor that was taken away for longer than delay_loop, leaves all checks due at
// once. They are asked at once, and after that in their rhythm again.
func TestAPoolThatStoodStillKeepsChecksApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd()
		c.outOfStep = 1 // those whose answers had to wait
		standstill := sync.OnceFunc(func() { time.Sleep(10 * time.Second) })
		c.play(t, c.checks("vs", 0, crowdSize, crowdLoop), func(r Report) {
			if r.At.Sub(c.start) > 8*time.Second { // in the goroutine of Run
				standstill()
			}
		}, func(p *Pool) {
			c.until(7 * time.Second)
			c.mu.Lock()
			c.bad = true // so that something is reported
			c.mu.Unlock()
			c.until(30 * time.Second)
			c.wantEven(t, 24*time.Second, 27*time.Second, crowdSize)
			c.wantEven(t, 27*time.Second, 30*time.Second, crowdSize)
		})
	})
}

func TestWhatManyServicesAskIsAskedOnceAndAllGetTheAnswer(t *testing.T) {
	const services, servers = 4, crowdSize / 4
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd()
		var specs []Spec
		for i := range services {
			specs = append(specs, c.checks(fmt.Sprintf("vs%d", i), 0, servers, crowdLoop)...)
		}
		down := map[string][]time.Time{} // by server; belongs to the goroutine of Run
		note := func(r Report) {
			if v, ok := r.Action.(VerdictChanged); ok && !v.Up {
				down[r.Spec.Names.Server] = append(down[r.Spec.Names.Server], r.At)
			}
		}
		c.play(t, specs, note, func(p *Pool) {
			c.until(10 * time.Second)
			c.wantEven(t, 7*time.Second, 10*time.Second, servers)
			// A service less and another one more, in the phase of those that are there.
			specs = append(specs[servers:], c.checks("more", 0, servers, crowdLoop)...)
			if err := p.Reconfigure(t.Context(), specs); err != nil {
				t.Fatal(err)
			}
			c.until(20 * time.Second)
			c.wantEven(t, 17*time.Second, 20*time.Second, servers)
			c.wantRhythm(t, specs[:servers], crowdLoop, 6)
			c.mu.Lock()
			c.bad = true
			c.mu.Unlock()
			c.until(25 * time.Second) // delay_loop, and delay_before_retry once
		})
		if len(down) != servers {
			t.Errorf("%d servers are down, want %d", len(down), servers)
		}
		for server, at := range down {
			if len(at) != services || at[0] != at[services-1] {
				t.Fatalf("%s is down at %v, want the same moment for all %d", server, at, services)
			}
		}
	})
}
