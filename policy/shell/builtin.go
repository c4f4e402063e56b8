// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"
)

// builtins start no program. A name that only one shell has as a builtin is here when the other's program of that name
// would do nothing else.
var builtins = []string{
	":", "[", "bg", "break", "caller", "cd", "compopt", "continue", "declare", "dirs", "disown", "echo", "exit", "export", "false",
	"fg", "getopts", "help", "jobs", "kill", "let", "local", "logout", "mapfile", "popd", "printf", "pushd", "pwd", "read",
	"readarray", "readonly", "return", "set", "shift", "shopt", "suspend", "test", "times", "true", "type", "typeset", "ulimit",
	"umask", "unalias", "unset", "wait",
}

// evaluators are the builtins that take a word for the name of a variable, and run what stands in its subscript.
var evaluators = []string{"[", "declare", "export", "getopts", "let", "local", "mapfile", "printf", "read", "readarray", "readonly",
	"test", "typeset", "unset", "wait"}

// specials are the builtins that run something else, or change what later words mean. They come before functions: whether a
// function may have such a name differs from shell to shell.
var specials map[string]func(*source, []word, place)

func init() {
	refuse := func(why string) func(*source, []word, place) {
		return func(s *source, words []word, at place) { s.unknown(at, show(words), "%s", why) }
	}
	specials = map[string]func(*source, []word, place){
		"exec": execBuiltin, "command": commandBuiltin, "builtin": builtinBuiltin, "trap": trapBuiltin,
		"alias": aliasBuiltin, "hash": hashBuiltin, "complete": completeBuiltin, "compgen": completeBuiltin,

		"eval":   refuse("what eval runs is only known when it runs"),
		"source": refuse("what the file says is only known when it runs"),
		".":      refuse("what the file says is only known when it runs"),
		"enable": refuse("enable changes which names are builtins"),
		"fc":     refuse("fc runs commands of the history"),
		"bind":   refuse("bind ties commands to keys"),
		"coproc": refuse("only bash has coproc"),
	}
}

// builtin adds a builtin that starts nothing.
func (s *source) builtin(words []word, at place) {
	name := words[0].text
	s.add(Part{Kind: Builtin, Text: show(words), Line: at.line, Col: at.col, Via: s.via, Argv: []string{name}})
	for _, w := range words[1:] {
		if slices.Contains(evaluators, name) && hidesSubscript(w.text) && !(name == "printf" && !strings.HasPrefix(words[1].text, "-v")) {
			s.unknown(at, show(words), "%s runs the command in the subscript", name)
			return
		}
	}
	if name == "mapfile" || name == "readarray" {
		s.refuseOption(words, at, "C", "it runs the command that it is given")
	}
}

// refuseOption adds an unknown part when a word may be one of the options.
func (s *source) refuseOption(words []word, at place, letters, why string) {
	for _, w := range words[1:] {
		if !w.known || strings.HasPrefix(w.text, "-") && strings.ContainsAny(w.text, letters) {
			s.unknown(at, show(words), "%s", why)
			return
		}
	}
}

// execBuiltin takes the shell's place; without words it only keeps redirections.
func execBuiltin(s *source, words []word, at place) {
	s.prefix(wrapper{valued: "a", plain: "cl"}, words, at, func(rest []word) { s.run(rest, at, 0, false) })
}

// commandBuiltin leaves functions aside.
func commandBuiltin(s *source, words []word, at place) {
	s.prefix(wrapper{plain: "p", stop: "vV"}, words, at, func(rest []word) {
		if len(rest) == 0 || !rest[0].known {
			s.run(rest, at, 0, false)
			return
		}
		functions := s.functions
		s.functions = nil
		s.run(rest, at, 0, true)
		s.functions = functions
	})
}

// builtinBuiltin runs a builtin and nothing else.
func builtinBuiltin(s *source, words []word, at place) {
	s.prefix(wrapper{}, words, at, func(rest []word) {
		switch {
		case len(rest) == 0:
		case !rest[0].known:
			s.unknown(at, show(words), "the name of the builtin is only known when it runs")
		case specials[rest[0].text] != nil:
			specials[rest[0].text](s, rest, at)
		case slices.Contains(builtins, rest[0].text):
			s.builtin(rest, at)
		default:
			s.unknown(at, show(words), "%q is no builtin that is known here", rest[0].text)
		}
	})
}

// prefix is a builtin before a command: the builtin, and then what it runs.
func (s *source) prefix(w wrapper, words []word, at place, run func([]word)) {
	name := words[0].text
	s.builtinText(at, name, show(words))
	rest, _, why := w.unwrap(name, words[1:])
	if why != "" {
		s.unknown(at, show(words), "%s", why)
		return
	}
	run(rest)
}

// trapBuiltin keeps a string for later.
func trapBuiltin(s *source, words []word, at place) {
	s.builtinText(at, "trap", show(words))
	rest := words[1:]
	if len(rest) > 0 && rest[0].known && rest[0].text == "--" {
		rest = rest[1:]
	}
	switch {
	case len(rest) == 0 || rest[0].known && (rest[0].text == "" || strings.HasPrefix(rest[0].text, "-")):
	case !rest[0].known:
		s.unknown(at, show(words), "what the trap runs is only known when it runs")
	default:
		s.inner(rest[0].text, "trap", false, at)
	}
}

// aliasBuiltin without a definition only lists.
func aliasBuiltin(s *source, words []word, at place) {
	for _, w := range words[1:] {
		if !w.known || strings.Contains(w.text, "=") {
			s.unknown(at, show(words), "an alias changes what later words mean")
			return
		}
	}
	s.builtinText(at, "alias", show(words))
}

// hashBuiltin with -p says which file a name means.
func hashBuiltin(s *source, words []word, at place) {
	s.builtinText(at, "hash", show(words))
	s.refuseOption(words, at, "p", "hash -p changes which program a name means")
}

// completeBuiltin may run a command to find completions.
func completeBuiltin(s *source, words []word, at place) {
	s.builtinText(at, words[0].text, show(words))
	s.refuseOption(words, at, "CFW", "it runs commands to find completions")
}
