package ipvs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is a netlink socket: a Write is one datagram, a Read returns one.
type conn interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
}

const (
	// batchCommands and batchBytes bound what goes to the kernel in one
	// datagram: where measuring found no further gain, and below the 64 KiB
	// that a socket takes by default.
	batchCommands = 128
	batchBytes    = 48 << 10

	receiveBuffer = 64 << 10 // one dump datagram of the kernel is at most 32 KiB

	// commandTime bounds an exchange when the caller set no deadline. Stopping
	// a sync daemon takes the kernel about a second.
	commandTime = 10 * time.Second
)

// Client talks to the kernel's ip_vs. One exchange runs at a time; methods may
// be called from many goroutines. It starts none. The connection is made at
// the first use and again after it broke; the number of the netlink family is
// asked anew each time, so that a module loaded later is found.
//
// The methods named like libipvs's do one command each; Read, ApplyBatch and
// Diff are what the daemon uses.
type Client struct {
	dial       func() (conn, error)
	loadModule func(context.Context) error // asks for the module ip_vs; nil: never

	mu        sync.Mutex // held during an exchange
	conn      conn
	family    uint16
	seq       uint32
	out, in   []byte // buffers, reused
	triedLoad bool
	closed    bool
}

// ErrClosed is a Client after Close.
var ErrClosed = errors.New("ip_vs client is closed")

func newClient(dial func() (conn, error), load func(context.Context) error) *Client {
	return &Client{dial: dial, loadModule: load, in: make([]byte, receiveBuffer)}
}

// Close ends the client. It waits for an exchange that is under way; contexts
// are the way to end one early.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.hangUp()
}

// hangUp closes the connection; the next exchange makes a new one and asks for the
// family again.
func (c *Client) hangUp() error {
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn, c.family = nil, 0
	return err
}

// exchange does the commands of one datagram and hands every answer that is
// not an acknowledgement to each. refused has an entry for each command, nil
// for those that were done. c.mu is held.
func (c *Client) exchange(ctx context.Context, cmds []command, flags uint16, each func(Command, []byte) error) (refused []error, err error) {
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	first := c.seq + 1
	c.out = c.out[:0]
	for i, cmd := range cmds {
		f := flags | nlRequest
		if i == len(cmds)-1 {
			f |= nlAck // refusals come without it, and an answer to the last means all are done
		}
		c.seq++
		c.out = appendMessage(c.out, c.family, f, c.seq, uint8(cmd.cmd), familyVersion, cmd.body)
	}
	refused = make([]error, len(cmds))
	stop, err := c.send(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	err = c.receive(ctx, first, func(i int, no syscall.Errno, words string) {
		if no != 0 {
			refused[i] = &Error{Command: cmds[i].cmd, Service: cmds[i].service, Destination: cmds[i].dest, Errno: no, Words: words}
		}
	}, each)
	return refused, err
}

// send writes c.out under ctx's deadline. After stop, ctx has no more
// influence on the connection.
func (c *Client) send(ctx context.Context) (stop func(), err error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(commandTime)
	}
	if err := c.conn.SetDeadline(deadline); err != nil {
		return nil, c.broken(ctx, err)
	}
	conn, ended := c.conn, make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(ended)
		conn.SetDeadline(time.Unix(1, 0)) // ends the read that follows
	})
	stop = func() {
		if !cancel() {
			<-ended // or it would end the next exchange
		}
	}
	if _, err := conn.Write(c.out); err != nil {
		stop()
		return nil, c.broken(ctx, err)
	}
	return stop, nil
}

