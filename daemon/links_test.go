package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/host"
	"holdfast/vrrp"
)

// seenLinks makes links of words: eth0 is up, -eth1 has no carrier.
func seenLinks(words ...string) map[string]host.Link {
	m := map[string]host.Link{}
	for i, w := range words {
		name := strings.TrimPrefix(w, "-")
		m[name] = host.Link{Index: i + 1, Name: name, Up: true, Running: name == w}
	}
	return m
}

func TestWhatCountsOfLinks(t *testing.T) {
	w := newLinkWatch()
	w.configure([]vrrp.LinkDelays{{Interface: "eth0", Down: time.Second}})
	start := time.Now()
	text := func(counts map[string]host.Link) string {
		var out []string
		for _, name := range sortedNames(counts) {
			word := name
			if !counts[name].Usable() {
				word = "-" + name
			}
			if w.deaf(name) {
				word += " deaf"
			}
			out = append(out, word)
		}
		return strings.Join(out, ", ")
	}
	vmac := seenLinks("-eth0", "eth1", "-vrrp.51")
	vmac["vrrp.51"] = host.Link{Index: 3, Name: "vrrp.51", Up: true, Kind: "macvlan", Parent: 1}
	steps := []struct {
		what  string
		after float64
		do    func(now time.Time) map[string]host.Link
		want  string
		next  float64 // deadline, in seconds from the start; 0: none
	}{
		{"at first everything is as it is seen", 0, func(now time.Time) map[string]host.Link { return w.see(now, seenLinks("eth0", "eth1", "vrrp.51")) }, "eth0, eth1, vrrp.51", 0},
		{"a link with a delay counts as up, another does not", 10, func(now time.Time) map[string]host.Link {
			return w.see(now, seenLinks("-eth0", "-eth1", "vrrp.51"))
		}, "eth0 deaf, -eth1, vrrp.51", 11},
		{"until it has lasted", 11, func(now time.Time) map[string]host.Link { return w.again(now) }, "-eth0, -eth1, vrrp.51", 0},
		{"back at once: there is no delay upwards", 12, func(now time.Time) map[string]host.Link { return w.see(now, seenLinks("eth0", "eth1", "vrrp.51")) }, "eth0, eth1, vrrp.51", 0},
		{"a VMAC has the delay of the link below", 20, func(now time.Time) map[string]host.Link { return w.see(now, vmac) }, "eth0 deaf, eth1, -vrrp.51", 21},
		{"the word of a poll counts more than the kernel's", 30, func(now time.Time) map[string]host.Link {
			w.beats = map[string]bool{"eth1": false}
			return w.see(now, seenLinks("eth0", "eth1"))
		}, "eth0, -eth1", 0},
		{"also for a link with a delay", 40, func(now time.Time) map[string]host.Link {
			w.beats = map[string]bool{"eth0": false}
			return w.again(now)
		}, "eth0 deaf, eth1", 41},
		{"one that is gone is gone", 40.5, func(now time.Time) map[string]host.Link { return w.see(now, seenLinks("eth1")) }, "eth1", 0},
		{"without delays nothing waits", 50, func(now time.Time) map[string]host.Link {
			w.configure(nil)
			w.beats = nil
			return w.see(now, seenLinks("-eth0"))
		}, "-eth0", 0},
	}
	for _, s := range steps {
		got := text(s.do(start.Add(time.Duration(s.after * float64(time.Second)))))
		if got != s.want {
			t.Errorf("%s: %s, want %s", s.what, got, s.want)
		}
		next := 0.0
		if at := w.deadline(); !at.IsZero() {
			next = at.Sub(start).Seconds()
		}
		if next != s.next {
			t.Errorf("%s: next at %vs, want %vs", s.what, next, s.next)
		}
	}
}

// twoOn is a configuration with VI_1 on eth0 and VI_2 on mv0, of one VRID.
func twoOn(extra string) string {
	return "global_defs {\ndynamic_interfaces\n}\n" + instanceOn("VI_1", "eth0", "10.9.0.100", "") + instanceOn("VI_2", "mv0", "10.8.0.100", extra)
}

