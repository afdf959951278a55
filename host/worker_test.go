package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"holdfast/host"
	"holdfast/host/hosttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a worker on a fake host that keeps a diary of what it tells.
type bench struct {
	*hosttest.Fake
	*host.Worker
	start time.Time
	diary []string
}

func (b *bench) note(e host.Event) {
	at := time.Since(b.start)
	line := func(format string, args ...any) {
		b.diary = append(b.diary, fmt.Sprintf("%v ", at)+fmt.Sprintf(format, args...))
	}
	switch e := e.(type) {
	case host.Reconciled:
		line("%s %d", e.Cause, e.Seq)
		for _, op := range e.Done {
			line("  %v", op)
		}
		if e.Cause == host.Wanted || e.Cause == host.Retried { // of others all are
			for _, op := range e.Repairs {
				line("  repaired: %v", op)
			}
		}
		for _, op := range e.Waiting {
			line("  waiting: %v", op)
		}
		if e.Err != nil {
			line("  %v", e.Err)
		}
	case host.RepairStorm:
		line("storm of %d: %v", e.Repairs, e.Of)
	case host.WatchLost:
		line("watch lost: %v", e.Err)
	}
}

// atWork runs script beside a worker in virtual time and compares the diary.
func atWork(t *testing.T, script func(b *bench), want ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Fake: newHost(), start: time.Now()}
		b.Worker = host.NewWorker(b.Fake, b.note)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { b.Run(ctx); close(ended) }()
		synctest.Wait()
		script(b)
		synctest.Wait()
		stop()
		<-ended
		if d := cmp.Diff(want, b.diary); d != "" {
			t.Errorf("diary (-want +got):\n%s", d)
		}
	})
}

// numbered is a wish with a number.
func numbered(seq uint64, objects ...any) host.Desired {
	d := wish(objects...)
	d.Seq = seq
	return d
}

const addVIP = "  ip addr add 192.0.2.100/24 dev eth0 scope global"

func TestWorkerFulfilsAWishAndTakesItBack(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(time.Second)
		b.Want(numbered(2))
		time.Sleep(time.Second)
		b.Want(numbered(3))
	},
		"0s wanted 1", "0s "+addVIP,
		"1s wanted 2", "1s   ip addr del 192.0.2.100/24 dev eth0",
		"2s wanted 3") // nothing to do is an outcome too
}

func TestOnlyTheNewestWishCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Fake: newHost(), start: time.Now()}
		w := host.NewWorker(b.Fake, b.note)
		for seq := range uint64(3) { // nobody takes them yet, and nobody waits
			w.Want(numbered(seq, vip(fmt.Sprintf("192.0.2.10%d/24", seq))))
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		synctest.Wait()
		stop()
		<-ended
		want := []string{"0s wanted 2", "0s   ip addr add 192.0.2.102/24 dev eth0 scope global"}
		if d := cmp.Diff(want, b.diary); d != "" {
			t.Errorf("diary (-want +got):\n%s", d)
		}
	})
}

func TestALostAddressIsPutBackAtOnce(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Want(numbered(1, vip("192.0.2.100/24"), vip("192.0.2.101/32")))
		time.Sleep(3 * time.Second)
		b.Remove(vip("192.0.2.100/24"))
		b.Remove(vip("192.0.2.101/32"))
	},
		"0s wanted 1", "0s "+addVIP, "0s   ip addr add 192.0.2.101/32 dev eth0 scope global",
		"3s drifted 1", "3s "+addVIP, "3s   ip addr add 192.0.2.101/32 dev eth0 scope global")
}

func TestAWishThatComesBeforeTheNewsOfALossRepairsIt(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Want(numbered(1, vip("192.0.2.100/24")))
		synctest.Wait()
		b.RemoveSilently(vip("192.0.2.100/24"))
		b.Want(numbered(2, vip("192.0.2.100/24"), vip("192.0.2.101/24")))
	},
		"0s wanted 1", "0s "+addVIP,
		"0s wanted 2", "0s "+addVIP, "0s   ip addr add 192.0.2.101/24 dev eth0 scope global", "0s   repaired: ip addr add 192.0.2.100/24 dev eth0 scope global")
}

