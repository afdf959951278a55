package corpus

import (
	"os"
	"strings"
	"testing"
)

// TestEveryCaseSaysWhatItShows needs neither root nor keepalived.
func TestEveryCaseSaysWhatItShows(t *testing.T) {
	names := map[string]string{}
	count := 0
	for file, cases := range read(t) {
		for _, c := range cases {
			count++
			if len(c.Rules) == 0 {
				t.Errorf("%s: %q names no rule", c.From, c.Name)
			}
			if other := names[file+c.Name]; other != "" {
				t.Errorf("%s: %q is also the name of the case at %s", c.From, c.Name, other)
			}
			names[file+c.Name] = c.From
			if c.Differs && c.Other == c.Status {
				t.Errorf("%s: %q differs by nothing", c.From, c.Name)
			}
		}
	}
	const least = 1000
	if count < least {
		t.Errorf("%d cases, want at least %d", count, least)
	}
}

// TestEveryDifferenceIsDocumented finds the words of each "differs" in the
// table of differences; marks of the table do not count.
func TestEveryDifferenceIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/compat.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := strings.ReplaceAll(string(text), "`", "")
	for _, cases := range read(t) {
		for _, c := range cases {
			if c.Differs && (c.Reason == "" || !strings.Contains(documented, c.Reason)) {
				t.Errorf("%s: %q: docs/compat.md does not say %q", c.From, c.Name, c.Reason)
			}
		}
	}
}

func TestACaseIsReadFromItsLines(t *testing.T) {
	f := readText(t, `# a comment
rule: all of this file
shape: frame

-- shape frame
begin
    ...
end
== A sentence
rule: one more
id: node1
status: 5
differs: 0 because of this
replace: "@x@" "ab" 2
first
---
inside @x@
---
last
file: more.conf 755
of @x@
== Another
status: 0
shape: none
plain
`)
	if len(f) != 2 {
		t.Fatalf("%d cases, want 2", len(f))
	}
	c := f[0]
	if want := "first\nbegin\n    inside abab\nend\nlast\n"; c.Text != want {
		t.Errorf("text is %q, want %q", c.Text, want)
	}
	if c.Status != 5 || c.Want() != 0 || c.Reason != "because of this" {
		t.Errorf("status %d, holdfast's %d because %q", c.Status, c.Want(), c.Reason)
	}
	if len(c.Rules) != 2 || strings.Join(c.Args, " ") != "--config-id node1" {
		t.Errorf("rules %q, arguments %q", c.Rules, c.Args)
	}
	if want := (File{"more.conf", 0o755, "of abab\n"}); len(c.Files) != 1 || c.Files[0] != want {
		t.Errorf("files %v, want %v", c.Files, want)
	}
	if f[1].Text != "plain\n" || f[1].Want() != 0 || len(f[1].Rules) != 1 {
		t.Errorf("the second case is %+v", f[1])
	}
}

func readText(t *testing.T, text string) []Case {
	t.Helper()
	path := t.TempDir() + "/cases.txt"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := readFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.cases
}

func TestARangeIsFourCases(t *testing.T) {
	shapes := map[string]string{"block": "{\n...\n}\n"}
	tests := map[string][]string{ // a row and its cases: the value, keepalived's status, holdfast's
		"block | word % | 1..255":                              {"1 0 0", "255 0 0", "0 5 5", "256 5 5"},
		"block | word % | -1..0.50":                            {"-1 0 0", "0.50 0 0", "-2 5 5", "0.51 5 5"},
		"block | word % | 0.000001..0.999999":                  {"0.000001 0 0", "0.999999 0 0", "0.000000 5 5", "1.000000 5 5"},
		"block | word % | 0..":                                 {"0 0 0", "-1 5 5"},
		"block | word % | 0..9 | 0 5 - 5":                      {"0 0 0", "9 5 5", "10 5 5"},
		"block | word % | 0..9 | 0 0 0 0 | differs: 0 0 5 5 x": {"0 0 0", "9 0 0", "-1 0 5", "10 0 5"},
	}
	for text, want := range tests {
		cases, err := rangeCases([]row{{"row", text}}, shapes)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if len(cases) != len(want) {
			t.Errorf("%s: %d cases, want %d", text, len(cases), len(want))
			continue
		}
		for i, c := range cases {
			value, statuses, _ := strings.Cut(want[i], " ")
			if got := string(rune('0'+c.Status)) + " " + string(rune('0'+c.Want())); got != statuses || c.Text != "{\nword "+value+"\n}\n" {
				t.Errorf("%s: case %d has statuses %s and text %q, want %s and %s", text, i, got, c.Text, statuses, value)
			}
		}
	}
}

func TestBadCaseFilesAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		"== A sentence\nrule: x\n":                             "has no status",
		"== A sentence\nstatus: nonsense\n":                    "nonsense",
		"== A sentence\nstatus: 0\nshape: nowhere\n":           "no shape is called",
		"== A sentence\nstatus: 0\nreplace: x y\n":             "two strings in double quotes",
		"== A sentence\nstatus: 0\nfile: name 999\nnonsense\n": "999",
	} {
		path := t.TempDir() + "/cases.txt"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readFile(path, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error is %v, want one that says %q", text, err, says)
		}
	}
}
