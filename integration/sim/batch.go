package sim

import (
	"sync"
	"sync/atomic"
	"time"
)

// Batch is what many seeds came to.
type Batch struct {
	Seeds     uint64
	Simulated time.Duration
	Events    uint64
	Took      time.Duration // on the wall
	Workers   int
	Failed    *Result // the failing seed with the lowest number of those tried
}

// Speed is how many simulated seconds pass in one, per worker.
func (b Batch) Speed() float64 {
	return b.Simulated.Seconds() / b.Took.Seconds() / float64(b.Workers)
}

// RunBatch tries seeds from first on, workers at a time, until count were
// tried, limit is over (0: no limit) or one has failed.
func RunBatch(first, count uint64, limit time.Duration, workers int, opts Options) Batch {
	began := time.Now()
	b := Batch{Workers: workers}
	var next atomic.Uint64
	var over atomic.Bool
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for !over.Load() && (limit == 0 || time.Since(began) < limit) {
				i := next.Add(1) - 1
				if i >= count {
					return
				}
				r := Try(first+i, opts)
				mu.Lock()
				b.Seeds++
				b.Simulated += r.Simulated
				b.Events += r.Events
				if r.Err != nil {
					over.Store(true)
					if b.Failed == nil || r.Seed < b.Failed.Seed {
						b.Failed = &r
					}
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	b.Took = time.Since(began)
	return b
}
