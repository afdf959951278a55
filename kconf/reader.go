package kconf

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/participle/v2/lexer"
)

// Kinds of tokens the grammar sees.
const (
	tokLine  lexer.TokenType = -2 // words of one statement
	tokOpen  lexer.TokenType = -3 // {
	tokClose lexer.TokenType = -4 // }
)

// item is a token with what participle can not carry.
type item struct {
	kind  lexer.TokenType
	words []Word
	raw   string
	pos   Pos
}

// reader turns files into items, which the driver makes statements of as they
// come. It never fails: what it can not use it reports, and goes on with the
// next line.
type reader struct {
	opt   Options
	fs    FS
	diags *Diagnostics
	x     *Ctx
	drive *driver

	src        *source
	checks     IncludeChecks
	defs       map[string]*definition
	collecting *definition
	generated  int
	depth      int // of braces, to know where include_check may stand
	nulLines   int // in the file being read

	scratch []Word // of the line being read
	slabs   wordSlabs
	place   placing
}

// newReader is a reader that has read nothing.
func newReader(opt Options) *reader {
	opt = opt.withDefaults()
	diags := new(Diagnostics)
	r := &reader{opt: opt, fs: opt.FS, diags: diags, x: &Ctx{Diags: diags}, checks: opt.IncludeChecks,
		defs: make(map[string]*definition)}
	r.drive = newDriver(r)
	return r
}

// pos is column col of the line being read.
func (r *reader) pos(col int) Pos {
	return Pos{Source: r.src.Source, Line: int32(r.src.line), Col: int32(col)}
}

// chunkSize is how much of a file becomes one string. What a configuration keeps
// of a file keeps a chunk alive, not all of it.
const chunkSize = 64 << 10

// readFile reads a whole file, in pieces of whole lines.
func (r *reader) readFile(src *source, from io.Reader) {
	r.begin(src)
	defer r.end()
	buf := make([]byte, 0, chunkSize)
	for first := true; ; first = false {
		n, err := io.ReadFull(from, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		last := err != nil // also the end, in the middle of a piece or not
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			r.x.Fatalf(r.pos(1), "unreadable", "%s: %v", src.Name, cause(err))
			return
		}
		if first {
			if encoding := notUTF8(buf); encoding != "" {
				src.line = 1
				r.x.Fatalf(r.pos(1), "encoding", "%s: is %s text, which can not be read; save it as UTF-8", src.Name, encoding)
				return
			}
			buf = bytes.TrimPrefix(buf, []byte(byteOrderMark))
		}
		whole := bytes.LastIndexByte(buf, '\n') + 1
		if last {
			whole = len(buf)
		}
		r.lines(string(buf[:whole]))
		if last {
			return
		}
		rest := buf[whole:]
		if len(rest) > cap(buf)/2 { // a line longer than a piece
			buf = append(make([]byte, 0, 2*cap(buf)), rest...)
		} else {
			buf = append(buf[:0:cap(buf)], rest...)
		}
	}
}

// byteOrderMark is what some editors put before a text; it is no character of
// line 1.
const byteOrderMark = "\ufeff"

// notUTF8 recognises the encodings that editors of other systems write, by their
// mark or by the NULs that every ASCII character brings.
func notUTF8(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "UTF-16"
	case len(data) >= 4 && bytes.Count(data, []byte{0})*2 == len(data)&^1:
		return "UTF-16"
	}
	return ""
}

// begin enters a file. Definitions outlive it, include checks do not: they hold
// for the file they stand in and those included there.
func (r *reader) begin(src *source) {
	src.outer, src.checks, src.nuls = r.src, r.checks, r.nulLines
	r.place.mark(r)
	r.src, r.nulLines = src, 0
}

// end leaves the file.
func (r *reader) end() {
	src := r.src
	if src.foreignLines > 0 {
		lines := "on this line only"
		if src.foreignLines > 1 {
			lines = "and on " + plural(src.foreignLines-1, "more line")
		}
		r.x.Warnf(src.foreign, ClassNone, "foreign-blank", "no-break or typographic space here %s: read as a blank", lines)
	}
	if r.nulLines > 1 {
		r.x.Notef(r.pos(1), "nul", "%s: %s with NUL characters are not used", src.Name, plural(r.nulLines, "line"))
	}
	r.src, r.checks, r.nulLines = src.outer, src.checks, src.nuls
}

