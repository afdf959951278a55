package host_test

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

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
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	hosttest.Contract(t, newNamespaceRig)
}

// newNamespaceRig moves the test's goroutine into a fresh namespace with a
// pair of links. The thread is never unlocked, so it dies with the test.
func newNamespaceRig(t *testing.T) hosttest.Rig {
	runtime.LockOSThread()
	ns, err := netns.New()
	if err != nil {
		t.Skipf("no network namespace here: %v", err)
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
