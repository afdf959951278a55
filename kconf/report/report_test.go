package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/golden"
	"holdfast/kconf"
	"holdfast/kconf/report"
)

// files are what the sample is about: an included file, a tab, a quoted word,
// characters of several octets, a name with a comma.
var files = kconf.Memory{
	"conf/keepalived.conf": "vrrp_instance VI_1 {\n\tvirtual_router_id 300\n    notify \"/bin/tröte x\"\n}\ninclude sites,1.conf\nvrrp_instance VI_1 {\n}\n",
	"conf/sites,1.conf":    "virtual_server 10.9.0.1 80 {\n    delay_lop 6\n}\n",
}

// sample has a finding of each kind that formats treat differently.
func sample() *report.Report {
	const main = "conf/keepalived.conf"
	at := func(line, col int) kconf.Pos { return kconf.At(main, line, col) }
	include := at(5, 1)
	return &report.Report{
		Files:   []string{main},
		Version: "1.2.3",
		Fatal:   "an argument is missing",
		Source:  kconf.SourceLines(files),
		Explain: func(id string) string { return map[string]string{"out-of-range": "A number is outside its range."}[id] },
		Diagnostics: []kconf.Diagnostic{
			{Pos: at(2, 20), Severity: kconf.Error, Class: kconf.ClassInvalidNumber, ID: "out-of-range", Message: "virtual_router_id 300: must be 1-255"},
			{Pos: at(3, 12), Severity: kconf.Warning, Class: kconf.ClassSecurity, ID: "script-security", Message: "notify 100%: not safe", Hint: "chmod go-w"},
			{Pos: at(6, 15), Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "duplicate-name", Message: "vrrp_instance VI_1: the name is taken", Related: at(1, 15)},
			{Pos: kconf.Pos{Source: &kconf.Source{Name: "conf/sites,1.conf", Via: &include}, Line: 2, Col: 5}, Severity: kconf.Error,
				Class: kconf.ClassUnknownKeyword, ID: "unknown-keyword", Message: "unknown keyword delay_lop", Hint: "did you mean delay_loop?"},
			{Severity: kconf.Note, ID: "no-place", Message: "two\nlines"},
		},
	}
}

func TestEveryFormSaysTheSame(t *testing.T) {
	for _, f := range report.Formats {
		t.Run(string(f), func(t *testing.T) {
			var out bytes.Buffer
			if err := sample().Write(&out, f); err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, filepath.Join("testdata", "sample."+string(f)), out.Bytes())
			for _, d := range sample().Diagnostics {
				if !strings.Contains(out.String(), d.ID) && f != report.GitHub {
					t.Errorf("%s is not in the output", d.ID)
				}
			}
		})
	}
}

func TestColoursSurroundWhatTheyMean(t *testing.T) {
	r := sample()
	r.Colour = true
	var out bytes.Buffer
	if err := r.Write(&out, report.Text); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "testdata/sample.colour", out.Bytes())
}

func TestNothingFoundIsSilenceForPeopleAndAnEmptyListForTools(t *testing.T) {
	r := &report.Report{Files: []string{"k"}}
	for f, want := range map[report.Format]string{report.Text: "", report.GitHub: ""} {
		var out bytes.Buffer
		if err := r.Write(&out, f); err != nil || out.String() != want {
			t.Errorf("%s: %q, %v; want %q", f, out.String(), err, want)
		}
	}
	for _, f := range []report.Format{report.JSON, report.SARIF} {
		var out bytes.Buffer
		if err := r.Write(&out, f); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(out.Bytes()) || strings.Contains(out.String(), "null") {
			t.Errorf("%s is no JSON with empty lists:\n%s", f, out.String())
		}
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestReportsThatCanNotBeWritten(t *testing.T) {
	if err := sample().Write(brokenPipe{}, report.Text); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want closed pipe", err)
	}
	if err := sample().Write(io.Discard, "xml"); err == nil || err.Error() != `report format "xml": must be text, json, sarif or github` {
		t.Errorf("error %v", err)
	}
}

// TestTheMarkIsAsWideAsTheWord: also where the line has tabs, quotes, braces and
// characters of several octets.
func TestTheMarkIsAsWideAsTheWord(t *testing.T) {
	tests := map[string]struct {
		line string
		col  int32
		want string
	}{
		"a word":                       {"abc def", 5, "    ^~~"},
		"the last character":           {"a b", 3, "  ^"},
		"a quoted word with blanks":    {`a "b c" d`, 3, "  ^~~~~"},
		"an open quote":                {`a "b c`, 3, "  ^~~~"},
		"a word before a brace":        {"abc{", 1, "^~~"},
		"the brace itself":             {"abc{", 4, "   ^"},
		"behind a tab":                 {"\tabc", 2, "\t^~~"},
		"characters of several octets": {"ä öüß x", 3, "  ^~~"},
		"behind the end":               {"ab", 9, "  ^"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := kconf.At("k", 1, 1)
			p.Col = tt.col
			r := &report.Report{Source: func(kconf.Pos) string { return tt.line }, Diagnostics: []kconf.Diagnostic{{Pos: p, Message: "m"}}}
			var out bytes.Buffer
			if err := r.Write(&out, report.Text); err != nil {
				t.Fatal(err)
			}
			if got := strings.Split(out.String(), "\n")[2]; got != tt.want {
				t.Errorf("mark %q, want %q", got, tt.want)
			}
		})
	}
}
