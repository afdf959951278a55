package manual

import (
	"slices"
	"strings"

	"holdfast/kconf"
)

// Entry is a row of a vocabulary and the blocks around it, outermost first.
type Entry struct {
	Path []string // empty at the top level
	kconf.KeywordDoc
}

// Where is the path as people write it: "virtual_server/real_server".
func (e Entry) Where() string { return strings.Join(e.Path, "/") }

// All lists every row below root, a block's rows behind the row that opens it.
func All(root kconf.Vocab) []Entry {
	var list []Entry
	var walk func(path []string, v kconf.Vocab)
	walk = func(path []string, v kconf.Vocab) {
		for _, d := range v.Docs() {
			list = append(list, Entry{Path: path, KeywordDoc: d})
			if d.Block != nil {
				walk(append(path[:len(path):len(path)], d.Name), d.Block)
			}
		}
	}
	walk(nil, root)
	return list
}

// section is the rows of one block.
type section struct {
	opener *kconf.KeywordDoc // nil for the top level
	path   []string
	rows   []kconf.KeywordDoc
	same   string // title of an earlier section with the same rows; "" for none
}

// title is the heading of a section.
func (s section) title() string {
	if s.opener == nil {
		return "Top level"
	}
	return strings.Join(s.path, " / ")
}

// sections groups the rows by their block, in the order in which blocks appear.
func sections(root kconf.Vocab) []section {
	var list []section
	var walk func(opener *kconf.KeywordDoc, path []string, v kconf.Vocab)
	walk = func(opener *kconf.KeywordDoc, path []string, v kconf.Vocab) {
		docs := v.Docs()
		list = append(list, section{opener: opener, path: path, rows: docs})
		for i := range docs {
			if docs[i].Block != nil {
				walk(&docs[i], append(path[:len(path):len(path)], docs[i].Name), docs[i].Block)
			}
		}
	}
	walk(nil, nil, root)
	for i := range list {
		for j := range i {
			if list[j].same == "" && slices.EqualFunc(list[i].rows, list[j].rows, sameRow) {
				list[i].same = list[j].title()
				break
			}
		}
	}
	return list
}

// accepts is type and range in one phrase.
func accepts(d kconf.KeywordDoc) string {
	switch {
	case d.Range == "":
		return d.Type
	case d.Type == "":
		return d.Range
	}
	return d.Type + ", " + d.Range
}

// remarks are what else there is to say about a row, each a sentence.
func remarks(d kconf.KeywordDoc) []string {
	var list []string
	if len(d.Aliases) > 0 {
		list = append(list, "Also written "+strings.Join(d.Aliases, ", ")+".")
	}
	if d.Deprecated != "" {
		list = append(list, "Old spelling: "+d.Deprecated+".")
	}
	if d.Status != kconf.Acts {
		list = append(list, "Read and checked, but without effect yet.")
	}
	return list
}
