package lsp

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"holdfast/kconf"
)

// complete offers what may stand at the cursor: keywords of the block, names of
// objects, words of an enumeration, names of definitions behind a dollar.
func (s *server) complete(d *document, p documentParams) (any, *rpcError) {
	items := []completionItem{}
	c := s.cursorAt(d, p.Position)
	if c.comment {
		return items, nil
	}
	written := d.text[c.word.From:c.offset]
	if i := strings.LastIndexByte(written, '$'); i >= 0 && !strings.ContainsAny(written[i:], "} \t") {
		return s.names(c, c.word.From+i), nil
	}
	switch row := c.row(); {
	case c.index == 0 && c.rows != nil:
		return s.keywords(c), nil
	case c.rows == nil && c.owner != nil: // a value block
		if c.owner.Refers != "" && (c.index == 0 || wordBlock(c.owner)) {
			items = append(items, s.objects(c, c.owner.Refers)...)
		}
		items = append(items, s.words(c)...)
	case row != nil:
		for _, word := range enumWords(row.KeywordDoc) {
			items = append(items, s.item(c, completionItem{Label: word, Kind: itemEnum}, word))
		}
		if row.Refers != "" {
			items = append(items, s.objects(c, row.Refers)...)
		}
	}
	return items, nil
}

// words are those that may stand in a line of a value block, but not the ones
// that stand for a value.
func (s *server) words(c cursor) []completionItem {
	var items []completionItem
	if c.owner.words == nil {
		return nil
	}
	for _, doc := range c.owner.words.vocab.Docs() {
		if !strings.ContainsAny(doc.Name, "<[") {
			it := completionItem{Label: doc.Name, Kind: itemKeyword, Detail: doc.Args, Documentation: &markup{"markdown", help(doc)}}
			items = append(items, s.item(c, it, doc.Name))
		}
	}
	return items
}

// item completes an item: its text replaces the word at the cursor.
func (s *server) item(c cursor, it completionItem, text string) completionItem {
	it.Edit = textEdit{c.doc.textRange(c.word.Span), text}
	return it
}

// keywords are the rows of the block around the cursor. One that opens a block
// brings it along, unless the line goes on already.
func (s *server) keywords(c cursor) []completionItem {
	items := []completionItem{}
	alone := c.stmt == nil || len(c.stmt.Words) <= 1 && c.stmt.Open < 0
	for _, row := range c.rows.vocab.Docs() {
		it := completionItem{Label: row.Name, Kind: itemKeyword, Detail: row.Args, Documentation: &markup{"markdown", help(row)}}
		if row.Deprecated != "" {
			it.Tags = []int{1}
		}
		text := row.Name
		if s.snippets && alone && opensBlock(row) {
			it.Format, text = 2, snippet(row)
		}
		items = append(items, s.item(c, it, text))
	}
	return items
}

func opensBlock(row kconf.KeywordDoc) bool {
	return row.Block != nil || strings.HasSuffix(row.Type, "block") || strings.Contains(row.Args, "{")
}

// snippet is a keyword with its arguments to fill in and its block.
func snippet(row kconf.KeywordDoc) string {
	args, _, _ := strings.Cut(row.Args, "{")
	text := row.Name
	if args = strings.TrimSpace(args); args != "" {
		text += " ${1:" + strings.NewReplacer(`\`, `\\`, "$", `\$`, "}", `\}`).Replace(args) + "}"
	}
	return text + " {\n\t$0\n}"
}

// objects are the names of one kind.
func (s *server) objects(c cursor, kind string) []completionItem {
	found := map[string]bool{}
	for _, path := range s.openPaths() {
		if r := s.roots[path]; r != nil && r.read[c.doc.path] {
			for _, name := range r.index.names(kind) {
				found[name] = true
			}
		}
	}
	var items []completionItem
	for _, name := range sorted(found) {
		text := name
		if strings.ContainsAny(name, " \t{}#!") || c.word.Quoted {
			text = `"` + name + `"`
		}
		items = append(items, s.item(c, completionItem{Label: name, Kind: itemReference, Detail: kind}, text))
	}
	return items
}

// names are those of definitions, in place of what stands from offset from up to
// the cursor.
func (s *server) names(c cursor, from int) []completionItem {
	values := map[string]string{}
	for _, doc := range s.filesAround(c.doc) {
		for _, def := range s.outlined(doc).Defines {
			values[def.Name] = def.Value
		}
	}
	c.word.Span = kconf.Span{From: from, To: c.offset}
	if c.offset < len(c.doc.text) && c.doc.text[c.offset] == '}' {
		c.word.To++ // the editor has closed it already
	}
	items := []completionItem{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		it := completionItem{Label: "${" + name + "}", Kind: itemVariable, Detail: values[name]}
		items = append(items, s.item(c, it, it.Label))
	}
	return items
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// enumWords are the words that a row accepts, if its range is a list of them:
// "MASTER or BACKUP", "NAT, DR or TUN [type ...]", "true on yes or false off no".
func enumWords(row kconf.KeywordDoc) []string {
	if !strings.HasPrefix(row.Type, "ENUM") && !strings.HasPrefix(row.Type, "BOOL") {
		return nil
	}
	list, _, _ := strings.Cut(row.Range, " [")
	var words []string
	for _, w := range strings.FieldsFunc(list, func(c rune) bool { return strings.ContainsRune(" ,|/", c) }) {
		switch {
		case w == "or" || w == "and":
		case !plainWord.MatchString(w):
			return nil
		default:
			words = append(words, w)
		}
	}
	return words
}
