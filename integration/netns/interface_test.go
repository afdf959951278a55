package netns

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// linkStory is what happens to the interface of one instance, and how it is
// undone. The instance is in FAULT between the two, unless it stays.
type linkStory struct {
	name  string
	extra string // lines of the instance
	late  bool   // the interface is not there when the daemon starts
	stays bool   // the instance stays MASTER
	stuck bool   // keepalived 2.2.7 stays BACKUP, whatever it hears
	spoil func(h *Host, dev string)
	mend  func(h *Host, dev string)
}

// place is the number of an interface in its addresses.
func place(dev string) string { return strings.TrimPrefix(dev, "eth") }

func plugAt(h *Host, dev string) {
	h.Plug(dev, "02:00:00:00:01:0"+place(dev), "10.2"+place(dev)+".0.1/24")
}

func remove(h *Host, dev string) { h.IP("link", "del", dev) }

func rename(h *Host, from, to string) {
	h.IP("link", "set", from, "down")
	h.IP("link", "set", from, "name", to)
	h.IP("link", "set", to, "up")
}

var linkStories = []linkStory{
	{name: "switched off and on", spoil: func(h *Host, dev string) { h.IP("link", "set", dev, "down") }, mend: func(h *Host, dev string) { h.IP("link", "set", dev, "up") }},
	{name: "without carrier", spoil: (*Host).Unplug, mend: (*Host).Replug},
	{name: "deleted and made again", spoil: remove, mend: plugAt},
	{name: "deleted and made again as a bridge", spoil: remove, mend: func(h *Host, dev string) {
		h.IP("link", "add", dev, "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
		h.IP("addr", "add", "10.2"+place(dev)+".0.1/24", "dev", dev)
		h.IP("link", "set", dev, "up")
		h.Plug("port"+place(dev), "02:00:00:00:02:0"+place(dev))
		h.IP("link", "set", "port"+place(dev), "master", dev)
	}},
	{name: "renamed and named back", spoil: func(h *Host, dev string) { rename(h, dev, "other"+place(dev)) }, mend: func(h *Host, dev string) { rename(h, "other"+place(dev), dev) }},
	{name: "without address", spoil: func(h *Host, dev string) { h.IP("addr", "del", "10.2"+place(dev)+".0.1/24", "dev", dev) },
		mend: func(h *Host, dev string) { h.IP("addr", "add", "10.2"+place(dev)+".0.1/24", "dev", dev) }},
	{name: "not there at first", late: true, mend: plugAt},
	{name: "switched off without being tracked", extra: "dont_track_primary", stays: true,
		spoil: func(h *Host, dev string) { h.IP("link", "set", dev, "down") }, mend: func(h *Host, dev string) { h.IP("link", "set", dev, "up") }},
	{name: "deleted without being tracked", extra: "dont_track_primary", stuck: true, spoil: remove, mend: plugAt},
}

// TestInterfacesThatComeAndGo: all stories happen to one daemon at once, each
// instance on an interface and a VRID of its own. keepalived goes the same ways.
func TestInterfacesThatComeAndGo(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.Host("a", 1)
			conf := "global_defs {\ndynamic_interfaces allow_if_changes\n}\n"
			name := func(i int) string { return fmt.Sprintf("VI_%d", i+1) }
			dev := func(i int) string { return fmt.Sprintf("eth%d", i+1) }
			vip := func(i int) string { return fmt.Sprintf("10.2%d.0.100", i+1) }
			for i, s := range linkStories {
				if !s.late {
					plugAt(h, dev(i))
				}
				conf += fmt.Sprintf("vrrp_instance %s {\ninterface %s\nvirtual_router_id %d\nversion 3\nadvert_int 0.2\n%s\nvirtual_ipaddress {\n%s\n}\n}\n",
					name(i), dev(i), 60+i, s.extra, vip(i))
			}
			d := h.Start(kind, conf)
			entered := func(since time.Time, i int) (states []string) {
				for _, line := range d.Entered(since) {
					if state, ok := strings.CutPrefix(line, name(i)+" "); ok {
						states = append(states, state)
					}
				}
				return states
			}
			waitFor := func(since time.Time, i int, want ...string) {
				t.Helper()
				Eventually(t, 20*time.Second, fmt.Sprintf("an interface that is %s: %s enters %v", linkStories[i].name, name(i), want),
					func() bool { return slices.Equal(entered(since, i), want) })
			}
			each := func(f func(i int, s linkStory)) {
				for i, s := range linkStories {
					f(i, s)
				}
			}
			each(func(i int, s linkStory) {
				if s.late {
					d.WaitLog(d.began, 10*time.Second, regexp.QuoteMeta("("+name(i)+"): entering FAULT state (interface "+dev(i)+" down)"))
					return
				}
				waitFor(d.began, i, "BACKUP", "MASTER")
				Eventually(t, 10*time.Second, name(i)+" has its address", func() bool { return h.Holds(vip(i)) })
			})
			spoilt := time.Now()
			each(func(i int, s linkStory) {
				if s.spoil != nil {
					s.spoil(h, dev(i))
				}
			})
			each(func(i int, s linkStory) {
				if !s.late && !s.stays {
					waitFor(spoilt, i, "FAULT")
				}
			})
			mended := time.Now()
			each(func(i int, s linkStory) { s.mend(h, dev(i)) })
			each(func(i int, s linkStory) {
				switch {
				case s.stuck && kind == Keepalived:
					return
				case !s.stays:
					waitFor(mended, i, "BACKUP", "MASTER")
				}
				Eventually(t, 5*time.Second, name(i)+" has its address", func() bool { return h.Holds(vip(i)) })
			})
			again := time.Now()
			each(func(i int, s linkStory) {
				if s.stuck && kind == Keepalived {
					return
				}
				lab.Capture.Next(again, 5*time.Second, "of "+name(i)+", whose interface was "+s.name, func(a Advert) bool { return int(a.VRID) == 60+i && a.Priority == 100 })
				if s.stays && len(entered(spoilt, i)) > 0 {
					t.Errorf("%s entered %v, want it to stay MASTER", name(i), entered(spoilt, i))
				}
			})
		})
	}
}

