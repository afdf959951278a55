package track

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The numbers are what keepalived 2.2.7 made of the same files.
func TestTheNumberInAFile(t *testing.T) {
	tests := map[string]struct {
		content string
		want    int
		invalid bool
	}{
		"a line":                         {"20\n", 20, false},
		"no line end":                    {"153", 153, false},
		"negative":                       {"-30\n", -30, false},
		"with a plus":                    {"+9\n", 9, false},
		"hexadecimal":                    {"0x10\n", 16, false},
		"hexadecimal in capitals":        {"-0XfF", -255, false},
		"octal":                          {"010", 8, false},
		"octal ends at an 8":             {"018", 1, false},
		"0x without digits is 0":         {"0x", 0, false},
		"0x before another letter is 0":  {"0xg", 0, false},
		"blanks before, words behind":    {" \t12 rest\n", 12, false},
		"an empty line before":           {"\n8\n", 8, false},
		"only the first line":            {"5\n6\n", 5, false},
		"nothing":                        {"", 0, false},
		"words":                          {"abc\n", 0, false},
		"a sign alone":                   {"-", 0, false},
		"two signs":                      {"--5", 0, false},
		"a blank behind the sign":        {"- 5", 0, false},
		"NULs behind":                    {"9\x00\x00\x007", 9, false},
		"a byte order mark":              {"\ufeff7", 0, false},
		"the largest":                    {"2147483647", 2147483647, false},
		"the smallest":                   {"-2147483648", -2147483648, false},
		"larger":                         {"3000000000\n", 0, true},
		"larger than any number":         {strings.Repeat("9", 5000), 0, true},
		"many zeros":                     {strings.Repeat("0", 4000) + "7", 7, false},
		"large in hexadecimal":           {"0x80000000", 0, true},
		"smallest in hexadecimal":        {"-0x80000000", -2147483648, false},
		"underscores are not for people": {"1_000", 1, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, _, err := ParseFileNumber([]byte(tt.content))
			if got != tt.want || (err != nil) != tt.invalid {
				t.Errorf("%d, %v, want %d and invalid %t", got, err, tt.want, tt.invalid)
			}
		})
	}
}

func FuzzTheNumberInAFile(f *testing.F) {
	for _, s := range []string{"", "20\n", " -0x7f", "017", "99999999999", "\x00", "- 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		n, text, err := ParseFileNumber(content)
		if err != nil && n != 0 {
			t.Errorf("%d with %v", n, err)
		}
		if err == nil && text != "" {
			again, _, err := ParseFileNumber([]byte(strconv.Itoa(n)))
			if err != nil || again != n {
				t.Errorf("%q is %d, which is read as %d, %v", content, n, again, err)
			}
		}
	})
}

func TestWhatAFileCountsAs(t *testing.T) {
	now := time.Unix(1000, 0)
	holds := func(s string, age time.Duration) FileReading {
		return FileReading{Content: []byte(s), Modified: now.Add(-age)}
	}
	missing := FileReading{Err: fmt.Errorf("open /run/n: %w", fs.ErrNotExist)}
	forbidden := FileReading{Err: errors.New("open /run/n: permission denied")}
	m := NewFile("n", "/run/n")
	steps := []struct {
		what    string
		sweep   bool
		reading FileReading
		changed bool
		value   int
		text    string
	}{
		{"missing is 0, which is no news", false, missing, false, 0, ""},
		{"a number", false, holds("20", 0), true, 20, ""},
		{"the same number", false, holds("20\n", 0), false, 20, ""},
		{"one that is too large leaves it", false, holds("99999999999\n", 0), false, 20, "Invalid number 99999999999 read from /run/n - ignoring"},
		{"which is said once", true, holds("99999999999\n", time.Hour), false, 20, ""},
		{"and again after another", false, holds("21", 0), true, 21, ""},
		{"of the same kind", false, holds("99999999999\n", 0), false, 21, "Invalid number 99999999999 read from /run/n - ignoring"},
		{"a sweep does not believe what was written just now", true, holds("2", time.Second), false, 21, ""},
		{"but what was left alone", true, holds("2", 2*time.Second), true, 2, ""},
		{"and a clock that was put back", true, holds("3", -time.Hour), true, 3, ""},
		{"one that cannot be read is 0", false, forbidden, true, 0, "track_file n counts as 0: open /run/n: permission denied"},
		{"which is said once too", true, forbidden, false, 0, ""},
		{"back", false, holds("7", 0), true, 7, ""},
		{"removed", true, missing, true, 0, ""},
		{"emptied", false, holds("", 0), false, 0, ""},
	}
	for _, s := range steps {
		look := m.Look
		if s.sweep {
			look = func(r FileReading) (bool, string) { return m.Sweep(now, r) }
		}
		changed, text := look(s.reading)
		if changed != s.changed || m.Value() != s.value || text != s.text {
			t.Errorf("%s: changed %t, value %d, says %q; want %t, %d, %q", s.what, changed, m.Value(), text, s.changed, s.value, s.text)
		}
	}
}

func TestALineAboutAFileOrProcessOverridesItsWeight(t *testing.T) {
	five, yes, no := 5, true, false
	file := &FileConfig{Weight: 2, Reverse: true}
	process := &ProcessConfig{Weight: -3}
	tests := map[string]struct{ got, want Tracker }{
		"the file's own":     {TrackFile(Ref{Name: "n"}, file, 4), Tracker{Kind: File, Name: "n", Weight: 2, Reverse: true, Value: 4}},
		"the line's":         {TrackFile(Ref{Name: "n", Weight: &five, Reverse: &no}, file, 4), Tracker{Kind: File, Name: "n", Weight: 5, Value: 4}},
		"the process's own":  {TrackProcess(Ref{Name: "p"}, process, Up), Tracker{Kind: Process, Name: "p", Weight: -3, State: Up}},
		"the line's as well": {TrackProcess(Ref{Name: "p", Weight: &five, Reverse: &yes}, process, Down), Tracker{Kind: Process, Name: "p", Weight: 5, Reverse: true, State: Down}},
	}
	for name, tt := range tests {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
}
