package kconf_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/kconf"
)

var scriptLine = regexp.MustCompile(`^(script|misc_path|regex|quorum_up|quorum_down|notify|notify_.*|(start|shut).*_script|.*notify_fifo_script)$`)

// meaning prints what Format must not change: words, blocks, and the raw text
// of script lines but for the blanks behind the keyword.
func meaning(stmts []*kconf.Stmt) string {
	var b strings.Builder
	for _, s := range stmts {
		b.WriteString(words(s))
		rest, _ := strings.CutPrefix(s.Raw, s.Keyword())
		if scriptLine.MatchString(s.Keyword()) {
			fmt.Fprintf(&b, " raw %q", strings.TrimLeft(rest, " \t\f\r\v"))
		}
		if s.HasBlock {
			b.WriteString(" {\n" + meaning(s.Block) + "}")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// keepsMeaning formats text twice and reads it with several configuration ids.
func keepsMeaning(t *testing.T, name, in string, files kconf.FS) {
	t.Helper()
	once, err := kconf.FormatFile(name, []byte(in))
	if err != nil {
		var fe *kconf.FormatError
		if !errors.As(err, &fe) || !fe.Pos.IsValid() || fe.Message == "" {
			t.Fatalf("error without place: %v", err)
		}
		return
	}
	if twice, err := kconf.Format(once); err != nil || string(twice) != string(once) {
		t.Errorf("formatting\n%s\nagain makes\n%s\n%v", once, twice, err)
	}
	for _, id := range []string{"a", "lb1", ""} {
		env := func(name string) string { return "value of " + name }
		opt := kconf.Options{ConfigID: id, FS: files, Getenv: env, Rand: func(lo, hi int) int { return lo }, MaxGenerated: 500}
		before, _ := kconf.ParseString(name, in, opt)
		after, _ := kconf.ParseString(name, string(once), opt)
		if a, b := meaning(before.Stmts), meaning(after.Stmts); a != b {
			t.Errorf("with id %q\n%s\nmeant\n%s\nand now\n%s\nmeans\n%s", id, in, a, once, b)
		}
	}
}

func TestFormatGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/format/*.in")
	if err != nil || len(names) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			in, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := kconf.FormatFile(name, in)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(name, "in")+"out", string(got))
			keepsMeaning(t, name, string(in), kconf.OS{})
		})
	}
}

func TestFormatKeepsTheMeaningOfEveryFileAtHand(t *testing.T) {
	tried := 0
	for _, pattern := range []string{"testdata/*.conf", "testdata/format/*.in", "../examples/*/*.conf", "../*/testdata/*.conf",
		"../*/testdata/*/*.conf", "/usr/share/doc/keepalived/samples/keepalived.conf*"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			in, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			tried++
			keepsMeaning(t, name, string(in), kconf.OS{})
			if _, err := kconf.FormatFile(name, in); err != nil && !strings.Contains(name, "testdata/") {
				t.Errorf("refused: %v", err)
			}
		}
	}
	if tried < 15 {
		t.Errorf("%d files were found", tried)
	}
}

func TestFormatRefusesWhatIsNotSure(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"a brace that nobody closes":        {"a {\n  b {\n}\n", "k.conf:1:3: { has no }; close the block first"},
		"a brace that closes nothing":       {"a\n é }\n", "k.conf:2:4: } closes nothing; remove it or open a block"},
		"a quote that is not closed":        {"a {\n b { c \"d }\n} }", "k.conf:2:8: quote is not closed; close it"},
		"a NUL":                             {"a\nb # \x00", "k.conf:2:5: NUL character; remove it"},
		"blocks deeper than the reader's":   {strings.Repeat("a{", 70) + strings.Repeat("}", 70), "k.conf:1:130: more than 64 blocks inside each other"},
		"a line longer than the reader's":   {"a\n" + strings.Repeat("b", 1<<20+1), "k.conf:2:1: line of 1048577 octets, at most 1048576 are read; cut it"},
		"a line that indentation makes so":  {"a {\n" + strings.Repeat("b", 1<<20) + "\n}", "k.conf:2:1: too long with its indentation; cut it"},
		"a repetition that opens blocks":    {"~SEQ(A,2) a {\n}\n}", "k.conf:3:1: } closes nothing; remove it or open a block"},
		"half a block from a definition":    {"$A=a {\n$A\n}", "k.conf:3:1: } closes nothing; remove it or open a block"},
		"a value that ends in a backslash":  {"$A=b \\ \\\nc", "k.conf:1:8: two backslashes at the end of a line; leave one"},
		"conditions that may hold together": {"@^a b {\n@^b c {\n}", "k.conf:1:7: { has no }; close the block first"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := kconf.FormatFile("k.conf", []byte(tt.in))
			if err == nil || err.Error() != tt.want || got != nil {
				t.Errorf("said %v\nwant %s\nand made %q", err, tt.want, got)
			}
		})
	}
	if _, err := kconf.Format([]byte("}")); err == nil || err.Error() != "1:1: } closes nothing; remove it or open a block" {
		t.Errorf("without a name: said %v", err)
	}
}

// Each row is a text whose meaning a simpler formatter would change.
func TestFormatDoesNotBelieveInAppearances(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"a word that would become an include":       {"include\"x\"", "include\"x\"\n"},
		"so would one with its brace":               {"include\n{ a }", "include\n{\n    a\n}\n"},
		"a backslash before a brace":                {"a { b \\ }", "a { b \\ }\n"},
		"a backslash before a brace on its line":    {"b \\\n{ a }", "b \\\n{\n    a\n}\n"},
		"a name that a brace keeps from being used": {"$V=1\na$V{ b }", "$V=1\na$V{ b }\n"},
		"one that a quote keeps from being used":    {"$V=1\na  \"x  $V\"", "$V=1\na  \"x  $V\"\n"},
		"a use that must end its line":              {"$V=a \\\nb\nc { $V }", "$V=a \\\n    b\nc { $V }\n"},
		"a value with a quote":                      {"$Q=\"\na ${Q}b  c${Q}", "$Q=\"\na ${Q}b  c${Q}\n"},
		"a value with a comment":                    {"$Q=\"a # b\"\nx \"${Q}\" { y }", "$Q=\"a # b\"\nx \"${Q}\" { y }\n"},
		"a first word with a name":                  {"$V=script\n$V  a  b", "$V=script\n$V  a  b\n"},
		"a name that an included file may change":   {"$V=1\ninclude f\na  $V", "$V=1\ninclude f\na  $V\n"},
		"a name that a condition may change":        {"$V=1\n@a $V=\"\nb  $V", "$V=1\n@a $V=\"\nb  $V\n"},
		"a name from elsewhere":                     {"a  $V", "a  $V\n"},
		"an empty line that ends a definition":      {"a {\n$V=b \\\n\n}\n", "a {\n    $V=b \\\n\n}\n"},
		"a comment after such a line":               {"$V=b \\\n\n\n\n# c", "$V=b \\\n\n# c\n"},
		"a condition with a brace":                  {"a\n@b {\nc\n@b }", "a\n@b {\n    c\n@b }\n"},
		"tame values":                               {"$V=1  2\na   ${V}x,$V  {b $V  c}", "$V=1  2\na ${V}x,$V {\n    b $V c\n}\n"},
		"a repetition over tame values":             {"~LST(V,a,b)  x\ny   $V", "~LST(V,a,b)  x\ny $V\n"},
		"a definition behind a brace":               {"a ${V} {  $V=1\n}\nb   $V", "a ${V} {  $V=1\n}\nb $V\n"},
		"dollars that are no names":                 {"a   $1   cost$  $", "a $1 cost$ $\n"},
		"nothing":                                   {"\ufeff \n\t\r\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := kconf.Format([]byte(tt.in))
			if err != nil || string(got) != tt.want {
				t.Errorf("made\n%s\nwant\n%s\n%v", got, tt.want, err)
			}
			keepsMeaning(t, "/k.conf", tt.in, kconf.Memory{"/f": "$V=\""})
		})
	}
}

func TestFormatLaysOutBlanksCommentsAndConditions(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"empty lines, one in a row":         {"\n\na\n\n \n\nb\n\n", "a\n\nb\n"},
		"none at the ends of a block":       {"a {\n\n\nb\n\n}\n", "a {\n    b\n}\n"},
		"none before the brace":             {"a\n\n{\nb\n}", "a {\n    b\n}\n"},
		"comments in an empty block":        {"a { # 1\n # 2\n\n # 3\n}", "a {  # 1\n    # 2\n\n    # 3\n}\n"},
		"a comment at the keyword":          {"a # 1\n{ # 2\nb }", "a {  # 1\n    # 2\n    b\n}\n"},
		"a comment behind everything":       {"a { b } # 1", "a {\n    b\n}  # 1\n"},
		"behind a statement":                {"a { b # 1\n}", "a {\n    b  # 1\n}\n"},
		"a keyword that gets no brace":      {"a {\nb\n  # 1\n\nc }", "a {\n    b\n    # 1\n\n    c\n}\n"},
		"the first comment, and the last":   {"   # 1\na\n   ! 2", "# 1\na\n! 2\n"},
		"a comment glued to a word":         {"a#1", "a  #1\n"},
		"braces on lines of their own":      {"a\n{\nb\n{\n}\n}", "a {\n    b {\n    }\n}\n"},
		"all in one line":                   {"a{b{c}d}e", "a {\n    b {\n        c\n    }\n    d\n}\ne\n"},
		"blocks without keyword":            {"{ a } { b }", "{\n    a\n}\n{\n    b\n}\n"},
		"one or the other opens":            {"@a b {\n@^a c {\nd\n}", "@a b {\n@^a c {\n    d\n}\n"},
		"one of several":                    {"x {\n@a b {\n # 1\n@c d {\n@e f {\ng\n}\n}", "x {\n    @a b {\n        # 1\n    @c d {\n    @e f {\n        g\n    }\n}\n"},
		"one or the other closes":           {"a {\n@b }\n@c }\nd", "a {\n@b }\n@c }\nd\n"},
		"each with its block":               {"@a b { c }\n@^a d { e }", "@a b { c }\n@^a d { e }\n"},
		"each with blocks of several lines": {"@a b {\n@a c\n@a }\n@b d {\n@b }", "@a b {\n    @a c\n@a }\n@b d {\n@b }\n"},
		"blocks in a long definition":       {"$A=b { \\\nc {\\\nd\\\n}\\\n}\ne", "$A=b { \\\n        c {\\\n            d\\\n        }\\\n    }\ne\n"},
		"a long definition in a block":      {"a {\n$A=b\\\nc\n$A\n}", "a {\n    $A=b\\\n        c\n    $A\n}\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := kconf.Format([]byte(tt.in))
			if err != nil || string(got) != tt.want {
				t.Errorf("made\n%s\nwant\n%s\n%v", got, tt.want, err)
			}
			keepsMeaning(t, "/k.conf", tt.in, kconf.Memory{})
		})
	}
}

func TestFormatAndOutlineTakeNoTimeForHostileTexts(t *testing.T) {
	const size = 1 << 18
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	tests := map[string]string{
		"words":               fill("a "),
		"blocks":              fill("a{}"),
		"blocks in blocks":    fill("a{"),
		"uses":                fill("${a"),
		"conditions":          fill("{@^x "),
		"repetitions":         fill("~SEQ(A,1) ") + "x",
		"open repetitions":    fill("~SEQ(A "),
		"alternatives":        fill("@a b {\n@c d {\n}\n"),
		"definitions":         fill("$A=b\nx $B\n"),
		"a long definition":   "$A=" + fill("b \\\n"),
		"comments":            "a\n" + fill("#\n") + "{}",
		"empty lines":         "a {" + fill("\n") + "}",
		"includes":            fill("include a\n"),
		"quotes":              fill("\"a\"\u00a0"),
		"typographic blanks":  fill("a\u2003"),
		"conditions, many":    manyConditions(),
		"repeated conditions": fill("@a "),
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, err := kconf.Format([]byte(in))
			o := kconf.ReadOutline(in, []string{"a"})
			o.At(len(in))
			if took := time.Since(begin); took > 10*time.Second { // some 50 ms each, without the race detector
				t.Errorf("took %v: %v", took, err)
			}
		})
	}
}

// manyConditions are lines that exclude each other.
func manyConditions() string {
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, "@id%d x { }\n", i)
	}
	return b.String()
}

func FuzzFormat(f *testing.F) {
	for _, seed := range []string{
		"a { b \"c\" # d\n}\n", "$A=${B}\n$B=x \\\nx\n$A\n", "~SEQ(A,9) ~LST({B,C},{1,2},3) x$A${B} {\n}}", "@a x\n@^a { }",
		"include k.conf\nincluder {a,{b,c}}*[x\n", "a\u00a0b\ufeff\n\"", "a\n#b\n{c}d{}", "${_RANDOM 1 9}${_ENV A}${_HASH}\"${_BANG}\\#",
		"$V=1\nx  $V  { y ${V} z }", "script  \"a\nglobal_defs { include_check +read -x\n}", "$A=$B\\\n\n$A", "@lb1 a {\n@^lb1 b {\n}",
		"a\u00a0b\ufffdc {\n}", "{a\\}\n\n\n}", "a \\\n{b}", "a\\#b\"c\"d!e", "x{@a y}\n}{z}", "$A=b\n@a $A=\"\n~SEQ(A,2)$B=${A}\\\nx  $A{c}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		keepsMeaning(t, "/k.conf", in, kconf.Memory{"/k.conf": in, "/b": "$A=\"\nb\n"})
		if out, err := kconf.Format([]byte(in)); err == nil && len(out) > 300*(len(in)+1) { // 64 blocks of 4 blanks, and the braces
			t.Errorf("%d octets out of %d", len(out), len(in))
		}
	})
}
