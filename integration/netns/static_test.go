package netns

import (
	"strings"
	"testing"
	"time"
)

// TestStaticLinesOfATrackGroupHoldItsInstances: both daemons put a static line
// back that is deleted, and are in FAULT while its interface is down. A line
// without track_group holds nobody.
func TestStaticLinesOfATrackGroupHoldItsInstances(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			l := NewLab(t)
			h := l.Host("a", 1)
			h.Plug("eth1", "02:00:00:00:01:01")
			h.Plug("eth2", "02:00:00:00:02:01")
			d := h.Start(kind, Router{Interval: 300 * time.Millisecond, Version: 3, Priority: 200,
				Before: "track_group g {\n group {\n VI_1\n }\n}\n" +
					"static_ipaddress {\n 10.8.1.1/24 dev eth1 track_group g\n 10.8.2.1/24 dev eth2\n}\n" +
					"static_routes {\n 10.77.0.0/24 dev eth1 track_group g\n}\n" +
					"static_rules {\n from 10.33.0.0/24 iif eth1 table 100 priority 1000 track_group g\n}\n"}.Conf())
			l.WaitHolders(10*time.Second, "10.9.0.100", "a")
			complete := func() bool {
				return h.Holds("10.8.1.1") && strings.Contains(h.IP("route"), "10.77.0.0/24") && strings.Contains(h.IP("rule"), "10.33.0.0/24")
			}
			Eventually(t, 5*time.Second, "what is static is there", complete)

			deleted := time.Now()
			h.IP("route", "del", "10.77.0.0/24")
			Eventually(t, 5*time.Second, "the route is back", complete)
			h.IP("rule", "del", "priority", "1000")
			Eventually(t, 5*time.Second, "the rule is back", complete)
			h.IP("addr", "del", "10.8.1.1/24", "dev", "eth1")
			if kind == Keepalived { // it does not see that the kernel drops routes with the last address
				complete = func() bool { return h.Holds("10.8.1.1") }
			}
			Eventually(t, 5*time.Second, "the address is back", complete)
			h.Unplug("eth2")
			for range 2 {
				h.Unplug("eth1")
				l.WaitHolders(5*time.Second, "10.9.0.100")
				h.Replug("eth1")
				l.WaitHolders(10*time.Second, "10.9.0.100", "a")
				Eventually(t, 5*time.Second, "what is static is there again", complete)
			}
			if got, want := strings.Join(d.Entered(deleted), ", "), strings.Repeat(", VI_1 FAULT, VI_1 BACKUP, VI_1 MASTER", 2)[2:]; got != want {
				t.Errorf("entered %s\n want %s", got, want)
			}
		})
	}
}
