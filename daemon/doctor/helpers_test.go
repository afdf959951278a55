package doctor

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"

	"holdfast/checkers"
	"holdfast/kconf"
)

var idForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// idsOf are the ids that a source file gives to diagnostics: the argument after
// the place (and class) of Errorf and its kin, whatever looks like one among the
// arguments of any call, the field ID, and constants of the type Problem.
func idsOf(f *ast.File) []string {
	var ids []string
	add := func(e ast.Expr) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		if s, err := strconv.Unquote(lit.Value); err == nil && idForm.MatchString(s) {
			ids = append(ids, s)
		}
	}
	addHyphened := func(e ast.Expr) { // functions of all names pass ids on
		if lit, ok := e.(*ast.BasicLit); ok && strings.Contains(lit.Value, "-") {
			add(e)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			for _, a := range n.Args {
				addHyphened(a)
			}
			if s, ok := n.Fun.(*ast.SelectorExpr); ok {
				switch s.Sel.Name {
				case "Errorf", "Warnf", "Notef", "Fatalf", "stop", "dropf":
					for _, a := range n.Args[:min(3, len(n.Args))] {
						add(a)
					}
				case "fix": // keyword, id
					add(n.Args[1])
				}
			}
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && k.Name == "ID" {
				add(n.Value)
			}
		case *ast.ValueSpec:
			if typ, ok := n.Type.(*ast.Ident); ok && typ.Name == "Problem" {
				for _, v := range n.Values {
					add(v)
				}
			}
		}
		return true
	})
	return ids
}

// miscScript is the program of a MISC_CHECK; nil for other checks.
func miscScript(c checkers.Spec) *kconf.Script {
	m, ok := c.Config.(*checkers.MiscConfig)
	if !ok {
		return nil
	}
	s := *m.Script
	s.User, s.Group = m.User, m.Group
	return &s
}
