package kconf

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The functions on this page read one word. They report a word that they
// refuse, at the word, and answer false; what names the thing in the message,
// usually the keyword.

// NoLimit as upper bound of a duration: anything that fits.
const NoLimit = time.Duration(math.MaxInt64)

// ParseUint reads a decimal number from lo to hi. Nothing may follow the
// digits: keepalived's leniency ("3x" is 3) hides typing errors.
func ParseUint(x *Ctx, w Word, what string, lo, hi uint64) (uint64, bool) {
	return parseUint(x, w, what, 10, lo, hi)
}

// ParseUintC is ParseUint for the few keywords that read numbers as C does:
// 0x and a leading 0 select hexadecimal and octal.
func ParseUintC(x *Ctx, w Word, what string, lo, hi uint64) (uint64, bool) {
	return parseUint(x, w, what, 0, lo, hi)
}

// parseUint reads a number in base 10, or as in C in base 0. Blanks in front (in
// quotes) and a plus sign are allowed, as strtoul allows them.
func parseUint(x *Ctx, w Word, what string, base int, lo, hi uint64) (uint64, bool) {
	text := strings.TrimPrefix(withoutBlanks(w.Text), "+")
	n, err := strconv.ParseUint(text, base, 64)
	if base == 0 && (strings.Contains(text, "_") || strings.ContainsAny(text, "oObB") && !hasHexPrefix(text)) {
		err = strconv.ErrSyntax // base 0 would allow Go's 1_000, 0o17 and 0b1, which C does not know
	}
	if err != nil || n < lo || n > hi {
		x.outside(w, what, isNumber(text), "must be "+uintRange(lo, hi, "-"))
		return 0, false
	}
	return n, true
}

func hasHexPrefix(text string) bool {
	return strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X")
}

// ParseInt reads a decimal number from lo to hi.
func ParseInt(x *Ctx, w Word, what string, lo, hi int64) (int64, bool) {
	text := withoutBlanks(w.Text)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < lo || n > hi {
		x.outside(w, what, isNumber(text), "must be "+intRange(lo, hi, " to "))
		return 0, false
	}
	return n, true
}

// ParseSeconds reads decimal seconds from lo to hi. More than places digits
// after the point are reported, but the value is used, rounded half up.
func ParseSeconds(x *Ctx, w Word, what string, lo, hi time.Duration, places int) (time.Duration, bool) {
	return parseDuration(x, w, what, lo, hi, time.Second, places)
}

// ParseMillis is ParseSeconds for decimal milliseconds.
func ParseMillis(x *Ctx, w Word, what string, lo, hi time.Duration, places int) (time.Duration, bool) {
	return parseDuration(x, w, what, lo, hi, time.Millisecond, places)
}

// parseDuration reads a decimal number of units; lo and hi hold after rounding.
func parseDuration(x *Ctx, w Word, what string, lo, hi, unit time.Duration, places int) (time.Duration, bool) {
	text := withoutBlanks(w.Text)
	d, exact, ok := decimal(text, unit, places)
	if !ok || d < lo || d > hi {
		x.outside(w, what, ok, "must be "+durationRange(lo, hi, unit, "-")+" "+unitName(unit))
		return 0, false
	}
	if !exact {
		x.Warnf(w.Pos, ClassInvalidNumber, "too-precise", "%s %s: at most %d digits after the point; %s is used",
			what, w.Text, places, inUnit(d, unit))
	}
	return d, true
}

// decimal reads digits with an optional fraction, no exponent. The result is
// rounded half up to places digits; exact tells whether there were no more.
func decimal(text string, unit time.Duration, places int) (d time.Duration, exact, ok bool) {
	text = strings.TrimPrefix(text, "+")
	// Not by way of float64: 0.1 must be exactly 100 ms, and "inf" no number.
	whole, frac, point := strings.Cut(text, ".")
	if whole+frac == "" || !allDigits(whole) || !allDigits(frac) || (point && places == 0) {
		return 0, false, false
	}
	n, err := strconv.ParseUint("0"+whole, 10, 63)
	if err != nil || n > uint64(math.MaxInt64/int64(unit))-1 {
		return 0, false, false
	}
	exact = len(frac) <= places // zeros count: keepalived looks at the length, not at the value
	up := len(frac) > places && frac[places] >= '5'
	if len(frac) > places {
		frac = frac[:places]
	}
	step := unit
	d = time.Duration(n) * unit
	for _, digit := range frac {
		step /= 10
		d += time.Duration(digit-'0') * step
	}
	if up {
		d += step
	}
	return d, exact, true
}

