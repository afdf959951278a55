package netns

import (
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const virtualMAC = "00:00:5e:00:01:33" // VRID 51, IPv4

// ipLink and ipAddr are what "ip -j -d" shows of a link.
type ipLink struct {
	Index   int      `json:"ifindex"`
	Name    string   `json:"ifname"`
	Parent  string   `json:"link"`
	Flags   []string `json:"flags"`
	MTU     int      `json:"mtu"`
	Group   string   `json:"group"`
	MAC     string   `json:"address"`
	AddrGen string   `json:"inet6_addr_gen_mode"`
	Info    struct {
		Kind string                `json:"info_kind"`
		Data struct{ Mode string } `json:"info_data"`
	} `json:"linkinfo"`
}

type ipAddr struct {
	Name  string `json:"ifname"`
	Addrs []struct {
		Local      string `json:"local"`
		Length     int    `json:"prefixlen"`
		Scope      string `json:"scope"`
		NoDAD      bool   `json:"nodad"`
		Deprecated bool   `json:"deprecated"`
		Tentative  bool   `json:"tentative"`
	} `json:"addr_info"`
}

// links are the host's links but lo, without numbers that differ between hosts.
func (h *Host) links() (list []ipLink) {
	h.lab.t.Helper()
	if err := json.Unmarshal([]byte(h.IP("-j", "-d", "link")), &list); err != nil {
		h.lab.t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(l ipLink) bool { return l.Name == "lo" })
}

// vlink is a link by its name; the zero value if there is none.
func (h *Host) vlink(name string) ipLink {
	for _, l := range h.links() {
		if l.Name == name {
			return l
		}
	}
	return ipLink{}
}

// estate is everything that a VMAC changes on a host, line by line.
func (h *Host) estate() []string {
	h.lab.t.Helper()
	var lines []string
	for _, l := range h.links() {
		slices.Sort(l.Flags)
		line := fmt.Sprintf("link %s %v mtu %d group %s %s", l.Name, l.Flags, l.MTU, l.Group, l.MAC)
		if l.Info.Kind == "macvlan" {
			line += fmt.Sprintf(" macvlan %s on %s addrgenmode %s", l.Info.Data.Mode, l.Parent, l.AddrGen)
		}
		lines = append(lines, line)
	}
	var addrs []ipAddr
	if err := json.Unmarshal([]byte(h.IP("-j", "addr")), &addrs); err != nil {
		h.lab.t.Fatal(err)
	}
	for _, l := range addrs {
		for _, a := range l.Addrs {
			lines = append(lines, fmt.Sprintf("addr %s %s/%d scope %s nodad=%v deprecated=%v tentative=%v", l.Name, a.Local, a.Length, a.Scope, a.NoDAD, a.Deprecated, a.Tentative))
		}
	}
	values := h.Run("sh", "-c", "cd /proc/sys/net; grep -s . ipv4/conf/*/arp_ignore ipv4/conf/*/arp_filter ipv4/conf/*/accept_local "+
		"ipv4/conf/*/rp_filter ipv4/conf/*/promote_secondaries ipv6/conf/*/disable_ipv6 ipv4/igmp_link_local_mcast_reports")
	lines = append(lines, strings.Fields(values)...)
	slices.Sort(lines)
	return lines
}

func vmacInstance(name string, vrid int, iface, lines, vips string) string {
	return fmt.Sprintf("vrrp_instance %s {\n interface %s\n virtual_router_id %d\n state MASTER\n priority 255\n %s\n virtual_ipaddress {\n %s\n }\n}\n", name, iface, vrid, lines, vips)
}

// TestTheHostLooksAsUnderKeepalivedWithVMACs: the same links, sysctls and
// addresses in two namespaces that are alike, and nothing left at the end.
func TestTheHostLooksAsUnderKeepalivedWithVMACs(t *testing.T) {
	Require(t)
	excluded := func(lines string) string { return "virtual_ipaddress_excluded {\n" + lines + "\n}" }
	tests := map[string]struct {
		conf  string
		holds []string // when all is done
		mac   string   // of the adverts of VRID 51
	}{
		"IPv4": {vmacInstance("VI_1", 51, "eth0", "use_vmac\n"+excluded("fd00:9::100/64"), "10.9.0.100/24\n10.8.0.100/24 dev eth1"),
			[]string{"10.9.0.100", "10.8.0.100", "fd00:9::100"}, virtualMAC},
		"version 3, two routers on one link, a name": {
			vmacInstance("VI_1", 51, "eth0", "version 3\nuse_vmac", "10.9.0.100/24") + vmacInstance("VI_2", 52, "eth0", "use_vmac second0", "10.9.0.200"),
			[]string{"10.9.0.100", "10.9.0.200"}, virtualMAC},
		"IPv6": {vmacInstance("VI_1", 51, "eth0", "use_vmac\n"+excluded("10.9.0.100/24"), "fe80::9:100/64\nfd00:9::100/64"),
			[]string{"10.9.0.100", "fd00:9::100", "fe80::9:100"}, "00:00:5e:00:02:33"},
		"adverts by the parent": {vmacInstance("VI_1", 51, "eth0", "use_vmac\nvmac_xmit_base", "10.9.0.100/24") +
			vmacInstance("VI_6", 51, "eth0", "use_vmac\nvmac_xmit_base", "fe80::9:100/64"), []string{"10.9.0.100", "fe80::9:100"}, "02:00:00:00:00:01"},
		"unicast": {vmacInstance("VI_1", 51, "eth0", "use_vmac\nunicast_src_ip 10.9.0.1\nunicast_peer {\n10.9.0.2\n}", "10.9.0.100/24"),
			[]string{"10.9.0.100"}, "02:00:00:00:00:01"},
		"addresses with VMACs of their own": {"global_defs {\n disable_local_igmp\n vmac_addr_prefix other\n}\n" +
			vmacInstance("VI_1", 51, "eth0", "use_vmac 02:00:00:00:77\nuse_vmac_addr\n"+excluded("fd00:9::100/64"), "10.9.0.100/24\n10.8.0.100/24 dev eth1") +
			vmacInstance("VI_2", 52, "eth0", "use_vmac_addr\n"+excluded("fd00:9::200/64\nfd00:8::200/64 dev eth1"), "10.9.0.200/24\n10.8.0.200/24 dev eth1") +
			vmacInstance("VI_3", 53, "eth0", "", "10.9.0.201/24\n10.8.0.201/24 dev eth1 use_vmac") +
			vmacInstance("VI_4", 54, "eth1", "promote_secondaries", "10.8.0.202/24"),
			[]string{"10.9.0.100", "10.8.0.100", "10.8.0.200", "10.9.0.201", "fd00:8::200", "10.8.0.202"}, "02:00:00:00:77:33"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var states [2][]string
			for i, kind := range []Kind{Keepalived, Holdfast} {
				lab := NewLab(t)
				h := lab.Host("a", 1)
				lab.Host("b", 2) // a peer, which says nothing
				h.Plug("eth1", "02:00:00:00:01:01", "10.8.0.1/24")
				h.Run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 2 >/proc/sys/net/ipv4/conf/eth1/rp_filter")
				before := h.estate()
				d := h.Start(kind, tt.conf)
				for _, a := range tt.holds {
					lab.WaitHolders(10*time.Second, a, "a")
				}
				states[i] = h.estate()
				Eventually(t, 10*time.Second, "an advert with source "+tt.mac, func() bool {
					return len(lab.Capture.Adverts(time.Time{}, func(a Advert) bool { return a.VRID == 51 && a.MAC == tt.mac })) > 0
				})
				announced := tt.mac
				if announced == h.MAC {
					announced = virtualMAC // the addresses lie on the VMAC whatever the adverts do
				}
				Eventually(t, 10*time.Second, "an announcement from "+announced, func() bool {
					return slices.ContainsFunc(append(lab.Capture.GARPs(time.Time{}, "10.9.0.100"), lab.Capture.GARPs(time.Time{}, "fd00:9::100")...),
						func(g GARP) bool { return net.HardwareAddr(g.Frame[6:12]).String() == announced })
				})
				d.Stop()
				if kind == Keepalived { // 2.2.7 leaves arp_ignore and arp_filter as it has set them
					continue
				}
				if diff := cmp.Diff(before, h.estate()); diff != "" {
					t.Errorf("the host after the stop (-before +after):\n%s", diff)
				}
				if left, _ := filepath.Glob(filepath.Join(h.Dir, "*.sysctls*")); len(left) > 0 {
					t.Errorf("left over: %v", left)
				}
			}
			if diff := cmp.Diff(states[0], states[1]); diff != "" {
				t.Errorf("the host (-keepalived +holdfast):\n%s", diff)
			}
		})
	}
}

