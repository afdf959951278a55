package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Kind is which daemon a router runs.
type Kind string

// The daemons.
const (
	Holdfast   Kind = "holdfast"
	Keepalived Kind = "keepalived"
	FRR        Kind = "frr" // started with StartFRR
)

// Path is the daemon's program. holdfast has to be built before: make build.
func (k Kind) Path(t *testing.T) string {
	t.Helper()
	if k == Keepalived {
		path, err := exec.LookPath("keepalived")
		if err != nil {
			t.Fatalf("%v: integration/packages.sh installs it", err)
		}
		return path
	}
	path := os.Getenv("HOLDFAST_BIN")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "holdfast")
	}
	abs, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(abs)
	}
	if err != nil {
		t.Fatalf("%v: make build", err)
	}
	return abs
}

// Daemon is one started holdfast or keepalived: a parent and its children.
type Daemon struct {
	Kind Kind
	Conf string // its configuration file

	Quiet bool // do not show the log when the test fails

	host    *Host
	cmd     *exec.Cmd
	pidFile string
	began   time.Time

	mu    sync.Mutex
	log   []logLine
	tail  []byte
	ended chan struct{}
	at    time.Time // when it ended
}

type logLine struct {
	at   time.Time
	text string
}

// Start runs a daemon on the host with this configuration, in the foreground,
// logging in detail to us, with pid files of its own.
func (h *Host) Start(kind Kind, conf string, args ...string) *Daemon {
	h.lab.t.Helper()
	path := h.File(string(kind)+".conf", conf, 0o644)
	pid := func(role string) string { return filepath.Join(h.Dir, string(kind)+"-"+role+".pid") }
	d := &Daemon{Kind: kind, Conf: path, host: h, pidFile: pid("vrrp")}
	d.launch(append([]string{kind.Path(h.lab.t), "-n", "-l", "-D", "-f", path,
		"-p", pid("parent"), "-r", pid("vrrp"), "-c", pid("check")}, args...)...)
	return d
}

// launch starts the daemon's program in its host, and ends it with the lab.
func (d *Daemon) launch(argv ...string) {
	h := d.host
	h.lab.t.Helper()
	h.daemons = append(h.daemons, d)
	d.ended, d.began = make(chan struct{}), time.Now()
	// ip becomes the daemon, so its pid is the daemon's
	d.cmd = exec.Command("ip", slices.Concat([]string{"netns", "exec", h.NS}, h.launcher, argv)...)
	d.cmd.Stderr = d
	if d.Kind == FRR { // it logs to standard output
		d.cmd.Stdout = d
	}
	d.cmd.Dir = h.Dir
	d.cmd.Env = append(os.Environ(), h.Env...)
	if err := d.cmd.Start(); err != nil {
		h.lab.t.Fatalf("start %s on %s: %v", d.Kind, h.Name, err)
	}
	go func() {
		defer close(d.ended)
		d.cmd.Wait()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.at = time.Now()
	}()
	h.lab.root.Cleanup(func() {
		d.Kill()
		if h.lab.root.Failed() && !d.Quiet {
			h.lab.root.Logf("log of %s on %s:\n%s", d.Kind, h.Name, d.Log())
		}
	})
}

// Write takes the daemon's log, line by line, with the time of arrival.
func (d *Daemon) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tail = append(d.tail, b...)
	for {
		i := bytes.IndexByte(d.tail, '\n')
		if i < 0 {
			return len(b), nil
		}
		d.log = append(d.log, logLine{time.Now(), string(d.tail[:i])})
		d.tail = d.tail[i+1:]
	}
}

// Log is everything logged until now, with times since the start.
func (d *Daemon) Log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for _, l := range d.log {
		fmt.Fprintf(&b, "%9.3fs %s\n", l.at.Sub(d.began).Seconds(), l.text)
	}
	return b.String()
}

// Count is how many lines of the log since then match the expression.
func (d *Daemon) Count(since time.Time, expression string) int {
	re := regexp.MustCompile(expression)
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, l := range d.log {
		if l.at.After(since) && re.MatchString(l.text) {
			n++
		}
	}
	return n
}

// Said is when the first line after since that matches was logged; the zero
// time when there is none.
func (d *Daemon) Said(since time.Time, expression string) time.Time {
	re := regexp.MustCompile(expression)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.log {
		if l.at.After(since) && re.MatchString(l.text) {
			return l.at
		}
	}
	return time.Time{}
}

// WaitLog waits for a line that matches, logged after since.
func (d *Daemon) WaitLog(since time.Time, limit time.Duration, expression string) {
	t := d.host.lab.t
	t.Helper()
	Eventually(t, limit, fmt.Sprintf("%s on %s logs %q", d.Kind, d.host.Name, expression),
		func() bool { return d.Count(since, expression) > 0 })
}

// Entered is the state changes that the log tells since then, in order.
func (d *Daemon) Entered(since time.Time) []string {
	re := regexp.MustCompile(`\((\S+)\) Entering (\S+) STATE`)
	d.mu.Lock()
	defer d.mu.Unlock()
	var states []string
	for _, l := range d.log {
		if m := re.FindStringSubmatch(l.text); m != nil && l.at.After(since) {
			states = append(states, m[1]+" "+m[2])
		}
	}
	return states
}

