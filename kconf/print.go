package kconf

import (
	"fmt"
	"io"
	"strings"
)

// Caret prints a diagnostic, the line it is about and a mark below its column:
//
//	keepalived.conf:2:23: virtual_router_id 300: must be 1-255
//	    virtual_router_id 300
//	                      ^
//
// An empty line, or a diagnostic without position, prints the message alone.
func Caret(d Diagnostic, line string) string {
	if line == "" || !d.Pos.IsValid() {
		return d.String() + "\n"
	}
	var pad strings.Builder
	col := int32(1)
	for _, c := range line {
		if col >= d.Pos.Col {
			break
		}
		if c == '\t' {
			pad.WriteRune(c) // as wide here as in the line above
		} else {
			pad.WriteByte(' ')
		}
		col++
	}
	return fmt.Sprintf("%v\n%s\n%s^\n", d, line, pad.String())
}

// Report writes all diagnostics in their order. source returns the text of a
// line, or "" if it is not known; nil: messages alone.
func Report(w io.Writer, ds *Diagnostics, source func(Pos) string) error {
	for _, d := range ds.All() {
		line := ""
		if source != nil {
			line = source(d.Pos)
		}
		if _, err := io.WriteString(w, Caret(d, line)); err != nil {
			return fmt.Errorf("write diagnostics: %w", err)
		}
	}
	return nil
}

// SourceLines returns a source for Report that reads each file once.
func SourceLines(files FS) func(Pos) string {
	read := map[string][]string{}
	return func(p Pos) string {
		if !p.IsValid() {
			return ""
		}
		lines, ok := read[p.File()]
		if !ok {
			if data, err := files.ReadFile(p.File()); err == nil {
				lines = strings.Split(string(data), "\n")
			}
			read[p.File()] = lines
		}
		if int(p.Line) > len(lines) {
			return ""
		}
		return strings.TrimRight(lines[p.Line-1], "\r")
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
