package nft_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"holdfast/nft"
	"holdfast/nft/nfttest"
)

func TestFakeKeepsTheContract(t *testing.T) {
	nfttest.Contract(t, func(*testing.T) nfttest.Rig {
		return nfttest.Rig{Kernel: &nfttest.Fake{}, Lo: 1, Base: 2, Macvlan: 3}
	})
}

func TestLinuxKeepsTheContract(t *testing.T) { nfttest.Contract(t, newNamespaceRig) }

// newNamespaceRig moves the test's goroutine into a fresh namespace. The thread
// is never unlocked, so it dies with the test. Without root the test is
// skipped; with it, a namespace must be had.
func newNamespaceRig(t *testing.T) nfttest.Rig {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	runtime.LockOSThread()
	ns, err := netns.New()
	if err != nil {
		t.Fatalf("make a network namespace: %v", err)
	}
	t.Cleanup(func() { ns.Close() })
	index := func(l netlink.Link) int {
		t.Helper()
		found, err := netlink.LinkByName(l.Attrs().Name)
		if err != nil {
			if err = netlink.LinkAdd(l); err == nil {
				found, err = netlink.LinkByName(l.Attrs().Name)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return found.Attrs().Index
	}
	r := nfttest.Rig{Kernel: nft.OpenAt(int(ns))}
	r.Lo = index(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: "lo"}})
	r.Base = index(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "base0"}, PeerName: "peer0"})
	r.Macvlan = index(&netlink.Macvlan{LinkAttrs: netlink.LinkAttrs{Name: "vrrp.51", ParentIndex: r.Base}, Mode: netlink.MACVLAN_MODE_PRIVATE})
	return r
}
