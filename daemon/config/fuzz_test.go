package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/daemon/config"
	"holdfast/daemon/config/configtest"
	"holdfast/kconf"
	"holdfast/kconf/manual"
)

// everyKeyword is a text in which each keyword stands once at its place, with
// arguments that fit some of them.
func everyKeyword(args string) string {
	var b strings.Builder
	var walk func(v kconf.Vocab, depth int)
	walk = func(v kconf.Vocab, depth int) {
		for _, d := range v.Docs() {
			b.WriteString(strings.Repeat(" ", depth) + d.Name + " " + args)
			if d.Block != nil {
				b.WriteString(" {\n")
				walk(d.Block, depth+1)
				b.WriteString("}")
			}
			b.WriteByte('\n')
		}
	}
	walk(config.RootVocabulary(), 0)
	return b.String()
}

// FuzzUnderstand: whatever is written, the answer is a configuration and a list of
// mistakes, never a panic, and what the parent understands its children decode.
func FuzzUnderstand(f *testing.F) {
	names, err := filepath.Glob("../../examples/*/*.conf")
	if err != nil || len(names) == 0 {
		f.Fatalf("no examples: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, args := range []string{"", "1", "x", "10.0.0.1", "1 2 3 4", "10.0.0.1 80", "eth0 1", "-1", "\"\"", "fe80::1/64 dev eth0"} {
		f.Add(everyKeyword(args))
	}
	f.Add(configtest.Router() + configtest.Second() + configtest.Balancer())
	f.Fuzz(func(t *testing.T, text string) {
		opt := config.LoadOptions{ConfigID: "node"}.Parsing()
		opt.FS, opt.MaxGenerated = kconf.Memory{}, 1000
		file, diags := kconf.ParseString("k.conf", text, opt)
		l, err := config.Understand(file, diags, config.Environment{Links: configtest.TwoLinks()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.Decode(l.Encoded, nil); err != nil {
			t.Errorf("a child cannot read it: %v", err)
		}
	})
}

// TestEveryKeywordSurvivesEveryKindOfArgument runs the seeds that matter most
// where nobody fuzzes.
func TestEveryKeywordSurvivesEveryKindOfArgument(t *testing.T) {
	for _, args := range []string{"", "1", "x", "x y z", "10.0.0.1 80 a b", "fe80::1", "-1 -1", "\"\" \"\"", "99999999999999999999"} {
		l := configtest.Understood(t, everyKeyword(args))
		if args == "" && len(l.Diagnostics.All()) < 100 {
			t.Errorf("only %d mistakes in a file of keywords without arguments", len(l.Diagnostics.All()))
		}
	}
	if n := len(manual.All(config.RootVocabulary())); n < 500 {
		t.Errorf("%d keywords only", n)
	}
}
