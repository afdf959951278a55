package notify

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/event"
	"holdfast/internal/run"
)

func TestLinesAreThoseOfKeepalived(t *testing.T) {
	for want, got := range map[string]string{
		"INSTANCE \"VI_1\" MASTER 150\n":                           RouterLine(Object{event.Instance, "VI_1"}, Master, 150),
		"INSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 150\n":              RouterLine(Object{event.Instance, "VI_1"}, MasterRxLowerPri, 150),
		"INSTANCE \"VI_1\" BACKUP_PRIORITY 70\n":                   RouterLine(Object{event.Instance, "VI_1"}, BackupPriority, 70),
		"GROUP \"G 1\" FAULT 0\n":                                  RouterLine(Object{event.Group, "G 1"}, Fault, 99),
		"VS [192.168.201.15]:tcp:80 DOWN\n":                        VirtualServerLine("[192.168.201.15]:tcp:80", Down),
		"RS [1.2.3.4]:tcp:80 [192.168.201.15]:tcp:80 UP\n":         RealServerLine("[1.2.3.4]:tcp:80", "[192.168.201.15]:tcp:80", Up),
		"RS [2001:db8::1]:udp:53 [2001:db8::5]:udp:53 DOWN\n":      RealServerLine("[2001:db8::1]:udp:53", "[2001:db8::5]:udp:53", Down),
		"INSTANCE \"name with blanks and \"quotes\"\" DELETED 1\n": RouterLine(Object{event.Instance, `name with blanks and "quotes"`}, Deleted, 1),
		"INSTANCE \"VI_1\" STOP 255\n":                             RouterLine(Object{event.Instance, "VI_1"}, Stop, 255),
		"VS FWM 5 UP\n":                                            VirtualServerLine("FWM 5", Up),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// pipes are FIFOs in a folder of their own, and what they report.
type pipes struct {
	*FIFOs
	t    *testing.T
	dir  string
	mu   sync.Mutex
	said []string
}

func newPipes(t *testing.T) *pipes {
	p := &pipes{t: t, dir: t.TempDir()}
	p.FIFOs = NewFIFOs(run.Exec{}, func(f event.Fact) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.said = append(p.said, strings.ReplaceAll(f.Text, p.dir, ""))
	})
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *pipes) path(name string) string { return filepath.Join(p.dir, name) }

func (p *pipes) config(name string, lines FIFOLines) FIFOConfig {
	return FIFOConfig{Keyword: "notify_fifo", Path: p.path(name), UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), Lines: lines}
}

// reports are what was said until now.
func (p *pipes) reports() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.said...)
}

// reader opens a pipe for reading.
func (p *pipes) reader(name string) *bufio.Reader {
	p.t.Helper()
	f, err := os.OpenFile(p.path(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { f.Close() })
	f.SetReadDeadline(time.Now().Add(20 * time.Second))
	return bufio.NewReader(f)
}

// want reads as many lines.
func want(t *testing.T, r *bufio.Reader, lines ...string) {
	t.Helper()
	for _, w := range lines {
		if got, err := r.ReadString('\n'); got != w+"\n" || err != nil {
			t.Fatalf("read %q (%v), want %q", got, err, w)
		}
	}
}

func TestEachPipeGetsItsSortOfLinesInOrder(t *testing.T) {
	p := newPipes(t)
	p.Configure([]FIFOConfig{p.config("all", RouterLines|ServerLines), p.config("routers", RouterLines), p.config("servers", ServerLines)})
	all, routers, servers := p.reader("all"), p.reader("routers"), p.reader("servers")
	for n := range 3 {
		p.Write(RouterLines, fmt.Sprintf("router %d\n", n))
		p.Write(ServerLines, fmt.Sprintf("server %d\n", n))
	}
	want(t, all, "router 0", "server 0", "router 1", "server 1", "router 2", "server 2")
	want(t, routers, "router 0", "router 1", "router 2")
	want(t, servers, "server 0", "server 1", "server 2")
}

func TestAPipeIsForItsOwnerAndGoesWithUs(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o177))
	p := newPipes(t)
	p.Configure([]FIFOConfig{p.config("ours", RouterLines)})
	info, err := os.Stat(p.path("ours"))
	if err != nil || info.Mode() != os.ModeNamedPipe|0o600 {
		t.Errorf("mode %v (%v), want a pipe with 0600", info.Mode(), err)
	}
	if err := syscall.Mkfifo(p.path("theirs"), 0o600); err != nil { // a stale one, or somebody else's
		t.Fatal(err)
	}
	p.Configure([]FIFOConfig{p.config("theirs", RouterLines)})
	if _, err := os.Stat(p.path("ours")); !os.IsNotExist(err) {
		t.Errorf("our pipe after a reload without it: %v, want that it is gone", err)
	}
	r := p.reader("theirs")
	p.Write(RouterLines, "a\n")
	want(t, r, "a")
	p.Configure(nil)
	if _, err := os.Stat(p.path("theirs")); err != nil {
		t.Errorf("a pipe that was there: %v, want that it stays", err)
	}
}

