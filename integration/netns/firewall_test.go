package netns

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	vns "github.com/vishvananda/netns"

	"holdfast/nft"
)

// ruleset is what nft(8) lists in the host's namespace, counters without their
// numbers.
func (h *Host) ruleset() string { return h.Run("nft", "-s", "list", "ruleset") }

// guardedRouter is a small instance that becomes master within a second.
func guardedRouter(global, extra string, vips ...string) Router {
	return Router{Version: 3, Priority: 200, Interval: 200 * time.Millisecond, Global: global, Extra: extra, VIPs: vips}
}

// TestTheTablesAreThoseOfKeepalived starts both daemons with one file, each
// alone on its wire, and compares what nft lists while they are master, and
// after they have stopped. Interfaces have the same names and numbers on both.
func TestTheTablesAreThoseOfKeepalived(t *testing.T) {
	Require(t)
	t.Parallel()
	v6 := []string{"fe80::9:100/64", "fd00:9::100/64"}
	excluded := "\nvirtual_ipaddress_excluded {\n10.9.0.200/24\nfd00:9::200/64\n}"
	tests := map[string]struct {
		router Router
		want   string // a line of the tables, "" when there are none
	}{
		"no_accept over IPv6":                     {guardedRouter("nftables", "no_accept", v6...), `elements = { fe80::9:100 . "eth0" }`},
		"only a link-local address":               {guardedRouter("nftables", "no_accept", v6[0]), "ip6 daddr @vips drop"},
		"excluded addresses of both families":     {guardedRouter("nftables", "no_accept"+excluded, "10.9.0.100"), "elements = { fd00:9::200 }"},
		"dont_track_primary":                      {guardedRouter("nftables", "no_accept\ndont_track_primary", v6...), "ip6 saddr . oifname @vips_link_local_name drop"},
		"dont_track_primary and nftables_ifindex": {guardedRouter("nftables\nnftables_ifindex", "no_accept\ndont_track_primary", v6...), "ip6 saddr . oif @vips_link_local drop"},
		"all of it otherwise": {guardedRouter("nftables other\nnftables_counters\nnftables_priority -155", "no_accept", v6...),
			"type filter hook input priority mangle - 5; policy accept;"},
		"a VMAC":                 {guardedRouter("nftables", "no_accept\nuse_vmac", "10.9.0.100"), `elements = { "vrrp.51" : "eth0" }`},
		"a VMAC for IPv6":        {guardedRouter("nftables", "no_accept\nuse_vmac", v6...), `elements = { fe80::9:100 . "vrrp.51" }`},
		"a VMAC without reports": {guardedRouter("nftables\ndisable_local_igmp", "no_accept\nuse_vmac", "10.9.0.100"), "ip daddr @vips drop"},
		"strict mode":            {guardedRouter("", "strict_mode on", "10.9.0.100"), "ip saddr @vips drop"},
		"vrrp_iptables":          {guardedRouter("vrrp_iptables only_in", "no_accept", "10.9.0.100"), "ip saddr @vips drop"},
		"strict and accept":      {guardedRouter("vrrp_strict", "accept", "10.9.0.100"), ""},
		"an owner":               {Router{Priority: 255, State: "MASTER", Extra: "no_accept"}, ""},
	}
	lab := NewLab(t)
	index := 0
	host := func(name string) *Host {
		index++
		h := lab.Host(name, index)
		h.Isolate() // each is alone
		return h
	}
	twins := map[string][2]*Daemon{}
	for name, tt := range tests {
		a, b := host(fmt.Sprintf("h%d", index)), host(fmt.Sprintf("k%d", index))
		twins[name] = [2]*Daemon{a.Start(Holdfast, tt.router.Conf()), b.Start(Keepalived, tt.router.Conf())}
	}
	for name, tt := range tests {
		lab.Step(name, func(t *testing.T) {
			pair := twins[name]
			for _, d := range pair {
				d.WaitLog(time.Time{}, 10*time.Second, `\(VI_1\) Entering MASTER STATE`)
			}
			var got, want string
			defer func() {
				if t.Failed() {
					t.Logf("holdfast:\n%s\nkeepalived:\n%s", got, want)
				}
			}()
			Eventually(t, 10*time.Second, "the tables of both", func() bool {
				got, want = pair[0].host.ruleset(), pair[1].host.ruleset()
				return got == want && strings.Contains(got, tt.want) && (tt.want == "") == (got == "")
			})
		})
	}
	for _, pair := range twins { // keepalived takes a second
		pair[0].Signal(syscall.SIGTERM)
		pair[1].Signal(syscall.SIGTERM)
	}
	for name, tt := range tests {
		lab.Step(name+", stopped", func(t *testing.T) {
			for _, d := range twins[name] {
				d.WaitEnd(10 * time.Second)
				if left := d.host.ruleset(); left != "" {
					t.Errorf("left over by %s:\n%s", d.Kind, left)
				}
				for _, line := range []string{"setting", "removing"} {
					if n := d.Count(time.Time{}, `\(VI_1\) `+line+` firewall drop rule`); (n > 0) != (tt.want != "") {
						t.Errorf("%s has logged %d times that it is %s the rule", d.Kind, n, line)
					}
				}
			}
		})
	}
}