func TestALostRouteAndRuleArePutBack(t *testing.T) {
	r, rule := route("198.51.100.0/24"), host.Rule{Table: 5, Priority: 7}
	atWork(t, func(b *bench) {
		b.Want(numbered(1, r, rule))
		time.Sleep(time.Second)
		b.Remove(r)
		time.Sleep(time.Second)
		b.Remove(rule)
	},
		"0s wanted 1", "0s   ip route add 198.51.100.0/24 dev eth0 proto 18", "0s   ip rule add from all priority 7 table 5 protocol 18",
		"1s drifted 1", "1s   ip route add 198.51.100.0/24 dev eth0 proto 18",
		"2s drifted 1", "2s   ip rule add from all priority 7 table 5 protocol 18")
}

// TestARouteThatIsReplacedComesBack: the kernel says only that there is a new one.
func TestARouteThatIsReplacedComesBack(t *testing.T) {
	ours := route("198.51.100.0/24")
	theirs := ours
	theirs.Ours, theirs.Via = false, netip.MustParseAddr("192.0.2.9")
	atWork(t, func(b *bench) {
		b.Want(numbered(1, ours))
		time.Sleep(time.Second)
		b.RemoveSilently(ours)
		b.Put(theirs)
	}, "0s wanted 1", "0s   ip route add 198.51.100.0/24 dev eth0 proto 18",
		"1s drifted 1", "1s   ip route add 198.51.100.0/24 dev eth0 proto 18")
}

func TestASilentLossIsFoundByTheSweep(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(90 * time.Second)
		b.RemoveSilently(vip("192.0.2.100/24"))
		time.Sleep(60 * time.Second)
	}, "0s wanted 1", "0s "+addVIP, "2m0s swept 1", "2m0s "+addVIP) // looks at 60 s and 120 s
}

func TestLostMessagesMakeTheWorkerLookAgain(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(time.Second)
		b.RemoveSilently(vip("192.0.2.100/24"))
		b.LoseMessages()
	}, "0s wanted 1", "0s "+addVIP, "1s drifted 1", "1s "+addVIP)
}

func TestSomebodyWhoKeepsDeletingIsReportedOnceAndSlowedDown(t *testing.T) {
	var want []string
	want = append(want, "0s wanted 1", "0s "+addVIP)
	repair := func(at string) { want = append(want, at+" drifted 1", at+" "+addVIP) }
	for _, at := range []string{"100ms", "200ms", "300ms", "400ms", "500ms"} {
		repair(at)
	}
	want = append(want, "500ms storm of 5: ip addr add 192.0.2.100/24 dev eth0 scope global")
	repair("1.5s")  // deleted at 600ms, but one repair a second is enough now
	repair("2.5s")  // deleted at 1.6 s
	repair("22.5s") // quiet for more than 10 s: over, so the next one is fast again
	repair("22.6s")
	atWork(t, func(b *bench) {
		b.Want(numbered(1, vip("192.0.2.100/24")))
		for range 6 {
			time.Sleep(100 * time.Millisecond)
			b.Remove(vip("192.0.2.100/24"))
		}
		time.Sleep(time.Second) // 1.6 s
		b.Remove(vip("192.0.2.100/24"))
		time.Sleep(20900 * time.Millisecond) // 22.5 s
		b.Remove(vip("192.0.2.100/24"))
		time.Sleep(100 * time.Millisecond)
		b.Remove(vip("192.0.2.100/24"))
	}, want...)
}

