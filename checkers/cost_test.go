package checkers

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// busyPool is a pool with so many checks whose rounds a benchmark turns by hand.
func busyPool(n int) *Pool {
	kind := *tcpKind
	kind.New = func(Config, Target) []Checker { return []Checker{answering{}} }
	var specs []Spec
	for i := range n {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 80)
		s := Spec{Owner: addr.String(), Kind: &kind, Config: &TCPConfig{}, Target: Target{Addr: addr, Timeout: time.Second},
			Timing: times(3*time.Second, time.Second, 1), Total: time.Second, Names: Names{Server: fmt.Sprintf("[%v]:tcp:80", addr.Addr())}}
		s.Timing.Warmup = 3 * time.Second
		specs = append(specs, s)
	}
	p := NewPool(func(Report) {})
	p.ctx = context.Background()
	p.reconcile(time.Now(), specs, true)
	return p
}

// answering is a probe that costs nothing.
type answering struct{}

// Check implements Checker.
func (answering) Check(context.Context) Verdict { return Verdict{Up: true} }

// round is one check from its deadline to the next: the timer, the probe's goroutine,
// its answer.
func (p *Pool) round() {
	e := p.timers[0]
	p.step(e.schedule.Deadline(), e, Tick{})
	p.launchAll()
	p.finished(<-p.results)
}

func TestOneCheckAmongThousandsAllocatesLittle(t *testing.T) {
	p := busyPool(20_000)
	for range 20_000 { // first results log
		p.round()
	}
	if n := testing.AllocsPerRun(1000, p.round); n > 10 { // context and timer, flight, goroutine, events
		t.Errorf("%v allocations a check", n)
	}
}

// BenchmarkOneCheckAmong is the pool's part of one check among so many.
func BenchmarkOneCheckAmong(b *testing.B) {
	for _, n := range []int{100, 20_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := busyPool(n)
			for range n {
				p.round()
			}
			b.ReportAllocs()
			for b.Loop() {
				p.round()
			}
		})
	}
}

// BenchmarkSchedule is the machine's part of it.
func BenchmarkSchedule(b *testing.B) {
	s := NewSchedule(Params{Timing: times(time.Second, time.Second, 1)})
	s.Step(t0, Start{}, nil)
	out := make([]Action, 0, 4)
	b.ReportAllocs()
	for b.Loop() {
		now := s.Deadline()
		out = s.Step(now, Tick{}, out[:0])
		out = s.Step(now, Probed{Began: now, Verdict: Verdict{Up: true}}, out[:0])
	}
}

// BenchmarkTCPCheck is one real TCP_CHECK, the kernel's part of both ends included.
func BenchmarkTCPCheck(b *testing.B) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++ // another address each time, so that ports do not run out
		addr := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if v := (TCPCheck{Target{Addr: netip.AddrPortFrom(addr, port), Bind: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(i >> 16), byte(i >> 8), byte(i) | 1}), 0), Timeout: time.Minute}}).Check(ctx); !v.Up {
			b.Fatal(v.Detail)
		}
	}
}

// BenchmarkReloadOf20000Checks is a reload that changes nothing.
func BenchmarkReloadOf20000Checks(b *testing.B) {
	p := busyPool(20_000)
	specs := make([]Spec, len(p.entries))
	for i, e := range p.entries {
		specs[i] = e.spec
	}
	b.ReportAllocs()
	for b.Loop() {
		p.reconcile(time.Now(), specs, false)
	}
}
