package checkers

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"holdfast/integration/netns"
)

// init keeps the process's first thread for the goroutine of TestMain: the others
// enter namespaces and end there, this one cannot.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "8") // tests wait more than they work
	end := netns.Meter()
	status := m.Run()
	end()
	certs.remove()
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}