// TestWhatAnInstanceNeedsToTakePart are faults that keepalived 2.2.7 does not
// see, or makes a second MASTER of; see docs/compat.md.
func TestWhatAnInstanceNeedsToTakePart(t *testing.T) {
	Require(t)
	lab := NewLab(t)
	a, b := lab.Host("a", 1), lab.Host("b", 2)
	dad := func(dev string) string {
		return fmt.Sprintf("echo 1 >/proc/sys/net/ipv6/conf/%[1]s/accept_dad; echo 2 >/proc/sys/net/ipv6/conf/%[1]s/dad_transmits; ip link set %[1]s down; ip link set %[1]s up", dev)
	}
	a.Plug("eth1", "02:00:00:00:01:01")
	a.Plug("eth2", b.MAC) // whose link-local address b has
	instance := func(name, dev string, vrid int, vip, extra string) string {
		return fmt.Sprintf("vrrp_instance %s {\ninterface %s\nvirtual_router_id %d\nversion 3\nadvert_int 0.2\n%s\nvirtual_ipaddress {\n%s\n}\n}\n", name, dev, vrid, extra, vip)
	}
	conf := "global_defs {\ndynamic_interfaces\n}\n" +
		instance("WAITS", "eth1", 71, "fe80::100", "") +
		instance("DUPLICATE", "eth2", 72, "fe80::101", "") +
		instance("SOURCE", "eth0", 73, "10.9.0.103", "mcast_src_ip 10.9.0.9\ntrack_src_ip") +
		instance("FIRST", "eth0", 74, "10.9.0.104", "") +
		instance("SECOND", "mv0", 74, "10.9.0.105", "")
	a.Run("sh", "-c", dad("eth1"))
	a.Run("sh", "-c", dad("eth2"))
	began := time.Now()
	d := a.Start(Holdfast, conf)
	is := func(since time.Time, instance, state string) func() bool {
		return func() bool {
			return d.Count(since, `\(`+instance+`\) Entering `+state+` STATE`) > 0
		}
	}
	Eventually(t, 15*time.Second, "the one whose address has to be checked first takes part", is(began, "WAITS", "MASTER"))
	if n := d.Count(began, "cannot send advert"); n > 0 {
		t.Errorf("%d adverts could not be sent", n)
	}
	Eventually(t, 10*time.Second, "FIRST is MASTER", is(began, "FIRST", "MASTER"))

	changed := time.Now()
	a.IP("addr", "add", "10.9.0.9/24", "dev", "eth0")
	a.IP("link", "add", "mv0", "link", "eth0", "type", "macvlan", "mode", "bridge")
	a.IP("addr", "add", "10.9.0.8/24", "dev", "mv0")
	a.IP("link", "set", "mv0", "up")
	Eventually(t, 10*time.Second, "track_src_ip lets go when the address is there", is(changed, "SOURCE", "MASTER"))
	d.WaitLog(changed, 5*time.Second, regexp.QuoteMeta("VRID conflict between SECOND and FIRST IPv4 vrid 74"))
	gone := time.Now()
	a.IP("addr", "del", "10.9.0.9/24", "dev", "eth0")
	Eventually(t, 10*time.Second, "and holds when it is gone", is(gone, "SOURCE", "FAULT"))
	for instance, state := range map[string]string{"DUPLICATE": "BACKUP", "SECOND": "BACKUP", "FIRST": "FAULT"} {
		if is(began, instance, state)() {
			t.Errorf("%s was in %s", instance, state)
		}
	}
}

