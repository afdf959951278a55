package netns

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

// parallelLabs is how many labs run at once. They wait more than they work,
// and yet two processors are soon busy enough to be late.
const parallelLabs = "4"

// init keeps the process's first thread for the goroutine of TestMain. A thread
// that enters a namespace ends with its goroutine, but the first one cannot
// end: the whole process would pass for one inside.
func init() {
	runtime.LockOSThread()
	launch()
}

func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		flag.Set("test.parallel", parallelLabs)
	}
	if os.Getenv("HOLDFAST_NETNS") == "1" && os.Geteuid() == 0 {
		sweep()
	}
	go machine.run()
	status := m.Run()
	machine.end()
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}