func instanceOn(name, link, vip, extra string) string {
	return fmt.Sprintf("vrrp_instance %s {\ninterface %s\nvirtual_router_id 51\n%s\nvirtual_ipaddress {\n%s\n}\n}\n", name, link, extra, vip)
}

func TestTwoInstancesThatBecameOneRouterAreInConflict(t *testing.T) {
	links := func(kind string, parent int) host.State {
		s := host.NewState()
		s.Links["eth0"] = host.Link{Index: 1, Name: "eth0"}
		s.Links["mv0"] = host.Link{Index: 2, Name: "mv0", Kind: kind, Parent: parent}
		return s
	}
	bare := host.NewState()
	bare.Links["eth0"] = host.Link{Index: 1, Name: "eth0"}
	tests := map[string]struct {
		extra string
		state host.State
		want  map[string]string
	}{
		"on one broadcast domain":          {"", links("macvlan", 1), map[string]string{"VI_2": "VI_1"}},
		"while one interface is not there": {"", bare, map[string]string{}},
		"a VLAN is another LAN":            {"", links("vlan", 1), map[string]string{}},
		"another version is no excuse":     {"version 3", links("macvlan", 1), map[string]string{"VI_2": "VI_1"}},
		"another group is":                 {"mcast_dst_ip 224.0.0.19", links("macvlan", 1), map[string]string{}},
		"unicast is":                       {"unicast_peer {\n10.8.0.2\n}", links("macvlan", 1), map[string]string{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := configtest.Understood(t, twoOn(tt.extra)).Config
			if d := cmp.Diff(tt.want, conflicts(c.Instances, tt.state)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	tr := newTracking()
	tr.conflicts = map[string]string{"VI_2": "VI_1"}
	got := texts(tr.configure([]*tracked{{name: "VI_1", base: 100}, {name: "VI_2", base: 100}}))
	if want := []string{"VI_1 priority 100 ()", "VI_2 fault duplicate-vrid VI_1", "VI_2 priority 100 ()"}; !cmp.Equal(want, got) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestHowLargeAReceiveBufferIs(t *testing.T) {
	links := map[string]host.Link{"eth0": {MTU: 1500}}
	for global, want := range map[string]map[string]int{
		"":                           {"": 0, "kernel_rx_buf_size 5000": 5000},
		"vrrp_rx_bufs_policy MTU":    {"": 4500, "kernel_rx_buf_size 5000": 5000},
		"vrrp_rx_bufs_policy ADVERT": {"": 120, "version 3": 96}, // 3 * (20 + 8 + 4 + 8); version 3 has no authentication
		"vrrp_rx_bufs_policy MTU\nvrrp_rx_bufs_multiplier 2": {"": 3000},
		"vrrp_rx_bufs_policy 70000":                          {"": 70000},
	} {
		for own, octets := range want {
			c := configtest.Understood(t, "global_defs {\ndynamic_interfaces\n"+global+"\n}\n"+instanceOn("VI_1", "eth0", "10.9.0.100", own)).Config
			if got := receiveBuffer(c, c.Instances[0], links); got != octets {
				t.Errorf("%q, %q: %d octets, want %d", global, own, got, octets)
			}
		}
	}
}

func TestTheLongerStartDelayCounts(t *testing.T) {
	for _, tt := range []struct{ start, boot, up, want time.Duration }{
		{0, 0, time.Hour, 0},
		{5 * time.Second, 0, time.Minute, 5 * time.Second},
		{5 * time.Second, 60 * time.Second, 20 * time.Second, 40 * time.Second},
		{5 * time.Second, 60 * time.Second, 58 * time.Second, 5 * time.Second},
		{0, 60 * time.Second, time.Hour, 0},
	} {
		if got := startDelay(&config.Globals{StartupDelay: tt.start, DelayAfterBoot: tt.boot}, tt.up); got != tt.want {
			t.Errorf("vrrp_startup_delay %v, vrrp_delay_after_boot %v, up for %v: %v, want %v", tt.start, tt.boot, tt.up, got, tt.want)
		}
	}
	if got := delayLine(2500 * time.Millisecond); got != "Delaying startup for 2.5 seconds" {
		t.Errorf("line %q", got)
	}
}

func TestWhichLinksArePolledAndHow(t *testing.T) {
	for text, want := range map[string]map[string]host.BeatMethod{
		"": {},
		"linkbeat_interfaces {\neth2\neth0 ETHTOOL\n}\n": {"eth0": host.Ethtool, "eth2": ""},
		"linkbeat_use_polling\n":                         {"eth0": "", "eth1": "", "eth7": ""},
	} {
		c := configtest.Understood(t, text+"global_defs {\ndynamic_interfaces\n}\n"+instanceOn("VI_1", "eth0", "10.9.0.100\n10.9.0.101 dev eth1", "track_interface {\neth7\n}")).Config
		if d := cmp.Diff(want, polledLinks(c)); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
	c := configtest.Understood(t, "global_defs {\ndynamic_interfaces\n}\n"+instanceOn("VI_1", "eth0", "10.9.0.100", "linkbeat_use_polling")+instanceOn("VI_2", "eth1", "10.8.0.100", "")).Config
	if d := cmp.Diff(map[string]host.BeatMethod{"eth0": ""}, polledLinks(c)); d != "" {
		t.Errorf("linkbeat_use_polling of an instance (-want +got):\n%s", d)
	}
}

// cards are interfaces without transceivers.
type cards map[string]bool

func (c cards) Method(link string, preferred host.BeatMethod) host.BeatMethod {
	if preferred == host.Ioctl {
		return preferred
	}
	return host.Ethtool
}

func (c cards) Up(link string, _ host.BeatMethod) (bool, error) {
	up, exists := c[link]
	if !exists {
		return false, fmt.Errorf("no %s", link)
	}
	return up, nil
}

func TestLinksAreAskedEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		c := cards{"eth0": true, "eth1": true}
		b := newLinkbeat(slog.New(slog.NewTextHandler(&log, nil)), c)
		ctx, stop := context.WithCancel(t.Context())
		go b.run(ctx)
		heard := func() string {
			synctest.Wait()
			var rounds []string
			for _, r := range b.news.take() {
				var round []string
				for _, name := range sortedNames(r) {
					round = append(round, fmt.Sprintf("%s=%v", name, r[name]))
				}
				rounds = append(rounds, strings.Join(round, " "))
			}
			return strings.Join(rounds, "; ")
		}
		steps := []struct {
			what string
			do   func()
			want string
		}{
			{"nothing is asked", func() {}, ""},
			{"the first answers come at once", func() { b.configure(ctx, map[string]host.BeatMethod{"eth0": host.MII, "eth1": "", "eth9": ""}) }, "eth0=true eth1=true"},
			{"the same answers are no news", func() { time.Sleep(10 * time.Second) }, ""},
			{"another one is, within a second", func() { c["eth1"] = false; time.Sleep(time.Second) }, "eth0=true eth1=false"},
			{"an interface that is gone has no answer", func() { delete(c, "eth0"); time.Sleep(time.Second) }, "eth1=false"},
			{"one that comes has", func() { c["eth9"], c["eth0"] = false, true; time.Sleep(time.Second) }, "eth0=true eth1=false eth9=false"},
			{"what is not wanted any more is not asked", func() { b.configure(ctx, nil) }, ""},
		}
		for _, s := range steps {
			s.do()
			if got := heard(); got != s.want {
				t.Errorf("%s: heard %q, want %q", s.what, got, s.want)
			}
		}
		stop()
		synctest.Wait()
		if want := "(eth0): Configured linkbeat type MII not supported, using ETHTOOL"; strings.Count(log.String(), want) != 2 {
			t.Errorf("log %s\nwant twice, since the interface was made anew: %s", log.String(), want)
		}
	})
}
