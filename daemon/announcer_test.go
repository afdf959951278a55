package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/host"
	"holdfast/kconf"
	"holdfast/vrrp"
)

// wire writes down which frames left, and when.
type wire struct {
	mu    sync.Mutex
	start time.Time
	lines []string
}

func (w *wire) Send(index int, a host.Announcement) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("%v if%d %v %v", time.Since(w.start), index, a.Addr, a.MAC))
	return nil
}

func startAnnouncer(t *testing.T) (*announcer, *wire) {
	w := &wire{start: time.Now()}
	a := newAnnouncer(slog.New(slog.DiscardHandler), w)
	a.setLinks(map[string]host.Link{
		"eth0": {Index: 3, Name: "eth0", MAC: host.MAC{2, 0, 0, 0, 0, 1}},
		"tun0": {Index: 4, Name: "tun0", NoARP: true, MAC: host.MAC{2, 0, 0, 0, 0, 2}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { a.run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return a, w
}

func vips(link string, addrs ...string) []linkAddr {
	var list []linkAddr
	for _, a := range addrs {
		list = append(list, linkAddr{link, netip.MustParseAddr(a)})
	}
	return list
}

func TestABurstWaitsUntilTheAddressesAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, w := startAnnouncer(t)
		a.setActive(map[string]bool{"VI_1": true})
		a.ask(burst{instance: "VI_1", repeat: 2, after: 7, addrs: vips("eth0", "192.0.2.1", "192.0.2.2")})
		time.Sleep(time.Second)
		a.carriedOut(6, nil) // an older wish: ours is not done yet
		time.Sleep(time.Second)
		a.carriedOut(7, nil)
		synctest.Wait()
		// every address once, then every address again, as keepalived does
		want := []string{
			"2s if3 192.0.2.1 02:00:00:00:00:01", "2s if3 192.0.2.2 02:00:00:00:00:01",
			"2s if3 192.0.2.1 02:00:00:00:00:01", "2s if3 192.0.2.2 02:00:00:00:00:01",
		}
		if !slices.Equal(w.lines, want) {
			t.Errorf("frames:\n got %q\nwant %q", w.lines, want)
		}
	})
}

func TestARouterThatIsNotActiveAnyMoreAnnouncesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, w := startAnnouncer(t)
		a.setActive(map[string]bool{"VI_1": true})
		a.ask(burst{instance: "VI_1", repeat: 1, after: 1, addrs: vips("eth0", "192.0.2.1")})
		synctest.Wait()
		a.setActive(map[string]bool{})
		a.carriedOut(2, nil)
		synctest.Wait()
		if len(w.lines) > 0 {
			t.Errorf("frames left after mastership was lost: %q", w.lines)
		}
	})
}

func TestLinksWithoutARPAreNotBothered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, w := startAnnouncer(t)
		a.setActive(map[string]bool{"VI_1": true})
		a.ask(burst{instance: "VI_1", repeat: 3, addrs: slices.Concat(vips("tun0", "192.0.2.1"), vips("gone", "192.0.2.2"))})
		synctest.Wait()
		if len(w.lines) > 0 {
			t.Errorf("frames on links that have no ARP: %q", w.lines)
		}
	})
}

func TestAPacedBurstKeepsItsDistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, w := startAnnouncer(t)
		a.setActive(map[string]bool{"VI_1": true})
		a.ask(burst{instance: "VI_1", repeat: 2, interval: 100 * time.Millisecond, addrs: vips("eth0", "192.0.2.1", "192.0.2.2")})
		time.Sleep(time.Second)
		synctest.Wait()
		want := []string{ // first at once, then one each 0.1 s, in turn
			"0s if3 192.0.2.1 02:00:00:00:00:01", "100ms if3 192.0.2.2 02:00:00:00:00:01",
			"200ms if3 192.0.2.1 02:00:00:00:00:01", "300ms if3 192.0.2.2 02:00:00:00:00:01",
		}
		if !slices.Equal(w.lines, want) {
			t.Errorf("frames:\n got %q\nwant %q", w.lines, want)
		}
	})
}

// TestFurtherLinksAreAnnouncedAgainWhileTheInstanceIsActive: garp_extra_if, for
// links that no advert goes by.
func TestFurtherLinksAreAnnouncedAgainWhileTheInstanceIsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, w := startAnnouncer(t)
		a.setExtras([]extra{{instance: "VI_1", every: 10 * time.Second, addrs: vips("eth0", "192.0.2.1")}})
		time.Sleep(time.Second)
		a.setActive(map[string]bool{"VI_1": true})
		time.Sleep(25 * time.Second)
		a.setActive(nil)
		time.Sleep(20 * time.Second)
		a.setActive(map[string]bool{"VI_1": true})
		time.Sleep(11 * time.Second)
		a.setExtras(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{"11s if3 192.0.2.1 02:00:00:00:00:01", "21s if3 192.0.2.1 02:00:00:00:00:01", "56s if3 192.0.2.1 02:00:00:00:00:01"}
		if !slices.Equal(w.lines, want) {
			t.Errorf("sent %q, want %q", w.lines, want)
		}
	})
}

// The spacing of garp_interval is about a wire, not about the links on it.
func TestVMACsShareTheClockOfTheirParent(t *testing.T) {
	a := newAnnouncer(slog.New(slog.DiscardHandler), nil)
	a.setLinks(map[string]host.Link{"eth0": {Index: 3, Name: "eth0"}, "vrrp.51": {Index: 4, Name: "vrrp.51", Kind: host.MACVLAN, Parent: 3}, "eth0.5": {Index: 5, Name: "eth0.5", Kind: "vlan", Parent: 3}})
	for link, want := range map[string]string{"vrrp.51": "eth0", "eth0": "eth0", "eth0.5": "eth0.5", "gone0": "gone0"} {
		if got := a.below(link); got != want {
			t.Errorf("%s is on %s, want %s", link, got, want)
		}
	}
}

// TestInterfacesOfAGARPGroupShareTheirDistance, IPv4 and IPv6 apart; others do not.
func TestInterfacesOfAGARPGroupShareTheirDistance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, w := startAnnouncer(t)
		a.setLinks(map[string]host.Link{"eth0": {Index: 3, Name: "eth0", MAC: host.MAC{2}}, "eth1": {Index: 4, Name: "eth1", MAC: host.MAC{2}},
			"eth2": {Index: 5, Name: "eth2", MAC: host.MAC{2}}, "vrrp.51": {Index: 6, Name: "vrrp.51", Parent: 4, Kind: host.MACVLAN, MAC: host.MAC{2}}})
		a.setGroups(&config.Config{GARPGroups: []*vrrp.GARPGroupConfig{{Interfaces: []kconf.Word{{Text: "eth0"}, {Text: "eth1"}}}}})
		a.setActive(map[string]bool{"VI_1": true})
		addrs := slices.Concat(vips("eth0", "192.0.2.1", "2001:db8::1"), vips("eth2", "192.0.2.3"), vips("vrrp.51", "192.0.2.2"))
		a.ask(burst{instance: "VI_1", repeat: 1, interval: time.Second, addrs: addrs})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		slices.Sort(w.lines)
		want := []string{"0s if3 192.0.2.1", "0s if3 2001:db8::1", "0s if5 192.0.2.3", "1s if6 192.0.2.2"}
		for i := range w.lines {
			w.lines[i] = strings.TrimSuffix(w.lines[i], " 02:00:00:00:00:00")
		}
		if d := cmp.Diff(want, w.lines); d != "" {
			t.Errorf("frames (-want +got):\n%s", d)
		}
	})
}
