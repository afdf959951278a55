package lifecycle

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/integration/netns"
)

// Files of a daemon, relative to its host's folder.
const (
	confFile     = "k.conf"
	parentPID    = "parent.pid"
	vrrpPID      = "vrrp.pid"
	checkersPID  = "checkers.pid"
	startLimit   = 10 * time.Second
	controlLimit = 10 * time.Second
)

// binary is the daemon's program. It has to be built before: make build.
func binary(t *testing.T) string {
	t.Helper()
	return netns.Holdfast.Path(t)
}

// Start says how to start the binary.
type Start struct {
	Conf    string   // text of the configuration; "" keeps the file of the last start
	Args    []string // further options
	Env     []string // further environment variables
	Program string   // instead of bin/holdfast
	Wrap    []string // a command that ends with the daemon's command line
	Ready   string   // expression in the log that says it is up; "" is Startup complete
}

// Daemon is one start in the foreground, with its log.
type Daemon struct {
	t    *testing.T
	Host *netns.Host
	cmd  *exec.Cmd

	ended chan struct{}
	at    time.Time // when it ended

	mu  sync.Mutex
	log bytes.Buffer
}

// commandLine are the words of a start, without what wraps them.
func commandLine(t *testing.T, h *netns.Host, s Start) []string {
	t.Helper()
	if s.Conf != "" {
		h.File(confFile, s.Conf, 0o644)
	}
	program := s.Program
	if program == "" {
		program = binary(t)
	}
	file := func(name string) string { return filepath.Join(h.Dir, name) }
	return append([]string{program, "-f", file(confFile), "-p", file(parentPID), "-r", file(vrrpPID), "-c", file(checkersPID)}, s.Args...)
}

// start runs the daemon in the foreground, in the host's namespace. It is
// killed at the end of the test; what it logged is shown when the test failed.
func start(t *testing.T, h *netns.Host, s Start) *Daemon {
	t.Helper()
	d := launch(t, h, s)
	ready := s.Ready
	if ready == "" {
		ready = "Startup complete"
	}
	d.waitLog(ready, 1)
	return d
}

// launch is start without waiting until the daemon is up.
func launch(t *testing.T, h *netns.Host, s Start) *Daemon {
	t.Helper()
	s.Args = append([]string{"-n", "-l", "-D"}, s.Args...)
	argv := commandLine(t, h, s)
	// ip and the wrapper become the daemon: the pid is the daemon's.
	return execute(t, h, append(append([]string{"ip", "netns", "exec", h.NS}, s.Wrap...), argv...), s.Env)
}

// launchOutside starts the daemon in the test's own network namespace.
func launchOutside(t *testing.T, h *netns.Host, args ...string) *Daemon {
	t.Helper()
	return execute(t, h, commandLine(t, h, Start{Args: append([]string{"-n", "-l", "-D"}, args...)}), nil)
}

func execute(t *testing.T, h *netns.Host, argv, env []string) *Daemon {
	t.Helper()
	return executeTo(t, h, argv, env, nil)
}

// executeTo runs a daemon that logs to a file; nil: to us.
func executeTo(t *testing.T, h *netns.Host, argv, env []string, console *os.File) *Daemon {
	t.Helper()
	d := &Daemon{t: t, Host: h, ended: make(chan struct{})}
	d.cmd = exec.Command(argv[0], argv[1:]...)
	d.cmd.Stderr, d.cmd.Dir = d, h.Dir
	if console != nil {
		d.cmd.Stderr = console
	}
	d.cmd.Env = append(os.Environ(), env...)
	if err := d.cmd.Start(); err != nil {
		t.Fatalf("start the daemon: %v", err)
	}
	go func() {
		defer close(d.ended)
		d.cmd.Wait()
		d.at = time.Now()
	}()
	t.Cleanup(func() {
		d.kill()
		if t.Failed() {
			t.Logf("log of the daemon on %s:\n%s", h.Name, d.Log())
		}
	})
	return d
}

// Write takes the daemon's log.
func (d *Daemon) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(b)
}

// Log is everything logged until now.
func (d *Daemon) Log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

// count is how often the log matches an expression.
func (d *Daemon) count(expression string) int {
	return len(regexp.MustCompile(expression).FindAllString(d.Log(), -1))
}

// waitLog waits until the log matches at least n times.
func (d *Daemon) waitLog(expression string, n int) {
	d.t.Helper()
	netns.Eventually(d.t, startLimit, fmt.Sprintf("%d times %q in the log", n, expression), func() bool {
		if !d.running() && d.count(expression) < n {
			d.t.Fatalf("the daemon ended with %d before its log said %q", d.cmd.ProcessState.ExitCode(), expression)
		}
		return d.count(expression) >= n
	})
}

func (d *Daemon) running() bool {
	select {
	case <-d.ended:
		return false
	default:
		return true
	}
}

// pid is the parent's process id.
func (d *Daemon) pid() int { return d.cmd.Process.Pid }

// child waits until a pid file names a live child of the daemon other than
// old, and returns it.
func (d *Daemon) child(name string, old int) int {
	d.t.Helper()
	pid := 0
	netns.Eventually(d.t, startLimit, name+" names a new child", func() bool {
		pid = pidIn(filepath.Join(d.Host.Dir, name))
		return pid != 0 && pid != old && parentOf(pid) == d.pid()
	})
	return pid
}

// signal sends to the parent.
func (d *Daemon) signal(sig syscall.Signal) {
	d.t.Helper()
	if err := syscall.Kill(d.pid(), sig); err != nil {
		d.t.Fatalf("send %v: %v", sig, err)
	}
}

// reload puts another configuration in place, sends SIGHUP, and waits until
// the log says how that ended.
func (d *Daemon) reload(conf, outcome string) {
	d.t.Helper()
	n := d.count(outcome)
	d.Host.File(confFile, conf, 0o644)
	d.signal(syscall.SIGHUP)
	d.waitLog(outcome, n+1)
}

// Outcomes of a reload, in the log.
const (
	reloaded = "Reload complete"
	refused  = "the running configuration stays"
)

// wait returns the exit status, -1 for the end by a signal.
func (d *Daemon) wait(limit time.Duration) int {
	d.t.Helper()
	netns.Eventually(d.t, limit, "the daemon ends", func() bool { return !d.running() })
	return d.cmd.ProcessState.ExitCode()
}

// kill ends all processes at once: the parent is stopped first, so that it
// neither restarts its children nor is missed by them.
func (d *Daemon) kill() {
	if !d.running() {
		return
	}
	syscall.Kill(d.pid(), syscall.SIGSTOP)
	for _, c := range childrenOf(d.pid()) {
		syscall.Kill(c, syscall.SIGKILL)
	}
	syscall.Kill(d.pid(), syscall.SIGKILL)
	<-d.ended
}

// run runs a command line in the host's namespace until it ends by itself and
// returns its exit status and what it wrote.
func run(t *testing.T, h *netns.Host, argv ...string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", h.NS}, argv...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second // a daemon in the background keeps our pipes
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// pidIn is the process id in a file, 0 when there is none.
func pidIn(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	word, ended := strings.CutSuffix(string(text), "\n")
	pid, err := strconv.Atoi(word)
	if err != nil || !ended {
		return 0
	}
	return pid
}
