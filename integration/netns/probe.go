package netns

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	vns "github.com/vishvananda/netns"
)

// Prober asks an address every few milliseconds whether it is reachable, as a
// client does: it opens a TCP connection to a port where nobody listens, and
// takes the refusal as the answer.
type Prober struct {
	mu     sync.Mutex
	probes []probe
	stop   chan struct{}
	done   chan struct{}
}

type probe struct {
	at time.Time
	ok bool
}

// probeTimeout is how long one probe waits; a neighbour on the same bridge
// answers in a fraction of a millisecond.
const probeTimeout = 50 * time.Millisecond

// Probe starts to probe addr from this host until Outage or the end of the
// test.
func (h *Host) Probe(addr string, every time.Duration) *Prober {
	h.lab.t.Helper()
	p := &Prober{stop: make(chan struct{}), done: make(chan struct{})}
	ready := make(chan error)
	go p.run(h.NS, net.JoinHostPort(addr, "9"), every, ready)
	if err := <-ready; err != nil {
		h.lab.t.Fatal(err)
	}
	h.lab.root.Cleanup(p.end)
	return p
}

// run probes from a thread of its own inside the namespace; the thread ends
// with the goroutine.
func (p *Prober) run(ns, target string, every time.Duration, ready chan<- error) {
	defer close(p.done)
	runtime.LockOSThread()
	err := enter(ns)
	ready <- err
	if err != nil {
		return
	}
	for {
		at := time.Now()
		ok := asks(target)
		p.mu.Lock()
		p.probes = append(p.probes, probe{at, ok})
		p.mu.Unlock()
		select {
		case <-p.stop:
			return
		case <-time.After(every):
		}
	}
}

// asks says whether target answered, be it with a refusal. Dialling an IP
// address opens the socket in the calling thread's namespace.
func asks(target string) bool {
	conn, err := net.DialTimeout("tcp", target, probeTimeout)
	if err == nil {
		conn.Close()
		return true
	}
	return errors.Is(err, os.NewSyscallError("connect", errRefused)) || errors.Is(err, errRefused)
}

// enter moves the calling, locked thread into a namespace.
func enter(name string) error {
	ns, err := vns.GetFromName(name)
	if err != nil {
		return err
	}
	defer ns.Close()
	return vns.Set(ns)
}

func (p *Prober) end() {
	select {
	case <-p.stop:
	default:
		close(p.stop)
	}
	<-p.done
}

// Answered says whether the newest probe was answered.
func (p *Prober) Answered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.probes) > 0 && p.probes[len(p.probes)-1].ok
}

// Outage is the longest time between two answers since then, and how many
// probes were lost.
func (p *Prober) Outage(t *testing.T, since time.Time) (longest time.Duration, lost int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var last time.Time
	for _, pr := range p.probes {
		switch {
		case pr.ok:
			if !last.IsZero() && pr.at.After(since) {
				longest = max(longest, pr.at.Sub(last))
			}
			last = pr.at
		case pr.at.After(since):
			lost++
		}
	}
	if last.IsZero() {
		t.Fatal("no probe was ever answered")
	}
	return longest, lost
}
