package track

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ProcessInfo is what /proc says about a process.
type ProcessInfo struct {
	Comm    string // its name, at most 15 octets
	Cmdline []byte // its arguments, each ended by NUL; empty for a kernel thread
}

// Matches reports whether a process is one that c looks for: by its name, or
// with full_command by its first argument, or by all of them as param_match
// says. initial is about octets, as keepalived has it: a longer last parameter
// matches, and so do more parameters.
func (c *ProcessConfig) Matches(p ProcessInfo) bool {
	if !c.FullCommand {
		return p.Comm == c.Process
	}
	wanted := []byte(c.Process)
	for _, w := range c.Parameters {
		wanted = append(append(wanted, 0), w...)
	}
	line := bytes.TrimSuffix(p.Cmdline, []byte{0})
	switch c.Match {
	case MatchExact:
		return bytes.Equal(line, wanted)
	case MatchInitial:
		return bytes.HasPrefix(line, wanted)
	case MatchPartial:
		rest, ok := bytes.CutPrefix(line, wanted)
		return ok && (len(rest) == 0 || rest[0] == 0)
	default:
		first, _, _ := bytes.Cut(line, []byte{0})
		return string(first) == c.Process
	}
}

// quorate reports whether so many processes are enough, and not too many.
func (c *ProcessConfig) quorate(count int) bool {
	if c.QuorumMax != nil && *c.QuorumMax == 0 {
		return count == 0
	}
	return count >= int(c.Quorum) && (c.QuorumMax == nil || count <= *c.QuorumMax)
}

// ProcessEvent is what can happen to a ProcessTable.
type ProcessEvent interface{ processEvent() }

type (
	// Scanned is a look at all processes. It decides at once on a watch that had
	// no result; on others it counts as the forks and ends that must have been.
	Scanned struct{ Processes map[int]ProcessInfo }
	// Forked: the child is what its parent is until it says otherwise.
	Forked struct{ Parent, Child int }
	// Named: a process has a program or name, after exec or prctl.
	Named struct {
		PID  int
		Info ProcessInfo
	}
	// Exited: a process has ended.
	Exited struct{ PID int }
	// Passed says that Deadline may have come. Early and late is harmless.
	Passed struct{}
)

func (Scanned) processEvent() {}
func (Forked) processEvent()  {}
func (Named) processEvent()   {}
func (Exited) processEvent()  {}
func (Passed) processEvent()  {}

// ProcessVerdict is a watch with another state. Text is keepalived's log line,
// empty for the first state.
type ProcessVerdict struct {
	Name     string
	From, To State
	Text     string
}

// ProcessTable counts the processes of all watches.
//
// A change counts after a delay: fork_delay when a fork brought it about, and
// terminate_delay when an end did. What a process becomes by exec or by a new
// name counts at once. A change that is taken back meanwhile has not been.
type ProcessTable struct {
	watches []*processWatch
}

type processWatch struct {
	*ProcessConfig
	pids  map[int]bool
	state State
	due   time.Time // when another verdict counts; zero: none is pending
}

// Configure replaces the watches. Those that look for the same processes keep
// their count and state, the others wait for the next Scanned.
func (t *ProcessTable) Configure(now time.Time, list []*ProcessConfig) []ProcessVerdict {
	old := t.watches
	t.watches = nil
	var out []ProcessVerdict
	for _, c := range list {
		if slices.ContainsFunc(t.watches, func(w *processWatch) bool { return w.Name == c.Name }) {
			continue // the first of a name counts, as its references have it
		}
		w := &processWatch{ProcessConfig: c, pids: map[int]bool{}}
		i := slices.IndexFunc(old, func(o *processWatch) bool { return o.Name == c.Name && sameProcesses(o.ProcessConfig, c) })
		if i >= 0 {
			w.pids, w.state, w.due = old[i].pids, old[i].state, old[i].due
		}
		t.watches = append(t.watches, w)
		if w.state != Unknown {
			out = w.judge(now, 0, out)
		}
	}
	return out
}

func sameProcesses(a, b *ProcessConfig) bool {
	return a.Process == b.Process && slices.Equal(a.Parameters, b.Parameters) && a.Match == b.Match && a.FullCommand == b.FullCommand
}

// Empty reports whether nothing is looked for.
func (t *ProcessTable) Empty() bool { return len(t.watches) == 0 }

