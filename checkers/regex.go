package checkers

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// regexTime bounds a single search: some patterns never end on some bodies.
const regexTime = time.Second

// RegexSpec is the pattern of a url with its options.
//
// The pattern is searched in header and body together. keepalived does so
// when both arrive in one piece, which is the usual case, and sees the body
// alone otherwise; here the answer does not depend on how packets were cut.
// Offsets count octets from the start of the header.
type RegexSpec struct {
	Pattern   string
	NoMatch   bool // a match is a failure
	Options   []string
	MinOffset uint32
	MaxOffset *uint32 // nil: unlimited
}

// pattern is a RegexSpec made ready to search.
type pattern struct {
	RegexSpec
	re        *regexp2.Regexp
	firstLine bool
	utf       bool
}

// regex makes room for the regex keywords of a url.
func (u *URL) regex() *RegexSpec {
	if u.Regex == nil {
		u.Regex = new(RegexSpec)
	}
	return u.Regex
}

// compile prepares the pattern. What the engine would understand in another
// way than PCRE2 is an error here: a check must not pass by misunderstanding.
func (spec RegexSpec) compile() (*pattern, error) {
	r := &pattern{RegexSpec: spec}
	opts, err := r.flags()
	if err != nil {
		return nil, err
	}
	text, err := translatePCRE(r.Pattern)
	if err != nil {
		return nil, fmt.Errorf("regex %s: %w", r.Pattern, err)
	}
	if r.re, err = regexp2.Compile(text, opts); err != nil {
		return nil, fmt.Errorf("regex %s: %w", r.Pattern, err)
	}
	r.re.MatchTimeout = regexTime
	if r.MaxOffset != nil && r.MinOffset > *r.MaxOffset {
		r.MinOffset, r.MaxOffset = 0, nil // keepalived ignores both
	}
	return r, nil
}

// flags translates the names of PCRE2's options. Those that only tune its
// compiler change nothing.
func (r *pattern) flags() (regexp2.RegexOptions, error) {
	var o regexp2.RegexOptions
	for _, name := range r.Options {
		switch name {
		case "caseless":
			o |= regexp2.IgnoreCase
		case "multiline":
			o |= regexp2.Multiline
		case "dotall":
			o |= regexp2.Singleline
		case "extended":
			o |= regexp2.IgnorePatternWhitespace
		case "no_auto_capture":
			o |= regexp2.ExplicitCapture
		case "firstline":
			r.firstLine = true
		case "utf":
			r.utf = true
		case "allow_empty_class", "alt_bsux", "alt_circumflex", "alt_verbnames", "dollar_endonly",
			"match_unset_backref", "ucp", "ungreedy":
			return 0, fmt.Errorf("regex_options %s: not supported", name)
		}
	}
	return o, nil
}

// passes reports whether a response passes, and if not, why.
func (r *pattern) passes(a *answer) (bool, string) {
	found, err := false, error(nil)
	if a.body > 0 { // keepalived never searches an empty body
		found, err = r.search(a.whole)
	}
	switch {
	case err != nil:
		return false, fmt.Sprintf("regex %s: %v", r.Pattern, err)
	case found && r.NoMatch:
		return false, fmt.Sprintf("regex %s matches", r.Pattern)
	case !found && !r.NoMatch:
		return false, fmt.Sprintf("regex %s does not match", r.Pattern)
	}
	return true, ""
}

// search looks for the pattern. Without the option utf an octet is a
// character, as in PCRE2.
func (r *pattern) search(subject []byte) (bool, error) {
	var runes []rune
	if r.utf {
		runes = []rune(string(subject))
	} else {
		runes = make([]rune, len(subject))
		for i, b := range subject {
			runes[i] = rune(b)
		}
	}
	if int(r.MinOffset) > len(runes) {
		return false, nil
	}
	m, err := r.re.FindRunesMatchStartingAt(runes, int(r.MinOffset))
	if err != nil || m == nil {
		return false, err
	}
	at := m.RuneIndex
	if r.firstLine {
		if nl := slices.Index(runes[r.MinOffset:], '\n'); nl >= 0 && at > int(r.MinOffset)+nl {
			return false, nil
		}
	}
	return r.MaxOffset == nil || at <= int(*r.MaxOffset), nil
}

// posixClasses are the members of [:name:] inside a class.
var posixClasses = map[string]string{
	"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z",
	"space": `\t\n\v\f\r\x20`, "blank": `\t\x20`, "xdigit": "0-9A-Fa-f", "word": "a-zA-Z0-9_",
	"cntrl": `\x00-\x1f\x7f`, "graph": `\x21-\x7e`, "print": `\x20-\x7e`,
	"punct": `\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e`,
}