// TestAClientKeepsTheVirtualMACThroughFailovers: that is what a VMAC is for.
func TestAClientKeepsTheVirtualMACThroughFailovers(t *testing.T) {
	Require(t)
	for _, kinds := range pairings[:2] {
		for _, proto := range []protocol{protocols[1], protocols[2]} {
			t.Run(proto.name+", "+kinds.String(), func(t *testing.T) {
				t.Parallel()
				mac, prefix := "00:00:5e:00:02:33", "fd00:9::9/64"
				if proto.vip == "10.9.0.100" {
					// Of a subnet that only the VMAC has. In that of eth0, answers and
					// questions about the client leave by eth0, with its MAC address.
					mac, prefix, proto.vip = virtualMAC, "10.8.0.9/24", "10.8.0.100"
					proto.router.VIPs = []string{"10.8.0.100/24"}
				}
				p := newPair(t, kinds, proto, func(_ string, r *Router) { r.Extra = "use_vmac" })
				c := p.HostAt("c", 9, prefix)
				a, b := p.start(p.confA)
				p.settle(a, b)
				prober := c.Probe(p.vip, 20*time.Millisecond)
				check := func(t *testing.T, since time.Time, active *Host) {
					t.Helper()
					p.WaitHolders(8*time.Second, p.vip, active.Name)
					Eventually(t, 8*time.Second, "the client is answered", prober.Answered)
					p.Capture.Next(since, 8*time.Second, "with the virtual MAC", func(adv Advert) bool { return From(active)(adv) && adv.MAC == mac })
					if got := c.IP("neigh", "show", p.vip); !strings.Contains(got, mac) {
						t.Errorf("the client's entry is %q, want %s", got, mac)
					}
					for _, adv := range p.Capture.Adverts(since, func(Advert) bool { return true }) {
						if adv.MAC != mac {
							t.Errorf("an advert from %v has source %s", adv.Src, adv.MAC)
						}
					}
				}
				check(t, time.Time{}, p.a)
				at := time.Now()
				a.Stop()
				check(t, at, p.b)
				at = time.Now()
				p.a.Start(kinds.a, p.confA)
				check(t, at, p.a)
				b.WaitLog(at, 8*time.Second, `\(VI_1\) Entering BACKUP STATE`)
			})
		}
	}
}

