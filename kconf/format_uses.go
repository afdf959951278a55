package kconf

import "strings"

// A line with uses of definitions is safe to lay out when each use is sure to
// be one and its value, or every value that it may have, is tame: words without
// quotes, braces, comments, further uses. Values are only looked at in the file
// itself; what includes, conditions and other values may do makes a line one
// that is kept as it is written.

// asWritten reports whether the text of a line must not be touched.
func (f *formatter) asWritten(p physical) bool {
	if ownLine(p.code) || f.unclear(p.code) {
		return true
	}
	// The reader goes deeper at each of them, and gives up at maxRescan.
	if strings.Count(p.code, "include") > maxRescan/2 {
		return true
	}
	// A backslash that comes to stand at the end of a line sticks to the word before it.
	rest := p.code
	for i := nextBrace(rest); i >= 0; i = nextBrace(rest) {
		if strings.HasSuffix(strings.TrimRight(rest[:i], blanks), `\`) {
			return true
		}
		rest = rest[i+1:]
	}
	return false
}

// Limits below which the reader's own limits on substitution are far away.
const (
	maxTameUses   = 64
	maxTameLength = 4096 // octets of a line, or of a value
)

// unclear reports whether a line uses a name whose value is not known to be tame.
func (f *formatter) unclear(code string) bool {
	if strings.IndexByte(code, '$') < 0 {
		return false
	}
	if len(code) > maxTameLength || strings.Count(code, "$") > maxTameUses || f.unclearNames(code) {
		return true
	}
	// The first word decides what a statement is.
	for rest := code; rest != ""; {
		i := nextBrace(rest)
		piece := strings.Trim(rest[:cutAt(i, rest)], blanks)
		if strings.Contains(firstWord(piece), "$") {
			return true
		}
		rest = rest[min(cutAt(i, rest)+1, len(rest)):]
	}
	return false
}

// unclearNames looks at the names alone.
func (f *formatter) unclearNames(code string) bool {
	for i := 0; i+1 < len(code); i++ {
		if code[i] != '$' {
			continue
		}
		rest := code[i+1:]
		inner, braced := strings.CutPrefix(rest, "{")
		n := ident(inner)
		switch {
		case rest[0] == '$':
			return true
		case n == 0 && !braced:
			continue // a dollar, no use
		case braced && (n == 0 || n == len(inner) || inner[n] != '}'):
			return true
		case !braced && n < len(inner) && !isBlank(inner[n]) && inner[n] != ',' && inner[n] != ')':
			return true // no use, unless something is put in behind it
		}
		if name := inner[:n]; !f.tame[name] {
			return true
		}
	}
	return false
}

// learn looks at a line that was kept as it is written for what it defines.
func (f *formatter) learn(code string) { f.learnFrom(code, strings.IndexByte(code, '@') < 0) }

// learnFrom is learn from somewhere in a line; sure says that no condition stands in it.
func (f *formatter) learnFrom(code string, sure bool) {
	prefix, rest := cutPrefixes(code)
	name := definedName(rest)
	uses := code
	if name != "" {
		uses = prefix // the value is looked at where it is used
	}
	if isInclude(rest) || f.unclearNames(uses) || strings.HasPrefix(rest, "$") && name == "" {
		f.forget()
	}
	for s := prefix; s != ""; {
		switch _, args, body, ok := repetition(text{s: s, col: 1}); {
		case ok:
			f.repeated(args.s, sure)
			s = body.s
		case strings.HasPrefix(s, "@"):
			s = strings.TrimLeft(s[cutAt(strings.IndexAny(s, blanks), s):], blanks)
		default:
			s = ""
		}
	}
	if name != "" {
		f.defined(name, rest[len(name)+2:], sure)
		return
	}
	// Behind a brace another one may begin.
	if n := countBraces(code); len(n.at) > 0 {
		f.learnFrom(strings.TrimLeft(code[n.at[len(n.at)-1].at+1:], blanks), sure)
	}
}

// forget is for a line after which any name may have any value.
func (f *formatter) forget() {
	if len(f.tame) > 0 { // clear would look through a map that once was large, each time
		f.tame = map[string]bool{}
	}
}

// repeated takes the variables of a repetition: they are as tame as its values.
func (f *formatter) repeated(args string, sure bool) {
	values := strings.NewReplacer("{", "", "}", "").Replace(args)
	for _, name := range group(splitArgs(args)[0]) {
		f.defined(name, values, sure)
	}
}

// defined notes that a name gets a value, if sure is set, or may get it.
func (f *formatter) defined(name, value string, sure bool) {
	switch {
	case len(value) > maxTameLength || strings.ContainsAny(value, "\"\\#!{}$@~") || strings.Contains(value, "include"):
		delete(f.tame, name)
	case sure:
		f.tame[name] = true
	}
}
