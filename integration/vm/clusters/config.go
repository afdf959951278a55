package clusters

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Example is a file of a cluster in the examples of this tree. Scripts run as
// they are there: what an administrator copies is what is tested.
func Example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/vm/examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// RunExample runs a script of the examples on the node.
func (n *Node) RunExample(t *testing.T, name string, args ...string) {
	t.Helper()
	n.Run(t, "sh", append([]string{filepath.Join("/vm/examples", name)}, args...)...)
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
