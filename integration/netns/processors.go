package netns

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// watch notes the same of one processor: a virtual machine may lose the timers of
// one of them for seconds, and who sleeps there is not woken, although nobody
// waits for a processor and the others go on.
func (m *meter) watch(processor int) {
	runtime.LockOSThread() // never unlocked: the thread stays bound and ends
	var only unix.CPUSet
	only.Set(processor)
	if unix.SchedSetaffinity(0, &only) != nil {
		return // not one of ours
	}
	pause := unix.NsecToTimespec(int64(meterEvery))
	for {
		asked := time.Now()
		select {
		case <-m.stop:
			return
		default:
		}
		_ = unix.Nanosleep(&pause, nil) // the kernel's timer, not the one of Go
		m.note(time.Since(asked) - meterEvery)
	}
}

// note keeps what is more than jitter.
func (m *meter) note(by time.Duration) {
	if by <= meterFloor {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.late = append(m.late, lateness{time.Now(), by})
}
