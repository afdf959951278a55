package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/threads"
)

// shell starts files that the kernel does not recognise as a program.
const shell = "/bin/sh"

// Exec runs scripts as processes. The zero value is ready.
type Exec struct{}

// Run implements Runner. The child gets its own process group, /dev/null as
// standard input, output and error, and no other descriptor.
func (Exec) Run(ctx context.Context, c Command) Result {
	start := time.Now()
	r := runCommand(ctx, c)
	r.Duration = time.Since(start)
	return r
}

func runCommand(ctx context.Context, c Command) Result {
	if len(c.Argv) == 0 {
		return Result{Err: errors.New("run script: no command")}
	}
	if path, ok := openTest(c); ok {
		if host, port, ok := tcpTarget(path); ok {
			return connectTest(ctx, host, port)
		}
		c = openCommand(c, path)
	}
	if err := ctx.Err(); err != nil {
		return Result{Ended: true, Err: fmt.Errorf("run script %s: %w", c.Argv[0], context.Cause(ctx))}
	}
	var cmd *exec.Cmd
	var err error
	threads.AsBefore(func() { cmd, err = start(c) })
	if err != nil {
		return Result{Err: fmt.Errorf("run script %s: %w", c.Argv[0], err)}
	}
	return wait(ctx, cmd)
}

// start starts c, through the shell if it is no program the kernel knows.
func start(c Command) (*exec.Cmd, error) {
	path := c.Path
	if path == "" {
		found, err := exec.LookPath(c.Argv[0])
		if err != nil {
			return nil, err
		}
		path = found
	}
	cmd := command(c, path, c.Argv)
	err := cmd.Start()
	if errors.Is(err, syscall.ENOEXEC) {
		cmd = command(c, shell, append([]string{shell, path}, c.Argv[1:]...))
		err = cmd.Start()
	}
	return cmd, err
}

func command(c Command, path string, argv []string) *exec.Cmd {
	env := c.Env
	if env == nil {
		env = Environ(os.Environ())
	}
	return &exec.Cmd{
		Path: path, Args: argv, Env: env, Dir: c.Dir,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Credential: credential(c.Cred)},
	}
}

// credential is nil when the script runs as ourselves: setgroups needs a
// capability that an unprivileged daemon, or root in a container, may not have.
func credential(c *Credential) *syscall.Credential {
	if c == nil || len(c.Groups) == 0 && c.UID == uint32(os.Geteuid()) && c.GID == uint32(os.Getegid()) {
		return nil
	}
	return &syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
}

// wait waits for the child and ends its group with ctx.
func wait(ctx context.Context, cmd *exec.Cmd) Result {
	pid := cmd.Process.Pid
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		waitWithoutReaping(pid)
	}()
	ended, stuck := waitGroup(ctx, exited, func(s groupSignal) {
		sig := syscall.SIGTERM
		if s == kill {
			sig = syscall.SIGKILL
		}
		// The group exists as long as its leader is not reaped; the error of
		// a group that consists of a zombie is of no interest.
		_ = syscall.Kill(-pid, sig)
	})
	if stuck {
		go func() { // reap it should the kernel ever let it go
			<-exited
			_ = cmd.Wait()
		}()
		return Result{Ended: true, Err: fmt.Errorf("run script %s: pid %d %w", cmd.Path, pid, ErrStuck)}
	}
	// The error repeats the state that follows: nothing is copied, so nothing else can fail.
	_ = cmd.Wait()
	r := Result{Ended: ended}
	if st, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && st.Signaled() {
		r.Signal = int(st.Signal())
	} else {
		r.Exit = cmd.ProcessState.ExitCode()
	}
	return r
}

// waitWithoutReaping returns when pid has ended and leaves it a zombie, so that
// the number of its group stays taken.
func waitWithoutReaping(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// SetUmask sets the umask that scripts inherit and returns the old one. It is
// the whole process's: call it once, before goroutines create files.
func SetUmask(mask int) int { return syscall.Umask(mask) }