// answers reports whether addr answers a ping of the host.
func (h *Host) answers(addr string, options ...string) bool {
	argv := append([]string{"netns", "exec", h.NS, "ping", "-n", "-c", "1", "-W", "1"}, options...)
	return exec.Command("ip", append(argv, addr)...).Run() == nil
}

// neighbour is what the host knows of the address of a neighbour: its MAC
// address, or "".
func (h *Host) neighbour(addr string) string {
	fields := strings.Fields(h.IP("neigh", "show", "to", addr, "dev", "eth0"))
	if i := slices.Index(fields, "lladdr"); i >= 0 && i+1 < len(fields) {
		return fields[i+1]
	}
	return ""
}

// TestAVirtualAddressThatIsNotAcceptedStillRoutes: a client, a router, and a
// server behind the router that the client reaches by way of the virtual
// addresses.
func TestAVirtualAddressThatIsNotAcceptedStillRoutes(t *testing.T) {
	Require(t)
	t.Parallel()
	lab := NewLab(t)
	r, client, server := lab.Host("r", 1), lab.Host("c", 2), lab.HostAt("s", 3, "10.8.0.2/24")
	r.Plug("eth1", "02:00:00:00:01:01", "10.8.0.1/24", "fd00:8::1/64")
	r.IP("addr", "add", "fd00:9::1/64", "dev", "eth0")
	client.IP("addr", "add", "fd00:9::2/64", "dev", "eth0")
	server.IP("addr", "add", "fd00:8::2/64", "dev", "eth0")
	r.Run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore")
	client.IP("route", "add", "10.8.0.0/24", "via", "10.9.0.100")
	server.IP("route", "add", "10.9.0.0/24", "via", "10.8.0.1")
	client.IP("route", "add", "fd00:8::/64", "via", "fd00:9::100")
	server.IP("route", "add", "fd00:9::/64", "via", "fd00:8::1")
	conf := func(mode string) string {
		v6 := Router{Version: 3, Priority: 200, Interval: 200 * time.Millisecond, Extra: mode, VIPs: []string{"fe80::9:100/64", "fd00:9::100/64"}}.Conf()
		v6 = v6[strings.Index(v6, "vrrp_instance"):]
		return guardedRouter("nftables", mode, "10.9.0.100/24").Conf() + strings.ReplaceAll(v6, "VI_1", "VI_6")
	}
	vips := []string{"10.9.0.100", "fd00:9::100", "fe80::9:100%eth0"}
	d := r.Start(Holdfast, conf("no_accept"))
	for _, name := range []string{"VI_1", "VI_6"} {
		d.WaitLog(time.Time{}, 10*time.Second, `\(`+name+`\) Entering MASTER STATE`)
	}
	lab.WaitHolders(5*time.Second, "10.9.0.100", "r")
	lab.WaitHolders(5*time.Second, "fe80::9:100", "r")
	lab.Step("what passes through the router arrives", func(t *testing.T) {
		for _, addr := range []string{"10.8.0.2", "fd00:8::2"} {
			Eventually(t, 10*time.Second, addr+" answers", func() bool { return client.answers(addr) })
		}
	})
	lab.Step("the addresses do not answer, and neighbours know where they are", func(t *testing.T) {
		for _, vip := range vips {
			if client.answers(vip) {
				t.Errorf("%s answers", vip)
			}
			addr, _, _ := strings.Cut(vip, "%")
			if mac := client.neighbour(addr); mac != r.MAC {
				t.Errorf("the client looks for %s at %q, want %s", vip, mac, r.MAC)
			}
		}
	})
	lab.Step("nothing leaves from the addresses", func(t *testing.T) {
		for _, tt := range []struct {
			from, to string
			want     bool
		}{
			{"10.9.0.100", "10.9.0.2", false}, {"fd00:9::100", "fd00:9::2", false}, // virtual
			{"10.9.0.1", "10.9.0.2", true}, {"fd00:9::1", "fd00:9::2", true},
		} {
			if got := r.answers(tt.to, "-I", tt.from); got != tt.want {
				t.Errorf("a ping from %s is answered: %v, want %v", tt.from, got, tt.want)
			}
		}
	})
	changed := time.Now()
	lab.Step("after a reload with accept they answer", func(t *testing.T) {
		d.Reload(conf("accept"))
		for _, vip := range vips {
			Eventually(t, 10*time.Second, vip+" answers", func() bool { return client.answers(vip) })
		}
		if left := r.ruleset(); left != "" {
			t.Errorf("left over:\n%s", left)
		}
	})
	lab.Step("after a reload with no_accept they do not", func(t *testing.T) {
		d.Reload(conf("no_accept"))
		for _, vip := range vips {
			Eventually(t, 10*time.Second, vip+" does not answer", func() bool { return !client.answers(vip) })
		}
	})
	if got := d.Entered(changed); len(got) > 0 {
		t.Errorf("the reloads made routers enter %q", got)
	}
}

