package kconf

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// trimBlanks removes blanks, and what only looks like one, at both ends.
func trimBlanks(s string) string { return strings.TrimFunc(s, looksBlank) }

func looksBlank(c rune) bool {
	return c < utf8.RuneSelf && isBlank(byte(c)) || isForeignBlank(c)
}

// splitComment parts a line at its comment and removes the blanks around both
// parts. In the code, blanks that are none become real ones, but for those in
// double quotes.
func splitComment(line string) (code, comment string) {
	end := commentStart(line)
	return trimBlanks(plainOutsideQuotes(line[:end])), strings.TrimRightFunc(line[end:], looksBlank)
}

// commentStart is where the comment of a line begins, as the reader sees it: the
// length of the line if there is none.
func commentStart(line string) int {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\\' && i+1 < len(line) && (line[i+1] == '#' || line[i+1] == '!'):
			i++
		case c == '#' || c == '!':
			return i
		}
	}
	return len(line)
}

// plainOutsideQuotes replaces foreign blanks that are not in double quotes.
func plainOutsideQuotes(s string) string {
	if _, found := foreignBlanks(s); !found {
		return s
	}
	var b strings.Builder
	quoted := false
	for i, width := 0, 0; i < len(s); i += width {
		var c rune
		c, width = utf8.DecodeRuneInString(s[i:])
		switch {
		case c == '"':
			quoted = !quoted
			b.WriteByte('"')
		case !quoted && isForeignBlank(c):
			b.WriteByte(' ')
		default:
			b.WriteString(s[i : i+width])
		}
	}
	return b.String()
}

// nextBrace is the first brace of s outside double quotes that is not one of a
// ${NAME}; -1 if there is none.
func nextBrace(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted || c != '{' && c != '}':
		default:
			end := undefinedUse(s, i)
			if end == 0 {
				return i
			}
			i = end
		}
	}
	return -1
}

// ownLine reports whether s begins with something that is read up to the end of
// the line: a condition, a definition, a repetition, an include.
func ownLine(s string) bool {
	if s == "" {
		return false
	}
	return strings.IndexByte("@~$", s[0]) >= 0 || isInclude(s)
}

// isInclude tells an include statement from the words that begin alike.
func isInclude(s string) bool {
	rest, ok := strings.CutPrefix(s, "include")
	if ok && rest != "" && strings.IndexByte("rmwba", rest[0]) >= 0 {
		rest = rest[1:]
	}
	return ok && rest != "" && isBlank(rest[0])
}

// firstWord is the first word of a statement, without quotes.
func firstWord(s string) string {
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		word, _, _ := strings.Cut(quoted, `"`)
		return word
	}
	if end := strings.IndexAny(s, blanks+`"`); end >= 0 {
		return s[:end]
	}
	return s
}

// scriptCode leaves one blank behind the keyword and keeps the rest, which has
// a quoting of its own.
func scriptCode(piece, keyword string) string {
	rest, plain := strings.CutPrefix(piece, keyword)
	if !plain || rest == "" || !isBlank(rest[0]) {
		return piece
	}
	return keyword + " " + strings.TrimLeft(rest, blanks)
}

// oneBlank separates the words of a statement by one blank each, also where a
// quote has parted them. open is the place of a quote that is not closed, or -1.
func oneBlank(s string) (code string, open int) {
	var words []string
	start := -1
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '"' && !isBlank(c) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			words = append(words, s[start:i])
			start = -1
		}
		if c != '"' {
			continue
		}
		end := strings.IndexByte(s[i+1:], '"')
		if end < 0 {
			return s, i
		}
		words = append(words, s[i:i+end+2])
		i += end + 1
	}
	if start >= 0 {
		words = append(words, s[start:])
	}
	if code = strings.Join(words, " "); ownLine(code) {
		return s, -1 // include"x" is no include, and shall not become one
	}
	return code, -1
}

