// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
)

// maxFunctionLines is the most that one function outside the tests may have;
// a test may carry a long table.
const maxFunctionLines = 80

// skipHelper is the one file that may skip a test, because what it skips for
// is checked there against the kernel's version.
const skipHelper = "daemon/vmtest/skip.go"

// threatModel is the document that names the tests behind its claims.
const threatModel = "docs/threat-model.md"

// packageDocs finds directories whose package says nothing about itself. A
// package that is built must say it in a file that is built.
func packageDocs(tree fs.FS) ([]string, error) {
	files, err := goFiles(tree)
	if err != nil {
		return nil, err
	}

	built, documented := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		built[path.Dir(f.Name)] = built[path.Dir(f.Name)] || !f.isTest()
	}
	for _, f := range files {
		dir := path.Dir(f.Name)
		if f.AST.Doc != nil && (!built[dir] || !f.isTest()) {
			documented[dir] = true
		}
	}

	var found []string
	for _, dir := range slices.Sorted(maps.Keys(built)) {
		if !documented[dir] {
			found = append(found, dir+": the package has no documentation")
		}
	}
	return found, nil
}

// functionLengths finds functions that should have been several.
func functionLengths(tree fs.FS) ([]string, error) {
	return inspect(tree, func(f goFile, n ast.Node) string {
		fn, ok := n.(*ast.FuncDecl)
		if !ok || f.isTest() {
			return ""
		}
		lines := f.Set.Position(fn.End()).Line - f.Set.Position(fn.Pos()).Line + 1
		if lines <= maxFunctionLines {
			return ""
		}
		return fmt.Sprintf("%s: %s has %d lines, more than %d", f.at(fn.Pos()), fn.Name.Name, lines, maxFunctionLines)
	})
}

// skips finds tests that are skipped anywhere but in the helper.
func skips(tree fs.FS) ([]string, error) {
	return inspect(tree, func(f goFile, n ast.Node) string {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || f.Name == skipHelper {
			return ""
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok || !slices.Contains([]string{"t", "b", "f", "tb"}, x.Name) ||
			!slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, sel.Sel.Name) {
			return ""
		}
		return fmt.Sprintf("%s: %s.%s outside %s", f.at(sel.Pos()), x.Name, sel.Sel.Name, skipHelper)
	})
}

// inspect visits every node of every Go file and collects what is found.
func inspect(tree fs.FS, visit func(goFile, ast.Node) string) ([]string, error) {
	files, err := goFiles(tree)
	if err != nil {
		return nil, err
	}

	var found []string
	for _, f := range files {
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if offence := visit(f, n); offence != "" {
				found = append(found, offence)
			}
			return true
		})
	}
	return found, nil
}

// exportedDocs finds exported names without a comment. A comment on a group
// of constants, variables or types counts for all of them.
func exportedDocs(tree fs.FS) ([]string, error) {
	files, err := goFiles(tree)
	if err != nil {
		return nil, err
	}

	var found []string
	for _, f := range files {
		if f.isTest() {
			continue
		}
		for _, decl := range f.AST.Decls {
			for _, name := range undocumented(decl) {
				found = append(found, fmt.Sprintf("%s: %s is exported and not documented", f.at(name.Pos()), name.Name))
			}
		}
	}
	return found, nil
}

// undocumented returns the exported names of a declaration that nothing is
// said about.
func undocumented(decl ast.Decl) []*ast.Ident {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && receiverExported(d) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return nil
		}
		var names []*ast.Ident
		for _, spec := range d.Specs {
			names = append(names, undocumentedSpec(spec)...)
		}
		return names
	}
	return nil
}

func undocumentedSpec(spec ast.Spec) []*ast.Ident {
	var names []*ast.Ident
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Doc == nil && s.Comment == nil {
			names = []*ast.Ident{s.Name}
		}
	case *ast.ValueSpec:
		if s.Doc == nil && s.Comment == nil {
			names = s.Names
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(n *ast.Ident) bool { return !n.IsExported() })
}

// receiverExported reports whether a function is none of an unexported type.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	expr := d.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return true
		}
	}
}

// testName matches the name of a test function in running text.
var testName = regexp.MustCompile(`\bTest[A-Z][0-9A-Za-z_]*`)

// threatTests finds tests that the threat model relies on and that do not
// exist (any more).
func threatTests(tree fs.FS) ([]string, error) {
	files, err := goFiles(tree)
	if err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(tree, threatModel)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}

	defined := map[string]bool{}
	for _, f := range files {
		for _, decl := range f.AST.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && f.isTest() && fn.Recv == nil {
				defined[fn.Name.Name] = true
			}
		}
	}

	named := testName.FindAllString(string(text), -1)
	slices.Sort(named)
	var found []string
	for _, name := range slices.Compact(named) {
		if !defined[name] {
			found = append(found, threatModel+": there is no test "+name)
		}
	}
	return found, nil
}
