package vrrp

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// inNamespace runs f in a fresh network namespace with the veth pair va, vb.
func inNamespace(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: raw sockets and a network namespace")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with its namespace
		ns, err := netns.New()
		if err != nil {
			t.Errorf("new namespace: %v", err)
			return
		}
		defer ns.Close()
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "va"}, PeerName: "vb"}
		if err := netlink.LinkAdd(veth); err != nil {
			t.Errorf("add veth: %v", err)
			return
		}
		for name, addr := range map[string]string{"va": "10.9.0.1/24", "vb": "10.9.0.2/24"} {
			link, err := netlink.LinkByName(name)
			if err != nil {
				t.Error(err)
				return
			}
			a, err := netlink.ParseAddr(addr)
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(netlink.AddrAdd(link, a), netlink.LinkSetUp(link)); err != nil {
				t.Error(err)
				return
			}
		}
		f()
	}()
	<-done
}

func TestRawSocketsCarryAdverts(t *testing.T) {
	v6 := SocketSpec{IPv6: true, Group: GroupIPv6}
	tests := map[string]struct {
		spec     SocketSpec
		src, dst netip.Addr
	}{
		// Not an address of this namespace: both ends are in it, and the kernel
		// takes no datagram from itself.
		"IPv4": {SocketSpec{Group: GroupIPv4}, netip.MustParseAddr("10.9.0.9"), GroupIPv4},
		"IPv6": {v6, netip.Addr{}, GroupIPv6},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inNamespace(t, func() {
				a, b := tt.spec, tt.spec
				a.Interface, b.Interface = "va", "vb"
				from, err := Listen(a)
				if err != nil {
					t.Error(err)
					return
				}
				defer from.Close()
				to, err := Listen(b)
				if err != nil {
					t.Error(err)
					return
				}
				defer to.Close()
				buf := make([]byte, MaxPacket)
				if _, _, err := to.ReadFrom(buf); !errors.Is(err, ErrEmpty) {
					t.Errorf("reading an empty socket: %v, want ErrEmpty", err)
				}
				pdu := []byte{0x31, 51, 100, 0, 0, 100, 0, 0}
				before := time.Now()
				var n int
				var meta Meta
				err = ErrEmpty
				// The link takes a moment to run, and IPv6 to have an address.
				for deadline := time.Now().Add(5 * time.Second); errors.Is(err, ErrEmpty) && time.Now().Before(deadline); {
					sent := from.WriteTo(pdu, Meta{Src: tt.src, Dst: tt.dst, TTL: 255})
					time.Sleep(20 * time.Millisecond)
					if n, meta, err = to.ReadFrom(buf); err != nil && sent != nil {
						continue
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n != len(pdu) || !bytes.Equal(buf[:6], pdu[:6]) {
					t.Errorf("read %x, want %x", buf[:n], pdu)
				}
				if meta.TTL != 255 || meta.Dst != tt.dst || !meta.Src.IsValid() || tt.src.IsValid() && meta.Src != tt.src {
					t.Errorf("header said %+v", meta)
				}
				if meta.Arrival.Before(before.Add(-time.Second)) || meta.Arrival.After(time.Now()) {
					t.Errorf("arrived at %v, sent at %v", meta.Arrival, before)
				}
				if n := testing.AllocsPerRun(10, func() { _, _, _ = to.ReadFrom(buf) }); n != 0 {
					t.Errorf("an empty read allocates %v times", n)
				}
			})
		})
	}
}

func TestASocketRefusesTheOtherAddressFamily(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.9.0.2"), netip.MustParseAddr("fd09::2")
	tests := map[string]struct {
		ipv6     bool
		src, dst netip.Addr
	}{
		"IPv6 destination on an IPv4 socket": {false, v4, v6},
		"IPv6 source on an IPv4 socket":      {false, v6, v4},
		"no source on an IPv4 socket":        {false, netip.Addr{}, v4},
		"IPv4 destination on an IPv6 socket": {true, v6, v4},
	}
	for name, tt := range tests {
		c := &rawConn{ipv6: tt.ipv6}
		if err := c.WriteTo([]byte{0x31}, Meta{Src: tt.src, Dst: tt.dst}); err == nil {
			t.Errorf("%s: sent", name)
		}
	}
}

