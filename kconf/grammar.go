package kconf

import (
	"fmt"
	"io"
	"slices"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// maxDepth of blocks inside each other; keepalived's own keywords need five.
const maxDepth = 64

// The grammar of keepalived.conf: a statement is a line, and perhaps a block.
// A token's Offset is the index of its item, which has the words.
type stmtNode struct {
	Pos   lexer.Position
	Line  string     `parser:"@Line"`
	Block *blockNode `parser:"@@?"`
}

// blockNode is what stands between braces. The driver has seen to it that every
// opening brace has its closing one.
type blockNode struct {
	Pos   lexer.Position
	Open  string      `parser:"@Open"`
	Stmts []*stmtNode `parser:"@@*"`
	Close lexer.Token `parser:"@Close"`
}

// grammar is built once: building looks at struct tags by reflection.
var grammar = participle.MustBuild[stmtNode](participle.Lexer(lineLexer{}))

// lineLexer is participle's view of a reader: Line, Open and Close.
type lineLexer struct{}

// Symbols implements lexer.Definition.
func (lineLexer) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{"EOF": lexer.EOF, "Line": tokLine, "Open": tokOpen, "Close": tokClose}
}

// Lex implements lexer.Definition. Participle asks for it; the driver hands over
// tokens instead.
func (l lineLexer) Lex(name string, from io.Reader) (lexer.Lexer, error) {
	data, err := io.ReadAll(from)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return l.LexString(name, string(data))
}

// LexString is Lex for a text that is in memory.
func (lineLexer) LexString(name, content string) (lexer.Lexer, error) {
	r := newReader(Options{})
	r.read(&source{name: name}, content)
	var tokens []lexer.Token
	for i := range r.items {
		tokens = append(tokens, r.token(i))
	}
	return &tokenList{tokens: tokens}, nil
}

// tokenList is a lexer over tokens that are known already.
type tokenList struct {
	tokens []lexer.Token
	next   int
}

// Next implements lexer.Lexer.
func (l *tokenList) Next() (lexer.Token, error) {
	if l.next == len(l.tokens) {
		return lexer.EOFToken(lexer.Position{}), nil
	}
	l.next++
	return l.tokens[l.next-1], nil
}

// token is item i for participle. Offset carries i, by which stmt finds the words
// again.
func (r *reader) token(i int) lexer.Token {
	it := &r.items[i]
	return lexer.Token{Type: it.kind, Value: it.raw,
		Pos: lexer.Position{Filename: it.pos.File, Offset: i, Line: it.pos.Line, Column: it.pos.Col}}
}

// driver feeds the grammar one top-level statement at a time, after mending
// what is wrong with its braces, so that one mistake does not lose the rest.
type driver struct {
	r      *reader
	tokens []lexer.Token // of the top-level statement being collected
	open   []int         // items of the open braces
	stmts  []*Stmt
	extra  Pos // of the last closing brace that closed nothing

	// suspects are opening braces that were closed by a brace whose
	// indentation is that of a block further out: where a brace turns out to
	// be missing, it is probably theirs.
	suspects []int
}

// parse makes the tree of everything that was read.
func (r *reader) parse() []*Stmt {
	d := &driver{r: r}
	for i := 0; i < len(r.items); i++ {
		switch r.items[i].kind {
		case tokLine:
			d.line(i)
		case tokOpen:
			i = d.opening(i)
		case tokClose:
			d.closing(i)
		}
		r.mark(i)
	}
	d.closeAll("the file ends before it is closed")
	d.flush()
	r.mark(len(r.items))
	r.sortDiags()
	return d.stmts
}

// line collects the words of a statement. A keyword that only stands at the top
// level and opens a block there ends all blocks that are still open.
func (d *driver) line(i int) {
	if it := d.r.items[i]; len(d.open) > 0 && d.opens(i) && slices.Contains(d.r.opt.TopLevel, it.words[0].Text) {
		d.closeAll(fmt.Sprintf("not closed before %s in line %d", it.words[0].Text, it.pos.Line))
	}
	if len(d.open) == 0 {
		d.flush()
	}
	d.tokens = append(d.tokens, d.r.token(i))
}

// opens reports whether item i is followed by an opening brace.
func (d *driver) opens(i int) bool {
	return i+1 < len(d.r.items) && d.r.items[i+1].kind == tokOpen
}

