package nft_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"holdfast/nft"
	"holdfast/nft/nfttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a worker on a fake kernel that keeps a diary of what it tells.
type bench struct {
	nfttest.Fake
	*nft.Worker
	start time.Time
	diary []string
}

func (b *bench) note(r nft.Reconciled) {
	line := fmt.Sprintf("%v %s %d", time.Since(b.start), r.Cause, r.Seq)
	if r.Repaired {
		line += " repaired"
	}
	for _, op := range r.Done {
		line += ", " + op.String()
	}
	if r.Err != nil {
		line += ", " + r.Err.Error()
	}
	b.diary = append(b.diary, line)
}

// atWork runs script beside a worker in virtual time and compares the diary.
func atWork(t *testing.T, kernel func(*bench) nft.Kernel, script func(b *bench), want ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{start: time.Now()}
		if b.Worker = nft.NewWorker(&b.Fake, b.note); kernel != nil {
			b.Worker = nft.NewWorker(kernel(b), b.note)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { b.Run(ctx); close(ended) }()
		script(b)
		synctest.Wait()
		stop()
		<-ended
		if d := cmp.Diff(want, b.diary); d != "" {
			t.Errorf("diary (-want +got):\n%s", d)
		}
	})
}

// ipT is the table of small.
var ipT = key(nft.IPv4, "t")

// settled starts with a table that is as wanted.
func (b *bench) settled() {
	w := ask(1, small("10.9.0.100"))
	nft.Reconcile(context.Background(), &b.Fake, w)
	b.Want(w)
	time.Sleep(time.Millisecond)
}

const element = "nft 'add element ip t vips { 10.9.0.100 }'"

func (b *bench) empty() { b.Change(ipT, func(t *nft.Table) { clear(t.Sets[0].Elements) }) }

func TestAWishIsAnsweredEvenIfNothingIsToBeDone(t *testing.T) {
	atWork(t, nil, func(b *bench) {
		b.settled()
		applied := b.Applied()
		b.Want(ask(2, small("10.9.0.100")))
		time.Sleep(10 * time.Minute)
		if n := b.Applied(); n != applied {
			t.Errorf("%d transactions for nothing", n-applied)
		}
	}, "0s wanted 1", "1ms wanted 2")
}

func TestOnlyTheNewestWishCounts(t *testing.T) {
	atWork(t, nil, func(b *bench) {
		for i := range 5 {
			w := ask(uint64(i), small("10.9.0.100"))
			b.Want(w)
		}
		time.Sleep(time.Second)
		if n := b.Applied(); n != 1 {
			t.Errorf("%d transactions, want 1", n)
		}
		// the worker may have begun with any of them
		if last := b.diary[len(b.diary)-1]; !strings.HasPrefix(last, "0s wanted 4") {
			t.Errorf("the last answer is %q, want one to wish 4", last)
		}
		b.diary = nil
		b.Want(nft.Wish{Seq: 9})
	}, "1s wanted 9, nft delete table ip t")
}

func joined(list []string) string { return strings.Join(list, ", ") }

// TestWhatOthersChangeIsPutBackAtOnce, and then once a second at most: two
// programs that undo each other's work shall not take the machine.
func TestWhatOthersChangeIsPutBackAtOnce(t *testing.T) {
	atWork(t, nil, func(b *bench) {
		b.settled()
		for range 20 {
			b.empty()
			time.Sleep(100 * time.Millisecond)
		}
	}, "0s wanted 1", "1ms drifted 1 repaired, "+element, "1.001s drifted 1 repaired, "+element, "2.001s drifted 1 repaired, "+element)
}

func TestATableThatSomebodyDeletedComesBack(t *testing.T) {
	atWork(t, nil, func(b *bench) {
		b.settled()
		time.Sleep(5 * time.Second)
		b.Remove(ipT)
		b.Remove(key(nft.IPv6, "t")) // no concern of ours
		b.Change(key(nft.IPv4, "other"), func(*nft.Table) {})
	}, "0s wanted 1", "5.001s drifted 1 repaired, "+joined(smallTable))
}

