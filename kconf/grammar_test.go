package kconf_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/kconf"
)

var update = flag.Bool("update", false, "write testdata/*.tree and *.diag")

// Second witness of pair, balancer, definitions and quotes: with the top-level
// keywords misspelt, keepalived 2.2.7 complains about the same first words in
// the same order and lines. The others are mistakes that it reads differently.
func TestTestdata(t *testing.T) {
	names, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(names) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			f, ds := kconf.ParseFile(name, kconf.Options{ConfigID: "lb1", TopLevel: []string{"vrrp_instance"}})
			var b strings.Builder
			tree(&b, f.Stmts, "")
			golden(t, strings.TrimSuffix(name, "conf")+"tree", b.String())
			golden(t, strings.TrimSuffix(name, "conf")+"diag", report(t, ds))
		})
	}
}

func report(t *testing.T, ds *kconf.Diagnostics) string {
	t.Helper()
	var b strings.Builder
	if err := kconf.Report(&b, ds, kconf.SourceLines(kconf.OS{})); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func TestPositionsAreThoseOfThePhysicalFile(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"every word":                       {"  a  bc d", "1:3 1:6 1:9"},
		"a quoted word begins at its mark": {`a "b c" d`, "1:1 1:3 1:9"},
		"columns count characters":         {"\u043e\u0434\u0438\u043d \u0434\u0432\u0430 x", "1:1 1:6 1:10"},
		"a tab is one character":           {"\ta\tb", "1:2 1:4"},
		"behind a condition":               {"@ \n@^ a b", "2:4 2:6"},
		"behind an escaped hash":           {`a\#b c`, "1:1 1:6"},
		"behind a substitution":            {"$V=a long value\nx ${V} y $V z", "2:1 2:3 2:3 2:3 2:8 2:10 2:10 2:10 2:13"},
		"within a name":                    {"$V=v\nab${V}cd e", "2:1 2:10"},
		"behind a multi-byte substitution": {"$V=\u00e9\n\u00e9 ${V} z", "2:1 2:3 2:8"},
		"of a repetition":                  {"~SEQ(A,1) s $A t", "1:11 1:13 1:16"},
		"behind a byte order mark":         {"\ufeffa b", "1:1 1:3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, _ := kconf.ParseString("k.conf", tt.in, kconf.Options{})
			var got []string
			for _, s := range f.Stmts {
				for _, w := range s.Words {
					got = append(got, fmt.Sprintf("%d:%d", w.Pos.Line, w.Pos.Col))
				}
			}
			if got := strings.Join(got, " "); got != tt.want {
				t.Errorf("words stand at %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRawLineIsWithoutCommentAndSubstituted(t *testing.T) {
	f, _ := kconf.ParseString("k.conf", "$P=/bin\n  script  \"${P}/x  'a b'\" \\#1 # note\n", kconf.Options{})
	if got, want := f.Stmts[0].Raw, `script  "/bin/x  'a b'" #1`; got != want {
		t.Errorf("raw line %q, want %q", got, want)
	}
}

// printed writes statements so that they read back as they are.
func printed(stmts []*kconf.Stmt) string {
	var b strings.Builder
	for _, s := range stmts {
		for _, w := range s.Words {
			fmt.Fprintf(&b, "\"%s\" ", w.Text)
		}
		if s.HasBlock {
			b.WriteString("{\n" + printed(s.Block) + "}")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestPrintedStatementsReadBack(t *testing.T) {
	word := rapid.StringMatching(`[^"$\x00\r\n\x{1680}\x{2000}-\x{200b}\x{202f}\x{205f}\x{2060}\x{3000}\x{feff}\x{a0}]{0,12}`)
	var stmts func(depth int) *rapid.Generator[[]*kconf.Stmt]
	stmts = func(depth int) *rapid.Generator[[]*kconf.Stmt] {
		return rapid.Custom(func(t *rapid.T) []*kconf.Stmt {
			var list []*kconf.Stmt
			for range rapid.IntRange(0, 4).Draw(t, "statements") {
				s := &kconf.Stmt{HasBlock: depth < 3 && rapid.Bool().Draw(t, "block")}
				for _, text := range rapid.SliceOfN(word, 1, 4).Draw(t, "words") {
					s.Words = append(s.Words, kconf.Word{Text: text, Quoted: true})
				}
				if s.HasBlock {
					s.Block = stmts(depth+1).Draw(t, "inner")
				}
				list = append(list, s)
			}
			return list
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		want := stmts(0).Draw(t, "tree")
		f, ds := kconf.ParseString("k.conf", printed(want), kconf.Options{})
		if got := flat(f.Stmts); got != flat(want) || len(ds.All()) > 0 {
			t.Fatalf("read %s\nwant %s\nsaid %s", got, flat(want), messages(ds))
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a { b \"c\" # d\n}\n", "$A=${B}\n$B=${A} \\\nx\n$A\n", "~SEQ(A,9) ~LST({B,C},{1,2},3) x$A${B} {\n", "@a x\n@^a {",
		"include k.conf\nincluder {a,{b,c}}*[x\n", "a\u00a0b\ufeff\x00\n\"", "}}}{{{", "${_RANDOM 1 9}${_ENV A}${_HASH}\"${_BANG}\\#",
		"$A=${A}${A}\n${A}", "~SEQ(A,99999999) $A", "script \"a\nglobal_defs { include_check +read -x\n}", "$A=$B\\\n\n$A",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		files := kconf.Memory{"/k.conf": in, "/b": "b {\n"}
		opt := kconf.Options{ConfigID: "a", FS: files, MaxGenerated: 500, TopLevel: []string{"a"}}
		tree, ds := kconf.ParseFile("/k.conf", opt)
		_ = report(t, ds)
		for _, s := range tree.Stmts {
			if len(s.Words) == 0 || !s.Pos().IsValid() {
				t.Fatalf("statement without words or place: %+v", s)
			}
		}
		if again, err := kconf.Decode(strings.NewReader(string(encode(t, tree)))); err != nil {
			t.Fatalf("own encoding refused: %v", err)
		} else if !reflect.DeepEqual(tree, again) { // cmp takes exponential time for deep trees
			t.Errorf("the wire changed the tree:\n%s\n%s", flat(tree.Stmts), flat(again.Stmts))
		}
	})
}

func TestHostileInputTakesNoTime(t *testing.T) {
	const size = 1 << 18
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	tests := map[string]string{
		"very many words":                   fill("a "),
		"very many blanks":                  "a" + fill(" ")[2:] + "b",
		"very many braces":                  fill("a{}"),
		"blocks within blocks":              fill("a{"),
		"extra braces":                      fill("}"),
		"uses without end":                  fill("${"),
		"uses within uses":                  fill("${a"),
		"quotes":                            fill("\"a"),
		"conditions behind braces":          fill("{@^x "),
		"a definition that uses itself":     "$A=${A}${A}\n" + fill("${A}\n"),
		"a long line, many times":           "~SEQ(A,1000000) " + fill("x ")[20:],
		"alternatives within alternatives":  "include " + strings.Repeat("{a,", 300) + strings.Repeat("}", 100),
		"very many alternatives":            "include " + strings.Repeat("{a,b,c}", 100),
		"a long definition within a long":   "$A=x \\\n$A \\\n$A\n$B=$A \\\n$A\n$B",
		"escaped comments":                  fill(`\#`),
		"repetition within repetition":      strings.Repeat("~SEQ(A,1,9) ", 1000) + "x",
		"a name made of names without end":  "$A=$\nx" + fill("${A}"),
		"columns of many octets each, long": fill("\u043e "),
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, ds := kconf.ParseString("/k.conf", in, kconf.Options{FS: kconf.Memory{}, MaxGenerated: 10_000})
			if took := time.Since(begin); took > 20*time.Second { // a few are slow under the race detector; without limits they take hours
				t.Errorf("took %v and said %.200s", took, messages(ds))
			}
		})
	}
}

// large is a configuration of 10,000 virtual servers with 4 real servers each.
func large() string {
	var b strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&b, "virtual_server 10.%d.%d.1 80 {\n    delay_loop 6\n    lvs_sched rr\n    lvs_method NAT\n    protocol TCP\n", i/250, i%250)
		for j := range 4 {
			fmt.Fprintf(&b, "\n    real_server 172.16.%d.%d 8080 {\n        weight 1   # share\n        TCP_CHECK {\n            connect_timeout 3\n        }\n    }\n", i%250, j+1)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func BenchmarkParse10000VirtualServers(b *testing.B) {
	in := large()
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if f, ds := kconf.ParseString("k.conf", in, kconf.Options{}); len(f.Stmts) != 10_000 || len(ds.All()) > 0 {
			b.Fatal("not read whole")
		}
	}
}

func BenchmarkWire10000VirtualServers(b *testing.B) {
	f, _ := kconf.ParseString("k.conf", large(), kconf.Options{})
	data := encode(b, f)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kconf.Decode(strings.NewReader(string(encode(b, f)))); err != nil {
			b.Fatal(err)
		}
	}
}
