package host_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"holdfast/host"
	"holdfast/host/hosttest"
)

func TestFakeKeepsTheContract(t *testing.T) {
	hosttest.Contract(t, func(t *testing.T) hosttest.Rig {
		f := newHost()
		return hosttest.Rig{Kernel: f, Link: "eth0", SetLink: func(up bool) { f.SetLink("eth0", up) },
			Foreign: func(a host.Address) { f.Put(a) }, Delete: func(a host.Address) { f.Remove(a) }, Marks: true}
	})
}

func TestLinuxKeepsTheContract(t *testing.T) {
	hosttest.Contract(t, newNamespaceRig)
}

// newNamespaceRig moves the test's goroutine into a fresh namespace with a
// pair of links. The thread is never unlocked, so it dies with the test.
// Without root the test is skipped; with it, a namespace must be had.
func newNamespaceRig(t *testing.T) hosttest.Rig {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	runtime.LockOSThread()
	ns, err := netns.New()
	if err != nil {
		t.Fatalf("make a network namespace: %v", err)
	}
	t.Cleanup(func() { ns.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h, err := netlink.NewHandle()
	must(err)
	t.Cleanup(h.Close)
	must(h.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "peer0"}))
	lo, err := h.LinkByName("lo")
	must(err)
	eth0, err := h.LinkByName("eth0")
	must(err)
	peer, err := h.LinkByName("peer0")
	must(err)
	for _, l := range []netlink.Link{lo, peer, eth0} {
		must(h.LinkSetUp(l))
	}
	k, err := host.OpenNetlink()
	must(err)
	t.Cleanup(func() { k.Close() })
	ipnet := func(p netip.Prefix) *net.IPNet {
		return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
	}
	return hosttest.Rig{
		Kernel: k, Link: "eth0", Marks: true,
		SetLink: func(up bool) {
			if up {
				must(h.LinkSetUp(eth0))
			} else {
				must(h.LinkSetDown(eth0))
			}
		},
		Foreign: func(a host.Address) {
			must(h.AddrAdd(eth0, &netlink.Addr{IPNet: ipnet(a.Prefix), Broadcast: net.IPv4zero, Flags: int(a.Flags)}))
		},
		Delete: func(a host.Address) { must(h.AddrDel(eth0, &netlink.Addr{IPNet: ipnet(a.Prefix)})) },
	}
}

// namespace is newNamespaceRig with the library's handle for the rest.
func namespace(t *testing.T) (hosttest.Rig, *netlink.Handle) {
	t.Helper()
	rig := newNamespaceRig(t)
	h, err := netlink.NewHandle()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return rig, h
}

// await reads changes until the wanted ones have come in their order.
func await(t *testing.T, changes <-chan host.Change, want ...string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for len(want) > 0 {
		select {
		case c := <-changes:
			if c.String() == want[0] {
				want = want[1:]
			}
		case <-deadline:
			t.Fatalf("still waiting for %q", want)
		}
	}
}

func TestLinuxTellsOfLinksThatComeGoAndChangeTheirName(t *testing.T) {
	rig, h := namespace(t)
	ctx, stop := context.WithCancel(t.Context())
	changes, err := rig.Kernel.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		for range changes {
		}
	}()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	// The kernel reports carrier when it finds the time, so each step waits.
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "d0"}, PeerName: "d0peer"}
	must(h.LinkAdd(pair))
	await(t, changes, "link-added d0")
	must(h.LinkSetName(pair, "d1"))
	await(t, changes, "link-renamed d0 to d1")
	other, err := h.LinkByName("d0peer")
	must(err)
	must(h.LinkSetUp(other))
	must(h.LinkSetUp(pair))
	await(t, changes, "link-up d1")
	must(h.LinkSetMTU(pair, 1400))
	await(t, changes, "link-changed d1")
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}
	must(h.LinkAdd(bridge))
	await(t, changes, "link-added br0")
	must(h.LinkSetMaster(pair, bridge))
	await(t, changes, "link-changed d1")
	must(h.LinkSetNoMaster(pair)) // the bridge says "deleted" here; the link is not
	await(t, changes, "link-changed d1")
	must(h.LinkDel(pair))
	await(t, changes, "link-down d1", "link-deleted d1")
}

