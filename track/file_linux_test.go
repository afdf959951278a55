package track

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"holdfast/internal/event"
)

// reader follows files in a directory of its own and tells what it heard.
type reader struct {
	*testing.T
	dir     string
	files   *Files
	numbers chan int
	said    chan string
}

func follow(t *testing.T) *reader {
	t.Helper()
	r := &reader{T: t, dir: t.TempDir(), numbers: make(chan int, 100), said: make(chan string, 100)}
	r.files = NewFiles(func(f event.Fact) { r.said <- f.Text }, func(_ string, n int) { r.numbers <- n })
	ctx, cancel := context.WithCancel(context.Background())
	go r.files.Run(ctx)
	t.Cleanup(func() { cancel(); <-r.files.done })
	return r
}

func (r *reader) path(name string) string { return filepath.Join(r.dir, name) }

func (r *reader) write(name, text string) {
	r.Helper()
	if err := os.WriteFile(r.path(name), []byte(text), 0o644); err != nil {
		r.Fatal(err)
	}
}

func (r *reader) configure(start bool, jobs ...FileJob) {
	r.Helper()
	if err := r.files.Configure(r.Context(), jobs, start); err != nil {
		r.Fatal(err)
	}
}

// want waits for the next numbers. Nothing else may have been said before them.
func (r *reader) want(what string, numbers ...int) {
	r.Helper()
	for _, n := range numbers {
		select {
		case got := <-r.numbers:
			if got != n {
				r.Errorf("%s: %d, want %d", what, got, n)
			}
		case <-time.After(20 * time.Second):
			r.Fatalf("%s: nothing, want %d", what, n)
		}
	}
}

func TestAFileIsReadWhenItChanges(t *testing.T) {
	r := follow(t)
	r.write("n", "20\n")
	r.configure(true, FileJob{Name: "n", Path: r.path("n")})
	r.want("at the start", 20)
	r.write("n", "21\n")
	r.want("written", 21)
	os.Remove(r.path("n"))
	r.want("removed", 0)
	r.write("other", "5")
	r.write("n", "22\n")
	r.want("created, and another file is not looked at", 22)
	r.write("n.new", "23\n")
	os.Rename(r.path("n.new"), r.path("n"))
	r.want("replaced", 23)
	os.Rename(r.path("n"), r.path("n.old"))
	r.want("moved away", 0)

	slow, err := os.Create(r.path("n"))
	if err != nil {
		t.Fatal(err)
	}
	slow.WriteString("4")
	slow.Sync()
	slow.WriteString("4\n")
	slow.Close()
	r.want("written slowly, read once", 44)
	r.write("n", "77777777777\n")
	if got, want := <-r.said, "Invalid number 77777777777 read from "+r.path("n")+" - ignoring"; got != want {
		t.Errorf("said %q, want %q", got, want)
	}
	r.write("n", "9"+strings.Repeat("\x00", 1<<20))
	r.want("huge", 9)
	r.write("n", "garbage")
	r.want("garbage", 0)
}

func TestADirectoryMayGoAndComeBack(t *testing.T) {
	r := follow(t)
	r.configure(true, FileJob{Name: "n", Path: r.path("sub/n")})
	r.want("without its directory", 0)
	os.Mkdir(r.path("sub"), 0o755)
	r.write("sub/n", "3")
	r.want("the directory is there", 3) // found by a sweep, or by the watch of one
	r.write("sub/n", "4")
	r.want("and watched", 4)
	os.Rename(r.path("sub"), r.path("gone"))
	r.want("moved away", 0)
	os.Mkdir(r.path("sub"), 0o755)
	r.write("gone/n", "5")
	r.write("sub/n", "6")
	r.want("another one in its place", 6)
	os.RemoveAll(r.path("sub"))
	r.want("removed", 0)
}

