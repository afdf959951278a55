package netns

import (
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Watcher asks every few milliseconds who owns the virtual addresses: it sends
// an ICMP echo request for each to all hosts on the link at once, whatever its
// neighbour table says, and every host that has the address answers. Which one
// it was, the TTL of the answer tells: Mark gives each host another.
type Watcher struct {
	fd    int
	every time.Duration
	vips  [][4]byte
	frame []byte // request, to be filled in

	mu     sync.Mutex
	probes []ownership
	stop   chan struct{}
	done   sync.WaitGroup
}

// ownership is who answered one round of requests: by address a set of marks.
type ownership struct {
	at     time.Time // of sending
	owners [maxWatched]uint8
}

const (
	maxWatched = 2   // virtual addresses of a watcher
	markBase   = 100 // TTL of mark 0
	maxMarks   = 8
	onTheWay   = 20 * time.Millisecond // rounds younger than this may not be answered yet
	echoAnswer = 0
	echoAsk    = 8
	icmpLen    = 8
)

// Mark gives the host the TTL by which watchers know it, 0 to 7.
func (h *Host) Mark(mark int) {
	h.lab.t.Helper()
	h.Run("sysctl", "-qw", "net.ipv4.ip_default_ttl="+strconv.Itoa(markBase+mark))
}

// Watch starts to ask, from the host's eth0, until the end of the test.
func (h *Host) Watch(every time.Duration, vips ...string) *Watcher {
	h.lab.t.Helper()
	w := &Watcher{every: every, stop: make(chan struct{})}
	for _, vip := range vips {
		w.vips = append(w.vips, netip.MustParseAddr(vip).As4())
	}
	mac, _ := net.ParseMAC(h.MAC)
	w.frame = append([]byte{255, 255, 255, 255, 255, 255}, mac...)
	w.frame = binary.BigEndian.AppendUint16(w.frame, etherIPv4)
	w.frame = append(w.frame, 0x45, 0, 0, 20+icmpLen, 0, 0, 0, 0, 64, 1, 0, 0)
	w.frame = append(append(w.frame, h.Addr.AsSlice()...), 0, 0, 0, 0)
	w.frame = append(w.frame, make([]byte, icmpLen)...)

	opened := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends in the wrong namespace
		opened <- w.open(h.NS)
	}()
	if err := <-opened; err != nil {
		h.lab.t.Fatalf("watch from %s: %v", h.Name, err)
	}
	w.done.Go(w.ask)
	w.done.Go(w.listen)
	h.lab.root.Cleanup(w.end)
	return w
}

// open makes the packet socket. It waits at most a while for each frame, so
// that the listener notices the end.
func (w *Watcher) open(ns string) error {
	if err := enter(ns); err != nil {
		return err
	}
	link, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	ipv4 := binary.NativeEndian.Uint16([]byte{etherIPv4 >> 8, etherIPv4 & 0xff}) // network order
	if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(ipv4)); err != nil {
		return err
	}
	const buffer = 8 << 20 // seconds of answers, while this process does not run
	if err := unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer); err != nil {
		return err
	}
	if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}); err != nil {
		return err
	}
	return unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: link.Index})
}

// end stops both goroutines and waits for them.
func (w *Watcher) end() {
	close(w.stop)
	w.done.Wait()
	unix.Close(w.fd)
}

func (w *Watcher) ended() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

// ask sends the requests. A request is noted before it is sent, so that no
// answer comes for one that is unknown.
func (w *Watcher) ask() {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for !w.ended() {
		w.mu.Lock()
		seq := len(w.probes)
		w.probes = append(w.probes, ownership{at: time.Now()})
		w.mu.Unlock()
		for i, vip := range w.vips {
			ip := w.frame[etherLen:]
			copy(ip[16:20], vip[:])
			binary.BigEndian.PutUint16(ip[10:], 0)
			binary.BigEndian.PutUint16(ip[10:], internetSum(ip[:20]))
			icmp := ip[20:]
			icmp[0], icmp[2], icmp[3] = echoAsk, 0, 0
			binary.BigEndian.PutUint16(icmp[4:], uint16(i))
			binary.BigEndian.PutUint16(icmp[6:], uint16(seq))
			binary.BigEndian.PutUint16(icmp[2:], internetSum(icmp))
			// The link may be down, which is an answer too: nobody.
			_, _ = syscall.Write(w.fd, w.frame)
		}
		<-tick.C
	}
}

// listen notes the answers.
func (w *Watcher) listen() {
	frame := make([]byte, 256)
	for !w.ended() {
		n, err := syscall.Read(w.fd, frame)
		if err != nil {
			continue // nothing in a while
		}
		w.heard(frame[:n])
	}
}

// heard notes one frame, if it is an answer.
func (w *Watcher) heard(frame []byte) {
	if len(frame) < etherLen+20+icmpLen || frame[etherLen] != 0x45 || frame[etherLen+9] != 1 || frame[etherLen+20] != echoAnswer {
		return
	}
	ip := frame[etherLen:]
	vip, mark, seq := int(binary.BigEndian.Uint16(ip[24:])), int(ip[8])-markBase, binary.BigEndian.Uint16(ip[26:])
	if vip >= len(w.vips) || w.vips[vip] != [4]byte(ip[12:16]) || mark < 0 || mark >= maxMarks {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	// The sequence number has 16 bits: the newest request of this number is meant.
	newest := len(w.probes) - 1
	at := newest - int(uint16(newest)-seq)
	if at >= 0 {
		w.probes[at].owners[vip] |= 1 << mark
	}
}

// Owned is what a watcher saw in a span of time, summed over it; with several
// addresses each figure is of the one that fared worst.
type Owned struct {
	None  time.Duration // nobody answered
	Two   time.Duration // more than one host answered
	Apart time.Duration // the addresses had one owner each, but not the same
}

// Owned adds up the time from one probe to the next, if the answer of the first
// is of the kind: what happens between two probes of a late prober counts for
// what the first one saw.
func (w *Watcher) Owned(from, to time.Time) Owned {
	w.mu.Lock()
	defer w.mu.Unlock()
	var none, two [maxWatched]time.Duration
	var sum Owned
	for i := range max(len(w.probes)-1, 0) {
		p, next := w.probes[i], w.probes[i+1].at
		if p.at.Before(from) || next.After(to) {
			continue
		}
		span := next.Sub(p.at)
		for v := range w.vips {
			switch owners := p.owners[v]; {
			case owners == 0:
				none[v] += span
			case owners&(owners-1) != 0:
				two[v] += span
			}
		}
		if a, b := p.owners[0], p.owners[1]; len(w.vips) == 2 && a != b && single(a) && single(b) {
			sum.Apart += span
		}
	}
	for v := range w.vips {
		sum.None, sum.Two = max(sum.None, none[v]), max(sum.Two, two[v])
	}
	return sum
}

func single(set uint8) bool { return set != 0 && set&(set-1) == 0 }

// Steady says whether for the last span all rounds were answered, for all
// addresses, by just this set of marks.
func (w *Watcher) Steady(span time.Duration, marks ...int) bool {
	var set uint8
	for _, m := range marks {
		set |= 1 << m
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	until := time.Now().Add(-onTheWay)
	from := until.Add(-span)
	for i := len(w.probes) - 1; i >= 0; i-- {
		p := w.probes[i]
		for v := range w.vips {
			if !p.at.After(until) && p.owners[v] != set {
				return false
			}
		}
		if p.at.Before(from) {
			return true
		}
	}
	return false // not watched for long enough
}
