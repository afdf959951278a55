package host_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/host"
)

// wire writes down what was sent when; addresses ending in .13 cannot be sent.
type wire struct {
	start time.Time
	diary []string
}

func (w *wire) Send(a host.Announcement) error {
	if lastOctets([]host.Announcement{a}) == "13" {
		return errors.New("no buffer space available")
	}
	w.diary = append(w.diary, fmt.Sprintf("%v %s", time.Since(w.start), lastOctets([]host.Announcement{a})))
	return nil
}

func (w *wire) failed(a host.Announcement, err error) {
	w.diary = append(w.diary, fmt.Sprintf("%v %v: %v", time.Since(w.start), a.Addr, err))
}

func TestAnnouncerKeepsThePaceAndGoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{start: time.Now()}
		n := host.NewAnnouncer(w, w.failed)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { n.Run(ctx); close(ended) }()

		lane := host.LaneKey{Clock: "eth0"}
		n.Announce(lane, 100*time.Millisecond, 2, announcements("10.9.0.100", "10.9.0.13")...)
		time.Sleep(time.Second)
		n.Announce(lane, 100*time.Millisecond, 9, announcements("10.9.0.101")...)
		time.Sleep(150 * time.Millisecond) // two have left
		n.Cancel(func(host.Announcement) bool { return true })
		time.Sleep(time.Second)
		stop()
		<-ended

		want := []string{"0s 100", "100ms 10.9.0.13: no buffer space available", "200ms 100",
			"300ms 10.9.0.13: no buffer space available", "1s 101", "1.1s 101"}
		if d := cmp.Diff(want, w.diary); d != "" {
			t.Errorf("diary (-want +got):\n%s", d)
		}
	})
}

func TestNewListReplacesTheMACThatIsAnnounced(t *testing.T) {
	var p host.Pacer
	lane := host.LaneKey{Clock: "eth0"}
	p.Add(lane, time.Second, 1, announcements("10.9.0.100")...)
	moved := announcements("10.9.0.100")
	moved[0].MAC = host.MAC{2, 0, 0, 0, 0, 9}
	p.Add(lane, time.Second, 1, moved...)
	if got := p.Due(time.Now(), nil); len(got) != 1 || got[0].MAC != moved[0].MAC {
		t.Errorf("announced %v, want once with %v", got, moved[0].MAC)
	}
}
