package kconf

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// FormatError is a place where a text leaves it open what it means, so that it
// is not formatted.
type FormatError struct {
	Pos     Pos
	Message string // what is wrong there
}

// Error prints "file:line:col: message", without the file when it has no name.
func (e *FormatError) Error() string {
	return strings.TrimPrefix(e.Pos.String(), ":") + ": " + e.Message
}

// Format lays out the text of one configuration file: four blanks for each
// block, one statement a line, an opening brace at the end of its keyword's
// line and a closing one on a line of its own, one blank between words, two
// before a comment, at most one blank line in a row. Words, comments and their
// order stay. Script strings, conditions, definitions, repetitions and include
// lines stay as they are written, and so does a line whose meaning depends on a
// definition that Format does not see through; all of them are only indented.
//
// The result reads as the same tree, and formatting it again changes nothing. A
// text that is not sure to do so is refused with a FormatError: braces without
// partner, a double quote that is not closed, a NUL.
func Format(src []byte) ([]byte, error) { return FormatFile("", src) }

// FormatFile is Format with a file name for the error.
func FormatFile(name string, src []byte) ([]byte, error) {
	f := &formatter{name: name, tame: map[string]bool{}, pending: -1}
	data := strings.TrimPrefix(string(src), "\ufeff")
	for data != "" {
		line, rest, _ := strings.Cut(data, "\n")
		data = rest
		f.line++
		if f.readLine(strings.TrimRight(line, "\r")); f.err != nil {
			return nil, f.err
		}
	}
	if n := len(f.opens); n > 0 {
		open := f.opens[n-1]
		f.line = open.line
		f.fail(open.text, open.at, "{ has no }; close the block first")
		return nil, f.err
	}
	return f.render()
}

// layout is one line of the result.
type layout struct {
	depth   int
	code    string
	comment string
	blank   bool // an empty line, dropped where none belongs
	keep    bool // an empty line that means something: it ends a definition
	opens   bool // no empty line behind it
	closes  bool // no empty line before it
	line    int  // it was made from
}

// formatter holds what is known after some lines. It needs no tree: what a line
// means is decided line by line, and braces only indent.
type formatter struct {
	name string
	line int // that is being read
	err  error
	out  []layout

	opens   []opened // braces that are open
	pending int      // line of out whose statement may get its brace from a later line, -1: none

	continuing continuation
	within     int // braces open in the definition that is being continued

	alternative alternative
	tame        map[string]bool // see uses
}

// opened is where a block was opened. Its column is only counted if it is asked for.
type opened struct {
	line, at int
	text     string // of the line
}

// continuation tells what the lines after a backslash are.
type continuation uint8

const (
	noContinuation continuation = iota
	inDefinition                // lines of a definition: their braces do not count yet
	perhaps                     // either that or statements; only the values of definitions would tell
)

// fail refuses the text because of byte i of line.
func (f *formatter) fail(line string, i int, format string, args ...any) {
	if f.err == nil {
		f.err = &FormatError{f.pos(line, i), fmt.Sprintf(format, args...)}
	}
}

// pos is byte i of line, the one that is being read.
func (f *formatter) pos(line string, i int) Pos {
	return At(f.name, f.line, 1+utf8.RuneCountInString(line[:i]))
}

// readLine takes one physical line without its end.
func (f *formatter) readLine(line string) {
	if len(line) > maxLineLength {
		f.fail(line, 0, "line of %d octets, at most %d are read; cut it", len(line), maxLineLength)
		return
	}
	if i := strings.IndexByte(line, 0); i >= 0 {
		f.fail(line, i, "NUL character; remove it")
		return
	}
	code, comment := splitComment(line)
	at := strings.Index(line, code) // foreign blanks may have changed the text: then it is near enough
	p := physical{line: line, code: code, comment: comment, at: max(at, 0)}
	switch {
	case code == "" && comment == "":
		f.out = append(f.out, layout{blank: true, keep: f.continuing != noContinuation})
		f.continuing = noContinuation
	case code == "":
		depth := len(f.opens)
		if f.continuing == inDefinition {
			depth += 1 + f.within
		}
		f.out = append(f.out, layout{depth: depth, comment: comment, line: f.line})
	case f.continuing == inDefinition:
		f.continued(p)
	case f.continuing == perhaps || f.asWritten(p):
		f.verbatim(p)
	default:
		f.statements(p)
	}
}

// physical is a line taken apart: code and comment are parts of line, without
// blanks around them; at is where code begins.
type physical struct {
	line, code, comment string
	at                  int
}

// continued lays out a further line of a definition: indented below it, and by
// the blocks that it will make.
func (f *formatter) continued(p physical) {
	n := countBraces(p.code)
	depth := len(f.opens) + 1 + max(f.within-n.leading, 0)
	f.add(layout{depth: min(depth, maxDepth+1), code: p.code, comment: p.comment})
	f.within = min(max(f.within+n.net(), 0), maxDepth)
	f.learn(p.code) // under a condition it may be no definition after all
	f.ending(p, inDefinition)
}

