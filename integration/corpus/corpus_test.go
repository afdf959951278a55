package corpus

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/integration/netns"
)

// read reads the cases below testdata.
func read(t *testing.T) map[string][]Case {
	t.Helper()
	all, err := Read("testdata")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTheConfigurationCheckEndsAsKeepalivedsDoes runs both daemons on every
// case, except that keepalived is asked about a tenth of the numbers that it
// refuses, unless all is asked for. When it is keepalived that ends otherwise, the
// record is wrong.
func TestTheConfigurationCheckEndsAsKeepalivedsDoes(t *testing.T) {
	netns.Require(t)
	all := read(t)
	b := newBench(t, all)
	b.report = newReport(t)
	b.full = os.Getenv("HOLDFAST_CORPUS_FULL") != "" || os.Getenv("HOLDFAST_CORPUS_REPORT") != ""
	began, count := time.Now(), 0
	t.Cleanup(func() {
		t.Logf("%d cases, %d runs of a daemon in %.1f s", count, b.cases.Load(), time.Since(began).Seconds())
	})
	for _, name := range slices.Sorted(maps.Keys(all)) {
		count += len(all[name])
		t.Run(name, func(t *testing.T) {
			for _, batch := range batches(all[name]) {
				t.Run(batch[0].Name, func(t *testing.T) {
					t.Parallel()
					b.check(t, batch)
				})
			}
		})
	}
}

// batches puts cases together that can share a file: those of one shape with
// values that are accepted.
func batches(cases []Case) [][]Case {
	var all [][]Case
	at := map[string]int{}
	for _, c := range cases {
		i, begun := at[c.Batch]
		if c.Batch != "" && begun {
			all[i] = append(all[i], c)
			continue
		}
		at[c.Batch] = len(all)
		all = append(all, []Case{c})
	}
	return all
}

// check asks both daemons. When both accept all cases of a batch in one file,
// they accept each; when not, halves of it are tried, down to single cases.
func (b *bench) check(t *testing.T, batch []Case) {
	c := &batch[0]
	if len(batch) > 1 {
		together := Together(batch)
		if b.try(t, netns.Keepalived, &together).status == 0 && b.try(t, netns.Holdfast, &together).status == 0 {
			return
		}
		half := len(batch) / 2
		b.check(t, batch[:half])
		b.check(t, batch[half:])
		return
	}
	theirs := verdict{status: c.Status}
	if b.full || c.Lines == nil || c.Batch != "" || c.sampled() {
		theirs = b.try(t, netns.Keepalived, c)
	}
	if theirs.status != c.Status {
		t.Errorf("%s: %s: keepalived -t ended with %d, recorded is %d; it said:\n%s", c.From, c.Name, theirs.status, c.Status, theirs.output)
	}
	ours := b.try(t, netns.Holdfast, c)
	if ours.status != c.Want() {
		t.Errorf("%s: %s: holdfast -t ended with %d, want %d; it said:\n%s\nkeepalived said:\n%s",
			c.From, c.Name, ours.status, c.Want(), ours.output, theirs.output)
	}
	b.report.add(c, theirs, ours)
}

// report collects differences in a file for people. It judges nothing.
type report struct {
	mu   sync.Mutex
	text map[string]string
}

func newReport(t *testing.T) *report {
	r := &report{text: map[string]string{}}
	if path := os.Getenv("HOLDFAST_CORPUS_REPORT"); path != "" {
		t.Cleanup(func() {
			var all strings.Builder
			for _, key := range slices.Sorted(maps.Keys(r.text)) {
				all.WriteString(r.text[key])
			}
			if err := os.WriteFile(path, []byte(all.String()), 0o644); err != nil {
				t.Error(err)
			}
		})
	}
	return r
}

// add notes a case in which the statuses differ unexpectedly, or in which one
// daemon speaks and the other is silent.
func (r *report) add(c *Case, theirs, ours verdict) {
	kind := ""
	switch {
	case theirs.status != c.Status:
		kind = "1 RECORD"
	case ours.status != c.Want():
		kind = "2 STATUS"
	case (theirs.output == "") != (ours.output == ""):
		kind = "3 messages only"
	default:
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text[kind+" "+c.From+c.Name] = fmt.Sprintf("%s  %s  %s\n    keepalived %d (recorded %d), holdfast %d (want %d)\n  keepalived:\n%s  holdfast:\n%s\n",
		kind, c.From, c.Name, theirs.status, c.Status, ours.status, c.Want(), indent(theirs.output), indent(ours.output))
}

func indent(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("    " + line)
	}
	return out.String()
}