// TestTheStartDelayHoldsRoutersBack: with keepalived as the control, which has no
// word for the end of the delay.
func TestTheStartDelayHoldsRoutersBack(t *testing.T) {
	Require(t)
	const delay = 1500 * time.Millisecond
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.Host("a", 1)
			r := Router{Version: 3, Priority: 150, Interval: 200 * time.Millisecond, Global: "vrrp_startup_delay 1.5",
				After: "vrrp_instance OWNER {\ninterface eth0\nvirtual_router_id 52\nversion 3\nadvert_int 0.2\npriority 255\nvirtual_ipaddress {\n10.9.0.101\n}\n}\n"}
			d := h.Start(kind, r.Conf())
			down := 3*r.Interval + r.Interval*106/256
			first := func(vrid int) time.Duration {
				a := lab.Capture.Next(d.began, 15*time.Second, "of the router", func(a Advert) bool { return int(a.VRID) == vrid })
				return a.At.Sub(d.began)
			}
			if got := first(52); got < delay {
				t.Errorf("the owner sent %v after the start, want at least %v", got, delay)
			}
			if got := first(51); got < delay+down {
				t.Errorf("the other sent %v after the start, want at least %v", got, delay+down)
			}
			d.WaitLog(d.began, time.Second, "Delaying startup for 1.5 seconds")
			if kind == Holdfast {
				d.WaitLog(d.began, time.Second, "Delayed start completed")
				if d.Count(d.began, `\(OWNER\) Entering BACKUP STATE`) > 0 {
					t.Error("the owner was BACKUP")
				}
			}
		})
	}
}

