package kconf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// The constructors on this page and the next make Setters. Each fills in Type
// and Range itself, so that the manual never says another thing than the code.
// Scalars want one argument; more are ignored with a note, as keepalived does
// in silence. A refused argument leaves the field as it was.

// Unsigned are the unsigned numbers that a keyword can fill in.
type Unsigned interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint
}

// Signed are the signed numbers that a keyword can fill in.
type Signed interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int
}

// Custom is a setter of the package's own. It may look at the block, if any,
// when the caller sets Takes on the result.
func Custom[C any](typ, rng string, do func(x *Ctx, c *C, s *Stmt)) Setter[C] {
	return Setter[C]{Type: typ, Range: rng, Do: do}
}

// scalar makes a setter out of a reader of one word.
func scalar[C, T any](typ, rng string, parse func(*Ctx, Word, string) (T, bool), store func(*C, T)) Setter[C] {
	return Setter[C]{Type: typ, Range: rng, Do: func(x *Ctx, c *C, s *Stmt) {
		w, ok := x.OneArg(s)
		if !ok {
			return
		}
		if v, ok := parse(x, w, s.Keyword()); ok {
			store(c, v)
		}
	}}
}

// into stores a value in the field itself, intoNew behind a fresh pointer: nil
// then means that the keyword was never written.
func into[C, T any](field func(*C) *T) func(*C, T) {
	return func(c *C, v T) { *field(c) = v }
}

// intoNew is into for optional fields. Storing again makes a new value, so that a
// copy of an older configuration keeps its own.
func intoNew[C, T any](field func(*C) **T) func(*C, T) {
	return func(c *C, v T) { *field(c) = &v }
}

// Args checks that s has at least n arguments and returns all it has. Too few
// are an error that ends keepalived with status 2.
func (x *Ctx) Args(s *Stmt, n int) ([]Word, bool) {
	args := s.Args()
	if len(args) >= n {
		return args, true
	}
	x.missing(s, ClassMissingParameter, n)
	return nil, false
}

// missing reports that s has fewer than n arguments.
func (x *Ctx) missing(s *Stmt, class Class, n int) {
	want := "one argument"
	if n != 1 {
		want = fmt.Sprintf("%d arguments", n)
	}
	x.Errorf(s.Pos(), class, "missing-argument", "%s: wants %s, has %d", s.Keyword(), want, len(s.Args()))
}

// OneArg returns the only argument of s.
func (x *Ctx) OneArg(s *Stmt) (Word, bool) {
	args, ok := x.Args(s, 1)
	if !ok {
		return Word{}, false
	}
	x.extra(s, 1)
	return args[0], true
}

// extra notes arguments that nobody looks at.
func (x *Ctx) extra(s *Stmt, n int) {
	if args := s.Args(); len(args) > n {
		x.Notef(args[n].Pos, "extra-arguments", "%s: %s and what follows is ignored", s.Keyword(), quoteEmpty(args[n].Text))
	}
}

// Flag stores value when the keyword appears. An argument has no effect,
// not even "false": keepalived ignores it in silence, here a note says so.
func Flag[C any](field func(*C) *bool, value bool) Setter[C] {
	return Setter[C]{Type: "flag", Do: func(x *Ctx, c *C, s *Stmt) {
		if args := s.Args(); len(args) > 0 {
			x.Notef(args[0].Pos, "flag-argument", "%s: takes no argument, %s is ignored", s.Keyword(), quoteEmpty(args[0].Text))
		}
		*field(c) = value
	}}
}

const boolRange = "true on yes or false off no"

// Bool reads [BOOL]: no argument means true.
func Bool[C any](field func(*C) *bool) Setter[C] { return boolean("BOOL", into(field)) }

// OptBool is Bool with a third state, nil, for "not written": inherited.
func OptBool[C any](field func(*C) **bool) Setter[C] {
	return boolean("BOOL tri-state", intoNew(field))
}

// boolean is Bool and OptBool; extra words are noted.
func boolean[C any](typ string, store func(*C, bool)) Setter[C] {
	return Setter[C]{Type: typ, Range: boolRange, Do: func(x *Ctx, c *C, s *Stmt) {
		v, ok := true, true
		if args := s.Args(); len(args) > 0 {
			v, ok = ParseBool(x, args[0], s.Keyword())
			x.extra(s, 1)
		}
		if ok {
			store(c, v)
		}
	}}
}

// Uint reads a decimal number from lo to hi.
func Uint[C any, T Unsigned](field func(*C) *T, lo, hi uint64) Setter[C] {
	return unsigned(into(field), lo, hi)
}

// OptUint is Uint for a field where nil means "not written".
func OptUint[C any, T Unsigned](field func(*C) **T, lo, hi uint64) Setter[C] {
	return unsigned(intoNew(field), lo, hi)
}

