package kconf

import (
	"fmt"
	"strings"
)

// Severity tells what a diagnostic means to whoever starts the daemon.
type Severity uint8

const (
	Note    Severity = iota // worth knowing; never changes an exit status
	Warning                 // accepted, perhaps with another value than written
	Error                   // the statement, or its block, was not used
)

// String is the word printed before a message.
func (s Severity) String() string { return [...]string{"note", "warning", "error"}[s] }

// Class is keepalived's kind of configuration problem. The highest class met
// decides the exit status of --config-test; 0 never does.
type Class uint8

const (
	ClassNone Class = iota
	ClassFileNotFound
	ClassBadInterface
	ClassFatal
	ClassMultipleFiles
	ClassUnknownKeyword
	ClassUnexpectedBOB
	ClassMissingBOB
	ClassUnexpectedEOB
	ClassMissingEOB
	ClassUnmatchedQuote
	ClassMissingParameter
	ClassInvalidNumber
	ClassGeneral
	ClassWarning
	ClassDeprecated
	ClassSecurity
)

// Diagnostic is one mistake, reported once, at its word.
type Diagnostic struct {
	Pos      Pos
	Severity Severity
	Class    Class
	ID       string // stable, lower-case words with hyphens: unknown-keyword, out-of-range
	Message  string // what is wrong, beginning with the keyword
	Hint     string // what is accepted, or what to do; may be empty
	Related  Pos    // the other place that matters: first definition, opening brace
	Fatal    bool   // an include whose check failed: the program ends with status 6
}

// String prints "file:line:col: message; hint".
func (d Diagnostic) String() string {
	var b strings.Builder
	if d.Pos.IsValid() {
		fmt.Fprintf(&b, "%v: ", d.Pos)
	}
	if d.Severity != Error {
		fmt.Fprintf(&b, "%v: ", d.Severity)
	}
	b.WriteString(d.Message)
	if d.Hint != "" {
		b.WriteString("; " + d.Hint)
	}
	if d.Related.IsValid() {
		fmt.Fprintf(&b, " (see %v)", d.Related)
	}
	for via := d.Pos.Via(); via != nil; via = via.Via() {
		fmt.Fprintf(&b, " (included at %v)", *via)
	}
	return b.String()
}

// maxDiagnostics is how many are kept. Nobody reads more, and a file that is no
// configuration at all has a mistake on every line.
const maxDiagnostics = 10_000

// Diagnostics collects all mistakes of a configuration.
type Diagnostics struct {
	list []Diagnostic

	// of all, also of those beyond maxDiagnostics
	worst                  Class
	errors, fatal, missing bool
}

// Add appends d. From the 10,000th on they only count for the exit status.
func (ds *Diagnostics) Add(d Diagnostic) {
	ds.worst = max(ds.worst, d.Class)
	ds.errors = ds.errors || d.Severity == Error
	ds.fatal = ds.fatal || d.Fatal
	ds.missing = ds.missing || d.Class == ClassMissingParameter
	switch len(ds.list) {
	default:
		ds.list = append(ds.list, d)
	case maxDiagnostics - 1:
		ds.list = append(ds.list, Diagnostic{Pos: d.Pos, Severity: Note, ID: "too-many-mistakes",
			Message: fmt.Sprintf("more than %d mistakes; the rest is not listed", maxDiagnostics-1)})
	case maxDiagnostics:
	}
}

// Full reports whether further diagnostics are not listed any more, so that
// nobody needs to find words for them.
func (ds *Diagnostics) Full() bool { return len(ds.list) >= maxDiagnostics }

// All returns the diagnostics in the order in which they were found.
func (ds *Diagnostics) All() []Diagnostic { return ds.list }

// HasErrors reports whether any diagnostic is an Error.
func (ds *Diagnostics) HasErrors() bool { return ds.errors }

// Fatal reports whether an include failed whose check was on: keepalived then
// ends with status 6 after reading, with and without --config-test.
func (ds *Diagnostics) Fatal() bool { return ds.fatal }

// Append adds everything that other has.
func (ds *Diagnostics) Append(other *Diagnostics) {
	for _, d := range other.list {
		ds.Add(d)
	}
	ds.worst = max(ds.worst, other.worst)
	ds.errors, ds.fatal, ds.missing = ds.errors || other.errors, ds.fatal || other.fatal, ds.missing || other.missing
}

// Worst is the highest class met.
func (ds *Diagnostics) Worst() Class { return ds.worst }

// TestStatus is the exit status of --config-test as keepalived gives it:
// 0 nothing to report, 2 a missing argument, 4 files, interfaces and fatal
// problems, 5 any other, 6 script security or a fatal include.
func (ds *Diagnostics) TestStatus() int {
	switch {
	case ds.fatal:
		return 6
	case ds.missing:
		return 2 // keepalived stops reading at once
	}
	switch worst := ds.Worst(); {
	case worst == ClassNone:
		return 0
	case worst <= ClassFatal:
		return 4
	case worst < ClassSecurity:
		return 5
	default:
		return 6
	}
}
