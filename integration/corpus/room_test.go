package corpus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/integration/netns"
)

// room is a host's network and its view of /etc. A process that does nothing
// keeps both open: to enter them costs microseconds, to make them anew for each
// of thousands of runs (ip netns exec) would take half of the time.
type room struct {
	net, mount *os.File
}

func openRoom(t *testing.T, h *netns.Host) *room {
	t.Helper()
	keeper := exec.Command("ip", "netns", "exec", h.NS, "sh", "-c", "echo ready; exec cat")
	in, err := keeper.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := keeper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // cat ends
		keeper.Wait()
	})
	if _, err := out.Read(make([]byte, len("ready\n"))); err != nil {
		t.Fatalf("the keeper of %s: %v", h.NS, err)
	}
	r := &room{}
	for file, kind := range map[**os.File]string{&r.net: "net", &r.mount: "mnt"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", keeper.Process.Pid, kind))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		*file = f
	}
	return r
}

// run runs a program inside the room. The thread that went there to start it
// ends with its goroutine.
func (r *room) run(cmd *exec.Cmd) (output []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = unix.Unshare(unix.CLONE_FS); err != nil {
			return
		}
		if err = unix.Setns(int(r.net.Fd()), unix.CLONE_NEWNET); err != nil {
			return
		}
		if err = unix.Setns(int(r.mount.Fd()), unix.CLONE_NEWNS); err != nil {
			return
		}
		output, err = cmd.CombinedOutput()
	}()
	<-done
	return output, err
}

// verdict is what one daemon's -t made of a case.
type verdict struct {
	status int
	output string
}

// caseLimit is many times what -t takes.
const caseLimit = 20 * time.Second

// try writes the files of a case and asks one daemon.
func (b *bench) try(t *testing.T, kind netns.Kind, c *Case) verdict {
	t.Helper()
	dir := filepath.Join(b.dir, fmt.Sprintf("case%d", b.cases.Add(1)))
	place := strings.NewReplacer("@dir@", dir, "@scripts@", filepath.Join(b.dir, "scripts")).Replace
	for _, f := range append([]File{{"keepalived.conf", 0o644, c.Text}}, c.Files...) {
		if err := f.write(dir, place(f.Text)); err != nil {
			t.Fatal(err)
		}
	}
	main := filepath.Join(dir, "keepalived.conf")
	if c.Main != "" {
		main = place(c.Main)
	}
	ctx, cancel := context.WithTimeout(context.Background(), caseLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, kind.Path(t), append([]string{"-t", "-f", main}, c.Args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // keepalived signals its own group
	out, err := b.rooms[strings.Join(c.Accounts, " ")].run(cmd)
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended || ctx.Err() != nil {
		t.Fatalf("%s -t: %v", kind, err)
	}
	v := verdict{cmd.ProcessState.ExitCode(), strings.ReplaceAll(string(out), dir, "@dir@")}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		v.status = 128 + int(ws.Signal())
	}
	return v
}

// write makes the file below dir. A name that ends in a slash is a folder.
func (f *File) write(dir, text string) error {
	path := filepath.Join(dir, f.Name)
	if strings.HasSuffix(f.Name, "/") {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), f.Mode); err != nil {
		return err
	}
	return os.Chmod(path, f.Mode) // whatever the umask is
}
