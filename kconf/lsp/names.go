package lsp

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"holdfast/kconf"
)

// useOf matches the beginning of $NAME and ${NAME}.
var useOf = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

// use is a place where a definition's name stands behind a dollar.
type use struct {
	kconf.Span
	name string
}

// usesIn finds them in text[from:to].
func usesIn(text string, from, to int) []use {
	var found []use
	for _, m := range useOf.FindAllStringSubmatchIndex(text[from:to], -1) {
		u := use{kconf.Span{From: from + m[0], To: from + m[1]}, text[from+m[2] : from+m[3]]}
		if text[u.From+1] == '{' && u.To < to && text[u.To] == '}' {
			u.To++
		}
		found = append(found, u)
	}
	return found
}

// useAt is the one at offset.
func (d *document) useAt(offset int) (use, bool) {
	from := strings.LastIndexByte(d.text[:offset], '\n') + 1
	to := len(d.text)
	if i := strings.IndexByte(d.text[offset:], '\n'); i >= 0 {
		to = offset + i
	}
	for _, u := range usesIn(d.text, from, to) {
		if u.Contains(offset) {
			return u, true
		}
	}
	return use{}, false
}

// defined is one definition of a name and the file that it stands in.
type defined struct {
	doc *document
	kconf.Definition
}

// filesAround are the documents that are read together with d, d first.
func (s *server) filesAround(d *document) []*document {
	docs := []*document{d}
	for _, path := range s.openPaths() {
		c := s.roots[path]
		if c == nil || !c.read[d.path] {
			continue
		}
		for _, name := range sorted(c.read) {
			if slices.ContainsFunc(docs, func(have *document) bool { return have.path == name }) {
				continue
			}
			if other := s.files.document(name); other != nil {
				docs = append(docs, other)
			}
		}
	}
	return docs
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// definitions are those of a name, the one that holds at offset of d first: the
// last one before it, else one of another file, else one behind it.
func (s *server) definitions(d *document, name string, offset int) []defined {
	var found []defined
	for _, doc := range s.filesAround(d) {
		for _, def := range s.outlined(doc).Defines {
			if def.Name == name {
				found = append(found, defined{doc, def})
			}
		}
	}
	rank := func(f defined) int {
		switch {
		case f.doc != d:
			return 1
		case f.From <= offset:
			return 0
		}
		return 2
	}
	slices.SortStableFunc(found, func(a, b defined) int {
		if c := cmp.Compare(rank(a), rank(b)); c != 0 || rank(a) != 0 {
			return c
		}
		return cmp.Compare(b.From, a.From)
	})
	return found
}

// expand puts values into an include pattern, as far as they are known here.
func (s *server) expand(d *document, pattern string, offset int) string {
	for range 8 { // a value may name another
		uses := usesIn(pattern, 0, len(pattern))
		slices.Reverse(uses)
		for _, u := range uses {
			for _, def := range s.outlined(d).Defines {
				if def.Name == u.name && def.From < offset && !strings.Contains(def.Value, "\n") {
					pattern = pattern[:u.From] + def.Value + pattern[u.To:]
					break
				}
			}
		}
		if len(uses) == 0 || len(pattern) > 4096 {
			break
		}
	}
	return pattern
}
