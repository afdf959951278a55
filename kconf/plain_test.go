package kconf

import (
	"slices"
	"testing"
)

// recorded are the items and complaints of lines read one way or the other.
func recorded(lines []string, quick bool) (items []item, said []string) {
	r := newReader(Options{FS: Memory{}})
	r.begin(&source{Source: &Source{Name: "k"}})
	for _, line := range lines {
		from := len(r.drive.items)
		r.src.line++
		if !quick || !r.plain(line) {
			r.readLine(line)
		}
		r.drive.flushHeld(false)
		items = append(items, r.drive.items[min(from, len(r.drive.items)):]...)
	}
	r.end()
	for _, d := range r.diags.All() {
		said = append(said, d.String())
	}
	return items, said
}

func sameItem(a, b item) bool {
	return a.kind == b.kind && a.raw == b.raw && a.pos.String() == b.pos.String() &&
		slices.EqualFunc(a.words, b.words, func(v, w Word) bool {
			return v.Text == w.Text && v.Quoted == w.Quoted && v.Pos.String() == w.Pos.String()
		})
}

// FuzzPlain: the short way of lines without anything special yields what the
// long way yields.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{
		"", " ", "a", " a  b\tc ", "a {", "a{b c}d", "}", "} }", "{", "a b { c { d } e }", "include x", "a\x0bb\fc\rd", "x include",
		"a # b", `a "b c" d`, "$A", "@id a", "~SEQ(a,1)", "a\\", "caf\u00e9 x", "a } include y", "include_check read",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		quick, saidQuick := recorded([]string{line}, true)
		long, saidLong := recorded([]string{line}, false)
		if !slices.EqualFunc(quick, long, sameItem) {
			t.Errorf("%q: short way %+v, long way %+v", line, quick, long)
		}
		if !slices.Equal(saidQuick, saidLong) {
			t.Errorf("%q: short way says %q, long way %q", line, saidQuick, saidLong)
		}
	})
}
