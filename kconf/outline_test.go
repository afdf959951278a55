package kconf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

// outlined prints statements on one line as flat does, blocks that are open at
// the end with "...".
func outlined(nodes []*kconf.Node) string {
	var parts []string
	for _, n := range nodes {
		var list []string
		for _, w := range n.Words {
			if w.Quoted {
				w.Text = `"` + w.Text + `"`
			}
			list = append(list, w.Text)
		}
		part := strings.Join(list, " ")
		switch {
		case n.Open >= 0 && n.Close < 0:
			part += " {" + outlined(n.Block) + "..."
		case n.Open >= 0:
			part += " {" + outlined(n.Block) + "}"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " | ")
}

func TestOutlineIsWhatIsWritten(t *testing.T) {
	tests := map[string]struct{ in, want, other string }{
		"statements and blocks":         {"a b {\n c \"d e\" { }\n}\nf", `a b {c "d e" {}} | f`, ""},
		"an open block":                 {"a {\n b", "a {b...", ""},
		"an open quote":                 {"a \"b c\nd", `a "b c" | d`, ""},
		"a brace too many":              {"a }\nb {", "a | b {...", ""},
		"a block without keyword":       {"{ a }", " {a}", ""},
		"a second block":                {"a { b } { c }", "a {b} |  {c}", ""},
		"the top level ends open ones":  {"top A {\n x {\ntop B {\n y", "top A {x {...... | top B {y...", ""},
		"not where it is data":          {"a {\n top\n}", "a {top}", ""},
		"comments are none":             {"a # {\n!b", "a", "comment # {, comment !b"},
		"typographic spaces are blanks": {"a\u00a0b {\n\u00a0c\u2003d\u00a0\n}", "a b {c d}", ""},
		"a condition is left out":       {"@x a {\n@^x }", "a {}", ""},
		"a definition":                  {"$A=  b c # d\n$A", "$A", "comment # d, A=b c"},
		"one of several lines":          {"$A=b \\\n# c\n d { \\\n }\ne", "e", "comment # c, A=b\nd {\n}"},
		"one that a blank line ends":    {"$A=b \\\n\nc", "c", "A=b"},
		"behind a brace":                {"a { $A=b }\n}", "a {}", "A=b }"},
		"a repetition":                  {"~SEQ(N, 1, 2) a $N { b }", "a $N {b}", "N=1, 2"},
		"within each other":             {"~SEQ(N, 2) ~LST({A,B}, {1,2}) a", "a", "N=2, A={1,2}, B={1,2}"},
		"a repetition that is open":     {"~SEQ(N, 2 a", "~SEQ(N, 2 a", ""},
		"include statements":            {"include a {b}\nincluded {\n  includer  x\n}", "included {}", "include a {b}, include x"},
		"a name in braces":              {"a ${B} {\n${C}\n}", "a ${B} {${C}}", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := kconf.ReadOutline(tt.in, []string{"top"})
			if got := outlined(o.Stmts); got != tt.want {
				t.Errorf("read %s\nwant %s", got, tt.want)
			}
			var other []string
			for _, c := range o.Comments {
				other = append(other, "comment "+tt.in[c.From:c.To])
			}
			for _, inc := range o.Includes {
				other = append(other, "include "+inc.Pattern)
			}
			for _, d := range o.Defines {
				other = append(other, d.Name+"="+d.Value)
				if at := tt.in[d.From:d.To]; strings.TrimPrefix(at, "$") != d.Name {
					t.Errorf("%s is said to be at %q", d.Name, at)
				}
			}
			if d := cmp.Diff(tt.other, strings.Join(other, ", ")); d != "" {
				t.Errorf("others (-want +got):\n%s", d)
			}
		})
	}
}

