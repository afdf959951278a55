package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// seen is one frame: an advert, or an answer to ARP, with the kernel's time of arrival.
type seen struct {
	at       time.Time
	link     int // interface index
	from     netip.Addr
	mac      [6]byte
	advert   bool // else an answer to ARP
	vrid     uint8
	priority uint8
}

// capture hands on what arrives in a namespace.
type capture struct {
	fd   int
	out  chan seen
	end  chan struct{}
	wait sync.WaitGroup
}

// inside opens something in a network namespace.
func inside(namespace string, open func() error) error {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		return err
	}
	defer home.Close()
	there, err := netns.GetFromName(namespace)
	if err != nil {
		return fmt.Errorf("enter namespace %s: %w", namespace, err)
	}
	defer there.Close()
	if err := netns.Set(there); err != nil {
		return fmt.Errorf("enter namespace %s: %w", namespace, err)
	}
	err = open()
	if back := netns.Set(home); back != nil {
		return errors.Join(err, back) // the thread stays locked, and ends with this goroutine
	}
	runtime.UnlockOSThread()
	return err
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// listen captures on all interfaces of a namespace, or on the one with this index.
func listen(namespace string, index int) (*capture, error) {
	c := &capture{out: make(chan seen, 1<<16), end: make(chan struct{})}
	err := inside(namespace, func() (err error) {
		c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
		return err
	})
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	err = errors.Join(unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20),
		unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}))
	if index > 0 {
		err = errors.Join(err, unix.Bind(c.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: index}))
	}
	if err != nil {
		unix.Close(c.fd)
		return nil, err
	}
	c.wait.Go(c.read)
	return c, nil
}

func (c *capture) close() {
	close(c.end)
	c.wait.Wait()
	unix.Close(c.fd)
}

func (c *capture) read() {
	buf, oob := make([]byte, 2048), make([]byte, 128)
	for {
		select {
		case <-c.end:
			return
		default:
		}
		n, oobn, _, from, err := unix.Recvmsg(c.fd, buf, oob, 0)
		if err != nil {
			continue // nothing for 100 ms
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if !ok || link.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if s, ok := parse(buf[:n]); ok {
			s.at, s.link = stamp(oob[:oobn]), link.Ifindex
			c.out <- s
		}
	}
}

// parse reads an Ethernet frame with a VRRP advert over IPv4, or an ARP reply.
func parse(b []byte) (s seen, ok bool) {
	if len(b) < 42 {
		return s, false
	}
	copy(s.mac[:], b[6:12])
	switch ip := b[14:]; binary.BigEndian.Uint16(b[12:]) {
	case unix.ETH_P_IP:
		header := int(ip[0]&0x0f) * 4
		if ip[9] != 112 || len(ip) < header+8 {
			return s, false
		}
		s.advert, s.from = true, netip.AddrFrom4([4]byte(ip[12:]))
		s.vrid, s.priority = ip[header+1], ip[header+2]
		return s, true
	case unix.ETH_P_ARP:
		s.from = netip.AddrFrom4([4]byte(ip[14:]))
		return s, binary.BigEndian.Uint16(ip[6:]) == 2
	}
	return s, false
}

// stamp is the kernel's time in a control message.
func stamp(oob []byte) time.Time {
	const header = unix.SizeofCmsghdr
	if len(oob) < header+int(unsafe.Sizeof(unix.Timespec{})) {
		return time.Now()
	}
	ts := (*unix.Timespec)(unsafe.Pointer(&oob[header]))
	return time.Unix(ts.Unix())
}

// ask sends an ARP request for an address.
func (c *capture) ask(index int, mac [6]byte, from, wanted netip.Addr) error {
	b := make([]byte, 42)
	for i := range 6 {
		b[i] = 0xff
	}
	copy(b[6:], mac[:])
	copy(b[12:], []byte{0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1})
	copy(b[22:], mac[:])
	copy(b[28:], from.AsSlice())
	copy(b[38:], wanted.AsSlice())
	return unix.Sendto(c.fd, b, 0, &unix.SockaddrLinklayer{Ifindex: index, Halen: 6})
}
