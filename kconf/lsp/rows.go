package lsp

import (
	"slices"

	"holdfast/kconf"
)

// block is the vocabulary of one kind of block, for looking up words: making the
// rows of a vocabulary takes far longer, and a configuration has many blocks.
type block struct {
	vocab kconf.Vocab
	rows  map[string]*row // by name and alias; made when needed, as a block may contain itself
}

// row is a keyword and what may stand in its block: keywords, or lines of which
// words are known.
type row struct {
	kconf.KeywordDoc
	inner *block
	words *block
}

func newBlock(v kconf.Vocab) *block {
	if v == nil {
		return nil
	}
	return &block{vocab: v}
}

// all are the rows by name and alias, none of no block. The first of a name counts.
func (b *block) all() map[string]*row {
	if b == nil {
		return nil
	}
	if b.rows == nil {
		b.rows = map[string]*row{}
		for _, doc := range b.vocab.Docs() {
			r := &row{KeywordDoc: doc}
			if doc.KeywordBlock() {
				r.inner = newBlock(doc.Block)
			} else {
				r.words = newBlock(doc.Block)
			}
			for _, name := range append([]string{doc.Name}, doc.Aliases...) {
				if _, taken := b.rows[name]; !taken {
					b.rows[name] = r
				}
			}
		}
	}
	return b.rows
}

// find is the row of a word, nil if there is none.
func (b *block) find(word string) *row { return b.all()[word] }

// topLevel are the blocks of the vocabulary that stand in no other block.
func (b *block) topLevel() []string {
	within := map[string]bool{}
	var collect func(b *block, depth int)
	collect = func(b *block, depth int) {
		for name, r := range b.all() {
			within[name] = true
			if depth < 8 { // deeper than any vocabulary
				collect(r.inner, depth+1)
			}
		}
	}
	var top []string
	for name, r := range b.all() {
		if r.inner != nil {
			top = append(top, name)
			collect(r.inner, 0)
		}
	}
	slices.Sort(top)
	return slices.DeleteFunc(top, func(name string) bool { return within[name] })
}
