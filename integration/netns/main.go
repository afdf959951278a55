package netns

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// Main is what TestMain of a package with labs does: it runs the tests, as many
// at once as parallel says unless -test.parallel does, with the meter running;
// after that the functions, and no goroutine may be left. It returns the status
// to exit with. The package needs an init function that locks the first thread:
// a thread that has entered a namespace ends with its goroutine, which the first
// one cannot.
func Main(m *testing.M, parallel int, after ...func()) int {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		flag.Set("test.parallel", strconv.Itoa(parallel))
	}
	go machine.run()
	status := m.Run()
	machine.end()
	for _, f := range after {
		f()
	}
	if err := goleak.Find(); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	return status
}
