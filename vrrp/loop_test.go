package vrrp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memConn is a Conn in memory: a queue that a test fills.
type memConn struct {
	queue  chan received
	closed chan struct{}
	peeked chan struct{} // something was put in the queue
	sent   func(b []byte, m Meta) error
	stale  bool
}

type received struct {
	b    []byte
	meta Meta
	err  error
}

func newMemConn(sent func([]byte, Meta) error) *memConn {
	return &memConn{queue: make(chan received, 2000), closed: make(chan struct{}), peeked: make(chan struct{}, 1), sent: sent}
}

func (c *memConn) put(r received) {
	c.queue <- r
	select {
	case c.peeked <- struct{}{}:
	default:
	}
}

func (c *memConn) Wait() error {
	if len(c.queue) > 0 {
		return nil
	}
	select {
	case <-c.peeked:
		return nil
	case <-c.closed:
		return errors.New("closed")
	}
}

func (c *memConn) ReadFrom(b []byte) (int, Meta, error) {
	select {
	case r := <-c.queue:
		return copy(b, r.b), r.meta, r.err
	default:
		return 0, Meta{}, ErrEmpty
	}
}

func (c *memConn) WriteTo(b []byte, m Meta) error { return c.sent(b, m) }

func (c *memConn) Stale() bool { return c.stale }

func (c *memConn) Close() error { close(c.closed); return nil }

// bench is a loop in virtual time with a diary.
type bench struct {
	t     *testing.T
	start time.Time
	mu    sync.Mutex // of lines; never held across a sleep
	loop  *Loop
	conn  *memConn
	lines []string
	open  error // what opening a socket says
	stop  func()
}

func (b *bench) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, fmt.Sprintf("%8.4fs ", time.Since(b.start).Seconds())+fmt.Sprintf(format, args...))
}

func (b *bench) Apply(active map[string]bool) {
	var names []string
	for n := range active {
		names = append(names, n)
	}
	slices.Sort(names)
	b.note("apply %v", names)
}
func (b *bench) Announce(name string, a Announce) { b.note("%s announce %s", name, a.Why) }
func (b *bench) Publish(f Fact) {
	switch w := f.What.(type) {
	case Transition:
		b.note("%s %v -> %v (%s)", f.Instance, w.From, w.To, w.Why)
	case Dropped:
		b.note("%s dropped %s, %d before", f.Instance, w.Err.Reason, w.Suppressed)
	case DelayEnded:
		b.note("delay ended")
	case GroupTransition:
		b.note("group %s %v -> %v", f.Group, w.From, w.To)
	case OwnPeer:
		b.note("%s peer %v is ourselves", f.Instance, w.Peer)
	case Removed, Failed, SocketFailed, SendFailed:
		b.note("%s %T %v", f.Instance, w, w)
	}
}

// want compares and empties the diary.
func (b *bench) want(lines ...string) {
	b.t.Helper()
	if d := cmp.Diff(lines, b.take()); d != "" {
		b.t.Errorf("diary (-want +got):\n%s", d)
	}
}

// take waits until every goroutine is at rest and returns and empties the diary.
func (b *bench) take() []string {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.lines
	b.lines = nil
	return lines
}

// plug gives sockets opened from now on another end.
func (b *bench) plug(c *memConn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conn = c
}

// hear puts an advert of router A in the socket's queue, arrived at the given time.
func (b *bench) hear(vrid, priority uint8, arrival time.Time) {
	a := Advert{Version: 3, VRID: vrid, Priority: priority, MaxAdvertiseInterval: time.Second, Src: routerA, Dst: GroupIPv4, Addrs: addrs("10.9.0.100")}
	b.conn.put(received{b: AppendAdvert(nil, &a), meta: Meta{Src: routerA, Dst: GroupIPv4, TTL: 255, Arrival: arrival}})
}

func onBench(t *testing.T, f func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, start: time.Now()}
		b.conn = newMemConn(func(pdu []byte, m Meta) error {
			b.note("vrid %d sends priority %d to %v", pdu[1], pdu[2], m.Dst)
			return nil
		})
		b.loop = NewLoop(b, func(SocketSpec) (Conn, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.conn, b.open
		}, NewGoTimer())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { b.loop.Run(ctx); close(ended) }()
		b.stop = func() { cancel(); <-ended }
		f(b)
		b.stop()
	})
}

