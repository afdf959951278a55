package track

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"time"
)

// FileRead is how many octets of a track_file are looked at.
const FileRead = 4096

// fileSettles is how long a file must have been left alone until a sweep
// believes it: whoever writes slowly has written half of it before.
const fileSettles = 2 * time.Second

// FileReading is what one look at a track_file found.
type FileReading struct {
	Content  []byte    // the first FileRead octets
	Modified time.Time // when it was last written
	Err      error     // why it could not be read; fs.ErrNotExist is no mistake
}

// ParseFileNumber reads the number at the beginning of a file as C's strtol
// does with base 0: blanks and line ends, a sign, 0x for hexadecimal and 0 for
// octal digits; what follows is not looked at, and no digits are 0. text is the
// number as written; err says that it is outside -2147483648 to 2147483647.
func ParseFileNumber(content []byte) (n int, text string, err error) {
	b := bytes.TrimLeft(content, " \t\n\v\f\r")
	digits := b
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		digits = digits[1:]
	}
	sign, base, prefix := b[:len(b)-len(digits)], 10, 0
	switch {
	case len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' && digit(digits[2]) < 16:
		base, prefix = 16, 2
	case len(digits) > 0 && digits[0] == '0':
		base = 8
	}
	end := prefix
	for end < len(digits) && digit(digits[end]) < base {
		end++
	}
	if end == 0 {
		return 0, "", nil
	}
	text = string(sign) + string(digits[:end])
	v, err := strconv.ParseInt(string(sign)+string(digits[prefix:end]), base, 32)
	if err != nil {
		return 0, text, errors.Unwrap(err)
	}
	return int(v), text, nil
}

// digit is the value of a digit in bases up to 36, and a large number for
// anything else.
func digit(c byte) int {
	switch lower := c | 0x20; {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case lower >= 'a' && lower <= 'z':
		return int(lower-'a') + 10
	}
	return math.MaxInt
}

// FileMachine is what is known about one track_file.
type FileMachine struct {
	name, path string
	value      int
	complaint  string // the last one, said once
}

// NewFile returns the machine of the track_file called name; until its first
// Look it counts as 0, as a missing file does.
func NewFile(name, path string) *FileMachine { return &FileMachine{name: name, path: path} }

// Value is the number of the file.
func (m *FileMachine) Value() int { return m.value }

// Look takes over what the file holds. changed says that Value is another one,
// text is a line for the log. A number that is too large changes nothing; a file
// that is not there, or cannot be read, counts as 0.
func (m *FileMachine) Look(r FileReading) (changed bool, text string) {
	value, complaint := 0, ""
	switch {
	case r.Err == nil:
		n, digits, err := ParseFileNumber(r.Content)
		if value = n; err != nil {
			value = m.value
			complaint = fmt.Sprintf("Invalid number %.40s read from %s - ignoring", digits, m.path)
		}
	case !errors.Is(r.Err, fs.ErrNotExist):
		complaint = fmt.Sprintf("track_file %s counts as 0: %v", m.name, r.Err)
	}
	if complaint != m.complaint {
		text = complaint
	}
	m.complaint = complaint
	changed = value != m.value
	m.value = value
	return changed, text
}

// Sweep is a Look without a reason: a file that was written a moment ago may be
// half written, and waits for its event or the next sweep.
func (m *FileMachine) Sweep(now time.Time, r FileReading) (changed bool, text string) {
	if age := now.Sub(r.Modified); r.Err == nil && age >= 0 && age < fileSettles {
		return false, ""
	}
	return m.Look(r)
}

// TrackFile is the tracker of one track_file line about a file whose own weight
// and reverse apply where the line has none.
func TrackFile(ref Ref, file *FileConfig, value int) Tracker {
	return Tracker{Kind: File, Name: ref.Name, Weight: ref.weight(file.Weight), Reverse: ref.reverse(file.Reverse), Value: value}
}
