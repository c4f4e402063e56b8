// SPDX-License-Identifier: Apache-2.0

package shell

import (
	"slices"
	"strings"
)

// shells are the programs whose words may be a string of shell. The language of those in foreign is another one.
var (
	shells  = []string{"sh", "bash", "dash", "rbash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh"}
	foreign = []string{"zsh", "ksh", "mksh", "fish", "csh", "tcsh"}
	posix   = []string{"sh", "dash", "ash"}
)

// invocation is how a shell was started.
type invocation struct {
	command bool // -c: the next word is a string of shell
	stdin   bool // -s
	startup bool // it reads the user's startup files first
	rest    []word
	why     string
}

// shell reads the words of a shell, and returns what adds the parts of the string that it is given.
func (s *source) shell(p *Part, name string, words []word, at place) func(*source) {
	in := invoke(name, words[1:])
	switch {
	case slices.Contains(foreign, name):
		p.Read = "the language of " + name + " is not read"
	case in.why != "":
		p.Read = in.why
	case !in.command && (in.stdin || len(in.rest) == 0):
		p.Read = "what " + name + " reads from its standard input is only known when it runs"
	case !in.command:
		p.Read = "what the script does is only known when it runs"
		return func(s *source) { s.script(in.rest[0], at) }
	case len(in.rest) == 0:
	case !in.rest[0].known:
		p.Read = "the string given to " + name + " -c is only known when it runs"
	default:
		return func(s *source) {
			if in.startup {
				s.builtinText(at, name, "startup files of "+name+", which are not read here")
			}
			s.inner(in.rest[0].text, name+" -c", slices.Contains(posix, name), at)
		}
	}
	return func(*source) {}
}

// script adds the file that a shell reads its commands from.
func (s *source) script(w word, at place) {
	full, why := "", "the name of the script is only known when it runs"
	if w.known {
		full, why = s.absolute(w.text)
	}
	if why != "" {
		s.unknown(at, w.src, "%s", why)
		return
	}
	s.add(Part{Kind: Read, Text: w.src, Line: at.line, Col: at.col, Via: s.via, Path: full})
}

// invoke reads the options of a shell.
func invoke(name string, words []word) invocation {
	var in invocation
	for len(words) > 0 {
		w := words[0]
		if !w.known {
			return invocation{why: "the words of " + name + " are only known when it runs"}
		}
		switch {
		case w.text == "--" || w.text == "-":
			in.rest = words[1:]
			return in
		case slices.Contains([]string{"--norc", "--noprofile", "--posix", "--verbose", "--restricted", "--noediting"}, w.text):
		case w.text == "--login":
			in.startup = true
		case w.text == "--rcfile" || w.text == "--init-file":
			words = words[1:]
			in.startup = true
		case strings.HasPrefix(w.text, "--"):
			return invocation{why: "option " + w.text + " of " + name + " is not known here"}
		case len(w.text) > 1 && (w.text[0] == '-' || w.text[0] == '+'):
			letters := w.text[1:]
			if strings.Trim(letters, "abcefhiklmnoprstuvxBCDEHOPT") != "" {
				return invocation{why: "option " + w.text + " of " + name + " is not known here"}
			}
			on := w.text[0] == '-'
			in.command = in.command || on && strings.Contains(letters, "c")
			in.stdin = in.stdin || on && strings.Contains(letters, "s")
			in.startup = in.startup || on && strings.ContainsAny(letters, "il")
			for range strings.Count(letters, "o") + strings.Count(letters, "O") {
				if len(words) > 1 && !words[1].known {
					return invocation{why: "the words of " + name + " are only known when it runs"}
				}
				words = words[min(1, len(words)):]
			}
		default:
			in.rest = words
			return in
		}
		words = words[min(1, len(words)):]
	}
	return in
}

// watch runs its words, joined, by sh.
func (s *source) watch(words []word, at place) func(*source) {
	w := wrapper{plain: "bcCdefgprtwx", valued: "nqs", longPlain: []string{"--beep", "--color", "--no-color", "--differences", "--errexit",
		"--follow", "--chgexit", "--precise", "--no-rerun", "--no-title", "--no-wrap", "--exec"},
		longValued: []string{"--interval", "--equexit", "--shotsdir"}}
	return func(s *source) {
		rest, _, why := w.unwrap("watch", words[1:])
		if why != "" {
			s.unknown(at, show(words), "%s", why)
			return
		}
		texts, cut := known(rest)
		switch line := strings.Join(texts, " "); {
		case cut:
			s.unknown(at, show(words), "what watch runs is only known when it runs")
		case len(rest) > 0:
			inside := *s
			inside.via = joinVia(s.via, "watch")
			inside.run([]word{literalWord("sh"), literalWord("-c"), literalWord(line)}, at, 0, false)
			if slices.ContainsFunc(words, func(w word) bool {
				return w.text == "--exec" || strings.HasPrefix(w.text, "-") && strings.Contains(w.text, "x")
			}) {
				inside.run(rest, at, 0, false)
			}
		}
	}
}

// starters are the words of find behind which a command stands.
var starters = []string{"-exec", "-execdir", "-ok", "-okdir"}

// find runs what stands behind -exec and its like.
func (s *source) find(words []word, at place) func(*source) {
	return func(s *source) {
		loose := 0 // words that are not known; several of them can hold an -exec
		inside := *s
		inside.via = joinVia(s.via, "find")
		rest := words[1:]
		for len(rest) > 0 {
			w := rest[0]
			rest = rest[1:]
			if !w.known {
				if loose += 1 + count(!w.single); loose > 1 {
					s.unknown(at, show(words), "the words of find are only known when it runs")
					return
				}
				continue
			}
			if !slices.Contains(starters, w.text) {
				continue
			}
			var command []word
			command, rest = findCommand(rest)
			inside.moved = inside.moved || strings.HasSuffix(w.text, "dir")
			inside.run(command, at, 0, false)
		}
	}
}

// findCommand splits off the words up to ";" or "+". What "{}" becomes is not known.
func findCommand(words []word) (command, rest []word) {
	for i, w := range words {
		if w.known && (w.text == ";" || w.text == "+" && i > 0 && words[i-1].text == "{}") {
			return command, words[i+1:]
		}
		if w.known && strings.Contains(w.text, "{}") {
			w.known, w.single = false, w.text != "{}"
		}
		command = append(command, w)
	}
	return command, nil
}
