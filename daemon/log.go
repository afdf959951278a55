package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// LevelDetail is for lines that keepalived writes only with -D.
const LevelDetail = slog.LevelDebug

// Syslog idents of the processes, as keepalived's log readers know them.
const (
	identParent   = "Keepalived"
	identVRRP     = "Keepalived_vrrp"
	identCheckers = "Keepalived_healthcheckers"
)

// A sink takes finished lines. write must return at once whatever state the
// reader at the other end is in: a log that nobody reads must not hold up an
// advert. Lines that cannot be delivered are counted.
type sink interface {
	write(level slog.Level, at time.Time, line string)
	io.Closer
}

// logHandler turns records into single lines: the message as it is, for tools
// that grep for keepalived's phrases, then our own attributes as key=value.
type logHandler struct {
	level slog.Level
	sinks []sink
	attrs string
}

// newLogger writes to sinks what is at least at level.
func newLogger(level slog.Level, sinks ...sink) *slog.Logger {
	return slog.New(&logHandler{level: level, sinks: sinks})
}

func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(oneLine(r.Message))
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool { appendAttr(&b, a); return true })
	line := b.String()
	for _, s := range h.sinks {
		s.write(r.Level, r.Time, line)
	}
	return nil
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.attrs)
	for _, a := range attrs {
		appendAttr(&b, a)
	}
	return &logHandler{level: h.level, sinks: h.sinks, attrs: b.String()}
}

// WithGroup is not used here; grouped attributes keep their own names.
func (h *logHandler) WithGroup(string) slog.Handler { return h }

func appendAttr(b *strings.Builder, a slog.Attr) {
	v := a.Value.Resolve().String()
	if strings.ContainsAny(v, " \t\"") || v == "" {
		v = fmt.Sprintf("%q", v)
	}
	fmt.Fprintf(b, " %s=%s", a.Key, oneLine(v))
}

// oneLine keeps text from outside from starting a log line of its own.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return ' '
		}
		return r
	}, s)
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// logBacklog is how many lines wait for a reader that is behind: more than a
// burst of all 4,080 possible IPv4 routers of 16 interfaces changing state.
const logBacklog = 16384

// logGrace is how long a stopping process waits for its log's readers.
const logGrace = 50 * time.Millisecond

// lineQueue lies between those who log and one reader that may be slow or
// stuck: a goroutine of its own does the writing. Lines beyond the backlog are
// lost, and a line in their place says how many.
type lineQueue struct {
	format func(level slog.Level, at time.Time, line string) string
	lines  chan string
	hurry  atomic.Bool // closing: give up what cannot be written now
	done   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	missing uint64 // lost since the last line that found room
	total   uint64
}

// newLineQueue passes lines in the form of format to write until Close; write
// may block, but not once hurry is set.
func newLineQueue(format func(slog.Level, time.Time, string) string, write func(q *lineQueue, line string)) *lineQueue {
	q := &lineQueue{format: format, lines: make(chan string, logBacklog)}
	q.done.Go(func() {
		for l := range q.lines {
			write(q, l)
		}
	})
	return q
}

func (q *lineQueue) write(level slog.Level, at time.Time, line string) {
	text := q.format(level, at, line)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || !q.tellLoss(at) || !q.offer(text) {
		q.missing++
		q.total++
	}
}

// offer reports whether there was room for a line.
func (q *lineQueue) offer(text string) bool {
	select {
	case q.lines <- text:
		return true
	default:
		return false
	}
}

// tellLoss puts the line about lost lines where they would have been. It
// reports whether nothing is left to tell.
func (q *lineQueue) tellLoss(at time.Time) bool {
	if q.missing == 0 {
		return true
	}
	// Room for one line only would tell of one loss and cause the next.
	if cap(q.lines)-len(q.lines) < 2 {
		return false
	}
	q.offer(q.format(slog.LevelWarn, at, fmt.Sprintf("%d log lines lost here: the log is not read fast enough", q.missing)))
	q.missing = 0
	return true
}

func (q *lineQueue) lost() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

// Close writes what waits, unless the reader has stopped reading: after
// logGrace the rest is given up, so that a stop is never held up.
func (q *lineQueue) Close() error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return nil
	}
	q.tellLoss(time.Now())
	q.closed = true
	close(q.lines)
	q.mu.Unlock()
	written := make(chan struct{})
	go func() { q.done.Wait(); close(written) }()
	select {
	case <-written:
	case <-time.After(logGrace):
		q.hurry.Store(true)
	}
	return nil
}

// newConsoleSink writes to w in the form of keepalived -n -l: date, colon, text.
func newConsoleSink(w io.Writer) *lineQueue {
	format := func(_ slog.Level, at time.Time, line string) string {
		return at.Format("Mon Jan _2 15:04:05 2006") + ": " + line + "\n"
	}
	return newLineQueue(format, func(q *lineQueue, line string) {
		if !q.hurry.Load() {
			io.WriteString(w, line) // nobody to tell when the terminal itself fails
		}
	})
}
