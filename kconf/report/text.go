package report

import (
	"fmt"
	"strings"

	"holdfast/kconf"
)

// Escape sequences of ECMA-48 terminals.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	cyan   = "\x1b[1;36m"
	plain  = "\x1b[0m"
)

// text is the form for people: a line that editors and grep understand, the
// source line, a mark under the word, and further places.
//
//	keepalived.conf:2:23: error: virtual_router_id 300: must be 1-255 [out-of-range]
//	    virtual_router_id 300
//	                      ^~~
func (r *Report) text() []byte {
	var b strings.Builder
	for _, d := range r.Diagnostics {
		r.textOne(&b, d)
	}
	if r.Fatal != "" {
		fmt.Fprintf(&b, "%s the configuration can not run: %s\n", r.paint(red, "error:"), r.Fatal)
	}
	if len(r.Diagnostics) > 0 {
		fmt.Fprintf(&b, "%s\n", r.summary())
	}
	return []byte(b.String())
}

func (r *Report) textOne(b *strings.Builder, d kconf.Diagnostic) {
	if d.Pos.IsValid() {
		b.WriteString(r.paint(bold, d.Pos.String()+":") + " ")
	}
	colour := map[kconf.Severity]string{kconf.Error: red, kconf.Warning: yellow, kconf.Note: cyan}[d.Severity]
	b.WriteString(r.paint(colour, d.Severity.String()+":") + " " + sentence(d))
	if d.ID != "" {
		b.WriteString(" [" + d.ID + "]")
	}
	b.WriteByte('\n')
	r.mark(b, d.Pos, colour)
	if d.Related.IsValid() {
		fmt.Fprintf(b, "%s see here\n", r.paint(bold, d.Related.String()+":"))
		r.mark(b, d.Related, cyan)
	}
	for via := d.Pos.Via(); via != nil; via = via.Via() {
		fmt.Fprintf(b, "%s included here\n", r.paint(bold, via.String()+":"))
	}
}

// mark shows the line at p and underlines the word there.
func (r *Report) mark(b *strings.Builder, p kconf.Pos, colour string) {
	line := r.line(p)
	if line == "" {
		return
	}
	b.WriteString(line + "\n")
	col := int32(1)
	for _, c := range line {
		if col >= p.Col {
			break
		}
		if c != '\t' {
			c = ' ' // a tab stays one: as wide here as in the line above
		}
		b.WriteRune(c)
		col++
	}
	b.WriteString(r.paint(colour, "^"+strings.Repeat("~", width(line, p.Col)-1)) + "\n")
}

func (r *Report) paint(colour, s string) string {
	if !r.Colour {
		return s
	}
	return colour + s + plain
}

// summary is "2 errors, 1 warning".
func (r *Report) summary() string {
	var parts []string
	for _, c := range []struct {
		sev  kconf.Severity
		noun string
	}{{kconf.Error, "error"}, {kconf.Warning, "warning"}, {kconf.Note, "note"}} {
		switch n := r.Count(c.sev); n {
		case 0:
		case 1:
			parts = append(parts, "1 "+c.noun)
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n, c.noun))
		}
	}
	return strings.Join(parts, ", ")
}
