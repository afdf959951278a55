package host

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// FrameSocket sends announcements through one packet socket that receives
// nothing. One goroutine at a time may use it; a send takes about a
// microsecond and allocates nothing.
type FrameSocket struct {
	fd    int
	to    unix.SockaddrLinklayer
	frame [FrameSize]byte
}

// OpenFrameSocket opens the socket in the network namespace of the calling
// thread. It needs CAP_NET_RAW.
func OpenFrameSocket() (*FrameSocket, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0) // protocol 0: hear nothing
	switch {
	case errors.Is(err, syscall.EPERM):
		return nil, fmt.Errorf("open packet socket: %w (needs CAP_NET_RAW)", err)
	case err != nil:
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	return &FrameSocket{fd: fd}, nil
}

// Send puts the frame of a on the link with that index. A full device queue
// is an error, never a wait.
func (s *FrameSocket) Send(index int, a Announcement) error {
	frame := a.AppendFrame(s.frame[:0])
	s.to.Ifindex = index
	s.to.Protocol = ne.Uint16(frame[12:]) // network order, as it lies in the frame
	s.to.Halen = 6
	copy(s.to.Addr[:], frame[:6])
	if err := unix.Sendto(s.fd, frame, 0, &s.to); err != nil {
		return fmt.Errorf("announce %v on %s: %w", a.Addr, a.Link, err)
	}
	return nil
}

// Close closes the socket.
func (s *FrameSocket) Close() error { return unix.Close(s.fd) }

// Forwards reports whether the link forwards IPv6, in the network namespace
// of the calling thread: the Router bit of its neighbour advertisements.
func Forwards(link string) bool {
	b, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + link + "/forwarding")
	return err == nil && strings.TrimSpace(string(b)) == "1"
}
