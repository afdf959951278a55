package host_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/host"
)

func TestAStormOfOneObjectDoesNotSlowTheOthersDown(t *testing.T) {
	stormy, calm := vip("192.0.2.100/24"), vip("203.0.113.1/32")
	addCalm := "  ip addr add 203.0.113.1/32 dev eth0 scope global"
	want := []string{"0s wanted 1", "0s " + addVIP, "0s " + addCalm}
	for i := 1; i <= 5; i++ {
		at := fmt.Sprintf("%dms", 100*i)
		want = append(want, at+" drifted 1", at+" "+addVIP)
	}
	want = append(want, "500ms storm of 5: ip addr add 192.0.2.100/24 dev eth0 scope global",
		"700ms drifted 1", "700ms "+addCalm, "1.5s drifted 1", "1.5s "+addVIP)
	atWork(t, func(b *bench) {
		b.Want(numbered(1, stormy, calm))
		for range 6 {
			time.Sleep(100 * time.Millisecond)
			b.Remove(stormy)
		}
		time.Sleep(100 * time.Millisecond)
		b.Remove(calm)
		time.Sleep(2 * time.Second)
	}, want...)
}

// TestManyObjectsRemovedOnceEachAreNoStorm: somebody cleans up by hand.
func TestManyObjectsRemovedOnceEachAreNoStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storms := storms(t, func(b *bench) {
			for i := range 20 {
				time.Sleep(100 * time.Millisecond)
				b.Remove(vip(fmt.Sprintf("192.0.2.%d/24", 100+i)))
			}
		})
		if storms != 0 {
			t.Errorf("%d storms", storms)
		}
	})
}

// TestALinkThatFlapsIsNoStorm: the kernel takes IPv6 addresses and routes away
// with it.
func TestALinkThatFlapsIsNoStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storms := storms(t, func(b *bench) {
			for range 10 {
				time.Sleep(500 * time.Millisecond)
				b.SetLink("eth0", false)
				time.Sleep(500 * time.Millisecond)
				b.SetLink("eth0", true)
			}
		})
		if storms != 0 {
			t.Errorf("%d storms", storms)
		}
	})
}

func TestARuleAndARouteHaveStormsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storms := storms(t, func(b *bench) {
			for range 5 {
				time.Sleep(500 * time.Millisecond)
				b.Remove(route("198.51.100.0/24"))
				b.Remove(host.Rule{Table: 5, Priority: 7})
			}
		})
		if storms != 2 {
			t.Errorf("%d storms, want 2", storms)
		}
	})
}

// TestStormsOfSilentLosses: nobody tells of these removals, only that something
// was lost.
func TestStormsOfSilentLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storms := storms(t, func(b *bench) {
			for range 6 {
				b.RemoveSilently(vip("192.0.2.100/24"))
				b.LoseMessages()
				time.Sleep(time.Second)
			}
		})
		if storms != 1 {
			t.Errorf("%d storms, want 1", storms)
		}
	})
}

// storms counts them while script runs beside a worker that keeps twenty
// addresses, an IPv6 one, a route and a rule.
func storms(t *testing.T, script func(b *bench)) (n int) {
	b := &bench{Fake: newHost(), start: time.Now()}
	w := host.NewWorker(b.Fake, func(e host.Event) {
		if _, ok := e.(host.RepairStorm); ok {
			n++
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.Run(ctx); close(ended) }()
	objects := []any{vip("2001:db8::1/64"), route("198.51.100.0/24"), host.Rule{Table: 5, Priority: 7}}
	for i := range 20 {
		objects = append(objects, vip(fmt.Sprintf("192.0.2.%d/24", 100+i)))
	}
	w.Want(numbered(1, objects...))
	synctest.Wait()
	script(b)
	synctest.Wait()
	stop()
	<-ended
	return n
}
