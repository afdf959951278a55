package threads

import (
	"slices"
	"time"
)

// MinRTTime is the least RTTime that is put in force, see doc.go.
const MinRTTime = time.Second

// Settings are how the kernel is to treat this process. The zero value is: as
// it was when the process started.
type Settings struct {
	Nice       *int  // -20..19; nil: as at the start
	RTPriority int   // of SCHED_RR, 1..99; 0: as at the start
	CPUs       []int // the threads may run on; empty: as at the start
	NoSwap     bool  // memory stays in RAM
	// RTTime is how long a thread may run without a pause while RTPriority is
	// set: at half of it the process gets SIGXCPU, at all of it it is killed.
	// 0: as at the start. Less than MinRTTime counts as that.
	RTTime time.Duration
}

// equal says whether o means the same for threads: nice value, priority, processors.
func (s Settings) equal(o Settings) bool {
	sameNice := s.Nice == nil && o.Nice == nil || s.Nice != nil && o.Nice != nil && *s.Nice == *o.Nice
	return sameNice && s.RTPriority == o.RTPriority && slices.Equal(s.CPUs, o.CPUs)
}

// limits are the soft and the hard RLIMIT_RTTIME; ok is false when there is none.
func (s Settings) limits() (soft, hard time.Duration, ok bool) {
	if s.RTPriority == 0 || s.RTTime == 0 {
		return 0, 0, false
	}
	hard = max(s.RTTime, MinRTTime)
	return hard / 2, hard, true
}
