package netns

import (
	"syscall"
	"testing"
	"time"
)

// stall stops the daemon's VRRP process for a while, as a machine does that is
// suspended or swaps.
func (d *Daemon) stall(t *testing.T, span time.Duration) (resumed time.Time) {
	t.Helper()
	var child int
	Eventually(t, 10*time.Second, "pid file of the VRRP process", func() bool {
		var err error
		child, err = d.VRRPChild()
		return err == nil
	})
	if err := syscall.Kill(child, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(span)
	Eventually(t, 2*span, "end of the stall", func() bool { return time.Now().After(end) })
	resumed = time.Now()
	if err := syscall.Kill(child, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	return resumed
}

// TestAStalledBackupDeposesNobody: its deadline has passed long ago when it
// wakes up, and the adverts that it has to read first say that all is well.
func TestAStalledBackupDeposesNobody(t *testing.T) {
	Require(t)
	for _, kinds := range []pairing{{Keepalived, Holdfast}, {Holdfast, Holdfast}} {
		for _, proto := range protocols[1:] {
			t.Run(proto.name+", "+kinds.String(), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, kinds, proto, nil)
				a, b := p.start(p.confA)
				p.settle(a, b)
				for range 3 {
					b.stall(t, 2*p.down)
					Throughout(t, p.down, "b sends nothing", func() bool { return len(p.Capture.Adverts(time.Time{}, p.b.sent)) == 0 })
				}
				if got := b.Entered(time.Time{}); len(got) != 1 {
					t.Errorf("b entered %q, want only its first BACKUP", got)
				}
			})
		}
	}
}

// TestAStalledActiveRouterFindsItsPlaceAgain: the backup has taken over, and
// both believe to be active until one has heard the other.
func TestAStalledActiveRouterFindsItsPlaceAgain(t *testing.T) {
	Require(t)
	for _, kinds := range pairings[:3] {
		t.Run(kinds.String(), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, kinds, protocols[1], nil)
			a, b := p.start(p.confA)
			p.settle(a, b)
			stalled := time.Now()
			resumed := a.stall(t, 2*p.down)
			b.WaitLog(stalled, 5*time.Second, `\(VI_1\) Entering MASTER STATE`)
			b.WaitLog(resumed, 2*time.Second, `\(VI_1\) Entering BACKUP STATE`)
			p.WaitHolders(2*time.Second, p.vip, "a")
			settled := time.Now()
			Throughout(t, 2*p.down, "only a has the address", func() bool { return p.a.Holds(p.vip) && !p.b.Holds(p.vip) })
			if n := len(p.Capture.Adverts(settled, p.b.sent)); n > 0 {
				t.Errorf("b sent %d more adverts", n)
			}
		})
	}
}
