package ipvs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"
)

// conn is a netlink socket: a Write is one datagram, a Read returns one.
type conn interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
	Port() uint32 // our address, which stands in every answer to us
}

const (
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
	limit     int    // maxMessages
	triedLoad bool
	closed    bool
}

// ErrClosed is a Client after Close.
var ErrClosed = errors.New("ip_vs client is closed")

func newClient(dial func() (conn, error), load func(context.Context) error) *Client {
	return &Client{dial: dial, loadModule: load, in: make([]byte, receiveBuffer), limit: maxMessages}
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
	var family uint16
	refused, err := c.exchange(ctx, controlFamily, 0, []command{{
		cmd: controlGetFamily, answer: controlNewFamily,
		body: func(b []byte) []byte { return appendString(b, controlFamilyName, familyName) },
		each: func(b []byte) error {
			id, err := nest("family", b, controlFamilyID)
			if err != nil {
				return err
			}
			var r reader
			family = r.u16("family number", id)
			return r.err
		},
	}})
	var no syscall.Errno
	switch {
	case err != nil:
		return err
	case errors.As(refused[0], &no):
		return fmt.Errorf("find netlink family %s: %w", familyName, no)
	case family < firstFamily:
		return malformed("family", "its number is %d", family)
	}
	c.family = family
	return nil
}

// do runs one command.
func (c *Client) do(ctx context.Context, cmd command, flags uint16) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doLocked(ctx, cmd, flags)
}

func (c *Client) doLocked(ctx context.Context, cmd command, flags uint16) error {
	refused, err := c.ask(ctx, flags, []command{cmd})
	if err != nil {
		return err
	}
	return refused[0]
}

// ask is exchange with ip_vs, of which it makes sure first.
func (c *Client) ask(ctx context.Context, flags uint16, cmds []command) ([]error, error) {
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	return c.exchange(ctx, c.family, flags, cmds)
}
