package netns

import (
	"os"
	"runtime"
	"testing"
)

// parallelLabs is how many labs run at once. They wait more than they work,
// and yet two processors are soon busy enough to be late.
const parallelLabs = 4

// init keeps the process's first thread for the goroutine of TestMain. A thread
// that enters a namespace ends with its goroutine, but the first one cannot
// end: the whole process would pass for one inside.
func init() {
	runtime.LockOSThread()
	launch()
}

func TestMain(m *testing.M) {
	if os.Getenv("HOLDFAST_NETNS") == "1" && os.Geteuid() == 0 {
		sweep()
	}
	os.Exit(Main(m, parallelLabs))
}
