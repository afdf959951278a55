package clusters

import (
	"embed"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata
var testdata embed.FS

// Config is a file of a published cluster: from the examples of this tree if
// they have it, else from testdata.
func Config(t *testing.T, name string) string {
	t.Helper()
	if text, err := os.ReadFile(filepath.Join("/vm/examples", name)); err == nil {
		return string(text)
	}
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// change replaces what must occur exactly once: a configuration that no longer
// has it would be tested unchanged.
func change(t *testing.T, text, old, new string) string {
	t.Helper()
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("%q occurs %d times in the configuration, want once", old, n)
	}
	return strings.Replace(text, old, new, 1)
}
