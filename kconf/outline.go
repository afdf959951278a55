package kconf

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Outline is what stands where in the text of one file, for editors: nothing is
// included, substituted or repeated, and a text that is just being written, with
// open blocks and quotes, has one, too. Places are byte offsets in the text.
type Outline struct {
	Stmts    []*Node // of the top level
	Defines  []Definition
	Includes []Include
	Comments []Span
}

// Span is the text from From up to, not including, To.
type Span struct{ From, To int }

// Contains reports whether offset is in s or directly behind it.
func (s Span) Contains(offset int) bool { return offset >= s.From && offset <= s.To }

// TextWord is a word as it is written; its span includes the quotes.
type TextWord struct {
	Span
	Text   string
	Quoted bool
}

// Node is a statement of an outline. A block without keyword has no words.
type Node struct {
	Span   // from its first word to a brace, a comment or the end of the line
	Words  []TextWord
	Parent *Node // nil at the top level
	Block  []*Node
	Open   int // of the opening brace, -1 without one
	Close  int // of the closing brace, -1 if the block is open at the end
}

// Definition is a place that gives a name a value: $NAME=VALUE, or a repetition.
type Definition struct {
	Span  // the name
	Name  string
	Value string // as written, lines joined by newlines, the first 64 KiB or so; of a repetition its arguments
}

const maxValueShown = 64 << 10

// Include is an include statement: the pattern as it is written.
type Include struct {
	Span
	Pattern string
}

// outliner makes an outline.
type outliner struct {
	text       string
	top        []string
	o          *Outline
	block      *Node       // innermost open one
	last       *Node       // statement that a brace would belong to
	collecting *Definition // that a line continues
	depth      int         // of block
	beyond     int         // blocks that are too deep, and not in the outline
}

// ReadOutline makes the outline of a text. topLevel are keywords whose blocks
// stand in no other block, as Options.TopLevel.
func ReadOutline(text string, topLevel []string) *Outline {
	r := &outliner{text: text, top: topLevel, o: new(Outline)}
	for from := 0; from < len(text); {
		end := from + cutAt(strings.IndexByte(text[from:], '\n'), text[from:])
		r.line(from, end)
		from = end + 1
	}
	return r.o
}

// trim is the span of text[from:to] without the blanks around it.
func (r *outliner) trim(from, to int) Span {
	s := r.text[from:to]
	from += len(s) - len(strings.TrimLeftFunc(s, looksBlank))
	return Span{from, max(from, to-(len(s)-len(strings.TrimRightFunc(s, looksBlank))))}
}