// waitTold waits until the log says of the instances with this address that they
// are master, or that they are something else. It does not insist: an address
// may be there that a killed daemon has left.
func (d *Daemon) waitTold(addr string, master bool) {
	if !d.Running() || d.Kind == FRR {
		return
	}
	names := d.instancesWith(addr)
	last := map[string]string{}
	told := func(name string) bool { return last[name] != "" && (last[name] == "MASTER") == master }
	for patience := within(toldWithin); ; time.Sleep(pollEvery) {
		for _, line := range d.Entered(time.Time{}) {
			name, state, _ := strings.Cut(line, " ")
			last[name] = state
		}
		if !slices.ContainsFunc(names, func(n string) bool { return !told(n) }) {
			return
		}
		if patience.over() {
			d.host.lab.t.Fatalf("%s on %s has not told that %v, with %s, is master: %v, but %v", d.Kind, d.host.Name, names, addr, master, last)
			return
		}
	}
}

// toldWithin is how late a log may be.
const toldWithin = 10 * time.Second

// instancesWith are those whose blocks have a line about this address.
func (d *Daemon) instancesWith(addr string) []string {
	text, _ := os.ReadFile(d.Conf)
	var names []string
	block := ""
	for line := range strings.Lines(string(text)) {
		switch words := strings.Fields(line); {
		case len(words) == 0:
		case strings.HasPrefix(words[0], "vrrp_") || strings.HasPrefix(words[0], "static_"):
			if block = ""; len(words) > 1 && words[0] == "vrrp_instance" {
				block = words[1]
			}
		case block != "" && vipOf(words[0]) == addr && !slices.Contains(names, block):
			names = append(names, block)
		}
	}
	return names
}

// vipOf is the address of an entry of virtual_ipaddress.
func vipOf(entry string) string {
	addr, _, _ := strings.Cut(entry, "/")
	return addr
}

// Signal sends to the parent process.
func (d *Daemon) Signal(sig syscall.Signal) {
	d.host.lab.t.Helper()
	if err := syscall.Kill(d.cmd.Process.Pid, sig); err != nil {
		d.host.lab.t.Fatalf("send %v to %s on %s: %v", sig, d.Kind, d.host.Name, err)
	}
}

// Reload writes a new configuration and sends SIGHUP.
func (d *Daemon) Reload(conf string) {
	d.host.lab.t.Helper()
	writeFile(d.host.lab.t, d.Conf, conf, 0o644)
	d.Signal(syscall.SIGHUP)
}

// Stop sends SIGTERM and waits for the end. It returns how long that took.
func (d *Daemon) Stop() time.Duration {
	d.host.lab.t.Helper()
	asked := time.Now()
	d.Signal(syscall.SIGTERM)
	d.WaitEnd(10 * time.Second)
	return d.at.Sub(asked)
}

// WaitEnd waits for the parent to end and returns its exit status, -1 when a
// signal ended it.
func (d *Daemon) WaitEnd(limit time.Duration) int {
	d.host.lab.t.Helper()
	Eventually(d.host.lab.t, limit, fmt.Sprintf("%s on %s ends", d.Kind, d.host.Name), func() bool { return !d.Running() })
	return d.cmd.ProcessState.ExitCode()
}

// Running says whether the parent has not ended.
func (d *Daemon) Running() bool {
	select {
	case <-d.ended:
		return false
	default:
		return true
	}
}

// Kill ends all processes of the daemon with SIGKILL, as a power cut would: the
// parent is stopped first, for it must neither restart its children nor be
// missed by them, which would make them leave in good order.
func (d *Daemon) Kill() {
	if !d.Running() {
		return
	}
	pid := d.cmd.Process.Pid
	syscall.Kill(pid, syscall.SIGSTOP)
	for _, child := range descendants(pid) {
		syscall.Kill(child, syscall.SIGKILL)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	<-d.ended
	if d.Kind == Keepalived { // it takes an unreaped child named there for a running daemon, and leaves
		os.Remove(d.pidFile)
	}
}

// VRRPChild is the process id that the daemon wrote into the file of -r.
func (d *Daemon) VRRPChild() (int, error) {
	text, err := os.ReadFile(d.pidFile)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil && pid == d.cmd.Process.Pid {
		err = errors.New("the VRRP process is the parent itself")
	}
	return pid, err
}

// descendants are the children of pid and theirs, children last.
func descendants(pid int) []int {
	var all []int
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, child)
				all = append(all, descendants(child)...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ConfigTest runs -t on a file in the host's namespace.
func (h *Host) ConfigTest(kind Kind, file string) (status int, output string) {
	h.lab.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", h.NS, kind.Path(h.lab.t), "-t", "-f", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // keepalived signals its own group
	out, err := cmd.CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		h.lab.t.Fatalf("%s -t: %v", kind, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}
