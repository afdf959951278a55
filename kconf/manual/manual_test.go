package manual_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"holdfast/internal/golden"
	"holdfast/kconf"
	"holdfast/kconf/manual"
)

type leaf struct {
	delay time.Duration
	on    bool
	name  string
}

type tree struct{ leaf leaf }

var leafKeywords = kconf.Vocabulary[leaf]{
	{Name: "delay_loop", Args: "SECONDS", Default: "60", Since: "1.3.7", Doc: "Time between two runs.",
		Set: kconf.Seconds(func(c *leaf) *time.Duration { return &c.delay }, time.Second, time.Minute, 6)},
	{Name: "alpha", Aliases: []string{"beta"}, Args: "[BOOL]", Default: "off", Doc: "Down until checked <first>.", Status: kconf.NotYet,
		Set: kconf.Bool(func(c *leaf) *bool { return &c.on })},
	{Name: "old_name", Args: "A|B", Doc: "'quoted' at the beginning.", Deprecated: "write name", Set: kconf.String(func(c *leaf) *string { return &c.name })},
}

func open() kconf.Setter[tree] {
	return kconf.Block(leafKeywords, func(_ *kconf.Ctx, c *tree, _ *kconf.Stmt) *leaf { return &c.leaf })
}

var root = kconf.Vocabulary[tree]{
	{Name: "first_block", Args: "NAME { ... }", Doc: "The one.", Set: open()},
	{Name: "second_block", Args: "{ ... }", Doc: ".The other, which begins with a dot.", Set: open()},
	{Name: "lonely", Doc: "A flag -- nothing else.", Set: kconf.Flag(func(c *tree) *bool { return &c.leaf.on }, true)},
}

func TestReferenceAndManualPageHaveEveryRow(t *testing.T) {
	md := manual.Markdown(root)
	golden.Equal(t, "testdata/small.md", md)
	man := manual.Man(root, manual.Page{Name: "small.conf", Section: 5, Date: "2026-11-27", Source: "holdfast", Summary: "a sample", SeeAlso: []string{"holdfast(8)"}})
	golden.Equal(t, "testdata/small.5", man)
	for _, e := range manual.All(root) {
		if !bytes.Contains(md, []byte("`"+e.Name)) || !bytes.Contains(man, []byte(`\fB`+strings.ReplaceAll(e.Name, "-", `\-`))) {
			t.Errorf("%s is missing", e.Name)
		}
	}
}

// TestTheFormatterUnderstandsThePage asks the program that man(1) uses.
func TestTheFormatterUnderstandsThePage(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("needs groff")
	}
	cmd := exec.Command(groff, "-man", "-Tascii", "-ww", "-z")
	cmd.Stdin = bytes.NewReader(manual.Man(root, manual.Page{Name: "small.conf", Section: 5}))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}

func TestExplain(t *testing.T) {
	tests := map[string]struct {
		word, block string
		want, err   string
	}{
		"the same in two blocks": {word: "delay_loop", want: `delay_loop SECONDS
  in:       first_block, second_block
  accepts:  DEC6 s, 1..60
  default:  60
  since:    1.3.7
  Time between two runs.
`},
		"by its other name, in one block": {word: "beta", block: "second_block", want: `alpha [BOOL]
  in:       second_block
  accepts:  BOOL, true on yes or false off no
  default:  off
  Down until checked <first>.
  Also written beta.
  Read and checked, but without effect yet.
`},
		"a block": {word: "first_block", want: `first_block NAME { ... }
  in:       the top level
  accepts:  block
  contains: delay_loop alpha old_name
  The one.
`},
		"a typo":           {word: "delay_lop", err: "explain delay_lop: unknown keyword; did you mean delay_loop?"},
		"nothing like it":  {word: "zzzzzzzz", err: "explain zzzzzzzz: unknown keyword"},
		"in another block": {word: "alpha", block: "third", err: "explain alpha: not a keyword of third; it stands in first_block, second_block"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := manual.Explain(&out, root, tt.word, tt.block)
			if out.String() != tt.want {
				t.Errorf("got\n%swant\n%s", out.String(), tt.want)
			}
			if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}
