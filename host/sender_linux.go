package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Find waits for the next datagram of s and returns the MAC it came from; when
// none comes until ctx ends, that of the neighbour table. ok is false when
// neither knows. ours says that it is the link's own: a datagram of ours that
// came back. It opens a packet socket in the network namespace of the process,
// which needs CAP_NET_RAW, and closes it before it returns.
func (s Sender) Find(ctx context.Context) (mac MAC, ours, ok bool) {
	link, err := net.InterfaceByName(s.Link)
	if err != nil {
		return MAC{}, false, false
	}
	if mac, err = s.hear(ctx, link.Index); err != nil {
		mac, ok = s.neighbour(link.Index)
		return mac, false, ok
	}
	return mac, string(mac[:]) == string(link.HardwareAddr), true
}

// hear waits on a packet socket for the next datagram of s.
func (s Sender) hear(ctx context.Context, index int) (MAC, error) {
	f, err := s.listen(index)
	if err != nil {
		return MAC{}, err
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	conn, err := f.SyscallConn()
	if err != nil {
		return MAC{}, err
	}
	var mac MAC
	var failed error
	buf := make([]byte, 64)
	err = conn.Read(func(fd uintptr) bool {
		for {
			n, from, err := unix.Recvfrom(int(fd), buf, 0)
			switch {
			case errors.Is(err, unix.EAGAIN):
				return false
			case errors.Is(err, unix.EINTR):
				continue
			case err != nil:
				failed = err
				return true
			}
			if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype != unix.PACKET_OUTGOING && ll.Halen == 6 && s.sent(buf[:n]) {
				copy(mac[:], ll.Addr[:])
				return true
			}
		}
	})
	return mac, errors.Join(err, failed)
}

// listen opens a packet socket that hears datagrams of s. The filter is there
// before anything can be heard: a socket of protocol 0 hears nothing.
func (s Sender) listen(index int) (*os.File, error) {
	program, err := s.filter()
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	proto := uint16(unix.ETH_P_IP)
	if s.Addr.Is6() {
		proto = unix.ETH_P_IPV6
	}
	err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, sockFprog(program))
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto<<8 | proto>>8, Ifindex: index})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen on %s: %w", s.Link, err)
	}
	return os.NewFile(uintptr(fd), "packet socket"), nil
}

func sockFprog(program []bpf.RawInstruction) *unix.SockFprog {
	// The two types have the same layout: both are the kernel's struct sock_filter.
	return &unix.SockFprog{Len: uint16(len(program)), Filter: (*unix.SockFilter)(unsafe.Pointer(&program[0]))}
}

// neighbour is what the kernel knows of s from ARP or neighbour discovery.
func (s Sender) neighbour(index int) (mac MAC, ok bool) {
	list, err := netlink.NeighList(index, int(familyOf(s.Addr.Is6())))
	if err != nil {
		return mac, false
	}
	for _, n := range list {
		if n.IP.Equal(s.Addr.AsSlice()) && len(n.HardwareAddr) == 6 {
			copy(mac[:], n.HardwareAddr)
			return mac, true
		}
	}
	return mac, false
}
