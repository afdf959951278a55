package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"sync"
	"syscall"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/run"
)

// Limits of FIFOs.
const (
	fifoFlush   = 100 * time.Millisecond // for lines that wait at the end
	fifoGrace   = 500 * time.Millisecond // for a reader to notice the end of the file
	fifoRestart = time.Second            // before a reader that has ended is started again; doubles
	fifoSlowest = time.Minute            // up to this
)

// FIFOConfig is one named pipe that gets lines about what happens.
type FIFOConfig struct {
	Keyword  string // notify_fifo, vrrp_notify_fifo, lvs_notify_fifo: for the log
	Path     string
	UID, GID uint32       // who owns it, if we make it
	Lines    FIFOLines    // what it gets
	Script   *run.Command // reader that we run; nil: somebody else reads
}

// FIFOs writes lines to named pipes and runs their readers. Nothing waits for a
// reader: each pipe has a goroutine and a bounded queue. Safe for concurrent use.
type FIFOs struct {
	runner  run.Runner
	publish func(event.Fact)

	mu   sync.Mutex // guards what follows
	open []*fifo
	wait sync.WaitGroup // one for each pipe that was ever opened
}

// fifo is one open pipe. The goroutine in run owns the file.
type fifo struct {
	FIFOConfig
	all     *FIFOs
	file    *os.File
	created bool // by us: we remove it
	wake    chan struct{}
	closing chan struct{}

	mu    sync.Mutex
	queue fifoQueue
}

// NewFIFOs returns a set without pipes. publish must not block; its facts have a
// Text for the log.
func NewFIFOs(r run.Runner, publish func(event.Fact)) *FIFOs {
	return &FIFOs{runner: r, publish: publish}
}

// Configure opens the pipes of list and closes others. One that is unchanged
// stays open, with what waits in it and its reader.
func (f *FIFOs) Configure(list []FIFOConfig) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var keep []*fifo
	old := f.open
	for _, c := range list {
		kept := false
		for i, o := range old {
			if o != nil && reflect.DeepEqual(o.FIFOConfig, c) {
				keep, old[i], kept = append(keep, o), nil, true
				break
			}
		}
		if kept {
			continue
		}
		for i, o := range old { // the same path in another way: it must be free first
			if o != nil && o.Path == c.Path {
				o.close()
				old[i] = nil
			}
		}
		o, err := f.make(c)
		if err != nil {
			f.say(c, fmt.Sprintf("Unable to open %s %s: %v", c.Keyword, c.Path, err))
			continue
		}
		keep = append(keep, o)
	}
	for _, o := range old {
		if o != nil {
			o.close()
		}
	}
	f.open = keep
}

// Write hands a line to every pipe that gets its sort, and does not wait.
func (f *FIFOs) Write(sort FIFOLines, line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.open {
		if o.Lines&sort != 0 {
			o.write(line)
		}
	}
}

// Close writes what waits, for as long as fifoFlush where nobody reads, removes
// the pipes that we have made, lets the readers see the end, and ends those that
// do not go. It returns when all are gone, or ctx ends.
func (f *FIFOs) Close(ctx context.Context) error {
	f.Configure(nil)
	done := make(chan struct{})
	go func() { defer close(done); f.wait.Wait() }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the readers of FIFOs: %w", context.Cause(ctx))
	}
}

func (f *FIFOs) say(c FIFOConfig, text string) {
	f.publish(event.Fact{Type: event.FIFOReported, Kind: event.Subscriber, Name: c.Keyword, Text: text})
}

// make opens a pipe, having made it where there is none.
func (f *FIFOs) make(c FIFOConfig) (*fifo, error) {
	created := false
	switch err := syscall.Mkfifo(c.Path, 0o644); { // the umask takes more away
	case err == nil:
		created = true
		if err := os.Lchown(c.Path, int(c.UID), int(c.GID)); err != nil {
			f.say(c, fmt.Sprintf("Failed to set uid:gid for fifo %s: %v", c.Path, err))
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	file, err := os.OpenFile(c.Path, os.O_RDWR|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err == nil {
		err = c.trusted(file)
	}
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, err
	}
	o := &fifo{FIFOConfig: c, all: f, file: file, created: created, wake: make(chan struct{}, 1), closing: make(chan struct{})}
	f.wait.Go(o.run)
	return o, nil
}

// trusted refuses what is no pipe, and a pipe of a stranger.
func (c FIFOConfig) trusted(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeNamedPipe == 0:
		return errors.New("it is no FIFO")
	case ok && st.Uid != uint32(os.Geteuid()) && st.Uid != c.UID:
		return fmt.Errorf("it belongs to another user, %d", st.Uid)
	}
	return nil
}

func (o *fifo) write(line string) {
	o.mu.Lock()
	firstLoss := o.queue.push(line)
	o.mu.Unlock()
	if firstLoss {
		o.all.say(o.FIFOConfig, fmt.Sprintf("FIFO %s is not read: its oldest lines are lost from now on", o.Path))
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// close begins the end. No line comes any more.
func (o *fifo) close() {
	if o.created {
		os.Remove(o.Path) // somebody else may have removed it
	}
	o.file.SetWriteDeadline(time.Now().Add(fifoFlush))
	close(o.closing)
}

// run writes what comes until close, and takes the reader along.
func (o *fifo) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var reader sync.WaitGroup
	if o.Script != nil {
		reader.Go(func() { o.read(ctx) })
	}
	for closing := false; !closing; {
		select {
		case <-o.wake:
		case <-o.closing:
			closing = true
		}
		o.drain()
	}
	o.file.Close() // the reader sees the end of the file
	ended := make(chan struct{})
	go func() { defer close(ended); reader.Wait() }()
	select {
	case <-ended:
	case <-time.After(fifoGrace):
	}
	cancel()
	<-ended
}

// drain writes all that waits; a write waits for a reader when the pipe is full,
// until close sets a deadline.
func (o *fifo) drain() {
	for {
		o.mu.Lock()
		line, lost, ok := o.queue.pop()
		o.mu.Unlock()
		if !ok {
			return
		}
		if lost > 0 {
			o.all.say(o.FIFOConfig, fmt.Sprintf("FIFO %s is read again: %d lines were lost", o.Path, lost))
		}
		if _, err := o.file.WriteString(line); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				o.all.say(o.FIFOConfig, fmt.Sprintf("write to FIFO %s: %v", o.Path, err))
			}
			return // the rest has nobody to read it
		}
	}
}

// read runs the reader, again when it ends before its time.
func (o *fifo) read(ctx context.Context) {
	for pause := fifoRestart; ; pause = min(2*pause, fifoSlowest) {
		began := time.Now()
		r := run.Safely(ctx, o.all.runner, *o.Script)
		select {
		case <-o.closing:
			return
		default:
		}
		o.all.say(o.FIFOConfig, fmt.Sprintf("%s terminated (%v)", readerName(o.Keyword), r))
		if time.Since(began) > fifoSlowest {
			pause = fifoRestart
		}
		select {
		case <-o.closing:
			return
		case <-time.After(pause):
		}
	}
}

// readerName is how keepalived's log calls the reader of a FIFO.
func readerName(keyword string) string {
	switch keyword {
	case "vrrp_notify_fifo":
		return "vrrp notify fifo script"
	case "lvs_notify_fifo":
		return "lvs notify fifo script"
	}
	return "notify fifo script"
}