func TestAReloadKeepsFilesAndForgetsOthers(t *testing.T) {
	r := follow(t)
	r.write("a", "1")
	r.write("b", "2")
	a, b := FileJob{Name: "a", Path: r.path("a")}, FileJob{Name: "b", Path: r.path("b")}
	r.configure(true, a, b, FileJob{Name: "a", Path: r.path("b")})
	r.want("both, and the second a is not used", 1, 2)
	r.configure(false, b)
	r.want("a reload tells what is known", 2)
	r.write("a", "7")
	r.write("b", "8")
	r.want("only b is followed", 8)
	r.configure(false, FileJob{Name: "b", Path: r.path("a")})
	r.want("the name stands for another file", 7)
	r.configure(false)
	r.write("a", "9")
	r.configure(false, a)
	r.want("nothing was followed meanwhile", 9)
}

func TestInitFile(t *testing.T) {
	seven := func(overwrite bool) *Init { return &Init{Value: 7, Overwrite: overwrite} }
	tests := map[string]struct {
		before string // "": no file
		init   *Init
		start  bool
		want   string
	}{
		"no init_file, no file":                 {"", nil, true, ""},
		"made at the start":                     {"", seven(false), true, "7\n"},
		"left as it is":                         {"3\n", seven(false), true, "3\n"},
		"overwritten at the start":              {"333\n", seven(true), true, "7\n"},
		"made at a reload":                      {"", seven(true), false, "7\n"},
		"never overwritten at a reload":         {"3\n", seven(true), false, "3\n"},
		"a negative number":                     {"", &Init{Value: -5}, true, "-5\n"},
		"without a number it is 0, overwriting": {"3\n", &Init{Overwrite: true}, true, "0\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := follow(t)
			if tt.before != "" {
				r.write("n", tt.before)
			}
			r.configure(tt.start, FileJob{Name: "n", Path: r.path("n"), Init: tt.init})
			got, _ := os.ReadFile(r.path("n"))
			if string(got) != tt.want {
				t.Errorf("holds %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAFileThatIsNoneIsSaid(t *testing.T) {
	r := follow(t)
	if err := unix.Mkfifo(r.path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Mkdir(r.path("dir"), 0o755)
	r.write("plain", "")
	r.configure(true, FileJob{Name: "fifo", Path: r.path("fifo")}, FileJob{Name: "dir", Path: r.path("dir")},
		FileJob{Name: "below", Path: r.path("plain/n")}, FileJob{Name: "empty"}, FileJob{Name: "init", Path: r.path("none/n"), Init: &Init{}})
	r.want("all", 0, 0, 0, 0, 0)
	var got []string
	for len(r.said) > 0 {
		got = append(got, strings.ReplaceAll(<-r.said, r.dir, "DIR"))
	}
	want := []string{
		"track_file init: init_file: open DIR/none/n: no such file or directory",
		"track_file: watch DIR/plain: not a directory; its files are read every 1s instead",
		"track_file fifo counts as 0: read DIR/fifo: invalid argument: not a regular file",
		"track_file dir counts as 0: read DIR/dir: invalid argument: not a regular file",
		"track_file below counts as 0: open DIR/plain/n: not a directory",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

// TestALostEventAboutAnyFile: after an overflow every file is read.
func TestALostEventAboutAnyFile(t *testing.T) {
	var got []int
	l := &fileLoop{Files: NewFiles(func(event.Fact) {}, func(_ string, n int) { got = append(got, n) }), dirs: map[string]int32{}}
	defer l.close()
	path := filepath.Join(t.TempDir(), "n")
	os.WriteFile(path, []byte("5"), 0o644)
	l.files = []*followed{{FileJob: FileJob{Name: "n", Path: path}, dir: filepath.Dir(path), base: "n", machine: NewFile("n", path)}}
	l.take([]inotifyEvent{{watch: 99, mask: unix.IN_CLOSE_WRITE, name: "n"}})
	if len(got) != 0 {
		t.Errorf("an event of another directory: %v", got)
	}
	l.take([]inotifyEvent{{watch: -1, mask: unix.IN_Q_OVERFLOW}})
	if d := cmp.Diff([]int{5}, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func FuzzInotifyEvents(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) { parseInotify(b) })
}
