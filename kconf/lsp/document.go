package lsp

import (
	"sort"
	"strings"
	"unicode/utf8"

	"holdfast/kconf"
)

// document is a text that an editor holds, or a file that is shown in an answer.
type document struct {
	uri, path string
	version   int
	text      string
	open      bool // in the editor

	starts  []int          // of lines as the editor counts them; made when needed
	lines   []int          // of lines as kconf counts them
	outline *kconf.Outline // made when needed
}

// setText replaces the text and forgets what was known of the old one.
func (d *document) setText(text string) {
	d.text = text
	d.starts, d.lines, d.outline = nil, nil, nil
}

// editorLines are the starts of lines: after \n, \r\n and a lone \r.
func (d *document) editorLines() []int {
	if d.starts == nil {
		d.starts = append(d.starts, 0)
		for i := 0; i < len(d.text); i++ {
			switch {
			case d.text[i] == '\n', d.text[i] == '\r' && (i+1 == len(d.text) || d.text[i+1] != '\n'):
				d.starts = append(d.starts, i+1)
			}
		}
	}
	return d.starts
}

// units is how many UTF-16 units a character takes.
func units(c rune) int {
	if c >= 0x10000 {
		return 2
	}
	return 1
}

// offset is the byte that p stands before. A place behind the end of its line is
// the end of the line, one behind the last line the end of the text.
func (d *document) offset(p position) int {
	starts := d.editorLines()
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(starts) {
		return len(d.text)
	}
	i, end := starts[p.Line], len(d.text)
	if p.Line+1 < len(starts) {
		end = starts[p.Line+1]
	}
	for n := 0; i < end && d.text[i] != '\n' && d.text[i] != '\r'; {
		c, width := utf8.DecodeRuneInString(d.text[i:])
		if n += units(c); n > p.Character {
			break // also in the middle of a pair: before the character
		}
		i += width
	}
	return i
}

// position is offset the other way.
func (d *document) position(offset int) position {
	offset = min(max(offset, 0), len(d.text))
	starts := d.editorLines()
	line := sort.Search(len(starts), func(i int) bool { return starts[i] > offset }) - 1
	n := 0
	for _, c := range d.text[starts[line]:offset] {
		n += units(c)
	}
	return position{line, n}
}

func (d *document) textRange(s kconf.Span) textRange {
	return textRange{d.position(s.From), d.position(s.To)}
}

// kconfLines are the starts of lines as kconf counts them. A byte order mark is
// no part of the first one.
func (d *document) kconfLines() []int {
	if d.lines == nil {
		d.lines = append(d.lines, len(d.text)-len(strings.TrimPrefix(d.text, "\ufeff")))
		for i := range len(d.text) {
			if d.text[i] == '\n' {
				d.lines = append(d.lines, i+1)
			}
		}
	}
	return d.lines
}

// at is the byte at a place that kconf has named; columns are characters there.
func (d *document) at(p kconf.Pos) int {
	line, column := int(p.Line), int(p.Col)
	lines := d.kconfLines()
	if line < 1 || line > len(lines) {
		return min(max(line, 0), 1) * len(d.text)
	}
	i := lines[line-1]
	for col := 1; col < column && i < len(d.text) && d.text[i] != '\n'; col++ {
		_, width := utf8.DecodeRuneInString(d.text[i:])
		i += width
	}
	return i
}

// wordAt is the word that begins at offset, a brace being one: what a diagnostic
// there is about. It is not empty unless a line ends there.
func (d *document) wordAt(offset int) kconf.Span {
	s := d.text[offset:]
	end := strings.IndexAny(s, "\r\n")
	if end < 0 {
		end = len(s)
	}
	s = s[:end]
	switch {
	case s == "":
	case s[0] == '"':
		if close := strings.IndexByte(s[1:], '"'); close >= 0 {
			s = s[:close+2]
		}
	case s[0] == '{' || s[0] == '}':
		s = s[:1]
	case strings.HasPrefix(s, "${"):
		if close := strings.IndexByte(s, '}'); close >= 0 {
			s = s[:close+1]
		}
	default:
		_, width := utf8.DecodeRuneInString(s)
		if i := strings.IndexAny(s[width:], " \t\f\v\"{}#!"); i >= 0 {
			s = s[:width+i]
		}
	}
	return kconf.Span{From: offset, To: offset + len(s)}
}

// apply makes one edit.
func (d *document) apply(c change) {
	if c.Range == nil {
		d.setText(c.Text)
		return
	}
	from, to := d.offset(c.Range.Start), d.offset(c.Range.End)
	if to < from {
		from, to = to, from
	}
	d.setText(d.text[:from] + c.Text + d.text[to:])
}