func one(name string, vrid uint8) Instance {
	p := base()
	p.VRID = vrid
	return Instance{Name: name, Interface: "eth0", Params: p}
}

func TestLoopTakesOverAnnouncesAndResigns(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51)})
		b.want("  0.0000s VI_1 Initialize -> Backup (startup)", "  0.0000s apply []")
		time.Sleep(time.Second)
		b.hear(51, 200, time.Now())
		time.Sleep(4 * time.Second)
		b.want(
			"  4.6094s vrid 51 sends priority 100 to 224.0.0.18", // 1s + 3*1s + 156/256*1s
			"  4.6094s apply [VI_1]",
			"  4.6094s VI_1 announce active",
			"  4.6094s VI_1 Backup -> Active (active-down)")
		b.stop()
		b.want("  5.0000s vrid 51 sends priority 0 to 224.0.0.18", "  5.0000s VI_1 Active -> Initialize (shutdown)", "  5.0000s apply []")
	})
}

// The process sleeps past the deadline while adverts pile up in the socket.
func TestDatagramsThatWaitCountBeforeTheDeadline(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51)})
		b.take()
		for s := 1; s <= 4; s++ { // queued behind the loop's back, as during a stop
			a := Advert{Version: 3, VRID: 51, Priority: 200, MaxAdvertiseInterval: time.Second, Src: routerA, Dst: GroupIPv4, Addrs: addrs("10.9.0.100")}
			b.conn.queue <- received{b: AppendAdvert(nil, &a), meta: Meta{Src: routerA, Dst: GroupIPv4, TTL: 255, Arrival: b.start.Add(3 * time.Second)}}
		}
		time.Sleep(6 * time.Second) // the deadline of 3.6094s passes: the timer wakes the loop
		b.want()                    // 3s + 3.6094s is not over
		time.Sleep(time.Second)
		if lines := b.take(); !strings.Contains(strings.Join(lines, "\n"), "6.6094s VI_1 Backup -> Active") {
			t.Errorf("diary %q, want a takeover 3.6094s after the last arrival", lines)
		}
	})
}

func TestArrivalIsTrustedOnlyAsFarAsItCanBeTrue(t *testing.T) {
	now := time.Now()
	tests := map[string]struct{ stamp, want time.Time }{
		"as stamped":                       {now.Add(-time.Second).Round(0), now.Add(-time.Second)},
		"no stamp":                         {time.Time{}, now},
		"in the future":                    {now.Add(time.Hour).Round(0), now},
		"before the socket was last empty": {now.Add(-time.Hour).Round(0), now.Add(-5 * time.Second)},
	}
	for name, tt := range tests {
		if got := arrival(tt.stamp, now.Add(-5*time.Second), now); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", name, got.Sub(now), tt.want.Sub(now))
		}
	}
}

func TestReloadLeavesTheUnchangedAlone(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51), one("VI_2", 52)})
		time.Sleep(4 * time.Second)
		b.take()
		b.loop.Configure([]Instance{one("renamed", 51), one("VI_3", 53)})
		b.want("  4.0000s vrid 52 sends priority 0 to 224.0.0.18", "  4.0000s VI_2 Active -> Initialize (shutdown)", "  4.0000s apply [renamed]",
			"  4.0000s VI_2 vrrp.Removed {}", "  4.0000s VI_3 Initialize -> Backup (startup)")
		st, err := b.loop.Status(b.t.Context())
		if err != nil || len(st) != 2 || st[0].Snapshot.State != Active || st[0].Counters.AdvertSent != 1 || st[0].Counters.BecomeActive != 1 {
			t.Errorf("status %+v, %v", st, err)
		}
	})
}

