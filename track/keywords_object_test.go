package track

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/kconf"
)

// block reads one block of the file, its inside given in lines, and returns what
// is said about it without "not supported yet".
func block[C any](t *testing.T, header, inside string, decode func(*kconf.Ctx, *kconf.Stmt) *C) (c *C, says string, status int) {
	t.Helper()
	file, ds := kconf.ParseString("k", header+" {\n"+inside+"\n}\n", kconf.Options{})
	c = decode(&kconf.Ctx{Diags: ds}, file.Stmts[0])
	var texts []string
	for _, d := range ds.All() {
		if d.ID != "not-supported-yet" {
			texts = append(texts, d.String())
		}
	}
	return c, strings.Join(texts, "\n"), ds.TestStatus()
}

func TestATrackFileBlock(t *testing.T) {
	tests := map[string]struct {
		inside string
		want   FileConfig
	}{
		"a path is enough":            {"file /run/n", FileConfig{Path: "/run/n", Weight: 1}},
		"an empty path is one":        {`file ""`, FileConfig{Weight: 1}},
		"a weight":                    {"file /run/n\nweight -254", FileConfig{Path: "/run/n", Weight: -254}},
		"reversed":                    {"file /run/n\nweight 0 reverse", FileConfig{Path: "/run/n", Reverse: true}},
		"created":                     {"file /run/n\ninit_file", FileConfig{Path: "/run/n", Weight: 1, Init: &Init{}}},
		"created with a number":       {"file /run/n\ninit_file -5", FileConfig{Path: "/run/n", Weight: 1, Init: &Init{Value: -5}}},
		"overwritten":                 {"file /run/n\ninit_file 5 overwrite", FileConfig{Path: "/run/n", Weight: 1, Init: &Init{Value: 5, Overwrite: true}}},
		"overwritten, the word first": {"file /run/n\ninit_file overwrite 5", FileConfig{Path: "/run/n", Weight: 1, Init: &Init{Value: 5, Overwrite: true}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, says, _ := block(t, "track_file f", tt.inside, DecodeFile)
			if got == nil || says != "" {
				t.Fatalf("not used: %q", says)
			}
			tt.want.Name = "f"
			if d := cmp.Diff(tt.want, *got, cmpopts.IgnoreFields(FileConfig{}, "Written", "Pos")); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

// The statuses are those of keepalived 2.2.7 for the same text.
func TestMistakesInATrackFileBlock(t *testing.T) {
	tests := map[string]struct {
		header, inside string
		used           bool
		status         int
		says           string
	}{
		"no name":                    {"track_file", "file /run/n", false, 2, "k:1:1: track_file: wants one argument, has 0"},
		"no file":                    {"track_file f", "", false, 5, "k:1:1: track_file f: has no file, it is not used"},
		"no file under its old name": {"vrrp_track_file f", "", false, 5, "k:1:1: vrrp_track_file f: has no file, it is not used"},
		"file without a path":        {"track_file f", "file", false, 5, "k:2:1: file: wants a path"},
		"two files":                  {"track_file f", "file /run/n\nfile /run/m", true, 5, "k:3:1: file: given before, the first one counts (see k:2:1)"},
		"two weights":                {"track_file f", "file /run/n\nweight 2\nweight 3", true, 5, "k:4:1: weight: given before, the first one counts (see k:3:1)"},
		"the default, then a weight": {"track_file f", "file /run/n\nweight 1\nweight 3", true, 0, ""},
		"a weight after a bad one":   {"track_file f", "file /run/n\nweight 255\nweight 3", true, 5, "k:3:8: weight 255: must be -254 to 254"},
		"a weight that is none":      {"track_file f", "file /run/n\nweight x", true, 5, "k:3:8: weight x: must be -254 to 254"},
		"a weight missing":           {"track_file f", "file /run/n\nweight", true, 5, "k:3:1: weight: wants a number"},
		"another word":               {"track_file f", "file /run/n\nweight 3 back", true, 5, "k:3:10: weight: unknown word back, only reverse may follow"},
		"a number hardly meant":      {"track_file f", "file /run/n\ninit_file 300", true, 5, "k:3:11: warning: init_file 300: a number outside -254 to 254 is hardly meant"},
		"another word for init":      {"track_file f", "file /run/n\ninit_file 5 replace", true, 5, `k:3:13: init_file: unknown word "replace", a number and overwrite may follow`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, says, status := block(t, tt.header, tt.inside, DecodeFile)
			if c != nil != tt.used || says != tt.says || status != tt.status {
				t.Errorf("used %v, status %d, says %q;\nwant %v, %d, %q", c != nil, status, says, tt.used, tt.status, tt.says)
			}
		})
	}
}

func TestATrackProcessBlock(t *testing.T) {
	none := 0
	three := 3
	tests := map[string]struct {
		inside string
		want   ProcessConfig
	}{
		"a name is enough":             {"process sshd", ProcessConfig{Process: "sshd", Quorum: 1}},
		"parameters must be the same":  {"process sshd -D -p", ProcessConfig{Process: "sshd", Parameters: []string{"-D", "-p"}, Match: MatchExact, FullCommand: true, Quorum: 1}},
		"the last parameter may go on": {"param_match initial\nprocess sshd -D", ProcessConfig{Process: "sshd", Parameters: []string{"-D"}, Match: MatchInitial, FullCommand: true, Quorum: 1}},
		"no parameters at all":         {"process sshd\nparam_match", ProcessConfig{Process: "sshd", Match: MatchExact, FullCommand: true, Quorum: 1}},
		"the last way to match counts": {"process sshd\nparam_match partial\nparam_match initial", ProcessConfig{Process: "sshd", Match: MatchInitial, FullCommand: true, Quorum: 1}},
		"a weight":                     {"process sshd\nweight -254 reverse", ProcessConfig{Process: "sshd", Weight: -254, Reverse: true, Quorum: 1}},
		"from two to three":            {"process sshd\nquorum 2\nquorum_max 3", ProcessConfig{Process: "sshd", Quorum: 2, QuorumMax: &three}},
		"none may run":                 {"process sshd\nquorum_max 0", ProcessConfig{Process: "sshd", Quorum: 1, QuorumMax: &none}},
		"one delay for both":           {"process sshd\ndelay 1.5", ProcessConfig{Process: "sshd", Quorum: 1, TerminateDelay: 1500 * time.Millisecond, ForkDelay: 1500 * time.Millisecond}},
		"two delays":                   {"process sshd\nterminate_delay 3600\nfork_delay 0.000001", ProcessConfig{Process: "sshd", Quorum: 1, TerminateDelay: time.Hour, ForkDelay: time.Microsecond}},
		"the whole command line":       {"process sshd\nfull_command", ProcessConfig{Process: "sshd", FullCommand: true, Quorum: 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, says, _ := block(t, "vrrp_track_process p", tt.inside, DecodeProcess)
			if got == nil || says != "" {
				t.Fatalf("not used: %q", says)
			}
			tt.want.Name = "p"
			if d := cmp.Diff(tt.want, *got, cmpopts.IgnoreFields(ProcessConfig{}, "Written", "Pos")); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

// The statuses are those of keepalived 2.2.7 for the same text.
func TestMistakesInATrackProcessBlock(t *testing.T) {
	tests := map[string]struct {
		inside string
		used   bool
		status int
		says   string
	}{
		"no process":                {"", false, 5, "k:1:1: vrrp_track_process p: has no process, it is not used"},
		"process without a name":    {"process", false, 2, "k:2:1: process: wants one argument, has 0"},
		"two processes":             {"process sshd\nprocess cron", true, 5, "k:3:1: process: given before, the first one counts (see k:2:1)"},
		"another way to match":      {"process sshd\nparam_match final", true, 5, "k:3:13: param_match final: must be initial or partial"},
		"weight 255":                {"process sshd\nweight 255", true, 5, "k:3:8: weight 255: must be -254 to 254"},
		"the default, then another": {"process sshd\nweight 0\nweight 4", true, 0, ""},
		"two weights":               {"process sshd\nweight 3\nweight 4", true, 5, "k:4:1: weight: given before, the first one counts (see k:3:1)"},
		"another word":              {"process sshd\nweight 3 back", true, 5, "k:3:10: weight: unknown word back, only reverse may follow"},
		"quorum 0":                  {"process sshd\nquorum 0", true, 5, "k:3:8: quorum 0: must be 1-65535"},
		"quorum_max too high":       {"process sshd\nquorum_max 65536", true, 5, "k:3:12: quorum_max 65536: must be 0-65535"},
		"quorum_max below quorum":   {"process sshd\nquorum 2\nquorum_max 1", true, 5, "k:4:12: quorum_max 1: is below quorum 2, ignored"},
		"quorum above quorum_max":   {"process sshd\nquorum_max 1\nquorum 2", true, 5, "k:4:8: quorum 2: is above quorum_max 1, ignored"},
		"none may run, two must":    {"process sshd\nquorum 2\nquorum_max 0", true, 5, "k:4:12: quorum_max 0: is below quorum 2, ignored"},
		"two must, none may run":    {"process sshd\nquorum_max 0\nquorum 2", true, 5, "k:4:8: quorum 2: is above quorum_max 0, ignored"},
		"delay 0":                   {"process sshd\ndelay 0", true, 5, "k:3:7: delay 0: must be 0.000001-3600 seconds"},
		"a delay of over an hour":   {"process sshd\nfork_delay 3601", true, 5, "k:3:12: fork_delay 3601: must be 0.000001-3600 seconds"},
		"quorum without its number": {"process sshd\nquorum", true, 2, "k:3:1: quorum: wants one argument, has 0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, says, status := block(t, "vrrp_track_process p", tt.inside, DecodeProcess)
			if c != nil != tt.used || says != tt.says || status != tt.status {
				t.Errorf("used %v, status %d, says %q;\nwant %v, %d, %q", c != nil, status, says, tt.used, tt.status, tt.says)
			}
		})
	}
}

func TestTheOldNameOfTrackFileIsOlder(t *testing.T) {
	for i, d := range OldFileKeywords.Docs() {
		if now := FileKeywords.Docs()[i]; d.Since != "2.0.0" || now.Since != "2.1.0" || d.Name != now.Name {
			t.Errorf("vrrp_track_file %s since %s, track_file %s since %s", d.Name, d.Since, now.Name, now.Since)
		}
	}
}
