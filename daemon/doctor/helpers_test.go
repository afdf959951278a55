package doctor

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"holdfast/checkers"
	"holdfast/kconf"
)

var idForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// idParams are the functions of the sources that are given an id, with its place
// among their arguments: those with a parameter "id string".
type idParams map[string][]int

// add takes over the functions of f, those in variables included.
func (p idParams) add(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			p.addFunc(n.Name.Name, n.Type)
		case *ast.AssignStmt:
			name, isName := n.Lhs[0].(*ast.Ident)
			if lit, isFunc := n.Rhs[0].(*ast.FuncLit); isFunc && isName {
				p.addFunc(name.Name, lit.Type)
			}
		}
		return true
	})
}

func (p idParams) addFunc(name string, typ *ast.FuncType) {
	at := 0
	for _, field := range typ.Params.List {
		kind, _ := field.Type.(*ast.Ident)
		for _, param := range field.Names {
			if param.Name == "id" && kind != nil && kind.Name == "string" && !slices.Contains(p[name], at) {
				p[name] = append(p[name], at)
			}
			at++
		}
	}
}

// idsOf are the ids that a source file gives to diagnostics: as an argument, in
// the field ID or a variable id, and as a constant of the type Problem. One that
// begins with a constant and is completed by a variable ends with "*".
func idsOf(f *ast.File, params idParams) []string {
	var ids []string
	add := func(e ast.Expr) {
		suffix := ""
		if sum, ok := e.(*ast.BinaryExpr); ok {
			e, suffix = sum.X, "*"
		}
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		if s, err := strconv.Unquote(lit.Value); err == nil && idForm.MatchString(strings.TrimSuffix(s, "-")) {
			ids = append(ids, s+suffix)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := ""
			switch fn := n.Fun.(type) {
			case *ast.SelectorExpr:
				name = fn.Sel.Name
			case *ast.Ident:
				name = fn.Name
			}
			for _, at := range params[name] {
				if at < len(n.Args) {
					add(n.Args[at])
				}
			}
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && k.Name == "ID" {
				add(n.Value)
			}
		case *ast.AssignStmt:
			if name, ok := n.Lhs[0].(*ast.Ident); ok && name.Name == "id" {
				add(n.Rhs[0])
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
