package kconf_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

type scripts struct {
	Notify *kconf.Script
	Check  *kconf.Script
}

var scriptWords = kconf.Vocabulary[scripts]{
	{Name: "notify", Set: kconf.ScriptLine(func(c *scripts) **kconf.Script { return &c.Notify })},
	{Name: "script", Set: kconf.Command(func(c *scripts) **kconf.Script { return &c.Check })},
}

func TestScriptStrings(t *testing.T) {
	tests := map[string]struct {
		in          string
		argv        []string
		user, group string
		diags       string
	}{
		"a program":                         {`notify /bin/x`, []string{"/bin/x"}, "", "", ""},
		"user and group":                    {`notify /bin/x nobody nogroup`, []string{"/bin/x"}, "nobody", "nogroup", ""},
		"arguments in quotes":               {`notify "/bin/x a  b" root`, []string{"/bin/x", "a", "b"}, "root", "", ""},
		"quotes within, escaped and single": {`notify "/x 'a b' \"c d\" e\ f"`, []string{"/x", "a b", `"c`, `d"`, "e f"}, "", "", ""},
		"single quotes outside":             {`notify '/x "a b"'`, []string{"/x", "a b"}, "", "", ""},
		"quotes touch other text":           {`notify /x" a"b' c'`, []string{"/x", "ab", "c"}, "", "", ""},
		"escapes":                           {`notify "/x \t\x41\101\e\cA"`, []string{"/x", "\tAAe\x01"}, "", "", ""},
		"hexadecimal has at most two":       {`notify "/x \x414"`, []string{"/x", "A4"}, "", "", ""},
		"an empty argument":                 {`notify "/x '' b"`, []string{"/x", "", "b"}, "", "", ""},
		"a hash in quotes":                  {`notify "/x #1"`, []string{"/x", "#1"}, "", "", ""},
		"an undefined name is literal":      {`notify "/x $HOME"`, []string{"/x", "$HOME"}, "", "", ""},
		"script wants one word":             {`script /bin/x a b`, []string{"/bin/x"}, "", "", "1:1: note: script: a and what follows is ignored"},
		"no command":                        {`notify`, nil, "", "", "1:1: notify: wants one argument, has 0"},
		"an empty command":                  {`notify ""`, nil, "", "", `1:8: warning: notify "": no command, nothing is run`},
		"nothing but blanks":                {`notify "  "`, nil, "", "", `1:8: warning: notify "  ": no command, nothing is run`},
		"an empty check":                    {`script ""`, nil, "", "", `1:8: script "": no command`},
		"a check that is not there":         {`script`, nil, "", "", "1:1: script: wants one argument, has 0"},
		"quote not closed":                  {`notify "/x y`, nil, "", "", "1:1: notify: quote is not closed"},
		"inner quote not closed":            {`notify "/x 'y"`, nil, "", "", "1:8: notify \"/x 'y\": quote is not closed"},
		"no hexadecimal digit":              {`notify "/x \xg"`, nil, "", "", `1:8: notify "/x \xg": \x wants a hexadecimal digit`},
		"too many words":                    {`notify /x u g h`, []string{"/x"}, "u", "g", "1:1: note: notify: h and what follows is ignored"},
		"the first one counts":              {"notify /x\nnotify /y", []string{"/x"}, "", "", "2:1: notify: given before, the first one counts (see k.conf:1:8)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, ds := kconf.ParseString("k.conf", tt.in, kconf.Options{})
			var c scripts
			scriptWords.Decode(&kconf.Ctx{Diags: ds}, &c, f.Stmts)
			sc := c.Notify
			if sc == nil {
				sc = c.Check
			}
			if sc == nil {
				sc = &kconf.Script{}
			}
			if d := cmp.Diff(tt.argv, sc.Argv); d != "" || sc.User != tt.user || sc.Group != tt.group {
				t.Errorf("user %q, group %q, want %q, %q; arguments (-want +got):\n%s", sc.User, sc.Group, tt.user, tt.group, d)
			}
			if got := messages(ds); got != tt.diags {
				t.Errorf("said %s\nwant %s", got, tt.diags)
			}
		})
	}
}

// What keepalived 2.2.7 says to the same lines decides --config-test.
func TestClassesOfScriptMistakes(t *testing.T) {
	tests := map[string]struct {
		in   string
		want kconf.Class
	}{
		"a quote that is not closed":      {`notify "/x`, kconf.ClassUnmatchedQuote},
		"a hook without its word":         {"notify", kconf.ClassMissingParameter},
		"a hook that runs nothing":        {`notify ""`, kconf.ClassNone}, // only logged
		"a check without its word":        {"script", kconf.ClassGeneral},
		"a check that runs nothing":       {`script ""`, kconf.ClassGeneral},
		"a second hook":                   {"notify /x\nnotify /y", kconf.ClassGeneral},
		"words that nobody looks at":      {"script /x y", kconf.ClassNone},
		"an escape that can not be read":  {`notify "/x \x"`, kconf.ClassGeneral},
		"a quote that opens in the words": {`notify "/x 'y"`, kconf.ClassGeneral},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, ds := kconf.ParseString("k.conf", tt.in, kconf.Options{})
			scriptWords.Decode(&kconf.Ctx{Diags: ds}, &scripts{}, f.Stmts)
			if ds.Worst() != tt.want {
				t.Errorf("class %d, want %d; said %s", ds.Worst(), tt.want, messages(ds))
			}
		})
	}
}

func FuzzSplitCommand(f *testing.F) {
	f.Add(`/x 'a b' "c\"d" \x41 \101`)
	f.Fuzz(func(t *testing.T, s string) {
		argv, err := kconf.SplitCommand(s)
		if err == nil && (len(argv) == 0 || argv[0] == "") {
			t.Errorf("%q: no program and no error", s)
		}
		if total := len(strings.Join(argv, "")); total > len(s) {
			t.Errorf("%q: %d octets out of %d", s, total, len(s))
		}
	})
}
