package daemon

import (
	"runtime"
	"testing"
	"time"

	"holdfast/checkers"
)

func TestOneProcessorIsEnoughForFewChecks(t *testing.T) {
	for name, tt := range map[string]struct {
		count   int
		keyword string
		loop    time.Duration
		want    bool
	}{
		"no check":               {0, "TCP_CHECK", time.Second, true},
		"five thousand TCP":      {5000, "TCP_CHECK", 3 * time.Second, true},    // 1,667 a second
		"twenty thousand TCP":    {20_000, "TCP_CHECK", 3 * time.Second, false}, // 6,667
		"a thousand HTTP":        {1000, "HTTP_GET", 3 * time.Second, true},     // as 1,333
		"two thousand HTTP":      {2000, "HTTP_GET", 3 * time.Second, false},    // as 2,667
		"three hundred over TLS": {300, "SSL_GET", 3 * time.Second, false},      // as 2,000
	} {
		var specs []checkers.Spec
		for range tt.count {
			specs = append(specs, checkers.Spec{Kind: checkers.FindKind(tt.keyword), Timing: checkers.Timing{DelayLoop: tt.loop}})
		}
		if got := oneIsEnough(specs); got != tt.want {
			t.Errorf("%s: one is enough: %v, want %v", name, got, tt.want)
		}
	}
}

func TestAllProcessorsComeBack(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Setenv("GOMAXPROCS", "")
	useProcessors(true)
	if got := runtime.GOMAXPROCS(0); got != 1 {
		t.Errorf("uses %d, want 1", got)
	}
	useProcessors(false)
	if got := runtime.GOMAXPROCS(0); got != runtime.NumCPU() && got != before {
		t.Errorf("uses %d, want all", got)
	}
	runtime.GOMAXPROCS(before)
	t.Setenv("GOMAXPROCS", "3")
	useProcessors(true)
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("with GOMAXPROCS set uses %d, want %d still", got, before)
	}
}
