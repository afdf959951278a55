// Command testreport reads the output of go test -json.
//
//	-live   shows package results and what failing tests printed
//	-count  prints "N passed, N failed, N skipped" and nothing else; status 1
//	        when anything failed or nothing ran
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is one line of go test -json, as far as we look at it.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type tally struct{ passed, failed, skipped int }

func main() {
	live := flag.Bool("live", false, "show results as they come")
	count := flag.Bool("count", false, "print the closing line")
	flag.Parse()
	t := read(os.Stdin, os.Stdout, *live)
	if *count {
		fmt.Printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
		if t.passed == 0 {
			os.Exit(1)
		}
	}
	if t.failed > 0 {
		os.Exit(1)
	}
}

// read counts the tests that have no subtests, those that failed although none
// of their subtests did, and the packages that failed without any test failing
// (they did not build, or panicked outside).
func read(r io.Reader, w io.Writer, live bool) tally {
	var t tally
	output := map[string]*strings.Builder{}
	parents, blamed := map[string]bool{}, map[string]bool{}
	failedIn := map[string]int{}
	in := bufio.NewScanner(r)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			if live {
				fmt.Fprintln(w, in.Text()) // a build error is plain text
			}
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "run":
			if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
				parents[e.Package+" "+e.Test[:i]] = true
			}
		case "output", "build-output":
			if output[key] == nil {
				output[key] = &strings.Builder{}
			}
			output[key].WriteString(e.Output)
		case "pass", "fail", "skip":
			if e.Action == "fail" {
				if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
					blamed[e.Package+" "+e.Test[:i]] = true
				}
			}
			// a parent that failed by itself counts, one that failed for a
			// subtest has been counted there
			t.add(w, e, parents[key] && (e.Action != "fail" || blamed[key]), failedIn, output[key], live)
			delete(output, key)
		}
	}
	return t
}

func (t *tally) add(w io.Writer, e event, parent bool, failedIn map[string]int, out *strings.Builder, live bool) {
	text := ""
	if out != nil {
		text = out.String()
	}
	if e.Test == "" {
		if e.Action == "fail" && failedIn[e.Package] == 0 {
			t.failed++
		}
		if live && (e.Action != "skip" || e.Elapsed > 0) {
			fmt.Fprintf(w, "%-4s  %-40s %6.1fs\n", e.Action, e.Package, e.Elapsed)
			if e.Action == "fail" {
				fmt.Fprint(w, text)
			}
		}
		return
	}
	if e.Action == "fail" {
		failedIn[e.Package]++
		if live {
			fmt.Fprintf(w, "FAIL  %s %s\n%s", e.Package, e.Test, text)
		}
	}
	if parent {
		return
	}
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		t.failed++
	case "skip":
		t.skipped++
	}
}
