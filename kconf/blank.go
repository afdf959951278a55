package kconf

import "strings"

// blanks separate words.
const blanks = " \t\f\r\n\v"

func isBlank(c byte) bool { return strings.IndexByte(blanks, c) >= 0 }
