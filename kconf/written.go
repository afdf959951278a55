package kconf

import "slices"

// Written remembers which statements of a block were decoded, by keyword. A
// configuration type that embeds it has it filled in by Vocabulary.Decode, so
// that a check made later can point at the word that it is about. The zero
// value is a block in which nothing was written.
type Written struct {
	list     []written
	mistyped []string // keywords that unknown words were probably meant to be
}

type written struct {
	keyword string // as the row has it, whatever alias the file has
	stmt    *Stmt
}

// wrote is called by Vocabulary.Decode for every statement that has a row.
func (w *Written) wrote(keyword string, s *Stmt) { w.list = append(w.list, written{keyword, s}) }

// Stmt is the last statement with this keyword; nil when there is none.
func (w *Written) Stmt(keyword string) *Stmt {
	for i := len(w.list) - 1; i >= 0; i-- {
		if w.list[i].keyword == keyword {
			return w.list[i].stmt
		}
	}
	return nil
}

// meant is called for a word that no row has, with the nearest one that exists.
func (w *Written) meant(keyword string) { w.mistyped = append(w.mistyped, keyword) }

// Attempted reports whether the keyword was written, accepted or not, or an
// unknown word that was probably meant to be it. Either has been reported, and that
// the keyword is missing is then not a second mistake.
func (w *Written) Attempted(keyword string) bool {
	return w.Has(keyword) || slices.Contains(w.mistyped, keyword)
}

// Has reports whether the keyword was written at all, accepted or not.
func (w *Written) Has(keyword string) bool { return w.Stmt(keyword) != nil }

// At is where the value of keyword stands: the first argument of its last
// statement, the keyword itself when it has none. It is not valid when the
// keyword was not written.
func (w *Written) At(keyword string) Pos {
	s := w.Stmt(keyword)
	switch {
	case s == nil:
		return Pos{}
	case len(s.Words) > 1:
		return s.Words[1].Pos
	default:
		return s.Pos()
	}
}

// wroter is a configuration that wants to know its statements: one that embeds
// Written.
type wroter interface {
	wrote(keyword string, s *Stmt)
	meant(keyword string)
}

// First is the first statement with this keyword; nil when there is none.
func (w *Written) First(keyword string) *Stmt {
	for _, o := range w.list {
		if o.keyword == keyword {
			return o.stmt
		}
	}
	return nil
}

// Repeated reports s as one more statement of a keyword whose first one counts.
func (w *Written) Repeated(x *Ctx, s *Stmt) {
	if first := w.First(s.Keyword()); first != nil && first != s {
		x.repeated(s, first.Pos())
		return
	}
	x.repeated(s, Pos{})
}
