package main

import (
	"strings"
	"testing"
)

func TestLeavesAreCountedAndBrokenPackagesFail(t *testing.T) {
	const run = `{"Action":"run","Package":"p","Test":"TestA"}
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
{"Action":"build-output","Package":"r","Output":"syntax error\n"}
{"Action":"fail","Package":"r"}
`
	var shown strings.Builder
	got := read(strings.NewReader(run), &shown, true)
	// one and fine pass; two fails, C by itself, and package r, which has no
	// failing test, counts as a failure of its own; B is skipped.
	if want := (tally{passed: 2, failed: 3, skipped: 1}); got != want {
		t.Errorf("tally %+v, want %+v", got, want)
	}
	for _, part := range []string{"boom", "syntax error"} {
		if !strings.Contains(shown.String(), part) {
			t.Errorf("%q is not shown:\n%s", part, &shown)
		}
	}
}
