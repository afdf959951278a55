package checkers

import (
	"strings"
	"testing"
)

// TestPatternsMeanWhatPCRE2Means has constructs that the engine spells or
// understands in another way.
func TestPatternsMeanWhatPCRE2Means(t *testing.T) {
	tests := map[string]struct {
		spec    RegexSpec
		subject string
		want    bool
	}{
		"named group and reference":      {*rx(`(?P<c>.)(?P=c)`), "abccd", true},
		"named group without repetition": {*rx(`(?P<c>.)(?P=c)`), "abcd", false},
		"POSIX class":                    {*rx(`^[[:alpha:]_]+$`), "ab_c", true},
		"POSIX class, digit":             {*rx(`^[[:alpha:]]+$`), "ab1", false},
		"digit is ASCII":                 {*rx(`\d`, "utf"), "٣", false},
		"word is ASCII":                  {*rx(`\w`), "\xe9", false},
		"non-word":                       {*rx(`^\W$`), "\xe9", true},
		"digit in a class":               {*rx(`^[\d.]+$`), "1.2", true},
		"horizontal space":               {*rx(`a\hb`), "a\tb", true},
		"horizontal space, line feed":    {*rx(`a\hb`), "a\nb", false},
		"not a line feed":                {*rx(`a\Nb`), "a\nb", false},
		"any line end":                   {*rx(`a\Rb`), "a\r\nb", true},
		"closing bracket first in class": {*rx(`^[]x]+$`), "]x", true},
		"negated closing bracket":        {*rx(`^[^]]+$`), "x]", false},
		"opening bracket in class":       {*rx(`^[[]$`), "[", true},
		"look-behind":                    {*rx(`(?<=a)b`), "ab", true},
		"look-ahead":                     {*rx(`a(?!b)`), "ab", false},
		"possessive":                     {*rx(`a++a`), "aaa", false},
		"atomic":                         {*rx(`(?>a*)a`), "aaa", false},
		"octets, not characters":         {*rx(`^.$`), "é", false}, // two octets
		"characters with utf":            {*rx(`^.$`, "utf"), "é", true},
		"dot and line feed":              {*rx(`a.b`), "a\nb", false},
		"dotall":                         {*rx(`a.b`, "dotall"), "a\nb", true},
		"extended":                       {*rx(`a  b # comment`, "extended"), "ab", true},
		"end before a last line feed":    {*rx(`a$`), "a\n", true},
		"end is not every line's":        {*rx(`a$`), "a\nb", false},
		"first line, match there":        {*rx(`b`, "firstline"), "ab\n", true},
		"first line, match behind":       {*rx(`b`, "firstline"), "a\nb", false},
		"unknown options are ignored":    {*rx(`a`, "nonsense", "never_ucp"), "a", true},
		"offsets that cross are ignored": {RegexSpec{Pattern: "a", MinOffset: 5, MaxOffset: ptr(uint32(2))}, "a", true},
		"match at the last offset":       {RegexSpec{Pattern: "c", MaxOffset: ptr(uint32(2))}, "abc", true},
		"match behind the last offset":   {RegexSpec{Pattern: "c", MaxOffset: ptr(uint32(1))}, "abc", false},
		"match before the first offset":  {RegexSpec{Pattern: "a", MinOffset: 1}, "abc", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := tt.spec.compile()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.search([]byte(tt.subject)); got != tt.want || err != nil {
				t.Errorf("%s in %q: %v %v, want %v", tt.spec.Pattern, tt.subject, got, err, tt.want)
			}
		})
	}
}

func TestPatternsThatWouldBeMisunderstoodAreRefused(t *testing.T) {
	for _, spec := range []*RegexSpec{
		rx(`(?R)`), rx(`(a)(?1)`), rx(`(?-1)`), rx(`(?&n)`), rx(`(?P>n)`), rx(`(?|a|b)`), rx(`(?C1)`), rx(`(*UTF)a`), rx(`(*FAIL)`),
		rx(`a\Kb`), rx(`\Qa.b\E`), rx(`\g{1}`), rx(`\X`), rx(`[\D]`), rx(`[[:^alpha:]]`), rx(`[[:nonsense:]]`), rx(`a(`), rx(`(?P=n`),
		rx("a", "ungreedy"), rx("a", "dollar_endonly"), rx("a", "ucp"),
	} {
		if _, err := spec.compile(); err == nil {
			t.Errorf("%s %q was accepted", spec.Pattern, spec.Options)
		} else if !strings.HasPrefix(err.Error(), "regex") {
			t.Errorf("%s: message %q", spec.Pattern, err)
		}
	}
}

func TestPatternThatNeverEndsIsAFailureInTime(t *testing.T) {
	p, err := rx(`^(a|aa|a?a)+$`).compile()
	if err != nil {
		t.Fatal(err)
	}
	p.re.MatchTimeout = testStep
	subject := []byte(strings.Repeat("a", 4000) + "b")
	ok, detail := p.passes(&answer{whole: subject, body: int64(len(subject))})
	if ok || !strings.Contains(detail, "timeout") {
		t.Errorf("passed %v: %.200s", ok, detail)
	}
}

func FuzzTranslatePattern(f *testing.F) {
	for _, s := range []string{`[[:alpha:]]`, `(?P<a>b)(?P=a)`, `\`, `[`, `[]`, `[^`, `(?`, `[[:`, `\d\W[\s]`, `(?P=`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 200 {
			return
		}
		if p, err := rx(s).compile(); err == nil {
			p.re.MatchTimeout = testStep
			p.search([]byte("HTTP/1.0 200 OK\r\n\r\nhello")) // must not panic
		}
	})
}
