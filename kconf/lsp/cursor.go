package lsp

import (
	"cmp"
	"slices"
	"strings"

	"holdfast/kconf"
)

// cursor is a place in a document and what stands around it.
type cursor struct {
	doc    *document
	offset int

	stmt    *kconf.Node    // that the cursor is in, nil where one would begin
	word    kconf.TextWord // that the cursor is in or behind; empty where one would begin
	index   int            // of the word in the statement, 0 being the keyword
	comment bool

	rows  *block // keywords that may stand here; nil in a value block or an unknown one
	owner *row   // of the innermost block; nil at the top level and in one that is unknown
}

// outlined is the outline of a document.
func (s *server) outlined(d *document) *kconf.Outline {
	if d.outline == nil {
		if s.top == nil {
			s.top = s.rows.topLevel()
		}
		d.outline = kconf.ReadOutline(d.text, s.top)
	}
	return d.outline
}

// cursorAt looks around a place.
func (s *server) cursorAt(d *document, p position) cursor {
	c := cursor{doc: d, offset: d.offset(p)}
	o := s.outlined(d)
	c.comment = inComment(o, c.offset)
	block, stmt := o.At(c.offset)
	if stmt == nil {
		// Blanks behind a statement belong to it: another word will follow.
		before := strings.TrimRight(d.text[:c.offset], " \t")
		if b, n := o.At(len(before)); n != nil && n.To == len(before) && len(before) < c.offset {
			block, stmt = b, n
		}
	}
	c.stmt = stmt
	c.word.Span = kconf.Span{From: c.offset, To: c.offset}
	if stmt != nil {
		c.index = len(stmt.Words)
		for i, w := range stmt.Words {
			if w.Contains(c.offset) {
				c.word, c.index = w, i
			}
			if w.From >= c.offset {
				c.index = min(c.index, i)
				break
			}
		}
	}
	c.rows, c.owner = s.vocabularyOf(d, block)
	return c
}

// inComment reports whether offset is behind the beginning of a comment.
func inComment(o *kconf.Outline, offset int) bool {
	i, _ := slices.BinarySearchFunc(o.Comments, offset, func(c kconf.Span, offset int) int { return cmp.Compare(c.From, offset) })
	return i > 0 && offset <= o.Comments[i-1].To
}

// vocabularyOf goes from the top level down to a block. A file that is included
// within a block begins there.
func (s *server) vocabularyOf(d *document, around *kconf.Node) (rows *block, owner *row) {
	rows = s.rows
	for _, n := range append(s.around(d, 0), chain(around)...) {
		if len(n.Words) == 0 {
			return nil, nil
		}
		if owner = rows.find(n.Words[0].Text); owner == nil {
			return nil, nil
		}
		rows = owner.inner
	}
	return rows, owner
}

// chain are the blocks from the top level down to n.
func chain(n *kconf.Node) []*kconf.Node {
	var list []*kconf.Node
	for ; n != nil; n = n.Parent {
		list = append(list, n)
	}
	slices.Reverse(list)
	return list
}

// maxIncludes is how many include lines of a file are looked at for one that
// names another file: each asks the file system.
const maxIncludes = 1000

// around are the blocks of other files around the place that includes d. depth
// bounds files that include each other.
func (s *server) around(d *document, depth int) []*kconf.Node {
	for _, path := range s.openPaths() {
		if !s.includes(path, d.path) || depth > 8 {
			continue
		}
		for _, name := range append([]string{path}, sorted(s.roots[path].read)...) {
			from := s.files.document(name)
			if from == nil || from.path == d.path {
				continue
			}
			o := s.outlined(from)
			for _, inc := range o.Includes[:min(len(o.Includes), maxIncludes)] {
				if slices.Contains(s.included(from, inc), d.path) {
					block, _ := o.At(inc.From)
					return append(s.around(from, depth+1), chain(block)...)
				}
			}
		}
		return nil
	}
	return nil
}

// included are the files that an include statement names.
func (s *server) included(d *document, inc kconf.Include) []string {
	return kconf.IncludedFiles(s.files, d.folder(), s.expand(d, inc.Pattern, inc.From))
}

// row is the row of the statement that the cursor is in, nil if there is none.
func (c cursor) row() *row {
	if c.stmt == nil || len(c.stmt.Words) == 0 {
		return nil
	}
	return c.rows.find(c.stmt.Words[0].Text)
}
