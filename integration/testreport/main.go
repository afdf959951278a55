// Command testreport reads the output of go test -json.
//
//	-live      shows package results and what failing tests printed
//	-failed N  prints PACKAGE and TEST, the first N parts of its name, of the
//	           failed tests that may run again; status 1 when something failed
//	           that may not
//	-count     prints "N passed, N failed, N skipped" and the tests that flaked;
//	           status 1 when anything failed or nothing ran
//
// A test flaked that failed and then, when it ran again, passed every time and
// at least twice. Of a package that did not build, panicked or ran out of time
// nothing may run again, because tests after that point have not run at all.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of go test -json, as far as we look at it.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

func main() {
	live := flag.Bool("live", false, "show results as they come")
	failed := flag.Int("failed", 0, "print what may run again, so many parts of each name")
	count := flag.Bool("count", false, "print the closing line")
	flag.Parse()
	var shown io.Writer = io.Discard
	if *live {
		shown = os.Stdout
	}
	r := read(os.Stdin, shown)
	t := r.tally()
	switch {
	case *failed > 0:
		tests, whole := r.again(*failed)
		for _, test := range tests {
			fmt.Println(test)
		}
		if !whole {
			os.Exit(1)
		}
		return
	case *count:
		fmt.Println(t)
		if t.passed == 0 {
			os.Exit(1)
		}
	}
	if t.failed > 0 {
		os.Exit(1)
	}
}

// results is what is known after a run and the repetitions that follow it.
type results struct {
	tests  map[id]*outcome
	order  []id
	broken map[string]bool // packages that failed and not by a test alone
}

// id names a test, or a package when test is empty.
type id struct{ pkg, test string }

// outcome is how one test ended, each time that it ran.
type outcome struct {
	verdicts []string // pass, fail, skip
	parent   bool     // has subtests
	blamed   bool     // one of them failed
}

func (r *results) of(i id) *outcome {
	o := r.tests[i]
	if o == nil {
		o = &outcome{}
		r.tests[i] = o
		r.order = append(r.order, i)
	}
	return o
}

// above is the test that i is a subtest of.
func (i id) above() (id, bool) {
	at := strings.LastIndexByte(i.test, '/')
	if at <= 0 {
		return id{}, false
	}
	return id{i.pkg, i.test[:at]}, true
}

// read takes all events and shows what failing tests printed.
func read(in io.Reader, shown io.Writer) *results {
	r := &results{tests: map[id]*outcome{}, broken: map[string]bool{}}
	output := map[id]*strings.Builder{}
	failedIn := map[string]int{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(shown, lines.Text()) // a build error is plain text
			continue
		}
		i := id{e.Package, e.Test}
		switch e.Action {
		case "run":
			if up, ok := i.above(); ok {
				r.of(up).parent = true
			}
		case "output", "build-output":
			if output[i] == nil {
				output[i] = &strings.Builder{}
			}
			output[i].WriteString(e.Output)
			if strings.HasPrefix(e.Output, "panic: ") || strings.HasPrefix(e.Output, "fatal error: ") {
				r.broken[e.Package] = true
			}
		case "pass", "fail", "skip":
			text := ""
			if out := output[i]; out != nil {
				text = out.String()
			}
			delete(output, i)
			show(shown, e, text)
			if e.Test == "" {
				if e.Action == "fail" && failedIn[e.Package] == 0 {
					r.broken[e.Package] = true
				}
				delete(failedIn, e.Package)
				continue
			}
			r.of(i).verdicts = append(r.of(i).verdicts, e.Action)
			if e.Action == "fail" {
				failedIn[e.Package]++
				if up, ok := i.above(); ok {
					r.of(up).blamed = true
				}
			}
		}
	}
	return r
}

// show tells what ended, and of what failed all it printed.
func show(w io.Writer, e event, text string) {
	switch {
	case e.Test != "" && e.Action == "fail":
		fmt.Fprintf(w, "FAIL  %s %s\n%s", e.Package, e.Test, text)
	case e.Test != "" || e.Action == "skip" && e.Elapsed == 0:
	default:
		fmt.Fprintf(w, "%-4s  %-40s %6.1fs\n", e.Action, e.Package, e.Elapsed)
		if e.Action == "fail" {
			fmt.Fprint(w, text)
		}
	}
}

// verdict is pass, fail, skip or flake.
func (o *outcome) verdict() string {
	first := slices.Index(o.verdicts, "fail")
	switch {
	case first >= 0:
		if after := o.verdicts[first+1:]; len(after) >= 2 && !slices.ContainsFunc(after, func(v string) bool { return v != "pass" }) {
			return "flake"
		}
		return "fail"
	case slices.Contains(o.verdicts, "pass"):
		return "pass"
	}
	return "skip"
}

// again names the tests that failed, by the first parts of their names, and
// says whether that is all that failed.
func (r *results) again(parts int) (tests []string, whole bool) {
	for _, i := range r.order {
		if r.tests[i].verdict() != "fail" || r.tests[i].blamed || r.broken[i.pkg] {
			continue
		}
		name := strings.Split(i.test, "/")
		line := i.pkg + " " + strings.Join(name[:min(parts, len(name))], "/")
		if !slices.Contains(tests, line) {
			tests = append(tests, line)
		}
	}
	return tests, len(r.broken) == 0
}

type tally struct {
	passed, failed, skipped int
	flaked                  []string
}

// tally counts the tests that have no subtests, those that failed although
// none of their subtests did, and the packages that are broken.
func (r *results) tally() tally {
	t := tally{failed: len(r.broken)}
	for _, i := range r.order {
		o := r.tests[i]
		verdict := o.verdict()
		if len(o.verdicts) == 0 || o.parent && (verdict == "pass" || verdict == "skip" || o.blamed) {
			continue
		}
		switch verdict {
		case "pass":
			t.passed++
		case "fail":
			t.failed++
		case "skip":
			t.skipped++
		case "flake":
			t.flaked = append(t.flaked, i.pkg+" "+i.test)
		}
	}
	return t
}

func (t tally) String() string {
	s := fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, t.failed, t.skipped)
	for i, name := range t.flaked {
		if i == 0 {
			s += fmt.Sprintf(", %d flaked (failed once, then passed alone twice; to be repaired):", len(t.flaked))
		}
		s += "\n  " + name
	}
	return s
}
