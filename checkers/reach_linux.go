package checkers

import (
	"context"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reach makes a TCP connection and closes it again. It is dial for those who want
// nothing but that, thousands of times a second: package net would ask for both
// addresses, set options for data that never flows, and have a goroutine more.
func (t Target) reach(ctx context.Context) error {
	if t.Addr.Addr().Zone() != "" || t.Bind.Addr().Zone() != "" {
		return t.reachByDial(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fd, err := t.begin()
	if err == unix.EINPROGRESS {
		var done bool
		if done, err = connected(fd); !done { // a server in this machine has answered already
			return t.await(ctx, fd)
		}
	}
	if err == nil && t.answersItself(fd) {
		err = os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	return err
}

// begin opens a socket and asks for a connection. The descriptor is -1 if there is no
// socket; EINPROGRESS stands bare, every other error with the name of its call.
func (t Target) begin() (fd int, err error) {
	family := unix.AF_INET
	if t.Addr.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := t.options(fd); err != nil {
		return fd, err
	}
	if t.Bind.Addr().IsValid() {
		if err := unix.Bind(fd, sockaddr(t.Bind)); err != nil {
			return fd, os.NewSyscallError("bind", err)
		}
	}
	if err = unix.Connect(fd, sockaddr(t.Addr)); err != nil && err != unix.EINPROGRESS {
		err = os.NewSyscallError("connect", err)
	}
	return fd, err
}

// sockaddr is an address in the form of system calls.
func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is6() {
		return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	}
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

// connected reports whether a connection under way has come to its end, and to which.
func connected(fd int) (done bool, err error) {
	ask := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(ask, 0); n == 0 || err == unix.EINTR {
		return false, nil
	}
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return true, os.NewSyscallError("getsockopt", err)
	case errno != 0:
		return true, os.NewSyscallError("connect", syscall.Errno(errno))
	}
	return true, nil
}

// await waits for the end of a connection under way, for connect_timeout or as long
// as ctx lasts, and closes it.
func (t Target) await(ctx context.Context, fd int) error {
	f := os.NewFile(uintptr(fd), "socket") // does not block, so that the runtime's poller waits
	defer f.Close()
	end := time.Now().Add(t.Timeout)
	if d, bounded := ctx.Deadline(); bounded && d.Before(end) {
		end = d
	}
	if err := f.SetWriteDeadline(end); err != nil {
		return err
	}
	woken := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(woken)
		f.SetWriteDeadline(time.Unix(1, 0))
	})
	defer func() {
		if !unwatch() {
			<-woken
		}
	}()
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Write(func(fd uintptr) (done bool) {
		if done, result = connected(int(fd)); done && result == nil && t.answersItself(int(fd)) {
			result = os.NewSyscallError("connect", syscall.ECONNREFUSED)
		}
		return done
	})
	if err != nil {
		return err
	}
	return result
}

// answersItself reports a connection of a socket with itself: when nobody listens on
// a port of this machine that the kernel then picks as source.
func (t Target) answersItself(fd int) bool {
	own, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	switch own := own.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(own.Addr), uint16(own.Port)) == t.Addr
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(own.Addr), uint16(own.Port)) == t.Addr
	}
	return false
}

// reachByDial is reach for addresses with a zone.
func (t Target) reachByDial(ctx context.Context) error {
	d := t.dialer("tcp")
	conn, err := d.DialContext(ctx, "tcp", t.Addr.String())
	if err == nil {
		conn.Close()
	}
	return err
}
