package host_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"

	"holdfast/host"
)

var ourMAC = host.MAC{2, 0, 0, 0, 0, 1}

// The frames are those that keepalived 2.2.7 put on the wire for the same
// addresses and MAC, captured with tcpdump.
func TestAnnouncementsAreTheFramesKeepalivedSends(t *testing.T) {
	tests := map[string]struct {
		a    host.Announcement
		want string
	}{
		"gratuitous ARP": {host.Announcement{Addr: addr("10.9.0.100"), MAC: ourMAC},
			"ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a090064 ffffffffffff 0a090064"},
		"unsolicited neighbour advertisement": {host.Announcement{Addr: addr("fe80::9:100"), MAC: ourMAC},
			"333300000001 020000000001 86dd 60000000 0020 3a ff fe800000000000000000000000090100 ff020000000000000000000000000001" +
				"88 00 558b 20000000 fe800000000000000000000000090100 02 01 020000000001"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, want := hex.EncodeToString(tt.a.AppendFrame(nil)), strings.ReplaceAll(tt.want, " ", ""); got != want {
				t.Errorf("frame\n got %s\nwant %s", got, want)
			}
		})
	}
}

// x/net's ICMP parser is the second witness for what no capture has.
func TestARouterSaysSoInItsNeighbourAdvertisement(t *testing.T) {
	frame := host.Announcement{Addr: addr("2001:db8::1"), MAC: ourMAC, Router: true}.AppendFrame(nil)
	m, err := icmp.ParseMessage(58, frame[54:])
	if err != nil {
		t.Fatal(err)
	}
	body := m.Body.(*icmp.RawBody).Data
	if m.Type != ipv6.ICMPTypeNeighborAdvertisement || body[0] != 0xa0 { // Router and Override, not Solicited
		t.Errorf("type %v, flags %#x; want a neighbour advertisement with 0xa0", m.Type, body[0])
	}
}

func TestAppendFrameAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, host.FrameSize)
	for _, a := range []host.Announcement{{Addr: addr("10.9.0.100")}, {Addr: addr("fe80::1")}} {
		if n := testing.AllocsPerRun(100, func() { a.AppendFrame(buf) }); n != 0 {
			t.Errorf("%v: %v allocations, want 0", a.Addr, n)
		}
	}
}

func announcements(ips ...string) []host.Announcement {
	var list []host.Announcement
	for _, ip := range ips {
		list = append(list, host.Announcement{Link: "eth0", Addr: addr(ip), MAC: ourMAC})
	}
	return list
}

func lastOctets(list []host.Announcement) string {
	var out []string
	for _, a := range list {
		s := a.Addr.String()
		out = append(out, s[strings.LastIndex(s, ".")+1:])
	}
	return strings.Join(out, " ")
}