func TestRefusedDatagramsAreCountedAndRationed(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51)})
		b.take()
		bad := func(vrid uint8) received {
			return received{b: []byte{0x31, vrid, 100, 0, 0, 100, 0, 0}, meta: Meta{Src: routerA, Dst: GroupIPv4, TTL: 255}}
		}
		for range 10 {
			b.conn.put(bad(51))
			b.conn.put(bad(99))
		}
		b.want("  0.0000s VI_1 dropped checksum, 0 before", "  0.0000s  dropped vrid, 0 before")
		time.Sleep(61 * time.Second)
		b.take()
		b.conn.put(bad(51))
		b.want(" 61.0000s VI_1 dropped checksum, 9 before")
		st, _ := b.loop.Status(b.t.Context())
		if got := st[0].Counters.ChecksumErr; got != 11 {
			t.Errorf("%d checksum errors counted, want 11", got)
		}
	})
}

func TestAFailureStaysWithItsInstance(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.step1 = func(m *Machine, now time.Time, ev Event, out []Action) []Action {
			if _, ok := ev.(Release); ok {
				panic("broken")
			}
			return m.Step(now, ev, out)
		}
		b.loop.Configure([]Instance{one("VI_1", 51), one("VI_2", 52)})
		time.Sleep(4 * time.Second)
		b.take()
		b.loop.Deliver("VI_1", Release{})
		b.want("  4.0000s vrid 51 sends priority 0 to 224.0.0.18", "  4.0000s apply [VI_2]", "  4.0000s VI_1 vrrp.Failed {broken}",
			"  4.0000s VI_1 Active -> Fault (internal-error)")
	})
}

func TestWithoutASocketAnInstanceIsInFaultUntilThereIsOne(t *testing.T) {
	onBench(t, func(b *bench) {
		b.open = errors.New("no such interface")
		b.loop.Configure([]Instance{one("VI_1", 51)})
		b.want("  0.0000s VI_1 vrrp.SocketFailed {no such interface}", "  0.0000s VI_1 Initialize -> Fault (socket)", "  0.0000s apply []")
		b.open = nil
		b.loop.Deliver("VI_1", FaultCleared{ByInterface, "eth0"})
		b.want("  0.0000s VI_1 Fault -> Backup (fault-cleared)")
		b.conn.put(received{err: errors.New("network is down")})
		b.want("  0.0000s VI_1 vrrp.SocketFailed {network is down}", "  0.0000s VI_1 Backup -> Fault (socket)")
		b.plug(newMemConn(b.conn.sent))
		time.Sleep(11 * time.Second)
		b.want(" 10.0000s VI_1 Fault -> Backup (fault-cleared)") // the loop tried again by itself, reopenEvery 10s
	})
}

func TestFailingAttemptsToGetASocketAreReportedOnceAMinute(t *testing.T) {
	onBench(t, func(b *bench) {
		b.open = errors.New("too many open files")
		b.loop.Configure([]Instance{one("VI_1", 51)})
		time.Sleep(65 * time.Second)
		b.want("  0.0000s VI_1 vrrp.SocketFailed {too many open files}", "  0.0000s VI_1 Initialize -> Fault (socket)", "  0.0000s apply []",
			" 60.0000s VI_1 vrrp.SocketFailed {too many open files}") // attempts at 10s, 20s ... 60s
	})
}

func TestAnInterfaceMadeAgainGetsANewSocket(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51), one("VI_2", 52)})
		b.take()
		old := b.conn
		b.loop.Deliver("", FaultRaised{ByInterface, "eth0"})
		b.take()
		old.stale = true
		b.plug(newMemConn(old.sent))
		b.loop.Deliver("", FaultCleared{ByInterface, "eth0"})
		b.take()
		select {
		case <-old.closed:
		default:
			t.Error("the socket of the old interface is still open")
		}
		b.hear(51, 0, time.Now()) // through the new socket
		b.hear(52, 0, time.Now())
		b.take()
		st, _ := b.loop.Status(b.t.Context())
		if st[0].Counters.PriZeroReceived != 1 || st[1].Counters.PriZeroReceived != 1 {
			t.Errorf("heard %d and %d adverts on the new interface, want 1 and 1", st[0].Counters.PriZeroReceived, st[1].Counters.PriZeroReceived)
		}
	})
}

