package netns

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// meter notes how late a goroutine wakes up that asks for 5 ms. The worst of
// these is what the machine adds to every measured time, whoever is measured.
type meter struct {
	mu   sync.Mutex
	late []lateness
	stop chan struct{}
	done chan struct{}
}

type lateness struct {
	at time.Time
	by time.Duration
}

const (
	meterEvery = 5 * time.Millisecond
	meterFloor = 10 * time.Millisecond // below this it is jitter, covered by slack
)

var machine = &meter{stop: make(chan struct{}), done: make(chan struct{})}

func (m *meter) run() {
	defer close(m.done)
	var processors sync.WaitGroup
	defer processors.Wait()
	for i := range runtime.NumCPU() {
		processors.Go(func() { m.watch(i) })
	}
	tick := time.NewTimer(meterEvery)
	defer tick.Stop()
	for asked := time.Now(); ; asked = time.Now() {
		select {
		case <-m.stop:
			return
		case <-tick.C:
		}
		m.note(time.Since(asked) - meterEvery)
		tick.Reset(meterEvery)
	}
}

func (m *meter) end() {
	close(m.stop)
	<-m.done
}

// latenessSince is the worst lateness of the machine since then.
func latenessSince(then time.Time) time.Duration {
	machine.mu.Lock()
	defer machine.mu.Unlock()
	var worst time.Duration
	for _, l := range machine.late {
		if l.at.After(then) {
			worst = max(worst, l.by)
		}
	}
	return worst
}

// stalled is for how long, since the machine started, anybody on it was kept
// waiting for a processor: at most for so long was each of them. 0 where the
// kernel does not tell (PSI, Documentation/accounting/psi.rst).
func stalled() time.Duration {
	text, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return 0
	}
	_, total, _ := strings.Cut(string(text), "total=")
	var us int64
	if n, _ := fmt.Sscan(total, &us); n != 1 {
		return 0
	}
	return time.Duration(us) * time.Microsecond
}

// LatenessSince is the worst lateness of the machine since then.
func LatenessSince(then time.Time) time.Duration { return latenessSince(then) }

// keptWaiting begins to note for how long these daemons are ready to run and are
// not run: what they are late by through no fault of theirs. That is much more
// than latenessSince where many want a processor and a daemon has work to do.
// Those that are given to the function it returns may have been started since.
func keptWaiting(daemons ...*Daemon) func(now ...*Daemon) time.Duration {
	before := map[string]time.Duration{}
	for _, d := range daemons {
		maps.Copy(before, d.waited())
	}
	return func(now ...*Daemon) time.Duration {
		var sum time.Duration
		for _, d := range now {
			for thread, waited := range d.waited() {
				sum += waited - before[thread]
			}
		}
		return sum
	}
}

// waited is how long each thread of the daemon's processes has waited for a
// processor, as the kernel counts it; empty where it does not.
func (d *Daemon) waited() map[string]time.Duration {
	all := map[string]time.Duration{}
	if d == nil || !d.Running() {
		return all
	}
	pid := d.cmd.Process.Pid
	for _, p := range append([]int{pid}, descendants(pid)...) {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p))
		for _, f := range files {
			var ran, waited int64 // nanoseconds
			text, err := os.ReadFile(f)
			if err != nil {
				continue // the thread has ended
			}
			if n, _ := fmt.Sscan(string(text), &ran, &waited); n == 2 {
				all[f] = time.Duration(waited)
			}
		}
	}
	return all
}