// line reads one physical line.
func (r *outliner) line(from, to int) {
	comment := from + commentStart(r.text[from:to])
	if comment < to {
		r.o.Comments = append(r.o.Comments, Span{comment, to})
	}
	code := r.trim(from, comment)
	switch {
	case code.From == code.To:
		if comment == to {
			r.collecting = nil
		}
	case r.collecting != nil:
		rest, more := strings.CutSuffix(r.text[code.From:code.To], `\`)
		if len(r.collecting.Value) < maxValueShown {
			r.collecting.Value += "\n" + strings.TrimRight(rest, blanks)
		}
		if !more {
			r.collecting = nil
		}
	default:
		r.statements(code)
	}
}

// statements reads a line from a place on where one may begin.
func (r *outliner) statements(s Span) {
	for s.From < s.To {
		rest := r.prefixes(s)
		s.From = s.To - len(rest)
		if name := definedName(rest); name != "" {
			r.definition(s, name)
			return
		}
		if isInclude(rest) {
			pattern := strings.TrimLeft(rest[strings.IndexAny(rest, blanks):], blanks)
			r.o.Includes = append(r.o.Includes, Include{s, pattern})
			return
		}
		i := nextBrace(rest)
		r.statement(r.trim(s.From, s.From+cutAt(i, rest)))
		if i < 0 {
			return
		}
		r.brace(s.From+i, rest[i])
		s = r.trim(s.From+i+1, s.To)
	}
}

// prefixes passes conditions and repetitions, noting the names that these define.
func (r *outliner) prefixes(s Span) (rest string) {
	prefix, rest := cutPrefixes(r.text[s.From:s.To])
	for at := 0; at < len(prefix); {
		next := strings.IndexByte(prefix[at:], '~')
		if next < 0 {
			break
		}
		at += next
		_, args, _, ok := repetition(text{s: prefix[at:], col: 1})
		if !ok {
			break
		}
		list := splitArgs(args.s)
		for _, name := range group(list[0]) {
			from := s.From + at + max(strings.Index(prefix[at:], name), 0)
			r.o.Defines = append(r.o.Defines, Definition{Span{from, from + len(name)}, name, strings.Join(list[1:], ", ")})
		}
		at += strings.IndexByte(prefix[at:], ')') + 1
	}
	return rest
}

// definition reads $NAME=VALUE, which lines may follow.
func (r *outliner) definition(s Span, name string) {
	value := r.text[s.From+len(name)+2 : s.To]
	value, more := strings.CutSuffix(strings.TrimLeft(value, blanks), `\`)
	r.o.Defines = append(r.o.Defines, Definition{Span{s.From, s.From + 1 + len(name)}, name, strings.TrimRight(value, blanks)})
	if more {
		r.collecting = &r.o.Defines[len(r.o.Defines)-1] // nothing is appended before it is done
	}
}

// statement adds one with the words of s, if it has any.
func (r *outliner) statement(s Span) {
	if s.From == s.To {
		return
	}
	n := &Node{Span: s, Words: r.words(s), Parent: r.block, Open: -1, Close: -1}
	r.append(n)
}

func (r *outliner) append(n *Node) {
	if n.Parent == nil {
		r.o.Stmts = append(r.o.Stmts, n)
	} else {
		n.Parent.Block = append(n.Parent.Block, n)
	}
	r.last = n
}

// words splits a statement; a quote that is not closed makes a word of the rest.
func (r *outliner) words(s Span) []TextWord {
	var words []TextWord
	t := r.text[:s.To]
	for i := s.From; i < s.To; {
		c, width := utf8.DecodeRuneInString(t[i:])
		if looksBlank(c) {
			i += width
			continue
		}
		if c == '"' {
			end := i + 1 + cutAt(strings.IndexByte(t[i+1:], '"'), t[i+1:])
			words = append(words, TextWord{Span{i, min(end+1, s.To)}, t[i+1 : end], true})
			i = end + 1
			continue
		}
		end := i + cutAt(strings.IndexFunc(t[i:], func(c rune) bool { return c == '"' || looksBlank(c) }), t[i:])
		words = append(words, TextWord{Span{i, end}, t[i:end], false})
		i = end
	}
	return words
}

// brace opens or closes a block. A closing one too many is passed over.
func (r *outliner) brace(at int, char byte) {
	switch {
	case char == '{' && (r.beyond > 0 || r.depth >= maxDepth):
		r.beyond++
	case char == '}' && r.beyond > 0:
		r.beyond--
	case char == '}' && r.block != nil:
		r.block.Close = at
		r.last, r.block = nil, r.block.Parent
		r.depth--
	case char == '{':
		r.depth++
		n := r.last
		if n == nil || n.Open >= 0 {
			n = &Node{Span: Span{at, at}, Parent: r.block, Close: -1}
			r.append(n)
		}
		if n.Parent != nil && len(n.Words) > 0 && slices.Contains(r.top, n.Words[0].Text) {
			r.moveToTop(n)
		}
		n.Open = at
		r.block, r.last = n, nil
	}
}

// moveToTop makes a statement one of the top level: blocks before it have been
// left open.
func (r *outliner) moveToTop(n *Node) {
	p := n.Parent
	p.Block = p.Block[:len(p.Block)-1]
	n.Parent, r.depth = nil, 1
	r.append(n)
}

// At is the innermost block around offset, nil at the top level, and the
// statement that offset is in or directly behind, nil if one would begin there.
func (o *Outline) At(offset int) (block, stmt *Node) {
	list := o.Stmts
	for {
		// Statements are in the order of the text; blocks that are open go on to the end.
		i, _ := slices.BinarySearchFunc(list, offset, func(n *Node, offset int) int {
			if n.From <= offset {
				return -1
			}
			return 1
		})
		if i == 0 {
			return block, nil
		}
		n := list[i-1]
		switch {
		case n.Span.Contains(offset) && len(n.Words) > 0:
			return block, n
		case n.Open < 0 || offset <= n.Open || n.Close >= 0 && offset > n.Close:
			return block, nil
		}
		block, list = n, n.Block
	}
}

// IncludedFiles are the files that an include pattern names, seen from folder
// dir; files that do not exist are not among them.
func IncludedFiles(files FS, dir, pattern string) []string {
	found, _, _ := glob(files, dir, pattern)
	var names []string
	for _, m := range found {
		if !m.missing {
			names = append(names, m.name)
		}
	}
	return names
}