// TestWhatOthersDoToTheTablesIsUndone: without a transition.
func TestWhatOthersDoToTheTablesIsUndone(t *testing.T) {
	Require(t)
	t.Parallel()
	lab := NewLab(t)
	h := lab.Host("a", 1)
	h.Run("nft", "add table ip other")
	h.Run("nft", "add table ip guard") // of a predecessor, or so it looks
	h.Run("nft", "add chain ip guard strange")
	conf := guardedRouter("nftables guard", "no_accept", "10.9.0.100").Conf()
	d := h.Start(Holdfast, conf)
	d.WaitLog(time.Time{}, 10*time.Second, `\(VI_1\) Entering MASTER STATE`)
	lab.WaitHolders(5*time.Second, "10.9.0.100", "a")
	began := time.Now()
	want := h.ruleset()
	if !strings.Contains(want, "elements = { 10.9.0.100 }") || strings.Contains(want, "strange") || !strings.Contains(want, "table ip other {\n}") {
		t.Fatalf("the tables are\n%s", want)
	}
	for _, command := range []string{
		"delete table ip guard",
		"delete element ip guard vips { 10.9.0.100 }",
		"add element ip guard vips { 10.9.0.1 }",
		"flush chain ip guard in",
		"add rule ip guard out accept",
		"add chain ip guard mine { type filter hook input priority -5; policy drop; }",
		"flush ruleset; add table ip other",
	} {
		lab.Step(command, func(t *testing.T) {
			at := time.Now()
			h.Run("nft", command)
			d.WaitLog(at, 10*time.Second, "put back what others changed in our nftables tables: nft ")
			Eventually(t, 10*time.Second, "the table as it was", func() bool { return order(h.ruleset()) == order(want) })
		})
	}
	lab.Step("a reload that changes nothing sends nothing", func(t *testing.T) {
		before, at := h.Run("nft", "-a", "list", "ruleset"), time.Now()
		d.Reload(conf + "\n# changed\n")
		d.WaitLog(at, 5*time.Second, "Reload complete")
		if after := h.Run("nft", "-a", "list", "ruleset"); after != before {
			t.Errorf("before\n%s\nafter\n%s", before, after)
		}
	})
	lab.Step("the successor of a killed process takes the table over", func(t *testing.T) {
		before, at := h.Run("nft", "-a", "list", "ruleset"), time.Now()
		child, err := d.VRRPChild()
		if err != nil {
			t.Fatal(err)
		}
		syscall.Kill(child, syscall.SIGKILL)
		d.WaitLog(at, 5*time.Second, `VRRP child process\(\d+\) died: Respawning`)
		Eventually(t, 5*time.Second, "a successor", func() bool { fresh, err := d.VRRPChild(); return err == nil && fresh != child })
		Throughout(t, 500*time.Millisecond, "the table stays", func() bool { return h.Run("nft", "-a", "list", "ruleset") == before })
	})
	if got := d.Entered(began); len(got) > 0 {
		t.Errorf("a entered %q", got)
	}
	lab.Step("another name is refused at a reload", func(t *testing.T) {
		at := time.Now()
		d.Reload(strings.Replace(conf, "nftables guard", "nftables other", 1))
		d.WaitLog(at, 5*time.Second, "Cannot change nftables table name at a reload - please restart keepalived")
	})
	lab.Step("a fault takes the element away and leaves the rules", func(t *testing.T) {
		h.Unplug("eth0")
		Eventually(t, 5*time.Second, "a set without elements", func() bool {
			rules := h.ruleset()
			return strings.Contains(rules, "ip daddr @vips drop") && !strings.Contains(rules, "elements")
		})
		h.Replug("eth0")
		Eventually(t, 10*time.Second, "the table as it was", func() bool { return order(h.ruleset()) == order(want) })
	})
	lab.Step("the end takes the table away, and no other", func(t *testing.T) {
		d.Stop()
		if got := h.ruleset(); got != "table ip other {\n}\n" {
			t.Errorf("left over:\n%s", got)
		}
	})
}

