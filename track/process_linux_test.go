package track

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/event"
)

// watcher follows processes in a /proc of its own and tells what it heard.
type watcher struct {
	*testing.T
	processes *Processes
	states    chan State
	said      chan string
}

func watch(t *testing.T, listen func(ReceiveBuffer) (*connector, error)) *watcher {
	t.Helper()
	w := &watcher{T: t, states: make(chan State, 100), said: make(chan string, 100)}
	w.processes = NewProcesses(func(f event.Fact) {
		if f.Text != "" {
			w.said <- f.Text
		}
	}, func(_ string, s State) { w.states <- s })
	w.processes.root = t.TempDir()
	if listen == nil {
		w.processes.root, listen = "/proc", listenConnector
	}
	w.processes.listen = listen
	ctx, cancel := context.WithCancel(context.Background())
	go w.processes.Run(ctx)
	t.Cleanup(func() { cancel(); <-w.processes.done })
	return w
}

// runs makes a process in the watcher's own /proc.
func (w *watcher) runs(pid int, comm, command string) {
	w.Helper()
	dir := filepath.Join(w.processes.root, fmt.Sprint(pid))
	os.Mkdir(dir, 0o755)
	os.WriteFile(filepath.Join(dir, "cmdline"), []byte(strings.ReplaceAll(command, " ", "\x00")+"\x00"), 0o644)
	if err := os.WriteFile(filepath.Join(dir, "stat"), fmt.Appendf(nil, "%d (%s) S 1", pid, comm), 0o644); err != nil {
		w.Fatal(err)
	}
}

func (w *watcher) ends(pid int) { os.RemoveAll(filepath.Join(w.processes.root, fmt.Sprint(pid))) }

func (w *watcher) configure(list ...*ProcessConfig) {
	w.Helper()
	if err := w.processes.Configure(w.Context(), list, ReceiveBuffer{}); err != nil {
		w.Fatal(err)
	}
}

func (w *watcher) want(what string, states ...State) {
	w.Helper()
	for _, s := range states {
		select {
		case got := <-w.states:
			if got != s {
				w.Errorf("%s: %v, want %v", what, got, s)
			}
		case <-time.After(20 * time.Second):
			w.Fatalf("%s: nothing, want %v", what, s)
		}
	}
}

func refusal(ReceiveBuffer) (*connector, error) {
	return nil, fmt.Errorf("errno 111 - %w", unix.ECONNREFUSED)
}

func TestWithoutProcessEventsProcIsRead(t *testing.T) {
	w := watch(t, refusal)
	w.runs(1, "init", "/sbin/init")
	job := &ProcessConfig{Name: "job", Process: "/opt/job", Parameters: []string{"-d"}, FullCommand: true, Match: MatchExact, Quorum: 1}
	w.configure(job)
	w.want("at the start", Down)
	if got, want := <-w.said, "Failed to set/clear process event listen - errno 111 - connection refused; /proc is read every 1s instead"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	w.runs(7, "job", "/opt/job -d")
	w.want("it runs", Up)
	w.ends(7)
	w.want("it has ended", Down)
	w.configure(job)
	w.want("a reload says what is known", Down)
	for _, want := range []string{"Quorum gained for tracked process job", "Quorum lost for tracked process job"} {
		if got := <-w.said; got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
	if len(w.said) > 0 {
		t.Errorf("said %q as well", <-w.said)
	}
}

// told is a connector without a kernel.
func told(t *testing.T) (send func(connectorBatch), listen func(ReceiveBuffer) (*connector, error)) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &connector{file: r, batches: make(chan connectorBatch)}
	go func() { // ends as the reader of a socket does
		r.Read(make([]byte, 1))
		close(c.batches)
	}()
	t.Cleanup(func() { w.Close() })
	return func(b connectorBatch) { c.batches <- b }, func(ReceiveBuffer) (*connector, error) { return c, nil }
}

func TestProcessEventsAreFollowed(t *testing.T) {
	send, listen := told(t)
	w := watch(t, listen)
	w.configure(&ProcessConfig{Name: "job", Process: "job", Quorum: 1})
	w.want("at the start", Down)
	send(connectorBatch{events: []connectorEvent{{what: procNone}}})
	w.runs(7, "job", "job")
	send(connectorBatch{events: []connectorEvent{{what: procFork, pid: 1, child: 7}, {what: procExec, pid: 7}}})
	w.want("exec", Up)
	w.runs(7, "other", "job")
	send(connectorBatch{events: []connectorEvent{{what: procComm, pid: 7}}})
	w.want("another name", Down)
	w.runs(7, "job", "job")
	send(connectorBatch{overrun: true})
	w.want("an overrun makes /proc be read", Up)
	send(connectorBatch{events: []connectorEvent{{what: procExec, pid: 99}, {what: procExit, pid: 7}}})
	w.want("the end, after news of one that is gone", Down)
}

func TestAKernelThatRefusesOrIsSilent(t *testing.T) {
	for what, answer := range map[string]*connectorBatch{
		"operation not permitted":                                {events: []connectorEvent{{what: procNone, errno: int(unix.EPERM)}}},
		"no answer, as in a container with processes of its own": nil,
	} {
		t.Run(what, func(t *testing.T) {
			send, listen := told(t)
			w := watch(t, listen)
			w.configure(&ProcessConfig{Name: "job", Process: "job", Quorum: 1})
			w.want("at the start", Down)
			if answer != nil {
				send(*answer)
			}
			if got, want := <-w.said, "Failed to set/clear process event listen - "+what+"; /proc is read every 1s instead"; got != want {
				t.Errorf("said %q, want %q", got, want)
			}
			w.runs(7, "job", "job")
			w.want("it runs", Up)
		})
	}
}

// TestTheKernelsOwnEvents is about this machine; it needs root and the first
// network and process namespaces.
func TestTheKernelsOwnEvents(t *testing.T) {
	c, err := listenConnector(ReceiveBuffer{Size: 1 << 20, Force: true})
	if err == nil {
		select {
		case b := <-c.batches:
			if len(b.events) == 0 || b.events[0].errno != 0 {
				err = fmt.Errorf("answer %+v", b)
			}
		case <-time.After(time.Second):
			err = errors.New("no answer")
		}
		c.close()
	}
	if err != nil {
		t.Skipf("the kernel tells no process events here: %v", err)
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	name := fmt.Sprintf("hf%d", os.Getpid()%1e6)
	path := filepath.Join(t.TempDir(), name)
	binary, _ := os.ReadFile(sleep)
	os.WriteFile(path, binary, 0o755)
	w := watch(t, nil)
	w.configure(&ProcessConfig{Name: "p", Process: name, Quorum: 1}, &ProcessConfig{Name: "q", Process: path, FullCommand: true, Parameters: []string{"1000"}, Match: MatchExact, Quorum: 1})
	w.want("at the start", Down, Down)
	cmd := exec.Command(path, "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.want("it runs", Up, Up)
	cmd.Process.Kill()
	cmd.Wait()
	w.want("it was killed", Down, Down)
}
