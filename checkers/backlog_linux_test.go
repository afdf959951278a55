package checkers

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// listenWithoutRoom listens with a backlog of 0 and fills the one place that
// this leaves, so that the kernel drops further connection requests.
func listenWithoutRoom(t *testing.T) (netip.AddrPort, func()) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	must(err)
	must(unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(unix.Listen(l, 0))
	sa, err := unix.Getsockname(l)
	must(err)
	fds := []int{l}
	for range 2 {
		c, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		must(err)
		fds = append(fds, c)
		if err := unix.Connect(c, sa); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(sa.(*unix.SockaddrInet4).Port)), func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
}