// order puts the tables of a ruleset in the order of their names; nft(8) lists
// them in that of their making.
func order(rules string) string {
	tables := strings.SplitAfter(rules, "\n}\n")
	slices.Sort(tables)
	return strings.Join(tables, "")
}

// macvlan gives the host the interface that use_vmac would.
func (h *Host) macvlan(name, mac string) nft.VMAC {
	h.IP("link", "add", "link", "eth0", "name", name, "address", mac, "type", "macvlan", "mode", "private")
	h.IP("link", "set", name, "up")
	index := func(name string) int {
		link, err := h.netlink().LinkByName(name)
		if err != nil {
			h.lab.t.Fatal(err)
		}
		return link.Attrs().Index
	}
	return nft.VMAC{Name: name, Index: index(name), Base: "eth0", BaseIndex: index("eth0")}
}

// filter makes the tables of f in the host's namespace.
func (h *Host) filter(f nft.Filter) {
	ns, err := vns.GetFromName(h.NS)
	if err != nil {
		h.lab.t.Fatal(err)
	}
	defer ns.Close()
	if _, err := nft.Reconcile(h.lab.t.Context(), nft.OpenAt(int(ns)), nft.Wish{Tables: nft.Desired(f)}); err != nil {
		h.lab.t.Fatal(err)
	}
}

