package checkers

import (
	"os"
	"runtime"
	"testing"

	"holdfast/integration/netns"
)

// init keeps the process's first thread for the goroutine of TestMain: the others
// enter namespaces and end there, this one cannot.
func init() { runtime.LockOSThread() }

// TestMain runs many at once: tests wait more than they work.
func TestMain(m *testing.M) { os.Exit(netns.Main(m, 8, certs.remove)) }
