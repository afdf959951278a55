package kconf

import (
	"slices"
	"strconv"
	"strings"
)

// repeat reads ~SEQ, ~SEQx and ~LST: the rest of the line is read once per
// value, with the variable defined. false: t is no repetition.
func (r *reader) repeat(t text, depth int) bool {
	kind, args, body, ok := repetition(t)
	if !ok {
		return false
	}
	// Arguments may use definitions; the body is substituted later, once for each
	// value, when the variable has one.
	expanded, _, _ := r.substitute(args)
	list := splitArgs(expanded.s)
	if kind == "LST" {
		r.repeatList(t, list, body, depth)
	} else {
		r.repeatSeq(t, list, body, kind == "SEQx", depth)
	}
	return true
}

// repetition takes ~KIND(args) body apart.
func repetition(t text) (kind string, args, body text, ok bool) {
	if !strings.HasPrefix(t.s, "~") {
		return "", text{}, text{}, false
	}
	n := 1 + ident(t.s[1:])
	kind = t.s[1:n]
	if kind != "SEQ" && kind != "SEQx" && kind != "LST" {
		return "", text{}, text{}, false
	}
	// Arguments hold no parenthesis, so the first closing one ends them; the body
	// may have as many as it likes.
	open := n + len(t.s[n:]) - len(strings.TrimLeft(t.s[n:], blanks))
	end := strings.IndexByte(t.s, ')')
	if open >= len(t.s) || t.s[open] != '(' || end < 0 {
		return "", text{}, text{}, false
	}
	return kind, t.cut(open+1, end), t.cut(end+1, len(t.s)).trim(), true
}

// splitArgs cuts at commas outside braces and removes blanks around the parts.
func splitArgs(s string) []string {
	var parts []string
	depth, from := 0, 0
	for i := range len(s) {
		switch {
		case s[i] == '{':
			depth++
		case s[i] == '}':
			depth--
		case s[i] == ',' && depth == 0:
			parts, from = append(parts, strings.Trim(s[from:i], blanks)), i+1
		}
	}
	return append(parts, strings.Trim(s[from:], blanks))
}

// badRepetition reports arguments that can not be used; the line is then dropped
// as a whole, because nobody knows what it would have been.
func (r *reader) badRepetition(t text, format string, args ...any) {
	r.x.Errorf(r.pos(t.col), ClassGeneral, "bad-repetition", format, args...)
}

// repeatSeq reads body once for every number. Numbers are written as in C and
// bounded to 2^40 either way, so that adding the step can not overflow. The
// variable keeps its last value, as an ordinary definition.
func (r *reader) repeatSeq(t text, args []string, body text, hex bool, depth int) {
	name := args[0]
	if ident(name) == 0 || ident(name) != len(name) || len(args) < 2 || len(args) > 4 {
		r.badRepetition(t, "~SEQ: wants (VAR, [START, [STEP,]] END)")
		return
	}
	var n []int64
	for _, a := range args[1:] {
		v, err := strconv.ParseInt(strings.TrimPrefix(a, "+"), 0, 64)
		if err != nil || v > 1<<40 || v < -1<<40 {
			r.badRepetition(t, "~SEQ %s: not a number", quoteEmpty(a))
			return
		}
		n = append(n, v)
	}
	start, step, end := seqBounds(n)
	if step == 0 || end > start && step < 0 || end < start && step > 0 {
		r.badRepetition(t, "~SEQ: step %d does not lead from %d to %d", step, start, end)
		return
	}
	// Refused as by keepalived: what would the digits of a negative number be?
	if hex && (start < 0 || end < 0) {
		r.badRepetition(t, "~SEQx: negative numbers have no hexadecimal form here")
		return
	}
	base := 10
	if hex {
		base = 16
	}
	for v := start; step > 0 && v <= end || step < 0 && v >= end; v += step {
		if !r.generate(t) {
			return
		}
		r.defs[name] = &definition{lines: []string{strconv.FormatInt(v, base)}}
		r.logical(body, depth+1)
	}
}

// seqBounds completes END, START END or START STEP END.
func seqBounds(n []int64) (start, step, end int64) {
	// One number counts from 1, or from -1 when it is negative: END is always the
	// last word. 0 therefore counts down: 1, 0.
	start, end = 1, n[len(n)-1]
	if len(n) > 1 {
		start = n[0]
	} else if end < 0 {
		start = -1
	}
	if len(n) == 3 {
		return start, n[1], end
	}
	if end < start {
		return start, -1, end
	}
	return start, 1, end
}

// group reads {a,b} or a single word: the names of ~LST, or one value for each.
func group(s string) []string {
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		return splitArgs(strings.TrimSuffix(inner, "}"))
	}
	return []string{s}
}

// repeatList reads body once for every value, or group of values when there are
// several variables. Values that are missing at the end of a group are empty.
func (r *reader) repeatList(t text, args []string, body text, depth int) {
	if len(args) < 2 {
		r.badRepetition(t, "~LST: wants (VAR, VALUE, ...)")
		return
	}
	names := group(args[0])
	for _, name := range names {
		if ident(name) == 0 || ident(name) != len(name) {
			r.badRepetition(t, "~LST: %s is no name", quoteEmpty(name))
			return
		}
	}
	for _, a := range args[1:] {
		values := group(a)
		if len(values) > len(names) {
			r.badRepetition(t, "~LST: %s has %d values for %d names", a, len(values), len(names))
			return
		}
		// A comma that was forgotten would otherwise make one value of two.
		if slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, blanks) }) {
			r.badRepetition(t, "~LST: %s has a value with a blank; values hold neither blanks nor commas nor braces", a)
			return
		}
		if !r.generate(t) {
			return
		}
		for i, name := range names {
			var value string
			if i < len(values) {
				value = values[i]
			}
			r.defs[name] = &definition{lines: []string{value}}
		}
		r.logical(body, depth+1)
	}
}

// generate counts a line that no file has, a long one as several: what is bounded
// is the number of words, some 16 million, and with it the memory.
func (r *reader) generate(t text) bool {
	if r.generated > r.opt.MaxGenerated {
		return false // that has been said
	}
	r.generated += 1 + len(t.s)/32
	if r.generated > r.opt.MaxGenerated {
		r.x.Errorf(r.pos(t.col), ClassGeneral, "too-many-lines", "more than %d lines are made by repetition and definitions; the rest is not read", r.opt.MaxGenerated)
		return false
	}
	return true
}
