package lsp

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"

	"holdfast/kconf"
)

// checked is what the last check of a main file has found.
type checked struct {
	diags *kconf.Diagnostics
	file  *kconf.File
	read  map[string]bool // files that it is made of, by clean path
	index *index
}

// checkDirty checks what has changed, with all main files that include it, and
// tells the editor. A document that another one includes is no main file: alone
// it would seem to lack what stands around the include statement.
func (s *server) checkDirty() {
	if len(s.dirty) == 0 {
		return
	}
	changed := s.dirty
	s.dirty = map[string]bool{}
	for _, path := range s.openPaths() {
		old := s.roots[path]
		if old == nil || changed[path] || intersects(old.read, changed) {
			s.roots[path] = s.check(path)
		}
	}
	s.publish(changed)
}

func intersects(a, b map[string]bool) bool {
	for k := range b {
		if a[k] {
			return true
		}
	}
	return false
}

// check reads one main file.
func (s *server) check(path string) *checked {
	c := &checked{read: map[string]bool{}}
	files := *s.files
	files.read = c.read
	c.diags, c.file = s.safeCheck(path, &files)
	if c.diags == nil {
		c.diags = new(kconf.Diagnostics)
	}
	if c.file == nil {
		c.file = &kconf.File{Name: path}
	}
	c.read[path] = true
	c.index = newIndex(s.rows, c.file)
	return c
}

// safeCheck makes a mistake of ours, a panic, one in the file: it shall not end
// the server in the middle of somebody's work.
func (s *server) safeCheck(path string, files kconf.FS) (ds *kconf.Diagnostics, f *kconf.File) {
	defer func() {
		if p := recover(); p != nil {
			ds, f = new(kconf.Diagnostics), nil
			ds.Add(kconf.Diagnostic{Severity: kconf.Error, ID: "internal-error", Message: fmt.Sprintf("can not be checked: %v", p)})
		}
	}()
	return s.opt.Check(path, files)
}

// mains are the checks of documents that no other open document includes, or,
// where they include each other, of the first.
func (s *server) mains() []*checked {
	var mains []*checked
	covered := map[string]bool{}
	paths := s.openPaths()
	for _, path := range paths {
		if c := s.roots[path]; c != nil && !slices.ContainsFunc(paths, func(p string) bool { return s.includes(p, path) }) {
			mains = append(mains, c)
			mark(covered, c.read)
		}
	}
	for _, path := range paths {
		if c := s.roots[path]; c != nil && !covered[path] {
			mains = append(mains, c)
			mark(covered, c.read)
		}
	}
	return mains
}

func mark(set, more map[string]bool) {
	for k := range more {
		set[k] = true
	}
}

// includes reports whether the open document at path main includes the other.
func (s *server) includes(main, other string) bool {
	c := s.roots[main]
	return main != other && c != nil && c.read[other]
}

// publish sends the diagnostics of every document that has changed, and of every
// other file for which there are others than before.
func (s *server) publish(changed map[string]bool) {
	now := s.byFile()
	for uri := range s.published {
		if _, still := now[uri]; !still {
			now[uri] = []diagnostic{}
		}
	}
	for _, uri := range slices.Sorted(maps.Keys(now)) {
		p := publishParams{URI: uri, Diagnostics: now[uri]}
		path := pathOf(uri)
		if d := s.files.texts[path]; d != nil {
			p.Version = &d.version
		}
		if before, sent := s.published[uri]; sent && !changed[path] && reflect.DeepEqual(before, p.Diagnostics) {
			continue
		}
		if s.published[uri] = p.Diagnostics; len(p.Diagnostics) == 0 && p.Version == nil {
			delete(s.published, uri)
		}
		s.send(notification{"2.0", "textDocument/publishDiagnostics", p})
	}
}

// maxDiagnostics is how many mistakes of one file are shown: the rest comes up
// when these are gone.
const maxDiagnostics = 1000

// byFile are the diagnostics of all files by URI, open documents having a list
// in any case. The order is that of the checks.
func (s *server) byFile() map[string][]diagnostic {
	lists := map[string][]diagnostic{}
	for _, path := range s.openPaths() {
		lists[s.files.texts[path].uri] = []diagnostic{}
	}
	docs := map[string]*document{}
	for _, c := range s.mains() {
		for _, d := range c.diags.All() {
			if !d.Pos.IsValid() {
				d.Pos = kconf.At(c.file.Name, 1, 1)
			}
			if doc := s.shown(docs, d.Pos.File()); doc != nil && len(lists[doc.uri]) < maxDiagnostics {
				lists[doc.uri] = append(lists[doc.uri], s.diagnostic(docs, doc, d))
			}
		}
	}
	return lists
}

// shown is the document of a file, read once for all its diagnostics.
func (s *server) shown(docs map[string]*document, path string) *document {
	path = filepath.Clean(path)
	d, known := docs[path]
	if !known {
		d = s.files.document(path)
		docs[path] = d
	}
	return d
}

// severities are the protocol's numbers.
var severities = map[kconf.Severity]int{kconf.Error: 1, kconf.Warning: 2, kconf.Note: 3}

// diagnostic puts one mistake into the editor's terms.
func (s *server) diagnostic(docs map[string]*document, doc *document, d kconf.Diagnostic) diagnostic {
	out := diagnostic{Range: doc.textRange(doc.wordAt(doc.at(d.Pos))), Severity: severities[d.Severity], Code: d.ID,
		Source: s.opt.Name, Message: d.Message}
	if d.Hint != "" {
		out.Message += "; " + d.Hint
	}
	if d.ID == "deprecated" {
		out.Tags = []int{2}
	}
	add := func(p kconf.Pos, message string) {
		if there := s.shown(docs, p.File()); there != nil && p.IsValid() {
			out.Related = append(out.Related, related{location{there.uri, there.textRange(there.wordAt(there.at(p)))}, message})
		}
	}
	add(d.Related, "see here")
	for via := d.Pos.Via(); via != nil; via = via.Via() {
		add(*via, "included here")
	}
	return out
}
