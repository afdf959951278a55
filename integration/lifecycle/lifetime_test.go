package lifecycle

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/integration/netns"
)

// lifetime is vrrp_address_lifetime in these tests, and slackOfTheKernel how much
// later than that Linux may remove an address: it looks each second or so.
const (
	lifetime         = 5 * time.Second
	slackOfTheKernel = 2 * time.Second
	vip6             = "fd00:9::100"
)

// mortal is a router whose addresses end unless they are renewed: one of IPv4
// and, excluded from adverts, a /128 of IPv6.
func mortal(lines ...string) string {
	return globals("vrrp_address_lifetime 5") + router(append(lines, "virtual_ipaddress_excluded {", "        "+vip6+"/128", "    }")...)
}

func TestAddressesOfAHealthyMasterAreRenewedAndNobodyNotices(t *testing.T) {
	l, h := lab(t)
	hooks := h.Hooks()
	d := master(t, h, Start{Conf: mortal("garp_master_delay 0", notify(hooks))})
	hooks.Wait(time.Time{}, startLimit, 2)
	netns.Eventually(t, startLimit, "the announcement", func() bool { return len(l.Capture.GARPs(time.Time{}, vip)) >= 5 })
	settled := time.Now()
	netns.Throughout(t, 2*lifetime, "the addresses stay", func() bool { return h.Holds(vip) && h.Holds(vip6) })
	if n := len(l.Capture.GARPs(settled, vip)); n > 0 {
		t.Errorf("announced %d times more", n)
	}
	if n := d.count("Entering"); n != 2 {
		t.Errorf("%d transitions, want those of the start", n)
	}
	if again := hooks.Args(settled); len(again) > 0 {
		t.Errorf("hooks ran: %q", again)
	}
	if n := d.count("put back"); n != 0 {
		t.Errorf("%d repairs", n)
	}
	shown := h.IP("addr", "show", "dev", "eth0")
	for _, want := range []string{vip + "/32 ", vip6 + "/128 "} {
		_, after, found := strings.Cut(shown, want)
		if !found || !strings.Contains(strings.Join(strings.SplitN(after, "\n", 3)[:2], " "), "valid_lft ") || strings.Contains(strings.SplitN(after, "\n", 3)[1], "valid_lft forever") {
			t.Errorf("%s does not end by itself:\n%s", want, shown)
		}
	}
	if _, after, _ := strings.Cut(shown, vip6); !strings.Contains(strings.SplitN(after, "\n", 2)[0], "deprecated") {
		t.Errorf("the /128 is not deprecated:\n%s", shown)
	}
	d.signal(syscall.SIGTERM)
	if d.wait(controlLimit); h.Holds(vip) || h.Holds(vip6) {
		t.Error("addresses are left behind")
	}
}

// TestAHungOrDeadMasterLosesItsAddressesByItself: nobody is there to take them
// away, and a peer has long taken over.
func TestAHungOrDeadMasterLosesItsAddressesByItself(t *testing.T) {
	gone := func(t *testing.T, h *netns.Host, since time.Time) {
		t.Helper()
		netns.Eventually(t, lifetime+slackOfTheKernel, "the addresses are gone", func() bool { return !h.Holds(vip) && !h.Holds(vip6) })
		netns.AtMost(t, "the end of the addresses", since, time.Now(), lifetime+slackOfTheKernel)
	}
	t.Run("its VRRP process stands still", func(t *testing.T) {
		l, h := lab(t)
		d := master(t, h, Start{Conf: mortal()})
		child := d.child(vrrpPID, 0)
		stopped := time.Now()
		freeze(t, child)
		gone(t, h, stopped)
		resumed := time.Now()
		syscall.Kill(child, syscall.SIGCONT)
		netns.Eventually(t, startLimit, "the addresses are back", func() bool { return h.Holds(vip) && h.Holds(vip6) })
		netns.Eventually(t, startLimit, "they are announced", func() bool { return len(l.Capture.GARPs(resumed, vip)) > 0 })
		d.waitLog("put back what had expired while this process did not run", 1)
		if n := d.count("Entering"); n != 2 { // nobody else was there
			t.Errorf("%d transitions, want those of the start", n)
		}
	})
	t.Run("all of it is killed", func(t *testing.T) {
		_, h := lab(t)
		d := master(t, h, Start{Conf: mortal()})
		killed := time.Now()
		killAll(t, d)
		gone(t, h, killed)
	})
}

// killAll kills parent and children so that none of them can do a thing about it.
func killAll(t *testing.T, d *Daemon) {
	t.Helper()
	all := append([]int{d.pid()}, childrenOf(d.pid())...)
	for _, pid := range all {
		freeze(t, pid)
	}
	for _, pid := range all {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	d.wait(controlLimit)
	netns.Eventually(t, controlLimit, "the processes are gone", func() bool {
		for _, pid := range all {
			if alive(pid) {
				return false
			}
		}
		return true
	})
}
