package lsp

import (
	"errors"
	"slices"
	"strings"

	"holdfast/kconf"
)

// definition leads from a name to where it is defined, from an include line to
// the files.
func (s *server) definition(d *document, p documentParams) (any, *rpcError) {
	c := s.cursorAt(d, p.Position)
	found := []location{}
	if c.comment {
		return found, nil
	}
	if u, ok := d.useAt(c.offset); ok {
		for _, def := range s.definitions(d, u.name, c.offset) {
			found = append(found, location{def.doc.uri, def.doc.textRange(def.Span)})
		}
		if len(found) > 0 {
			return found[:1], nil // the others do not hold here
		}
	}
	for _, inc := range s.outlined(d).Includes {
		if inc.Contains(c.offset) {
			for _, name := range s.included(d, inc) {
				found = append(found, location{URI: s.uri(name)})
			}
			return found, nil
		}
	}
	for _, r := range s.checksOf(d) {
		if o, ok := r.index.at[s.placeAt(c)]; ok {
			found = append(found, s.locations(r.index.defines[o])...)
		}
	}
	return unique(found), nil
}

// references are the places that name the object at the cursor.
func (s *server) references(d *document, p documentParams) (any, *rpcError) {
	c := s.cursorAt(d, p.Position)
	found := []location{}
	if c.comment {
		return found, nil
	}
	if u, ok := d.useAt(c.offset); ok {
		return s.uses(d, u.name, p.Context.IncludeDeclaration), nil
	}
	for _, r := range s.checksOf(d) {
		o, ok := r.index.at[s.placeAt(c)]
		if !ok {
			continue
		}
		if p.Context.IncludeDeclaration {
			found = append(found, s.locations(r.index.defines[o])...)
		}
		found = append(found, s.locations(r.index.refers[o])...)
	}
	return unique(found), nil
}

// uses are the places that put in the value of a name, and those that give it one.
func (s *server) uses(d *document, name string, withDefinitions bool) []location {
	found := []location{}
	for _, doc := range s.filesAround(d) {
		o := s.outlined(doc)
		definitions := map[kconf.Span]bool{}
		for _, def := range o.Defines {
			definitions[def.Span] = true
			if withDefinitions && def.Name == name {
				found = append(found, location{doc.uri, doc.textRange(def.Span)})
			}
		}
		for _, u := range usesIn(doc.text, 0, len(doc.text)) {
			if u.name == name && !definitions[u.Span] && !inComment(o, u.From) {
				found = append(found, location{doc.uri, doc.textRange(u.Span)})
			}
		}
	}
	return found
}

// checksOf are the checks of the main files that d is part of.
func (s *server) checksOf(d *document) []*checked {
	var list []*checked
	for _, path := range s.openPaths() {
		if r := s.roots[path]; r != nil && r.read[d.path] {
			list = append(list, r)
		}
	}
	return list
}

// placeAt is the place of the word at the cursor in kconf's terms.
func (s *server) placeAt(c cursor) place {
	lines := c.doc.kconfLines()
	line, _ := slices.BinarySearch(lines, c.word.From+1)
	start := lines[max(line-1, 0)]
	return place{c.doc.path, line, 1 + len([]rune(c.doc.text[start:max(c.word.From, start)]))}
}

// uri is the URI of a file as the editor knows it.
func (s *server) uri(path string) string {
	if d := s.files.texts[path]; d != nil {
		return d.uri
	}
	return uriOf(path)
}

// locations are places in the editor's terms. A file that can not be read any
// more has none.
func (s *server) locations(list []kconf.Pos) []location {
	docs := map[string]*document{}
	var found []location
	for _, p := range list {
		if d := s.shown(docs, p.File()); d != nil {
			found = append(found, location{d.uri, d.textRange(d.wordAt(d.at(p)))})
		}
	}
	return found
}

// unique drops what several main files say alike.
func unique(list []location) []location {
	var found []location
	for _, l := range list {
		if !slices.Contains(found, l) {
			found = append(found, l)
		}
	}
	if found == nil {
		found = []location{}
	}
	return found
}

// symbols are the blocks of a document and the names that it defines.
func (s *server) symbols(d *document, _ documentParams) (any, *rpcError) {
	o := s.outlined(d)
	list := s.blockSymbols(d, o.Stmts)
	for _, def := range o.Defines {
		list = append(list, documentSymbol{Name: "$" + def.Name, Detail: firstLine(def.Value), Kind: symbolVariable,
			Range: d.textRange(def.Span), Selection: d.textRange(def.Span)})
	}
	return list, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// blockSymbols are the blocks among nodes; what has arguments goes by them.
func (s *server) blockSymbols(d *document, nodes []*kconf.Node) []documentSymbol {
	list := []documentSymbol{}
	for _, n := range nodes {
		if n.Open < 0 || len(n.Words) == 0 {
			continue
		}
		end := n.Close + 1
		if n.Close < 0 {
			end = len(d.text)
		}
		keyword := n.Words[0].Text
		sym := documentSymbol{Name: keyword, Kind: symbolObject, Range: d.textRange(kconf.Span{From: n.From, To: end}),
			Selection: d.textRange(n.Words[0].Span), Children: s.blockSymbols(d, n.Block)}
		if len(n.Words) > 1 {
			name := kconf.Span{From: n.Words[1].From, To: n.To}
			sym.Name, sym.Detail, sym.Kind, sym.Selection = d.text[name.From:name.To], keyword, symbolClass, d.textRange(name)
		}
		if sym.Name == "" {
			sym.Name = `""` // editors refuse symbols without a name
		}
		list = append(list, sym)
	}
	return list
}

// format lays out a document. Where that is not sure to keep its meaning, the
// answer is an error, which editors show.
func (s *server) format(d *document, _ documentParams) (any, *rpcError) {
	out, err := kconf.FormatFile(d.path, []byte(d.text))
	var fe *kconf.FormatError
	switch {
	case errors.As(err, &fe):
		return nil, failf(codeRequestFailed, "not formatted: %v", fe)
	case err != nil:
		return nil, failf(codeInternalError, "format: %v", err)
	case string(out) == d.text:
		return []textEdit{}, nil
	}
	return []textEdit{{d.textRange(kconf.Span{From: 0, To: len(d.text)}), string(out)}}, nil
}