// ending looks whether the line goes on, as a definition or as how says.
func (f *formatter) ending(p physical, how continuation) {
	rest, more := strings.CutSuffix(p.code, `\`)
	f.continuing = noContinuation
	if !more {
		f.within = 0
		return
	}
	// A value that ends in a backslash makes its user another beginning of a definition.
	if strings.HasSuffix(strings.TrimRight(rest, blanks), `\`) {
		f.fail(p.line, p.at+len(rest), "two backslashes at the end of a line; leave one")
	}
	f.continuing = how
}

// verbatim lays out a line whose text is not touched, and counts its braces.
func (f *formatter) verbatim(p physical) {
	n := countBraces(p.code)
	closers := min(n.leading, len(f.opens))
	depth, counted := f.alternative.next(p.code, n, len(f.opens)-closers)
	f.add(layout{depth: depth, code: p.code, comment: p.comment, opens: n.opens, closes: n.leading > 0})
	for _, b := range n.at {
		if !counted {
			f.brace(p, b.at, b.char)
		}
	}
	f.learn(p.code)
	if n.value < 0 {
		f.ending(p, perhaps)
		return
	}
	f.within = min(max(countBraces(p.code[n.value:]).net(), 0), maxDepth)
	f.ending(p, inDefinition)
}

// brace keeps the account of blocks; i is where in the code it stands.
func (f *formatter) brace(p physical, i int, char byte) {
	n := len(f.opens)
	at := min(p.at+i, len(p.line))
	switch {
	case char == '{' && n >= maxDepth:
		f.fail(p.line, at, "more than %d blocks inside each other", maxDepth)
	case char == '{':
		f.opens = append(f.opens, opened{f.line, at, p.line})
	case n == 0:
		f.fail(p.line, at, "} closes nothing; remove it or open a block")
	default:
		f.opens = f.opens[:n-1]
	}
}

// add appends a line of code, which ends the wait for a brace.
func (f *formatter) add(l layout) {
	l.line = f.line
	f.out = append(f.out, l)
	f.pending = -1
}

// statements cuts a line at its braces.
func (f *formatter) statements(p physical) {
	f.alternative = alternative{}
	comment := p.comment
	for from := 0; f.err == nil; {
		rest := p.code[from:]
		skipped := len(rest) - len(strings.TrimLeft(rest, blanks))
		from, rest = from+skipped, rest[skipped:]
		if from > 0 && ownLine(rest) {
			q := p
			q.code, q.at, q.comment = rest, p.at+from, comment
			f.verbatim(q)
			return
		}
		i := nextBrace(rest)
		if piece := strings.TrimRight(rest[:cutAt(i, rest)], blanks); piece != "" {
			f.statement(p, from, piece)
		}
		if i < 0 {
			break
		}
		f.brace(p, from+i, rest[i])
		if rest[i] == '{' {
			comment = f.opening(comment, strings.Trim(rest[i+1:], blanks) == "")
		} else {
			f.add(layout{depth: len(f.opens), code: "}", closes: true})
		}
		from += i + 1
	}
	f.comment(comment)
}

func cutAt(i int, s string) int {
	if i < 0 {
		return len(s)
	}
	return i
}

// statement lays out what stands between braces, piece, from byte at of the code.
func (f *formatter) statement(p physical, at int, piece string) {
	f.add(layout{depth: len(f.opens), code: piece})
	if first := firstWord(piece); scriptKeyword(first) {
		f.out[len(f.out)-1].code = scriptCode(piece, first)
		f.pending = -1
		return
	}
	code, open := oneBlank(piece)
	if open >= 0 {
		f.fail(p.line, min(p.at+at+open, len(p.line)), "quote is not closed; close it")
		return
	}
	f.out[len(f.out)-1].code = code
	// A brace behind a backslash would separate it from the last word.
	if !strings.HasSuffix(code, `\`) {
		f.pending = len(f.out) - 1
	}
}

// opening puts a brace behind the keyword that waits for it, comments in between
// going into the block, or on a line of its own. What is returned of comment has
// still to be placed; last tells that nothing but comment follows the brace.
func (f *formatter) opening(comment string, last bool) string {
	// The piece before it in the same line is its keyword, whatever kind it is.
	n := len(f.out) - 1
	if f.pending < 0 && n >= 0 && f.out[n].line == f.line && f.out[n].code != "}" && !f.out[n].opens {
		f.pending = n
	}
	if f.pending < 0 || ownLine(f.out[f.pending].code+" {") { // "include {" would be an include
		f.add(layout{depth: len(f.opens) - 1, code: "{", opens: true})
		return comment
	}
	k := &f.out[f.pending]
	k.code += " {"
	k.opens = true
	k.line = f.line
	between := f.out[f.pending+1:]
	for i := range between {
		between[i].depth++
	}
	if last && k.comment == "" && len(between) == 0 {
		k.comment, comment = comment, ""
	}
	f.pending = -1
	return comment
}

// comment places what follows a line of code.
func (f *formatter) comment(comment string) {
	if comment == "" {
		return
	}
	last := &f.out[len(f.out)-1]
	if last.code != "" && last.comment == "" && last.line == f.line {
		last.comment = comment
		return
	}
	f.out = append(f.out, layout{depth: len(f.opens), comment: comment, line: f.line})
}

// render writes the lines, and decides about the empty ones.
func (f *formatter) render() ([]byte, error) {
	var b strings.Builder
	blank, before := false, layout{opens: true} // none at the beginning
	for _, l := range f.out {
		if l.blank {
			blank = true
			before.keep = before.keep || l.keep
			continue
		}
		if before.keep || blank && !before.opens && !l.closes {
			b.WriteByte('\n')
		}
		blank, before = false, l
		text := l.code
		if l.comment != "" {
			text = strings.TrimLeft(l.code+"  "+l.comment, " ")
		}
		text = strings.Repeat("    ", l.depth) + text
		if len(text) > maxLineLength {
			return nil, &FormatError{At(f.name, l.line, 1), "too long with its indentation; cut it"}
		}
		b.WriteString(text)
		b.WriteByte('\n')
	}
	return []byte(b.String()), nil
}