// lines reads whole lines; the last one may lack its end.
func (r *reader) lines(data string) {
	for data != "" {
		end := strings.IndexByte(data, '\n')
		line := data
		if end >= 0 {
			line, data = data[:end], data[end+1:]
		} else {
			data = ""
		}
		r.src.line++
		if line = strings.TrimRight(line, "\r"); !r.plain(line) {
			r.readLine(line)
		}
		r.place.mark(r)
	}
}

// readLine takes one physical line, without its end, as far as logical. Too long
// a line and one with a NUL are dropped: what they mean is anybody's guess, and
// keepalived's (cut in two; cut at the NUL) has surprised many.
func (r *reader) readLine(line string) {
	if len(line) > maxLineLength {
		r.x.Errorf(r.pos(1), ClassGeneral, "line-too-long", "line of %d octets, at most %d are read; the line is not used", len(line), maxLineLength)
		return
	}
	if i := strings.IndexByte(line, 0); i >= 0 {
		if r.nulLines++; r.nulLines == 1 { // a binary file has thousands
			r.x.Errorf(r.pos(text{s: line, col: 1}.colAt(i)), ClassGeneral, "nul", "NUL character; the line is not used")
		}
		return
	}
	plain, foreign := foreignBlanks(line)
	if foreign {
		r.noteForeign(line)
	}
	whole := text{s: plain, col: 1}
	if len(plain) > 4096 {
		whole.cols = whole.columns() // counting from the left for every word would take too long
	}
	t := joinBackslash(uncomment(whole))
	switch {
	case t.s == "":
		if strings.Trim(plain, blanks) == "" {
			r.collecting = nil // a blank line ends a definition, a comment does not
		}
	case r.collecting != nil:
		r.collect(t)
	default:
		r.logical(t, 0)
	}
}

// noteForeign remembers the first of the blanks that are none; a comment full
// of them is nobody's business.
func (r *reader) noteForeign(line string) {
	code := uncomment(text{s: line, col: 1}).s
	if _, found := foreignBlanks(code); !found {
		return
	}
	if r.src.foreignLines == 0 {
		col := 0
		for _, c := range line {
			col++
			if isForeignBlank(c) {
				break
			}
		}
		r.src.foreign = r.pos(col)
	}
	r.src.foreignLines++
}

// logical takes a line without comment through conditions, definitions,
// repetition, substitution and include. depth counts how often text that was
// put in has been read again.
func (r *reader) logical(t text, depth int) {
	if depth > maxRescan {
		r.x.Errorf(r.pos(t.col), ClassGeneral, "definition-loop", "conditions, definitions or repetitions within each other more than %d times", maxRescan)
		return
	}
	t, keep := r.condition(t)
	if !keep || r.define(t) || r.repeat(t, depth) {
		return
	}
	if strings.HasPrefix(t.s, "~") {
		r.emit(t, depth)
		return
	}
	out, more, changed := r.substitute(t)
	// A value may bring a comment, a condition, another definition: what keepalived
	// rescans is rescanned, and depth bounds it.
	if changed {
		out = uncomment(out)
	}
	switch {
	case out.s == "":
	case changed && strings.IndexByte("@~$", out.s[0]) >= 0 && out.s != t.s:
		r.logical(out, depth+1)
	case !r.maybeInclude(out):
		r.emit(out, depth)
	}
	// The further lines of a definition are lines of their own.
	for _, line := range more {
		if !r.generate(t) {
			return
		}
		if line := (text{s: line, col: t.col, at: true}).trim(); line.s != "" {
			r.logical(line, depth+1)
		}
	}
}

// maybeInclude reads the file of an include statement; false: it is none.
func (r *reader) maybeInclude(t text) bool {
	rest, ok := strings.CutPrefix(t.s, "include")
	if !ok {
		return false
	}
	suffix := ""
	if rest != "" && strings.IndexByte("rmwba", rest[0]) >= 0 {
		suffix, rest = rest[:1], rest[1:]
	}
	if rest == "" || !isBlank(rest[0]) {
		return false
	}
	r.include(t, suffix, unescape(text{s: rest, col: t.col}.trim()).s)
	return true
}

