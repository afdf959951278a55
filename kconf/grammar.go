package kconf

import (
	"fmt"
	"io"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// maxDepth of blocks inside each other; keepalived's own keywords need five.
const maxDepth = 64

// The grammar of keepalived.conf: a file is statements, a statement is a line and
// perhaps a block, a block is statements in braces. A Line token is a run of
// statements; only the last of them can have a block.
type fileNode struct {
	Runs []*runNode `parser:"@@*"`
}

// runNode names the items that a run of statements is made of.
type runNode struct {
	first, end   int32 // lines, the second behind the last; -1: the batch ends there
	open, closed int32
	block        []*runNode
	hasBlock     bool
}

// Parse implements participle.Parseable: Line [Open Line* Close]. Participle would
// walk the same rule by reflection, at several times the cost; the driver has seen
// to it that every opening brace has its closing one.
func (n *runNode) Parse(lex *lexer.PeekingLexer) error {
	if lex.Peek().Type != tokLine {
		return participle.NextMatch
	}
	n.first, n.end = int32(lex.Next().Pos.Offset), -1
	if next := lex.Peek(); next.Type != lexer.EOF {
		n.end = int32(next.Pos.Offset)
	}
	if lex.Peek().Type != tokOpen {
		return nil
	}
	n.hasBlock, n.open = true, int32(lex.Next().Pos.Offset)
	for lex.Peek().Type == tokLine {
		inner := new(runNode)
		if err := inner.Parse(lex); err != nil {
			return err
		}
		n.block = append(n.block, inner)
	}
	if got := lex.Peek(); got.Type != tokClose {
		return &participle.UnexpectedTokenError{Unexpected: *got}
	}
	n.closed = int32(lex.Next().Pos.Offset)
	return nil
}

// grammar is built once: building looks at struct tags by reflection.
var grammar = participle.MustBuild[fileNode](participle.Lexer(lineLexer{}))

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
	r := newReader(Options{})
	r.begin(&source{Source: &Source{Name: name}})
	r.lines(string(data))
	r.end()
	r.drive.flushHeld(false)
	return &tokenList{tokens: r.drive.tokens}, nil
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