// One reader that is slower than the changes come loses some and
// must be told; then it goes on hearing.
func TestLinuxSaysWhenChangesWereLost(t *testing.T) {
	rig, _ := namespace(t)
	ctx, stop := context.WithCancel(t.Context())
	changes, err := rig.Kernel.Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		for range changes {
		}
	}()
	var ops []host.Op
	for i := range 4000 {
		a := host.NewAddress("eth0", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32))
		ops = append(ops, host.Op{Address: &a}, host.Op{Verb: host.Del, Address: &a})
	}
	for range 3 { // 24,000 messages of some 800 octets each against 8 MiB
		for _, err := range rig.Kernel.Apply(t.Context(), ops) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	await(t, changes, "resync")
	rig.SetLink(false)
	await(t, changes, "link-down eth0")
}

func TestLinuxWorkerPutsBackWhatSomebodyDeletes(t *testing.T) {
	rig, _ := namespace(t)
	events := make(chan host.Event, 1000)
	w := host.NewWorker(rig.Kernel, func(e host.Event) { events <- e })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.Run(ctx); close(ended) }()
	defer func() { stop(); <-ended }()
	reconciled := func(cause host.Cause) host.Reconciled {
		t.Helper()
		deadline := time.After(10 * time.Second)
		for {
			select {
			case e := <-events:
				if r, ok := e.(host.Reconciled); ok && r.Cause == cause {
					return r
				}
			case <-deadline:
				t.Fatalf("no %s", cause)
			}
		}
	}
	a := host.NewAddress("eth0", netip.MustParsePrefix("192.0.2.100/24"))
	w.Want(numbered(1, a))
	if r := reconciled(host.Wanted); r.Err != nil || len(r.Done) != 1 {
		t.Fatalf("did %v: %v", r.Done, r.Err)
	}
	rig.Delete(a)
	if r := reconciled(host.Drifted); r.Err != nil || len(r.Done) != 1 {
		t.Errorf("repaired %v: %v", r.Done, r.Err)
	}
	w.Want(numbered(2))
	if r := reconciled(host.Wanted); r.Err != nil || len(r.Done) != 1 {
		t.Errorf("at the end did %v: %v", r.Done, r.Err)
	}
}