// ParseBool reads true, on, yes or false, off, no, in lower case.
func ParseBool(x *Ctx, w Word, what string) (value, ok bool) {
	switch w.Text {
	case "true", "on", "yes":
		return true, true
	case "false", "off", "no":
		return false, true
	}
	x.Errorf(w.Pos, ClassGeneral, "not-a-bool", "%s %s: must be true, on, yes, false, off or no", what, w.Text)
	return false, false
}

// ParseAddr reads an IPv4 or IPv6 address. A prefix length or range behind it
// has no meaning here; keepalived cuts it off, so do we, with a note.
func ParseAddr(x *Ctx, w Word, what string) (netip.Addr, bool) {
	// keepalived cuts in silence; a note helps whoever expected a range.
	text := w.Text
	for _, tail := range []byte("/-") {
		if i := strings.IndexByte(text, tail); i > 0 {
			text = text[:i]
		}
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		x.Errorf(w.Pos, ClassGeneral, "not-an-address", "%s %s: not an IP address", what, w.Text)
		return netip.Addr{}, false
	}
	if text != w.Text {
		x.Notef(w.Pos, "cut-off", "%s %s: %s is ignored here", what, w.Text, w.Text[len(text):])
	}
	return a, true
}

// ParsePrefix reads ADDRESS or ADDRESS/LENGTH; without a length it is that of
// a single host. Host bits may be set.
func ParsePrefix(x *Ctx, w Word, what string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(w.Text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(w.Text)
	if err != nil {
		x.Errorf(w.Pos, ClassGeneral, "not-a-prefix", "%s %s: not an IP address with optional /length", what, w.Text)
		return netip.Prefix{}, false
	}
	return p, true
}

// ParseIface reads the name of a network interface: 1 to 15 octets, no slash
// and no blank, as Linux has it. Whether it exists is not known here.
func ParseIface(x *Ctx, w Word, what string) (string, bool) {
	if len(w.Text) < 1 || len(w.Text) > 15 || strings.ContainsAny(w.Text, "/"+blanks) {
		x.Errorf(w.Pos, ClassGeneral, "bad-interface-name", "%s %s: an interface name has 1 to 15 characters, no slash, no blank", what, quoteEmpty(w.Text))
		return "", false
	}
	return w.Text, true
}

// outside reports a number that is none, or not in its range.
func (x *Ctx) outside(w Word, what string, number bool, rule string) {
	id := "out-of-range"
	if !number {
		id = "not-a-number"
	}
	x.Errorf(w.Pos, ClassInvalidNumber, id, "%s %s: %s", what, quoteEmpty(w.Text), rule)
}

// quoteEmpty makes words visible in messages that are empty or contain blanks.
func quoteEmpty(text string) string {
	if text == "" || strings.ContainsAny(text, blanks) {
		return `"` + text + `"` // as it was written: the file has no escapes there
	}
	return text
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// withoutBlanks is s without the blanks in front of it, which only quotes allow.
func withoutBlanks(s string) string {
	for s != "" && isBlank(s[0]) {
		s = s[1:]
	}
	return s
}

// isNumber tells a number out of range from a word that is none; it decides the
// id of the diagnostic only.
func isNumber(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return s != "" && allDigits(s)
}

// uintRange prints a range: "1..255" for manuals, "1-255" in messages.
func uintRange(lo, hi uint64, sep string) string {
	if hi == math.MaxUint64 {
		return fmt.Sprintf("%d or more", lo)
	}
	return fmt.Sprintf("%d%s%d", lo, sep, hi)
}

// intRange is uintRange for signed numbers.
func intRange(lo, hi int64, sep string) string {
	return fmt.Sprintf("%d%s%d", lo, sep, hi)
}

// durationRange prints a range in units, without naming the unit.
func durationRange(lo, hi, unit time.Duration, sep string) string {
	if hi == NoLimit {
		return inUnit(lo, unit) + " or more"
	}
	return inUnit(lo, unit) + sep + inUnit(hi, unit)
}

// inUnit prints d as a decimal number of units, without trailing zeros.
func inUnit(d, unit time.Duration) string {
	text := strconv.FormatInt(int64(d/unit), 10)
	rest := int64(d % unit)
	if rest == 0 {
		return text
	}
	width := len(strconv.FormatInt(int64(unit), 10)) - 1
	return strings.TrimRight(fmt.Sprintf("%s.%0*d", text, width, rest), "0")
}

// unitName is the unit in the words of messages.
func unitName(unit time.Duration) string {
	switch unit {
	case time.Millisecond:
		return "milliseconds"
	case time.Microsecond:
		return "microseconds"
	}
	return "seconds"
}