func TestAnAddressWaitsForItsLink(t *testing.T) {
	a := on("eth9", vip("192.0.2.100/24"))
	atWork(t, func(b *bench) {
		b.Want(numbered(1, a))
		time.Sleep(time.Second)
		b.AddLink(host.Link{Name: "eth9", Up: true, Running: true})
	},
		"0s wanted 1", "0s   waiting: ip addr add 192.0.2.100/24 dev eth9 scope global",
		"1s drifted 1", "1s   ip addr add 192.0.2.100/24 dev eth9 scope global")
}

func TestAFailureIsReportedOnceAndTriedAgainEverLater(t *testing.T) {
	var failing atomic.Bool
	failing.Store(true)
	atWork(t, func(b *bench) {
		b.Fail = func(host.Op) error {
			if failing.Load() {
				return syscall.EPERM
			}
			return nil
		}
		b.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(5 * time.Second) // tries at 0, 1, 1+2 seconds
		failing.Store(false)
		time.Sleep(5 * time.Second) // and at 1+2+4
	},
		"0s wanted 1", "0s   ip addr add 192.0.2.100/24 dev eth0 scope global: operation not permitted",
		"7s retried 1", "7s "+addVIP)
}

func TestAHostThatCannotBeReadIsAFailureToo(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	atWork(t, func(b *bench) {
		b.FailRead = func() error {
			if broken.Load() {
				return errors.New("read addresses: no buffer space")
			}
			return nil
		}
		b.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(500 * time.Millisecond)
		broken.Store(false)
		time.Sleep(time.Second)
	}, "0s wanted 1", "0s   read addresses: no buffer space", "1s retried 1", "1s "+addVIP)
}

func TestWhatTheWorkerAddedIsItsOwnEvenWithoutMark(t *testing.T) {
	a := vip("192.0.2.100/24")
	a.Ours = false
	atWork(t, func(b *bench) {
		b.Want(numbered(1, a))
		time.Sleep(time.Second)
		b.RemoveSilently(a)
		b.Put(a) // as a kernel before 5.18 would list it: nobody's
		b.Want(numbered(2))
	},
		"0s wanted 1", "0s "+addVIP,
		"1s wanted 2", "1s   ip addr del 192.0.2.100/24 dev eth0")
}

func TestWhatTheWorkerTookAwayIsItsOwnNoMore(t *testing.T) {
	a := vip("192.0.2.100/24")
	a.Ours = false
	atWork(t, func(b *bench) {
		b.Want(numbered(1, a))
		time.Sleep(time.Second)
		b.Want(numbered(2))
		time.Sleep(time.Second)
		b.Put(a) // now it is the administrator's
		b.Want(numbered(3))
	},
		"0s wanted 1", "0s "+addVIP,
		"1s wanted 2", "1s   ip addr del 192.0.2.100/24 dev eth0",
		"2s wanted 3")
}

func TestWhatVanishedWithItsLinkIsTheWorkersOwnNoMore(t *testing.T) {
	a := on("eth9", vip("192.0.2.100/24"))
	a.Ours = false
	atWork(t, func(b *bench) {
		b.AddLink(host.Link{Name: "eth9", Up: true, Running: true})
		b.Want(numbered(1, a))
		time.Sleep(time.Second)
		b.DeleteLink("eth9")
		time.Sleep(time.Second)
		b.Want(numbered(2)) // a reload has dropped the address from the configuration
		time.Sleep(time.Second)
		b.AddLink(host.Link{Name: "eth9", Up: true, Running: true})
		b.Put(a) // now it is the administrator's
		b.Want(numbered(3))
	},
		"0s wanted 1", "0s   ip addr add 192.0.2.100/24 dev eth9 scope global",
		"2s wanted 2",
		"3s wanted 3")
}

func TestALeftoverThatAppearsLaterIsRemoved(t *testing.T) {
	atWork(t, func(b *bench) {
		d := numbered(1)
		d.Address(vip("192.0.2.100/24"), false)
		b.Want(d)
		time.Sleep(time.Second)
		b.Put(foreign("192.0.2.100/24"), foreign("192.0.2.7/24"))
	}, "0s wanted 1", "1s drifted 1", "1s   ip addr del 192.0.2.100/24 dev eth0")
}

