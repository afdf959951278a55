package doctor

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast/kconf"
)

// Page is the manual's page of the rule, in Markdown.
func (r Rule) Page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n`%s`, %v\n\n", r.Title, r.ID, r.Severity)
	fmt.Fprintf(&b, "## What is wrong\n\n%s\n\n## Why it matters\n\n%s\n\n## What to do\n\n%s.\n\n", r.What, r.Why, capital(r.Fix))
	example(&b, "Wrong", r.Bad, r.BadPeer)
	example(&b, "Right", r.Good, r.GoodPeer)
	b.WriteString("## See\n\n")
	for _, ref := range r.References {
		if strings.Contains(ref, " ") {
			fmt.Fprintf(&b, "- %s\n", ref)
		} else {
			fmt.Fprintf(&b, "- `%s`\n", ref)
		}
	}
	if r.needsMachine() {
		b.WriteString("\nThe examples are for a machine with " + exampleMachine + ".\n")
	}
	return b.String()
}

// Explain is what a finding or a mistake with that id is about, in a sentence or
// two; "" if there is no such id.
func Explain(id string) string {
	if r, known := Lookup(id); known {
		return r.Title + "."
	}
	k, _ := LookupKind(id)
	return k.What
}

// exampleMachine is what the tests have the examples run on.
const exampleMachine = "192.0.2.2/24 on eth0, 198.51.100.2/24 on eth1, 203.0.113.2/25 and 203.0.113.5/25 on eth2, " +
	"no address on eth3, and eth9 without carrier"

// needsMachine: the rule looks at addresses of the machine.
func (r Rule) needsMachine() bool { return r.Theme == Addresses || r.Theme == Unicast }

func example(b *strings.Builder, title, here, there string) {
	if there == "" {
		fmt.Fprintf(b, "## %s\n\n```\n%s```\n\n", title, here)
		return
	}
	fmt.Fprintf(b, "## %s\n\nThis node:\n\n```\n%s```\n\nThe other node:\n\n```\n%s```\n\n", title, here, there)
}

func capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// Index is the manual's list of all rules, by theme, in Markdown. Pages lie in
// the folder checks beside it.
func Index() string {
	var b strings.Builder
	b.WriteString("# What `holdfast check` finds beyond mistakes\n\n" +
		"A file can be correct and not do what it was written for. These rules find such things. None of them is an error: the file does run, " +
		"and the exit status of `-t` stays keepalived's. A finding names its rule; the rule's page says what is wrong, what comes of it, and what to do.\n\n" +
		"`holdfast check FILE` looks at one file, on the machine it is for; `--peer FILE` compares it with the file of the other node. " +
		"Mistakes are listed [elsewhere](diagnostics.md).\n")
	theme := Theme("")
	for _, r := range all() {
		if r.Theme != theme {
			theme = r.Theme
			fmt.Fprintf(&b, "\n## %s\n\n| Rule | | |\n|---|---|---|\n", theme)
		}
		mark := ""
		if r.Severity == kconf.Note {
			mark = "note"
		}
		fmt.Fprintf(&b, "| [%s](checks/%s.md) | %s | %s |\n", r.ID, r.ID, r.Title, mark)
	}
	return b.String()
}
