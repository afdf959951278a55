package netns

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// HookLog is a script that appends when it ran, as whom, and its arguments.
type HookLog struct {
	Script string // to be named in a configuration
	host   *Host
	file   string
}

// Hook is one run of the script.
type Hook struct {
	At   time.Time
	UID  int
	Args string // every argument in brackets: [INSTANCE] [VI_1] [MASTER] [100]
}

// recorder is the script. One printf is one write, so that runs at the same
// time do not mix; the file is open to every user that a hook may run as.
const recorder = `#!/bin/sh
line="$(date +%%s.%%N) $(id -u)"
for word; do line="$line [$word]"; done
printf '%%s\n' "$line" >>%s
`

// Hooks puts the script on a host.
func (h *Host) Hooks() *HookLog {
	h.lab.t.Helper()
	file := filepath.Join(h.Dir, "hooks.log")
	h.File("hooks.log", "", 0o666)
	return &HookLog{Script: h.File("hook.sh", fmt.Sprintf(recorder, file), 0o755), host: h, file: file}
}

// Runs are those since then, in the order of their writing.
func (l *HookLog) Runs(since time.Time) []Hook {
	l.host.lab.t.Helper()
	text, err := os.ReadFile(l.file)
	if err != nil {
		l.host.lab.t.Fatal(err)
	}
	var runs []Hook
	for line := range strings.Lines(string(text)) {
		stamp, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		uid, args, _ := strings.Cut(rest, " ")
		sec, nsec, _ := strings.Cut(stamp, ".")
		s, err1 := strconv.ParseInt(sec, 10, 64)
		n, err2 := strconv.ParseInt(nsec, 10, 64)
		u, err3 := strconv.Atoi(uid)
		if err1 != nil || err2 != nil || err3 != nil {
			l.host.lab.t.Fatalf("%s: cannot read %q", l.file, line)
		}
		if at := time.Unix(s, n); at.After(since) {
			runs = append(runs, Hook{at, u, args})
		}
	}
	return runs
}

// Args are the arguments of the runs since then.
func (l *HookLog) Args(since time.Time) []string {
	l.host.lab.t.Helper()
	args := []string{}
	for _, r := range l.Runs(since) {
		args = append(args, r.Args)
	}
	return args
}

// Wait waits until n runs are written down since then, and returns them.
func (l *HookLog) Wait(since time.Time, limit time.Duration, n int) []string {
	l.host.lab.t.Helper()
	t := l.host.lab.t
	for d := within(limit); len(l.Args(since)) < n && !d.over(); {
		time.Sleep(pollEvery)
	}
	args := l.Args(since)
	if len(args) < n {
		t.Fatalf("not within %v: %d hooks on %s, only %q", limit, n, l.host.Name, args)
	}
	return args
}