// TestAPolledLinkIsBelievedTheDriver: no word of the kernel is waited for.
func TestAPolledLinkIsBelievedTheDriver(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.Host("a", 1)
			r := Router{Version: 3, Interval: 200 * time.Millisecond, Before: "linkbeat_interfaces {\neth0 MII\n}\n"}
			began := time.Now()
			d := h.Start(kind, r.Conf())
			d.WaitLog(began, 10*time.Second, regexp.QuoteMeta("(eth0): Configured linkbeat type MII not supported, using ETHTOOL"))
			lab.WaitHolders(10*time.Second, "10.9.0.100", "a")
			unplugged := time.Now()
			h.Unplug("eth0")
			d.WaitLog(unplugged, 5*time.Second, "Linkbeat reports eth0 down")
			d.WaitLog(unplugged, 5*time.Second, `\(VI_1\) Entering FAULT STATE`)
			replugged := time.Now()
			h.Replug("eth0")
			d.WaitLog(replugged, 5*time.Second, "Linkbeat reports eth0 up")
			d.WaitLog(replugged, 5*time.Second, `\(VI_1\) Entering MASTER STATE`)
		})
	}
}

// TestAShortInterruptionOfALinkDoesNotCount: one that lasts does, and keepalived
// sees it at the same time.
func TestAShortInterruptionOfALinkDoesNotCount(t *testing.T) {
	Require(t)
	const downDelay = 3 * time.Second
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.Host("a", 1)
			h.Plug("eth1", "02:00:00:00:01:01")
			r := Router{Version: 3, Interval: 200 * time.Millisecond, Before: "interface_up_down_delays {\neth1 3 0.5\n}\n", Extra: "track_interface {\neth1\n}"}
			d := h.Start(kind, r.Conf())
			lab.WaitHolders(10*time.Second, "10.9.0.100", "a")
			if kind == Holdfast {
				flap := time.Now()
				h.IP("link", "set", "eth1", "down")
				h.IP("link", "set", "eth1", "up")
				if time.Since(flap) < downDelay/2 { // else the machine was too slow for a short one
					Throughout(t, downDelay, "the router notices nothing", func() bool { return len(d.Entered(flap)) == 0 })
				}
			}
			off := time.Now()
			h.IP("link", "set", "eth1", "down")
			d.WaitLog(off, 4*downDelay, `\(VI_1\) Entering FAULT STATE`)
			if lasted := time.Since(off); lasted < downDelay {
				t.Errorf("in FAULT %v after the link went, want at least %v", lasted, downDelay)
			}
			h.IP("link", "set", "eth1", "up")
			d.WaitLog(off, 4*downDelay, `\(VI_1\) Entering BACKUP STATE`)
		})
	}
}

// TestUnicastRoutersNeedNotNameAnInterface: the link of an address holds them
// back all the same. keepalived 2.2.7 starts no such router.
func TestUnicastRoutersNeedNotNameAnInterface(t *testing.T) {
	Require(t)
	t.Parallel()
	lab := NewLab(t)
	a, b := lab.Host("a", 1), lab.Host("b", 2)
	conf := func(h, peer *Host, priority int) string {
		return fmt.Sprintf("vrrp_instance VI_1 {\nvirtual_router_id 51\nversion 3\nadvert_int 0.2\npriority %d\nunicast_src_ip %v\nunicast_peer {\n%v\n}\nvirtual_ipaddress {\n10.9.0.100/24 dev eth0\n}\n}\n",
			priority, h.Addr, peer.Addr)
	}
	first := a.Start(Holdfast, conf(a, b, 150))
	b.Start(Holdfast, conf(b, a, 100))
	lab.WaitHolders(10*time.Second, "10.9.0.100", "a")
	lab.Capture.Next(time.Time{}, 10*time.Second, "from a to b", func(adv Advert) bool { return adv.Src == a.Addr && adv.Dst == b.Addr })
	off := time.Now()
	a.IP("link", "set", "eth0", "down")
	first.WaitLog(off, 10*time.Second, `\(VI_1\) Entering FAULT STATE`)
	lab.WaitHolders(10*time.Second, "10.9.0.100", "b")
	a.IP("link", "set", "eth0", "up")
	lab.WaitHolders(10*time.Second, "10.9.0.100", "a")
	if n := first.Count(time.Time{}, `interface  down`); n > 0 {
		t.Errorf("an interface without a name was down %d times", n)
	}
}
