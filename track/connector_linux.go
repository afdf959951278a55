package track

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// connectorBatchMax bounds how many datagrams make one batch.
const connectorBatchMax = 256

// connectorBatch is some events in order, or the news that some were lost.
type connectorBatch struct {
	events  []connectorEvent
	overrun bool
}

// connector is a socket that the kernel tells process events on, with the
// goroutine that reads it.
type connector struct {
	file    *os.File
	batches chan connectorBatch // closed when the socket has ended
}

// listenConnector asks the kernel for process events. That it does tell them it
// says later, with an event of its own, or never.
func listenConnector(buffer ReceiveBuffer) (*connector, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	if buffer.Size > 0 {
		option := unix.SO_RCVBUF
		if buffer.Force {
			option = unix.SO_RCVBUFFORCE
		}
		// Without the right to force it the default must do: overruns are noticed.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, int(min(buffer.Size, 1<<30)))
	}
	err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnIdxProc})
	if err == nil {
		err = unix.Sendto(fd, listenRequest(uint32(os.Getpid())), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	if err != nil {
		unix.Close(fd)
		var errno unix.Errno
		if errors.As(err, &errno) {
			return nil, fmt.Errorf("errno %d - %w", int(errno), err)
		}
		return nil, err
	}
	c := &connector{file: os.NewFile(uintptr(fd), "process events"), batches: make(chan connectorBatch)}
	go c.read()
	return c, nil
}

// read hands events on until the socket is closed. Datagrams of anybody but the
// kernel are not looked at.
func (c *connector) read() {
	defer close(c.batches)
	conn, err := c.file.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 1<<13)
	for {
		var b connectorBatch
		var failed error
		err := conn.Read(func(fd uintptr) (done bool) {
			b, failed = receive(int(fd), buf)
			return !errors.Is(failed, unix.EAGAIN)
		})
		if err != nil || failed != nil {
			return
		}
		c.batches <- b
	}
}

// receive takes what waits on the socket: EAGAIN when that is nothing.
func receive(fd int, buf []byte) (b connectorBatch, err error) {
	for range connectorBatchMax {
		n, from, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			return connectorBatch{overrun: true}, nil
		case errors.Is(err, unix.EAGAIN) && len(b.events) > 0:
			return b, nil
		case err != nil:
			return b, err
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue
		}
		// What cannot be read may have been anything.
		if b.events, err = parseConnector(buf[:n], b.events); err != nil {
			return connectorBatch{overrun: true}, nil
		}
	}
	return b, nil
}

// close ends the socket and waits for its reader.
func (c *connector) close() {
	_ = c.file.Close()
	for range c.batches { // until the reader has closed it
	}
}
