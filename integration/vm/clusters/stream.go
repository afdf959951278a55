package clusters

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Echo is a TCP server that sends back what it gets, connection by connection.
type Echo struct {
	listener net.Listener
	conns    sync.WaitGroup

	mu   sync.Mutex
	open []net.Conn
}

// ServeEcho starts an Echo on an address of the node. It ends with the test.
func (n *Node) ServeEcho(t *testing.T, addr string) {
	t.Helper()
	e := &Echo{}
	var err error
	n.In(func() { e.listener, err = net.Listen("tcp4", addr) })
	if err != nil {
		t.Fatalf("%s: %v", n.Name, err)
	}
	e.conns.Go(func() {
		for {
			conn, err := e.listener.Accept()
			if err != nil {
				return
			}
			e.mu.Lock()
			e.open = append(e.open, conn)
			e.mu.Unlock()
			e.conns.Go(func() {
				io.Copy(conn, conn)
				conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		e.listener.Close()
		e.mu.Lock()
		for _, conn := range e.open {
			conn.Close()
		}
		e.mu.Unlock()
		e.conns.Wait()
	})
}

// beat lies between two lines of a stream.
const beat = 50 * time.Millisecond

// Stream is one TCP connection to an Echo that carries numbered lines. Every
// octet that comes back is compared with what was sent.
type Stream struct {
	conn   net.Conn
	ends   chan struct{} // closed: no more lines are to be sent
	done   chan struct{} // closed: all has come back, or something failed
	stop   sync.Once
	writer sync.WaitGroup

	mu     sync.Mutex
	sent   int // lines
	back   int // lines that have come back
	last   time.Time
	gap    time.Duration // longest between two lines since Mark
	failed error
}

// line is the n-th of every stream; lengths and content differ.
func line(n int) string {
	return fmt.Sprintf("%08d %s\n", n, strings.Repeat(string(rune('a'+n%26)), n%97))
}

// OpenStream connects from the node and lets the lines flow until Finish or
// the end of the test.
func (n *Node) OpenStream(t *testing.T, addr string) *Stream {
	t.Helper()
	conn, err := n.dial("tcp4", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	s := &Stream{conn: conn, ends: make(chan struct{}), done: make(chan struct{}), last: time.Now()}
	s.writer.Go(s.write)
	go s.read()
	t.Cleanup(func() {
		conn.Close()
		s.end()
		s.writer.Wait()
		<-s.done
	})
	return s
}

func (s *Stream) end() { s.stop.Do(func() { close(s.ends) }) }

func (s *Stream) write() {
	for n := 0; ; n++ {
		select {
		case <-s.ends:
			return
		case <-time.After(beat):
		}
		s.mu.Lock()
		s.sent = n + 1
		s.mu.Unlock()
		if _, err := io.WriteString(s.conn, line(n)); err != nil {
			s.fail(fmt.Errorf("write line %d: %w", n, err))
			return
		}
	}
}

func (s *Stream) read() {
	defer close(s.done)
	for in, n := bufio.NewReader(s.conn), 0; ; n++ {
		got, err := in.ReadString('\n')
		if err == io.EOF && got == "" {
			return
		}
		if err != nil {
			s.fail(fmt.Errorf("read line %d: %w", n, err))
			return
		}
		if got != line(n) {
			s.fail(fmt.Errorf("line %d came back as %q, want %q", n, got, line(n)))
			return
		}
		s.mu.Lock()
		s.gap = max(s.gap, time.Since(s.last))
		s.back, s.last = n+1, time.Now()
		s.mu.Unlock()
	}
}

func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
}

// Err is what has broken the stream, nil while it is whole.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// port is the client's, which tells the stream from others.
func (s *Stream) port() string {
	_, port, _ := net.SplitHostPort(s.conn.LocalAddr().String())
	return port
}

// Mark begins to look for the longest standstill.
func (s *Stream) Mark() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gap = 0
}

// Flows waits until lines come back that were sent after the call, and returns
// the longest standstill since Mark.
func (s *Stream) Flows(t *testing.T, where string) (standstill time.Duration) {
	t.Helper()
	s.mu.Lock()
	want := s.sent + 5
	s.mu.Unlock()
	Eventually(t, patience, "the stream flows "+where, func() (string, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failed != nil {
			t.Fatalf("the stream is broken %s: %v", where, s.failed)
		}
		standstill = s.gap
		return fmt.Sprintf("%d lines sent, %d came back", s.sent, s.back), s.back >= want
	})
	return standstill
}

// Finish sends no more and sees that every line has come back.
func (s *Stream) Finish(t *testing.T) {
	t.Helper()
	s.end()
	s.writer.Wait()
	if err := s.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.done:
	case <-time.After(patience):
		t.Fatal("the stream does not end")
	}
	if s.failed != nil || s.back != s.sent {
		t.Errorf("%d lines of %d came back, %v", s.back, s.sent, s.failed)
	}
	t.Logf("%d lines there and back", s.back)
}
