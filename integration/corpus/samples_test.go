package corpus

import (
	"os"
	"path/filepath"
	"testing"

	"holdfast/integration/netns"
)

// debianSamples is where the package keepalived keeps its examples.
const debianSamples = "/usr/share/doc/keepalived/samples/keepalived.conf.*"

// readOtherwise are files that holdfast reads otherwise on purpose, and the words
// of docs/compat.md that say so.
var readOtherwise = map[string]string{"as-copied-from-the-web.conf": "no-break and typographic spaces"}

// TestFilesOfOthersEndTheCheckAsWithKeepalived takes Debian's samples and our
// own examples as they are.
func TestFilesOfOthersEndTheCheckAsWithKeepalived(t *testing.T) {
	netns.Require(t)
	var files []string
	for _, pattern := range []string{debianSamples, "../../examples/*/*.conf"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			t.Logf("nothing matches %s: not compared", pattern)
		}
		files = append(files, found...)
	}
	b := newBench(t, map[string][]Case{"": {{}}})
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file)), func(t *testing.T) {
			t.Parallel()
			c := Case{Name: filepath.Base(file), From: "others", Text: string(text)}
			theirs, ours := b.try(t, netns.Keepalived, &c), b.try(t, netns.Holdfast, &c)
			if theirs.status > 128 {
				t.Skipf("keepalived ended itself with signal %d", theirs.status-128)
			}
			if why := readOtherwise[c.Name]; why != "" {
				t.Skipf("read otherwise: %s", why)
			}
			if ours.status != theirs.status {
				t.Errorf("holdfast -t ended with %d, keepalived's with %d\nholdfast said:\n%s\nkeepalived said:\n%s",
					ours.status, theirs.status, ours.output, theirs.output)
			}
		})
	}
}
