package reconcile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/reconcile"
)

func TestDiffAddsBeforeItDeletesAndLeavesStrangersAlone(t *testing.T) {
	tests := map[string]struct {
		desired, actual map[string]int
		want            []string
	}{
		"nothing to do":                 {map[string]int{"a": 1}, map[string]int{"a": 1}, nil},
		"missing":                       {map[string]int{"b": 2, "a": 1}, nil, []string{"add a=1", "add b=2"}},
		"different":                     {map[string]int{"a": 2}, map[string]int{"a": 1}, []string{"update a=2"}},
		"left over and ours":            {nil, map[string]int{"a": 1}, []string{"delete a"}},
		"not ours stays":                {nil, map[string]int{"foreign": 1}, nil},
		"a replacement comes first":     {map[string]int{"z": 1}, map[string]int{"a": 1}, []string{"add z=1", "delete a"}},
		"desired although not ours yet": {map[string]int{"foreign": 2}, map[string]int{"foreign": 1}, []string{"update foreign=2"}},
	}
	rules := reconcile.Rules[string, int]{
		Equal:   func(want, have int) bool { return want == have },
		Ours:    func(k string, _ int) bool { return k != "foreign" },
		Compare: strings.Compare,
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range reconcile.Diff(tt.desired, tt.actual, rules) {
				line := fmt.Sprintf("%v %s", c.Kind, c.Key)
				if c.Kind != reconcile.Delete {
					line += fmt.Sprintf("=%d", c.Want)
				}
				got = append(got, line)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("plan (-want +got):\n%s", d)
			}
		})
	}
}
