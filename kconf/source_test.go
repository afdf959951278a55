package kconf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/kconf"
)

// The matrix of observed exit statuses: which include fails the program over
// which mistake. Columns: include r m w b a.
func TestIncludeProblemsAreFatalAsChecked(t *testing.T) {
	files := kconf.Memory{"/etc/k/one": "one\n", "/etc/k/two": "two\n"}
	tests := map[string]struct {
		pattern string
		fatal   string // one letter per kind of include: . not fatal, X fatal
		read    string // what is read, likewise: 1 one, 2 both, . nothing
	}{
		"literal that is there":      {"one", "......", "111111"},
		"literal that is missing":    {"missing", "..XX.X", "......"},
		"wildcard without a match":   {"no*", "...X.X", "......"},
		"wildcard with matches":      {"???", "......", "222222"},
		"alternatives, one missing":  {"{one,missing}", "....XX", "1111.."},
		"alternatives, both missing": {"{no,missing}", "....XX", "......"},
		"alternatives, both there":   {"{one,two}", "......", "222222"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var fatal, read string
			for _, suffix := range []string{"", "r", "m", "w", "b", "a"} {
				f, ds := kconf.ParseString("/etc/k/k.conf", "include"+suffix+" "+tt.pattern, kconf.Options{FS: files})
				fatal += map[bool]string{true: "X", false: "."}[ds.Fatal()]
				read += map[string]string{"": ".", "one": "1", "one | two": "2"}[flat(f.Stmts)]
				if ds.Fatal() && ds.Worst() != kconf.ClassFileNotFound {
					t.Errorf("include%s: class %d, want %d", suffix, ds.Worst(), kconf.ClassFileNotFound)
				}
				if want := map[bool]int{true: 6, false: 0}[ds.Fatal()]; ds.TestStatus() != want {
					t.Errorf("include%s: status %d, want %d", suffix, ds.TestStatus(), want)
				}
			}
			if fatal != tt.fatal || read != tt.read {
				t.Errorf("fatal %s, read %s; want %s, %s", fatal, read, tt.fatal, tt.read)
			}
		})
	}
}

func TestIncludes(t *testing.T) {
	files := kconf.Memory{
		"/etc/k/vips":             "192.0.2.1\n192.0.2.2\n",
		"/etc/k/open":             "a {\n",
		"/etc/k/close":            "}\n",
		"/etc/k/self":             "x\ninclude self\ny\n",
		"/etc/k/d/1.conf":         "one\ninclude more/2.conf\n",
		"/etc/k/d/more/2.conf":    "two ${_PWD}\n$V=3\n",
		"/etc/k/d/.hidden.conf":   "hidden\n",
		"/etc/k/check/on.conf":    "global_defs {\ninclude_check match\n}\ninclude nothing1\n",
		"/etc/k/check/extra.conf": "global_defs {\ninclude_check +brace_match -match\n}\ninclude nothing2\ninclude {no,thing}\n",
		"/etc/k/a[b]":             "literal\n",
	}
	tests := map[string]lexisTest{
		"inside a block":                                 {"v {\ninclude vips\n}", "v {192.0.2.1 | 192.0.2.2}", ""},
		"opening and closing blocks":                     {"include open\nb\ninclude close", "a {b}", ""},
		"relative to the including file":                 {"include d/*.conf\nthree ${V}", "one | two /etc/k/d/more | three 3", ""},
		"a wildcard spares hidden files":                 {"include d/*n*.conf", "", ""},
		"unless it begins with a dot":                    {"include d/.h*.conf", "hidden", ""},
		"name from a definition":                         {"$D=/etc/k\ninclude ${D}/vips", "192.0.2.1 | 192.0.2.2", ""},
		"under a condition":                              {"@x include vips\n@^x include vips", "192.0.2.1 | 192.0.2.2", ""},
		"comment behind the name":                        {"include vips # addresses", "192.0.2.1 | 192.0.2.2", ""},
		"without a name":                                 {"include", "include", ""},
		"with another suffix":                            {"includez vips", "includez vips", ""},
		"quotes are part of the name":                    {`include "vips"`, "", `/etc/k/k.conf:1:1: warning: include /etc/k/"vips": no such file`},
		"a file that includes itself":                    {"include self", "x | y", "/etc/k/self:2:1: include /etc/k/self: this file is being read already (included at /etc/k/k.conf:1:1)"},
		"a brace too many in the same line of two files": {"}\ninclude close", "", "/etc/k/k.conf:1:1: } closes nothing\n/etc/k/close:1:1: } closes nothing (included at /etc/k/k.conf:2:1)"},
		"the main file again":                            {"a\ninclude k.conf", "a", "/etc/k/k.conf:2:1: include /etc/k/k.conf: this file is being read already"},
		"alternatives within alternatives":               {"include {v{ip,x}s,close}\n", "192.0.2.1 | 192.0.2.2", "/etc/k/k.conf:1:1: warning: include /etc/k/vxs: no such file\n/etc/k/close:1:1: } closes nothing (included at /etc/k/k.conf:1:1)"},
		"include_check ends with its file": {"include check/on.conf\ninclude nothing3", "global_defs {include_check match}",
			"/etc/k/check/on.conf:4:1: include nothing1: no such file (included at /etc/k/k.conf:1:1)\n/etc/k/k.conf:2:1: warning: include /etc/k/nothing3: no such file"},
		"include_check adds and removes": {"global_defs {\ninclude_check match\n}\ninclude check/extra.conf", "global_defs {include_check match} | global_defs {include_check +brace_match -match}",
			"/etc/k/check/extra.conf:4:1: warning: include /etc/k/check/nothing2: no such file (included at /etc/k/k.conf:4:1)\n/etc/k/check/extra.conf:5:1: include {no,thing}: no such file (included at /etc/k/k.conf:4:1)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			files["/etc/k/k.conf"] = tt.in
			f, ds := kconf.ParseFile("/etc/k/k.conf", kconf.Options{FS: files})
			if got := flat(f.Stmts); got != tt.want {
				t.Errorf("read %s\nwant %s", got, tt.want)
			}
			if got := messages(ds); got != tt.diags {
				t.Errorf("said %s\nwant %s", got, tt.diags)
			}
		})
	}
}

