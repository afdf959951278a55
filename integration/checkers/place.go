package checkers

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/integration/netns"
)

// Place is where a case's real server lives.
type Place struct {
	Addr netip.AddrPort
	Dir  string // for files of this case

	t    *testing.T
	site *Site

	mu    sync.Mutex
	heard []string
}

// Hear notes what the daemon sent, for the record.
func (p *Place) Hear(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	for _, form := range []string{p.Addr.String(), fmt.Sprintf("[%v]:%d", p.Addr.Addr(), p.Addr.Port())} {
		text = strings.ReplaceAll(text, form, "PLACE")
	}
	p.heard = append(p.heard, "heard "+text)
}

// Heard is what was noted.
func (p *Place) Heard() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.heard...)
}

// Site is the machine of the servers, with what listens there.
type Site struct {
	Host *netns.Host

	t       *testing.T
	mu      sync.Mutex
	open    map[io.Closer]bool
	closed  bool
	serving sync.WaitGroup
}

// newSite makes the machine; its sockets close with the test.
func newSite(t *testing.T, h *netns.Host) *Site {
	s := &Site{Host: h, t: t, open: map[io.Closer]bool{}}
	t.Cleanup(s.close)
	return s
}

// close ends everything that listens or talks, and waits for it.
func (s *Site) close() {
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// hold has c closed with the site.
func (s *Site) hold(c io.Closer) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.Close()
	}
	s.open[c] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, c)
	}
}

// inside calls f on a thread that is in the namespace of the host: sockets that
// it makes are the host's. Without a host they are this machine's.
func inside(t *testing.T, h *netns.Host, f func() error) {
	t.Helper()
	if h == nil {
		if err := f(); err != nil {
			t.Fatal(err)
		}
		return
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
		ns, err := os.Open(filepath.Join("/run/netns", h.NS))
		if err == nil {
			defer ns.Close()
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// serveTCP handles each connection to the place.
func (p *Place) serveTCP(handle func(net.Conn)) {
	p.t.Helper()
	var l net.Listener
	inside(p.t, p.site.Host, func() (err error) {
		l, err = net.Listen("tcp", p.Addr.String())
		return err
	})
	p.Addr = netip.MustParseAddrPort(l.Addr().String()) // which says what port 0 became
	s := p.site
	s.hold(l)
	s.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			release := s.hold(c)
			s.serving.Go(func() {
				defer release()
				defer c.Close()
				handle(c)
			})
		}
	})
}

// HearSource notes where something came from, with the port if that was chosen.
func (p *Place) HearSource(from netip.AddrPort) {
	if from.Port() < ephemeral {
		p.Hear("from %v", from)
	} else {
		p.Hear("from %v", from.Addr())
	}
}

// ephemeral is the first port that the kernel chooses by itself.
const ephemeral = 32768

// serveUDP answers each datagram to the place with those that reply makes of it.
func (p *Place) serveUDP(reply func(q []byte, say func([]byte))) {
	p.t.Helper()
	p.serveUDPFrom(func(q []byte, _ netip.AddrPort, say func([]byte)) { reply(q, say) })
}

// serveUDPFrom is serveUDP for a reply that depends on who asks.
func (p *Place) serveUDPFrom(reply func(q []byte, from netip.AddrPort, say func([]byte))) {
	p.t.Helper()
	var c net.PacketConn
	inside(p.t, p.site.Host, func() (err error) {
		c, err = net.ListenPacket("udp", p.Addr.String())
		return err
	})
	p.Addr = netip.MustParseAddrPort(c.LocalAddr().String())
	s := p.site
	s.hold(c)
	s.serving.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := c.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				reply(append([]byte(nil), buf[:n]...), netip.MustParseAddrPort(from.String()), func(b []byte) { c.WriteTo(b, from) })
			}
		}
	})
}

// File writes a file of the case and returns its path.
func (p *Place) File(name, text string, mode os.FileMode) string {
	p.t.Helper()
	path := filepath.Join(p.Dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		p.t.Fatal(err)
	}
	return path
}

const (
	pause  = 300 * time.Millisecond // what a server waits between two octets
	settle = 2 * time.Second        // and between two halves of an answer
)
