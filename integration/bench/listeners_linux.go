package main

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// listener accepts and closes connections of a whole network, and counts them.
type listener struct {
	fd       int
	accepted atomic.Int64
	dies     atomic.Bool // at the next connection
	died     chan time.Time
	wait     sync.WaitGroup
}

// listenIn opens a port of all addresses in a namespace. The loop is one of plain
// system calls in a thread of its own: it shares the machine with what is measured.
func listenIn(namespace string, port int) (*listener, error) {
	l := &listener{died: make(chan time.Time, 1)}
	err := inside(namespace, func() (err error) {
		if l.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return os.NewSyscallError("socket", err)
		}
		if err = unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err == nil {
			err = unix.Bind(l.fd, &unix.SockaddrInet4{Port: port})
		}
		if err == nil {
			err = unix.Listen(l.fd, 4096)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on port %d in %s: %w", port, namespace, err)
	}
	l.wait.Go(l.serve)
	return l, nil
}

func (l *listener) serve() {
	for {
		c, _, err := unix.Accept4(l.fd, unix.SOCK_CLOEXEC)
		if err != nil {
			if err == unix.EINTR || err == unix.ECONNABORTED {
				continue
			}
			break // close has shut it down
		}
		unix.Close(c)
		l.accepted.Add(1)
		if l.dies.Load() {
			break
		}
	}
	unix.Close(l.fd)
	l.died <- time.Now()
}

// close ends it; one that has died is no trouble.
func (l *listener) close() {
	if len(l.died) == 0 {
		_ = unix.Shutdown(l.fd, unix.SHUT_RDWR) // wakes accept
	}
	l.wait.Wait()
}
