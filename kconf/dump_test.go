package kconf_test

import (
	"fmt"
	"strings"

	"holdfast/kconf"
)

// flat prints statements on one line: words, quoted ones in quotes, blocks in
// braces, "|" between statements.
func flat(stmts []*kconf.Stmt) string {
	parts := make([]string, len(stmts))
	for i, s := range stmts {
		parts[i] = words(s)
		if s.HasBlock {
			parts[i] += " {" + flat(s.Block) + "}"
		}
	}
	return strings.Join(parts, " | ")
}

func words(s *kconf.Stmt) string {
	list := make([]string, len(s.Words))
	for i, w := range s.Words {
		list[i] = w.Text
		if w.Quoted {
			list[i] = fmt.Sprintf("%q", w.Text)
		}
	}
	return strings.Join(list, " ")
}

// tree prints one statement per line, indented, each word with its place.
func tree(b *strings.Builder, stmts []*kconf.Stmt, indent string) {
	for _, s := range stmts {
		fmt.Fprintf(b, "%s%s  [", indent, words(s))
		for i, w := range s.Words {
			if i > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(b, "%d:%d", w.Pos.Line, w.Pos.Col)
		}
		b.WriteByte(']')
		for via := s.Pos().Via(); via != nil; via = via.Via() {
			fmt.Fprintf(b, " via %v", via)
		}
		b.WriteByte('\n')
		if s.HasBlock {
			tree(b, s.Block, indent+"    ")
			fmt.Fprintf(b, "%s}  [%d:%d..%d:%d]\n", indent, s.Open.Line, s.Open.Col, s.Close.Line, s.Close.Col)
		}
	}
}

// messages prints diagnostics one per line, without the file name.
func messages(ds *kconf.Diagnostics) string {
	var b strings.Builder
	for _, d := range ds.All() {
		b.WriteString(strings.TrimPrefix(d.String(), "k.conf:") + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
