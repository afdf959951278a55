package threads

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// passes bounds the search for threads that Apply has not seen yet. Two are the
// rule; a process that makes threads faster than this never comes to rest.
const passes = 100

// thread is what Linux keeps for each thread, as far as we change it.
type thread struct {
	policy, priority uint32
	flags            uint64
	nice             int32
	cpus             unix.CPUSet
}

var (
	mu       sync.RWMutex // guards what follows; AsBefore reads while it forks
	before   *thread      // as the process was started; nil: not looked at yet
	rttime   unix.Rlimit
	inForce  Settings
	pageLock bool
)

// Apply puts s in force for every thread there is and every one that will be.
// What the kernel refuses is in the error, the rest is in force all the same.
func Apply(s Settings) error {
	mu.Lock()
	defer mu.Unlock()
	if err := look(); err != nil {
		return err
	}
	var errs []error
	if !s.equal(inForce) {
		errs = append(errs, everyThread(before.with(s)))
	}
	errs = append(errs, lockMemory(s.NoSwap), limitTime(s))
	inForce = s
	return errors.Join(errs...)
}

// Rearm restores the soft limit of RTTime, which the kernel raises by a second
// whenever it sends SIGXCPU.
func Rearm() error {
	mu.Lock()
	defer mu.Unlock()
	if before == nil {
		return nil
	}
	return limitTime(inForce)
}

// AsBefore calls f, which starts a program, on a thread from which the program
// inherits what the process was started with, if Apply has changed that. Only of
// a real-time thread it inherits no priority at all.
func AsBefore(f func()) {
	mu.RLock()
	defer mu.RUnlock()
	if before == nil || inForce.equal(Settings{}) {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		is := before.with(inForce)
		lent := *before
		if inForce.RTPriority > 0 {
			lent.policy, lent.priority, lent.flags = is.policy, is.priority, unix.SCHED_FLAG_RESET_ON_FORK
		}
		// It can only fail where Apply has: nothing is inherited then.
		_ = lent.apply(0)
		f()
		if is.apply(0) == nil {
			runtime.UnlockOSThread()
		} // else the thread ends with this goroutine
	}()
	<-done
}

// look notes how the process was started.
func look() error {
	if before != nil {
		return nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t, err := read(0)
	if err != nil {
		return fmt.Errorf("read scheduling of this process: %w", err)
	}
	if err := unix.Getrlimit(unix.RLIMIT_RTTIME, &rttime); err != nil {
		return fmt.Errorf("read RLIMIT_RTTIME: %w", err)
	}
	before = &t
	return nil
}

// read is how the kernel treats the thread tid; 0: the calling one.
func read(tid int) (t thread, err error) {
	attr, err := unix.SchedGetAttr(tid, 0)
	if err != nil {
		return t, err
	}
	t = thread{policy: attr.Policy, priority: attr.Priority, flags: attr.Flags & unix.SCHED_FLAG_RESET_ON_FORK}
	nice, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
	if err != nil {
		return t, err
	}
	t.nice = int32(20 - nice) // the system call answers 40..1 for -20..19
	return t, unix.SchedGetaffinity(tid, &t.cpus)
}

// with is t with what s changes.
func (t *thread) with(s Settings) thread {
	want := *t
	if s.Nice != nil {
		want.nice = int32(*s.Nice)
	}
	if s.RTPriority > 0 {
		want.policy, want.priority, want.flags = unix.SCHED_RR, uint32(s.RTPriority), 0
	}
	if len(s.CPUs) > 0 {
		want.cpus.Zero()
		for _, n := range s.CPUs {
			want.cpus.Set(n)
		}
	}
	return want
}

// apply makes the thread tid be as t; 0: the calling one.
func (t *thread) apply(tid int) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: t.policy, Flags: t.flags, Priority: t.priority}
	if t.priority == 0 {
		attr.Nice = t.nice
	}
	rt := unix.SchedSetAttr(tid, &attr, 0)
	if rt != nil {
		rt = fmt.Errorf("set real-time priority %d: %w%s", t.priority, rt, hint(rt, "CAP_SYS_NICE"))
	}
	nice := unix.Setpriority(unix.PRIO_PROCESS, tid, int(t.nice))
	if nice != nil {
		nice = fmt.Errorf("set nice value %d: %w%s", t.nice, nice, hint(nice, "CAP_SYS_NICE"))
	}
	cpus := unix.SchedSetaffinity(tid, &t.cpus)
	if cpus != nil {
		cpus = fmt.Errorf("set processors: %w", cpus)
	}
	return errors.Join(rt, nice, cpus)
}