// special reports whether a line, or what stands behind a brace, begins with
// something else than a statement.
func special(s string) bool {
	return s != "" && strings.IndexByte("@~$", s[0]) >= 0 || strings.HasPrefix(s, "include")
}

// emit cuts at braces outside quotes. What follows a brace is treated as if it
// began the line: a condition there decides about the rest of the line, a
// repetition repeats it.
func (r *reader) emit(t text, depth int) {
	if strings.IndexByte(t.s, '{') < 0 && strings.IndexByte(t.s, '}') < 0 {
		r.line(t)
		return
	}
	quoted, from := false, 0
	for i := 0; i < len(t.s); i++ {
		c := t.s[i]
		if c == '"' {
			quoted = !quoted
		}
		if quoted || c != '{' && c != '}' {
			continue
		}
		if end := undefinedUse(t.s, i); end > 0 {
			i = end
			continue
		}
		r.line(t.cut(from, i))
		r.brace(c, r.pos(t.colAt(i)))
		if rest := t.cut(i+1, len(t.s)).trim(); special(rest.s) {
			r.logical(rest, depth+1)
			return
		}
		from = i + 1
	}
	r.line(t.cut(from, len(t.s)))
}

// undefinedUse finds the end of a ${NAME} that nothing was put in for: its
// braces must not be taken for those of a block. 0: t[i] is a real brace.
func undefinedUse(s string, i int) int {
	if s[i] != '{' || i == 0 || s[i-1] != '$' || ident(s[i+1:]) == 0 {
		return 0
	}
	if end := strings.IndexAny(s[i+1:], "{}"); end >= 0 && s[i+1+end] == '}' {
		return i + 1 + end
	}
	return 0
}

// brace adds an item for { or }. depth may become negative; the driver says so.
func (r *reader) brace(c byte, pos Pos) {
	kind := tokOpen
	if c == '{' {
		r.depth++
	} else {
		kind = tokClose
		r.depth--
	}
	r.drive.add(item{kind: kind, pos: pos})
}

// line makes a statement of what stands between braces.
func (r *reader) line(t text) {
	if t = unescape(t.trim()); t.s == "" {
		return
	}
	words, open := r.words(t)
	raw := t.s
	if strings.Contains(raw, "${") {
		r.undefined(t)
	}
	switch {
	case open < 0:
	// Script strings are judged later, by their own rules (see ScriptLine).
	case len(words) > 0 && scriptKeyword(words[0].Text):
		words = append(slices.Clip(words), Word{Text: t.s[open+1:], Pos: r.pos(t.colAt(open)), Quoted: true})
	default:
		r.x.Errorf(r.pos(t.colAt(open)), ClassUnmatchedQuote, "unmatched-quote", "quote is not closed; what follows it is not used")
		raw = strings.TrimRight(t.s[:open], blanks)
	}
	if len(words) == 0 {
		return
	}
	// Depth 1, because the keyword belongs into global_defs; deeper it is a word
	// of some value block.
	if words[0].Text == "include_check" && r.depth == 1 {
		r.checks = includeCheck(r.x, r.checks, words[1:])
	}
	r.drive.add(item{kind: tokLine, words: words, raw: raw, pos: words[0].Pos})
}

// includeCheck reads the arguments of include_check, the one keyword that
// changes how the rest is read: [[+-]OPT...], nothing meaning all.
func includeCheck(x *Ctx, now IncludeChecks, args []Word) IncludeChecks {
	bits := map[string]IncludeChecks{"read": CheckRead, "match": CheckMatch,
		"wildcard_match": CheckWildcard, "brace_match": CheckBrace}
	if len(args) == 0 {
		return CheckAll
	}
	if args[0].Text != "" && strings.IndexByte("+-", args[0].Text[0]) < 0 {
		now = 0
	}
	for _, w := range args {
		name := strings.TrimLeft(w.Text, "+-")
		switch bit, ok := bits[name]; {
		case !ok:
			x.Errorf(w.Pos, ClassGeneral, "not-one-of", "include_check %s: must be read, match, wildcard_match or brace_match", quoteEmpty(w.Text))
		case strings.HasPrefix(w.Text, "-"):
			now &^= bit
		default:
			now |= bit
		}
	}
	return now
}
