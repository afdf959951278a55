package threads

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Settings belong to a whole process, so each test is run in one of its own:
// this binary again, with the name of the test in the environment.
const variable = "HOLDFAST_THREADS_TEST"

func alone(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may raise priorities")
	}
	if os.Getenv(variable) == t.Name() {
		test(t)
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v\n%s", err, out)
	}
}

// crowd makes n threads that wait until the test ends.
func crowd(t *testing.T, n int) {
	release := make(chan struct{})
	var there, gone sync.WaitGroup
	there.Add(n)
	for range n {
		gone.Go(func() {
			runtime.LockOSThread()
			there.Done()
			<-release
		})
	}
	there.Wait()
	t.Cleanup(func() { close(release); gone.Wait() })
}

// kinds counts the threads of this process by policy, priority, nice value and
// number of processors.
func kinds(t *testing.T) map[string]int {
	t.Helper()
	count := map[string]int{}
	tids, err := threadIDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, tid := range tids {
		th, err := read(tid)
		if err != nil {
			continue // ended meanwhile
		}
		count[fmt.Sprintf("policy %d priority %d nice %d flags %d cpus %d", th.policy, th.priority, th.nice, th.flags, th.cpus.Count())]++
	}
	return count
}

func wantKind(t *testing.T, when, want string) {
	t.Helper()
	if got := kinds(t); len(got) != 1 || got[want] == 0 {
		t.Errorf("%s: %v, want all threads %q", when, got, want)
	}
}

func TestEveryThreadHasTheSettings(t *testing.T) {
	alone(t, func(t *testing.T) {
		before := fmt.Sprintf("policy 0 priority 0 nice 0 flags 0 cpus %d", runtime.NumCPU())
		crowd(t, 30)
		wantKind(t, "at the start", before)
		if err := Apply(Settings{Nice: new(-5), RTPriority: 20, CPUs: []int{0}, RTTime: 2 * time.Second}); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "threads that were there", "policy 2 priority 20 nice -5 flags 0 cpus 1")
		crowd(t, 30)
		wantKind(t, "threads that were made later", "policy 2 priority 20 nice -5 flags 0 cpus 1")
		if err := Apply(Settings{Nice: new(3)}); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "other settings", fmt.Sprintf("policy 0 priority 0 nice 3 flags 0 cpus %d", runtime.NumCPU()))
		if err := Apply(Settings{}); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "no settings any more", before)
	})
}

func TestThreadsThatAreMadeMeanwhileHaveTheSettings(t *testing.T) {
	if _, _, err := syscall.AllThreadsSyscall(unix.SYS_GETPID, 0, 0, 0); err != 0 {
		t.Skip("with cgo there is no barrier")
	}
	alone(t, func(t *testing.T) {
		stop := make(chan struct{})
		var makers sync.WaitGroup
		for range 4 {
			makers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					done := make(chan struct{})
					go func() { runtime.LockOSThread(); close(done) }() // a thread that ends
					<-done
				}
			})
		}
		for n := range 20 {
			if err := Apply(Settings{RTPriority: 1 + n%2}); err != nil {
				t.Fatal(err)
			}
			wantKind(t, "while threads come and go", fmt.Sprintf("policy 2 priority %d nice 0 flags 0 cpus %d", 1+n%2, runtime.NumCPU()))
		}
		close(stop)
		makers.Wait()
	})
}

func TestAProgramIsStartedAsBefore(t *testing.T) {
	alone(t, func(t *testing.T) {
		if err := Apply(Settings{Nice: new(-5), RTPriority: 20, CPUs: []int{0}}); err != nil {
			t.Fatal(err)
		}
		var out []byte
		var err error
		AsBefore(func() {
			out, err = exec.Command("sh", "-c", "cat /proc/self/stat; grep Cpus_allowed: /proc/self/status").Output()
		})
		if err != nil {
			t.Fatal(err)
		}
		// man proc: fields 19 nice, 40 rt_priority, 41 policy
		stat, cpus, _ := strings.Cut(string(out), "\n")
		f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+2:])
		if got := strings.Join([]string{f[19-3], f[40-3], f[41-3]}, " "); got != "0 0 0" {
			t.Errorf("nice, priority, policy %s, want 0 0 0", got)
		}
		if runtime.NumCPU() > 1 && strings.HasSuffix(strings.TrimSpace(cpus), "\t1") {
			t.Errorf("%s: only one", cpus)
		}
		wantKind(t, "afterwards", "policy 2 priority 20 nice -5 flags 0 cpus 1")
	})
}

