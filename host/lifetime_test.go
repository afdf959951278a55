package host_test

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/host"
)

// lasting is a virtual address that ends by itself.
func lasting(s string, seconds uint32) host.Address {
	a := vip(s)
	a.ValidLft = seconds
	return a
}

const addLasting = "  ip addr add 192.0.2.100/24 dev eth0 scope global valid_lft 30 preferred_lft 30"

// beats are signs of life each 10 seconds, n of them.
func (b *bench) beats(n int) {
	for range n {
		time.Sleep(10 * time.Second)
		b.Beat()
		synctest.Wait()
	}
}

func TestWhatIsRenewedStaysAndIsNoNews(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Want(numbered(1, lasting("192.0.2.100/24", 30)))
		b.beats(30)
	}, "0s wanted 1", "0s "+addLasting)
}

func TestEachBeatRenewsWhatIsOursAndNothingElse(t *testing.T) {
	renewed := map[string]int{}
	atWork(t, func(b *bench) {
		b.Put(foreign("192.0.2.7/24"), foreign("192.0.2.101/24"))
		b.Fail = func(op host.Op) error {
			if op.Verb == host.Set {
				renewed[op.String()]++
			}
			return nil
		}
		// .101 is wanted and somebody else's, .102 does not end, the last one is deprecated
		b.Want(numbered(1, lasting("192.0.2.100/24", 30), lasting("192.0.2.101/24", 30), vip("192.0.2.102/24"), lasting("2001:db8::1/128", 30)))
		b.beats(3)
		b.Want(numbered(2)) // Backup
		b.beats(3)
	}, "0s wanted 1", "0s "+addLasting, "0s   ip addr add 192.0.2.102/24 dev eth0 scope global",
		"0s   ip addr add 2001:db8::1/128 dev eth0 scope global nodad valid_lft 30 preferred_lft 0",
		"30s wanted 2", "30s   ip addr del 192.0.2.100/24 dev eth0", "30s   ip addr del 192.0.2.102/24 dev eth0", "30s   ip addr del 2001:db8::1/128 dev eth0")
	if len(renewed) != 2 || renewed["ip addr change 192.0.2.100/24 dev eth0 valid_lft 30 preferred_lft 30"] != 3 ||
		renewed["ip addr change 2001:db8::1/128 dev eth0 valid_lft 30 preferred_lft 0"] != 3 {
		t.Errorf("renewed %v, want each of two three times", renewed)
	}
}

// TestWhatEndedInASilenceIsPutBackAtTheNextSignOfLifeOnly: who hangs has lost
// his addresses, and who wakes up and still wants them gets them back. That is
// no storm, however often it happens.
func TestWhatEndedInASilenceIsPutBackAtTheNextSignOfLifeOnly(t *testing.T) {
	var want []string
	want = append(want, "0s wanted 1", "0s "+addLasting)
	for _, at := range []string{"10m0s", "20m0s", "30m0s"} {
		want = append(want, at+" expired 1", at+" "+addLasting)
	}
	atWork(t, func(b *bench) {
		a := lasting("192.0.2.100/24", 30)
		b.Want(numbered(1, a))
		for range 3 {
			time.Sleep(31 * time.Second)
			b.Remove(a) // the kernel
			time.Sleep(10*time.Minute - 31*time.Second)
			b.Beat()
			synctest.Wait()
		}
	}, want...)
}

func TestALostAddressIsPutBackWhileThereAreSignsOfLife(t *testing.T) {
	a := lasting("192.0.2.100/24", 30)
	atWork(t, func(b *bench) {
		b.Want(numbered(1, a))
		b.beats(3)
		time.Sleep(5 * time.Second)
		b.Remove(a)
	}, "0s wanted 1", "0s "+addLasting, "35s drifted 1", "35s "+addLasting)
}

func TestAReloadGivesLifetimesAndTakesThemAway(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Want(numbered(1, vip("192.0.2.100/24")))
		time.Sleep(time.Second)
		b.Want(numbered(2, lasting("192.0.2.100/24", 30)))
		time.Sleep(time.Second)
		b.Want(numbered(3, vip("192.0.2.100/24")))
	}, "0s wanted 1", "0s "+addVIP,
		"1s wanted 2", "1s   ip addr change 192.0.2.100/24 dev eth0 valid_lft 30 preferred_lft 30",
		"2s wanted 3", "2s   ip addr change 192.0.2.100/24 dev eth0 valid_lft forever preferred_lft forever")
}

func TestALifetimeThatCannotBeRenewedIsReportedOnce(t *testing.T) {
	atWork(t, func(b *bench) {
		b.Want(numbered(1, lasting("192.0.2.100/24", 30)))
		synctest.Wait()
		b.Fail = refuseSet
		b.beats(2)
	}, "0s wanted 1", "0s "+addLasting,
		"10s renewed 0", "10s   ip addr change 192.0.2.100/24 dev eth0 valid_lft 30 preferred_lft 30: operation not permitted")
}

func refuseSet(op host.Op) error {
	if op.Verb == host.Set {
		return syscall.EPERM
	}
	return nil
}
