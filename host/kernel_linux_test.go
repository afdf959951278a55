package host_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"runtime"
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
