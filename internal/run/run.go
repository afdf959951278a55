package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Umask is what keepalived's scripts run with unless its --umask says
// otherwise: files they create are for their account only, and not executable.
const Umask = 0o177

// ErrStuck is a child that is still there GiveUp after SIGKILL: it sleeps in
// the kernel. It is left to itself.
var ErrStuck = errors.New("still running after SIGKILL")

// Credential is the account a script runs under. Supplementary groups are
// exactly Groups; none if it is empty, except that a script under the daemon's own
// account then keeps the daemon's.
type Credential struct {
	UID, GID uint32
	Groups   []uint32
}

// Command is one script to start.
type Command struct {
	Argv []string    // as the script will see it; never empty
	Path string      // file to execute; "" means Argv[0], searched in PATH when it has no slash
	Cred *Credential // nil: the daemon's own account
	Dir  string      // working directory; "" keeps the daemon's
	Env  []string    // NAME=value; nil means Environ(os.Environ())
}

// String prints the command as keepalived does in its dumps.
func (c Command) String() string {
	quoted := make([]string, len(c.Argv))
	for i, a := range c.Argv {
		quoted[i] = "'" + a + "'"
	}
	return strings.Join(quoted, " ")
}

// Result is how a script ended. Exactly one of these holds: Err is set (it never
// ran, or is stuck), Signal is not 0, or Exit is its exit status.
type Result struct {
	Exit     int           // exit status, 0..255
	Signal   int           // number of the signal that ended it, 0 if none did
	Ended    bool          // the context ended first: we ended the script
	Duration time.Duration // from start to end
	Err      error
}

// OK reports whether the script ran to its end by itself and said 0.
func (r Result) OK() bool { return r.Err == nil && r.Signal == 0 && r.Exit == 0 && !r.Ended }

// String says how the script ended: "exited with status 1", "due to signal 9",
// words that keepalived's log uses.
func (r Result) String() string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case r.Signal != 0:
		return fmt.Sprintf("due to signal %d", r.Signal)
	default:
		return fmt.Sprintf("exited with status %d", r.Exit)
	}
}

// Runner runs scripts. Run returns when the script has ended, at the latest a
// few seconds after ctx. Safe for concurrent use.
type Runner interface {
	Run(ctx context.Context, c Command) Result
}

// unwanted variables change what a shell or the dynamic loader does: a script
// must not inherit them from whoever started the daemon.
var unwanted = []string{"IFS", "LD_PRELOAD", "LD_LIBRARY_PATH"}

// Environ is env, the daemon's environment, without the variables that scripts
// are not given: IFS, LD_PRELOAD, LD_LIBRARY_PATH.
func Environ(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(unwanted, name)
	})
}

// Safely is r.Run, with a panic of r turned into a Result: it costs one script,
// not the daemon.
func Safely(ctx context.Context, r Runner, c Command) (result Result) {
	defer func() {
		if p := recover(); p != nil {
			result = Result{Err: fmt.Errorf("run script %v: panic: %v", c, p)}
		}
	}()
	return r.Run(ctx, c)
}
