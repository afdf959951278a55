package track

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/event"
)

// How often /proc is read: in case an event never came, and instead of events
// where the kernel does not tell any.
const (
	procSweep = 30 * time.Second
	procPoll  = time.Second
)

// connectorPatience is how long the kernel may take to answer a listen request.
// From another process id namespace it never does.
const connectorPatience = time.Second

// Processes follows all vrrp_track_process watches. Make it with NewProcesses,
// start it with Run.
type Processes struct {
	publish   func(event.Fact)
	changed   func(name string, s State)
	configure chan processWish
	done      chan struct{} // closed when Run has returned

	root   string // "/proc"
	listen func(ReceiveBuffer) (*connector, error)
}

// ReceiveBuffer is process_monitor_rcv_bufs and its _force.
type ReceiveBuffer struct {
	Size  uint32 // octets; 0: the kernel's default
	Force bool   // beyond net.core.rmem_max
}

type processWish struct {
	list   []*ProcessConfig
	buffer ReceiveBuffer
	ready  chan<- struct{} // closed when every watch has a state
}

// NewProcesses returns a follower without watches. changed is called with every
// new state, publish with every line for the log; both from Run's goroutine,
// neither may block.
func NewProcesses(publish func(event.Fact), changed func(name string, s State)) *Processes {
	return &Processes{
		publish: publish, changed: changed, configure: make(chan processWish), done: make(chan struct{}),
		root: "/proc", listen: listenConnector,
	}
}

// Configure replaces the watches and returns when each has a state, or with
// ctx's error. buffer counts when process events are first asked for.
func (p *Processes) Configure(ctx context.Context, list []*ProcessConfig, buffer ReceiveBuffer) error {
	ready := make(chan struct{})
	select {
	case p.configure <- processWish{list, buffer, ready}:
	case <-p.done:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// processLoop is what Run's goroutine owns.
type processLoop struct {
	*Processes
	table     ProcessTable
	connector *connector // nil: there is none, or none is needed
	confirmed bool       // the kernel tells events
	refused   bool       // it does not, and the log says so
	deadline  time.Time  // for its answer
	scan      time.Time  // next look at /proc
}

// Run follows processes until ctx ends.
func (p *Processes) Run(ctx context.Context) {
	defer close(p.done)
	l := &processLoop{Processes: p}
	defer l.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.arm(timer)
		select {
		case <-ctx.Done():
			return
		case w := <-p.configure:
			l.reconfigure(w)
			close(w.ready)
		case b, ok := <-l.batches():
			l.take(b, ok)
		case <-timer.C:
		}
		l.tick(time.Now())
	}
}

// arm sets the timer to the next thing to do.
func (l *processLoop) arm(timer *time.Timer) {
	if l.table.Empty() {
		timer.Stop()
		return
	}
	next := l.scan
	for _, d := range []time.Time{l.table.Deadline(), l.deadline} {
		if !d.IsZero() && d.Before(next) {
			next = d
		}
	}
	timer.Reset(time.Until(next))
}

func (l *processLoop) reconfigure(w processWish) {
	now := time.Now()
	l.tell(l.table.Configure(now, w.list))
	for _, v := range l.table.States() { // whoever asks may have forgotten them
		l.changed(v.Name, v.To)
	}
	if l.table.Empty() {
		l.close()
		return
	}
	if l.connector == nil && !l.refused {
		l.open(now, w.buffer)
	}
	l.look(now)
}

// open asks for events before /proc is read: nothing is missed between.
func (l *processLoop) open(now time.Time, buffer ReceiveBuffer) {
	c, err := l.listen(buffer)
	if err != nil {
		l.refuse(err)
		return
	}
	l.connector, l.confirmed, l.deadline = c, false, now.Add(connectorPatience)
}

// refuse falls back to reading /proc. keepalived says the first words, and then
// sees nothing any more.
func (l *processLoop) refuse(err error) {
	if !l.refused {
		l.publish(event.Fact{Type: event.TrackerReported, Kind: event.Process, Reason: "no-process-events",
			Text: fmt.Sprintf("Failed to set/clear process event listen - %v; /proc is read every %v instead", err, procPoll)})
	}
	l.refused = true
	l.close()
}

func (l *processLoop) close() {
	if l.connector != nil {
		l.connector.close()
	}
	l.connector, l.confirmed, l.deadline = nil, false, time.Time{}
}

func (l *processLoop) batches() <-chan connectorBatch {
	if l.connector == nil {
		return nil
	}
	return l.connector.batches
}

// take hands events to the table. After an overrun only a look at /proc helps.
func (l *processLoop) take(b connectorBatch, ok bool) {
	now := time.Now()
	if !ok {
		l.refuse(errors.New("the socket has failed"))
		l.scan = now
		return
	}
	if b.overrun {
		l.scan = now
		return
	}
	for _, e := range b.events {
		switch e.what {
		case procNone:
			if e.errno != 0 {
				l.refuse(unix.Errno(e.errno))
				return
			}
			l.confirmed, l.deadline = true, time.Time{}
		case procFork:
			l.tell(l.table.Step(now, Forked{Parent: e.pid, Child: e.child}))
		case procExit:
			l.tell(l.table.Step(now, Exited{PID: e.pid}))
		case procExec, procComm:
			info, alive := readProcess(l.root, e.pid, l.table.NeedsCommands())
			if !alive {
				continue // its end is on the way
			}
			l.tell(l.table.Step(now, Named{PID: e.pid, Info: info}))
		}
	}
}

// tick does what is due.
func (l *processLoop) tick(now time.Time) {
	if l.table.Empty() {
		return
	}
	if !l.deadline.IsZero() && !now.Before(l.deadline) {
		l.refuse(errors.New("no answer, as in a container with processes of its own"))
	}
	if !now.Before(l.scan) {
		l.look(now)
	}
	l.tell(l.table.Step(now, Passed{}))
}

// look reads /proc. Until the kernel has said that it tells events, it is read
// as if it did not.
func (l *processLoop) look(now time.Time) {
	if all, err := scanProcesses(l.root, l.table.NeedsCommands()); err == nil {
		l.tell(l.table.Step(now, Scanned{all}))
	}
	l.scan = now.Add(procPoll)
	if l.confirmed {
		l.scan = now.Add(procSweep)
	}
}

func (l *processLoop) tell(list []ProcessVerdict) {
	for _, v := range list {
		l.publish(event.Fact{Type: event.TrackerChanged, Kind: event.Process, Name: v.Name,
			From: v.From.String(), To: v.To.String(), Text: v.Text})
		l.changed(v.Name, v.To)
	}
}

// scanProcesses reads all processes below root.
func scanProcesses(root string, commands bool) (map[int]ProcessInfo, error) {
	dir, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	all := make(map[int]ProcessInfo, len(names))
	for _, n := range names {
		pid, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		if p, alive := readProcess(root, pid, commands); alive {
			all[pid] = p
		}
	}
	return all, nil
}

// readProcess reads one process; one that has ended and waits for its parent to
// notice is not alive.
func readProcess(root string, pid int, commands bool) (p ProcessInfo, alive bool) {
	dir := filepath.Join(root, strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return p, false
	}
	comm, state, ok := ParseStat(stat)
	if !ok || state == 'Z' || state == 'X' {
		return p, false
	}
	p.Comm = comm
	if commands {
		if p.Cmdline, err = os.ReadFile(filepath.Join(dir, "cmdline")); err != nil {
			return p, false
		}
	}
	return p, true
}
