package kconf

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// blanks separate words.
const blanks = " \t\f\r\n\v"

func isBlank(c byte) bool { return strings.IndexByte(blanks, c) >= 0 }

// text is a part of a physical line that knows its columns, also after
// substitution has changed it.
type text struct {
	s    string
	col  int     // column of the first character
	cols []int32 // column of every byte; nil while s is as it was written
	at   bool    // every byte has column col: s comes from a definition used there
}

// colAt is the column of byte i.
func (t text) colAt(i int) int {
	switch {
	case t.at:
		return t.col
	case t.cols == nil:
		return t.col + utf8.RuneCountInString(t.s[:i])
	case i < len(t.cols):
		return int(t.cols[i])
	case len(t.cols) > 0:
		return int(t.cols[len(t.cols)-1]) + 1
	}
	return t.col
}

// cut is t.s[i:j].
func (t text) cut(i, j int) text {
	part := text{s: t.s[i:j], col: t.colAt(i), at: t.at}
	if t.cols != nil {
		part.cols = t.cols[i:j]
	}
	return part
}

// trim removes blanks at both ends.
func (t text) trim() text {
	i, j := 0, len(t.s)
	for i < j && isBlank(t.s[i]) {
		i++
	}
	for j > i && isBlank(t.s[j-1]) {
		j--
	}
	if i == 0 && j == len(t.s) {
		return t
	}
	return t.cut(i, j)
}

// splice replaces t.s[i:j] by value, all of which stands at the column of i.
func (t text) splice(i, j int, value string) text {
	// Mistakes in what was put in are shown where it was used: that is where the
	// reader looks first, and the value may come from another file.
	old := t.columns()
	cols := make([]int32, 0, len(t.s)-(j-i)+len(value))
	cols = append(cols, old[:i]...)
	for range len(value) {
		cols = append(cols, old[i])
	}
	cols = append(cols, old[j:]...)
	return text{s: t.s[:i] + value + t.s[j:], col: t.col, cols: cols}
}

// columns is the column of every byte.
func (t text) columns() []int32 {
	if t.cols != nil {
		return t.cols
	}
	cols := make([]int32, len(t.s))
	col := t.col - 1
	for i := range cols {
		if !t.at && utf8.RuneStart(t.s[i]) || i == 0 {
			col++
		}
		cols[i] = int32(col)
	}
	return cols
}

// uncomment cuts off a comment: # or ! outside double quotes, even inside a
// word. A backslash before them protects; it is kept, because the line may be
// looked at again after substitution, and removed by unescape at the end.
func uncomment(t text) text {
	if !strings.ContainsAny(t.s, "#!") {
		return t.trim()
	}
	// A quote that is never closed protects the rest of the line. Its state does
	// not reach the next one, so a typing error costs one line.
	quoted := false
	for i := 0; i < len(t.s); i++ {
		switch c := t.s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\\' && i+1 < len(t.s) && (t.s[i+1] == '#' || t.s[i+1] == '!'):
			i++
		case c == '#' || c == '!':
			return t.cut(0, i).trim()
		}
	}
	return t.trim()
}

// joinBackslash removes the blanks before a backslash at the end of a line. It
// continues definitions only; anywhere else it thereby becomes part of the last
// word, where it shows, instead of an argument that most keywords ignore.
func joinBackslash(t text) text {
	rest, ok := strings.CutSuffix(t.s, `\`)
	if !ok {
		return t
	}
	end := len(strings.TrimRight(rest, blanks))
	if end == len(rest) {
		return t
	}
	old := t.columns()
	cols := append(slices.Clone(old[:end]), old[len(rest)])
	return text{s: t.s[:end] + `\`, col: t.col, cols: cols}
}

// unescape removes the backslash of \# and \! outside double quotes.
func unescape(t text) text {
	if !strings.Contains(t.s, `\#`) && !strings.Contains(t.s, `\!`) {
		return t
	}
	var out []byte
	var cols []int32
	old := t.columns()
	quoted := false
	for i := 0; i < len(t.s); i++ {
		c := t.s[i]
		if c == '"' {
			quoted = !quoted
		}
		if !quoted && c == '\\' && i+1 < len(t.s) && (t.s[i+1] == '#' || t.s[i+1] == '!') {
			continue
		}
		out = append(out, c)
		cols = append(cols, old[i])
	}
	return text{s: string(out), col: t.col, cols: cols}
}

// scriptKeyword tells the keywords whose line is read again with the quoting
// of script strings (see ScriptLine). This is lexis, not meaning: an odd number
// of double quotes is no mistake there.
func scriptKeyword(word string) bool {
	switch word {
	case "script", "misc_path", "notify", "quorum_up", "quorum_down", "startup_script", "shutdown_script", "regex":
		return true
	}
	return strings.HasPrefix(word, "notify_") || strings.HasSuffix(word, "notify_fifo_script")
}

