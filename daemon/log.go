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

// A sink takes finished lines. It must return at once whatever state the
// reader at the other end is in: a log that nobody reads must not hold up an
// advert. Lines that cannot be delivered are counted.
type sink interface {
	write(level slog.Level, at time.Time, line string)
	lost() uint64
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

// consoleBacklog is how many lines wait for a terminal or pipe that is not read.
const consoleBacklog = 1024

// consoleSink writes in the form of keepalived -n -l: date, colon, text. A
// goroutine of its own does the writing, since a pipe can block.
type consoleSink struct {
	lines   chan string
	dropped atomic.Uint64
	done    sync.WaitGroup
}

// newConsoleSink writes to w until Close, which waits for the backlog for at
// most the grace time that Close's caller has left; it owns one goroutine.
func newConsoleSink(w io.Writer) *consoleSink {
	s := &consoleSink{lines: make(chan string, consoleBacklog)}
	s.done.Go(func() {
		for l := range s.lines {
			io.WriteString(w, l) // nobody to tell when the terminal itself fails
		}
	})
	return s
}

func (s *consoleSink) write(_ slog.Level, at time.Time, line string) {
	select {
	case s.lines <- at.Format("Mon Jan _2 15:04:05 2006") + ": " + line + "\n":
	default:
		s.dropped.Add(1)
	}
}

func (s *consoleSink) lost() uint64 { return s.dropped.Load() }

// Close writes what waits, unless the reader has stopped reading: after
// consoleGrace the backlog is given up, so that a stop is never held up.
func (s *consoleSink) Close() error {
	close(s.lines)
	written := make(chan struct{})
	go func() { s.done.Wait(); close(written) }()
	select {
	case <-written:
	case <-time.After(consoleGrace):
	}
	return nil
}

// consoleGrace is how long a stopping process waits for its terminal.
const consoleGrace = 50 * time.Millisecond
