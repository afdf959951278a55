package lsp

import (
	"fmt"
	"strings"

	"holdfast/kconf"
)

// hover explains the keyword of the line, or shows the value of a name.
func (s *server) hover(d *document, p documentParams) (any, *rpcError) {
	c := s.cursorAt(d, p.Position)
	if c.comment {
		return nil, nil
	}
	if u, ok := d.useAt(c.offset); ok {
		if defs := s.definitions(d, u.name, c.offset); len(defs) > 0 {
			return hover{markup{"markdown", "```\n$" + u.name + "=" + defs[0].Value + "\n```"}, d.textRange(u.Span)}, nil
		}
	}
	row := c.row()
	switch {
	case row != nil:
		return hover{markup{"markdown", help(row.KeywordDoc)}, d.textRange(c.stmt.Words[0].Span)}, nil
	case c.stmt != nil && c.owner != nil && c.rows == nil: // an entry of a value block
		if word := c.owner.words.find(c.word.Text); word != nil {
			return hover{markup{"markdown", help(word.KeywordDoc)}, d.textRange(c.word.Span)}, nil
		}
		return hover{markup{"markdown", help(c.owner.KeywordDoc)}, d.textRange(c.stmt.Span)}, nil
	}
	return nil, nil
}

// help is a row as text.
func help(row kconf.KeywordDoc) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**", row.Name)
	if row.Args != "" {
		fmt.Fprintf(&b, " `%s`", row.Args)
	}
	b.WriteString("\n")
	if row.Doc != "" {
		fmt.Fprintf(&b, "\n%s\n", row.Doc)
	}
	lead := "\n"
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s- %s: %s\n", lead, name, value)
			lead = ""
		}
	}
	fact("type", row.Type)
	fact("accepts", row.Range)
	fact("default", row.Default)
	fact("also written", strings.Join(row.Aliases, ", "))
	fact("since", row.Since)
	fact("old spelling", row.Deprecated)
	if row.Status != kconf.Acts {
		fact("status", "not supported yet")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
