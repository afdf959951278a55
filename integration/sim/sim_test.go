package sim

import (
	"flag"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	seeds   = flag.Uint64("seeds", 10000, "how many seeds to try; 500 with -short")
	seed    = flag.Uint64("seed", 0, "try this seed alone and print its diary")
	keep    = flag.String("keep", "", "with -seed: only these faults happen, by number; none: no fault at all")
	base    = flag.Uint64("base", 0, "with -for: first seed; 0: the clock gives one")
	howLong = flag.Duration("for", 0, "try new seeds for this long instead")
)

// kept are the numbers of -keep; nil means all.
func kept(t *testing.T) []int {
	t.Helper()
	switch *keep {
	case "":
		return nil
	case "none":
		return []int{}
	}
	var list []int
	for _, word := range strings.Split(*keep, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

func TestNetworksSettleWhateverHappens(t *testing.T) {
	if *seed != 0 {
		r := Try(*seed, Options{Diary: true, Keep: kept(t)})
		t.Log("\n" + strings.Join(r.Diary, "\n"))
		if r.Err != nil {
			t.Error(r.Err)
		}
		return
	}
	first, count := uint64(1), *seeds
	switch {
	case *howLong > 0:
		first, count = *base, 1<<62
		if first == 0 {
			first = uint64(time.Now().Unix()) * 100_000
		}
		t.Logf("new seeds from %d on; again with -base %d", first, first)
	case testing.Short():
		count = min(count, 500)
	}
	b := RunBatch(first, count, *howLong, runtime.GOMAXPROCS(0), Options{})
	t.Logf("%d seeds, %.0f simulated hours in %v: %.1f simulated hours per second, %.0f times real time per core, %.0f events per second per core",
		b.Seeds, b.Simulated.Hours(), b.Took.Round(time.Millisecond), b.Simulated.Hours()/b.Took.Seconds(), b.Speed(),
		float64(b.Events)/b.Took.Seconds()/float64(b.Workers))
	if b.Failed != nil {
		t.Error(Shrink(*b.Failed, Options{}).Report())
	}
}

// Seeds that once found a defect, at their shortest.
func TestSeedsThatFailedOnceHold(t *testing.T) {
	for _, c := range []struct {
		name string
		seed uint64
		keep []int
	}{
		{"an owner takes a step back before a rival slower than itself", 179584188302844, []int{}},
		{"who listens after a stall has no successor that goes on", 179584904508767, []int{21, 23}},
		{"the last advert of a fast router that yields", 179584905828412, []int{4, 5, 6}},
		{"addresses given back a moment before the kernel refuses all", 179584920437034, []int{18, 20, 23}},
		{"numbers of AH after a clock was ahead", 179584943813676, []int{3, 5, 7, 17}},
		{"a third router in the middle of an argument of owners", 179585342836737, []int{12, 17, 18, 19, 20}},
		{"numbers of AH after one that another counts on from", 179585355410001, []int{18, 19, 21, 23}},
		{"numbers of AH have grown faster than the clock", 179585363710396, []int{1, 15, 17, 18, 23}},
		{"a reload in the middle of an argument of owners", 179584957209767, []int{2, 4, 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r := Try(c.seed, Options{Keep: c.keep}); r.Err != nil {
				t.Error(r.Err)
			}
		})
	}
}
