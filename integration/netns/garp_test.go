package netns

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
	"time"
)

// TestAddressesAreAnnounced counts the gratuitous ARP packets and neighbour
// advertisements of a router that becomes active, by second.
func TestAddressesAreAnnounced(t *testing.T) {
	Require(t)
	v4 := []string{"10.9.0.100", "10.9.0.101"}
	tests := map[string]struct {
		router Router
		vips   []string
		bursts map[time.Duration]int // packets per address, by the time since the first one
	}{
		"five at once and five after five seconds": {
			Router{VIPs: v4}, v4, map[time.Duration]int{0: 5, 5 * time.Second: 5}},
		"the numbers are configurable": {
			Router{VIPs: v4, Extra: "garp_master_delay 2\ngarp_master_repeat 3"}, v4, map[time.Duration]int{0: 3, 2 * time.Second: 3}},
		"delay 0 means no second burst": {
			Router{VIPs: v4, Extra: "garp_master_delay 0\ngarp_master_repeat 2"}, v4, map[time.Duration]int{0: 2}},
		"refresh goes on": {
			Router{VIPs: v4, Extra: "garp_master_delay 0\ngarp_master_repeat 2\ngarp_master_refresh 1"}, v4,
			map[time.Duration]int{0: 2, time.Second: 1, 2 * time.Second: 1}},
		"neighbour advertisements over IPv6": {
			Router{Version: 3, VIPs: []string{"fe80::9:100/64", "fd00:9::100/64"}, Extra: "garp_master_delay 1"},
			[]string{"fe80::9:100", "fd00:9::100"}, map[time.Duration]int{0: 5, time.Second: 5}},
	}
	for name, tt := range tests {
		for _, kind := range []Kind{Holdfast, Keepalived} {
			t.Run(fmt.Sprintf("%s, %s", name, kind), func(t *testing.T) {
				t.Parallel()
				lab := NewLab(t)
				h := lab.Host("a", 1)
				h.Start(kind, owner(51, tt.router))
				var first time.Time
				Eventually(t, 5*time.Second, "first announcement of "+tt.vips[0], func() bool {
					all := lab.Capture.GARPs(time.Time{}, tt.vips[0])
					if len(all) > 0 {
						first = all[0].At
					}
					return !first.IsZero()
				})
				last := time.Duration(0)
				for at := range tt.bursts {
					last = max(last, at)
				}
				watch := last + 800*time.Millisecond
				Eventually(t, watch+time.Second, "end of the watch", func() bool { return time.Since(first) > watch })
				for _, vip := range tt.vips {
					got := map[time.Duration]int{}
					for _, g := range lab.Capture.GARPs(time.Time{}, vip) {
						since := g.At.Sub(first)
						// Half a second early is another burst; late is what a busy machine is.
						got[(since+300*time.Millisecond).Truncate(time.Second)]++
					}
					if fmt.Sprint(got) != fmt.Sprint(tt.bursts) {
						t.Errorf("%s was announced %v times, want %v", vip, got, tt.bursts)
					}
				}
				if name == "neighbour advertisements over IPv6" {
					checkFrame(t, lab.Capture.GARPs(time.Time{}, "fe80::9:100")[0].Frame, neighbourAdvert)
				} else {
					checkFrame(t, lab.Capture.GARPs(time.Time{}, "10.9.0.100")[0].Frame, gratuitousARP)
				}
				resting := lab.Capture.Adverts(time.Time{}, From(h))
				if len(resting) == 0 || first.Before(resting[0].At) {
					t.Error("announced before the first advert: the old router has to hear of us first")
				}
			})
		}
	}
}

// Frames as the capture of keepalived 2.2.7 has them, octet by octet.
const (
	gratuitousARP = "ffffffffffff 020000000001 0806" + // to all, from eth0, ARP
		"0001 0800 06 04 0001" + // Ethernet, IPv4, request
		"020000000001 0a090064 ffffffffffff 0a090064" // sender and target are the VIP
	neighbourAdvert = "333300000001 020000000001 86dd" + // to all nodes
		"60000000 0020 3a ff" + // 32 octets of ICMPv6, hop limit 255
		"fe800000000000000000000000090100 ff020000000000000000000000000001" +
		"8800 558b 20000000" + // neighbour advertisement, override
		"fe800000000000000000000000090100 0201 020000000001" // target, its link-layer address
)

// checkFrame compares the beginning of a frame: Ethernet pads short ones.
func checkFrame(t *testing.T, got []byte, want string) {
	t.Helper()
	octets, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(want), []byte(" "), nil)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(got, octets) {
		t.Errorf("announcement is\n %x, want\n %x", got, octets)
	}
}