// unsigned is Uint and OptUint. hi must fit into T.
func unsigned[C any, T Unsigned](store func(*C, T), lo, hi uint64) Setter[C] {
	return scalar("UINT", uintRange(lo, hi, ".."), func(x *Ctx, w Word, what string) (T, bool) {
		n, ok := ParseUint(x, w, what, lo, hi)
		return T(n), ok
	}, store)
}

// UintC is Uint for numbers written as in C: 0x1f, 017, 15.
func UintC[C any, T Unsigned](field func(*C) *T, lo, hi uint64) Setter[C] {
	return scalar("UINT C-prefix", uintRange(lo, hi, ".."), func(x *Ctx, w Word, what string) (T, bool) {
		n, ok := ParseUintC(x, w, what, lo, hi)
		return T(n), ok
	}, into(field))
}

// UintClamped is Uint that uses the nearest bound for a number out of range,
// and warns.
func UintClamped[C any, T Unsigned](field func(*C) *T, lo, hi uint64) Setter[C] {
	return scalar("UINT", uintRange(lo, hi, "..")+", clamped", func(x *Ctx, w Word, what string) (T, bool) {
		n, ok := ParseUint(x, w, what, 0, 1<<32-1)
		if clamped := min(max(n, lo), hi); ok && clamped != n {
			x.clamped(w, what, fmt.Sprint(clamped))
			n = clamped
		}
		return T(n), ok
	}, into(field))
}

// clamped warns that another value is used. keepalived counts that as a mistake
// (class 13), so --config-test ends with 5.
func (x *Ctx) clamped(w Word, what, used string) {
	x.Warnf(w.Pos, ClassGeneral, "clamped", "%s %s: %s is used instead", what, w.Text, used)
}

// Int reads a decimal number, perhaps negative, from lo to hi.
func Int[C any, T Signed](field func(*C) *T, lo, hi int64) Setter[C] {
	return signed(into(field), lo, hi)
}

// OptInt is Int for a field where nil means "not written".
func OptInt[C any, T Signed](field func(*C) **T, lo, hi int64) Setter[C] {
	return signed(intoNew(field), lo, hi)
}

// signed is Int and OptInt. lo and hi must fit into T.
func signed[C any, T Signed](store func(*C, T), lo, hi int64) Setter[C] {
	return scalar("INT", intRange(lo, hi, ".."), func(x *Ctx, w Word, what string) (T, bool) {
		n, ok := ParseInt(x, w, what, lo, hi)
		return T(n), ok
	}, store)
}

// IntClamped is Int that uses the nearest bound for a number out of range, and
// warns.
func IntClamped[C any, T Signed](field func(*C) *T, lo, hi int64) Setter[C] {
	return scalar("INT", intRange(lo, hi, "..")+", clamped", func(x *Ctx, w Word, what string) (T, bool) {
		n, ok := ParseInt(x, w, what, -1<<31, 1<<31-1)
		if clamped := min(max(n, lo), hi); ok && clamped != n {
			x.clamped(w, what, fmt.Sprint(clamped))
			n = clamped
		}
		return T(n), ok
	}, into(field))
}

// Seconds reads decimal seconds with at most places digits after the point;
// places 0 wants a whole number. hi may be NoLimit.
func Seconds[C any](field func(*C) *time.Duration, lo, hi time.Duration, places int) Setter[C] {
	return duration(into(field), lo, hi, time.Second, places)
}

// OptSeconds is Seconds for a field where nil means "not written".
func OptSeconds[C any](field func(*C) **time.Duration, lo, hi time.Duration, places int) Setter[C] {
	return duration(intoNew(field), lo, hi, time.Second, places)
}

// SecondsZeroIs is Seconds for the keywords where 0 is an old spelling of zero,
// the value used instead, with a warning.
func SecondsZeroIs[C any](field func(*C) *time.Duration, zero, lo, hi time.Duration, places int) Setter[C] {
	typ, rng := durationDoc(lo, hi, time.Second, places)
	return scalar(typ, rng+" (0 raised to "+inUnit(zero, time.Second)+")", func(x *Ctx, w Word, what string) (time.Duration, bool) {
		if d, _, ok := decimal(w.Text, time.Second, places); ok && d == 0 {
			x.clamped(w, what, inUnit(zero, time.Second))
			return zero, true
		}
		return ParseSeconds(x, w, what, lo, hi, places)
	}, into(field))
}

// Millis reads decimal milliseconds with at most places digits after the point.
func Millis[C any](field func(*C) *time.Duration, lo, hi time.Duration, places int) Setter[C] {
	return duration(into(field), lo, hi, time.Millisecond, places)
}