// opening enters a block and returns the last item it has dealt with: a block
// that can not be used is skipped as a whole.
func (d *driver) opening(i int) int {
	pos := d.r.items[i].pos
	switch {
	case len(d.tokens) == 0 || d.tokens[len(d.tokens)-1].Type != tokLine:
		d.r.x.Errorf(pos, ClassUnexpectedBOB, "block-without-keyword", "{ without a keyword before it; the block is skipped")
		return d.skip(i)
	case len(d.open) >= maxDepth:
		d.r.x.Errorf(pos, ClassGeneral, "too-deep", "more than %d blocks inside each other; this one is skipped", maxDepth)
		return d.skip(i)
	}
	d.open = append(d.open, i)
	d.tokens = append(d.tokens, d.r.token(i))
	return i
}

// skip returns the item that closes the block opened by item i.
func (d *driver) skip(i int) int {
	depth := 0
	for j := i; j < len(d.r.items); j++ {
		switch d.r.items[j].kind {
		case tokOpen:
			depth++
		case tokClose:
			if depth--; depth == 0 {
				return j
			}
		}
	}
	d.r.missingBrace(i, "the file ends before it is closed")
	return len(d.r.items)
}

// closing leaves a block. A brace that closes nothing is reported once per line:
// three of them are one mistake.
func (d *driver) closing(i int) {
	if len(d.open) == 0 {
		if pos := d.r.items[i].pos; pos.Line != d.extra.Line || pos.File != d.extra.File { // once per line
			d.r.x.Errorf(pos, ClassUnexpectedEOB, "extra-brace", "} closes nothing")
			d.extra = pos
		}
		d.flush() // a block that follows is nobody's
		return
	}
	last := len(d.open) - 1
	if d.looksForeign(i) {
		d.suspects = append(d.suspects, d.open[last])
	}
	d.open = d.open[:last]
	d.tokens = append(d.tokens, d.r.token(i))
}

// looksForeign reports whether closing brace i, first on its line, stands below
// an outer statement instead of the one it closes.
func (d *driver) looksForeign(i int) bool {
	items := d.r.items
	if items[i-1].pos.Line == items[i].pos.Line {
		return false
	}
	below := func(open int) bool { return items[open-1].pos.Col == items[i].pos.Col }
	last := len(d.open) - 1
	return !below(d.open[last]) && slices.ContainsFunc(d.open[:last], below)
}

// closeAll ends the blocks that nobody has closed.
func (d *driver) closeAll(why string) {
	for len(d.open) > 0 {
		last := len(d.open) - 1
		at := d.open[last]
		if n := len(d.suspects); n > 0 {
			at, d.suspects = d.suspects[n-1], d.suspects[:n-1]
		}
		d.r.missingBrace(at, why)
		d.tokens = append(d.tokens, lexer.Token{Type: tokClose, Value: "}", Pos: lexer.Position{Offset: -1}})
		d.open = d.open[:last]
	}
}

// missingBrace reports an opening brace, item open, that nobody closes.
func (r *reader) missingBrace(open int, why string) {
	r.x.Errorf(r.items[open].pos, ClassMissingEOB, "missing-brace", "{ has no }: %s", why)
}

// flush parses the statement that has been collected.
func (d *driver) flush() {
	d.suspects = d.suspects[:0]
	if len(d.tokens) == 0 {
		return
	}
	peek, err := lexer.Upgrade(&tokenList{tokens: d.tokens})
	if err == nil {
		var node *stmtNode
		if node, err = grammar.ParseFromLexer(peek); err == nil {
			d.stmts = append(d.stmts, d.r.stmt(node))
		}
	}
	if err != nil { // the driver has mended the braces: this can not happen
		d.r.x.Errorf(Pos{}, ClassGeneral, "syntax", "%v", err)
	}
	d.tokens = d.tokens[:0]
}

// stmt makes a statement of participle's node and the item it was made from.
func (r *reader) stmt(n *stmtNode) *Stmt {
	it := &r.items[n.Pos.Offset]
	s := &Stmt{Words: it.words, Raw: it.raw}
	if n.Block == nil {
		return s
	}
	s.HasBlock = true
	s.Open = r.items[n.Block.Pos.Offset].pos
	if i := n.Block.Close.Pos.Offset; i >= 0 {
		s.Close = r.items[i].pos
	}
	for _, inner := range n.Block.Stmts {
		s.Block = append(s.Block, r.stmt(inner))
	}
	return s
}
