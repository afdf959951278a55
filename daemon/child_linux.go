package daemon

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// roleVariable tells a process of this binary that it is a child, and which.
// The command line stays the parent's, so that ps shows what operators know.
const roleVariable = "HOLDFAST_ROLE"

// linkFD is where a child finds its end of the link.
const linkFD = 3

// ownExecutable is this very program, also after an upgrade has put another
// one in its place: parent and children must speak the same language.
const ownExecutable = "/proc/self/exe"

// role is one kind of child process.
type role string

const (
	roleVRRP     role = "vrrp"
	roleCheckers role = "checkers"
)

// title is how keepalived's log calls the child.
func (r role) title() string {
	if r == roleVRRP {
		return "VRRP"
	}
	return "Healthcheck"
}

// child is a running process of one role, as the parent sees it.
type child struct {
	role    role
	cmd     *exec.Cmd
	link    *link
	started time.Time
	ready   bool
	silent  bool           // its link has ended
	leaving bool           // told to stop
	failed  *failedMessage // set when the child said why it gives up
}

// childExit is a child's end.
type childExit struct {
	child *child
	state *os.ProcessState
}

// spawn starts a child. It must be called on the thread that lives as long as
// the process: the kernel sends the parent-death signal when that thread ends,
// and by it a child stops in order, with a priority 0 advert, when the parent
// is killed. The exit is reported on exits by a goroutine that then ends.
func spawn(r role, opt Options, exits chan<- childExit) (*child, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make link to %s process: %w", r, err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "link"), os.NewFile(uintptr(fds[1]), "link")
	defer theirs.Close()
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("make link to %s process: %w", r, err)
	}
	cmd := &exec.Cmd{
		Path:        ownExecutable,
		Args:        opt.Argv,
		Env:         append(os.Environ(), roleVariable+"="+string(r)),
		Stdin:       nil,
		Stdout:      os.Stdout,
		Stderr:      os.Stderr,
		ExtraFiles:  []*os.File{theirs},
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: false},
	}
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("start %s process: %w", r, err)
	}
	c := &child{role: r, cmd: cmd, link: newLink(conn), started: time.Now()}
	go func() {
		cmd.Wait() // the state tells all
		exits <- childExit{c, cmd.ProcessState}
	}()
	return c, nil
}

// inheritedLink is the child's side of spawn.
func inheritedLink() (*link, error) {
	f := os.NewFile(linkFD, "link")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("open link to parent: %w", err)
	}
	return newLink(conn), nil
}

// setProcessName makes ps -o comm and killall see name (15 characters at most).
func setProcessName(name string) {
	name = filepath.Base(name)
	if len(name) > 15 {
		name = name[:15]
	}
	os.WriteFile("/proc/self/comm", []byte(name), 0) // cosmetic
}

// respawnDelay is how long a child that died waits for its successor: none if
// it ran for more than a minute or died for the first time, then 1, 2, 4 …
// 60 seconds.
func respawnDelay(ran time.Duration, deathsInARow int) time.Duration {
	if ran > time.Minute || deathsInARow <= 1 {
		return 0
	}
	return min(time.Second<<min(deathsInARow-2, 6), time.Minute)
}
