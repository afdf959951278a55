package kconf

import "fmt"

// Source is a file that statements come from.
type Source struct {
	Name string // as the operator wrote it
	Via  *Pos   // the include statement that brought the file in; nil for the main file
}

// Pos is a place in a configuration file: line and column are counted from 1,
// columns in characters. It is kept small, because a configuration keeps one for
// nearly everything it says.
type Pos struct {
	Source    *Source
	Line, Col int32
}

// At is a place in a file that nothing includes.
func At(file string, line, col int) Pos {
	return Pos{Source: &Source{Name: file}, Line: int32(line), Col: int32(col)}
}

// IsValid reports whether p names a place at all.
func (p Pos) IsValid() bool { return p.Line > 0 }

// File is the name of the file, "" for no place.
func (p Pos) File() string {
	if p.Source == nil {
		return ""
	}
	return p.Source.Name
}

// Via is the include statement that brought the file in, nil for the main file.
func (p Pos) Via() *Pos {
	if p.Source == nil {
		return nil
	}
	return p.Source.Via
}

// String prints file:line:column, what editors and grep-minded people expect.
func (p Pos) String() string {
	if !p.IsValid() {
		return "-"
	}
	return fmt.Sprintf("%s:%d:%d", p.File(), p.Line, p.Col)
}

// Word is one word of a statement, quotes removed.
type Word struct {
	Text   string
	Pos    Pos
	Quoted bool // was written in double quotes
}

// Stmt is one statement: a keyword with its arguments, and the block that
// follows it, if one does. In a value block (addresses, names) every line is a
// Stmt whose first word is data, not a keyword.
type Stmt struct {
	Words    []Word // never empty
	Raw      string // the logical line without comment, after substitution; script strings re-read it
	HasBlock bool   // an opening brace followed, perhaps on a later line
	Block    []*Stmt
	Open     Pos // of the opening brace
	Close    Pos // of the closing brace; invalid when the file ended first
}

// Keyword is the first word.
func (s *Stmt) Keyword() string { return s.Words[0].Text }

// Pos is where the keyword stands.
func (s *Stmt) Pos() Pos { return s.Words[0].Pos }

// Args are the words after the keyword.
func (s *Stmt) Args() []Word { return s.Words[1:] }

// File is a configuration after includes, conditions and definitions: what the
// parent parses once and hands to its children.
type File struct {
	Name  string
	Stmts []*Stmt // empty when Options.Each has taken them
}
