// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// steering are variables that make a shell run something, by name. The words of their values are not looked at.
var steering = []string{"BASH_ENV", "ENV", "PROMPT_COMMAND", "PS4", "SHELLOPTS", "BASHOPTS"}

// visit walks over everything that a string says, branches, bodies and substitutions included.
func (s *source) visit(file *syntax.File) {
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CallExpr:
			s.call(n)
		case *syntax.DeclClause:
			s.declare(n)
		case *syntax.Redirect:
			s.redirect(n)
		case *syntax.Assign:
			s.assign(n)
		case *syntax.ExtGlob:
			// The grammar leaves the pattern as it is, so a command in it would not be seen.
			if strings.ContainsAny(n.Pattern.Value, "$`") {
				s.unknown(at(n), s.slice(n), "a pattern of patterns with an expansion in it is not read")
			}
		case *syntax.ParamExp:
			// ${x@P} expands what x holds as a prompt, commands in it included.
			if n.Exp != nil && n.Exp.Op == syntax.OtherParamOps && n.Exp.Word != nil && n.Exp.Word.Lit() == "P" {
				s.unknown(at(n), s.slice(n), "what the variable holds is expanded again")
			}
		case *syntax.LetClause:
			s.builtinText(at(n), "let", s.slice(n))
			s.again(n)
		case *syntax.ArithmExp, *syntax.ArithmCmd, *syntax.TestClause:
			s.again(n)
		}
		return !s.full
	})
}

// call is one simple command.
func (s *source) call(call *syntax.CallExpr) {
	if len(call.Args) == 0 {
		return
	}
	s.run(s.words(call.Args), at(call), call.Args[0].Pos().Offset(), true)
}

// assign looks at one assignment, wherever it stands.
func (s *source) assign(a *syntax.Assign) {
	switch {
	case a.Name != nil && !a.Naked && slices.Contains(steering, a.Name.Value):
		s.unknown(at(a), s.slice(a), "the value of %s may be run", a.Name.Value)
	case a.Value != nil && hidesSubscript(s.word(a.Value).text):
		s.unknown(at(a), s.slice(a), "the value is a subscript that arithmetic would run")
	}
}

// again finds what arithmetic and tests would expand a second time: 'a[$(date)]' is no harmless text there.
func (s *source) again(n syntax.Node) {
	hidden := false
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst:
			return false // has a walk of its own
		case *syntax.SglQuoted:
			hidden = hidden || strings.Contains(n.Value, "$(") || strings.Contains(n.Value, "`")
		case *syntax.Lit:
			hidden = hidden || strings.Contains(n.Value, `\$`) || strings.Contains(n.Value, "\\`")
		}
		return true
	})
	if hidden {
		s.unknown(at(n), s.slice(n), "a quoted command may be run when the expression is evaluated")
	}
}

// hidesSubscript says whether a text, read as the name of a variable, runs a command.
func hidesSubscript(text string) bool {
	return strings.Contains(text, "[") && (strings.Contains(text, "$(") || strings.Contains(text, "`"))
}

// declare is declare, local, export, readonly, typeset and nameref.
func (s *source) declare(d *syntax.DeclClause) {
	s.builtinText(at(d), d.Variant.Value, s.slice(d))
}

// builtinText adds a builtin, as it is written.
func (s *source) builtinText(at place, name, text string) {
	s.add(Part{Kind: Builtin, Text: text, Line: at.line, Col: at.col, Via: s.via, Argv: []string{name}})
}

// run is a command: its words, where it stands, and whether functions and builtins come before programs.
func (s *source) run(words []word, at place, offset uint, byShell bool) {
	switch {
	case len(words) == 0:
		return
	case !words[0].known:
		s.unknown(at, show(words), "the name of the program is only known when it runs")
		return
	case !byShell:
		s.program(words, at)
		return
	}

	name := words[0].text
	if special, ok := specials[name]; ok {
		special(s, words, at)
		return
	}
	if after, ok := s.functions[name]; ok && offset >= after && !strings.Contains(name, "/") {
		s.add(Part{Kind: Function, Text: show(words), Line: at.line, Col: at.col, Via: s.via})
		return
	}
	if slices.Contains(builtins, name) {
		s.builtin(words, at)
		return
	}
	s.program(words, at)
}

// program is a command that is a program: itself, and what it starts if it is there to start others.
func (s *source) program(words []word, at place) {
	argv, cut := known(words)
	name := argv[0]
	p := Part{Kind: Command, Text: show(words), Line: at.line, Col: at.col, Via: s.via, Argv: argv, Cut: cut}
	switch {
	case name == "":
		s.unknown(at, p.Text, "the name of the program is empty")
		return
	case strings.Contains(name, "/"):
		full, why := s.absolute(name)
		if why != "" {
			s.unknown(at, p.Text, "%s", why)
			return
		}
		p.Argv[0] = full
	case s.path:
		s.unknown(at, p.Text, "PATH is changed, so it is not known which program %q is", name)
		return
	}

	base := p.Argv[0][strings.LastIndexByte(p.Argv[0], '/')+1:]
	inside := func(*source) {}
	switch {
	case slices.Contains(shells, base):
		inside = s.shell(&p, base, words, at)
	case base == "find":
		inside = s.find(words, at)
	case base == "watch":
		inside = s.watch(words, at)
	default:
		if w, ok := wrappers[base]; ok {
			inside = s.wrapped(base, w, words, at)
		}
	}
	s.add(p)
	inside(s)
}
