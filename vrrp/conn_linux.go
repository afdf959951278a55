package vrrp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// rawConn is a raw socket of protocol 112, or 51 for AH, on one interface. Set-up goes through
// x/net; reading and writing go to the descriptor and allocate nothing.
type rawConn struct {
	pc      *net.IPConn
	raw     syscall.RawConn
	ifname  string // "": any interface
	ifindex int
	ipv6    bool
	proto   uint8  // of IPv4 packets
	out     []byte // IPv4 header and PDU
	oob     []byte

	// One call at a time uses these: closures made once, so that no call makes one.
	waitFn  func(fd uintptr) bool
	in      []byte
	n, oobn int
	from    unix.RawSockaddrInet6
	err     error
	readFn  func(fd uintptr)
	to      unix.RawSockaddrInet6 // large enough for both families
	tolen   uint32
	payload []byte
	info    [controlSpace]byte // IPv6: control data with source address and hop limit
	infolen uint64             // 0: the kernel chooses
	writeFn func(fd uintptr)
}

// controlSpace holds one IPV6_PKTINFO and one IPV6_HOPLIMIT, each padded to 8.
const controlSpace = 2*unix.SizeofCmsghdr + unix.SizeofInet6Pktinfo + 4 + 8

// Listen opens the socket that spec describes. It needs CAP_NET_RAW.
func Listen(spec SocketSpec) (Conn, error) {
	c, err := listen(spec)
	if err != nil {
		return nil, fmt.Errorf("open vrrp socket on %s: %w", spec.Interface, err)
	}
	return c, nil
}

// listen opens the socket with everything set before it can receive, then joins
// the group. An unset Interface is a unicast instance that names none.
func listen(spec SocketSpec) (*rawConn, error) {
	var ifi *net.Interface
	if spec.Interface != "" {
		var err error
		if ifi, err = interfaceByName(spec.Interface); err != nil {
			return nil, err
		}
	}
	network, proto := "ip4:112", uint8(ipProtocol)
	switch {
	case spec.IPv6:
		network = "ip6:112"
	case spec.AH:
		network, proto = "ip4:51", ahProtocol
	}
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error { return control(raw, spec) }}
	address := ""
	if spec.Local.IsValid() {
		address = spec.Local.String()
		if spec.Local.Zone() == "" && spec.Local.Is6() && spec.Local.IsLinkLocalUnicast() {
			address += "%" + spec.Interface
		}
	}
	pc, err := lc.ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	c := &rawConn{pc: pc.(*net.IPConn), ipv6: spec.IPv6, proto: proto,
		out: make([]byte, ipv4HeaderLen+MaxPacket), oob: make([]byte, 256)}
	if ifi != nil {
		c.ifname, c.ifindex = ifi.Name, ifi.Index
	}
	if err := c.setUp(spec, ifi); err != nil {
		return nil, errors.Join(err, c.pc.Close())
	}
	c.waitFn, c.readFn, c.writeFn = c.waitOnce, c.readOnce, c.writeOnce
	return c, nil
}

// control sets what must be there before the first datagram arrives.
func control(raw syscall.RawConn, spec SocketSpec) error {
	var err error
	set := func(what string, e error) {
		if e != nil && err == nil {
			err = fmt.Errorf("set %s: %w", what, e)
		}
	}
	cerr := raw.Control(func(f uintptr) {
		fd := int(f)
		if spec.Interface != "" {
			set("SO_BINDTODEVICE", unix.BindToDevice(fd, spec.Interface))
		}
		set("SO_PRIORITY", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, 6)) // internetwork control
		set("SO_TIMESTAMPNS", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
		// Without this, groups that others on this host have joined arrive as well.
		if spec.IPv6 {
			set("IPV6_MULTICAST_ALL", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0))
			set("IPV6_FREEBIND", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1))
			return
		}
		set("IP_MULTICAST_ALL", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0))
		set("IP_FREEBIND", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_FREEBIND, 1))
		set("IP_HDRINCL", unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_HDRINCL, 1))
	})
	return errors.Join(cerr, err)
}

