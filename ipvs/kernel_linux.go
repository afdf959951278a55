package ipvs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Options say which kernel tables a Client works on.
type Options struct {
	// Netns is an open network namespace (/run/netns/NAME), nil for the
	// process's own. Every namespace has tables of its own. The Client
	// does not close it, and needs it as long as it lives.
	Netns *os.File
	// NoModprobe leaves loading the module ip_vs to the administrator.
	NoModprobe bool
}

// New prepares a client for the kernel of this machine. Nothing is sent before
// the first call, which answers ErrNoIPVS if the kernel has no ip_vs.
func New(o Options) *Client {
	load := modprobe
	if o.NoModprobe {
		load = nil
	}
	return newClient(func() (conn, error) { return dialNetlink(o.Netns) }, load)
}

// dialNetlink opens a socket, inside the namespace if there is one. The thread
// that cannot return to its own namespace is not given back to the runtime.
func dialNetlink(ns *os.File) (conn, error) {
	if ns == nil {
		return openNetlink()
	}
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
		c, err := openNetlink()
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
func openNetlink() (conn, error) {
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
	// without our own request in them, room for many refusals of a batch.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20)
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
