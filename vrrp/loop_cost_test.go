package vrrp

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// nowhere takes effects and does nothing, so that only the loop is measured.
type nowhere struct{}

func (nowhere) Apply(map[string]bool)     {}
func (nowhere) Announce(string, Announce) {}
func (nowhere) Publish(Fact)              {}

// deaf is a socket that nobody answers.
type deaf struct{ closed chan struct{} }

func (d deaf) Wait() error                      { <-d.closed; return errors.New("closed") }
func (deaf) ReadFrom([]byte) (int, Meta, error) { return 0, Meta{}, ErrEmpty }
func (deaf) WriteTo([]byte, Meta) error         { return nil }
func (deaf) Stale() bool                        { return false }
func (d deaf) Close() error                     { close(d.closed); return nil }
func openDeaf(SocketSpec) (Conn, error)         { return deaf{make(chan struct{})}, nil }
func manyInstances(interfaces int) (list []Instance) {
	for i := range interfaces {
		for vrid := range 255 {
			in := one(fmt.Sprintf("VI_%d_%d", i, vrid+1), uint8(vrid+1))
			in.Interface = fmt.Sprintf("eth%d", i)
			list = append(list, in)
		}
	}
	return list
}

// manyActive is a loop with 255 Active routers on each interface, and the time
// at which the last became so.
func manyActive(tb testing.TB, interfaces int) (*Loop, time.Time) {
	l := NewLoop(nowhere{}, openDeaf, NewGoTimer())
	now := time.Now()
	l.configure(now, manyInstances(interfaces))
	now = now.Add(4 * time.Second)
	l.turn(now)
	for _, in := range l.instances {
		if in.m.State() != Active {
			tb.Fatalf("%s is %v after 4s", in.Name, in.m.State())
		}
	}
	tb.Cleanup(func() { l.shutdown(now) })
	return l, now
}

func TestATurnOfTheLoopAllocatesNothingInSteadyState(t *testing.T) {
	l, now := manyActive(t, 1)
	if n := testing.AllocsPerRun(20, func() {
		now = now.Add(time.Second)
		l.turn(now)
	}); n != 0 {
		t.Errorf("255 adverts cost %v allocations, want none", n)
	}
}

// 4,080 routers are 16 interfaces with every VRID. One iteration is one advert
// of one router among them: what the others cost must not show.
func BenchmarkOneAdvertAmong4080Routers(b *testing.B) {
	l, now := manyActive(b, 16)
	for i, in := range l.instances { // spread over the second, as they are in the field
		in.m.deadline = now.Add(time.Duration(i) * time.Second / time.Duration(len(l.instances)))
		l.timers.file(in)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.turn(l.timers.next())
	}
}

// Each has its place in the burst, or the time between two of its adverts would
// change by as long as the burst takes.
func TestRoutersWithEqualDeadlinesSendInTheSameOrderEachTime(t *testing.T) {
	var order []uint8
	l := NewLoop(nowhere{}, func(SocketSpec) (Conn, error) {
		return &recorder{deaf: deaf{make(chan struct{})}, order: &order}, nil
	}, NewGoTimer())
	now := time.Now()
	l.configure(now, manyInstances(1))
	t.Cleanup(func() { l.shutdown(now) })
	for second := range 5 {
		order = nil
		now = now.Add(time.Second)
		if second == 0 {
			now = now.Add(3 * time.Second)
		}
		l.turn(now)
		for i, vrid := range order {
			if int(vrid) != i+1 {
				t.Fatalf("second %d: %v", second, order)
			}
		}
		if len(order) != 255 {
			t.Fatalf("second %d: %d adverts, want 255", second, len(order))
		}
	}
}

// recorder is a socket that notes which virtual router sends.
type recorder struct {
	deaf
	order *[]uint8
}

func (r *recorder) WriteTo(b []byte, _ Meta) error {
	*r.order = append(*r.order, b[1])
	return nil
}

func TestTheNextDeadlineIsFoundWhateverTheOrder(t *testing.T) {
	var h timers
	var list []*instance
	t0 := time.Now()
	for i := range 50 {
		in := &instance{}
		in.m.deadline = t0.Add(time.Duration((i*37)%50) * time.Second) // 0-49, each once
		h.file(in)
		list = append(list, in)
	}
	list[0].m.deadline = time.Time{} // 0s: no deadline any more
	h.file(list[0])
	list[1].m.deadline = t0.Add(-time.Second) // 37s: now the first
	h.file(list[1])
	want := t0.Add(-time.Second)
	for n := 0; len(h) > 0; n++ {
		if !h.next().Equal(want) {
			t.Fatalf("deadline number %d is %v, want %v", n, h.next().Sub(t0), want.Sub(t0))
		}
		in := h[0]
		in.m.deadline = time.Time{}
		h.file(in)
		if want = t0.Add(time.Duration(n+1) * time.Second); n+1 >= 37 {
			want = want.Add(time.Second) // 37s has gone to the front
		}
	}
}