// escapes are written out because the engine's own go beyond ASCII.
var escapes = map[byte]string{'d': "0-9", 'w': "a-zA-Z0-9_", 's': `\t\n\v\f\r\x20`, 'h': `\t\x20\xa0`}

// notThere are constructs of PCRE2 that the engine lacks.
var notThere = []struct{ text, name string }{
	{"(*", "verb"}, {"(?|", "branch reset"}, {"(?C", "callout"}, {"(?R)", "recursion"}, {"(?&", "subroutine call"},
	{"(?P>", "subroutine call"}, {"(?+", "subroutine call"}, {"(?(DEFINE)", "definition group"},
}

// translatePCRE rewrites what PCRE2 and the engine spell differently and
// refuses what the engine does not have.
func translatePCRE(p string) (string, error) {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(p); i++ {
		rest := p[i:]
		n, out, err := 1, p[i:i+1], error(nil)
		switch {
		case p[i] == '\\' && i+1 < len(p):
			n, out, err = translateEscape(rest, inClass)
		case inClass && strings.HasPrefix(rest, "[:"):
			n, out, err = translatePosix(rest)
		case inClass && p[i] == '[':
			out = `\[` // would start a subtraction in some engines
		case inClass:
			inClass = p[i] != ']'
		case p[i] == '[':
			n, out = openClass(rest)
			inClass = true
		case p[i] == '(':
			n, out, err = translateGroup(rest)
		}
		if err != nil {
			return "", err
		}
		b.WriteString(out)
		i += n - 1
	}
	return b.String(), nil
}

// openClass copies the start of a class; a ] right behind it is a member.
func openClass(rest string) (int, string) {
	n := 1
	if strings.HasPrefix(rest[n:], "^") {
		n++
	}
	if strings.HasPrefix(rest[n:], "]") {
		return n + 1, rest[:n] + `\]`
	}
	return n, rest[:n]
}

// translatePosix rewrites [:name:] inside a class; the engine would take it for
// a class of its letters.
func translatePosix(rest string) (int, string, error) {
	name, _, ok := strings.Cut(rest[2:], ":]")
	if !ok {
		return 1, `\[`, nil
	}
	if set := posixClasses[name]; set != "" {
		return len(name) + 4, set, nil
	}
	return 0, "", fmt.Errorf("class [:%s:] is not supported", name)
}

// translateGroup looks at what follows an opening bracket: Python's spelling of
// names is rewritten, recursion and verbs are refused.
func translateGroup(rest string) (int, string, error) {
	for _, f := range notThere {
		if strings.HasPrefix(rest, f.text) {
			return 0, "", fmt.Errorf("%s %s is not supported", f.name, f.text)
		}
	}
	switch {
	case len(rest) > 2 && rest[1] == '?' && rest[2] >= '0' && rest[2] <= '9',
		len(rest) > 3 && rest[1] == '?' && rest[2] == '-' && rest[3] >= '0' && rest[3] <= '9':
		return 0, "", fmt.Errorf("recursion %s is not supported", rest[:3])
	case strings.HasPrefix(rest, "(?P<"):
		return 4, "(?<", nil
	case strings.HasPrefix(rest, "(?P="):
		name, _, ok := strings.Cut(rest[4:], ")")
		if !ok {
			return 0, "", fmt.Errorf("(?P= is not closed")
		}
		return len(name) + 5, `\k<` + name + ">", nil
	}
	return 1, "(", nil
}

// translateEscape spells out classes, which for PCRE2 without ucp are ASCII, and
// refuses what the engine understands in another way.
func translateEscape(rest string, inClass bool) (int, string, error) {
	c := rest[1]
	switch {
	case escapes[c] != "" && inClass:
		return 2, escapes[c], nil
	case escapes[c] != "":
		return 2, "[" + escapes[c] + "]", nil
	case escapes[c|0x20] != "" && !inClass: // \D \W \S \H
		return 2, "[^" + escapes[c|0x20] + "]", nil
	case c == 'N' && !inClass:
		return 2, `[^\n]`, nil
	case c == 'R' && !inClass:
		return 2, `(?>\r\n|[\n\v\f\r\x85])`, nil
	case strings.IndexByte("KQEGXCgNRDWSHV", c) >= 0, c == 'v' && !inClass:
		return 0, "", fmt.Errorf(`\%c is not supported here`, c)
	}
	return 2, rest[:2], nil
}
