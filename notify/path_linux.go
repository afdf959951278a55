package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// linksMax is how many symbolic links one path may go through, as in the kernel.
const linksMax = 40

// component is one file or directory on the way to a script.
type component struct {
	path string
	mode fs.FileMode
	uid  uint32
	gid  uint32
}

// FileSystem is what path checks look at; the real one in production.
type FileSystem interface {
	Lstat(name string) (mode fs.FileMode, uid, gid uint32, err error)
	Readlink(name string) (string, error)
}

// OSFileSystem is the machine's file system.
type OSFileSystem struct{}

// Lstat implements FileSystem.
func (OSFileSystem) Lstat(name string) (mode fs.FileMode, uid, gid uint32, err error) {
	fi, err := os.Lstat(name)
	if err != nil {
		return 0, 0, 0, err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, 0, fmt.Errorf("lstat %s: no owner known", name)
	}
	return fi.Mode(), st.Uid, st.Gid, nil
}

// Readlink implements FileSystem.
func (OSFileSystem) Readlink(name string) (string, error) { return os.Readlink(name) }

// walk resolves the absolute path name and returns where it ends, and everything
// the kernel passes on the way: directories, symbolic links, and the file last.
// The directories that hold the links count, because who may write there
// decides what is run.
func walk(fsys FileSystem, name string) (resolved string, trail []component, err error) {
	root, err := look(fsys, "/")
	if err != nil {
		return "", nil, err
	}
	trail = []component{root}
	at, rest := "/", strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		word := rest[0]
		rest = rest[1:]
		if word == "" || word == "." {
			continue
		}
		if word == ".." {
			at = path.Dir(at)
			continue
		}
		c, err := look(fsys, path.Join(at, word))
		if err != nil {
			return "", trail, err
		}
		trail = append(trail, c)
		if c.mode&fs.ModeSymlink == 0 {
			if len(rest) > 0 && !c.mode.IsDir() {
				return "", trail, fmt.Errorf("%s: %w", c.path, syscall.ENOTDIR)
			}
			at = c.path
			continue
		}
		if links++; links > linksMax {
			return "", trail, fmt.Errorf("%s: %w", name, syscall.ELOOP)
		}
		target, err := fsys.Readlink(c.path)
		if err != nil {
			return "", trail, err
		}
		if strings.HasPrefix(target, "/") {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, trail, nil
}

func look(fsys FileSystem, name string) (component, error) {
	mode, uid, gid, err := fsys.Lstat(name)
	return component{name, mode, uid, gid}, err
}

// permits reports whether a may do to c what the bit of rwx says: 1 execute or
// search. Root passes directories always, and executes what anybody may. Access
// control lists are not looked at.
func (a Account) permits(c component, bit fs.FileMode) bool {
	perm := c.mode.Perm()
	switch {
	case a.UID == 0:
		return c.mode.IsDir() || perm&0o111 != 0
	case a.UID == c.uid:
		return perm&(bit<<6) != 0
	case a.inGroup(c.gid):
		return perm&(bit<<3) != 0
	default:
		return perm&bit != 0
	}
}

func (a Account) inGroup(gid uint32) bool {
	if a.GID == gid {
		return true
	}
	for _, g := range a.Groups {
		if g == gid {
			return true
		}
	}
	return false
}

// insecure says why somebody other than root decides what c, in directory dir,
// is; or "".
func (c component) insecure(dir component) (problem, fix string) {
	if c.mode&fs.ModeSymlink != 0 {
		// A link cannot be changed, only replaced, which its directory decides:
		// in a sticky one, the link's owner may.
		if c.uid != 0 && dir.mode&fs.ModeSticky != 0 && dir.mode.Perm()&0o022 != 0 {
			return "a link not owned by root in a directory where its owner may replace it", "chown -h root " + c.path
		}
		return "", ""
	}
	if c.uid != 0 {
		return "not owned by root", "chown root " + c.path
	}
	if c.mode.IsDir() && c.mode&fs.ModeSticky != 0 {
		return "", "" // others may add files, not replace root's
	}
	switch perm := c.mode.Perm(); {
	case perm&0o002 != 0 && perm&0o020 != 0 && c.gid != 0:
		return "writable by its group and by everybody", "chmod go-w " + c.path
	case perm&0o002 != 0:
		return "writable by everybody", "chmod o-w " + c.path
	case perm&0o020 != 0 && c.gid != 0:
		return "writable by a group other than root", "chmod g-w " + c.path
	}
	return "", ""
}

// becomesRoot reports whether executing c gives root's rights to whoever does.
func (c component) becomesRoot() bool {
	return c.mode&fs.ModeSetuid != 0 && c.uid == 0 || c.mode&fs.ModeSetgid != 0 && c.gid == 0
}

// isMissing tells a file that is not there from one that cannot be reached.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
