package lsp

import (
	"slices"
	"strings"

	"holdfast/kconf"
)

// object is a thing that the configuration names: kind is the word that the rows
// of the vocabulary have in Defines and Refers.
type object struct{ kind, name string }

// index is where the objects of a configuration are named.
type index struct {
	defines map[object][]kconf.Pos
	refers  map[object][]kconf.Pos
	at      map[place]object // every one of these places
}

// place is a position without its include chain.
type place struct {
	file      string
	line, col int
}

func placeOf(p kconf.Pos) place { return place{p.File(), int(p.Line), int(p.Col)} }

// newIndex walks a configuration by its vocabulary: first what is defined, so
// that a reference can tell a name from another word.
func newIndex(v *block, f *kconf.File) *index {
	x := &index{defines: map[object][]kconf.Pos{}, refers: map[object][]kconf.Pos{}, at: map[place]object{}}
	walk(v, f.Stmts, func(row *row, s *kconf.Stmt) {
		if row.Defines != "" && len(s.Words) > 1 {
			x.add(x.defines, object{row.Defines, s.Words[1].Text}, s.Words[1].Pos)
		}
	})
	walk(v, f.Stmts, func(row *row, s *kconf.Stmt) {
		if row.Refers == "" {
			return
		}
		for _, w := range named(row, s) {
			if o := (object{row.Refers, w.Text}); !w.argument || x.defines[o] != nil {
				x.add(x.refers, o, w.Pos)
			}
		}
	})
	return x
}

func (x *index) add(to map[object][]kconf.Pos, o object, p kconf.Pos) {
	to[o] = append(to[o], p)
	if _, taken := x.at[placeOf(p)]; !taken {
		x.at[placeOf(p)] = o
	}
}

// names are the objects of one kind, sorted.
func (x *index) names(kind string) []string {
	var names []string
	for o := range x.defines {
		if o.kind == kind {
			names = append(names, o.name)
		}
	}
	slices.Sort(names)
	return names
}

// candidate is a word that may name an object. An argument may as well be
// something else: "group NAME" and "inst NAME" have words before the name.
type candidate struct {
	kconf.Word
	argument bool
}

// named are the words of a statement that may name what its row refers to.
func named(row *row, s *kconf.Stmt) []candidate {
	var list []candidate
	for _, w := range s.Args() {
		list = append(list, candidate{w, true})
	}
	if row.inner != nil {
		return list // what stands in the block are keywords
	}
	for _, line := range s.Block {
		n := 1
		if wordBlock(row) {
			n = len(line.Words)
		}
		for _, w := range line.Words[:n] {
			list = append(list, candidate{w, false})
		}
	}
	return list
}

// wordBlock tells the value blocks in which every word is an entry, not every line.
func wordBlock(row *row) bool { return strings.HasPrefix(row.Type, "word block") }

// walk calls visit for every statement that the vocabulary knows.
func walk(b *block, stmts []*kconf.Stmt, visit func(*row, *kconf.Stmt)) {
	if b == nil {
		return
	}
	for _, s := range stmts {
		if r := b.find(s.Keyword()); r != nil {
			visit(r, s)
			walk(r.inner, s.Block, visit)
		}
	}
}
