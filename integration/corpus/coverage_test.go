package corpus

import (
	"fmt"
	"strings"
	"testing"
)

// unseen are rows of the rules that the exit status of -t does not show, and
// why.
var unseen = map[string]string{
	"validation 2.2 row 6":  "a default: the TTL",
	"validation 2.2 row 18": "a default of a keyword that 2.2.7 does not know",
	"validation 2.2 row 24": "strict mode does not report that it takes the address of a vmac away",
	"validation 2.2 row 46": "a default of a keyword that 2.2.7 does not know",
	"validation 2.2 row 49": "a default: one second",
	"validation 2.2 row 63": "needs an instance without interface, which 2.2.7 refuses",
}

// TestEveryRuleHasACase counts the numbered rules of what the configuration
// check does: the completion of an instance (2.2), virtual servers (7); and the
// chapters of both documents, whose rules have names.
func TestEveryRuleHasACase(t *testing.T) {
	shown := map[string]bool{}
	for _, cases := range read(t) {
		for _, c := range cases {
			for _, rule := range c.Rules {
				shown[rule] = true
			}
		}
	}
	need := func(rule string) {
		if _, isUnseen := unseen[rule]; isUnseen == shown[rule] {
			t.Errorf("rule %q: has a case: %v, said to be unseen: %v", rule, shown[rule], isUnseen)
		}
	}
	for row := 1; row <= 67; row++ {
		need(fmt.Sprintf("validation 2.2 row %d", row))
	}
	for row := 1; row <= 30; row++ {
		need(fmt.Sprintf("validation 7 row %d", row))
	}
	for _, chapter := range []string{"lexis 1", "lexis 2", "lexis 2.1", "lexis 2.2", "lexis 3", "lexis 4", "lexis 5", "lexis 6",
		"lexis 7", "lexis 9", "lexis 10", "lexis 12", "validation 2.1", "validation 2.3", "validation 2.4", "validation 3", "validation 4",
		"validation 5", "validation 6", "validation 7.1", "validation 7.3", "validation 8", "validation 9.1", "validation 9.2",
		"validation 9.3", "range"} {
		found := false
		for rule := range shown {
			found = found || rule == chapter || strings.HasPrefix(rule, chapter+" ")
		}
		if !found {
			t.Errorf("no case for chapter %q", chapter)
		}
	}
}
