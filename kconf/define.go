package kconf

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Limits that only a mistake, or an attack, reaches.
const (
	maxSubstitution = 8 << 20   // octets moved while substituting in one line
	maxUses         = 4096      // substitutions in one line
	maxGenerated    = 1_000_000 // lines made by repetition and by multi-line definitions, see generate
	maxUseLength    = 4096      // octets of one ${NAME PARAMETERS}
	maxRescan       = 64        // a substitution that yields a substitution …
)

// definition is the value of $NAME: one line, or several to be put in at use.
type definition struct {
	lines []string
	multi bool
}

// ident is the length of the name at the beginning of s.
func ident(s string) int {
	n := 0
	for n < len(s) {
		c := s[n]
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (n == 0 || c < '0' || c > '9') {
			break
		}
		n++
	}
	return n
}

// define reads $NAME=VALUE. A backslash at the end begins a definition of
// several lines, which readLine goes on collecting.
func (r *reader) define(t text) bool {
	if !strings.HasPrefix(t.s, "$") {
		return false
	}
	n := ident(t.s[1:])
	if n == 0 || 1+n >= len(t.s) || t.s[1+n] != '=' {
		return false
	}
	name, value := t.s[1:1+n], strings.TrimLeft(t.s[2+n:], blanks)
	// The value is kept as it is written: names in it are looked up at use.
	if rest, more := strings.CutSuffix(value, `\`); more {
		r.collecting = &definition{lines: []string{rest}, multi: true}
		r.defs[name] = r.collecting
		return true
	}
	r.defs[name] = &definition{lines: []string{value}}
	return true
}

// collect appends a line to the definition that is being read. When nothing
// stands behind the =, the line below is the first one: text before a use of the
// definition is joined with it.
func (r *reader) collect(t text) {
	line, more := strings.CutSuffix(t.s, `\`)
	if d := r.collecting; len(d.lines) == 1 && d.lines[0] == "" {
		d.lines[0] = line
	} else {
		d.lines = append(d.lines, line)
	}
	if !more {
		r.collecting = nil
	}
}

// substitute replaces ${NAME} and $NAME, again and again until nothing is left
// to replace. more are the further lines of a multi-line definition, which can
// only be used at the end of a line.
func (r *reader) substitute(t text) (out text, more []string, changed bool) {
	if strings.IndexByte(t.s, '$') < 0 {
		return t, nil, false
	}
	// Three limits, because a value may name itself directly, through another, or
	// grow with each use: how often, how much is copied, how long it gets.
	moved, uses := 0, 0
	for i := 0; i < len(t.s); i++ {
		if t.s[i] != '$' {
			continue
		}
		use := r.use(t, i)
		if use.end == 0 {
			continue
		}
		if len(use.more) > 0 { // the use ends the first line of what is left of another
			more = slices.Concat(use.more, more)
		}
		uses++
		moved += len(t.s) + len(use.value) + len(more)
		if uses > maxUses || moved > maxSubstitution || len(t.s)+len(use.value) > maxLineLength {
			r.x.Errorf(r.pos(t.colAt(i)), ClassGeneral, "definition-loop", "%s: grows without end; does it use itself?", t.s[i:min(use.end, i+64)])
			r.defs[use.name] = &definition{lines: []string{""}} // once is enough, and cheap from now on
			return text{col: t.col}, nil, true
		}
		t, changed = t.splice(i, use.end, use.value), true
		i = again(t.s, i) - 1
	}
	return t, more, changed
}

// again is where scanning goes on after a value was put in at i: at the value,
// or before it if the value completes a name, as in ${HOST_${N}} or $${A}.
func again(s string, i int) int {
	before := strings.LastIndexByte(s[:i], '$')
	if before < 0 {
		return i
	}
	name := strings.TrimPrefix(s[before+1:i], "{")
	if ident(name) == len(name) {
		return before
	}
	return i
}

// usage is a $NAME or ${NAME} and what it stands for; end 0: leave it alone.
type usage struct {
	end   int // byte behind it
	name  string
	value string
	more  []string
}

// use reads the $NAME or ${NAME …} at byte i. Without braces only a blank, a
// comma, a closing parenthesis or the end of the line may follow: "$V.x" and
// "$VW" are left alone, as keepalived leaves them.
func (r *reader) use(t text, i int) usage {
	rest := t.s[i+1:]
	if strings.HasPrefix(rest, "{") {
		return r.useBraced(t, i)
	}
	n := ident(rest)
	if n == 0 || n < len(rest) && !isBlank(rest[n]) && rest[n] != ',' && rest[n] != ')' {
		return usage{}
	}
	return r.ending(t, i, i+1+n, r.lookup(t, i, rest[:n], nil))
}

// useBraced reads ${NAME PARAMETER...}. It may stand anywhere, also within words
// and double quotes. The search for the closing brace is bounded: a line full of
// "${" must not take quadratic time.
func (r *reader) useBraced(t text, i int) usage {
	end := strings.IndexByte(t.s[i:min(len(t.s), i+maxUseLength)], '}')
	if end < 0 {
		return usage{}
	}
	end += i + 1
	inner := t.s[i+2 : end-1]
	n := ident(inner)
	if n == 0 || n < len(inner) && !isBlank(inner[n]) {
		return usage{}
	}
	return r.ending(t, i, end, r.lookup(t, i, inner[:n], strings.Fields(inner[n:])))
}

// ending completes a use that goes from i to end. One of several lines is left
// alone unless it ends the line: there is no place for the rest of it.
func (r *reader) ending(t text, i, end int, u usage) usage {
	if u.end == 0 {
		return u
	}
	u.end = end
	if len(u.more) > 0 && strings.Trim(t.s[end:], blanks) != "" {
		r.x.Errorf(r.pos(t.colAt(i)), ClassGeneral, "multi-line-use", "%s: a definition of several lines must end the line", t.s[i:end])
		return usage{}
	}
	return u
}

// lookup finds the value of a name; definitions of the file go before
// built-in ones. A name that nobody has stays as it is: see undefined.
func (r *reader) lookup(t text, i int, name string, params []string) usage {
	if d, ok := r.defs[name]; ok && len(params) == 0 {
		return usage{end: 1, name: name, value: d.lines[0], more: d.lines[1:]}
	}
	wrong := func(why string) usage {
		r.x.Errorf(r.pos(t.colAt(i)), ClassGeneral, "bad-parameter", "${%s}: %s", name, why)
		return usage{}
	}
	switch name {
	case "_PWD", "_INSTANCE", "_HASH", "_BANG":
		if len(params) > 0 {
			return wrong("takes no parameter")
		}
		return usage{end: 1, value: r.builtin(t, i, name)}
	case "_ENV":
		if len(params) != 1 {
			return wrong("wants the name of an environment variable")
		}
		return usage{end: 1, value: r.opt.Getenv(params[0])}
	case "_RANDOM":
		lo, hi, ok := randomRange(params)
		if !ok {
			return wrong("wants at most two numbers")
		}
		if lo > hi {
			wrong("MIN is above MAX, MIN is used")
			hi = lo
		}
		return usage{end: 1, value: strconv.Itoa(r.opt.Rand(lo, hi))}
	}
	return usage{}
}

// undefined reports every ${NAME} that is still there when a statement is made
// of t. Not earlier: behind a brace a ~SEQ may yet define the name.
func (r *reader) undefined(t text) {
	for i := 0; i+1 < len(t.s); i++ {
		if t.s[i] != '$' || t.s[i+1] != '{' {
			continue
		}
		end := undefinedUse(t.s, i+1)
		if end == 0 {
			continue
		}
		name := t.s[i+2 : i+2+ident(t.s[i+2:])]
		if _, defined := r.defs[name]; !defined && !slices.Contains(builtins, name) { // those have been reported
			r.x.Errorf(r.pos(t.colAt(i)), ClassGeneral, "undefined", "%s: not defined", t.s[i:end+1])
		}
		i = end
	}
}

// builtins are the names that lookup knows without a definition.
var builtins = []string{"_PWD", "_INSTANCE", "_RANDOM", "_ENV", "_HASH", "_BANG"}

// builtin is the value of the built-in names that take no parameter. The two
// characters that begin comments are literal wherever they are used: keepalived
// would scan ${_HASH} outside quotes once more and take it for a comment.
func (r *reader) builtin(t text, i int, name string) string {
	switch name {
	case "_PWD":
		if dir, err := filepath.Abs(r.src.dir); err == nil {
			return dir
		}
		return r.src.dir
	case "_INSTANCE":
		return r.opt.ConfigID
	}
	char := map[string]string{"_HASH": "#", "_BANG": "!"}[name]
	if strings.Count(t.s[:i], `"`)%2 == 0 {
		return `\` + char // outside quotes it would begin a comment
	}
	return char
}

// randomRange reads the parameters of _RANDOM: none, MIN, or MIN and MAX.
func randomRange(params []string) (lo, hi int, ok bool) {
	lo, hi = 0, 32767
	if len(params) > 2 {
		return 0, 0, false
	}
	for i, p := range params {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return 0, 0, false
		}
		if i == 0 {
			lo = int(n)
		} else {
			hi = int(n)
		}
	}
	return lo, hi, true
}