func TestWhatIsNoPipeIsRefused(t *testing.T) {
	p := newPipes(t)
	if err := os.WriteFile(p.path("file"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(p.path("file"), p.path("link")); err != nil {
		t.Fatal(err)
	}
	p.Configure([]FIFOConfig{p.config("file", RouterLines), p.config("link", RouterLines), p.config("none/pipe", RouterLines), p.config("good", RouterLines)})
	r := p.reader("good")
	p.Write(RouterLines, "a\n")
	want(t, r, "a")
	if text, _ := os.ReadFile(p.path("file")); string(text) != "precious" {
		t.Errorf("the file holds %q", text)
	}
	if diff := cmp.Diff([]string{
		"Unable to open notify_fifo /file: it is no FIFO",
		"Unable to open notify_fifo /link: it is no FIFO",
		"Unable to open notify_fifo /none/pipe: no such file or directory",
	}, p.reports()); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
}

func TestALazyReaderBlocksNobodyAndLosesTheOldestLines(t *testing.T) {
	p := newPipes(t)
	p.Configure([]FIFOConfig{p.config("pipe", RouterLines)})
	line := func(n int) string { return fmt.Sprintf("%063d\n", n) } // 1024 of them fill the 64 KiB of a pipe
	const lines = 8000
	began := time.Now()
	for n := range lines {
		p.Write(RouterLines, line(n))
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("nobody read, and that took %v", took)
	}
	r := p.reader("pipe")
	last, lost, next := line(lines-1), 0, 0
	for got := ""; got != last; next++ {
		var err error
		if got, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		for ; line(next) != got; next++ {
			lost++
			if next > lines {
				t.Fatalf("read %q, which is out of order", got)
			}
		}
	}
	if got := lines - lost; got < FIFOQueue || got == lines {
		t.Errorf("%d of %d lines came, want at least those that the queue holds, 1024", got, lines)
	}
	// The end of a loss is told when the queue is empty; one that was empty in
	// between has lost lines twice.
	told := 0
	for deadline := time.Now().Add(20 * time.Second); told < lost && time.Now().Before(deadline); {
		p.Write(RouterLines, "more\n")
		want(t, r, "more")
		told = 0
		for n, said := range p.reports() {
			count := 0
			if n%2 == 0 && said != "FIFO /pipe is not read: its oldest lines are lost from now on" {
				t.Fatalf("report %d is %q", n, said)
			} else if n%2 == 1 {
				if _, err := fmt.Sscanf(said, "FIFO /pipe is read again: %d lines were lost", &count); err != nil {
					t.Fatalf("report %d is %q", n, said)
				}
			}
			told += count
		}
	}
	if told != lost {
		t.Errorf("%d lines were lost, %d reported: %q", lost, told, p.reports())
	}
}

func TestAnUnchangedPipeStaysOpenAtAReload(t *testing.T) {
	p := newPipes(t)
	p.Configure([]FIFOConfig{p.config("pipe", RouterLines)})
	before, _ := os.Stat(p.path("pipe"))
	r := p.reader("pipe")
	p.Write(RouterLines, "before\n")
	p.Configure([]FIFOConfig{p.config("pipe", RouterLines)})
	p.Write(RouterLines, "after\n")
	want(t, r, "before", "after")
	p.Configure([]FIFOConfig{p.config("pipe", RouterLines|ServerLines)}) // this is another one
	if after, err := os.Stat(p.path("pipe")); err != nil || os.SameFile(before, after) {
		t.Errorf("a pipe that gets more lines is the old one (%v)", err)
	}
	again := p.reader("pipe")
	p.Write(ServerLines, "server\n")
	want(t, again, "server")
}

func TestTheReaderThatWeRunGetsTheLastLineAndIsEnded(t *testing.T) {
	for name, tt := range map[string]struct{ script, want string }{
		"one that ends with the pipe": {`cat "$1" >` + `"$2"`, "a\nlast\n"},
		"one that opens it again":     {`while :; do cat "$1" >>"$2"; done`, "a\nlast\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipes(t)
			c := p.config("pipe", RouterLines)
			c.Script = &run.Command{Argv: []string{"/bin/sh", "-c", tt.script, "reader", c.Path, p.path("got")}}
			p.Configure([]FIFOConfig{c})
			for text := ""; text == ""; { // it has opened the pipe
				p.Write(RouterLines, "a\n")
				for deadline := time.Now().Add(time.Second); text == "" && time.Now().Before(deadline); {
					b, _ := os.ReadFile(p.path("got"))
					text = string(b)
				}
			}
			p.Write(RouterLines, "last\n")
			if err := p.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(p.path("got"))
			if !strings.HasSuffix(string(got), tt.want) {
				t.Errorf("the reader got %q (%v), want %q at the end", got, err, tt.want)
			}
			if said := p.reports(); len(said) > 0 {
				t.Errorf("reports %q, want none", said)
			}
		})
	}
}

func TestAReaderThatEndsIsStartedAgain(t *testing.T) {
	p := newPipes(t)
	c := p.config("pipe", RouterLines)
	c.Keyword = "vrrp_notify_fifo"
	c.Script = &run.Command{Argv: []string{"/bin/sh", "-c", `echo ran >>"$1"; head -n 1 "$2" >/dev/null; exit 3`, "reader", p.path("runs"), c.Path}}
	p.Configure([]FIFOConfig{c})
	runs := func() int {
		b, _ := os.ReadFile(p.path("runs"))
		return strings.Count(string(b), "ran\n")
	}
	for deadline := time.Now().Add(20 * time.Second); runs() < 2 && time.Now().Before(deadline); {
		p.Write(RouterLines, "a line\n")
		time.Sleep(10 * time.Millisecond)
	}
	if runs() < 2 {
		t.Error("it was not started again")
	}
	if said := p.reports(); len(said) == 0 || said[0] != "vrrp notify fifo script terminated (exited with status 3)" {
		t.Errorf("reports %q", said)
	}
}
