// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// generated marks files that a program wrote (https://go.dev/s/generatedcode).
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// source is one file of the tree that a person wrote.
type source struct {
	Name string // slash-separated, relative to the root
	Text string
}

// sources returns the files that a person wrote and that carry rules of some
// kind: no fixtures, no build output, nothing generated, nothing binary.
func sources(tree fs.FS) ([]source, error) {
	var found []source
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "bin", "testdata"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !isText(name) {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if !generated.Match(text) {
			found = append(found, source{name, string(text)})
		}
		return nil
	})
	return found, err
}

// textTypes are the endings of files that people write.
var textTypes = []string{".go", ".c", ".h", ".sh", ".py", ".md", ".yaml", ".yml", ".service", ".conf", ".mod"}

func isText(name string) bool {
	return slices.Contains(textTypes, path.Ext(name)) || isRecipe(name)
}

// isRecipe reports whether a file without an ending is a program all the same.
func isRecipe(name string) bool { return path.Base(name) == "Makefile" || name == ".ci/run" }

// isCode reports whether a file is source code in the narrow sense.
func isCode(name string) bool {
	return slices.Contains([]string{".go", ".c", ".h", ".sh"}, path.Ext(name)) || isRecipe(name)
}

// goFile is a parsed Go source file.
type goFile struct {
	source
	Set *token.FileSet
	AST *ast.File
}

// goFiles parses every Go file of the tree.
func goFiles(tree fs.FS) ([]goFile, error) {
	all, err := sources(tree)
	if err != nil {
		return nil, err
	}

	var files []goFile
	for _, s := range all {
		if path.Ext(s.Name) != ".go" {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, s.Name, s.Text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("parsing %s: %w", s.Name, err)
		}
		files = append(files, goFile{s, set, parsed})
	}
	return files, nil
}

// isTest reports whether a Go file belongs to the tests.
func (f goFile) isTest() bool { return strings.HasSuffix(f.Name, "_test.go") }

// at names a place in the file.
func (f goFile) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.Name, f.Set.Position(pos).Line)
}

// imports lists the import paths of the file.
func (f goFile) imports() []string {
	var paths []string
	for _, spec := range f.AST.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}
