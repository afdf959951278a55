package ipvs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// maxMessages bounds the answers to one datagram of requests: far more than
// any table has, and an end to a connection that never comes to one.
const maxMessages = 1 << 20

// errInterrupted is a list that changed while the kernel told it.
var errInterrupted = errors.New("the list changed while it was read")

// exchange is one datagram of requests and what has come back so far.
type exchange struct {
	cmds        []command
	family      uint16
	first       uint32 // number of the first request
	dump        bool
	refused     []error // for each command; nil: it was done, or nothing is known yet
	interrupted bool
	failed      error // the first data that could not be used; the rest is still read
	done        bool
}

// exchange does the commands of one datagram. refused has an entry for each
// command, nil for those that were done. err is a connection that broke or an
// answer that was not understood. c.mu is held.
//
// A dump goes alone: the kernel does one at a time for a socket and answers
// EBUSY to a second that comes before the end of the first.
func (c *Client) exchange(ctx context.Context, family, flags uint16, cmds []command) (refused []error, err error) {
	x := &exchange{cmds: cmds, family: family, first: c.seq + 1, dump: flags&nlDump != 0, refused: make([]error, len(cmds))}
	c.out = c.out[:0]
	for i, cmd := range cmds {
		f := flags | nlRequest
		if i == len(cmds)-1 {
			f |= nlAck // refusals come without it, and an answer to the last means all are done
		}
		c.seq++
		c.out = appendMessage(c.out, family, f, c.seq, uint8(cmd.cmd), familyVersion, cmd.body)
	}
	stop, err := c.send(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	if err := c.receive(ctx, x); err != nil {
		return nil, err
	}
	switch {
	case x.failed != nil:
		return nil, x.failed
	case x.interrupted:
		return nil, errInterrupted
	}
	return x.refused, nil
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

// receive reads until the last request is answered. What answers another port
// or an earlier request, whose caller gave up, is passed over. After an error
// the connection is gone, and with it whatever was still to be read.
func (c *Client) receive(ctx context.Context, x *exchange) error {
	port := c.conn.Port()
	for read := 0; !x.done; {
		n, err := c.conn.Read(c.in)
		if err != nil {
			return c.broken(ctx, err)
		}
		read++ // an empty datagram counts, too
		var bad error
		for m := range messages(c.in[:n], &bad) {
			if read++; m.port != port || m.seq-x.first >= uint32(len(x.cmds)) {
				continue
			}
			if bad = x.take(m); bad != nil {
				break
			}
		}
		if bad == nil && read > c.limit && !x.done {
			bad = malformed("answer", "no end after %d messages", read)
		}
		if bad != nil {
			return c.broken(ctx, bad)
		}
	}
	return nil
}

// take is one message that answers a request of x. An error is a message that
// must not be.
func (x *exchange) take(m message) error {
	i := int(m.seq - x.first)
	last := i == len(x.cmds)-1
	if m.flags&nlDumpIntr != 0 && x.dump {
		x.interrupted = true
	}
	switch {
	case x.done:
		return malformed("answer", "message of type %d behind the end", m.typ)
	case m.typ == nlNoop:
		return nil
	case m.typ == nlError, m.typ == nlDone && x.dump:
		no, words, err := m.errno()
		switch {
		case err != nil:
			return err
		case no == 0 && m.typ == nlError && x.dump:
			return malformed("acknowledgement", "comes in place of a list")
		case no != 0:
			cmd := x.cmds[i]
			x.refused[i] = &Error{Command: cmd.cmd, Service: cmd.service, Destination: cmd.dest, Errno: no, Words: words}
		}
		x.done = last
		return nil
	case m.typ == nlOverrun:
		return fmt.Errorf("%w: answers were lost", syscall.ENOBUFS)
	case m.typ != x.family:
		return malformed("answer", "message of type %d", m.typ)
	}
	if x.failed == nil {
		x.failed = x.cmds[i].deliver(m)
	}
	return nil
}

// deliver hands one answer to whoever wants it, without its headers.
func (c command) deliver(m message) error {
	cmd, body, err := m.payload()
	switch {
	case err != nil:
		return err
	case cmd != c.answer || c.answer == 0:
		return malformed("answer", "command %d to command %d", cmd, c.cmd)
	case c.each == nil:
		return nil
	}
	return c.each(body)
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
