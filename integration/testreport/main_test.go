package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const once = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"run","Package":"p","Test":"TestA/two"}
{"Action":"output","Package":"p","Test":"TestA/two","Output":"boom\n"}
{"Action":"fail","Package":"p","Test":"TestA/two"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}
{"Action":"run","Package":"q","Test":"TestB"}
{"Action":"skip","Package":"q","Test":"TestB"}
{"Action":"pass","Package":"q"}
{"Action":"run","Package":"s","Test":"TestC"}
{"Action":"run","Package":"s","Test":"TestC/fine"}
{"Action":"pass","Package":"s","Test":"TestC/fine"}
{"Action":"fail","Package":"s","Test":"TestC"}
{"Action":"fail","Package":"s"}
`

const unbuilt = `{"Action":"build-output","Package":"r","Output":"syntax error\n"}
{"Action":"fail","Package":"r"}
`

const late = `{"Action":"run","Package":"l","Test":"TestD"}
{"Action":"output","Package":"l","Test":"TestD","Output":"panic: test timed out after 1s\n"}
{"Action":"fail","Package":"l","Test":"TestD"}
{"Action":"fail","Package":"l"}
`

// passed is one more run of TestA, in which all is well.
const passed = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"run","Package":"p","Test":"TestA/two"}
{"Action":"pass","Package":"p","Test":"TestA/two"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}
`

func TestLeavesAreCountedOnceAndBrokenPackagesFail(t *testing.T) {
	var aFails = once[:strings.Index(once, `{"Action":"run","Package":"q"`)]
	tests := []struct {
		name, run string
		want      tally
		again     []string
		whole     bool
	}{
		{"two fails, TestC by itself, and package r, which has no failing test",
			once + unbuilt, tally{passed: 2, failed: 3, skipped: 1}, []string{"p TestA", "s TestC"}, false},
		{"a package that ran out of time may not run again", late, tally{failed: 2}, nil, false},
		{"failed, and one pass after it is too few", aFails + passed, tally{passed: 1, failed: 1}, []string{"p TestA"}, true},
		{"failed, then passed twice", aFails + passed + passed, tally{passed: 1, flaked: []string{"p TestA/two"}}, nil, true},
		{"failed, passed twice, failed", aFails + passed + passed + aFails, tally{passed: 1, failed: 1}, []string{"p TestA"}, true},
		{"skipped here and run there", `{"Action":"skip","Package":"q","Test":"TestB"}` + "\n" + `{"Action":"pass","Package":"q","Test":"TestB"}`,
			tally{passed: 1}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := read(strings.NewReader(tt.run), &strings.Builder{})
			if d := cmp.Diff(tt.want, r.tally(), cmp.AllowUnexported(tally{})); d != "" {
				t.Errorf("tally (-want +got):\n%s", d)
			}
			again, whole := r.again(1)
			if d := cmp.Diff(tt.again, again); d != "" || whole != tt.whole {
				t.Errorf("again, all of it %v, want %v (-want +got):\n%s", whole, tt.whole, d)
			}
		})
	}
}

func TestATestOfTheVirtualMachineIsNamedByThreeParts(t *testing.T) {
	const run = `{"Action":"run","Package":"vm","Test":"TestInside/guest/TestA"}
{"Action":"run","Package":"vm","Test":"TestInside/guest/TestA/one/two"}
{"Action":"fail","Package":"vm","Test":"TestInside/guest/TestA/one/two"}
{"Action":"fail","Package":"vm","Test":"TestInside/guest/TestA/one"}
{"Action":"fail","Package":"vm","Test":"TestInside/guest/TestA"}
{"Action":"fail","Package":"vm","Test":"TestInside/guest"}
{"Action":"fail","Package":"vm","Test":"TestInside"}
{"Action":"fail","Package":"vm"}
`
	again, _ := read(strings.NewReader(run), &strings.Builder{}).again(3)
	if d := cmp.Diff([]string{"vm TestInside/guest/TestA"}, again); d != "" {
		t.Errorf("again (-want +got):\n%s", d)
	}
}

func TestWhatFailingTestsPrintedIsShown(t *testing.T) {
	var shown strings.Builder
	read(strings.NewReader(once+unbuilt), &shown)
	for _, part := range []string{"FAIL  p TestA/two\nboom", "syntax error"} {
		if !strings.Contains(shown.String(), part) {
			t.Errorf("%q is not shown:\n%s", part, &shown)
		}
	}
}