func TestAChangedUnicastSourceLeavesNoSocketBehind(t *testing.T) {
	onBench(t, func(b *bench) {
		var opened []*memConn
		b.loop.open = func(SocketSpec) (Conn, error) {
			opened = append(opened, newMemConn(b.conn.sent))
			return opened[len(opened)-1], nil
		}
		in := one("VI_1", 51)
		in.Params.Peers = []Peer{{Addr: routerA, MaxTTL: 255}}
		b.loop.Configure([]Instance{in})
		b.take()
		b.loop.Deliver("VI_1", SourceAddress{netip.MustParseAddr("10.9.0.77")})
		b.take()
		if len(opened) != 2 {
			t.Fatalf("%d sockets opened, want one for each source", len(opened))
		}
		select {
		case <-opened[0].closed:
		default:
			t.Error("the socket bound to the old source is still open")
		}
	})
}

func TestInstancesThatMoveTogetherAreAppliedOnce(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51), one("VI_2", 52), one("VI_3", 53)})
		b.take()
		time.Sleep(4 * time.Second)
		applied := 0
		for _, line := range b.take() {
			if strings.Contains(line, "apply") {
				applied++
				if !strings.HasSuffix(line, "apply [VI_1 VI_2 VI_3]") {
					t.Error(line)
				}
			}
		}
		if applied != 1 {
			t.Errorf("the host was told %d times of three take-overs at one moment, want once", applied)
		}
	})
}

func TestSyncGroupMovesInOneTurn(t *testing.T) {
	onBench(t, func(b *bench) {
		list := []Instance{one("VI_1", 51), one("VI_2", 52)}
		for i := range list {
			list[i].SyncGroup, list[i].Params.Grouped = "G", true
		}
		b.loop.Configure(list)
		time.Sleep(4 * time.Second)
		b.take()
		b.loop.Deliver("VI_2", FaultRaised{ByInterface, "eth1"})
		b.want("  4.0000s vrid 52 sends priority 0 to 224.0.0.18", "  4.0000s VI_2 Active -> Fault (interface)",
			"  4.0000s vrid 51 sends priority 0 to 224.0.0.18", // adverts wait for nothing
			"  4.0000s apply []", "  4.0000s group G Active -> Fault", "  4.0000s VI_1 Active -> Fault (group)")
	})
}

func TestUnicastSendsToEachPeerAndCountsOne(t *testing.T) {
	onBench(t, func(b *bench) {
		in := one("VI_1", 51)
		in.Params.Peers = []Peer{{Addr: routerA, MaxTTL: 255}, {Addr: netip.MustParseAddr("10.9.0.3"), MaxTTL: 255}}
		b.loop.Configure([]Instance{in})
		time.Sleep(4 * time.Second)
		if got := b.take()[2:4]; !slices.Equal(got, []string{"  3.6094s vrid 51 sends priority 100 to 10.9.0.1", "  3.6094s vrid 51 sends priority 100 to 10.9.0.3"}) {
			t.Errorf("sent %q", got)
		}
		st, _ := b.loop.Status(b.t.Context())
		if got := st[0].Counters.AdvertSent; got != 1 {
			t.Errorf("%d adverts counted, want 1", got)
		}
	})
}

// One list of all nodes is often given to each of them.
func TestOurOwnAddressAmongThePeersGetsNoAdvert(t *testing.T) {
	onBench(t, func(b *bench) {
		in := one("VI_1", 51)
		in.Params.Peers = []Peer{{Addr: routerB, MaxTTL: 255}, {Addr: netip.MustParseAddr("10.9.0.3"), MaxTTL: 255}}
		in.Params.PrimaryAddr = routerB
		b.loop.Configure([]Instance{in})
		b.want("  0.0000s VI_1 Initialize -> Backup (startup)", "  0.0000s VI_1 peer 10.9.0.2 is ourselves", "  0.0000s apply []")
		b.loop.Configure([]Instance{in}) // said once
		time.Sleep(4 * time.Second)
		b.want("  0.0000s apply []", "  3.6094s vrid 51 sends priority 100 to 10.9.0.3", "  3.6094s apply [VI_1]",
			"  3.6094s VI_1 announce active", "  3.6094s VI_1 Backup -> Active (active-down)")
		b.plug(newMemConn(b.conn.sent))
		b.loop.Deliver("VI_1", SourceAddress{routerA}) // now the same peer is another router
		time.Sleep(time.Second)
		b.want("  4.6094s vrid 51 sends priority 100 to 10.9.0.2", "  4.6094s vrid 51 sends priority 100 to 10.9.0.3")
	})
}

