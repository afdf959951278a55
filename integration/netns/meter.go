package netns

import (
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
	tick := time.NewTimer(meterEvery)
	defer tick.Stop()
	for asked := time.Now(); ; asked = time.Now() {
		select {
		case <-m.stop:
			return
		case <-tick.C:
		}
		if by := time.Since(asked) - meterEvery; by > meterFloor {
			m.mu.Lock()
			m.late = append(m.late, lateness{time.Now(), by})
			m.mu.Unlock()
		}
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

// Meter begins to note how late this machine is; the function that it returns
// ends that. For the TestMain of another package that uses labs.
func Meter() (end func()) {
	go machine.run()
	return machine.end
}

// LatenessSince is the worst lateness of the machine since then.
func LatenessSince(then time.Time) time.Duration { return latenessSince(then) }
