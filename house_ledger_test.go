package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// requirementID is what a test of a requirement is named with: the section, a
// number in it, and K for rules of keepalived.
var requirementID = regexp.MustCompile(`^(?:\d+(?:\.\d+)+|K\d+(?:\.\d+)?)-\d+[a-f]?$`)

// ledger is docs/rfc9568.md: for each id the test that it names, "—" for none.
func ledger(t *testing.T) (text string, tests map[string]string) {
	t.Helper()
	b, err := os.ReadFile("docs/rfc9568.md")
	if err != nil {
		t.Fatal(err)
	}
	tests = map[string]string{}
	for _, line := range strings.Split(string(b), "\n") {
		cell := strings.Split(strings.Trim(line, "|"), "|")
		if !strings.HasPrefix(line, "|") || len(cell) == 4 && !strings.ContainsAny(cell[0], "0123456789") {
			continue // a heading
		}
		if len(cell) != 4 {
			t.Errorf("a row has %d columns, want 4: %s", len(cell), line)
			continue
		}
		for i := range cell {
			cell[i] = strings.TrimSpace(cell[i])
		}
		id, test := cell[0], strings.Trim(cell[2], "`")
		switch {
		case !requirementID.MatchString(id):
			t.Errorf("%q is no id", id)
		case tests[id] != "":
			t.Errorf("%s stands twice", id)
		case test == "—" && cell[3] == "":
			t.Errorf("%s has no test, and no reason why", id)
		}
		tests[id] = test
	}
	return string(b), tests
}

// requirementTests are the functions of package vrrp that test requirements, by
// the ids that their texts begin with.
func requirementTests(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, path := range sourceFiles(t)["vrrp"] {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				kv, ok := n.(*ast.KeyValueExpr)
				if !ok {
					return true
				}
				if key, ok := kv.Key.(*ast.BasicLit); ok && key.Kind == token.STRING {
					name, _ := strconv.Unquote(key.Value)
					if id, says, _ := strings.Cut(name, " "); says != "" && requirementID.MatchString(id) {
						found[id] = append(found[id], fn.Name.Name)
					}
				}
				return true
			})
		}
	}
	return found
}

// TestEveryRequirementIsInTheLedgerAndTested compares both ways.
func TestEveryRequirementIsInTheLedgerAndTested(t *testing.T) {
	_, named := ledger(t)
	found := requirementTests(t)
	for id, test := range named {
		if test != "—" && !slices.Equal(found[id], []string{test}) {
			t.Errorf("docs/rfc9568.md: %s is tested by %s; vrrp has it in %v", id, test, found[id])
		}
	}
	for id, tests := range found {
		if named[id] == "" || named[id] == "—" {
			t.Errorf("%s is tested by %v, docs/rfc9568.md does not say so", id, tests)
		}
	}
	if len(named) < 130 || len(found) < 110 {
		t.Errorf("%d requirements and %d tests: most are not found", len(named), len(found))
	}
}

// TestEveryStepOfTheStateMachineIsAccountedFor: a step has a row, or the ledger
// says that it asks for nothing.
func TestEveryStepOfTheStateMachineIsAccountedFor(t *testing.T) {
	text, named := ledger(t)
	_, list, _ := strings.Cut(text, "ask for nothing and have no row: ")
	list, _, _ = strings.Cut(list, ".")
	idle := strings.Split(list, ", ")
	for _, state := range []struct {
		section     string
		first, last int
	}{{"6.4.1", 100, 175}, {"6.4.2", 300, 490}, {"6.4.3", 600, 795}} {
		for n := state.first; n <= state.last; n += 5 {
			if n == 435 {
				continue // there is none
			}
			_, row := named[fmt.Sprintf("%s-%d", state.section, n)]
			if is := slices.Contains(idle, strconv.Itoa(n)); is == row {
				t.Errorf("step %d has a row: %v, asks for nothing: %v", n, row, is)
			}
		}
	}
}
