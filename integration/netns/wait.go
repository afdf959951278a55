package netns

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// slack is how much later than computed an event may be on an idle machine:
// waking up, sending, the bridge, the capture. Measured pairs of keepalived
// need 1 to 30 ms.
const slack = 150 * time.Millisecond

// pollEvery is how often Eventually looks.
const pollEvery = 5 * time.Millisecond

// Eventually waits until ok says yes, and fails the test at the limit.
func Eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	eventually(t, pollEvery, limit, what, ok)
}

// eventually looks less often than Eventually, or more: for what is costly to
// find out where many labs do so at once.
func eventually(t *testing.T, every, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for d := within(limit); !ok(); time.Sleep(every) {
		if d.over() {
			t.Fatalf("not within %v%s: %s", limit, d.extended(), what)
		}
	}
}

// deadline is a limit on a machine that others use as well: the time in which
// somebody was kept waiting for a processor does not count, up to mostExtended.
// What takes too long for another reason is over in time, and what never comes
// fails at last.
type deadline struct {
	began, end time.Time
	stalled    time.Duration // of the machine, when it began
}

const mostExtended = 30 * time.Second

func within(limit time.Duration) deadline {
	now := time.Now()
	return deadline{now, now.Add(limit), stalled()}
}

func (d deadline) over() bool {
	now := time.Now()
	return now.After(d.end) && now.After(d.end.Add(d.extension()))
}

func (d deadline) extension() time.Duration {
	return min(max(latenessSince(d.began), stalled()-d.stalled), mostExtended)
}

func (d deadline) extended() string {
	return fmt.Sprintf(" and %v", d.extension().Round(time.Millisecond))
}

// Throughout looks for as long as span whether ok stays true.
func Throughout(t *testing.T, span time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(pollEvery) {
		if !ok() {
			t.Fatalf("not throughout %v: %s", span, what)
		}
	}
}

// Took compares the time between two captured events with the time it has to
// take. Early is always wrong, beyond the jitter of two time stamps; late is
// wrong beyond slack and what the machine itself was late meanwhile.
func Took(t *testing.T, what string, from, to time.Time, want time.Duration) {
	t.Helper()
	got := to.Sub(from)
	late := latenessSince(from)
	if got < want-10*time.Millisecond || got > want+slack+late {
		t.Errorf("%s took %v, want %v (+%v, machine late by %v)", what, got, want, slack, late)
	}
}

// AtMost is Took where only the upper bound is known.
func AtMost(t *testing.T, what string, from, to time.Time, limit time.Duration) {
	t.Helper()
	late := latenessSince(from)
	if got := to.Sub(from); got > limit+late {
		t.Errorf("%s took %v, want at most %v (machine late by %v)", what, got, limit, late)
	}
}

// replaceOnce edits a text, and fails the test when there is nothing to edit.
func replaceOnce(t *testing.T, text, old, new string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("no %q in %q", old, text)
	}
	return strings.Replace(text, old, new, 1)
}