// Whatever an include checks beyond the plain one, it checks that what it finds
// can be read.
func TestOnlyThePlainIncludeForgivesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tool"), []byte("tool\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for suffix, fatal := range map[string]bool{"": false, "r": true, "m": true, "w": true, "b": true, "a": true} {
		for _, name := range []string{"folder", "tool"} {
			f, ds := kconf.ParseString(filepath.Join(dir, "k.conf"), "include"+suffix+" "+name+"\nk\n", kconf.Options{})
			if got := flat(f.Stmts); got != "k" || ds.Fatal() != fatal || len(ds.All()) != 1 {
				t.Errorf("include%s %s: read %s, fatal %t, said %s; want k, fatal %t", suffix, name, got, ds.Fatal(), messages(ds), fatal)
			}
		}
	}
}

// include_check: what is written, and which of five includes that can not work
// then end the program: a directory, a missing name, a wildcard without match,
// a missing alternative.
func TestIncludeCheckChoosesWhatIsFatal(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args  string
		fatal string
		says  string
	}{
		"all":                       {"", "XXXX", ""},
		"read":                      {"read", "X...", ""},
		"the manual's word":         {"readable", "....", "include_check readable: must be read, match, wildcard_match or brace_match"},
		"match":                     {"match", ".X..", ""},
		"wildcard_match":            {"wildcard_match", "..X.", ""},
		"brace_match":               {"brace_match", "...X", ""},
		"two":                       {"read match", "XX..", ""},
		"added to nothing":          {"+match +read", "XX..", ""},
		"taken from nothing":        {"-match", "....", ""},
		"a plain word begins anew":  {"match -match read", "X...", ""},
		"again, it begins anew":     {"match\ninclude_check read", "X...", ""},
		"again, with a sign, not":   {"match\ninclude_check +read", "XX..", ""},
		"a word that nobody knows":  {"nonsense", "....", "include_check nonsense: must be read, match, wildcard_match or brace_match"},
		"the others count the same": {"nonsense match", ".X..", "include_check nonsense: must be read, match, wildcard_match or brace_match"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fatal, says := "", ""
			for _, pattern := range []string{"d", "missing", "no*", "{no,nor}"} {
				in := "global_defs {\ninclude_check " + tt.args + "\n}\ninclude " + pattern + "\n"
				_, ds := kconf.ParseString(filepath.Join(dir, "k.conf"), in, kconf.Options{})
				fatal += map[bool]string{true: "X", false: "."}[ds.Fatal()]
				for _, d := range ds.All() {
					if d.ID == "not-one-of" {
						says = d.Message
					}
				}
			}
			if fatal != tt.fatal || says != tt.says {
				t.Errorf("fatal %s, said %q; want %s, %q", fatal, says, tt.fatal, tt.says)
			}
		})
	}
}