// braces are those of a line that is kept as it is written.
type braces struct {
	at      []braceAt
	leading int  // closing braces that it begins with
	opens   bool // it ends in an opening one
	value   int  // where the value of a definition begins, with braces that do not count; -1: there is none
}

type braceAt struct {
	at   int
	char byte
}

// net is how many blocks are open after the line that were not before.
func (b braces) net() int {
	n := 0
	for _, brace := range b.at {
		if brace.char == '{' {
			n++
		} else {
			n--
		}
	}
	return n
}

// countBraces finds the braces that a line has before anything is put in, as
// far as it is a statement.
func countBraces(s string) braces {
	b := braces{value: -1}
	at := 0
	for {
		prefix, rest := cutPrefixes(s[at:])
		at += len(prefix)
		if name := definedName(rest); name != "" {
			b.value = at + len(name) + 2
			return b
		}
		if isInclude(rest) {
			return b
		}
		i := nextBrace(rest)
		if i < 0 {
			return b
		}
		// behind a condition, too, but not behind one further on
		if rest[i] == '}' && b.leading == len(b.at) && strings.Trim(rest[:i], blanks) == "" && (prefix == "" || len(prefix) == at) {
			b.leading++
		}
		b.at = append(b.at, braceAt{at + i, rest[i]})
		b.opens = rest[i] == '{' && strings.Trim(rest[i+1:], blanks) == ""
		at += i + 1
		at += len(s[at:]) - len(strings.TrimLeft(s[at:], blanks))
	}
}

// cutPrefixes takes conditions and repetitions from the beginning of s.
func cutPrefixes(s string) (prefix, rest string) {
	rest = s
	for {
		switch {
		case strings.HasPrefix(rest, "@"):
			end := cutAt(strings.IndexAny(rest, blanks), rest)
			rest = strings.TrimLeft(rest[end:], blanks)
		case strings.HasPrefix(rest, "~"):
			_, _, body, ok := repetition(text{s: rest, col: 1})
			if !ok {
				return s[:len(s)-len(rest)], rest
			}
			rest = body.s
			if rest == "" {
				return s, ""
			}
		default:
			return s[:len(s)-len(rest)], rest
		}
	}
}

// definedName is the name that a line defines, "" if it is no definition.
func definedName(s string) string {
	if !strings.HasPrefix(s, "$") {
		return ""
	}
	n := 1 + ident(s[1:])
	if n == 1 || n >= len(s) || s[n] != '=' {
		return ""
	}
	return s[1:n]
}

// alternative is a run of lines under conditions of which at most one can hold
// and whose braces are alike. They count as one:
//
//	@lb1 vrrp_instance A {
//	@lb2 vrrp_instance B {
type alternative struct {
	conditions []string
	shape      string // its braces
	depth      int    // of the first line
}

// next tells where to put a line that would stand at depth, and whether its
// braces have been counted.
func (a *alternative) next(code string, b braces, depth int) (at int, counted bool) {
	condition, shape := "", ""
	if strings.HasPrefix(code, "@") && len(b.at) <= maxDepth {
		condition = code[:cutAt(strings.IndexAny(code, blanks), code)]
		for _, brace := range b.at {
			shape += string(brace.char)
		}
	}
	if shape == "" {
		*a = alternative{}
		return depth, false
	}
	excludes := func(other string) bool {
		this, negated := strings.CutPrefix(condition[1:], "^")
		that, wasNegated := strings.CutPrefix(other[1:], "^")
		return this != that && !negated && !wasNegated || this == that && negated != wasNegated
	}
	if a.shape == shape && len(a.conditions) < 1000 && !slices.ContainsFunc(a.conditions, func(o string) bool { return !excludes(o) }) {
		a.conditions = append(a.conditions, condition)
		return a.depth, true
	}
	*a = alternative{conditions: []string{condition}, shape: shape, depth: depth}
	return depth, false
}
