package kconf_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"holdfast/kconf"
)

func TestConfigTestStatus(t *testing.T) {
	d := func(c kconf.Class) kconf.Diagnostic { return kconf.Diagnostic{Severity: kconf.Error, Class: c} }
	fatal := kconf.Diagnostic{Severity: kconf.Error, Class: kconf.ClassFileNotFound, Fatal: true}
	tests := map[string]struct {
		diags []kconf.Diagnostic
		want  int
	}{
		"nothing said":                        {nil, 0},
		"notes and warnings without class":    {[]kconf.Diagnostic{{}, {Severity: kconf.Warning}}, 0},
		"file not found":                      {[]kconf.Diagnostic{d(kconf.ClassFileNotFound)}, 4},
		"unknown interface":                   {[]kconf.Diagnostic{d(kconf.ClassBadInterface)}, 4},
		"interface that must exist":           {[]kconf.Diagnostic{d(kconf.ClassFatal)}, 4},
		"several main files":                  {[]kconf.Diagnostic{d(kconf.ClassMultipleFiles)}, 5},
		"the highest class decides":           {[]kconf.Diagnostic{d(kconf.ClassUnknownKeyword), d(kconf.ClassFatal)}, 5},
		"a warning with a class":              {[]kconf.Diagnostic{{Severity: kconf.Warning, Class: kconf.ClassDeprecated}}, 5},
		"script security hides the rest":      {[]kconf.Diagnostic{d(kconf.ClassSecurity), d(kconf.ClassGeneral)}, 6},
		"a missing argument ends it at once":  {[]kconf.Diagnostic{d(kconf.ClassSecurity), d(kconf.ClassMissingParameter)}, 2},
		"an include that had to work":         {[]kconf.Diagnostic{fatal}, 6},
		"an include comes before an argument": {[]kconf.Diagnostic{d(kconf.ClassMissingParameter), fatal}, 6},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var ds, all kconf.Diagnostics
			for _, d := range tt.diags {
				ds.Add(d)
			}
			all.Append(&ds)
			if got := all.TestStatus(); got != tt.want {
				t.Errorf("status %d, want %d", got, tt.want)
			}
		})
	}
}

func TestCaretStandsBelowItsColumn(t *testing.T) {
	at := func(col int) kconf.Diagnostic {
		return kconf.Diagnostic{Pos: kconf.At("k", 1, col), Severity: kconf.Error, Message: "m", Hint: "h"}
	}
	tests := map[string]struct {
		d    kconf.Diagnostic
		line string
		want string
	}{
		"first column":                  {at(1), "ab", "k:1:1: m; h\nab\n^\n"},
		"behind a tab":                  {at(3), "\ta b", "k:1:3: m; h\n\ta b\n\t ^\n"},
		"characters of several octets":  {at(3), "\u043e\u0434x", "k:1:3: m; h\n\u043e\u0434x\n  ^\n"},
		"a column beyond the line":      {at(9), "ab", "k:1:9: m; h\nab\n  ^\n"},
		"a line that is not known":      {at(1), "", "k:1:1: m; h\n"},
		"a message that has no place":   {kconf.Diagnostic{Severity: kconf.Warning, Message: "m"}, "ab", "warning: m\n"},
		"severity stands in front of m": {kconf.Diagnostic{Pos: kconf.At("k", 1, 2), Message: "m"}, "ab", "k:1:2: note: m\nab\n ^\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := kconf.Caret(tt.d, tt.line); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestReportShowsSourceLines(t *testing.T) {
	files := kconf.Memory{"/k": "a\r\nb }\r\n"}
	_, ds := kconf.ParseFile("/k", kconf.Options{FS: files})
	ds.Add(kconf.Diagnostic{Pos: kconf.At("/gone", 1, 1), Message: "m"})
	ds.Add(kconf.Diagnostic{Pos: kconf.At("/k", 99, 1), Message: "n"})
	var b strings.Builder
	if err := kconf.Report(&b, ds, kconf.SourceLines(files)); err != nil {
		t.Fatal(err)
	}
	if want := "/k:2:3: } closes nothing\nb }\n  ^\n/gone:1:1: note: m\n/k:99:1: note: n\n"; b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if err := kconf.Report(brokenPipe{}, ds, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want closed pipe", err)
	}
}

func TestPrintedPlaces(t *testing.T) {
	if got := (kconf.Pos{}).String(); got != "-" {
		t.Errorf("no place prints as %q, want -", got)
	}
	if got := (&kconf.Script{Argv: []string{"/x", "a b"}}).String(); got != "'/x' 'a b'" {
		t.Errorf("script prints as %s", got)
	}
	if got := (*kconf.Script)(nil).String(); got != "" {
		t.Errorf("no script prints as %q", got)
	}
}
