package nft_test

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// TestNftListsTheMarksAsWeDo has nft(8) print what we made.
func TestNftListsTheMarksAsWeDo(t *testing.T) {
	program, err := exec.LookPath("nft")
	if err != nil {
		t.Skip("there is no nft")
	}
	rig := newNamespaceRig(t) // and this thread is in it
	m := nft.Marks{Table: "keepalived_ipvs", Priority: -1}
	for _, at := range []string{"10.9.5.1:80", "10.9.5.2:81", "10.9.5.3:0", "[fd09::1]:80", "[fd09::2]:0"} {
		for _, protocol := range []uint8{6, 17, 132} {
			a := netip.MustParseAddrPort(at)
			m.Of = append(m.Of, nft.Marked{Addr: a.Addr(), Port: a.Port(), Protocol: protocol, Mark: 1000 + uint32(protocol)})
		}
	}
	wish := nft.Wish{Tables: nft.DesiredMarks(m)}
	if _, err := nft.Reconcile(t.Context(), rig.Kernel, wish); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-s", "list", "ruleset").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var want strings.Builder
	for _, table := range wish.Tables {
		want.WriteString(table.Print(nil))
	}
	if d := cmp.Diff(want.String(), string(out)); d != "" {
		t.Errorf("-ours +nft\n%s", d)
	}
}