// TestReportsOfVMACsLeaveByTheInterfaceBelow compares the tables with those of
// keepalived's use_vmac, and looks which MAC address reports of groups carry.
func TestReportsOfVMACsLeaveByTheInterfaceBelow(t *testing.T) {
	Require(t)
	t.Parallel()
	lab := NewLab(t)
	ours, theirs, c := lab.Host("a", 1), lab.Host("k", 2), lab.Host("c", 3)
	theirs.Isolate()
	v4, v6 := ours.macvlan("vrrp.51", "00:00:5e:00:01:33"), ours.macvlan("vrrp6.51", "00:00:5e:00:02:33")
	v6.IPv6 = true
	both := v4
	both.IPv6 = true
	guard := func(addr, link string, index int) nft.Guarded {
		return nft.Guarded{Addr: netip.MustParseAddr(addr), Link: link, Index: index, Active: true}
	}
	ours.filter(nft.Filter{Table: "keepalived", Priority: -1, Counters: true, VMACs: []nft.VMAC{v4, both, v6}, Guarded: []nft.Guarded{
		guard("10.9.0.100", v4.Name, v4.Index), guard("fd00:9::200", "eth0", v4.BaseIndex),
		guard("fe80::9:100", v6.Name, v6.Index), guard("fd00:9::100", v6.Name, v6.Index)}})
	r6 := guardedRouter("", "no_accept\nuse_vmac", "fe80::9:100/64", "fd00:9::100/64").Conf()
	d := theirs.Start(Keepalived, guardedRouter("nftables\nnftables_counters", "no_accept\nuse_vmac\nvirtual_ipaddress_excluded {\nfd00:9::200/64\n}", "10.9.0.100").Conf()+
		strings.ReplaceAll(r6[strings.Index(r6, "vrrp_instance"):], "VI_1", "VI_6"))
	for _, name := range []string{"VI_1", "VI_6"} {
		d.WaitLog(time.Time{}, 10*time.Second, `\(`+name+`\) Entering MASTER STATE`)
	}
	var got, want string
	defer func() {
		if t.Failed() {
			t.Logf("ours:\n%s\nkeepalived:\n%s", got, want)
		}
	}()
	Eventually(t, 10*time.Second, "the same tables", func() bool {
		got, want = ours.ruleset(), theirs.ruleset()
		return got == want
	})
	for name, tt := range map[string]struct{ filter, group, link string }{
		"IPv4": {"igmp", "239.1.2.3", v4.Name}, "IPv6": {"ip6", "ff05::1234", v6.Name},
	} {
		lab.Step(name, func(t *testing.T) {
			dump := exec.Command("ip", "netns", "exec", c.NS, "tcpdump", "-l", "-e", "-nn", "-v", "-i", "eth0", tt.filter)
			var out safeBuffer
			dump.Stdout, dump.Stderr = &out, &out
			if err := dump.Start(); err != nil {
				t.Fatal(err)
			}
			defer dump.Wait()
			defer dump.Process.Kill()
			Eventually(t, 10*time.Second, "tcpdump listens", func() bool { return strings.Contains(out.String(), "listening on") })
			leave := ours.join(tt.link, tt.group)
			defer leave()
			var senders []string
			Eventually(t, 20*time.Second, "a report of "+tt.group, func() bool {
				senders = reporters(out.String(), tt.group)
				return len(senders) > 0
			})
			for _, mac := range senders {
				if mac != ours.MAC {
					t.Errorf("a report comes from %s, want %s", mac, ours.MAC)
				}
			}
		})
	}
}

// reporters are the MAC addresses of packets that report a group, in the output
// of tcpdump -e -v: one line for the packet and indented ones for what it says.
func reporters(dump, group string) []string {
	var macs []string
	sender := ""
	for _, line := range strings.Split(dump, "\n") {
		if fields := strings.Fields(line); len(fields) > 2 && fields[2] == ">" && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			sender = fields[1]
		}
		if strings.Contains(line, "gaddr "+group+" ") {
			macs = append(macs, sender)
		}
	}
	return macs
}

// safeBuffer may be read while a process writes.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// join makes the host a member of a multicast group on a link, until leave.
func (h *Host) join(link, group string) (leave func()) {
	h.lab.t.Helper()
	type member struct {
		conn *net.UDPConn
		err  error
	}
	joined := make(chan member)
	go func() { // the thread ends with the goroutine, and the namespace is left with it
		runtime.LockOSThread()
		if err := enter(h.NS); err != nil {
			joined <- member{nil, err}
			return
		}
		ifi, err := net.InterfaceByName(link)
		if err != nil {
			joined <- member{nil, err}
			return
		}
		conn, err := net.ListenMulticastUDP("udp", ifi, &net.UDPAddr{IP: net.ParseIP(group), Port: 9})
		joined <- member{conn, err}
	}()
	m := <-joined
	if m.err != nil {
		h.lab.t.Fatal(m.err)
	}
	return func() { m.conn.Close() }
}

// TestTheTableOfADeadPredecessorDoesNotStay: everything was killed, and the next
// configuration accepts.
func TestTheTableOfADeadPredecessorDoesNotStay(t *testing.T) {
	Require(t)
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			lab := NewLab(t)
			h := lab.Host("a", 1)
			d := h.Start(kind, guardedRouter("", "no_accept", "10.9.0.100").Conf())
			d.WaitLog(time.Time{}, 10*time.Second, `\(VI_1\) Entering MASTER STATE`)
			Eventually(t, 5*time.Second, "the table", func() bool { return strings.Contains(h.ruleset(), "10.9.0.100") })
			d.Kill()
			if !strings.Contains(h.ruleset(), "10.9.0.100") {
				t.Fatal("the table did not survive")
			}
			next := h.Start(Holdfast, guardedRouter("", "", "10.9.0.100").Conf())
			next.WaitLog(time.Time{}, 10*time.Second, `\(VI_1\) Entering MASTER STATE`)
			Eventually(t, 5*time.Second, "no table", func() bool { return h.ruleset() == "" })
		})
	}
}
