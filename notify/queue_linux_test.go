package notify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/run"
)

// Real shells, in real time: the order survives processes of different speed.
func TestRealHooksRunInOrder(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	sh := func(text string) Hook {
		return Hook{Keyword: "notify", Command: run.Command{Argv: []string{"/bin/sh", "-c", text, out}}}
	}
	fs := &facts{}
	told := make(chan struct{}, 5)
	d := NewDispatcher(run.Exec{}, func(f event.Fact) { fs.publish(f); told <- struct{}{} })
	o := Object{event.Instance, "VI_1"}
	d.Enqueue(Event{Object: o, State: Backup, Hooks: []Hook{sh(`sleep 0.2; echo slow >> "$0"`)}})
	d.Enqueue(Event{Object: o, State: Master, Hooks: []Hook{
		sh(`echo state >> "$0"; exit 3`),
		sh(`echo generic "$@" >> "$0"`).Generic(o, Master, 150),
	}})
	deaf := sh(`trap '' TERM; while :; do sleep 0.05; done`)
	deaf.Timeout = time.Second // time enough to set the trap
	d.Enqueue(Event{Object: o, State: Stop, Hooks: []Hook{deaf, sh(`echo stop >> "$0"`)}})
	for range 3 { // Close would skip what STOP overtakes
		<-told
	}
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if want := "slow\nstate\ngeneric INSTANCE VI_1 MASTER 150\nstop\n"; string(got) != want {
		t.Errorf("hooks wrote %q, want %q", got, want)
	}
	want := []string{
		"hook-ran BACKUP succeeded", "hook-ran MASTER failed", "hook-ran MASTER succeeded",
		"hook-ran STOP timed-out", "hook-ran STOP succeeded",
	}
	if got := fs.lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("facts %q, want %q", got, want)
	}
	if v := fs.list[1].Values; v["exit"] != "3" {
		t.Errorf("values %v, want exit 3", v)
	}
	if v := fs.list[3].Values; v["signal"] != "9" { // TERM is ignored
		t.Errorf("values %v, want signal 9", v)
	}
}
