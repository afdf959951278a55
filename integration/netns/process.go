package netns

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Process is a program that serves in a host: a name server, a web server.
type Process struct {
	host  *Host
	cmd   *exec.Cmd
	ended chan struct{}
	mu    sync.Mutex
	out   bytes.Buffer
}

// StartProcess runs a program in the host until Kill or the end of the lab.
func (h *Host) StartProcess(argv ...string) *Process {
	h.lab.t.Helper()
	p := &Process{host: h, ended: make(chan struct{})}
	p.cmd = exec.Command("ip", append([]string{"netns", "exec", h.NS}, argv...)...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.WaitDelay = time.Second // its children may keep what it prints to; the end of the namespace ends them
	if err := p.cmd.Start(); err != nil {
		h.lab.t.Fatalf("start %v on %s: %v", argv, h.Name, err)
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	h.lab.root.Cleanup(func() {
		p.Kill()
		if h.lab.root.Failed() {
			h.lab.root.Logf("%s on %s said:\n%s", argv[0], h.Name, p.Output())
		}
	})
	return p
}

// Write takes what the program prints.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// Output is what the program has printed.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// WaitOutput waits until the program has printed text.
func (p *Process) WaitOutput(limit time.Duration, text string) {
	p.host.lab.t.Helper()
	Eventually(p.host.lab.t, limit, p.cmd.Args[4]+" prints "+text, func() bool { return strings.Contains(p.Output(), text) })
}

// Kill ends the program with SIGKILL.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// Try runs a program in the host that may fail.
func (h *Host) Try(argv ...string) (string, error) {
	out, err := exec.Command("ip", append([]string{"netns", "exec", h.NS}, argv...)...).Output()
	return string(out), err
}

func (h *Host) readFile(name string) string {
	h.lab.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.Dir, name))
	if err != nil {
		h.lab.t.Fatal(err)
	}
	return string(text)
}