// NeedsCommands reports whether command lines are looked at, not only names.
func (t *ProcessTable) NeedsCommands() bool {
	return slices.ContainsFunc(t.watches, func(w *processWatch) bool { return w.FullCommand })
}

// Deadline is when the owner must call Step with Passed; zero when there is
// nothing to wait for.
func (t *ProcessTable) Deadline() time.Time {
	var first time.Time
	for _, w := range t.watches {
		if !w.due.IsZero() && (first.IsZero() || w.due.Before(first)) {
			first = w.due
		}
	}
	return first
}

// States are the watches that have a result, in their order.
func (t *ProcessTable) States() []ProcessVerdict {
	var list []ProcessVerdict
	for _, w := range t.watches {
		if w.state != Unknown {
			list = append(list, ProcessVerdict{Name: w.Name, From: w.state, To: w.state})
		}
	}
	return list
}

// Step feeds one event to the table and returns the verdicts that follow.
func (t *ProcessTable) Step(now time.Time, ev ProcessEvent) []ProcessVerdict {
	var out []ProcessVerdict
	for _, w := range t.watches {
		out = w.step(now, ev, out)
	}
	return out
}

func (w *processWatch) step(now time.Time, ev ProcessEvent, out []ProcessVerdict) []ProcessVerdict {
	switch ev := ev.(type) {
	case Scanned:
		return w.scanned(now, ev.Processes, out)
	case Forked:
		if !w.pids[ev.Parent] { // the child may have the number of one whose end was not heard of
			return w.step(now, Exited{ev.Child}, out)
		}
		w.pids[ev.Child] = true
		return w.judge(now, w.ForkDelay, out)
	case Named:
		if is := w.Matches(ev.Info); is != w.pids[ev.PID] {
			w.set(ev.PID, is)
			return w.judge(now, 0, out)
		}
	case Exited:
		if w.pids[ev.PID] {
			delete(w.pids, ev.PID)
			return w.judge(now, w.TerminateDelay, out)
		}
	case Passed:
		if !w.due.IsZero() && !now.Before(w.due) {
			return w.judge(now, 0, out)
		}
	}
	return out
}

func (w *processWatch) set(pid int, is bool) {
	if is {
		w.pids[pid] = true
	} else {
		delete(w.pids, pid)
	}
}

func (w *processWatch) scanned(now time.Time, all map[int]ProcessInfo, out []ProcessVerdict) []ProcessVerdict {
	before := len(w.pids)
	clear(w.pids)
	for pid, p := range all {
		if w.Matches(p) {
			w.pids[pid] = true
		}
	}
	switch delay := w.ForkDelay; {
	case w.state == Unknown:
		w.state = Down
		if w.quorate(len(w.pids)) {
			w.state = Up
		}
		return append(out, ProcessVerdict{Name: w.Name, To: w.state})
	case len(w.pids) < before:
		return w.judge(now, w.TerminateDelay, out)
	default:
		return w.judge(now, delay, out)
	}
}

// judge compares the count with the state. A change counts at the end of its
// delay; one that is pending already keeps its time, unless this one is due now.
func (w *processWatch) judge(now time.Time, delay time.Duration, out []ProcessVerdict) []ProcessVerdict {
	to, words := Down, "lost"
	if w.quorate(len(w.pids)) {
		to, words = Up, "gained"
	}
	switch {
	case w.state == Unknown:
		return out // the first look decides
	case to == w.state:
		w.due = time.Time{}
		return out
	case delay > 0:
		if w.due.IsZero() {
			w.due = now.Add(delay)
		}
		return out
	}
	v := ProcessVerdict{Name: w.Name, From: w.state, To: to, Text: fmt.Sprintf("Quorum %s for tracked process %s", words, w.Name)}
	w.state, w.due = to, time.Time{}
	return append(out, v)
}

// ParseStat reads name and state letter of /proc/PID/stat: "1 (name) S ...".
// The name may hold blanks and brackets.
func ParseStat(b []byte) (comm string, state byte, ok bool) {
	s := string(b)
	from, to := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	if from < 0 || to < from || len(s) < to+3 {
		return "", 0, false
	}
	return s[from+1 : to], s[to+2], true
}

// TrackProcess is the tracker of one track_process line about a watch whose own
// weight and reverse apply where the line has none.
func TrackProcess(ref Ref, c *ProcessConfig, s State) Tracker {
	return Tracker{Kind: Process, Name: ref.Name, Weight: ref.weight(c.Weight), Reverse: ref.reverse(c.Reverse), State: s}
}