func TestLinuxCarriesAnnouncementsToTheOtherEnd(t *testing.T) {
	rig, _ := namespace(t)
	state, err := rig.Kernel.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eth0, peer := state.Links["eth0"], state.Links["peer0"]
	hear, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ARP)))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(hear)
	unix.SetsockoptTimeval(hear, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5})
	if err := unix.Bind(hear, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ARP), Ifindex: peer.Index}); err != nil {
		t.Fatal(err)
	}
	s, err := host.OpenFrameSocket()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := host.Announcement{Link: "eth0", Addr: netip.MustParseAddr("10.9.0.100"), MAC: eth0.MAC}
	if err := s.Send(eth0.Index, a); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 128)
	n, _, err := unix.Recvfrom(hear, buf, 0)
	if err != nil || !bytes.Equal(buf[:n], a.AppendFrame(nil)) {
		t.Errorf("the other end heard %x (%v), want %x", buf[:n], err, a.AppendFrame(nil))
	}
	if allocs := testing.AllocsPerRun(100, func() { s.Send(eth0.Index, a) }); allocs != 0 {
		t.Errorf("%v allocations per send, want 0", allocs)
	}
	if err := s.Send(9999, a); err == nil || err.Error() != "announce 10.9.0.100 on eth0: no such device or address" && err.Error() != "announce 10.9.0.100 on eth0: no such device" {
		t.Errorf("a link that is gone: error %v", err)
	}
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// ip runs ip(8) in the namespace of the test, whose goroutine is locked to its
// thread, and answers the lines it prints, blanks made one.
func ip(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// TestLinuxHoldsEveryOptionOfALine puts lines of the configuration into a kernel.
// ip(8) shows what they were meant to say, and nothing is left to do.
func TestLinuxHoldsEveryOptionOfALine(t *testing.T) {
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip(8)")
	}
	tests := map[string]struct {
		line string
		show []string // arguments of ip(8)
		want string
	}{
		"metrics that nothing may change": {"10.4.0.0/16 dev eth0 rtt lock 1s mtu lock 1400 hoplimit 64 advmss lock 1200 reordering 4 window 1000 cwnd lock 7 ssthresh 9 " +
			"initcwnd 11 initrwnd 12 quickack 1 features ecn congctl lock reno fastopen_no_cookie 1", []string{"route", "show", "10.4.0.0/16"},
			"10.4.0.0/16 dev eth0 proto 18 mtu lock 1400 window 1000 rtt lock 1s ssthresh 9 cwnd lock 7 advmss lock 1200 reordering 4 hoplimit 64 " +
				"initcwnd 11 features ecn initrwnd 12 quickack 1 congctl lock reno fastopen_no_cookie 1"},
		"times": {"10.3.0.0/16 dev eth0 rtt 8000 rttvar 8000 rto_min 800", []string{"route", "show", "10.3.0.0/16"},
			"10.3.0.0/16 dev eth0 proto 18 rtt 1s rttvar 2s rto_min 800ms"},
		"realms": {"10.5.0.0/16 dev eth0 realms 3/4", []string{"route", "show", "10.5.0.0/16"}, "10.5.0.0/16 dev eth0 proto 18 realms 3/4"},
		"hops by weight": {"10.6.0.0/16 no_track nexthop via 192.0.2.2 dev eth0 weight 5 nexthop via 192.0.2.3 dev eth0 weight 256 onlink realms 7 nexthop via 192.0.2.4",
			[]string{"route", "show", "10.6.0.0/16"}, "10.6.0.0/16 proto 18 nexthop via 192.0.2.2 dev eth0 weight 5 " +
				"nexthop via 192.0.2.3 realm 7 dev eth0 weight 256 onlink nexthop via 192.0.2.4 dev eth0 weight 1"},
		"a single hop is a gateway": {"10.7.0.0/16 no_track append nexthop via 192.0.2.2 dev eth0 weight 9", []string{"route", "show", "10.7.0.0/16"},
			"10.7.0.0/16 via 192.0.2.2 dev eth0 proto 18"},
		"a VRF": {"10.8.0.0/16 dev eth0 vrf red ttl-propagate enabled", []string{"route", "show", "table", "77", "10.8.0.0/16"}, "10.8.0.0/16 dev eth0 proto 18"},
		"IPv6": {"2001:db8:5::/48 dev eth0 pref high expires 1000", []string{"-6", "route", "show", "2001:db8:5::/48"},
			"2001:db8:5::/48 dev eth0 proto 18 metric 1024 expires SEC pref high"},
		"IPv6 hops": {"2001:db8:6::/48 no_track nexthop via fe80::1 dev eth0 weight 3 nexthop via fe80::2 dev eth0", []string{"-6", "route", "show", "2001:db8:6::/48"},
			"2001:db8:6::/48 proto 18 metric 1024 pref medium nexthop via fe80::1 dev eth0 weight 3 nexthop via fe80::2 dev eth0 weight 1"},
		"every option of a rule": {"from 10.0.0.0/8 table 5 priority 9 realms 1/2 sup_pl 0 suppress_ifgroup 3 tunnel-id 77 uidrange 5-9 fwmark 0x10/0xf0", []string{"-N", "rule", "show", "priority", "9"},
			"9: from 10.0.0.0/8 fwmark 0x10/0xf0 uidrange 5-9 tun_id 77 lookup 5 suppress_prefixlength 0 suppress_ifgroup 3 realms 1/2 proto 18"},
		"l3mdev": {"inet6 l3mdev priority 10", []string{"-N", "-6", "rule", "show", "priority", "10"}, "10: from all lookup [l3mdev-table] proto 18"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rig, h := namespace(t)
			if err := h.LinkAdd(&netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Name: "red"}, Table: 77}); err != nil && strings.Contains(tt.line, "vrf red") {
				t.Skipf("no VRF here: %v", err)
			}
			rig.Foreign(host.NewAddress("eth0", netip.MustParsePrefix("192.0.2.1/24")))
			want, x := host.NewDesired(), newCtx()
			s := stmt(tt.line)
			if r, ok := host.DecodeRule(x, s, host.StaticLine); strings.Contains(tt.line, "priority") && ok {
				want.Rule(r.Rule)
			} else if r, ok := host.DecodeRoute(x, s, host.StaticLine); ok {
				want.Route(r.Route)
			} else {
				t.Fatalf("left out: %q", messages(x))
			}
			if _, _, err := host.Reconcile(t.Context(), rig.Kernel, want); err != nil {
				t.Fatal(err)
			}
			got := regexp.MustCompile(`expires \d+sec`).ReplaceAllString(ip(t, append([]string{"-d"}, tt.show...)...), "expires SEC")
			// versions of ip(8) differ in what they name and in what goes without saying
			got = strings.NewReplacer("unicast ", "", " scope global", "", "proto keepalived", "proto 18").Replace(got)
			if got != tt.want {
				t.Errorf("ip(8) shows\n     %s\nwant %s", got, tt.want)
			}
			state, err := rig.Kernel.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if ops := host.Plan(want, state); len(ops) != 0 {
				t.Errorf("a second pass still wants %v", ops)
			}
			if _, _, err := host.Reconcile(t.Context(), rig.Kernel, host.NewDesired()); err != nil {
				t.Fatal(err)
			}
			if state, err = rig.Kernel.Read(t.Context()); err != nil || len(host.Plan(want, state)) != 1 {
				t.Errorf("not taken away again: %v", err)
			}
		})
	}
}

