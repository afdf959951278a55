package daemon

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/daemon/config"
	"holdfast/internal/event"
)

// message is what travels between the parent and a child, one JSON object a
// line. Exactly one field is set.
type message struct {
	Start    *startMessage    `json:"start,omitempty"`    // parent: configuration and what survives a restart
	Reload   *reloadMessage   `json:"reload,omitempty"`   // parent: new configuration
	Verdict  *verdict         `json:"verdict,omitempty"`  // parent: something that is tracked has changed
	Instance *instanceMessage `json:"instance,omitempty"` // parent: state of an instance that the IPVS sync daemon follows
	Stop     bool             `json:"stop,omitempty"`     // parent: release everything and end
	Ready    bool             `json:"ready,omitempty"`    // child: configuration is in force
	Fact     *event.Fact      `json:"fact,omitempty"`     // child: something happened
	Failed   *failedMessage   `json:"failed,omitempty"`   // child: cannot go on, exit with this status
}

// startMessage is the first message a child gets.
type startMessage struct {
	Options Options             `json:"options"`
	Config  []byte              `json:"config"`            // kconf.File.Encode
	Resume  map[string]snapshot `json:"resume,omitempty"`  // where instances are: a VRRP process goes on from there, a sync daemon follows
	Tracked []verdict           `json:"tracked,omitempty"` // what is already known about what is tracked
	Told    config.Told         `json:"told"`              // what the parent found out about this machine
	Down    []string            `json:"down,omitempty"`    // real servers that were down when the predecessor ended
	Delay   startWait           `json:"delay"`             // of virtual routers
}

// startWait is the start delay: the whole of it, and what is left.
type startWait struct {
	Whole time.Duration `json:"whole"`
	Left  time.Duration `json:"left"`
}

type reloadMessage struct {
	Config  []byte      `json:"config"`
	Told    config.Told `json:"told"`
	Tracked []verdict   `json:"tracked,omitempty"`

	Delay *time.Duration `json:"delay,omitempty"` // virtual routers that wait still have to wait for so long
}

type instanceMessage struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

type failedMessage struct {
	Status int    `json:"status"`
	Reason string `json:"reason"`
}

// linkBacklog is how many messages may wait for the other process. Beyond it
// the oldest is dropped and counted: a parent that hangs must not stop VRRP.
const linkBacklog = 16384

// link is one end of the socket between parent and child. Send never blocks;
// one goroutine writes, one reads, Close waits for both.
type link struct {
	conn    net.Conn
	in      chan message
	mu      sync.Mutex
	queue   []message
	dropped uint64
	wake    chan struct{}
	closing chan struct{}
	grace   atomic.Int64  // nanoseconds for each write once closing, 0 before
	written chan struct{} // closed when the writer has ended
	once    sync.Once
	done    sync.WaitGroup
}

// newLink starts the two goroutines of a link over conn. What arrives comes
// out of Messages, which is closed when the other side is gone.
func newLink(conn net.Conn) *link {
	l := &link{conn: conn, in: make(chan message, 64), wake: make(chan struct{}, 1), closing: make(chan struct{}), written: make(chan struct{})}
	l.done.Go(l.read)
	l.done.Go(l.write)
	return l
}

// Messages delivers what the other side sent, in order.
func (l *link) Messages() <-chan message { return l.in }

// Send queues m.
func (l *link) Send(m message) {
	l.mu.Lock()
	if len(l.queue) >= linkBacklog {
		l.queue = l.queue[1:]
		l.dropped++
	}
	l.queue = append(l.queue, m)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// lost is how many messages were dropped because the other side did not read.
func (l *link) lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

func (l *link) take() []message {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := l.queue
	l.queue = nil
	return batch
}

// linkWriter gives each write of a closing link its own grace: a reader that is
// slow but reads gets everything.
type linkWriter struct{ l *link }

func (w linkWriter) Write(b []byte) (int, error) {
	if grace := w.l.grace.Load(); grace > 0 {
		w.l.conn.SetWriteDeadline(time.Now().Add(time.Duration(grace)))
	}
	return w.l.conn.Write(b)
}

func (l *link) write() {
	defer close(l.written)
	w := bufio.NewWriter(linkWriter{l})
	enc := json.NewEncoder(w)
	for {
		closing := false
		select {
		case <-l.wake:
		case <-l.closing:
			closing = true
		}
		for batch := l.take(); len(batch) > 0; batch = l.take() {
			for _, m := range batch {
				if enc.Encode(m) != nil {
					return // the other side is gone; the reader reports it
				}
			}
			if w.Flush() != nil {
				return
			}
		}
		if closing {
			return
		}
	}
}

func (l *link) read() {
	defer close(l.in)
	dec := json.NewDecoder(bufio.NewReader(l.conn))
	for {
		var m message
		if err := dec.Decode(&m); err != nil {
			return
		}
		select {
		case l.in <- m:
		case <-l.closing:
			return
		}
	}
}

// Close writes what is queued, until the other side takes nothing for grace,
// closes the socket and waits for both goroutines. Messages that arrive meanwhile are dropped.
func (l *link) Close(grace time.Duration) error {
	var err error
	l.once.Do(func() {
		l.grace.Store(int64(grace))
		l.conn.SetWriteDeadline(time.Now().Add(grace))
		l.conn.SetReadDeadline(time.Now().Add(grace))
		close(l.closing)
		<-l.written // bounded by the write deadlines
		err = l.conn.Close()
		l.done.Wait()
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("close link between processes: %w", err)
	}
	return nil
}
