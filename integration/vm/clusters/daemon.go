package clusters

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// keepalived is the model, to compare with.
const keepalived = "/usr/sbin/keepalived"

// program is the daemon under test. HOLDFAST_DIRECTOR names another one:
// keepalived, to see that an expectation is its behaviour too.
func program() string {
	if p := os.Getenv("HOLDFAST_DIRECTOR"); p != "" {
		return p
	}
	return "/vm/holdfast"
}

// isKeepalived says whether the tests run against keepalived itself, which
// falls short of what is asked of holdfast in the places that ask.
func isKeepalived() bool { return filepath.Base(program()) == "keepalived" }

// Director is a started daemon: a parent and its children.
type Director struct {
	node  *Node
	cmd   *exec.Cmd
	log   logbook
	ended chan struct{}
}

// logbook is what a daemon wrote to its standard error.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Start runs the daemon on the node as its administrator would: with
// /etc/keepalived/keepalived.conf of the node, in the foreground, with a /run
// and a /var/log (Node.LogDir) of its own.
func (n *Node) Start(t *testing.T, conf string) *Director {
	t.Helper()
	return n.StartProgram(t, program(), conf)
}

// StartProgram is Start for a daemon by its path, with more arguments.
func (n *Node) StartProgram(t *testing.T, path, conf string, args ...string) *Director {
	t.Helper()
	n.File(t, "keepalived/keepalived.conf", conf, 0o644)
	d := &Director{node: n, ended: make(chan struct{})}
	if err := os.MkdirAll(n.LogDir(), 0o755); err != nil {
		t.Fatal(err)
	}
	const own = `mount -t tmpfs tmpfs /run && mount --bind "$1" /var/log && shift && exec "$@"`
	d.cmd = exec.Command("ip", append([]string{"netns", "exec", n.ns, "sh", "-c", own, "sh", n.LogDir(), path,
		"-n", "-l", "-D", "-G", "-p", n.pidFile("parent"), "-r", n.pidFile("vrrp"), "-c", n.pidFile("checkers")}, args...)...)
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		d.cmd.Wait()
		close(d.ended)
	}()
	t.Cleanup(func() {
		d.Kill(t)
		if t.Failed() {
			t.Logf("log of %s:\n%s", n.Name, d.log.String())
		}
	})
	return d
}

// LogDir is where the test finds the node's /var/log.
func (n *Node) LogDir() string { return filepath.Join("/tmp", n.ns+"-log") }

func (n *Node) pidFile(role string) string {
	return filepath.Join("/tmp", n.ns+"-"+role+".pid")
}

// Log is what the daemon logged until now.
func (d *Director) Log() string { return d.log.String() }

// Reload changes the configuration and sends SIGHUP.
func (d *Director) Reload(t *testing.T, conf string) {
	t.Helper()
	d.node.File(t, "keepalived/keepalived.conf", conf, 0o644)
	d.Signal(t, syscall.SIGHUP)
}

// Signal sends to the parent process.
func (d *Director) Signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(signal); err != nil {
		t.Fatalf("%s: send %v: %v", d.node.Name, signal, err)
	}
}

// Stop sends SIGTERM and waits for the end of the daemon, which must be a
// proper one.
func (d *Director) Stop(t *testing.T) {
	t.Helper()
	d.Signal(t, syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(patience):
		t.Fatalf("%s: daemon does not end", d.node.Name)
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%s: daemon ended with status %d", d.node.Name, code)
	}
}

// Kill ends all processes of the daemon at once; none gets to clean up.
func (d *Director) Kill(t *testing.T) {
	select {
	case <-d.ended:
		return
	default:
	}
	parent := d.cmd.Process.Pid
	syscall.Kill(parent, syscall.SIGSTOP) // so that it starts no other child
	pids := append(children(parent), parent)
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, pid := range pids {
			syscall.Kill(pid, signal)
		}
	}
	<-d.ended
}

// Checkers is the process id of the child that checks, 0 while there is none.
func (d *Director) Checkers(t *testing.T) int {
	t.Helper()
	text, _ := os.ReadFile(d.node.pidFile("checkers"))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	for _, child := range children(d.cmd.Process.Pid) {
		if child == pid {
			return pid
		}
	}
	return 0
}

// children are the processes that a process started.
func children(pid int) []int {
	var pids []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // any thread may have forked
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for word := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
