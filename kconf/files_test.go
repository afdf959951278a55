package kconf_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"holdfast/kconf"
)

// utf16Text is what an editor of another system saves.
func utf16Text(text string, mark bool) string {
	var b strings.Builder
	if mark {
		b.WriteString("\xff\xfe")
	}
	for _, u := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

// TestOddFilesGetAClearAnswer: what editors, copying and broken disks do to files.
func TestOddFilesGetAClearAnswer(t *testing.T) {
	const plain = "global_defs {\n router_id A\n}\n"
	tests := map[string]struct {
		data   string
		tree   string
		said   []string
		status int
	}{
		"no final newline":             {"global_defs {\n router_id A\n}", "global_defs {router_id A}", nil, 0},
		"lines end with CR and LF":     {strings.ReplaceAll(plain, "\n", "\r\n"), "global_defs {router_id A}", nil, 0},
		"a byte order mark":            {"\ufeff" + plain, "global_defs {router_id A}", nil, 0},
		"UTF-16 with its mark":         {utf16Text(plain, true), "", []string{"/k:1:1: /k: is UTF-16 text, which can not be read; save it as UTF-8"}, 6},
		"UTF-16 without a mark":        {utf16Text(plain, false), "", []string{"/k:1:1: /k: is UTF-16 text, which can not be read; save it as UTF-8"}, 6},
		"one NUL":                      {"a\nb\x00\nc\n", "a | c", []string{"/k:2:2: NUL character; the line is not used"}, 5},
		"NULs all over":                {"a\x00\nb\x00\nc\n", "c", []string{"/k:1:2: NUL character; the line is not used", "/k:3:1: note: /k: 2 lines with NUL characters are not used"}, 5},
		"a line of a megabyte":         {"a " + strings.Repeat("x", 1<<20-2) + "\nb\n", "a " + strings.Repeat("x", 1<<20-2) + " | b", nil, 0},
		"a line of more":               {"a " + strings.Repeat("x", 1<<20) + "\nb\n", "b", []string{"/k:1:1: line of 1048578 octets, at most 1048576 are read; the line is not used"}, 5},
		"nothing":                      {"", "", nil, 0},
		"bytes that are no characters": {"a \xff\xfe\xfd\n", "a \xff\xfe\xfd", nil, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, ds := kconf.ParseFile("/k", kconf.Options{FS: kconf.Memory{"/k": tt.data}})
			if got := flat(f.Stmts); got != tt.tree {
				t.Errorf("tree %.80q, want %.80q", got, tt.tree)
			}
			var said []string
			for _, d := range ds.All() {
				said = append(said, d.String())
			}
			if diff := cmp.Diff(tt.said, said); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
			if got := ds.TestStatus(); got != tt.status {
				t.Errorf("--config-test ends with %d, want %d", got, tt.status)
			}
		})
	}
}

// TestFilesLargerThanAChunkKeepTheirLines: files are read in pieces.
func TestFilesLargerThanAChunkKeepTheirLines(t *testing.T) {
	const lines = 20_000
	var text strings.Builder
	for range lines {
		text.WriteString("a \ufeffb {\n}\n") // a byte order mark is a blank, also where a piece begins
	}
	for _, end := range []string{"", "last"} {
		n, last := 0, kconf.Pos{}
		_, ds := kconf.ParseFile("/k", kconf.Options{FS: kconf.Memory{"/k": text.String() + end}, Each: func(s *kconf.Stmt) bool {
			n, last = n+1, s.Pos()
			return false
		}})
		want, wantLine := lines, int32(2*lines-1)
		if end != "" {
			want, wantLine = lines+1, 2*lines+1
		}
		if n != want || last.Line != wantLine || len(ds.All()) != 1 {
			t.Errorf("%d statements, the last in line %d, %d remarks; want %d, line %d, 1", n, last.Line, len(ds.All()), want, wantLine)
		}
	}
}

// TestMemoryStaysInProportionToTheText: statements that are handed on are not
// kept, and a text that is no configuration does not fill the memory with what is
// wrong with it.
func TestMemoryStaysInProportionToTheText(t *testing.T) {
	for name, unit := range map[string]string{"short lines": "x\n", "braces": "{\n", "closing braces": "}\n", "open quotes": "a \"\n",
		"undefined names": "${a}\n", "definitions": "$a=1\n", "comments": "#\n", "blocks": "a{b{c}}\n"} {
		t.Run(name, func(t *testing.T) {
			text := strings.Repeat(unit, 1<<20/len(unit))
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			n, most := 0, uint64(0)
			look := func() {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
			}
			_, ds := kconf.ParseString("/k", text, kconf.Options{Each: func(*kconf.Stmt) bool {
				if n++; n%100_000 == 0 {
					look()
				}
				return false
			}})
			look()
			if limit := uint64(20 * len(text)); most > limit {
				t.Errorf("%d octets in use for a text of %d, limit %d", most, len(text), limit)
			}
			runtime.KeepAlive(ds)
		})
	}
}

// TestStatementsThatAreKeptStay: memory is used again, but not that of statements
// that somebody still needs.
func TestStatementsThatAreKeptStay(t *testing.T) {
	var text strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&text, "block%d a b {\n  inner%d { x%d y }\n  last \"q %d\"\n}\nplain%d {\n}\n", i, i, i, i, i)
	}
	whole, _ := kconf.ParseString("/k", text.String(), kconf.Options{})
	for name, keep := range map[string]func(i int) bool{
		"all": func(int) bool { return true }, "every third": func(i int) bool { return i%3 == 0 },
		"one of a thousand": func(i int) bool { return i%1000 == 0 }, "the first": func(i int) bool { return i == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			var got, want strings.Builder
			var kept []*kconf.Stmt
			i := 0
			kconf.ParseString("/k", text.String(), kconf.Options{Each: func(s *kconf.Stmt) bool {
				i++
				if !keep(i - 1) {
					return false
				}
				kept = append(kept, s)
				return true
			}})
			for i, s := range whole.Stmts {
				if keep(i) {
					tree(&want, []*kconf.Stmt{s}, "")
				}
			}
			tree(&got, kept, "")
			if got.String() != want.String() {
				t.Error("kept statements have changed")
			}
		})
	}
}

func TestTooManyMistakesAreCountedNotListed(t *testing.T) {
	_, ds := kconf.ParseString("/k", strings.Repeat("a \"\n", 20_000)+"} x\n", kconf.Options{})
	all := ds.All()
	if len(all) != 10_000 || all[9_999].Message != "more than 9999 mistakes; the rest is not listed" {
		t.Fatalf("%d diagnostics, the last one %v", len(all), all[len(all)-1])
	}
	if ds.Worst() != kconf.ClassUnmatchedQuote || !ds.HasErrors() {
		t.Errorf("worst class %v, want that of the quotes", ds.Worst())
	}
}
