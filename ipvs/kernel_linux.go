package ipvs

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Options say which kernel tables a Client works on.
type Options struct {
	// Netns is the path of a network namespace (/run/netns/NAME), "" for the
	// process's own. Every namespace has tables of its own. It is opened with
	// each connection: one that is made later is found, and a connection holds
	// the one that it was made in.
	Netns string
	// NoModprobe leaves loading the module ip_vs to the administrator.
	NoModprobe bool
	// ReceiveBuffer is the size of the netlink socket's receive buffer in
	// octets; less than roomOfBatch, 0 too, is that. ForceBuffer lets it exceed
	// net.core.rmem_max, with CAP_NET_ADMIN. Keywords lvs_netlink_cmd_rcv_bufs
	// and its _force.
	ReceiveBuffer uint32
	ForceBuffer   bool
}

// roomOfBatch is a receive buffer, in octets, that takes what the kernel may
// say to one batch of commands that it all refuses.
const roomOfBatch = 1 << 20

// New prepares a client for the kernel of this machine. Nothing is sent before
// the first call, which answers ErrNoIPVS if the kernel has no ip_vs.
func New(o Options) *Client {
	load := modprobe
	if o.NoModprobe {
		load = nil
	}
	return newClient(func() (conn, error) { return dialNetlink(o) }, load)
}

// dialNetlink opens a socket, inside the namespace if there is one. The thread
// that cannot return to its own namespace is not given back to the runtime.
func dialNetlink(o Options) (conn, error) {
	if o.Netns == "" {
		return openNetlink(o)
	}
	ns, err := os.Open(o.Netns)
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	defer ns.Close()
	type result struct {
		c   conn
		err error
	}
	done := make(chan result)
	go func() { // waited for below
		runtime.LockOSThread()
		own, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			runtime.UnlockOSThread()
			done <- result{err: err}
			return
		}
		defer own.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			done <- result{err: fmt.Errorf("enter network namespace %s: %w", ns.Name(), err)}
			return
		}
		c, err := openNetlink(o)
		if unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- result{c, err}
	}()
	r := <-done
	return r.c, r.err
}

// netlinkConn is the socket as a file, so that deadlines and Close work and no
// thread is held while waiting.
type netlinkConn struct {
	*os.File
	port uint32
}

// Port implements conn.
func (n netlinkConn) Port() uint32 { return n.port }

// openNetlink makes a socket that does not block, so that the runtime's poller
// waits and deadlines work.
func openNetlink(o Options) (conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	port, err := bindToKernel(fd)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	// Comforts that old kernels lack: the kernel's words with an error, answers
	// without our own request in them.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	setReceiveBuffer(fd, o)
	return netlinkConn{os.NewFile(uintptr(fd), "netlink"), port}, nil
}

// bindToKernel takes an address, which it returns, and lets only the kernel
// send to it: a socket that is connected refuses the datagrams of others.
func bindToKernel(fd int) (port uint32, err error) {
	kernel := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := unix.Bind(fd, kernel); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	if err := unix.Connect(fd, kernel); err != nil {
		return 0, os.NewSyscallError("connect", err)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	if at, ok := own.(*unix.SockaddrNetlink); ok {
		port = at.Pid
	}
	return port, nil
}

// setReceiveBuffer makes room for what is asked for, and for a batch at least.
// The kernel counts twice what it is given, for its own overhead.
func setReceiveBuffer(fd int, o Options) {
	option := unix.SO_RCVBUF
	if o.ForceBuffer {
		option = unix.SO_RCVBUFFORCE
	}
	// Without the privilege it stays as it is, and a batch is likely to fit.
	if o.ReceiveBuffer > roomOfBatch {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, int(min(o.ReceiveBuffer, math.MaxInt32/2)))
	}
	if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil && n < 2*roomOfBatch {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, roomOfBatch)
	}
}

// modprobeTime is how long loading the module may take.
const modprobeTime = 10 * time.Second

// modprobe asks for the module, as the kernel itself does when it may.
func modprobe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, modprobeTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, "modprobe", "ip_vs").CombinedOutput()
	if err == nil {
		return nil
	}
	if words := strings.TrimSpace(string(out)); words != "" {
		return fmt.Errorf("modprobe ip_vs: %w: %s", err, words)
	}
	return fmt.Errorf("modprobe ip_vs: %w", err)
}
