package run

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script writes an executable file and returns its path.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.sh")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func sh(text string) Command { return Command{Argv: []string{"/bin/sh", "-c", text}} }

func TestHowAScriptEnded(t *testing.T) {
	tests := map[string]struct {
		command Command
		exit    int
		signal  int
		text    string
		ok      bool
	}{
		"status 0":              {sh("exit 0"), 0, 0, "exited with status 0", true},
		"another status":        {sh("exit 7"), 7, 0, "exited with status 7", false},
		"killed by a signal":    {sh("kill -9 $$"), 0, 9, "due to signal 9", false},
		"bare name in PATH":     {Command{Argv: []string{"true"}}, 0, 0, "exited with status 0", true},
		"arguments are not run": {Command{Argv: []string{"/bin/sh", "-c", `test "$1" = 'a $(x) "b'`, "sh", `a $(x) "b`}}, 0, 0, "exited with status 0", true},
		"argv 0 as given, another file executed": {
			Command{Argv: []string{"pretend", "-c", "exit 3"}, Path: "/bin/sh"}, 3, 0, "exited with status 3", false},
		"a file without interpreter line is a shell script": {
			Command{Argv: []string{script(t, "test \"$1\" = 'two words' && exit 4\n"), "two words"}}, 4, 0, "exited with status 4", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Exec{}.Run(t.Context(), tt.command)
			if r.Err != nil {
				t.Fatal(r.Err)
			}
			if r.Exit != tt.exit || r.Signal != tt.signal || r.OK() != tt.ok || r.String() != tt.text {
				t.Errorf("%+v %q, want exit %d signal %d %q", r, r, tt.exit, tt.signal, tt.text)
			}
			if r.Duration <= 0 || r.Ended {
				t.Errorf("duration %v, ended by us: %t", r.Duration, r.Ended)
			}
		})
	}
}

func TestAScriptThatCannotStartSaysWhy(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		command Command
		is      error
		says    string
	}{
		"missing":        {Command{Argv: []string{"/nonexistent/x.sh"}}, os.ErrNotExist, "run script /nonexistent/x.sh: "},
		"not executable": {Command{Argv: []string{plain}}, os.ErrPermission, "run script " + plain},
		"no command":     {Command{}, nil, "no command"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := Exec{}.Run(t.Context(), tt.command)
			if r.Err == nil || !strings.Contains(r.Err.Error(), tt.says) || tt.is != nil && !errors.Is(r.Err, tt.is) {
				t.Errorf("error %v, want %q", r.Err, tt.says)
			}
			if r.OK() {
				t.Error("counts as success")
			}
		})
	}
}

