package config_test

import (
	"os"
	"strings"
	"testing"

	"holdfast/daemon/config"
	"holdfast/kconf"
)

// keywordFact is one line of testdata/keywords.txt.
type keywordFact struct{ block, keyword string }

func keywordFacts(t *testing.T) []keywordFact {
	t.Helper()
	text, err := os.ReadFile("testdata/keywords.txt")
	if err != nil {
		t.Fatal(err)
	}
	var facts []keywordFact
	for line := range strings.Lines(string(text)) {
		block, keyword, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if ok && !strings.HasPrefix(line, "#") {
			facts = append(facts, keywordFact{block, keyword})
		}
	}
	return facts
}

// findRow looks for a keyword or alias.
func findRow(v kconf.Vocab, name string) (kconf.KeywordDoc, bool) {
	for _, d := range v.Docs() {
		if d.Name == name {
			return d, true
		}
		for _, a := range d.Aliases {
			if a == name {
				return d, true
			}
		}
	}
	return kconf.KeywordDoc{}, false
}

// knows walks from the top level into block and looks for keyword there. A
// block that is recognised but not read yet knows all that stands in it.
func knows(block, keyword string) bool {
	var v kconf.Vocab = config.RootVocabulary()
	for _, step := range strings.FieldsFunc(block, func(r rune) bool { return r == '/' }) {
		row, known := findRow(v, step)
		switch {
		case !known:
			return false
		case row.Block == nil:
			return row.Status != kconf.Acts
		}
		v = row.Block
	}
	_, known := findRow(v, keyword)
	return known
}

// TestEveryKeywordOfKeepalivedIsKnownWhereItMayStand: a configuration that
// keepalived accepts must not be called a mistake.
func TestEveryKeywordOfKeepalivedIsKnownWhereItMayStand(t *testing.T) {
	facts := keywordFacts(t)
	if len(facts) != 531 { // keepalived 2.4.3 registers 531
		t.Fatalf("%d keywords in the list, want 531", len(facts))
	}
	for _, f := range facts {
		if !knows(f.block, f.keyword) {
			t.Errorf("%s is unknown in %s", f.keyword, f.block)
		}
	}
}

func TestAKeywordIsNotKnownInABlockWhereItDoesNotBelong(t *testing.T) {
	for _, f := range []keywordFact{
		{"/", "virtual_router_id"}, {"vrrp_instance", "real_server"}, {"virtual_server", "interface"},
		{"virtual_server/real_server/TCP_CHECK", "url"}, {"no_such_block", "weight"}, {"global_defs", "route_id"},
	} {
		if knows(f.block, f.keyword) {
			t.Errorf("%s is known in %s", f.keyword, f.block)
		}
	}
}

// TestRowsTellWhatTheManualNeeds: a keyword that acts says what it does, and
// no two rows of one block have the same name.
func TestRowsTellWhatTheManualNeeds(t *testing.T) {
	var walk func(path string, v kconf.Vocab)
	walk = func(path string, v kconf.Vocab) {
		seen := map[string]bool{}
		for _, d := range v.Docs() {
			for _, name := range append([]string{d.Name}, d.Aliases...) {
				if seen[name] {
					t.Errorf("%s: %s is there twice", path, name)
				}
				seen[name] = true
			}
			if d.Status == kconf.Acts && (d.Doc == "" || d.Type == "") {
				t.Errorf("%s: %s says neither what it does nor what it takes: %+v", path, d.Name, d)
			}
			if d.Block != nil {
				walk(path+"/"+d.Name, d.Block)
			}
		}
	}
	walk("", config.RootVocabulary())
}
