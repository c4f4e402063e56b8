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

// shape reads a glob: the number of its stars, of texts between them, the bytes of all texts, and whether it has something
// that is neither star nor text. A class of a single byte is text.
func (p part) shape() (stars, middles, bytes int, odd bool) {
	since := 0 // bytes of text since the last star
	for i := 0; i < len(p.text); i++ {
		switch p.text[i] {
		case '*':
			if stars > 0 && since > 0 {
				middles++
			}
			stars++
			since = 0
			continue
		case '?':
			odd = true
		case '[':
			end := i + strings.IndexByte(p.text[i:], ']')
			odd = odd || end != i+2 || p.text[i+1] == '!'
			i = max(end, i)
		}
		since++
		bytes++
	}
	return stars, middles, bytes, odd
}

// pattern says whether the part needs to see a whole word.
func (p part) pattern() bool {
	stars, _, _, _ := p.shape()
	return p.glob && !p.rest && stars > 0 && p.text != "*" && !p.deferred()
}

// deferred says whether the part is a glob beyond what an image holds.
func (p part) deferred() bool {
	stars, middles, bytes, odd := p.shape()
	return p.glob && !p.rest && (odd || stars > 0 && (middles > layout.MaxMiddles || bytes > layout.PatternBytes))
}

// takes says whether the part matches the token.
func (p part) takes(t token, deferring bool) truth {
	holds := false
	switch {
	case p.separator:
		holds = t.separator
	case t.separator && p.program:
	case !p.glob:
		holds = p.text == t.text
	case deferring && p.deferred():
		return maybe
	default:
		holds = globMatch(p.text, t.text)
	}
	if holds {
		return yes
	}
	return no
}

// specTable says, for one reading of a condition, which of its parts can have been used up by the first k tokens, and how
// surely: reach[k][n].
type specTable struct {
	parts []part
	reach [][]truth
}

// tableTest is equals, starts_with or glob: one of its readings has to match.
func (f *referee) tableTest(c Condition, wide bool) specExpr {
	var tables []*specTable
	for _, parts := range conditionReadings(c, f.env, wide) {
		tables = append(tables, newTable(parts, f.tokens, f.deferring))
	}
	if len(tables) == 0 {
		return specConstant(no)
	}
	return specTest{
		reading: func(k int) (now, low, high truth) {
			for _, t := range tables {
				last := len(t.parts)
				now = max(now, t.reach[k][last])
				for n, v := range t.reach[k][:last] {
					high = max(high, v)
					if n == last-1 && t.parts[n].rest && !t.parts[n].program {
						low = max(low, v)
					}
				}
			}
			return now, low, high
		},
		pattern: func(k int) bool {
			for _, t := range tables {
				for n, p := range t.parts {
					if t.reach[k][n] != no && p.pattern() {
						return true
					}
				}
			}
			return false
		},
	}
}

// newTable fills the table, token by token.
func newTable(parts []part, tokens []token, deferring bool) *specTable {
	t := &specTable{parts: parts, reach: make([][]truth, len(tokens)+1)}
	for k := range t.reach {
		t.reach[k] = make([]truth, len(parts)+1)
		for n := range t.reach[k] {
			v := no
			if k == 0 && n == 0 {
				v = yes
			}
			if n > 0 && parts[n-1].rest {
				v = max(v, t.reach[k][n-1])
			}
			if k > 0 && n < len(parts) && parts[n].rest && !(parts[n].program && tokens[k-1].separator) {
				v = max(v, t.reach[k-1][n])
			}
			if k > 0 && n > 0 && !parts[n-1].rest {
				v = max(v, min(t.reach[k-1][n-1], parts[n-1].takes(tokens[k-1], deferring)))
			}
			t.reach[k][n] = v
		}
	}
	return t
}

// conditionReadings reads a condition; none when nothing can match it on this host.
func conditionReadings(c Condition, env Env, wide bool) [][]part {
	glob := c.Op == "glob"
	var readings [][]part
	var words []string
	if c.Field == "path" {
		readings = pathParts(c.Value, glob, false, env)
	} else {
		words = strings.Fields(c.Value)
		if len(words) == 0 {
			return nil
		}
		readings = programParts(words[0], glob, wide, env)
	}
	for i, parts := range readings {
		if c.Field == "command" {
			parts = append(parts, part{separator: true})
			for _, w := range words[1:] {
				parts = append(parts, part{text: w, glob: glob, rest: glob && w == "**"})
			}
		}
		if c.Op == "starts_with" {
			parts = append(parts, part{rest: true})
		}
		readings[i] = parts
	}
	return readings
}

// programParts reads the first word of a command.
func programParts(word string, glob, wide bool, env Env) [][]part {
	if glob && strings.ContainsAny(word, "*?[") {
		return pathParts(word, true, true, env)
	}
	path := word
	if env.LookPath != nil {
		if found, ok := env.LookPath(word); ok && strings.HasPrefix(found, "/") {
			path = found
		}
	}
	if strings.HasPrefix(path, "/") {
		return pathParts(path, false, true, env)
	}

	readings := [][]part{{{text: "?/" + word}}}
	for _, dir := range env.SecurePath {
		if wide && strings.HasPrefix(dir, "/") {
			readings = append(readings, pathParts(dir+"/"+word, false, true, env)...)
		}
	}
	return readings
}

// pathParts reads a path, with its literal part at the place where the host has it.
func pathParts(path string, glob, program bool, env Env) [][]part {
	if !program && strings.HasPrefix(path, "@") {
		return [][]part{{{text: "@/" + path[1:], glob: glob}}}
	}
	var names []string
	for _, name := range strings.Split(path, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	literal := 0
	for ; literal < len(names); literal++ {
		stars, _, _, odd := part{text: names[literal]}.shape()
		if glob && (stars > 0 || odd) {
			break
		}
		if glob {
			names[literal] = unescaped(names[literal])
		}
	}

	p := placer{env: env}
	placed, ok, err := p.locate(names[:literal])
	if err != nil || !ok {
		return nil
	}
	var parts []part
	for _, name := range placed {
		parts = append(parts, part{text: name, program: program})
	}
	for _, name := range names[literal:] {
		parts = append(parts, part{text: name, glob: true, rest: name == "**", program: program})
	}
	return [][]part{parts}
}

// unescaped is the text of a glob in which every class has a single byte.
func unescaped(glob string) string {
	var out []byte
	for i := 0; i < len(glob); i++ {
		if glob[i] == '[' {
			i++
			out = append(out, glob[i])
			i++
			continue
		}
		out = append(out, glob[i])
	}
	return string(out)
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
