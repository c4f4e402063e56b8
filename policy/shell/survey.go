// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// movers are the builtins that change the working directory.
var movers = []string{"cd", "pushd", "popd"}

// setters are the builtins whose words name variables that they set.
var setters = []string{"read", "unset", "mapfile", "readarray", "getopts", "printf", "let", "wait"}

// survey looks, before anything else, for what changes the meaning of words wherever it stands: a string is not read from
// top to bottom only, it has loops and functions.
func (s *source) survey(file *syntax.File) {
	s.declared(file)
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			s.surveyCall(n)
		case *syntax.Assign:
			s.path = s.path || n.Name == nil && !literalAssign(s, n) || n.Name != nil && n.Name.Value == "PATH"
		case *syntax.ParamExp:
			if n.Param != nil && n.Param.Value == "PATH" && n.Exp != nil {
				s.path = s.path || n.Exp.Op == syntax.AssignUnset || n.Exp.Op == syntax.AssignUnsetOrNull
			}
		case *syntax.WordIter:
			s.path = s.path || n.Name.Value == "PATH"
		case *syntax.BinaryArithm:
			s.surveyArithm(n.X)
		case *syntax.UnaryArithm:
			s.surveyArithm(n.X)
		}
		return true
	})
}

// surveyArithm looks for arithmetic that sets PATH, to a directory called 1 for example.
func (s *source) surveyArithm(x syntax.ArithmExpr) {
	if w, ok := x.(*syntax.Word); ok && w.Lit() == "PATH" {
		s.path = true
	}
}

// surveyCall looks for builtins that change where names lead.
func (s *source) surveyCall(call *syntax.CallExpr) {
	words := s.words(call.Args)
	for i, w := range words {
		if !w.known {
			continue
		}
		if slices.Contains(movers, w.text) {
			s.moved = true
		}
		if slices.Contains(setters, w.text) {
			s.surveySetter(w.text, words[i+1:])
		}
		if w.text == "trap" {
			s.surveyTrap(words[i+1:])
		}
	}
}

// surveyTrap looks at what a trap would run: it may come before any command.
func (s *source) surveyTrap(words []word) {
	for _, w := range words {
		s.path = s.path || !w.known || strings.Contains(w.text, "PATH")
		s.moved = s.moved || slices.ContainsFunc(movers, func(m string) bool { return strings.Contains(w.text, m) })
	}
}

// surveySetter looks at the words of a builtin that sets variables.
func (s *source) surveySetter(name string, words []word) {
	for _, w := range words {
		if name == "printf" && !slices.ContainsFunc(words, func(w word) bool { return strings.HasPrefix(w.text, "-v") }) {
			return
		}
		text := strings.TrimPrefix(w.text, "-v")
		if w.known && (text == "PATH" || strings.HasPrefix(text, "PATH=") || strings.HasPrefix(text, "PATH[")) {
			s.path = true
		}
		if !w.known && name != "printf" {
			s.path = true // it may be that name
		}
		if name == "unset" && (!w.known || w.text == "-f" || s.functions[w.text] > 0) {
			s.functions = nil
		}
	}
}

// literalAssign says whether a word of export and the like, which is not of the form name=value, is known. An option is.
func literalAssign(s *source, a *syntax.Assign) bool {
	if a.Value == nil {
		return true
	}
	w := s.word(a.Value)
	return w.known && !strings.HasPrefix(w.text, "PATH")
}

// declared finds the functions that are declared for certain: at the top of the string, not in a branch.
func (s *source) declared(file *syntax.File) {
	s.functions = map[string]uint{}
	for _, stmt := range file.Stmts {
		f, ok := stmt.Cmd.(*syntax.FuncDecl)
		if !ok || f.Name == nil || stmt.Background || len(stmt.Redirs) > 0 {
			continue
		}
		if _, again := s.functions[f.Name.Value]; !again {
			s.functions[f.Name.Value] = f.End().Offset()
		}
	}
}