// setUp joins the group by interface index; loopback is off, or we would hear
// ourselves as a router with our own address.
func (c *rawConn) setUp(spec SocketSpec, ifi *net.Interface) error {
	raw, err := c.pc.SyscallConn()
	if err != nil {
		return err
	}
	c.raw = raw
	group := &net.IPAddr{IP: spec.Group.AsSlice()}
	if spec.IPv6 {
		return c.setUp6(ipv6.NewPacketConn(c.pc), group, ifi, spec.Group.IsValid())
	}
	if !spec.Group.IsValid() {
		return nil
	}
	p := ipv4.NewPacketConn(c.pc)
	return errors.Join(p.JoinGroup(ifi, group), p.SetMulticastInterface(ifi), p.SetMulticastLoopback(false))
}

// setUp6 asks for what an IPv6 raw socket does not deliver with the packet: hop
// limit and destination. The kernel computes and verifies the checksum at octet 6.
func (c *rawConn) setUp6(p *ipv6.PacketConn, group net.Addr, ifi *net.Interface, multicast bool) error {
	flags := ipv6.FlagHopLimit | ipv6.FlagDst | ipv6.FlagInterface
	err := errors.Join(p.SetTrafficClass(0xc0), p.SetControlMessage(flags, true),
		p.SetChecksum(true, 6), p.SetHopLimit(allowedTTL))
	if multicast {
		err = errors.Join(err, p.JoinGroup(ifi, group), p.SetMulticastInterface(ifi),
			p.SetMulticastLoopback(false), p.SetMulticastHopLimit(allowedTTL))
	}
	return err
}

// Wait implements Conn. It looks without reading, and parks in the runtime's
// poller until the kernel has something.
func (c *rawConn) Wait() error { return c.raw.Read(c.waitFn) }

func (c *rawConn) waitOnce(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	return n > 0 || err != nil && err != unix.EINTR
}

// ReadFrom implements Conn.
func (c *rawConn) ReadFrom(b []byte) (int, Meta, error) {
	c.in = b
	if err := c.raw.Control(c.readFn); err != nil {
		return 0, Meta{}, err
	}
	switch {
	case c.err == unix.EAGAIN || c.err == unix.EINTR:
		return 0, Meta{}, ErrEmpty
	case c.err != nil:
		return 0, Meta{}, fmt.Errorf("read vrrp socket: %w", c.err)
	}
	meta := Meta{IfIndex: c.ifindex}
	c.parseControl(&meta)
	if c.ipv6 {
		meta.Src = netip.AddrFrom16(c.from.Addr)
		return c.n, meta, nil
	}
	d, err := parseIPv4(b[:c.n])
	if err != nil {
		return 0, meta, err
	}
	meta.Src, meta.Dst, meta.TTL, meta.ID = d.Src, d.Dst, d.TTL, d.ID
	return copy(b, d.PDU), meta, nil
}

// readOnce is one recvmsg that never waits. It runs inside the descriptor's lock,
// so Close cannot give the number to another file meanwhile.
func (c *rawConn) readOnce(fd uintptr) {
	iov := unix.Iovec{Base: &c.in[0]}
	iov.SetLen(len(c.in))
	msg := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&c.from)), Namelen: uint32(unsafe.Sizeof(c.from)),
		Iov: &iov, Iovlen: 1, Control: &c.oob[0]}
	msg.SetControllen(len(c.oob))
	n, _, errno := unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&msg)), unix.MSG_DONTWAIT)
	c.n, c.oobn, c.err = int(n), int(msg.Controllen), nil
	if errno != 0 {
		c.n, c.oobn, c.err = 0, 0, errno
	}
}

// parseControl reads arrival time and, for IPv6, what the header said.
func (c *rawConn) parseControl(meta *Meta) {
	for b := c.oob[:c.oobn]; len(b) >= unix.SizeofCmsghdr; {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		l := int(h.Len)
		if l < unix.SizeofCmsghdr || l > len(b) {
			return
		}
		data := b[unix.CmsgLen(0):l]
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			ts := (*unix.Timespec)(unsafe.Pointer(&data[0]))
			meta.Arrival = time.Unix(ts.Unix())
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_HOPLIMIT && len(data) >= 4:
			meta.TTL = uint8(*(*int32)(unsafe.Pointer(&data[0])))
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= 16:
			meta.Dst = netip.AddrFrom16([16]byte(data))
		}
		b = b[min(unix.CmsgSpace(l-unix.CmsgLen(0)), len(b)):]
	}
}

