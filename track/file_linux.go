package track

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/event"
)

// How often files are looked at when nothing asks for it: directories that are
// watched only in case an event never came (a bind mount, a file system of
// another machine), others because there is no other way.
const (
	fileSweep   = 5 * time.Second
	fileSweepIn = time.Second // while a directory is not watched
)

// watchMask are the events that mean that a file is complete, or gone, or that
// its directory is.
const watchMask = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// FileJob is one track_file to follow.
type FileJob struct {
	Name string
	Path string
	Init *Init // init_file
}

// Files follows the numbers in all track_files. Make it with NewFiles, start it
// with Run.
type Files struct {
	publish   func(event.Fact)
	changed   func(name string, value int)
	configure chan fileWish
	done      chan struct{} // closed when Run has returned
}

type fileWish struct {
	jobs  []FileJob
	start bool
	ready chan<- struct{} // closed when every file has been read
}

// NewFiles returns a follower without files. changed is called with the first
// number of each file and every new one, publish with every line for the log;
// both from Run's goroutine, neither may block.
func NewFiles(publish func(event.Fact), changed func(name string, value int)) *Files {
	return &Files{publish: publish, changed: changed, configure: make(chan fileWish), done: make(chan struct{})}
}

// Configure replaces the list of files and returns when each has been read, or
// with ctx's error. Files that are to be initialised and missing are made; those
// with overwrite are written only at the start.
func (f *Files) Configure(ctx context.Context, jobs []FileJob, start bool) error {
	ready := make(chan struct{})
	select {
	case f.configure <- fileWish{jobs, start, ready}:
	case <-f.done:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fileLoop is what Run's goroutine owns.
type fileLoop struct {
	*Files
	files   []*followed
	notify  *os.File // inotify; nil while there is nothing to watch, or no inotify
	events  chan []inotifyEvent
	dirs    map[string]int32 // watch of each directory; only those that are watched
	unheard string           // the last complaint about watches
}

// followed is one file at work.
type followed struct {
	FileJob
	dir, base string
	machine   *FileMachine
}

// Run follows files until ctx ends.
func (f *Files) Run(ctx context.Context) {
	defer close(f.done)
	l := &fileLoop{Files: f, dirs: map[string]int32{}}
	defer l.close()
	timer := time.NewTimer(fileSweep)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-f.configure:
			l.reconfigure(w)
			close(w.ready)
		case list, ok := <-l.events:
			if !ok {
				l.close()
				break
			}
			l.take(list)
		case <-timer.C:
			l.look()
		}
		timer.Reset(l.sweep())
	}
}

// look reads all files without a reason. What is still being written in a
// directory that is watched since now will be heard of.
func (l *fileLoop) look() {
	before := maps.Clone(l.dirs)
	l.watch()
	for _, x := range l.files {
		r := readNumber(x.Path)
		changed, text := false, ""
		if watch, watched := l.dirs[x.dir]; watched && before[x.dir] != watch {
			changed, text = x.machine.Look(r)
		} else {
			changed, text = x.machine.Sweep(time.Now(), r)
		}
		l.tell(x, changed, text)
	}
}

// sweep is how long to wait for events.
func (l *fileLoop) sweep() time.Duration {
	for _, x := range l.files {
		if _, watched := l.dirs[x.dir]; !watched {
			return fileSweepIn
		}
	}
	return fileSweep
}

// reconfigure takes over another list. What is known of a file stays.
func (l *fileLoop) reconfigure(w fileWish) {
	old := l.files
	l.files = nil
	for _, j := range w.jobs {
		if slices.ContainsFunc(l.files, func(x *followed) bool { return x.Name == j.Name }) {
			continue // the first of a name counts, as its references have it
		}
		x := &followed{FileJob: j, dir: filepath.Dir(j.Path), base: filepath.Base(j.Path), machine: NewFile(j.Name, j.Path)}
		if i := slices.IndexFunc(old, func(o *followed) bool { return o.Name == j.Name && o.Path == j.Path }); i >= 0 {
			x.machine = old[i].machine
		}
		l.files = append(l.files, x)
		if j.Init != nil {
			if err := initNumber(j.Path, j.Init, w.start); err != nil {
				l.say(j.Name, fmt.Sprintf("track_file %s: init_file: %v", j.Name, err))
			}
		}
	}
	l.watch() // before the first look: nothing is missed between
	for _, x := range l.files {
		_, text := x.machine.Look(readNumber(x.Path))
		l.tell(x, true, text)
	}
}

func (l *fileLoop) tell(x *followed, changed bool, text string) {
	if text != "" {
		l.say(x.Name, text)
	}
	if changed {
		l.changed(x.Name, x.machine.Value())
	}
}

func (l *fileLoop) say(name, text string) {
	l.publish(event.Fact{Type: event.TrackerReported, Kind: event.File, Name: name, Text: text})
}

