package daemon

import (
	"os"
	"runtime"

	"holdfast/checkers"
)

// fewChecks is how much work a second one processor does with ease: TCP_CHECKs, which
// take a tenth of a millisecond.
const fewChecks = 2000

// effort is what a check costs beside a TCP_CHECK.
var effort = map[string]float64{"SSL_GET": 20, "HTTP_GET": 4, "SMTP_CHECK": 4}

// oneIsEnough says whether one processor is enough for these checks. The runtime then
// does not wake a second thread for each probe to see whether there is more to do:
// that costs more than the probe.
func oneIsEnough(specs []checkers.Spec) bool {
	sum := 0.0
	for _, s := range specs {
		sum += max(1, effort[s.Kind.Keyword]) / max(s.Timing.DelayLoop.Seconds(), 0.001)
	}
	return sum < fewChecks
}

// useProcessors lets the process use one processor, or all again. Who says by
// GOMAXPROCS how many has the last word.
func useProcessors(one bool) {
	switch {
	case os.Getenv("GOMAXPROCS") != "":
	case one:
		runtime.GOMAXPROCS(1)
	default:
		runtime.SetDefaultGOMAXPROCS()
	}
}
