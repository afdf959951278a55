package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// facilityCodes are syslog's numbers (RFC 5424 section 6.2.1).
var facilityCodes = map[string]int{
	"": 3, "daemon": 3, "user": 1,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19,
	"local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

// syslogSink sends datagrams to the local log socket without ever waiting: the
// C library's syslog(3), and Go's log/syslog, block their caller when the log
// daemon stops reading, and a blocked VRRP process is a dead one.
type syslogSink struct {
	path     string
	ident    string
	pid      int
	facility int

	mu      sync.Mutex
	fd      int // -1: not connected
	retryAt time.Time
	dropped atomic.Uint64
}

// syslogRetry is how long a missing log socket is left alone.
const syslogRetry = time.Second

func newSyslogSink(path, ident, facility string) *syslogSink {
	return &syslogSink{path: path, ident: ident, pid: os.Getpid(), facility: facilityCodes[facility], fd: -1}
}

func severity(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	default:
		return 6 // keepalived logs nearly everything as info
	}
}

func (s *syslogSink) write(level slog.Level, at time.Time, line string) {
	msg := fmt.Appendf(nil, "<%d>%s %s[%d]: %s", s.facility*8+severity(level), at.Format(time.Stamp), s.ident, s.pid, line)
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 2 { // the second try reconnects after a restart of the log daemon
		if s.send(msg) {
			return
		}
	}
	s.dropped.Add(1)
}

// send reports whether the line is delivered, or lost for good; false asks for
// another try on a new socket.
func (s *syslogSink) send(msg []byte) bool {
	if s.fd < 0 && !s.connect() {
		return false
	}
	switch err := unix.Sendto(s.fd, msg, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil); err {
	case nil:
		return true
	case unix.EAGAIN, unix.EMSGSIZE, unix.ENOBUFS: // reader is behind: this line is lost, the socket is good
		s.dropped.Add(1)
		return true
	}
	unix.Close(s.fd)
	s.fd = -1
	return false
}

func (s *syslogSink) connect() bool {
	if now := time.Now(); now.Before(s.retryAt) {
		return false
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: s.path}); err == nil {
			s.fd = fd
			return true
		}
		unix.Close(fd)
	}
	s.retryAt = time.Now().Add(syslogRetry)
	return false
}

func (s *syslogSink) lost() uint64 { return s.dropped.Load() }

func (s *syslogSink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
	return nil
}
