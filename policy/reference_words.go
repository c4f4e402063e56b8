// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"

	"caisson/bpf/layout"
)

// token is one name of a subject as the specification sees it; the separator between a program and its arguments is none
// of the names.
type token struct {
	text      string
	separator bool
}

// subjectTokens lists the tokens of a file or a command.
func subjectTokens(s *Subject) []token {
	var out []token
	for _, name := range s.Names {
		out = append(out, token{text: string(name)})
	}
	if s.Action == ShellExec {
		out = append(out, token{text: "/", separator: true})
		for _, arg := range s.Args {
			out = append(out, token{text: string(arg)})
		}
	}
	return out
}

// part is one step of a condition: a literal or a glob for one token, any number of tokens, or the separator.
type part struct {
	text      string
	glob      bool
	rest      bool
	separator bool
	program   bool // stands for names of a program's location only
}

// oneStar says whether the part is a pattern of the kind that needs to see a whole word.
func (p part) oneStar() bool {
	return p.glob && !p.rest && strings.Contains(p.text, "*") && p.text != "*" && !p.deferred()
}

// deferred says whether the part is a glob beyond what an image holds.
func (p part) deferred() bool {
	return p.glob && !p.rest &&
		(strings.ContainsAny(p.text, "?[") || strings.Count(p.text, "*") > 1 ||
			strings.Contains(p.text, "*") && len(p.text) > layout.PatternBytes+1)
}

// takes says whether the part matches the token.
func (p part) takes(t token, deferring bool) bool {
	switch {
	case p.separator:
		return t.separator
	case t.separator && p.program:
		return false
	case !p.glob:
		return p.text == t.text
	case deferring && p.deferred():
		return true
	default:
		return globMatch(p.text, t.text)
	}
}

// specTable says, for a condition, which of its parts can have been used up by the first k tokens: reach[k][n].
type specTable struct {
	parts   []part
	complex bool // a part is beyond what an image holds
	reach   [][]bool
}

// ruleTables makes the table of each condition. A condition that nothing can match has a table without a way.
func ruleTables(r *Rule, env Env, tokens []token, deferring bool) []*specTable {
	var out []*specTable
	for _, c := range r.When.Conditions() {
		parts, ok := conditionParts(c, env)
		t := newTable(parts, tokens, deferring)
		if !ok {
			for _, row := range t.reach {
				clear(row)
			}
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		out = append(out, newTable([]part{{rest: true}}, tokens, deferring))
	}
	return out
}

// newTable fills the table, token by token.
func newTable(parts []part, tokens []token, deferring bool) *specTable {
	t := &specTable{parts: parts, reach: make([][]bool, len(tokens)+1)}
	for k := range t.reach {
		t.reach[k] = make([]bool, len(parts)+1)
		for n := range t.reach[k] {
			t.reach[k][n] = k == 0 && n == 0 ||
				n > 0 && parts[n-1].rest && t.reach[k][n-1] ||
				k > 0 && n < len(parts) && parts[n].rest && t.reach[k-1][n] && !(parts[n].program && tokens[k-1].separator) ||
				k > 0 && n > 0 && !parts[n-1].rest && t.reach[k-1][n-1] && parts[n-1].takes(tokens[k-1], deferring)
		}
	}
	for _, p := range parts {
		t.complex = t.complex || p.deferred()
	}
	return t
}

// conditionParts reads a condition; false when nothing can match it on this host.
func conditionParts(c Condition, env Env) ([]part, bool) {
	glob := c.Op == "glob"
	var parts []part
	if c.Field == "path" {
		var ok bool
		if parts, ok = pathParts(c.Value, glob, false, env); !ok {
			return nil, false
		}
	} else {
		words := strings.Fields(c.Value)
		if len(words) == 0 {
			return nil, false
		}
		program, ok := programParts(words[0], glob, env)
		if !ok {
			return nil, false
		}
		parts = append(program, part{separator: true})
		for _, w := range words[1:] {
			parts = append(parts, part{text: w, glob: glob, rest: glob && w == "**"})
		}
	}
	if c.Op == "starts_with" {
		parts = append(parts, part{rest: true})
	}
	return parts, true
}

// programParts reads the first word of a command.
func programParts(word string, glob bool, env Env) ([]part, bool) {
	if glob && strings.ContainsAny(word, "*?[") {
		return pathParts(word, true, true, env)
	}
	path := word
	if env.LookPath != nil {
		if found, ok := env.LookPath(word); ok && strings.HasPrefix(found, "/") {
			path = found
		}
	}
	if !strings.HasPrefix(path, "/") {
		return []part{{text: "?/" + word}}, true
	}
	return pathParts(path, false, true, env)
}

// pathParts reads a path, with its literal part at the place where the host has it.
func pathParts(path string, glob, program bool, env Env) ([]part, bool) {
	var names []string
	for _, name := range strings.Split(path, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	literal := 0
	for literal < len(names) && !(glob && strings.ContainsAny(names[literal], "*?[")) {
		literal++
	}

	p := placer{env: env}
	placed, ok, err := p.locate(names[:literal])
	if err != nil || !ok {
		return nil, false
	}
	var parts []part
	for _, name := range placed {
		parts = append(parts, part{text: name, program: program})
	}
	for _, name := range names[literal:] {
		parts = append(parts, part{text: name, glob: true, rest: name == "**", program: program})
	}
	return parts, true
}

// globMatch matches one token against one glob, byte by byte.
func globMatch(glob, text string) bool {
	if glob == "" {
		return text == ""
	}
	switch glob[0] {
	case '*':
		for i := 0; i <= len(text); i++ {
			if globMatch(glob[1:], text[i:]) {
				return true
			}
		}
		return false
	case '?':
		return text != "" && globMatch(glob[1:], text[1:])
	case '[':
		end := strings.IndexByte(glob, ']')
		return end > 0 && text != "" && classHas(glob[1:end], text[0]) && globMatch(glob[end+1:], text[1:])
	default:
		return text != "" && glob[0] == text[0] && globMatch(glob[1:], text[1:])
	}
}

// classHas says whether the body of a class holds a byte.
func classHas(body string, c byte) bool {
	negated := strings.HasPrefix(body, "!")
	body = strings.TrimPrefix(body, "!")
	found := false
	for i := 0; i < len(body); i++ {
		low, high := body[i], body[i]
		if i+2 < len(body) && body[i+1] == '-' {
			high = body[i+2]
			i += 2
		}
		found = found || low <= c && c <= high
	}
	return found != negated
}