// words splits t. A double quote begins and ends a word, also next to other
// text; what it encloses is taken as it is. open is the byte offset of a quote
// that is not closed, -1 if there is none; what follows it is not in words.
func (r *reader) words(t text) (words []Word, open int) {
	// Words share the memory of the line; nothing is copied.
	list := r.scratch[:0]
	defer func() { r.scratch = list }()
	start := -1
	for i := 0; i < len(t.s); i++ {
		c := t.s[i]
		if c != '"' && !isBlank(c) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			list = append(list, Word{Text: t.s[start:i], Pos: r.pos(t.colAt(start))})
			start = -1
		}
		if c != '"' {
			continue
		}
		// No escapes: the next double quote ends the word, whatever is before it.
		end := strings.IndexByte(t.s[i+1:], '"')
		if end < 0 {
			return r.keep(list), i
		}
		list = append(list, Word{Text: t.s[i+1 : i+1+end], Pos: r.pos(t.colAt(i)), Quoted: true})
		i += end + 1
	}
	if start >= 0 {
		list = append(list, Word{Text: t.s[start:], Pos: r.pos(t.colAt(start))})
	}
	return r.keep(list), -1
}

// slabSize is how many words are allocated at a time.
const slabSize = 512

// wordSlabs is where words are kept: most lines have two or three, and an
// allocation for each would cost more than reading them. There are two slabs in
// turns, because the words of a line or two of the next batch have been read
// already when a batch has been dealt with.
type wordSlabs struct {
	slab [2][]Word
	used [2]bool // by statements that somebody keeps
	now  int
}

// keep copies words into a slab.
func (w *wordSlabs) keep(list []Word) []Word {
	slab := &w.slab[w.now]
	if len(list) > cap(*slab)-len(*slab) {
		*slab = make([]Word, 0, max(slabSize, 2*cap(*slab), len(list)))
	}
	from := len(*slab)
	*slab = append(*slab, list...)
	return (*slab)[from:len(*slab):len(*slab)]
}

// turn goes on with the other slab: what it holds has been dealt with. kept says
// that statements of the batch are still in use, and with them both slabs.
func (w *wordSlabs) turn(kept bool) {
	if kept {
		w.used = [2]bool{true, true}
	}
	w.now = 1 - w.now
	if w.used[w.now] {
		w.slab[w.now], w.used[w.now] = nil, false
		return
	}
	w.slab[w.now] = w.slab[w.now][:0]
}

// keep copies the words of a line to where they stay.
func (r *reader) keep(list []Word) []Word { return r.slabs.keep(list) }

// Classes of characters for plain.
const (
	plainChar = iota
	blankChar
	braceChar
	otherChar // what only the long way understands
)

var charClass = func() (class [256]uint8) {
	for c := range class {
		switch {
		case isBlank(byte(c)):
			class[c] = blankChar
		case c == '{' || c == '}':
			class[c] = braceChar
		case c <= ' ' || c > '~' || strings.IndexByte(`#!"\@$~`, byte(c)) >= 0:
			class[c] = otherChar
		}
	}
	return class
}()

// plain reads a line that has nothing but words and braces, which nearly all have,
// in one go; false: it is not such a line. What it yields is exactly what the
// long way through readLine yields (FuzzPlain compares them).
func (r *reader) plain(line string) bool {
	for i := range len(line) {
		if charClass[line[i]] == otherChar {
			return false
		}
	}
	if r.collecting != nil || len(line) > maxLineLength || strings.Contains(line, "include") {
		return false
	}
	list, start, first := r.scratch[:0], -1, 0 // first: byte of the segment's first word
	flush := func(end int) {
		if start >= 0 {
			list = append(list, Word{Text: line[start:end], Pos: r.pos(start + 1)})
			start = -1
		}
	}
	emit := func() {
		if len(list) == 0 {
			return
		}
		last := list[len(list)-1]
		end := int(last.Pos.Col) - 1 + len(last.Text)
		r.drive.add(item{kind: tokLine, words: r.keep(list), raw: line[first:end], pos: list[0].Pos})
		list = list[:0]
	}
	for i := range len(line) {
		switch charClass[line[i]] {
		case blankChar:
			flush(i)
		case braceChar:
			flush(i)
			emit()
			r.brace(line[i], r.pos(i+1))
		default:
			if start < 0 {
				start = i
				if len(list) == 0 {
					first = i
				}
			}
		}
	}
	flush(len(line))
	emit()
	r.scratch = list
	return true
}

// foreignBlanks replaces what only looks like a blank: the no-break spaces and
// typographic spaces that come with text copied from web pages, and byte order
// marks. Inside quotes too: "notify.sh -a<no-break space>ADDR" wants two words.
func foreignBlanks(s string) (plain string, found bool) {
	if isASCII(s) {
		return s, false
	}
	var b strings.Builder
	for i, c := range s {
		switch {
		case isForeignBlank(c):
			b.WriteByte(' ')
			found = true
		case c == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			b.WriteByte(s[i]) // not UTF-8: one column per byte, kept
		default:
			b.WriteRune(c)
		}
	}
	if !found {
		return s, false
	}
	return b.String(), true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isForeignBlank tells the characters of Unicode that look like a blank or like
// nothing: spaces of all widths, word joiner, zero width space, byte order mark.
func isForeignBlank(c rune) bool {
	switch c {
	case 0x00a0, 0x1680, 0x202f, 0x205f, 0x2060, 0x3000, 0xfeff:
		return true
	}
	return c >= 0x2000 && c <= 0x200b
}
