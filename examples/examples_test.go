// Package examples holds clusters that are ready to run. This test reads each
// of them as `holdfast -t` does.
package examples

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"holdfast/daemon"
)

// expected is what is said about each file, by line number: the quirks that the
// published clusters have, and nothing else. What depends on the machine that
// reads the file, its interfaces and installed hooks, is asked in namespaces.
var expected = map[string][]string{
	"two-routers/keepalived.conf":     nil,
	"dns-1-failover/keepalived.conf":  nil,
	"dns-2-balanced/keepalived.conf":  nil,
	"dns-3-client-ip/keepalived.conf": nil,
	"mail-relay/keepalived.conf":      nil,
	"mail-relay/as-copied-from-the-web.conf": {
		"no-break or typographic space here and on 65 more lines: read as a blank",
	},
	"web-fwmark/lb1.conf": {
		"unknown keyword route_id; did you mean router_id?",
		"auth_pass: 9 octets, only the first 8 are used",
		"nopreempt: has no meaning with state MASTER or priority 255, ignored",
	},
	"web-fwmark/lb2.conf": {
		"unknown keyword route_id; did you mean router_id?",
		"auth_pass: 9 octets, only the first 8 are used",
		"Backup",
	},
}

// local matches what is true of the reading machine only.
var local = regexp.MustCompile(`Unable to access script|interface eth[01]|Non-existent interface|eth[01] .*not exist`)

func TestExamplesAreReadAsTheyAreMeant(t *testing.T) {
	files, err := filepath.Glob("*/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(expected) {
		t.Errorf("%d configurations in %d rows: %v", len(files), len(expected), files)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			want, listed := expected[file]
			if !listed {
				t.Fatal("no row says what to expect")
			}
			opt := daemon.DefaultOptions([]string{"holdfast", "-t", "-f", file})
			opt.Mode, opt.ConfigFile = daemon.ModeConfigTest, file
			var out bytes.Buffer
			status := daemon.ConfigTest(opt, &out)
			said := diagnostics(file, out.String())
			for _, w := range want {
				if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, w) }) {
					t.Errorf("nothing is said about %q; all of it:\n%s", w, out.String())
				}
			}
			if len(want) == 0 && len(said) > 0 {
				t.Errorf("something is said about a good file: %q", said)
			}
			if len(want) == 0 && !local.MatchString(out.String()) && status != 0 {
				t.Errorf("status %d for a good file", status)
			}
		})
	}
}

// diagnostics are the lines that begin with the file's name and are not about
// this machine.
func diagnostics(file, out string) []string {
	var lines []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, file+":") && !local.MatchString(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// TestHooksAreExecutable: a hook without the bit is a cluster without hooks.
func TestHooksAreExecutable(t *testing.T) {
	scripts, err := filepath.Glob("*/*.*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range scripts {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(text, []byte("#!")) {
			n++
			if info.Mode()&0o111 != 0o111 || info.Mode()&0o022 != 0 {
				t.Errorf("%s is %v: everybody has to be able to run it, nobody else to write it", file, info.Mode())
			}
		}
	}
	if n < 7 {
		t.Errorf("only %d scripts in %v", n, scripts)
	}
}