// OptMillis is Millis for a field where nil means "not written".
func OptMillis[C any](field func(*C) **time.Duration, lo, hi time.Duration, places int) Setter[C] {
	return duration(intoNew(field), lo, hi, time.Millisecond, places)
}

// Micros reads whole microseconds.
func Micros[C any](field func(*C) *time.Duration, lo, hi time.Duration) Setter[C] {
	return duration(into(field), lo, hi, time.Microsecond, 0)
}

// duration is Seconds, Millis, Micros and their optional forms.
func duration[C any](store func(*C, time.Duration), lo, hi, unit time.Duration, places int) Setter[C] {
	typ, rng := durationDoc(lo, hi, unit, places)
	return scalar(typ, rng, func(x *Ctx, w Word, what string) (time.Duration, bool) {
		return parseDuration(x, w, what, lo, hi, unit, places)
	}, store)
}

// durationDoc is what the manual says about a duration: "DEC6 s" and "0.01..255".
func durationDoc(lo, hi, unit time.Duration, places int) (typ, rng string) {
	typ = "UINT"
	if places > 0 {
		typ = fmt.Sprintf("DEC%d", places)
	}
	short := map[time.Duration]string{time.Second: "s", time.Millisecond: "ms", time.Microsecond: "us"}
	return typ + " " + short[unit], durationRange(lo, hi, unit, "..")
}

// String stores the argument as it is. The empty string "" is allowed.
func String[C any](field func(*C) *string) Setter[C] { return str(into(field)) }

// OptString is String for a field where nil means "not written".
func OptString[C any](field func(*C) **string) Setter[C] { return str(intoNew(field)) }

// str is String and OptString.
func str[C any](store func(*C, string)) Setter[C] {
	return scalar("STR", "", func(_ *Ctx, w Word, _ string) (string, bool) { return w.Text, true }, store)
}

// StringOnce is String for the keywords whose first occurrence counts; another
// one is an error.
func StringOnce[C any](field func(*C) *string) Setter[C] {
	s := String(field)
	store := s.Do
	s.Range = "first one counts"
	s.Do = func(x *Ctx, c *C, st *Stmt) {
		if *field(c) != "" {
			x.repeated(st, Pos{})
			return
		}
		store(x, c, st)
	}
	return s
}

// repeated reports a keyword that may stand only once; first is where it did.
func (x *Ctx) repeated(s *Stmt, first Pos) {
	x.Diags.Add(Diagnostic{Pos: s.Pos(), Severity: Error, Class: ClassGeneral, ID: "repeated-keyword", Related: first,
		Message: s.Keyword() + ": given before, the first one counts"})
}

// Enum stores one of words, compared exactly.
func Enum[C any, T ~string](field func(*C) *T, words ...T) Setter[C] {
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = string(w)
	}
	return scalar("ENUM", orList(names), func(x *Ctx, w Word, what string) (T, bool) {
		if i := slices.Index(names, w.Text); i >= 0 {
			return words[i], true // not w.Text, which would keep the file in memory
		}
		return "", x.OneOf(w, what, names)
	}, into(field))
}

// EnumMap stores the value that words has for the argument; fold ignores case,
// the keys then being in lower case.
func EnumMap[C, T any](field func(*C) *T, fold bool, words map[string]T) Setter[C] {
	names := make([]string, 0, len(words))
	for w := range words {
		names = append(names, w)
	}
	slices.Sort(names)
	return scalar("ENUM", orList(names), func(x *Ctx, w Word, what string) (T, bool) {
		if fold {
			w.Text = strings.ToLower(w.Text)
		}
		return words[w.Text], x.OneOf(w, what, names)
	}, into(field))
}

// OneOf reports whether w is one of names; if not, the message lists them.
func (x *Ctx) OneOf(w Word, what string, names []string) bool {
	if slices.Contains(names, w.Text) {
		return true
	}
	d := Diagnostic{Pos: w.Pos, Severity: Error, Class: ClassGeneral, ID: "not-one-of",
		Message: fmt.Sprintf("%s %s: must be %s", what, quoteEmpty(w.Text), orList(names))}
	if near := Nearest(w.Text, names); near != "" && len(names) > 2 {
		d.Hint = "did you mean " + near + "?"
	}
	x.Diags.Add(d)
	return false
}

// orList prints "a, b or c".
func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Addr reads an IPv4 or IPv6 address.
func Addr[C any](field func(*C) *netip.Addr) Setter[C] {
	return scalar("IP", "", ParseAddr, into(field))
}

// Iface reads the name of an interface, 1 to 15 characters.
func Iface[C any](field func(*C) *string) Setter[C] {
	return scalar("IFNAME", "1 to 15 characters", ParseIface, into(field))
}
