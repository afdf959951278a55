package daemon

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
)

// Exit statuses, those of keepalived.
const (
	ExitOK         = 0
	ExitFatal      = 1   // a bad option, a system call that must not fail
	ExitConfig     = 2   // a configuration that cannot run
	ExitPermission = 4   // a capability is missing
	ExitNoConfig   = 6   // no usable configuration file
	ExitSoftware   = 70  // our own mistake
	ExitNoMemory   = 204 // out of memory
)

// Version is holdfast's; CompatVersion is the keepalived release whose tools
// and files it takes the place of.
const (
	Version       = "0.1.0"
	CompatVersion = "2.2.7"
)

// versionString stands in the log's first and last line.
const versionString = "v" + CompatVersion + " (holdfast " + Version + ")"

// PrintVersion writes what tools around keepalived parse: the first line
// begins "Keepalived vX.Y.Z (", and --enable-json tells exporters that the
// JSON dump can be asked for.
func PrintVersion(w io.Writer) {
	fmt.Fprintf(w, "Keepalived %s\n\n", versionString)
	fmt.Fprintf(w, "holdfast %s, %s, %s/%s\n\n", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(w, "configure options: --enable-json\n\n")
	fmt.Fprintf(w, "Config options:  LVS VRRP VRRP_AUTH JSON\n")
}

// signals are the names that --signum takes. Real-time signals count from the C
// library's SIGRTMIN, 34.
var signals = map[string]int{"STOP": 15, "RELOAD": 1, "DATA": 10, "STATS": 12, "JSON": 36, "STATS_CLEAR": 63}

// Signums are those names, sorted.
func Signums() []string { return slices.Sorted(maps.Keys(signals)) }

// Signum is the number of the signal that a name of --signum stands for.
func Signum(name string) (int, error) {
	n, known := signals[name]
	if !known {
		return 0, fmt.Errorf("unknown sigfunc %s", name)
	}
	return n, nil
}
