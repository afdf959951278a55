package manual

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"holdfast/kconf"
)

// Explain writes what is known about a keyword, in every block where it may
// stand or, when block is not empty, in that one: "real_server" or a path such as
// "virtual_server/real_server". Blocks in which it means the same share a text.
// The error names the nearest keyword, or the blocks that have it.
func Explain(w io.Writer, root kconf.Vocab, word, block string) error {
	found, all := find(root, word)
	if len(found) == 0 {
		var names []string
		for _, e := range all {
			names = append(append(names, e.Name), e.Aliases...)
		}
		if near := kconf.Nearest(word, names); near != "" {
			return fmt.Errorf("explain %s: unknown keyword; did you mean %s?", word, near)
		}
		return fmt.Errorf("explain %s: unknown keyword", word)
	}
	kept := slices.DeleteFunc(slices.Clone(found), func(e Entry) bool { return block != "" && !standsIn(e, block) })
	if len(kept) == 0 {
		return fmt.Errorf("explain %s: not a keyword of %s; it stands in %s", word, block, strings.Join(blocks(found), ", "))
	}
	var b strings.Builder
	for len(kept) > 0 {
		first := kept[0]
		same := []Entry{first}
		rest := kept[:0:0]
		for _, e := range kept[1:] {
			if sameRow(first.KeywordDoc, e.KeywordDoc) {
				same = append(same, e)
			} else {
				rest = append(rest, e)
			}
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		explain(&b, first, blocks(same))
		kept = rest
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// find lists the rows that have word as a name, and all rows.
func find(root kconf.Vocab, word string) (found, all []Entry) {
	all = All(root)
	for _, e := range all {
		if e.Name == word || slices.Contains(e.Aliases, word) {
			found = append(found, e)
		}
	}
	return found, all
}

// standsIn reports whether the path of e is block, or ends with it.
func standsIn(e Entry, block string) bool {
	block = strings.Trim(block, "/")
	return e.Where() == block || strings.HasSuffix("/"+e.Where(), "/"+block)
}

func blocks(list []Entry) []string {
	var names []string
	for _, e := range list {
		name := e.Where()
		if name == "" {
			name = "the top level"
		}
		names = append(names, name)
	}
	return names
}

// sameRow compares what people read.
func sameRow(a, b kconf.KeywordDoc) bool {
	return a.Name == b.Name && a.Args == b.Args && accepts(a) == accepts(b) && a.Default == b.Default && a.Since == b.Since &&
		a.Doc == b.Doc && a.Deprecated == b.Deprecated && a.Status == b.Status && slices.Equal(a.Aliases, b.Aliases)
}

func explain(b *strings.Builder, e Entry, where []string) {
	fmt.Fprintf(b, "%s\n", strings.TrimSpace(e.Name+" "+e.Args))
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %-9s %s\n", name+":", value)
		}
	}
	field("in", strings.Join(where, ", "))
	field("accepts", accepts(e.KeywordDoc))
	field("default", e.Default)
	field("since", e.Since)
	if e.KeywordDoc.Block != nil {
		var names []string // of keywords, or of the words of lines
		for _, d := range e.KeywordDoc.Block.Docs() {
			names = append(names, d.Name)
		}
		field("contains", strings.Join(names, " "))
	}
	if e.Doc != "" {
		fmt.Fprintf(b, "  %s\n", e.Doc)
	}
	for _, r := range remarks(e.KeywordDoc) {
		fmt.Fprintf(b, "  %s\n", r)
	}
}