func TestTheLimitOfProcessorTimeIsAtLeastASecond(t *testing.T) {
	for _, tt := range []struct {
		s          Settings
		soft, hard time.Duration
		ok         bool
	}{
		{Settings{RTPriority: 1, RTTime: 10 * time.Millisecond}, 500 * time.Millisecond, time.Second, true},
		{Settings{RTPriority: 1, RTTime: 3 * time.Second}, 1500 * time.Millisecond, 3 * time.Second, true},
		{Settings{RTTime: 3 * time.Second}, 0, 0, false}, // it is for real-time threads only
		{Settings{RTPriority: 1}, 0, 0, false},
	} {
		if soft, hard, ok := tt.s.limits(); soft != tt.soft || hard != tt.hard || ok != tt.ok {
			t.Errorf("%+v: %v %v %t, want %v %v %t", tt.s, soft, hard, ok, tt.soft, tt.hard, tt.ok)
		}
	}
}

func TestTheKernelIsToldTheLimit(t *testing.T) {
	alone(t, func(t *testing.T) {
		var start unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_RTTIME, &start); err != nil {
			t.Fatal(err)
		}
		limit := func() (l unix.Rlimit) { _ = unix.Getrlimit(unix.RLIMIT_RTTIME, &l); return l }
		if err := Apply(Settings{RTPriority: 1, RTTime: 4 * time.Second}); err != nil {
			t.Fatal(err)
		}
		hard := start.Max
		if mayRaise() {
			hard = 4000000
		}
		if l := limit(); l != (unix.Rlimit{Cur: 2000000, Max: hard}) {
			t.Errorf("limit %+v, want 2 s and %d", l, hard)
		}
		_ = unix.Setrlimit(unix.RLIMIT_RTTIME, &unix.Rlimit{Cur: 3000000, Max: hard}) // as after SIGXCPU
		if err := Rearm(); err != nil || limit().Cur != 2000000 {
			t.Errorf("rearmed: %+v (%v), want 2 s", limit(), err)
		}
		if err := Apply(Settings{}); err != nil || limit() != start {
			t.Errorf("no settings: %+v (%v), want %+v", limit(), err, start)
		}
	})
}

func TestMemoryIsLockedWithoutBeingFilled(t *testing.T) {
	alone(t, func(t *testing.T) {
		if err := Apply(Settings{NoSwap: true}); err != nil {
			t.Fatal(err)
		}
		if n := status(t, "VmLck"); n == 0 {
			t.Error("VmLck is 0")
		}
		rss := status(t, "VmRSS")
		b := make([]byte, 64<<20) // reserved, not used
		if grown := status(t, "VmRSS") - rss; grown > 16<<10 {
			t.Errorf("64 MiB that nothing was written to took %d KiB", grown)
		}
		for i := range b {
			b[i] = 1
		}
		used := status(t, "VmRSS")
		b = nil
		runtime.GC()
		debug.FreeOSMemory()
		if left := status(t, "VmRSS"); left > used-32<<10 {
			t.Errorf("%d KiB before garbage was given back, %d after", used, left)
		}
		if err := Apply(Settings{}); err != nil || status(t, "VmLck") != 0 {
			t.Errorf("let go: VmLck %d (%v), want 0", status(t, "VmLck"), err)
		}
	})
}

// status is a line of /proc/self/status in KiB.
func status(t *testing.T, key string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			var n int
			if _, err := fmt.Sscan(rest, &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s in /proc/self/status", key)
	return 0
}