func TestBurstSendsAllAddressesBeforeItRepeatsOne(t *testing.T) {
	got := lastOctets(host.Burst(nil, announcements("10.9.0.100", "10.9.0.101"), 3))
	if want := "100 101 100 101 100 101"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

// drain asks the pacer at every deadline and writes down when what left.
func drain(p *host.Pacer, t0 time.Time) []string {
	var diary []string
	now := t0
	for at := p.Deadline(); !at.IsZero(); at = p.Deadline() {
		if at.After(now) {
			now = at
		}
		diary = append(diary, now.Sub(t0).String()+" "+lastOctets(p.Due(now, nil)))
	}
	return diary
}

func TestPacerSpacesAnnouncementsRoundRobin(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	lane := host.LaneKey{Clock: "eth0"}
	tests := map[string]struct {
		add  func(p *host.Pacer)
		want []string
	}{
		"without interval all leave at once, in burst order": {
			func(p *host.Pacer) { p.Add(lane, 0, 2, announcements("10.9.0.100", "10.9.0.101")...) },
			[]string{"0s 100 101 100 101"}},
		"three addresses twice in half a second": { // as keepalived 2.4 sends them: 5 gaps of 0.1 s
			func(p *host.Pacer) {
				p.Add(lane, 100*time.Millisecond, 2, announcements("10.9.0.100", "10.9.0.101", "10.9.0.102")...)
			},
			[]string{"0s 100", "100ms 101", "200ms 102", "300ms 100", "400ms 101", "500ms 102"}},
		"a second burst does not pile up on the first": {
			func(p *host.Pacer) {
				p.Add(lane, time.Second, 2, announcements("10.9.0.100")...)
				p.Add(lane, time.Second, 3, announcements("10.9.0.100")...)
			},
			[]string{"0s 100", "1s 100", "2s 100"}},
		"a shorter second burst does not shorten the first": {
			func(p *host.Pacer) {
				p.Add(lane, time.Second, 3, announcements("10.9.0.100")...)
				p.Add(lane, time.Second, 1, announcements("10.9.0.100")...)
			},
			[]string{"0s 100", "1s 100", "2s 100"}},
		"another address joins the round": {
			func(p *host.Pacer) {
				p.Add(lane, time.Second, 2, announcements("10.9.0.100")...)
				p.Add(lane, time.Second, 1, announcements("10.9.0.101")...)
			},
			[]string{"0s 100", "1s 101", "2s 100"}},
		"IPv4 and IPv6 of a link have clocks of their own": {
			func(p *host.Pacer) {
				p.Add(lane, time.Second, 1, announcements("10.9.0.100")...)
				p.Add(host.LaneKey{Clock: "eth0", IPv6: true}, time.Second, 1, announcements("10.9.0.101")...)
			},
			[]string{"0s 100 101"}},
		"the same address on two links is announced on both": {
			func(p *host.Pacer) {
				other := announcements("10.9.0.100")
				other[0].Link = "eth1"
				p.Add(lane, time.Second, 1, announcements("10.9.0.100")...)
				p.Add(lane, time.Second, 1, other...)
			},
			[]string{"0s 100", "1s 100"}},
		"all cancelled: nothing to wait for": {
			func(p *host.Pacer) {
				p.Add(lane, time.Second, 2, announcements("10.9.0.100")...)
				p.Cancel(func(host.Announcement) bool { return true })
			}, nil},
		"lanes do not wait for each other": {
			func(p *host.Pacer) {
				p.Add(lane, time.Second, 2, announcements("10.9.0.100")...)
				p.Add(host.LaneKey{Clock: "eth1"}, time.Second, 1, announcements("10.9.0.200")...)
			},
			[]string{"0s 100 200", "1s 100"}},
		"what is cancelled does not leave": {
			func(p *host.Pacer) {
				p.Add(lane, time.Second, 2, announcements("10.9.0.100", "10.9.0.101")...)
				p.Cancel(func(a host.Announcement) bool { return a.Addr == addr("10.9.0.100") })
			},
			[]string{"0s 101", "1s 101"}},
		"repeat 0 is no burst": {func(p *host.Pacer) { p.Add(lane, 0, 0, announcements("10.9.0.100")...) }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var p host.Pacer
			tt.add(&p)
			if d := cmp.Diff(tt.want, drain(&p, t0)); d != "" {
				t.Errorf("diary (-want +got):\n%s", d)
			}
		})
	}
}

// After a stall the pace is kept from then on: what was missed does not leave as
// a burst.
func TestAStallCausesNoBurstOfAnnouncements(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var p host.Pacer
	p.Add(host.LaneKey{Clock: "eth0"}, time.Second, 5, announcements("10.9.0.100")...)
	p.Due(t0, nil)
	late := t0.Add(10 * time.Second)
	if got := lastOctets(p.Due(late, nil)); got != "100" {
		t.Errorf("10 s later left %q, want one", got)
	}
	if got, want := p.Deadline(), late.Add(time.Second); !got.Equal(want) {
		t.Errorf("next at %v, want %v", got, want)
	}
	if got := p.Due(late.Add(999*time.Millisecond), nil); len(got) != 0 {
		t.Errorf("too early left %v", got)
	}
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