// WriteTo implements Conn.
func (c *rawConn) WriteTo(b []byte, meta Meta) error {
	c.to = unix.RawSockaddrInet6{}
	if meta.Dst.Is4() == c.ipv6 || !c.ipv6 && !meta.Src.Is4() {
		return fmt.Errorf("send advert from %v to %v: not the address family of the socket", meta.Src, meta.Dst)
	}
	if c.ipv6 {
		c.to.Family, c.to.Addr = unix.AF_INET6, meta.Dst.As16()
		if meta.Dst.IsLinkLocalUnicast() || meta.Dst.IsMulticast() {
			c.to.Scope_id = uint32(c.ifindex)
		}
		c.tolen, c.payload = unix.SizeofSockaddrInet6, b
		c.infolen = 0
		c.nameSource(meta.Src)
		if !meta.Dst.IsMulticast() {
			c.setHopLimit(meta.TTL)
		}
	} else {
		putIPv4(c.out, len(b), c.proto, meta)
		to := (*unix.RawSockaddrInet4)(unsafe.Pointer(&c.to))
		to.Family, to.Addr = unix.AF_INET, meta.Dst.As4()
		c.tolen = unix.SizeofSockaddrInet4
		c.payload = c.out[:ipv4HeaderLen+copy(c.out[ipv4HeaderLen:], b)]
	}
	if err := c.raw.Control(c.writeFn); err != nil {
		return err
	}
	if c.err != nil {
		return fmt.Errorf("send advert to %v: %w", meta.Dst, c.err)
	}
	return nil
}

// nameSource keeps the kernel from sending with a virtual address that came
// to the interface after ours (RFC 9568 section 5.1.2.1).
func (c *rawConn) nameSource(src netip.Addr) {
	if !src.IsValid() {
		return
	}
	info := (*unix.Inet6Pktinfo)(c.addControl(unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo))
	info.Addr, info.Ifindex = src.As16(), uint32(c.ifindex)
}

// setHopLimit is unicast_ttl; multicast always has 255 from its socket option.
func (c *rawConn) setHopLimit(ttl uint8) {
	*(*int32)(c.addControl(unix.IPV6_HOPLIMIT, 4)) = int32(ttl)
}

// addControl appends the header of a control message and answers where its
// data goes.
func (c *rawConn) addControl(kind int32, size int) unsafe.Pointer {
	at := int(c.infolen)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&c.info[at]))
	h.Level, h.Type = unix.IPPROTO_IPV6, kind
	h.SetLen(unix.CmsgLen(size))
	c.infolen += uint64(unix.CmsgSpace(size))
	return unsafe.Pointer(&c.info[at+unix.CmsgLen(0)])
}

// writeOnce never waits: a full queue loses this advert, and the next follows.
func (c *rawConn) writeOnce(fd uintptr) {
	iov := unix.Iovec{Base: &c.payload[0]}
	iov.SetLen(len(c.payload))
	msg := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&c.to)), Namelen: c.tolen, Iov: &iov, Iovlen: 1}
	if c.ipv6 && c.infolen > 0 {
		msg.Control = &c.info[0]
		msg.SetControllen(int(c.infolen))
	}
	_, _, errno := unix.Syscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&msg)), unix.MSG_DONTWAIT)
	c.err = nil
	if errno != 0 {
		c.err = errno
	}
}

// Stale implements Conn.
func (c *rawConn) Stale() bool {
	if c.ifname == "" {
		return false
	}
	ifi, err := interfaceByName(c.ifname)
	return err != nil && errors.Is(err, unix.ENODEV) || err == nil && ifi.Index != c.ifindex
}

// SetReceiveBuffer asks for a receive buffer of so many octets, of which the
// kernel grants no more than net.core.rmem_max.
func (c *rawConn) SetReceiveBuffer(octets int) error { return c.pc.SetReadBuffer(octets) }

// interfaceByName finds the index of an interface, and nothing else of it. The
// function of package net lists all interfaces to find one: with thousands of
// them the loop would stand still for seconds.
func interfaceByName(name string) (*net.Interface, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return nil, fmt.Errorf("interface name %q: %w", name, err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ifr); err != nil {
		return nil, fmt.Errorf("find interface %s: %w", name, err)
	}
	return &net.Interface{Index: int(ifr.Uint32()), Name: name}, nil
}

// Close implements Conn; it ends Wait.
func (c *rawConn) Close() error { return c.pc.Close() }
