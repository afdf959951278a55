package checkers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// refusals are the errors of connect(2) that say something about the peer or
// the way to it. Any other error is this host's own.
var refusals = []error{
	syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ECONNREFUSED, syscall.EHOSTDOWN,
	syscall.ENETDOWN, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ETIMEDOUT,
}

// control sets what must be on a socket before bind and connect.
func (t Target) control(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = t.options(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// options marks the packets (fwmark) and ties the socket to an interface
// (bind_if). Both have to be there before bind: the source address is chosen by
// the routing of the marked packet.
func (t Target) options(fd int) error {
	if t.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(t.Mark)); err != nil {
			return fmt.Errorf("set fwmark %d: %w", t.Mark, err)
		}
	}
	if t.errors {
		level, option := unix.SOL_IP, unix.IP_RECVERR
		if t.Addr.Addr().Is6() {
			level, option = unix.SOL_IPV6, unix.IPV6_RECVERR
		}
		if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
			return fmt.Errorf("ask for ICMP errors: %w", err)
		}
	}
	if t.BindIf != "" {
		if err := unix.BindToDevice(fd, t.BindIf); err != nil {
			return fmt.Errorf("bind to interface %s: %w", t.BindIf, err)
		}
	}
	return nil
}

// dial connects to the target and answers a connection of which no single step
// lasts longer than t.Timeout and nothing outlasts ctx. The verdict matters
// only when the connection is nil.
func (t Target) dial(ctx context.Context, network string) (*stepConn, Verdict) {
	d := t.dialer(network)
	to := t.Addr.String()
	if strings.HasPrefix(network, "ip") {
		to = t.Addr.Addr().String()
	}
	conn, err := d.DialContext(ctx, network, to)
	if err != nil {
		return nil, t.dialVerdict(ctx, network, err)
	}
	return newStepConn(ctx, conn, t.Timeout), Verdict{}
}

// dialer has what a target says of its connections.
func (t Target) dialer(network string) *net.Dialer {
	d := &net.Dialer{Control: t.control, Timeout: t.Timeout, KeepAlive: -1, FallbackDelay: -1}
	d.SetMultipathTCP(false)
	if t.Bind.Addr().IsValid() {
		d.LocalAddr = localAddr(network, t.Bind)
	}
	return d
}

// localAddr is the source of bindto in the form that package net wants for the
// network. A port means nothing to a raw socket.
func localAddr(network string, a netip.AddrPort) net.Addr {
	switch network {
	case "tcp":
		return net.TCPAddrFromAddrPort(a)
	case "udp":
		return net.UDPAddrFromAddrPort(a)
	}
	return &net.IPAddr{IP: a.Addr().AsSlice(), Zone: a.Addr().Zone()}
}

// dialVerdict tells three things apart: the probe was stopped, the server or the
// way to it failed, or this host could not even ask. Only the second says
// anything about the server; the third leaves its state alone, as in keepalived.
func (t Target) dialVerdict(ctx context.Context, network string, err error) Verdict {
	detail := fmt.Sprintf("connect to %s %v: %v", network, t.Addr, cause(err))
	if errors.Is(ctx.Err(), context.Canceled) {
		return down(Cancelled, detail)
	}
	if isTimeout(err) && !errors.Is(err, syscall.ETIMEDOUT) {
		return down(ConnectTimeout, fmt.Sprintf("connect to %s %v: no answer in %v", network, t.Addr, t.Timeout))
	}
	for _, r := range refusals {
		switch {
		case !errors.Is(err, r):
		case r != syscall.ECONNREFUSED && t.unroutable(network, err):
			return down(NoRoute, detail)
		default:
			return down(Connect, detail)
		}
	}
	if call := (*os.SyscallError)(nil); errors.As(err, &call) && call.Syscall == "connect" {
		return Verdict{NoResult: true, Reason: NoRoute, Detail: detail} // routes of kind prohibit, blackhole
	}
	return Verdict{NoResult: true, Reason: Local, Detail: detail}
}

// unroutable reports whether an error came from this host's routes and not from the
// network: then a datagram socket, which sends nothing when it connects, fails alike.
func (t Target) unroutable(network string, err error) bool {
	if network != "tcp" {
		return true
	}
	d := net.Dialer{Control: t.control}
	if t.Bind.Addr().IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(t.Bind.Addr(), 0))
	}
	conn, again := d.Dial("udp", t.Addr.String())
	if again == nil {
		conn.Close()
		return false
	}
	errno := syscall.Errno(0)
	return errors.As(err, &errno) && errors.Is(again, errno)
}

// errnoOf is the system's number of an error, 0 if it has none.
func errnoOf(err error) int {
	errno := syscall.Errno(0)
	errors.As(err, &errno)
	return int(errno)
}

// errnoText is how keepalived prints the number of an error.
func errnoText(errno int) string {
	text := syscall.Errno(errno).Error()
	return fmt.Sprintf("errno %d (%s%s)", errno, strings.ToUpper(text[:1]), text[1:])
}

// cause strips the words that net puts around a system error.
func cause(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}

// isTimeout knows the several faces of a deadline: of a connection, of a context,
// and those that package net wraps.
func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		func() bool { ne := net.Error(nil); return errors.As(err, &ne) && ne.Timeout() }()
}

// ended maps an error of reading or writing to the reason of a verdict.
func ended(ctx context.Context, err error, broken Reason) Reason {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return Cancelled
	case isTimeout(err):
		return Timeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return NoData
	default:
		return broken
	}
}

// stepConn is a connection whose every read and write ends after step at the
// latest, or when the context of the probe does, whichever comes first.
type stepConn struct {
	net.Conn
	step    time.Duration
	unwatch func() bool
	gone    chan struct{} // closed when the watcher has finished

	mu        sync.Mutex
	cancelled bool
}

// newStepConn watches ctx for as long as the connection is open; Close ends that.
func newStepConn(ctx context.Context, conn net.Conn, step time.Duration) *stepConn {
	c := &stepConn{Conn: conn, step: step, gone: make(chan struct{})}
	c.unwatch = context.AfterFunc(ctx, func() {
		defer close(c.gone)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.cancelled = true
		c.Conn.SetDeadline(time.Unix(1, 0)) // wakes a read that waits
	})
	return c
}

// arm sets the deadline of the next step, unless the probe was given up.
func (c *stepConn) arm() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancelled {
		return os.ErrDeadlineExceeded
	}
	return c.Conn.SetDeadline(time.Now().Add(c.step))
}

// Read is one step: keepalived, too, sets its timer anew for each read.
func (c *stepConn) Read(b []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write is one step.
func (c *stepConn) Write(b []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// Close closes the socket and waits for the watcher, so that nothing of a
// probe is left when Check returns.
func (c *stepConn) Close() error {
	if !c.unwatch() {
		<-c.gone
	}
	return c.Conn.Close()
}