// Tunnels of routes need modules that not every kernel has.
func TestLinuxHoldsTunnelsOfRoutes(t *testing.T) {
	for name, line := range map[string]string{
		"ip":   "10.11.0.0/16 dev eth0 encap ip id 5 dst 192.0.2.2 src 192.0.2.1 tos 3 ttl 5",
		"ip6":  "10.12.0.0/16 dev eth0 encap ip6 id 5 dst 2001:db8::1 src 2001:db8::2 tc 3 hoplimit 5",
		"mpls": "10.13.0.0/16 via 192.0.2.2 dev eth0 encap mpls 100/200",
		"hops": "10.14.0.0/16 no_track nexthop via 192.0.2.2 dev eth0 encap ip id 5 dst 192.0.2.2 nexthop via 192.0.2.3 dev eth0",
	} {
		t.Run(name, func(t *testing.T) {
			rig, _ := namespace(t)
			rig.Foreign(host.NewAddress("eth0", netip.MustParsePrefix("192.0.2.1/24")))
			r, ok := host.DecodeRoute(newCtx(), stmt(line), host.StaticLine)
			if !ok {
				t.Fatal("left out")
			}
			want := host.NewDesired()
			want.Route(r.Route)
			_, _, err := host.Reconcile(t.Context(), rig.Kernel, want)
			if errors.Is(err, syscall.EOPNOTSUPP) {
				t.Skipf("not here: %v", err)
			}
			state, err2 := rig.Kernel.Read(t.Context())
			if ops := host.Plan(want, state); len(ops) != 0 || err != nil || err2 != nil {
				t.Errorf("a second pass still wants %v; %v, %v", ops, err, err2)
			}
		})
	}
}

// In many containers /proc/sys is read-only. What netlink can set of a link is
// set all the same.
func TestLinuxSetsSysctlsOfLinksWhereProcCannotBeWritten(t *testing.T) {
	rig, _ := namespace(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)) // of this thread, which dies with the test
	must(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(unix.Mount("/proc/sys", "/proc/sys", "", unix.MS_BIND, ""))
	must(unix.Mount("", "/proc/sys", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	ipv4, ipv6 := host.LinkSysctl("ipv4", "eth0", "arp_ignore"), host.LinkSysctl("ipv6", "eth0", "disable_ipv6")
	errs := rig.Kernel.Apply(t.Context(), []host.Op{
		{Verb: host.Set, Sysctl: &host.Sysctl{Key: ipv4, Value: "1"}}, {Verb: host.Set, Sysctl: &host.Sysctl{Key: ipv6, Value: "1"}},
	})
	if errs[0] != nil || !errors.Is(errs[1], syscall.EROFS) {
		t.Errorf("outcomes %v", errs)
	}
	got, err := rig.Kernel.ReadSysctls(t.Context(), []string{ipv4, ipv6})
	if err != nil || got[ipv4] != "1" || got[ipv6] != "0" {
		t.Errorf("set to %v (error %v)", got, err)
	}
}