func TestARouteComesBackWithItsLink(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Want(numbered(1, route("198.51.100.0/24"), vip("2001:db8::1/64")))
		time.Sleep(time.Second)
		b.SetLink("eth0", false) // takes both; they cannot be put back yet, the route at least
		time.Sleep(100 * time.Millisecond)
		b.SetLink("eth0", true)
	},
		"0s wanted 1", "0s   ip addr add 2001:db8::1/64 dev eth0 scope global nodad", "0s   ip route add 198.51.100.0/24 dev eth0 proto 18",
		"1s drifted 1", "1s   ip addr add 2001:db8::1/64 dev eth0 scope global nodad",
		"1s   ip route add 198.51.100.0/24 dev eth0 proto 18: network is down",
		"1.1s drifted 1", "1.1s   ip route add 198.51.100.0/24 dev eth0 proto 18")
}

func TestNothingIsTouchedBeforeTheFirstWish(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Put(vip("192.0.2.100/24"))
		time.Sleep(5 * time.Minute)
		if n := b.Reads(); n != 0 {
			b.diary = append(b.diary, fmt.Sprintf("%d reads", n))
		}
	})
}

func TestChangesArePassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newHost()
		var got []string
		w := host.NewWorker(f, func(e host.Event) {
			if o, ok := e.(host.Observed); ok {
				got = append(got, o.Change.String())
			}
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		synctest.Wait()
		f.SetLink("eth0", false)
		f.SetLink("eth0", true)
		f.Put(foreign("192.0.2.7/24"))
		synctest.Wait()
		stop()
		<-ended
		want := "link-down eth0, link-up eth0, address-added 192.0.2.7/24 dev eth0"
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("observed %s, want %s", s, want)
		}
	})
}

// deafKernel cannot be watched at its first attempts, at least at one.
type deafKernel struct {
	*hosttest.Fake
	tries, deaf int
}

func (k *deafKernel) Watch(ctx context.Context) (<-chan host.Change, error) {
	if k.tries++; k.tries <= max(k.deaf, 1) {
		return nil, errors.New("subscribe to netlink: too many open files")
	}
	return k.Fake.Watch(ctx)
}

func TestALostWatchIsReportedAndOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Fake: newHost(), start: time.Now()}
		k := &deafKernel{Fake: b.Fake}
		w := host.NewWorker(k, b.note)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		w.Want(numbered(1, vip("192.0.2.100/24")))
		synctest.Wait()
		b.Remove(vip("192.0.2.100/24")) // nobody is listening
		time.Sleep(2 * time.Second)
		synctest.Wait()
		stop()
		<-ended
		want := []string{"0s watch lost: subscribe to netlink: too many open files", "0s wanted 1", "0s " + addVIP,
			"1s drifted 1", "1s " + addVIP}
		if d := cmp.Diff(want, b.diary); d != "" {
			t.Errorf("diary (-want +got):\n%s", d)
		}
	})
}

func TestAWatchThatStaysLostIsReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Fake: newHost(), start: time.Now()}
		k := &deafKernel{Fake: b.Fake, deaf: 100}
		w := host.NewWorker(k, b.note)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		w.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(2 * time.Minute) // a hundred attempts, one each second, then it works
		b.Remove(vip("192.0.2.100/24"))
		synctest.Wait()
		stop()
		<-ended
		want := []string{"0s watch lost: subscribe to netlink: too many open files", "0s wanted 1", "0s " + addVIP,
			"2m0s drifted 1", "2m0s " + addVIP}
		if d := cmp.Diff(want, b.diary); d != "" {
			t.Errorf("diary (-want +got):\n%s", d)
		}
		if k.tries != 101 {
			t.Errorf("%d attempts, want 101", k.tries)
		}
	})
}