// The surroundings keepalived gives its scripts, as observed from inside one.
func TestWhatAScriptFindsAroundIt(t *testing.T) {
	for _, v := range []string{"IFS", "LD_PRELOAD", "LD_LIBRARY_PATH"} {
		t.Setenv(v, "")
	}
	t.Setenv("SITE", "paris")
	old := SetUmask(Umask)
	defer SetUmask(old)
	out := filepath.Join(t.TempDir(), "out")
	text := `
		fds=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2)
		exec > "$0"
		echo $fds
		tr '\0' '\n' < /proc/$$/environ | grep -c -e ^IFS= -e ^LD_PRELOAD= -e ^LD_LIBRARY_PATH=
		echo $SITE
		umask
		set -- $(cut -d' ' -f1,5 /proc/$$/stat); test $1 = $2 && echo group of its own
		pwd
		exit 0`
	r := Exec{}.Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", text, out}, Dir: "/"})
	got, err := os.ReadFile(out)
	if err != nil || !r.OK() {
		t.Fatalf("%v: %v", r, err)
	}
	want := "/dev/null /dev/null /dev/null\n0\nparis\n0177\ngroup of its own\n/\n"
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestEnvironKeepsEverythingElse(t *testing.T) {
	got := Environ([]string{"A=1", "IFS=x", "LD_PRELOAD=y", "IFSX=2", "LD_LIBRARY_PATH=z", "LD_LIBRARY_PATHS=3"})
	if d := cmp.Diff([]string{"A=1", "IFSX=2", "LD_LIBRARY_PATHS=3"}, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestTheWholeGroupEndsWithAScriptThatIgnoresSIGTERM(t *testing.T) {
	dir := t.TempDir()
	// A FIFO tells when the child is ready, and a read of it ends when the last holder dies.
	ready := filepath.Join(dir, "ready")
	if err := syscall.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	results := make(chan Result)
	go func() {
		results <- Exec{}.Run(ctx, Command{Argv: []string{"/bin/sh", "-c",
			`trap '' TERM; exec 3>"$0"; sh -c 'trap "" TERM; echo $$ >&3; while :; do sleep 1; done' & wait; wait; wait`, ready}})
	}()
	f, err := os.Open(ready) // returns when the script has opened it
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 32)
	n, err := f.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil {
		t.Fatal(err)
	}
	asked := time.Now()
	stop()
	r := <-results
	if !r.Ended || r.Signal != 9 {
		t.Errorf("%+v, want ended by us with signal 9", r)
	}
	if took := time.Since(asked); took < Grace {
		t.Errorf("killed after %v, want not before %v", took, Grace)
	}
	if _, err := f.Read(buf); err == nil {
		t.Error("somebody still writes")
	} // end of file: nobody holds the FIFO any more
	if err := syscall.Kill(grandchild, 0); err == nil {
		if b, err := os.ReadFile("/proc/" + strconv.Itoa(grandchild) + "/stat"); err == nil && !strings.Contains(string(b), ") Z ") {
			t.Errorf("process %d of the script's group is still there", grandchild)
		}
	}
}

func TestAScriptMayLeaveAServiceBehind(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	r := Exec{}.Run(t.Context(), Command{Argv: []string{"/bin/sh", "-c", `sleep 60 & echo $! > "$0"`, pidFile}})
	if !r.OK() {
		t.Fatal(r)
	}
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the service the hook started is gone: %v", err)
	}
}

func TestAContextThatHasEndedStartsNothing(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if r := (Exec{}).Run(ctx, sh("exit 0")); !r.Ended || !errors.Is(r.Err, context.Canceled) {
		t.Errorf("%+v, want context canceled", r)
	}
}

func TestOpenForRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "two words")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, closedPort, _ := net.SplitHostPort(closed.Addr().String())
	closed.Close()
	defer l.Close()

	tests := map[string]struct {
		argv []string
		ok   bool
	}{
		"a file that can be opened":          {[]string{"<" + file}, true},
		"a blank after the sign":             {[]string{"<", file}, true},
		"a file that is not there":           {[]string{"<" + dir + "/none"}, false},
		"a port that answers":                {[]string{"</dev/tcp/127.0.0.1/" + port}, true},
		"a port that refuses":                {[]string{"</dev/tcp/127.0.0.1/" + closedPort}, false},
		"a path cannot smuggle in a command": {[]string{"</dev/null; true #$(x)"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if r := (Exec{}).Run(t.Context(), Command{Argv: tt.argv}); r.OK() != tt.ok || r.Err != nil {
				t.Errorf("%+v, want success %t", r, tt.ok)
			}
		})
	}
}

func TestOpeningAFIFOThatNobodyWritesIsEndedAtTheLimit(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	if r := (Exec{}).Run(ctx, Command{Argv: []string{"<" + fifo}}); !r.Ended || r.Signal != 15 {
		t.Errorf("%+v, want ended by SIGTERM", r)
	}
}

func TestOurOwnAccountNeedsNoCapability(t *testing.T) {
	own := Credential{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	if c := credential(&own); c != nil {
		t.Errorf("would call setgroups: %+v", c)
	}
	if c := credential(&Credential{UID: own.UID + 1, GID: own.GID}); c == nil || c.Uid != own.UID+1 {
		t.Errorf("another account: %+v", c)
	}
}

func TestAScriptHasExactlyItsAccount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change to another account")
	}
	r := Exec{}.Run(t.Context(), Command{
		Argv: []string{"/bin/sh", "-c", `test "$(id -u) $(id -g) $(id -G)" = "65534 65533 65533 7"`},
		Cred: &Credential{UID: 65534, GID: 65533, Groups: []uint32{7}},
	})
	if !r.OK() {
		t.Errorf("%v", r)
	}
}

func TestAPanickingRunnerGivesAResult(t *testing.T) {
	r := Safely(t.Context(), panicking{}, sh("exit 0"))
	if r.Err == nil || !strings.Contains(r.Err.Error(), "panic: broken") || r.OK() {
		t.Errorf("%+v", r)
	}
}

type panicking struct{}

func (panicking) Run(context.Context, Command) Result { panic("broken") }
