package netns

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pipe collects the lines of a FIFO of a host.
type pipe struct {
	mu    sync.Mutex
	lines []string
}

// pipe makes a FIFO and reads it until the end of the test. It stays where it
// is: daemons remove only those that they have made.
func (h *Host) pipe(name string) (path string, p *pipe) {
	t := h.lab.t
	t.Helper()
	path = filepath.Join(h.Dir, name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	p = new(pipe)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := bufio.NewScanner(f); s.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, s.Text())
			p.mu.Unlock()
		}
	}()
	h.lab.root.Cleanup(func() { f.Close(); <-done })
	return path, p
}

// all are the lines until now.
func (p *pipe) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}

// about are those that name one object.
func (p *pipe) about(object string) []string {
	var list []string
	for _, l := range p.all() {
		if strings.HasPrefix(l, object+" ") {
			list = append(list, strings.TrimPrefix(l, object+" "))
		}
	}
	return list
}

// TestPipesSayWhatThoseOfKeepalivedSay lets both daemons live through a start, a
// changed priority, a fault, a reload that removes an instance, and the end. Of
// each object the lines are the same, in the same order; between objects, whose
// timers differ by microseconds, the order is chance.
func TestPipesSayWhatThoseOfKeepalivedSay(t *testing.T) {
	Require(t)
	want := map[string][]string{
		`INSTANCE "VI_1"`: {"BACKUP 200", "MASTER 200", "FAULT 200", "BACKUP 200", "MASTER 200", "STOP 200"},
		`INSTANCE "VI_2"`: {"BACKUP 200", "MASTER 200", "FAULT 200", "BACKUP 200", "MASTER 200", "STOP 200"},
		`GROUP "G"`:       {"BACKUP 0", "MASTER 0", "FAULT 0", "BACKUP 0", "MASTER 0", "STOP 0"},
		`INSTANCE "VI_3"`: {"BACKUP 200", "MASTER 200", "MASTER_PRIORITY 170", "MASTER_PRIORITY 200", "FAULT 200", "BACKUP 200", "MASTER 200", "FAULT 200"},
	}
	for _, kind := range []Kind{Holdfast, Keepalived} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			l := NewLab(t)
			h := l.Host("a", 1)
			flag := h.File("flag", "", 0o644)
			all, allLines := h.pipe("all")
			vrrp, vrrpLines := h.pipe("vrrp")
			instance := func(n int, lines string) string {
				return fmt.Sprintf("vrrp_instance VI_%d {\n interface eth0\n version 3\n advert_int 0.3\n priority 200\n virtual_router_id %d\n virtual_ipaddress {\n 10.9.0.%d\n }\n%s\n}\n", n, 50+n, 100+n, lines)
			}
			conf := "global_defs {\n script_user root\n notify_fifo " + all + "\n vrrp_notify_fifo " + vrrp + "\n}\n" +
				"vrrp_script chk {\n script \"/usr/bin/test -e " + flag + "\"\n interval 1\n weight -30\n}\n" +
				"vrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n}\n" + instance(1, "") + instance(2, "")
			third := instance(3, "notify_priority_changes\ntrack_script {\n chk\n}")
			d := h.Start(kind, conf+third)
			reach := func(object string, n int) {
				t.Helper()
				Eventually(t, 15*time.Second, fmt.Sprintf("%d lines about %s", n, object), func() bool {
					return len(vrrpLines.about(object)) >= n && len(allLines.about(object)) >= n
				})
			}
			reach(`INSTANCE "VI_3"`, 2)
			reach(`GROUP "G"`, 2)
			os.Remove(flag)
			reach(`INSTANCE "VI_3"`, 3)
			h.File("flag", "", 0o644)
			reach(`INSTANCE "VI_3"`, 4)
			h.Unplug("eth0")
			reach(`INSTANCE "VI_3"`, 5)
			reach(`GROUP "G"`, 3)
			h.Replug("eth0")
			reach(`INSTANCE "VI_3"`, 7)
			reach(`GROUP "G"`, 5)
			reach(`INSTANCE "VI_1"`, 5)
			reach(`INSTANCE "VI_2"`, 5)
			d.Reload(conf)
			reach(`INSTANCE "VI_3"`, 8)
			d.Stop()
			reach(`GROUP "G"`, 6)
			reach(`INSTANCE "VI_1"`, 6)
			reach(`INSTANCE "VI_2"`, 6)
			for object, lines := range want {
				for name, p := range map[string]*pipe{"notify_fifo": allLines, "vrrp_notify_fifo": vrrpLines} {
					if got := p.about(object); !slices.Equal(got, lines) {
						t.Errorf("%s about %s:\n got %q\nwant %q", name, object, got, lines)
					}
				}
			}
			if a, v := allLines.all(), vrrpLines.all(); !slices.Equal(a, v) {
				t.Errorf("notify_fifo has\n%q, vrrp_notify_fifo\n%q", a, v)
			}
			for _, path := range []string{all, vrrp} {
				if _, err := os.Stat(path); err != nil {
					t.Errorf("a pipe that the daemon had not made: %v", err)
				}
			}
		})
	}
}