// brokenWatch is a kernel whose first subscriptions end right after they began.
type brokenWatch struct {
	*hosttest.Fake
	ends int
}

func (k *brokenWatch) Watch(ctx context.Context) (<-chan host.Change, error) {
	if k.ends == 0 {
		return k.Fake.Watch(ctx)
	}
	k.ends--
	closed := make(chan host.Change)
	close(closed)
	return closed, nil
}

func TestASubscriptionThatEndsIsReportedEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Fake: newHost(), start: time.Now()}
		w := host.NewWorker(&brokenWatch{Fake: b.Fake, ends: 2}, b.note)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		time.Sleep(500 * time.Millisecond)
		w.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(10 * time.Second)
		b.Remove(vip("192.0.2.100/24"))
		synctest.Wait()
		stop()
		<-ended
		want := []string{"0s watch lost: subscription ended", "500ms wanted 1", "500ms " + addVIP,
			"1s watch lost: subscription ended", // it worked in between, for a moment
			"10.5s drifted 1", "10.5s " + addVIP}
		if d := cmp.Diff(want, b.diary); d != "" {
			t.Errorf("diary (-want +got):\n%s", d)
		}
	})
}

func TestTheRetryGrowsToTheSweepAndAWishStartsItAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Fake: newHost(), start: time.Now()}
		var tries []string
		b.Fail = func(host.Op) error {
			tries = append(tries, time.Since(b.start).String())
			return syscall.EINVAL
		}
		w := host.NewWorker(b.Fake, b.note)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		w.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(4 * time.Minute)
		w.Want(numbered(2, vip("192.0.2.100/24")))
		time.Sleep(1500 * time.Millisecond)
		stop()
		<-ended
		// 1+2+4+8+16+32 = 63 s, then every minute: 123 s, 183 s; then the new wish and a second later
		want := "0s 1s 3s 7s 15s 31s 1m3s 2m3s 3m3s 4m0s 4m1s"
		if got := strings.Join(tries, " "); got != want {
			t.Errorf("tried at %s\nwant     %s", got, want)
		}
		if n := len(b.diary); n != 4 { // two wishes with their error; the retries said nothing new
			t.Errorf("diary %q", b.diary)
		}
	})
}

func TestAnotherErrorIsNews(t *testing.T) {
	errs := []error{syscall.EPERM, syscall.EPERM, syscall.EINVAL}
	atWork(t, func(b *bench) {
		b.Fail = func(host.Op) error {
			if len(errs) == 0 {
				return nil
			}
			err := errs[0]
			errs = errs[1:]
			return err
		}
		b.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(10 * time.Second)
	},
		"0s wanted 1", "0s   ip addr add 192.0.2.100/24 dev eth0 scope global: operation not permitted",
		"3s retried 1", "3s   ip addr add 192.0.2.100/24 dev eth0 scope global: invalid argument",
		"7s retried 1", "7s "+addVIP)
}

func TestAStormEndsAfterAQuietWindow(t *testing.T) {
	a := vip("192.0.2.100/24")
	storms := 0
	synctest.Test(t, func(t *testing.T) {
		b := &bench{Fake: newHost(), start: time.Now()}
		w := host.NewWorker(b.Fake, func(e host.Event) {
			if _, ok := e.(host.RepairStorm); ok {
				storms++
			}
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { w.Run(ctx); close(ended) }()
		w.Want(numbered(1, a))
		fight := func() {
			for range 6 {
				time.Sleep(1100 * time.Millisecond)
				b.Remove(a)
				synctest.Wait()
			}
		}
		fight()
		time.Sleep(time.Minute) // quiet
		fight()                 // a storm of its own
		synctest.Wait()
		stop()
		<-ended
	})
	if storms != 2 {
		t.Errorf("%d storms reported, want 2", storms)
	}
}
