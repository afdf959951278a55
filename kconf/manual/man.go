package manual

import (
	"fmt"
	"strings"

	"holdfast/kconf"
)

// Page is the head of a manual page.
type Page struct {
	Name    string // holdfast.conf
	Section int    // 5
	Date    string // 2026-11-27; "" leaves it out
	Source  string // holdfast 1.2
	Summary string // what stands behind the name: configuration file of ...
	SeeAlso []string
}

// Man is the manual page in the language of man(7).
func Man(root kconf.Vocab, p Page) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s %d \"%s\" \"%s\" \"\"\n", strings.ToUpper(p.Name), p.Section, roff(p.Date), roff(p.Source))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(p.Name), roff(p.Summary))
	b.WriteString(".SH THE LANGUAGE\n")
	for _, r := range language {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(r.title), roffCode(r.text))
	}
	for _, s := range sections(root) {
		fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(roff(s.title())))
		if s.opener != nil {
			fmt.Fprintf(&b, "%s\n", line(roff(s.opener.Doc)))
		}
		if s.same != "" {
			fmt.Fprintf(&b, ".PP\nAs in %s.\n", roff(s.same))
			continue
		}
		for _, d := range s.rows {
			manRow(&b, d)
		}
	}
	if len(p.SeeAlso) > 0 {
		fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", roff(strings.Join(p.SeeAlso, ", ")))
	}
	return []byte(b.String())
}

func manRow(b *strings.Builder, d kconf.KeywordDoc) {
	fmt.Fprintf(b, ".TP\n\\fB%s\\fR", roff(d.Name))
	if d.Args != "" {
		fmt.Fprintf(b, " \\fI%s\\fR", roff(d.Args))
	}
	b.WriteByte('\n')
	var facts []string
	if a := accepts(d); a != "" {
		facts = append(facts, a)
	}
	if d.Default != "" {
		facts = append(facts, "default "+d.Default)
	}
	if d.Since != "" {
		facts = append(facts, "since "+d.Since)
	}
	text := strings.Join(append([]string{d.Doc}, remarks(d)...), " ")
	if len(facts) > 0 {
		text = strings.TrimSpace(text + " (" + strings.Join(facts, "; ") + ")")
	}
	fmt.Fprintf(b, "%s\n", line(roff(text)))
}

// roff makes characters literal that the formatter would take for its own.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "\n", " ").Replace(s)
}

// roffCode is roff for text with literal parts in backquotes.
func roffCode(s string) string {
	parts := strings.Split(s, "`")
	for i, part := range parts {
		if i%2 == 1 {
			parts[i] = `\fB` + roff(part) + `\fR`
		} else {
			parts[i] = roff(part)
		}
	}
	return line(strings.Join(parts, ""))
}

// line protects the first character of a line: a dot or an apostrophe there would
// make a request of it.
func line(s string) string {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}