// deaf is a kernel that cannot be watched at first.
type deaf struct {
	nft.Kernel
	tries, until int
}

func (d *deaf) Watch(ctx context.Context) (<-chan nft.Change, error) {
	if d.tries++; d.tries < d.until {
		return nil, errors.New("subscribe to changes of nftables: too many open files")
	}
	return d.Kernel.Watch(ctx)
}

// TestTheSweepSeesWhatNobodyTold: every minute, and as soon as changes are told
// again.
func TestTheSweepSeesWhatNobodyTold(t *testing.T) {
	atWork(t, func(b *bench) nft.Kernel { return &deaf{&b.Fake, 0, 1 << 30} }, func(b *bench) {
		b.settled()
		b.empty()
		time.Sleep(2 * time.Minute)
	}, "0s wanted 1", "1m0s swept 1 repaired, "+element)
	atWork(t, func(b *bench) nft.Kernel { return &deaf{&b.Fake, 0, 4} }, func(b *bench) {
		b.settled()
		b.empty()
		time.Sleep(50 * time.Second)
	}, "0s wanted 1", "3s drifted 1 repaired, "+element)
}

// broken is a kernel whose subscriptions end after they began, and which loses
// news.
type broken struct {
	nft.Kernel
	ends int
}

func (k *broken) Watch(ctx context.Context) (<-chan nft.Change, error) {
	if k.ends--; k.ends < 0 {
		return k.Kernel.Watch(ctx)
	}
	c := make(chan nft.Change, 1)
	c <- nft.Change{Lost: true}
	close(c)
	return c, nil
}

func TestASubscriptionThatEndsIsOpenedAgain(t *testing.T) {
	atWork(t, func(b *bench) nft.Kernel { return &broken{&b.Fake, 2} }, func(b *bench) {
		b.settled()
		time.Sleep(10 * time.Second)
		b.empty()
	}, "0s wanted 1", "10.001s drifted 1 repaired, "+element)
}

func TestAnErrorIsToldOnceAndTriedAgainLessAndLess(t *testing.T) {
	var tries []time.Duration
	atWork(t, nil, func(b *bench) {
		b.Fail = func(ops []nft.Op) error {
			if len(ops) > 0 {
				tries = append(tries, time.Since(b.start))
				return errors.New("flush: no buffer space available")
			}
			return nil
		}
		b.Want(ask(1, small("10.9.0.100")))
		time.Sleep(130 * time.Second)
	}, "0s wanted 1, flush: no buffer space available")
	want := []time.Duration{0, 0, 2, 6, 14, 30, 62, 122} // a look when the watch begins, then 2, 4, 8, 16, 32, 60 s apart
	for i := range want {
		want[i] *= time.Second
	}
	if d := cmp.Diff(want, tries); d != "" {
		t.Errorf("tried (-want +got):\n%s", d)
	}
}

// TestTablesOnceWantedAreRemoved: also those of a wish that failed halfway.
func TestTablesOnceWantedAreRemoved(t *testing.T) {
	atWork(t, nil, func(b *bench) {
		b.settled()
		other := small("10.9.0.100")
		other.Table = "u"
		b.Want(ask(2, other))
		time.Sleep(time.Second)
		b.Fail = func(ops []nft.Op) error {
			if len(ops) > 0 {
				return errors.New("flush: interrupted")
			}
			return nil
		}
		b.Want(nft.Wish{Seq: 3})
		time.Sleep(500 * time.Millisecond)
		b.Fail = nil
		time.Sleep(time.Second)
	}, "0s wanted 1",
		"1ms wanted 2, "+strings.ReplaceAll(strings.ReplaceAll(joined(smallTable), "ip t ", "ip u "), "ip t,", "ip u,")+", nft delete table ip t",
		"1.001s wanted 3, flush: interrupted", "2.001s retried 3, nft delete table ip u")
}