func TestALowerAdvertMakesTheWholeSyncGroupAnnounce(t *testing.T) {
	onBench(t, func(b *bench) {
		list := []Instance{one("VI_1", 51), one("VI_2", 52)}
		for i := range list {
			list[i].SyncGroup, list[i].Params.Grouped = "G", true
			list[i].Params.Announce.LowerPrioRepeat, list[i].Params.Announce.LowerPrioDelay = 2, 5*time.Second
		}
		b.loop.Configure(list)
		time.Sleep(4 * time.Second)
		b.take()
		b.hear(52, 50, time.Now())
		b.want("  4.0000s VI_1 announce lower-priority", "  4.0000s vrid 52 sends priority 100 to 224.0.0.18", "  4.0000s VI_2 announce lower-priority")
		time.Sleep(10 * time.Second)
		second := slices.DeleteFunc(b.take(), func(l string) bool { return !strings.Contains(l, "announce") })
		if d := cmp.Diff([]string{"  9.0000s VI_1 announce lower-priority", "  9.0000s VI_2 announce lower-priority"}, second); d != "" {
			t.Errorf("second bursts (-want +got):\n%s", d)
		}
	})
}

// TestALoopThatHangsHasNoHeartbeat: the next beat comes when it goes on.
func TestALoopThatHangsHasNoHeartbeat(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Heartbeat(2*time.Second, func() { b.note("beat") })
		time.Sleep(5 * time.Second)
		b.want("  0.0000s beat", "  2.0000s beat", "  4.0000s beat")
		hang := make(chan struct{})
		b.loop.step1 = func(m *Machine, now time.Time, ev Event, out []Action) []Action {
			if _, ok := ev.(Release); ok {
				<-hang
			}
			return m.Step(now, ev, out)
		}
		b.loop.Configure([]Instance{one("VI_1", 51)})
		b.loop.Deliver("VI_1", Release{})
		time.Sleep(10 * time.Second)
		for _, l := range b.take() {
			if strings.Contains(l, "beat") {
				t.Errorf("%s while the loop hangs", l)
			}
		}
		close(hang)
		synctest.Wait()
		if got := b.take(); !slices.Contains(got, " 15.0000s beat") {
			t.Errorf("no beat when it goes on: %q", got)
		}
		b.loop.Heartbeat(0, nil)
		time.Sleep(3 * time.Second)
		for _, l := range b.take() {
			if strings.Contains(l, "beat") {
				t.Errorf("%s though nobody wants it", l)
			}
		}
	})
}

// A raw socket that has joined the group hears unicast adverts of the same
// interface too; those are for another socket and no strangers.
func TestUnicastAdvertsOnAMulticastSocketAreNobodysBusiness(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51)})
		b.take()
		pdu := []byte{0x31, 99, 100, 0, 0, 100, 0, 0}
		b.conn.put(received{b: pdu, meta: Meta{Src: routerA, Dst: routerB, TTL: 255}})
		b.want()
		b.conn.put(received{b: pdu, meta: Meta{Src: routerA, Dst: GroupIPv4, TTL: 255}})
		b.want("  0.0000s  dropped vrid, 0 before")
	})
}

// Each VMAC on a link hears the adverts of all virtual routers there.
func TestAdvertsForAnotherRouterOnTheLinkBelowAreNobodysBusinessOnAVMAC(t *testing.T) {
	onBench(t, func(b *bench) {
		own := one("VI_1", 51)
		own.Link = "vrrp.51"
		b.loop.Configure([]Instance{own})
		b.take()
		onVMAC := b.conn
		b.plug(newMemConn(onVMAC.sent))
		b.loop.Configure([]Instance{own, one("VI_2", 52)})
		b.take()
		advert := func(vrid uint8) received {
			return received{b: []byte{0x31, vrid, 100, 0, 0, 100, 0, 0}, meta: Meta{Src: routerA, Dst: GroupIPv4, TTL: 255}}
		}
		onVMAC.put(advert(52))
		b.want()
		onVMAC.put(advert(99))
		b.want("  0.0000s  dropped vrid, 0 before")
	})
}

