package vrrp

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func closed(c *memConn) bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

func TestASocketFollowsItsInterface(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51), one("VI_2", 52)})
		b.take()
		gone := b.conn
		gone.stale, b.open = true, errors.New("no such device")
		b.loop.Rebind("eth2") // nobody's
		b.want()
		b.loop.Rebind("eth0")
		b.want("  0.0000s VI_1 vrrp.SocketFailed {no such device}", "  0.0000s VI_1 Backup -> Fault (socket)",
			"  0.0000s VI_2 vrrp.SocketFailed {no such device}", "  0.0000s VI_2 Backup -> Fault (socket)")
		b.open = nil
		b.plug(newMemConn(gone.sent))
		b.loop.Rebind("eth0")
		b.want("  0.0000s VI_1 Fault -> Backup (fault-cleared)", "  0.0000s VI_2 Fault -> Backup (fault-cleared)")
		b.loop.Rebind("eth0") // it is the same one still
		b.want()
	})
}

func TestAnInterfaceThatHadLostItsAddressGetsANewSocket(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51), one("VI_2", 52)})
		b.take()
		old := b.conn
		b.plug(newMemConn(old.sent))
		b.loop.Deliver("VI_1", SourceAddress{routerB}) // nothing was lost
		b.take()
		if closed(old) {
			t.Error("the socket was replaced although the address was there all the time")
		}
		for _, name := range []string{"VI_1", "VI_2"} {
			b.loop.Deliver(name, FaultRaised{Why: ByNoAddress, Of: "no IPv4 address for interface"})
		}
		b.want("  0.0000s VI_1 Backup -> Fault (no-address)", "  0.0000s VI_2 Backup -> Fault (no-address)")
		for _, name := range []string{"VI_1", "VI_2"} {
			b.loop.Deliver(name, SourceAddress{routerB})
		}
		b.want("  0.0000s VI_1 Fault -> Backup (fault-cleared)", "  0.0000s VI_2 Fault -> Backup (fault-cleared)")
		if !closed(old) || closed(b.conn) {
			t.Errorf("old socket closed %v, new one closed %v; want one new socket for both", closed(old), closed(b.conn))
		}
	})
}

func TestTheStartDelayIsForAllThatStart(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Delay(b.start.Add(2 * time.Second))
		resumed := one("VI_2", 52)
		resumed.Resume = &Snapshot{State: Active, Priority: 100, LastSent: b.start.Add(-time.Second)}
		b.loop.Configure([]Instance{one("VI_1", 51), resumed})
		b.want("  0.0000s VI_1 Initialize -> Backup (startup)", "  0.0000s vrid 52 sends priority 100 to 224.0.0.18", "  0.0000s apply [VI_2]")
		time.Sleep(time.Second)
		for _, vrid := range []uint8{51, 52, 99} {
			b.hear(vrid, 50, time.Now())
		}
		lines := b.take()
		if n := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "vrid 52 sends") }); n < 0 {
			t.Errorf("diary %q: the resumed router did not answer a lower one", lines)
		}
		st, _ := b.loop.Status(b.t.Context())
		if st[0].Counters.AdvertReceived != 0 || st[1].Counters.AdvertReceived != 1 {
			t.Errorf("adverts counted: %d and %d, want 0 and 1", st[0].Counters.AdvertReceived, st[1].Counters.AdvertReceived)
		}
		b.loop.Delay(b.start.Add(1500 * time.Millisecond)) // a reload makes it shorter
		b.loop.Deliver("VI_2", Release{})
		b.take()
		time.Sleep(4 * time.Second)
		var ends []string
		for _, l := range b.take() {
			if strings.Contains(l, "delay") || strings.Contains(l, "VI_1 Backup -> Active") {
				ends = append(ends, l)
			}
		}
		if want := []string{"  1.5000s delay ended"}; !slices.Equal(ends, want) {
			t.Errorf("until second 5: %q, want %q", ends, want)
		}
		time.Sleep(500 * time.Millisecond)
		if lines := b.take(); !strings.Contains(strings.Join(lines, "\n"), "5.1094s VI_1 Backup -> Active") { // 1.5s + 3.609s
			t.Errorf("diary %q, want a takeover at 5.1094s", lines)
		}
	})
}

// A queue longer than what is read at once: the newest advert is the last.
func TestADeadlineCountsOnlyWhenEverythingBeforeItHasBeenRead(t *testing.T) {
	onBench(t, func(b *bench) {
		b.conn.queue = make(chan received, 10*drainMax)
		b.loop.Configure([]Instance{one("VI_1", 51), one("VI_2", 52)})
		b.take()
		a := Advert{Version: 3, VRID: 52, Priority: 200, MaxAdvertiseInterval: time.Second, Src: routerA, Dst: GroupIPv4, Addrs: addrs("10.9.0.100")}
		for range 3 * drainMax { // of another router, early
			b.conn.queue <- received{b: AppendAdvert(nil, &a), meta: Meta{Src: routerA, Dst: GroupIPv4, TTL: 255, Arrival: b.start.Add(time.Second)}}
		}
		a.VRID = 51
		b.conn.queue <- received{b: AppendAdvert(nil, &a), meta: Meta{Src: routerA, Dst: GroupIPv4, TTL: 255, Arrival: b.start.Add(3 * time.Second)}}
		time.Sleep(4 * time.Second) // the deadline of 3.6094s passes: the timer wakes the loop
		b.want()
	})
}

// sizedConn is a memConn with a receive buffer.
type sizedConn struct {
	*memConn
	sizes []int
}

func (c *sizedConn) SetReceiveBuffer(octets int) error {
	c.sizes = append(c.sizes, octets)
	return nil
}

func TestTheReceiveBufferIsThatOfAllInstancesOnTheSocket(t *testing.T) {
	onBench(t, func(b *bench) {
		sized := &sizedConn{memConn: b.conn}
		b.loop.open = func(SocketSpec) (Conn, error) { return sized, nil }
		with := func(name string, vrid uint8, size int) Instance {
			in := one(name, vrid)
			in.ReceiveBuffer = size
			return in
		}
		b.loop.Configure([]Instance{with("VI_1", 51, 4500), with("VI_2", 52, 100000), with("VI_3", 53, 0)})
		b.take()
		b.loop.Configure([]Instance{with("VI_1", 51, 4500), with("VI_2", 52, 100000)})
		b.take()
		b.loop.Configure([]Instance{with("VI_1", 51, 4500)})
		b.take()
		if want := []int{104500, 4500}; !slices.Equal(sized.sizes, want) {
			t.Errorf("sizes %v, want %v", sized.sizes, want)
		}
	})
}