// receive reads until the request with the number c.seq is answered. Answers
// to earlier requests, whose callers gave up, are passed over.
func (c *Client) receive(ctx context.Context, first uint32, result func(int, syscall.Errno, string), each func(Command, []byte) error) error {
	var failed error // the first answer that could not be used; the rest is still read
	for {
		n, err := c.conn.Read(c.in)
		if err != nil {
			return c.broken(ctx, err)
		}
		done := false
		var bad error
		for m := range messages(c.in[:n], &bad) {
			i := int(m.seq - first)
			if m.seq-first > c.seq-first {
				continue
			}
			if m.typ != nlError && m.typ != nlDone {
				if failed == nil {
					failed = deliver(m, each)
				}
				continue
			}
			no, words, err := m.errno()
			if err != nil {
				bad = err
				break
			}
			result(i, no, words)
			done = done || m.seq == c.seq
		}
		if bad != nil {
			return c.broken(ctx, bad)
		}
		if done {
			return failed
		}
	}
}

// deliver hands one answer to the caller, without its headers.
func deliver(m message, each func(Command, []byte) error) error {
	cmd, body, err := m.payload()
	if err != nil || each == nil {
		return err
	}
	return each(cmd, body)
}

// broken drops a connection whose state is not known any more. The caller's
// own context is named before the time-out that it caused.
func (c *Client) broken(ctx context.Context, err error) error {
	c.hangUp()
	_, bounded := ctx.Deadline()
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case bounded && errors.Is(err, os.ErrDeadlineExceeded): // the socket's timer was first
		err = context.DeadlineExceeded
	}
	return fmt.Errorf("talk to ip_vs: %w", err)
}

// connect opens the socket and finds the family, loading the module once.
func (c *Client) connect(ctx context.Context) error {
	switch {
	case c.closed:
		return ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("talk to ip_vs: %w", context.Cause(ctx))
	case c.conn == nil:
		conn, err := c.dial()
		if err != nil {
			return fmt.Errorf("open netlink socket for ip_vs: %w", err)
		}
		c.conn, c.family = conn, 0
	}
	if c.family != 0 {
		return nil
	}
	err := c.resolve(ctx)
	if !errors.Is(err, syscall.ENOENT) {
		return err
	}
	loaded := "the module is not loaded by us"
	if c.loadModule != nil && !c.triedLoad {
		c.triedLoad = true
		if lerr := c.loadModule(ctx); lerr != nil {
			loaded = lerr.Error()
		} else if err = c.resolve(ctx); !errors.Is(err, syscall.ENOENT) {
			return err
		} else {
			loaded = "although its module was loaded"
		}
	} else if c.triedLoad {
		loaded = "loading its module was tried before"
	}
	return fmt.Errorf("%w: no generic netlink family %s (%s)", ErrNoIPVS, familyName, loaded)
}

// resolve asks for the number of the family. ENOENT: there is none.
func (c *Client) resolve(ctx context.Context) error {
	c.seq++
	c.out = appendMessage(c.out[:0], controlFamily, nlRequest|nlAck, c.seq, controlGetFamily, 1, func(b []byte) []byte {
		return appendString(b, controlFamilyName, familyName)
	})
	stop, err := c.send(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var refused syscall.Errno
	err = c.receive(ctx, c.seq, func(_ int, no syscall.Errno, _ string) { refused = no }, func(_ Command, b []byte) error {
		id, err := nest("family", b, controlFamilyID)
		if err != nil {
			return err
		}
		var r reader
		c.family = r.u16("family number", id)
		return r.err
	})
	switch {
	case err != nil:
		return err
	case refused != 0:
		return fmt.Errorf("find netlink family %s: %w", familyName, refused)
	case c.family == 0:
		return malformed("family", "answer without a number")
	}
	return nil
}

// do runs one command.
func (c *Client) do(ctx context.Context, cmd command, flags uint16, each func(Command, []byte) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doLocked(ctx, cmd, flags, each)
}

func (c *Client) doLocked(ctx context.Context, cmd command, flags uint16, each func(Command, []byte) error) error {
	refused, err := c.exchange(ctx, []command{cmd}, flags, each)
	if err != nil {
		return err
	}
	return refused[0]
}