// monitor writes down what ip(8) says of changes, until stop.
func (h *Host) monitor() (stop func() string) {
	h.lab.t.Helper()
	var out strings.Builder
	cmd := exec.Command("ip", "-n", h.NS, "monitor", "link", "address", "route", "rule")
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		h.lab.t.Fatal(err)
	}
	return func() string {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		return out.String()
	}
}

// TestAVMACOutlivesWhatHappensToItsDaemon walks one router through reloads,
// deletions and crashes. The link is made anew only when it has to be.
func TestAVMACOutlivesWhatHappensToItsDaemon(t *testing.T) {
	Require(t)
	lab := NewLab(t)
	h := lab.Host("a", 1)
	before := h.estate()
	conf := func(lines string) string {
		return "global_defs {\n dynamic_interfaces\n}\n" + vmacInstance("VI_1", 51, "eth0", "version 3\nadvert_int 0.2\n"+lines, "10.9.0.100/24")
	}
	d := h.Start(Holdfast, conf("use_vmac"))
	lab.WaitHolders(8*time.Second, "10.9.0.100", "a")
	lab.Capture.Next(time.Time{}, 5*time.Second, "of a", From(h))
	first := h.vlink("vrrp.51")
	// stays is for steps that nobody on the LAN may notice.
	stays := func(t *testing.T, since time.Time) {
		t.Helper()
		lab.WaitHolders(5*time.Second, "10.9.0.100", "a")
		lab.Capture.Next(time.Now(), 5*time.Second, "of a", func(a Advert) bool { return From(h)(a) && a.MAC == virtualMAC })
		if got := d.Entered(since); len(got) > 0 {
			t.Errorf("the router entered %q", got)
		}
		if n := len(lab.Capture.Adverts(since, Resigns(h))); n > 0 {
			t.Errorf("the router resigned %d times", n)
		}
	}
	reload := func(lines string) time.Time {
		at := time.Now()
		d.Reload(conf(lines))
		d.WaitLog(at, 8*time.Second, "Reload complete")
		return at
	}
	lab.Step("a reload that changes a comment changes nothing in the kernel", func(t *testing.T) {
		stop := h.monitor()
		at := reload("use_vmac # a comment")
		stays(t, at)
		if said := stop(); said != "" {
			t.Errorf("ip monitor says\n%s", said)
		}
	})
	lab.Step("a VMAC deleted by hand comes back unnoticed", func(t *testing.T) {
		at := time.Now()
		h.IP("link", "del", "vrrp.51")
		Eventually(t, 5*time.Second, "the link is back", func() bool { return h.vlink("vrrp.51").Index > first.Index })
		stays(t, at)
	})
	lab.Step("and one that is set down", func(t *testing.T) {
		at := time.Now()
		h.IP("link", "set", "vrrp.51", "down")
		Eventually(t, 5*time.Second, "the link is up", func() bool { return slices.Contains(h.vlink("vrrp.51").Flags, "UP") })
		stays(t, at)
	})
	lab.Step("the VRRP process that is killed finds its VMAC", func(t *testing.T) {
		was := h.vlink("vrrp.51")
		child, err := d.VRRPChild()
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		syscall.Kill(child, syscall.SIGKILL)
		d.WaitLog(at, 8*time.Second, `VRRP child process\(\d+\) died: Respawning`)
		Eventually(t, 8*time.Second, "another process", func() bool { now, err := d.VRRPChild(); return err == nil && now != child })
		// Whether it is active without a pause depends on how soon it runs again.
		lab.WaitHolders(8*time.Second, "10.9.0.100", "a")
		lab.Capture.Next(time.Now(), 8*time.Second, "of a", func(a Advert) bool { return From(h)(a) && a.MAC == virtualMAC })
		if n := len(lab.Capture.Adverts(at, Resigns(h))); n > 0 {
			t.Errorf("the router resigned %d times", n)
		}
		if now := h.vlink("vrrp.51"); now.Index != was.Index {
			t.Errorf("the link %d became %d", was.Index, now.Index)
		}
	})
	lab.Step("so does a daemon whose predecessor was killed as a whole", func(t *testing.T) {
		was := h.vlink("vrrp.51")
		d.Kill()
		if now := h.vlink("vrrp.51"); now.Index != was.Index {
			t.Fatalf("a dead daemon has removed its link")
		}
		at := time.Now()
		d = h.Start(Holdfast, conf("use_vmac"))
		d.WaitLog(at, 8*time.Second, `\(VI_1\) Entering MASTER STATE`)
		lab.WaitHolders(5*time.Second, "10.9.0.100", "a")
		if n := len(h.links()); n != 2 {
			t.Errorf("%d links, want eth0 and the VMAC", n)
		}
		if now := h.vlink("vrrp.51"); now.Index != was.Index {
			t.Errorf("the link %d became %d", was.Index, now.Index)
		}
	})
	lab.Step("another MAC address or name at a reload makes it anew, and the router stays active", func(t *testing.T) {
		for _, lines := range []string{"use_vmac 02:00:00:00:00:99", "use_vmac other0", "use_vmac"} {
			at := reload(lines)
			lab.WaitHolders(5*time.Second, "10.9.0.100", "a")
			mac, name := virtualMAC, "vrrp.51"
			if lines == "use_vmac 02:00:00:00:00:99" {
				mac = "02:00:00:00:00:99"
			} else if lines == "use_vmac other0" {
				name = "other0"
			}
			lab.Capture.Next(at, 5*time.Second, "with source "+mac, func(a Advert) bool { return From(h)(a) && a.MAC == mac })
			Eventually(t, 5*time.Second, "one link with that name and address", func() bool {
				return len(h.links()) == 2 && h.vlink(name).MAC == mac
			})
			if got := d.Entered(at); len(got) > 0 {
				t.Errorf("%s: the router entered %q", lines, got)
			}
		}
	})
	lab.Step("without use_vmac the address is on the interface, the sysctls are as before", func(t *testing.T) {
		reload("")
		Eventually(t, 5*time.Second, "no VMAC", func() bool { return len(h.links()) == 1 })
		lab.WaitHolders(5*time.Second, "10.9.0.100", "a")
		Eventually(t, 5*time.Second, "the host is as before, but for the address", func() bool {
			return cmp.Equal(before, slices.DeleteFunc(h.estate(), func(l string) bool { return strings.Contains(l, "10.9.0.100") }))
		})
		reload("use_vmac")
		lab.WaitHolders(5*time.Second, "10.9.0.100", "a")
	})
	lab.Step("a parent that is deleted and comes again brings the VMAC", func(t *testing.T) {
		at := time.Now()
		h.IP("link", "del", "eth0")
		d.WaitLog(at, 8*time.Second, `\(VI_1\) Entering FAULT STATE`)
		at = time.Now()
		h.Plug("eth0", h.MAC, "10.9.0.1/24")
		d.WaitLog(at, 8*time.Second, `\(VI_1\) Entering MASTER STATE`)
		lab.WaitHolders(5*time.Second, "10.9.0.100", "a")
		lab.Capture.Next(at, 5*time.Second, "of a", func(a Advert) bool { return From(h)(a) && a.MAC == virtualMAC })
	})
	lab.Step("at the stop everything goes", func(t *testing.T) {
		d.Stop()
		if diff := cmp.Diff(before, h.estate()); diff != "" {
			t.Errorf("the host (-before +after):\n%s", diff)
		}
	})
}
