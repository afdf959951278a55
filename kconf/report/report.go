package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"holdfast/kconf"
)

// Format is a form of output.
type Format string

const (
	Text   Format = "text"   // for people
	JSON   Format = "json"   // holdfast's own
	SARIF  Format = "sarif"  // version 2.1.0
	GitHub Format = "github" // workflow commands, one a line
)

// Formats are all there are, the default first.
var Formats = []Format{Text, JSON, SARIF, GitHub}

// Report is what one run has found.
type Report struct {
	Files       []string // that were checked, as they were named
	Diagnostics []kconf.Diagnostic
	Fatal       string // why the configuration cannot run; "" when it can

	Version string                 // of the program
	Explain func(id string) string // what a kind of finding is about, in one sentence; "" or nil: not known
	Source  func(kconf.Pos) string // text of a line, see kconf.SourceLines; nil: not shown
	Colour  bool                   // Text only
}

// Count tells how many findings there are of a severity.
func (r *Report) Count(sev kconf.Severity) int {
	n := 0
	for _, d := range r.Diagnostics {
		if d.Severity == sev {
			n++
		}
	}
	return n
}

// Write writes the report in the given form. The errors are an unknown form and
// those of w.
func (r *Report) Write(w io.Writer, f Format) error {
	var out []byte
	var err error
	switch f {
	case Text:
		out = r.text()
	case JSON:
		out, err = r.json()
	case SARIF:
		out, err = r.sarif()
	case GitHub:
		out = r.github()
	default:
		return fmt.Errorf("report format %q: must be %s", f, formatList())
	}
	if err != nil {
		return fmt.Errorf("write report as %s: %w", f, err)
	}
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("write report as %s: %w", f, err)
	}
	return nil
}

func formatList() string {
	var b strings.Builder
	for i, f := range Formats {
		switch {
		case i == len(Formats)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(f))
	}
	return b.String()
}

// line is the source line at p, "" when it is not known.
func (r *Report) line(p kconf.Pos) string {
	if r.Source == nil || !p.IsValid() {
		return ""
	}
	return r.Source(p)
}

// width is how many characters the word at column col of a line has, at least 1:
// up to the next blank or brace, or to the closing quote.
func width(line string, col int32) int {
	rest := line
	for range col - 1 {
		_, n := utf8.DecodeRuneInString(rest)
		rest = rest[n:]
	}
	end := len(rest)
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		if i := strings.IndexByte(quoted, '"'); i >= 0 {
			end = i + 2
		}
	} else if i := strings.IndexAny(rest, " \t\"{}#!"); i > 0 {
		end = i
	} else if i == 0 {
		end = 1
	}
	return max(utf8.RuneCountInString(rest[:end]), 1)
}

// sentence is message and hint.
func sentence(d kconf.Diagnostic) string {
	if d.Hint == "" {
		return d.Message
	}
	return d.Message + "; " + d.Hint
}
