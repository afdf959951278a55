package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// facilityCodes are syslog's numbers (RFC 5424 section 6.2.1).
var facilityCodes = map[string]int{
	"": 3, "daemon": 3, "user": 1,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19,
	"local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

// syslogSocket is the way to the local log daemon. The C library's syslog(3),
// and Go's log/syslog, block their caller when it stops reading, and a blocked
// VRRP process is a dead one: here only the queue's own goroutine waits.
type syslogSocket struct {
	path    string
	fd      int // -1: not connected
	retryAt time.Time
}

const (
	// syslogRetry is how long a missing log socket is left alone.
	syslogRetry = time.Second
	// syslogWait is how long one try to send waits for room in the socket.
	syslogWait = 20 * time.Millisecond
)

// newSyslogSink sends datagrams in syslog's local form to the socket at path.
func newSyslogSink(path, ident, facility string) *lineQueue {
	pid, code := os.Getpid(), facilityCodes[facility]
	format := func(level slog.Level, at time.Time, line string) string {
		return fmt.Sprintf("<%d>%s %s[%d]: %s", code*8+severity(level), at.Format(time.Stamp), ident, pid, line)
	}
	s := &syslogSocket{path: path, fd: -1}
	return newLineQueue(format, s.write)
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

// write sends one line, however long the log daemon takes, but drops it if
// there is none.
func (s *syslogSocket) write(q *lineQueue, line string) {
	again := true // once, after a restart of the log daemon
	for !q.hurry.Load() {
		if s.fd < 0 && !s.connect() {
			return
		}
		switch err := unix.Sendto(s.fd, []byte(line), unix.MSG_NOSIGNAL, nil); err {
		case nil, unix.EMSGSIZE:
			return
		case unix.EAGAIN, unix.ENOBUFS, unix.EINTR: // the log daemon is behind
			continue
		}
		s.close()
		if !again {
			return
		}
		again = false
	}
}

func (s *syslogSocket) connect() bool {
	if now := time.Now(); now.Before(s.retryAt) {
		return false
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		wait := unix.NsecToTimeval(syslogWait.Nanoseconds())
		if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &wait); err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: s.path})
		}
		if err == nil {
			s.fd = fd
			return true
		}
		unix.Close(fd)
	}
	s.retryAt = time.Now().Add(syslogRetry)
	return false
}

func (s *syslogSocket) close() {
	unix.Close(s.fd)
	s.fd = -1
}
