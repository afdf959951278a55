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

// ScriptLine reads SCRIPT [USER [GROUP]] into a Script. The line is read a second time from its
// raw text, because commands have a quoting of their own: " and ' both quote,
// quotes may touch other text, and a backslash escapes. The first word, quotes
// removed, is then cut into program and arguments by the same rules. Only the
// first occurrence counts; another one is an error.
func ScriptLine[C any](field func(*C) **Script) Setter[C] {
	return script("SCRIPT", field, true)
}

// Command is ScriptLine for script and misc_path, where words after the first are
// not looked at: user and group have keywords of their own.
func Command[C any](field func(*C) **Script) Setter[C] {
	return script("SCRIPT (one word, quote arguments)", field, false)
}

func script[C any](typ string, field func(*C) **Script, account bool) Setter[C] {
	return Setter[C]{Type: typ, Range: "first one counts", Do: func(x *Ctx, c *C, s *Stmt) {
		p := field(c)
		if *p != nil {
			x.repeated(s, (*p).Pos)
			return
		}
		sc, used, ok := x.readScript(s)
		if !ok {
			return
		}
		if !account {
			sc.User, sc.Group, used = "", "", 1
		}
		if words, err := SplitQuoted(s.Raw); err == nil && len(words)-1 > used {
			x.Notef(s.Pos(), "extra-arguments", "%s: %s and what follows is ignored", s.Keyword(), quoteEmpty(words[used+1]))
		}
		*p = sc
	}}
}

// ReadScript reads the command of a script statement: Argv, User and Group.
func (x *Ctx) ReadScript(s *Stmt) (*Script, bool) {
	sc, _, ok := x.readScript(s)
	return sc, ok
}

func (x *Ctx) readScript(s *Stmt) (sc *Script, used int, ok bool) {
	words, err := SplitQuoted(s.Raw)
	if err != nil {
		x.Errorf(s.Pos(), ClassUnmatchedQuote, "unmatched-quote", "%s: %v", s.Keyword(), err)
		return nil, 0, false
	}
	if len(words) < 2 {
		x.Args(s, 1+len(s.Args())) // the raw text has none, whatever the words say
		return nil, 0, false
	}
	argv, err := SplitCommand(words[1])
	if err != nil {
		x.Errorf(s.Pos(), ClassGeneral, "bad-command", "%s %s: %v", s.Keyword(), words[1], err)
		return nil, 0, false
	}
	sc = &Script{Argv: argv, Pos: s.Pos()}
	if args := s.Args(); len(args) > 0 {
		sc.Pos = args[0].Pos
	}
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
// a backslash and the character after it stay as they are.
func SplitQuoted(raw string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '\\' && i+1 < len(raw):
			word.WriteString(raw[i : i+2])
			in = true
			i++
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

// SplitCommand cuts a command into program and arguments and decodes escapes:
// \a \b \E \f \n \r \t \v, \ooo octal, \xHH hexadecimal, \cX control; any other
// character after a backslash stands for itself.
func SplitCommand(command string) ([]string, error) {
	var argv []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(command); {
		c := command[i]
		i++
		switch {
		case c == '\\' && i < len(command):
			b, n, err := escape(command[i:])
			if err != nil {
				return nil, err
			}
			word.WriteByte(b)
			in = true
			i += n
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case quote == 0 && isBlank(c):
			if in {
				argv = append(argv, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, errOpenQuote
	}
	if in {
		argv = append(argv, word.String())
	}
	if len(argv) == 0 || argv[0] == "" {
		return nil, errEmptyCommand
	}
	return argv, nil
}

var simpleEscapes = map[byte]byte{'a': 7, 'b': 8, 'E': 27, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}

// escape decodes what stands after a backslash and says how long it is.
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