// hint is what is missing when the kernel says no.
func hint(err error, capability string) string {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return " (needs " + capability + ")"
	}
	return ""
}

// everyThread makes all threads be as want, see doc.go. The error is that of the
// first thread that could not be.
func everyThread(want thread) error {
	failed := map[int]error{}
	var first error
	for range passes {
		barrier()
		tids, err := threadIDs()
		if err != nil {
			return err
		}
		settled := true
		for _, tid := range tids {
			is, err := read(tid)
			if err == nil && is == want || failed[tid] != nil {
				continue
			}
			settled = false
			if err == nil {
				err = want.apply(tid)
			}
			if err != nil && !errors.Is(err, syscall.ESRCH) { // ESRCH: it has ended
				failed[tid] = err
				first = cmp.Or(first, err)
			}
		}
		if settled {
			return first
		}
	}
	return errors.New("set scheduling: the process makes new threads all the time")
}

// barrier returns when every thread that is being made is in the list. Which
// system call all threads make for it does not matter, as long as it answers
// the same to each. With cgo there is no barrier.
func barrier() { _, _, _ = syscall.AllThreadsSyscall(unix.SYS_GETPID, 0, 0, 0) }

func threadIDs() ([]int, error) {
	dir, err := os.Open("/proc/self/task")
	if err != nil {
		return nil, fmt.Errorf("list threads: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list threads: %w", err)
	}
	tids := make([]int, 0, len(names))
	for _, n := range names {
		if tid, err := strconv.Atoi(n); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids, nil
}

// lockMemory keeps the memory of the process in RAM, or lets it go.
func lockMemory(on bool) error {
	if on == pageLock {
		return nil
	}
	var err error
	if on {
		if err = unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err == nil {
			err = lockProgram()
		}
	} else {
		err = unix.Munlockall()
	}
	if err != nil {
		return fmt.Errorf("lock memory: %w%s", err, hint(err, "CAP_IPC_LOCK"))
	}
	pageLock = on
	return nil
}

// lockProgram brings in and locks what is mapped from files: the program itself.
func lockProgram() error {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		// start-end permissions offset device inode path
		f := strings.Fields(line)
		if len(f) < 6 || f[5][0] != '/' {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err := cmp.Or(err1, err2); err != nil {
			return err
		}
		if _, _, errno := unix.Syscall(unix.SYS_MLOCK, uintptr(start), uintptr(end-start), 0); errno != 0 {
			return errno
		}
	}
	return nil
}

// limitTime sets RLIMIT_RTTIME. A hard limit that has come down goes up again
// only with CAP_SYS_RESOURCE, which containers lack: without it, the hard limit
// stays as it was.
func limitTime(s Settings) error {
	limit := rttime
	if soft, hard, ok := s.limits(); ok {
		limit.Cur = min(uint64(soft/time.Microsecond), limit.Max)
		if mayRaise() {
			limit.Max = min(uint64(hard/time.Microsecond), limit.Max)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_RTTIME, &limit); err != nil {
		return fmt.Errorf("set RLIMIT_RTTIME: %w", err)
	}
	return nil
}

// mayRaise says whether this process may raise a hard limit.
func mayRaise() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_RESOURCE) != 0
}
