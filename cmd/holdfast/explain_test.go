package main

import (
	"slices"
	"strings"
	"testing"
)

// TestIDsAreNoKeywords: explain has one answer to each word.
func TestIDsAreNoKeywords(t *testing.T) {
	keywords := keywordNames()
	for _, id := range ids() {
		if slices.Contains(keywords, id) {
			t.Errorf("%s is a keyword and an id", id)
		}
	}
}

func TestExplainTellsKindsOfMistakes(t *testing.T) {
	status, out, _ := tool(t, nil, "", "explain", "extra-brace")
	const want = `# extra-brace

A closing brace closes nothing: there is one too many, or an opening one is missing above.
`
	if status != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("status %d\n%s", status, out)
	}
}
