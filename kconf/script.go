package kconf

import (
	"errors"
	"strings"
)

var (
	errOpenQuote    = errors.New("quote is not closed")
	errEmptyCommand = errors.New("no command")
	errBadEscape    = errors.New(`\x wants a hexadecimal digit`)
)

// ScriptLine reads SCRIPT [USER [GROUP]] into a Script: the hooks. The line is read
// a second time from its raw text, because commands have a quoting of their own:
// " and ' both quote, quotes may touch other text, and a backslash escapes. The
// first word, quotes removed, is then cut into program and arguments by the same
// rules. Only the first occurrence counts; another one is an error.
func ScriptLine[C any](field func(*C) **Script) Setter[C] {
	return script("SCRIPT", field, true)
}

// Command is ScriptLine for the checks script and misc_path, where words after the
// first are not looked at: user and group have keywords of their own.
func Command[C any](field func(*C) **Script) Setter[C] {
	return script("SCRIPT (one word, quote arguments)", field, false)
}

// script reads the account only of hooks, and forgives only them an empty
// command, which keepalived logs and does not count as a mistake.
func script[C any](typ string, field func(*C) **Script, hook bool) Setter[C] {
	return Setter[C]{Type: typ, Range: "first one counts", Do: func(x *Ctx, c *C, s *Stmt) {
		p := field(c)
		if *p != nil {
			x.repeated(s, (*p).Pos)
			return
		}
		sc, used, ok := x.readScript(s, hook)
		if !ok {
			return
		}
		if !hook {
			sc.User, sc.Group, used = "", "", 1
		}
		if words, err := SplitQuoted(s.Raw); err == nil && len(words)-1 > used {
			x.Notef(s.Pos(), "extra-arguments", "%s: %s and what follows is ignored", s.Keyword(), quoteEmpty(words[used+1]))
		}
		*p = sc
	}}
}

// ReadScript reads the command of a script statement: Argv, User and Group. What
// is wrong is reported as for a hook.
func (x *Ctx) ReadScript(s *Stmt) (*Script, bool) {
	sc, _, ok := x.readScript(s, true)
	return sc, ok
}

// readScript also tells how many words after the keyword it has used.
func (x *Ctx) readScript(s *Stmt, hook bool) (sc *Script, used int, ok bool) {
	pos := s.Pos()
	if args := s.Args(); len(args) > 0 {
		pos = args[0].Pos
	}
	words, err := SplitQuoted(s.Raw)
	switch {
	case err != nil:
		x.Errorf(s.Pos(), ClassUnmatchedQuote, "unmatched-quote", "%s: %v", s.Keyword(), err)
		return nil, 0, false
	case len(words) < 2:
		class := ClassMissingParameter
		if !hook { // keepalived looks first, and only misses the script afterwards
			class = ClassGeneral
		}
		x.missing(s, class, 1)
		return nil, 0, false
	}
	argv, err := SplitCommand(words[1])
	switch {
	case err == errEmptyCommand && hook:
		x.Warnf(pos, ClassNone, "no-command", "%s %s: %v, nothing is run", s.Keyword(), quoteEmpty(words[1]), err)
		return nil, 0, false
	case err != nil:
		x.Errorf(pos, ClassGeneral, "bad-command", "%s %s: %v", s.Keyword(), quoteEmpty(words[1]), err)
		return nil, 0, false
	}
	sc = &Script{Argv: argv, Pos: pos}
	if used = 1; len(words) > 2 {
		sc.User, used = words[2], 2
	}
	if len(words) > 3 {
		sc.Group, used = words[3], 3
	}
	return sc, used, true
}

// SplitQuoted cuts a raw line into words: the first pass over a script string,
// and the only one over the pattern of regex. Both kinds of quotes are removed;
// a backslash and the character after it stay as they are, as in keepalived
// 2.4.3. (2.2.7 decodes escapes in this pass already, so that a pattern needs
// two backslashes there for each one that is to reach the regular expression.)
// The only error is a quote that is not closed; the words before it are
// returned all the same.
func SplitQuoted(raw string) ([]string, error) {
	return split(raw, func(word *strings.Builder, after string) (int, error) {
		word.WriteString(`\` + after[:1])
		return 1, nil
	})
}

// SplitCommand cuts a command into program and arguments and decodes escapes:
// \a \b \E \f \n \r \t \v, \ooo octal, \xHH hexadecimal, \cX control; any other
// character after a backslash stands for itself. Without a program, with an
// open quote or a \x without digits there is an error and no argv.
func SplitCommand(command string) ([]string, error) {
	argv, err := split(command, func(word *strings.Builder, after string) (int, error) {
		b, n, err := escape(after)
		word.WriteByte(b)
		return n, err
	})
	switch {
	case err != nil:
		return nil, err
	case len(argv) == 0 || argv[0] == "":
		return nil, errEmptyCommand
	}
	return argv, nil
}

// split is the quoting of script strings: " and ' quote, within and beside other
// text, blanks outside quotes separate. escaped is called with what follows a
// backslash, at least one octet, adds to the word what it stands for, and says
// how many octets that took. A backslash at the very end stands for itself.
func split(s string, escaped func(word *strings.Builder, after string) (int, error)) ([]string, error) {
	var words []string
	var word strings.Builder
	in, quote := false, byte(0) // in a word, also in an empty one: ''
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			n, err := escaped(&word, s[i+1:])
			if err != nil {
				return words, err
			}
			in = true
			i += n
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case quote == 0 && isBlank(c):
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return words, errOpenQuote
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}

// simpleEscapes are those of one letter.
var simpleEscapes = map[byte]byte{'a': 7, 'b': 8, 'E': 27, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}

// escape decodes what stands after a backslash, at least one octet, and says how
// many octets it takes. Octal and hexadecimal values beyond 255 lose their upper bits.
func escape(s string) (b byte, n int, err error) {
	c := s[0]
	if b, ok := simpleEscapes[c]; ok {
		return b, 1, nil
	}
	switch {
	case c >= '0' && c <= '7':
		for n < len(s) && n < 3 && s[n] >= '0' && s[n] <= '7' {
			b = b<<3 | (s[n] - '0')
			n++
		}
		return b, n, nil
	case c == 'x':
		n = 1
		for n < len(s) && n < 3 && hexDigit(s[n]) >= 0 {
			b = b<<4 | byte(hexDigit(s[n]))
			n++
		}
		if n == 1 {
			return 0, 0, errBadEscape
		}
		return b, n, nil
	case c == 'c' && len(s) > 1:
		return s[1] & 0x1f, 2, nil
	}
	return c, 1, nil
}

// hexDigit is the value of c, -1 if it has none.
func hexDigit(c byte) int {
	const digits = "0123456789abcdef"
	if c >= 'A' && c <= 'F' {
		c += 'a' - 'A'
	}
	return strings.IndexByte(digits, c)
}