func TestUnicastOverIPv6CarriesTheHopLimitAskedFor(t *testing.T) {
	inNamespace(t, func() {
		lo, err := netlink.LinkByName("lo")
		if err = errors.Join(err, netlink.LinkSetUp(lo)); err != nil {
			t.Error(err)
			return
		}
		one := netip.MustParseAddr("::1")
		c, err := Listen(SocketSpec{Interface: "lo", IPv6: true, Local: one})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		pdu := []byte{0x31, 51, 100, 0, 0, 100, 0, 0}
		for _, ttl := range []uint8{255, 17} { // the kernel's own default is 64
			if err := c.WriteTo(pdu, Meta{Src: one, Dst: one, TTL: ttl}); err != nil {
				t.Error(err)
				return
			}
			buf := make([]byte, MaxPacket)
			_, meta, err := c.ReadFrom(buf)
			for deadline := time.Now().Add(5 * time.Second); errors.Is(err, ErrEmpty) && time.Now().Before(deadline); {
				_, meta, err = c.ReadFrom(buf)
			}
			if err != nil || meta.TTL != ttl {
				t.Errorf("arrived with hop limit %d, %v; sent with %d", meta.TTL, err, ttl)
			}
		}
	})
}

func TestAnInterfaceThatIsNotThereIsNamed(t *testing.T) {
	tests := map[string]string{
		"nosuch0":              "open vrrp socket on nosuch0: find interface nosuch0: no such device",
		"aname-that-is-longer": `open vrrp socket on aname-that-is-longer: interface name "aname-that-is-longer": invalid argument`, // 15 octets fit
	}
	for name, want := range tests {
		if _, err := Listen(SocketSpec{Interface: name, Group: GroupIPv4}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestASocketOfAnInterfaceMadeAgainIsStale(t *testing.T) {
	inNamespace(t, func() {
		c, err := Listen(SocketSpec{Interface: "va", Group: GroupIPv4})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if c.Stale() {
			t.Error("stale while its interface is there")
		}
		link, err := netlink.LinkByName("va")
		if err = errors.Join(err, netlink.LinkDel(link)); err != nil {
			t.Error(err)
			return
		}
		if !c.Stale() {
			t.Error("not stale although its interface is gone")
		}
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "va"}, PeerName: "vb"}); err != nil {
			t.Error(err)
			return
		}
		if !c.Stale() {
			t.Error("not stale although another interface has the name now")
		}
	})
}

func TestClosingASocketEndsWait(t *testing.T) {
	inNamespace(t, func() {
		c, err := Listen(SocketSpec{Interface: "va", Group: GroupIPv4})
		if err != nil {
			t.Error(err)
			return
		}
		ended := make(chan error)
		go func() { ended <- c.Wait() }()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err == nil {
			t.Error("Wait returned nil after Close")
		}
	})
}

func TestTimerfdFiresWhenItIsDue(t *testing.T) {
	tm, err := NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer tm.Close()
	start := time.Now()
	tm.Set(start.Add(time.Hour))
	tm.Set(start.Add(20 * time.Millisecond))
	<-tm.C()
	if got := time.Since(start); got < 20*time.Millisecond {
		t.Errorf("fired after %v, not before 20ms", got)
	}
	tm.Set(time.Time{})
	tm.Set(start) // the past fires at once
	<-tm.C()
}

// Nobody suspends a machine that runs tests, and being interrupted between two
// clocks does not look like it.
func TestATestMachineDoesNotSleep(t *testing.T) {
	timer, err := NewTimer()
	if err != nil {
		t.Fatal(err)
	}
	defer timer.Close()
	for range 1000 {
		if span := timer.(*fdTimer).Slept(); span >= sleepLeast {
			t.Errorf("slept %v", span)
		}
	}
}