func TestIncludeDepthIsLimited(t *testing.T) {
	files := kconf.Memory{}
	for i := range 70 { // each a new file, so this is no cycle
		files["/c/f"+strings.Repeat("x", i)] = "include /c/f" + strings.Repeat("x", i+1)
	}
	_, ds := kconf.ParseFile("/c/f", kconf.Options{FS: files})
	if got, want := len(ds.All()), 1; got != want || ds.All()[0].ID != "include-too-deep" {
		t.Errorf("%d diagnostics, want one include-too-deep: %s", got, messages(ds))
	}
}

func TestMainFile(t *testing.T) {
	files := kconf.Memory{"/c/a.conf": "a {", "/c/b.conf": "b\n}\n"}
	tests := map[string]struct {
		path, want, diags string
		class             kconf.Class
		status            int
	}{
		"is read":            {"/c/b.conf", "b", "/c/b.conf:2:1: } closes nothing", kconf.ClassUnexpectedEOB, 5},
		"missing":            {"/c/no.conf", "", "configuration file /c/no.conf: no such file", kconf.ClassFileNotFound, 4},
		"pattern in order":   {"/c/*.conf", "a {b}", "/c/*.conf: matches 2 files: /c/a.conf, /c/b.conf; they are read in this order", kconf.ClassMultipleFiles, 5},
		"braces name one":    {"/c/{x,b}.conf", "b", "/c/b.conf:2:1: } closes nothing", kconf.ClassUnexpectedEOB, 5},
		"pattern names none": {"/c/*.cnf", "", "configuration file /c/*.cnf: no such file", kconf.ClassFileNotFound, 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, ds := kconf.ParseFile(tt.path, kconf.Options{FS: files})
			if got := flat(f.Stmts); got != tt.want {
				t.Errorf("read %s, want %s", got, tt.want)
			}
			if got := messages(ds); got != tt.diags || ds.Worst() != tt.class || ds.TestStatus() != tt.status {
				t.Errorf("said %s (class %d, status %d)\nwant %s (class %d, status %d)", got, ds.Worst(), ds.TestStatus(), tt.diags, tt.class, tt.status)
			}
		})
	}
}

func TestRealFilesThatAreNotForReading(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("good.conf", "good\n", 0o644)
	write("tool.conf", "tool\n", 0o755)
	write("k.conf", "include *.d\ninclude *ool.conf\ninclude good.conf\n", 0o644)
	if err := os.Mkdir(filepath.Join(dir, "x.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, ds := kconf.ParseFile(filepath.Join(dir, "k.conf"), kconf.Options{})
	if got := flat(f.Stmts); got != "good" {
		t.Errorf("read %s, want good", got)
	}
	got := strings.ReplaceAll(messages(ds), dir, "D")
	want := "D/k.conf:1:1: warning: include D/x.d: is a directory, not read\n" +
		"D/k.conf:2:1: warning: include D/tool.conf: is executable, not read"
	if got != want || ds.TestStatus() != 0 {
		t.Errorf("said %s (status %d)\nwant %s (status 0)", got, ds.TestStatus(), want)
	}
	if _, ds = kconf.ParseFile(filepath.Join(dir, "k.conf"), kconf.Options{IncludeChecks: kconf.CheckAll}); ds.TestStatus() != 6 {
		t.Errorf("with all checks: status %d, want 6", ds.TestStatus())
	}
	if _, ds = kconf.ParseFile(filepath.Join(dir, "tool.conf"), kconf.Options{}); messages(ds) != "configuration file "+dir+"/tool.conf: is executable" {
		t.Errorf("executable main file: said %s", messages(ds))
	}
}