func TestAdvertsGoByTheLinkThatIsNamed(t *testing.T) {
	vmac, unicast := one("VI_1", 51), one("VI_2", 52)
	vmac.Link = "vrrp.51"
	unicast.Interface, unicast.Link = "", "red"
	unicast.Params.Peers = []Peer{{Addr: routerA}}
	tests := map[string]struct {
		in   Instance
		want SocketSpec
	}{
		"its interface":           {one("VI_1", 51), SocketSpec{Interface: "eth0", Group: GroupIPv4}},
		"a VMAC":                  {vmac, SocketSpec{Interface: "vrrp.51", Base: "eth0", Group: GroupIPv4}},
		"a VRF without interface": {unicast, SocketSpec{Interface: "red", Local: unicast.Params.PrimaryAddr}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.in.socket(); got != tt.want {
				t.Errorf("socket %+v, want %+v", got, tt.want)
			}
		})
	}
}

// A reload that gives an instance a VMAC opens a socket there and goes on.
func TestAReloadMayMoveAdvertsToAnotherLink(t *testing.T) {
	onBench(t, func(b *bench) {
		b.loop.Configure([]Instance{one("VI_1", 51)})
		b.take()
		old := b.conn
		b.plug(newMemConn(old.sent))
		own := one("VI_1", 51)
		own.Link = "vrrp.51"
		b.loop.Configure([]Instance{own})
		for _, line := range b.take() {
			if strings.Contains(line, "->") {
				t.Errorf("moved: %s", line)
			}
		}
		select {
		case <-old.closed:
		default:
			t.Error("the socket on the interface is still open")
		}
	})
}

// TestAnActiveRouterWaitsForItsVMACToBeMadeAgain, for a moment; a Backup does not.
func TestAnActiveRouterWaitsForItsVMACToBeMadeAgain(t *testing.T) {
	gone := errors.New("no such device")
	for name, tt := range map[string]struct {
		after time.Duration // when somebody deletes it
		back  time.Duration // when it has been made again
		link  string
		want  []string
	}{
		"in time": {4 * time.Second, 100 * time.Millisecond, "vrrp.51", nil},
		"too late": {4 * time.Second, time.Second, "vrrp.51", []string{"  4.2500s VI_1 vrrp.SocketFailed {no such device}",
			"  4.2500s VI_1 Active -> Fault (socket)", "  4.2500s apply []", "  5.0000s VI_1 Fault -> Backup (fault-cleared)"}},
		"a Backup": {time.Second, 100 * time.Millisecond, "vrrp.51", []string{"  1.0000s VI_1 vrrp.SocketFailed {network is down}",
			"  1.0000s VI_1 Backup -> Fault (socket)", "  1.1000s VI_1 Fault -> Backup (fault-cleared)"}},
		"a link that is not ours": {4 * time.Second, 100 * time.Millisecond, "", []string{"  4.0000s VI_1 vrrp.SocketFailed {network is down}",
			"  4.0000s VI_1 Active -> Fault (socket)", "  4.0000s apply []", "  4.1000s VI_1 Fault -> Backup (fault-cleared)"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				own := one("VI_1", 51)
				own.Link = tt.link
				b.loop.Configure([]Instance{own})
				time.Sleep(tt.after)
				b.take()
				b.mu.Lock()
				b.open = gone
				b.mu.Unlock()
				b.conn.put(received{err: errors.New("network is down")})
				time.Sleep(tt.back)
				b.mu.Lock()
				b.open = nil
				b.mu.Unlock()
				b.plug(newMemConn(b.conn.sent))
				b.loop.Deliver("VI_1", FaultCleared{ByInterface, "vrrp.51"})
				lines := slices.DeleteFunc(b.take(), func(l string) bool {
					return strings.Contains(l, "sends priority 100") || strings.Contains(l, "sends priority 0")
				})
				if d := cmp.Diff(tt.want, lines, cmpopts.EquateEmpty()); d != "" {
					t.Errorf("diary (-want +got):\n%s", d)
				}
				if tt.want == nil { // and it goes on, through the new one
					time.Sleep(time.Second)
					if lines := b.take(); len(lines) != 1 || !strings.Contains(lines[0], "sends priority 100") {
						t.Errorf("diary %q, want one advert", lines)
					}
				}
			})
		})
	}
}
