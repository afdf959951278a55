package config

import (
	"slices"

	"holdfast/kconf"
)

// oldName is the row of an earlier spelling. deprecated is the advice,
// "write X instead"; with "" keepalived accepts the old one in silence, and so do we.
func oldName[C any](row kconf.Keyword[C], name, since, deprecated string) kconf.Keyword[C] {
	row.Doc = "Old name of " + row.Name + "."
	row.Name, row.Since, row.Deprecated = name, since, deprecated
	return row
}

// notYet marks rows that are decoded and have no effect so far.
func notYet[C any](rows ...kconf.Keyword[C]) kconf.Vocabulary[C] {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Status = kconf.NotYet
	}
	return rows
}

// flagRow is a keyword without argument that switches something on.
func flagRow[C any](name, since, doc string, field func(*C) *bool) kconf.Keyword[C] {
	return kconf.Keyword[C]{Name: name, Default: "off", Since: since, Doc: doc, Set: kconf.Flag(field, true)}
}

// boolRow is a keyword with an optional BOOL, off when it is not written.
func boolRow[C any](name, since, doc string, field func(*C) *bool) kconf.Keyword[C] {
	return kconf.Keyword[C]{Name: name, Args: "[BOOL]", Default: "false", Since: since, Doc: doc, Set: kconf.Bool(field)}
}

// firstWord stores the only word of a statement, "" being one; a second
// statement is a mistake and not used.
func firstWord[C any](typ, rng string, field func(*C) *Once) kconf.Setter[C] {
	return kconf.Custom(typ, rng, func(x *kconf.Ctx, c *C, s *kconf.Stmt) {
		o := field(c)
		if o.Pos.IsValid() {
			repeated(x, s, o.Pos)
			return
		}
		if w, ok := x.OneArg(s); ok {
			o.Text, o.Pos = w.Text, w.Pos
		}
	})
}

// Once is a word whose first occurrence counts.
type Once struct {
	Text string
	Pos  kconf.Pos // of the word in the file; not valid for a default
}

// onlyWord stores a word that must stand alone: with more the statement is not
// used.
func onlyWord[C any](typ, rng string, field func(*C) *string) kconf.Setter[C] {
	return kconf.Custom(typ, rng, func(x *kconf.Ctx, c *C, s *kconf.Stmt) {
		if args := s.Args(); len(args) > 1 {
			x.Errorf(args[1].Pos, kconf.ClassGeneral, "extra-arguments", "%s %s: wants one word, quote one that has blanks", s.Keyword(), args[1].Text)
			return
		}
		*field(c) = s.Args()[0].Text
	}).MissingIs(kconf.ClassGeneral)
}

// path stores the name of a file or directory; it must not be empty.
func path[C any](field func(*C) *string) kconf.Setter[C] {
	return kconf.Custom("PATH", "non-empty", func(x *kconf.Ctx, c *C, s *kconf.Stmt) {
		w, ok := x.OneArg(s)
		switch {
		case !ok:
		case w.Text == "":
			x.Errorf(w.Pos, kconf.ClassGeneral, "empty-path", "%s: the path is empty", s.Keyword())
		default:
			*field(c) = w.Text
		}
	})
}

// repeated reports a statement whose keyword counts only once; first is where
// the one that is used stands.
func repeated(x *kconf.Ctx, s *kconf.Stmt, first kconf.Pos) {
	x.Diags.Add(kconf.Diagnostic{Pos: s.Pos(), Severity: kconf.Error, Class: kconf.ClassGeneral, ID: "repeated", Related: first,
		Message: s.Keyword() + ": given before, the first one counts"})
}