// take looks at the files that events are about. One look serves any number of
// events; a queue that has overflowed may have lost one about any file.
func (l *fileLoop) take(list []inotifyEvent) {
	touched := map[string]bool{}
	everything := false
	for _, e := range list {
		if e.mask&unix.IN_Q_OVERFLOW != 0 {
			everything = true
			continue
		}
		for dir, wd := range l.dirs {
			if wd != e.watch {
				continue
			}
			if e.name == "" { // the directory itself has gone, or its watch
				delete(l.dirs, dir)
				touched[dir] = true
				if e.mask&unix.IN_MOVE_SELF != 0 {
					l.unwatch(wd)
				}
			}
			touched[filepath.Join(dir, e.name)] = true
		}
	}
	l.watch()
	for _, x := range l.files {
		if everything || touched[filepath.Join(x.dir, x.base)] || touched[x.dir] {
			changed, text := x.machine.Look(readNumber(x.Path))
			l.tell(x, changed, text)
		}
	}
}

// watch makes the kernel watch the directories of all files, and no others. To
// ask again for one that is watched is harmless, and finds a directory that
// stands where another one was.
func (l *fileLoop) watch() {
	wanted := map[string]int32{}
	var trouble error
	for _, x := range l.files {
		if _, done := wanted[x.dir]; done || x.Path == "" {
			continue
		}
		wd, err := l.add(x.dir)
		if err == nil {
			wanted[x.dir] = wd
		} else if !os.IsNotExist(err) {
			trouble = fmt.Errorf("watch %s: %w; its files are read every %v instead", x.dir, err, fileSweepIn)
		}
	}
	used := map[int32]bool{}
	for _, wd := range wanted {
		used[wd] = true
	}
	for _, wd := range l.dirs {
		if !used[wd] {
			l.unwatch(wd)
		}
	}
	l.dirs = wanted
	complaint := ""
	if trouble != nil {
		complaint = trouble.Error()
	}
	if complaint != "" && complaint != l.unheard {
		l.say("", "track_file: "+complaint)
	}
	l.unheard = complaint
}

func (l *fileLoop) add(dir string) (int32, error) {
	if l.notify == nil {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return 0, fmt.Errorf("open inotify: %w", err)
		}
		l.notify, l.events = os.NewFile(uintptr(fd), "inotify"), make(chan []inotifyEvent)
		go readInotify(l.notify, l.events)
	}
	var wd int
	err := l.control(func(fd int) (err error) {
		wd, err = unix.InotifyAddWatch(fd, dir, watchMask)
		return err
	})
	return int32(wd), err
}

// unwatch forgets a watch; one that has ended by itself is no mistake.
func (l *fileLoop) unwatch(wd int32) {
	_ = l.control(func(fd int) error {
		_, err := unix.InotifyRmWatch(fd, uint32(wd))
		return err
	})
}

// control calls f with inotify's descriptor, which must not leave its file: Fd
// would make it block.
func (l *fileLoop) control(f func(fd int) error) error {
	if l.notify == nil {
		return os.ErrClosed
	}
	conn, err := l.notify.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// close ends the watches and waits for their reader.
func (l *fileLoop) close() {
	if l.notify == nil {
		return
	}
	_ = l.notify.Close()
	for range l.events { // until the reader has closed it
	}
	l.notify, l.events = nil, nil
	clear(l.dirs)
}

// inotifyEvent is one struct inotify_event (inotify(7)).
type inotifyEvent struct {
	watch int32
	mask  uint32
	name  string // within the directory; "": the directory itself
}

// readInotify hands events on until the file is closed.
func readInotify(f *os.File, events chan<- []inotifyEvent) {
	defer close(events)
	buf := make([]byte, 1<<16)
	for {
		n, err := f.Read(buf)
		if err != nil {
			return
		}
		events <- parseInotify(buf[:n])
	}
}

// parseInotify reads what one read of inotify returned.
func parseInotify(b []byte) []inotifyEvent {
	var list []inotifyEvent
	for len(b) >= unix.SizeofInotifyEvent {
		e := inotifyEvent{watch: int32(binary.NativeEndian.Uint32(b)), mask: binary.NativeEndian.Uint32(b[4:])}
		size := uint64(binary.NativeEndian.Uint32(b[12:]))
		b = b[unix.SizeofInotifyEvent:]
		if size > uint64(len(b)) {
			break
		}
		name, _, _ := bytes.Cut(b[:size], []byte{0})
		e.name, b = string(name), b[size:]
		list = append(list, e)
	}
	return list
}

// readNumber looks at a track_file. It does not wait: not for the writer of a
// FIFO, and not for a device.
func readNumber(path string) FileReading {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return FileReading{Err: err}
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return FileReading{Err: err}
	}
	if !st.Mode().IsRegular() {
		return FileReading{Err: fmt.Errorf("read %s: %w: not a regular file", path, fs.ErrInvalid)}
	}
	content, err := io.ReadAll(io.LimitReader(f, FileRead))
	return FileReading{Content: content, Modified: st.ModTime(), Err: err}
}

// initNumber is init_file: the file is made if it is missing, and replaced if
// that is wanted and the daemon starts.
func initNumber(path string, init *Init, start bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if start && init.Overwrite {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC | unix.O_NONBLOCK
	}
	f, err := os.OpenFile(path, flags, 0o666)
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.Itoa(init.Value) + "\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
