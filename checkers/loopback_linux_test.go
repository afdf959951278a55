package checkers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// loopbackPatience bounds every wait: far beyond what a busy machine needs.
const loopbackPatience = time.Minute

// mass are real TCP checks of two listeners, each by many addresses of 127/8.
type mass struct {
	left, right net.Listener
	accepting   sync.WaitGroup

	reports chan Report
	up      map[string]bool // by real server; only those that have a result
}

// massSize is how many checks each listener has.
const massSize = 1500

func newMass(t *testing.T) *mass {
	m := &mass{reports: make(chan Report, 8*massSize), up: map[string]bool{}}
	for _, l := range []*net.Listener{&m.left, &m.right} {
		var err error
		if *l, err = net.Listen("tcp4", ":0"); err != nil {
			t.Fatal(err)
		}
		m.accepting.Go(func() {
			for {
				c, err := (*l).Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		})
	}
	return m
}

// close ends both listeners.
func (m *mass) close() {
	m.left.Close()
	m.right.Close()
	m.accepting.Wait()
}

// checks are massSize checks of a listener, one a second each.
func (m *mass) checks(side string, l net.Listener) (specs []Spec) {
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	for i := range massSize {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}), port)
		s := Spec{Owner: fmt.Sprint(side, i), Kind: tcpKind, Config: &TCPConfig{}, Target: Target{Addr: addr, Timeout: loopbackPatience}, Total: loopbackPatience,
			Timing: times(time.Second, time.Second, 0), Names: Names{Server: fmt.Sprint(side, i)}}
		s.Timing.Alpha, s.Timing.Warmup = true, 500*time.Millisecond
		specs = append(specs, s)
	}
	return specs
}

// await takes reports until so many have a result, up or down, on one side.
func (m *mass) await(t *testing.T, side string, up bool, want int) {
	t.Helper()
	end := time.After(loopbackPatience)
	for m.count(side, up) != want {
		select {
		case r := <-m.reports:
			if v, ok := r.Action.(VerdictChanged); ok {
				m.up[r.Spec.Owner] = v.Up
			}
		case <-end:
			t.Fatalf("%d of the %s side are up=%v, want %d", m.count(side, up), side, up, want)
		}
	}
}

func (m *mass) count(side string, up bool) (n int) {
	for owner, is := range m.up {
		if is == up && owner[:len(side)] == side {
			n++
		}
	}
	return n
}

// descriptors are the open ones of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// settles waits until a number is no greater than this, and shows what runs otherwise.
// It may become less: what tests before this one left to its own end.
func settles(t *testing.T, what string, most int, now func() int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(loopbackPatience); now() > most; <-tick.C {
		if time.Now().After(end) {
			var stacks bytes.Buffer
			pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			t.Fatalf("%d %s are left, want %d at most\n%s", now(), what, most, &stacks)
		}
	}
}

// TestThousandsOfRealChecksFailAloneAndLeaveNothing: of a listener that closes its
// own checks fail and no other, and neither a reload nor a stop leaves a goroutine
// or a descriptor of those that are gone.
func TestThousandsOfRealChecksFailAloneAndLeaveNothing(t *testing.T) {
	known := goleak.IgnoreCurrent()
	m := newMass(t)
	defer m.close()
	goroutines, files := runtime.NumGoroutine(), descriptors(t)

	left, right := m.checks("left", m.left), m.checks("right", m.right)
	p := NewPool(func(r Report) {
		if _, ok := r.Action.(VerdictChanged); ok {
			m.reports <- r
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go p.Run(ctx, append(left[:massSize:massSize], right...))
	m.await(t, "left", true, massSize)
	m.await(t, "right", true, massSize)
	m.right.Close()
	m.await(t, "right", false, massSize)
	if n := m.count("left", true); n != massSize {
		t.Errorf("%d of the others are up, want all %d", n, massSize)
	}

	one := left[:1:1]
	one[0].Timing.DelayLoop, one[0].Timing.DelayBeforeRetry = time.Hour, time.Hour
	if err := p.Reconfigure(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	settles(t, "goroutines", goroutines-1+1, runtime.NumGoroutine) // without the closed listener's, with Run
	settles(t, "descriptors", files-1, func() int { return descriptors(t) })
	if err := p.call(t.Context(), func(p *Pool) {
		if len(p.entries) != 1 || len(p.questions) != 1 || len(p.running) != 0 || len(p.waiting) != 0 {
			t.Errorf("%d checks, %d questions, %d running and %d waiting probes are left", len(p.entries), len(p.questions), len(p.running), len(p.waiting))
		}
	}); err != nil {
		t.Fatal(err)
	}

	if err := p.Reconfigure(t.Context(), left); err != nil { // and stop in the middle of the work
		t.Fatal(err)
	}
	stop()
	<-p.done
	m.close()
	settles(t, "descriptors", files-2, func() int { return descriptors(t) })
	goleak.VerifyNone(t, known)
}
