package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// errRunning says that another process holds the lock on a pid file.
var errRunning = errors.New("another process has the pid file locked")

// pidFile is a file with our process id, locked for as long as we live, which
// is how a second start notices the first.
type pidFile struct{ f *os.File }

// createPIDFile writes the process id, decimal and a newline, mode 0644. An
// existing file is taken over unless its owner is alive, which the lock tells:
// errRunning.
func createPIDFile(path string) (*pidFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create folder of pid file: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open pid file: %w", err)
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		f.Close()
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			return nil, fmt.Errorf("%s: %w", path, errRunning)
		}
		return nil, fmt.Errorf("lock pid file %s: %w", path, err)
	}
	p := &pidFile{f}
	if err := p.write(); err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

func (p *pidFile) write() error {
	if err := p.f.Truncate(0); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	if err := p.f.Chmod(0o644); err != nil { // whatever the umask says: other users' tools read it
		return fmt.Errorf("write pid file: %w", err)
	}
	if _, err := p.f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	return nil
}

// remove deletes the file and gives the lock up. A nil pidFile is none.
func (p *pidFile) remove() {
	if p == nil {
		return
	}
	os.Remove(p.f.Name())
	p.f.Close()
}