func TestOutlineHasALimitedDepth(t *testing.T) {
	o := kconf.ReadOutline(strings.Repeat("a{", 70)+"b"+strings.Repeat("}", 6)+"c"+strings.Repeat("}", 64)+"d", nil)
	n, depth := o.Stmts[0], 1
	for ; n.Block[0].Open >= 0; n = n.Block[0] {
		depth++
	}
	// The six blocks further in are statements without block.
	if got, want := outlined(n.Block), "a | a | a | a | a | a | b | c"; depth != 64 || got != want {
		t.Errorf("%d blocks inside each other, %s in the last, want %s", depth, got, want)
	}
	if got := outlined(o.Stmts[1:]); got != "d" {
		t.Errorf("behind them %s, want d", got)
	}
}

// In every text | is where one looks.
func TestOutlineKnowsWhatIsAroundAPlace(t *testing.T) {
	tests := map[string]struct{ in, block, stmt string }{
		"in a keyword":             {"a {\n b|c d\n}", "a", "bc"},
		"before it":                {"a {\n |bc d\n}", "a", "bc"},
		"behind the last word":     {"a {\n bc d|\n}", "a", "bc"},
		"behind a blank":           {"a {\n bc d |\n}", "a", ""},
		"on an empty line":         {"a {\n bc\n|\n}", "a", ""},
		"at the closing brace":     {"a {\n bc\n|}", "a", ""},
		"behind it":                {"a {\n bc\n}|", "", ""},
		"between word and brace":   {"a | {\n bc\n}", "", ""},
		"at the brace":             {"a {|\n bc\n}", "a", ""},
		"at the beginning":         {"|\na", "", ""},
		"in an open block":         {"a {\n b {\n c\n|", "b", ""},
		"behind an open block":     {"top a {\n b {\n c\ntop d {\n e|\n", "top", "e"},
		"in the block before it":   {"top a {\n b {\n c|\ntop d {\n e\n", "b", "c"},
		"in a block without words": {"{ a|\n", "", "a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before, after, _ := strings.Cut(tt.in, "|")
			block, stmt := kconf.ReadOutline(before+after, []string{"top"}).At(len(before))
			first := func(n *kconf.Node) string {
				if n == nil || len(n.Words) == 0 {
					return ""
				}
				return n.Words[0].Text
			}
			if first(block) != tt.block || first(stmt) != tt.stmt {
				t.Errorf("in block %q, statement %q, want %q and %q", first(block), first(stmt), tt.block, tt.stmt)
			}
		})
	}
}

func TestIncludedFiles(t *testing.T) {
	files := kconf.Memory{"/d/a.conf": "", "/d/b.conf": "", "/d/.c.conf": "", "/e": ""}
	for pattern, want := range map[string]string{"*.conf": "[/d/a.conf /d/b.conf]", "/e": "[/e]", "{b,a,x}.conf": "[/d/b.conf /d/a.conf]", "f": "[]"} {
		if got := fmt.Sprint(kconf.IncludedFiles(files, "/d", pattern)); got != want {
			t.Errorf("%s names %s, want %s", pattern, got, want)
		}
	}
}

func FuzzOutline(f *testing.F) {
	for _, seed := range []string{"a { b \"c\" # d\n}\n", "~SEQ(A,9) ~LST({B,C},{1,2},3) x$A${B} {\n}}", "top {\n$A=b \\\n# c\ntop x {{\ninclude y", "~LST(,) ~SEQ(", "a\u00a0\"\u2003{"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, in string, at int) {
		o := kconf.ReadOutline(in, []string{"top"})
		o.At(at)
		var walk func(list []*kconf.Node, parent *kconf.Node)
		walk = func(list []*kconf.Node, parent *kconf.Node) {
			for _, n := range list {
				if n.Parent != parent || n.From > n.To || n.To > len(in) || n.Open >= len(in) || n.Close >= 0 && n.Close < n.Open {
					t.Errorf("statement %+v", n)
				}
				for _, w := range n.Words {
					if w.From >= w.To || w.From < n.From || w.To > n.To || !strings.Contains(in[w.From:w.To], w.Text) {
						t.Errorf("word %+v of %+v", w, n)
					}
				}
				walk(n.Block, n)
			}
		}
		walk(o.Stmts, nil)
		for _, d := range o.Defines {
			_ = in[d.From:d.To]
		}
		for _, i := range o.Includes {
			_ = in[i.From:i.To]
		}
	})
}
