package kconf

import (
	"fmt"
	"slices"
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

// Diagnostics collects all mistakes of a configuration.
type Diagnostics struct{ list []Diagnostic }

// Add appends d.
func (ds *Diagnostics) Add(d Diagnostic) { ds.list = append(ds.list, d) }

// All returns the diagnostics in the order in which they were found.
func (ds *Diagnostics) All() []Diagnostic { return ds.list }

// HasErrors reports whether any diagnostic is an Error.
func (ds *Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds.list, func(d Diagnostic) bool { return d.Severity == Error })
}

// Fatal reports whether an include failed whose check was on: keepalived then
// ends with status 6 after reading, with and without --config-test.
func (ds *Diagnostics) Fatal() bool {
	return slices.ContainsFunc(ds.list, func(d Diagnostic) bool { return d.Fatal })
}

// Append adds everything that other has.
func (ds *Diagnostics) Append(other *Diagnostics) { ds.list = append(ds.list, other.list...) }

// Worst is the highest class met.
func (ds *Diagnostics) Worst() Class {
	worst := ClassNone
	for _, d := range ds.list {
		worst = max(worst, d.Class)
	}
	return worst
}

// TestStatus is the exit status of --config-test as keepalived gives it:
// 0 nothing to report, 2 a missing argument, 4 files, interfaces and fatal
// problems, 5 any other, 6 script security or a fatal include.
func (ds *Diagnostics) TestStatus() int {
	if ds.Fatal() {
		return 6
	}
	for _, d := range ds.list {
		if d.Class == ClassMissingParameter {
			return 2 // keepalived stops reading at once
		}
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
