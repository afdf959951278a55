package sim

import (
	"fmt"
	"strings"
	"time"
)

// Result is what became of one seed.
type Result struct {
	Seed      uint64
	Err       error // what did not hold
	Faults    []int // numbers of the faults that happened
	Diary     []string
	Simulated time.Duration
	Events    uint64 // datagrams, deadlines and faults
}

// Try runs one seed.
func Try(seed uint64, opts Options) Result {
	l := newLAN(seed, opts)
	l.Run(l.end)
	r := Result{Seed: seed, Err: l.err, Diary: l.diary, Simulated: time.Duration(l.now), Events: l.events}
	for _, f := range l.plan[:l.next] {
		if f.Number > 0 {
			r.Faults = append(r.Faults, f.Number)
		}
	}
	return r
}

// Shrink looks for the shortest list of faults with which a seed still fails:
// halves are dropped while it does, then smaller parts, then single faults. The
// result has a diary.
func Shrink(r Result, opts Options) Result {
	keep := append([]int{}, r.Faults...)
	fails := func(try []int) bool {
		o := opts
		o.Keep = try
		return Try(r.Seed, o).Err != nil
	}
	if !fails(keep) {
		keep = nil // all of them, however odd
	}
	for part := max(len(keep)/2, 1); len(keep) > 0; {
		dropped := false
		for at := 0; at < len(keep); {
			try := append(append([]int{}, keep[:at]...), keep[min(at+part, len(keep)):]...)
			if fails(try) {
				keep, dropped = try, true
			} else {
				at += part
			}
		}
		if part == 1 && !dropped {
			break
		}
		part = max(part/2, 1)
	}
	opts.Diary, opts.Keep = true, keep
	return Try(r.Seed, opts)
}

// Report is what a human needs: what failed, how to see it again, and what
// happened before.
func (r Result) Report() string {
	keep := strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Faults), " ", ","), "[]")
	if keep == "" {
		keep = "none"
	}
	return fmt.Sprintf("seed %d: %v\nrepeat with: go test ./integration/sim -run Settle -seed %d -keep %s -v\n%s",
		r.Seed, r.Err, r.Seed, keep, strings.Join(r.Diary, "\n"))
}
