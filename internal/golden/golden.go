// Package golden compares long texts with files, for tests only.
//
// Files, in reading order:
//
//	golden.go  Equal, and -update
package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files anew; read the difference before committing it")

// Equal reports a difference between got and the file at path. With -update the
// file is written anew instead.
func Equal(t testing.TB, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("differs from %s (-want +got):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}
