package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lab is a set of network namespaces with names of our own.
type lab struct {
	dir   string // configurations, pid files
	names []string
}

// labs counts them: no two have one name.
var labs int

func newLab() (*lab, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	labs++
	return &lab{dir: dir}, nil
}

// namespace makes one more.
func (l *lab) namespace(part string) (string, error) {
	name := fmt.Sprintf("hfb%dx%d%s", os.Getpid(), labs, part)
	if err := ip("netns", "add", name); err != nil {
		return "", fmt.Errorf("make a network namespace (needs root): %w", err)
	}
	l.names = append(l.names, name)
	return name, ip("-n", name, "link", "set", "lo", "up")
}

// close kills what runs in the namespaces, which nobody else knows, and removes them.
func (l *lab) close() {
	for _, name := range l.names {
		for range 100 {
			out, _ := exec.Command("ip", "netns", "pids", name).Output()
			pids := strings.Fields(string(out))
			if len(pids) == 0 {
				break
			}
			for _, p := range pids {
				if pid, err := strconv.Atoi(p); err == nil && pid != os.Getpid() {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			time.Sleep(10 * time.Millisecond) // a killed process leaves its namespace when it is gone
		}
		_ = ip("netns", "del", name)
	}
	os.RemoveAll(l.dir)
}

// ip runs the program of that name.
func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// batch runs commands of ip in a namespace, in one process: processes are slow in an
// emulated machine.
func batch(namespace string, commands ...string) error {
	cmd := exec.Command("ip", "-n", namespace, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip in %s: %w: %s", namespace, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// router is a running daemon.
type router struct {
	cmd  *exec.Cmd
	vrrp string // its VRRP child's pid file
	conf string // its configuration
}

// start runs a program as a VRRP daemon in a namespace.
func (l *lab) start(program, namespace, config string) (*router, error) {
	return l.startWith(program, namespace, config, "-P")
}

// startWith runs a daemon with one part of it, -P routers or -C health checks, and
// more options. It finds its configuration where conf says, and leaves its log there.
func (l *lab) startWith(program, namespace, config string, options ...string) (*router, error) {
	base := filepath.Join(l.dir, namespace)
	r := &router{vrrp: base + ".vrrp", conf: base + ".conf"}
	if err := os.WriteFile(r.conf, []byte(config), 0o644); err != nil {
		return nil, err
	}
	os.Remove(r.vrrp) // of one that was killed
	os.Remove(base + ".pid")
	r.cmd = exec.Command("ip", append([]string{"netns", "exec", namespace, program, "-n", "-f", r.conf, "-p", base + ".pid", "-r", r.vrrp, "-c", base + ".checkers"}, options...)...)
	log, err := os.Create(base + ".log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return r, nil
}

// kill ends a daemon as a crash of the machine would: all its processes at once.
// They stand still before: a child that learns of its parent's death would resign,
// a parent would start another child.
func (r *router) kill() {
	pids := family(r.cmd.Process.Pid)
	slices.Reverse(pids)
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, pid := range pids {
			_ = syscall.Kill(pid, signal)
		}
	}
	_ = r.cmd.Wait()
}

// stop ends it in order.
func (r *router) stop() error {
	ended := make(chan error, 1)
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	go func() { ended <- r.cmd.Wait() }()
	select {
	case <-ended:
		return nil
	case <-time.After(20 * time.Second):
		r.kill()
		return errors.New("does not stop within 20 s")
	}
}

// said is the end of what a daemon logged.
func (r *router) said() string {
	text, _ := os.ReadFile(strings.TrimSuffix(r.conf, ".conf") + ".log")
	return string(text[max(0, len(text)-4000):])
}

// child is the process that speaks VRRP.
func (r *router) child() int {
	b, err := os.ReadFile(r.vrrp)
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}

// family is a process and all its descendants, parents first.
func family(pid int) []int {
	children := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range dirs {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b), ") ") // behind the name, which may hold anything
		f := strings.Fields(rest)
		if len(f) < 2 {
			continue
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, _ := strconv.Atoi(f[1])
		children[parent] = append(children[parent], child)
	}
	list := []int{pid}
	for i := 0; i < len(list); i++ {
		list = append(list, children[list[i]]...)
	}
	return list
}

// cpu is the time that processes have run so far, by the scheduler's clock: the
// ticks of /proc/PID/stat are too coarse for ten routers.
func cpu(pids []int) (total time.Duration) {
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, path := range tasks {
			b, err := os.ReadFile(path)
			if err != nil {
				continue
			}
			ran, _, _ := strings.Cut(string(b), " ")
			ns, _ := strconv.ParseInt(ran, 10, 64)
			total += time.Duration(ns)
		}
	}
	return total
}

// proportional is how many KiB processes have in memory when what they share is
// divided among those who share it.
func proportional(pids []int) (total int64) {
	for _, pid := range pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		_, rest, _ := strings.Cut(string(b), "\nPss:")
		if f := strings.Fields(rest); len(f) > 0 {
			kib, _ := strconv.ParseInt(f[0], 10, 64)
			total += kib
		}
	}
	return total
}

// resident is how many KiB processes have in memory.
func resident(pids ...int) (total int64) {
	for _, pid := range pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rest, _ := strings.Cut(string(b), "VmRSS:")
		if f := strings.Fields(rest); len(f) > 0 {
			kib, _ := strconv.ParseInt(f[0], 10, 64)
			total += kib
		}
	}
	return total
}
