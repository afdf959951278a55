package manual

import (
	"fmt"
	"strings"

	"holdfast/kconf"
)

// Markdown is the keyword reference: the language, then a table for each block.
func Markdown(root kconf.Vocab) []byte {
	var b strings.Builder
	list := sections(root)
	b.WriteString("# Keywords of keepalived.conf as holdfast reads them\n\n")
	b.WriteString("Made from the tables that the program itself decodes files with; `holdfast explain KEYWORD` prints a row of it.\n")
	b.WriteString("\n## The language\n\n")
	for _, r := range language {
		fmt.Fprintf(&b, "- **%s.** %s\n", r.title, r.text)
	}
	b.WriteString("\n## Blocks\n\n")
	for _, s := range list {
		fmt.Fprintf(&b, "%s- [%s](#%s)\n", strings.Repeat("  ", max(len(s.path)-1, 0)), s.title(), anchor(s.title()))
	}
	for _, s := range list {
		fmt.Fprintf(&b, "\n## %s\n\n", s.title())
		if s.opener != nil {
			fmt.Fprintf(&b, "`%s` %s\n\n", strings.TrimSpace(s.opener.Name+" "+s.opener.Args), cell(s.opener.Doc))
		}
		if s.same != "" {
			fmt.Fprintf(&b, "As in [%s](#%s).\n", s.same, anchor(s.same))
			continue
		}
		b.WriteString("| Keyword | Accepts | Default | Since | Meaning |\n|---|---|---|---|---|\n")
		for _, d := range s.rows {
			doc := strings.Join(append([]string{d.Doc}, remarks(d)...), " ")
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", code(strings.TrimSpace(d.Name+" "+d.Args)), cell(accepts(d)), cell(d.Default), cell(d.Since), cell(doc))
		}
	}
	return []byte(b.String())
}

// cell makes a text fit into a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "\n", " ").Replace(s)
}

// code is cell for text in backquotes.
func code(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// anchor is the name that Markdown gives a heading.
func anchor(title string) string {
	keep := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-':
			return r
		case r == ' ':
			return '-'
		}
		return -1
	}
	return strings.Map(keep, strings.ToLower(title))
}
