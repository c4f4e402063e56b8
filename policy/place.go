// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// placer turns the words of one rule into elements, asking the environment, and gathers notes.
type placer struct {
	env   Env
	rule  string
	notes []string
}

// note records what became of the rule.
func (p *placer) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf("rule %q: ", p.rule)+fmt.Sprintf(format, args...))
}

// atom is a path or command condition. A program that is not installed is what it would be, in each directory where it
// could be, when wide; else nothing is it.
func (p *placer) atom(c Condition, wide bool) (atom, error) {
	if text := textAtoms[c.Field][c.Op]; text != nil {
		return text(c.Value), nil
	}

	if c.Field == "command" {
		return p.command(c, wide)
	}
	if strings.HasPrefix(c.Value, "@") {
		return abstractAtom(c), nil
	}
	a, err := p.path(c.Value, c.Op == opGlob, false)
	if c.Op == opStartsWith {
		a = a.then(rest)
	}
	return a, err
}

// then is the atom with more elements behind each of its sequences.
func (a atom) then(more ...element) atom {
	out := atom{why: a.why}
	for _, elems := range a.sequences {
		out.sequences = append(out.sequences, append(elems[:len(elems):len(elems)], more...))
	}
	return out
}

// command is a command condition: program, separator, words.
func (p *placer) command(c Condition, wide bool) (atom, error) {
	words, verr := splitWords(c.Value, c.Op == opGlob)
	if verr != nil {
		return atom{}, verr
	}
	a, err := p.program(words[0], c.Op == opGlob, wide)
	if err != nil {
		return a, err
	}

	elems := []element{{kind: elemName, text: separator}}
	for _, word := range words[1:] {
		e, why := element{kind: elemName, text: word}, ""
		if c.Op == opGlob {
			e, why = globElement(word, false)
		}
		elems = append(elems, e)
		if a.why == "" {
			a.why = why
		}
	}
	if c.Op == opStartsWith {
		elems = append(elems, rest)
	}
	return a.then(elems...), nil
}

// program is word 0.
func (p *placer) program(word string, glob, wide bool) (atom, error) {
	if glob && strings.ContainsAny(word, globMeta) {
		return p.path(word, true, true)
	}

	path, ok := programPath(p.env, word)
	if !ok {
		return p.absent(word, wide)
	}
	if path[strings.LastIndexByte(path, '/')+1:] != word && path != word {
		p.note("program %q is %s", word, path)
	}
	return p.path(path, false, true)
}

// absent is a program that is not installed.
func (p *placer) absent(word string, wide bool) (atom, error) {
	list := ""
	if len(p.env.SecurePath) > 0 {
		list = " (" + strings.Join(p.env.SecurePath, ":") + ")"
	}
	a := one(literals([]string{absentPrefix + word})...)
	if !wide {
		p.note("program %q is not on secure_path%s: the rule cannot match until it is installed and the policy reloaded", word, list)
		return a, nil
	}

	p.note("program %q is not on secure_path%s: the rule means that name in each of its directories", word, list)
	for _, dir := range p.env.SecurePath {
		if !strings.HasPrefix(dir, "/") {
			continue // as in lookPath
		}
		found, err := p.path(dir+"/"+word, false, true)
		if err != nil {
			return a, err
		}
		a.sequences = append(a.sequences, found.sequences...)
	}
	return a, nil
}

// path is a path: its literal part at the place where the host has it, and then the rest as it is.
func (p *placer) path(path string, glob, program bool) (atom, error) {
	names, verr := splitPath(path)
	if verr != nil {
		return atom{}, verr
	}
	literal := len(names)
	for i, name := range names {
		text, ok := name, true
		if glob {
			text, ok = globLiteral(name)
		}
		if !ok {
			literal = i
			break
		}
		names[i] = text
	}

	placed, ok, err := p.locate(names[:literal])
	if err != nil || !ok {
		return atom{}, err
	}
	elems, why := literals(placed), ""
	for _, name := range names[literal:] {
		e, w := globElement(name, program)
		elems = append(elems, e)
		if why == "" {
			why = w
		}
	}
	return atom{sequences: [][]element{elems}, why: why}, nil
}

// locate asks where a literal path lies; false when nothing can lie there. Below /proc/self only /proc is asked for: the
// link would lead to whoever compiles the policy, and means whoever is judged.
func (p *placer) locate(names []string) ([]string, bool, error) {
	if p.env.Locate == nil {
		return names, true, nil
	}
	asked, kept := names, []string(nil)
	if len(names) > 1 && names[0] == "proc" && names[1] == "self" {
		asked, kept = names[:1], names[1:]
	}

	path := "/" + strings.Join(asked, "/")
	location, note, err := p.env.Locate(path)
	if err != nil {
		return nil, false, fmt.Errorf("locating %s: %w", path, err)
	}
	if note != "" {
		p.note("%s", note)
	}
	if location == "" {
		return nil, false, nil
	}
	placed, verr := splitPath(location)
	if verr != nil {
		return nil, false, fmt.Errorf("locating %s: %w", path, verr)
	}
	// A link such as /proc/mounts goes through /proc/self, too.
	if len(placed) > 1 && placed[0] == "proc" && placed[1] == strconv.Itoa(os.Getpid()) && !(len(asked) > 1 && asked[1] == placed[1]) {
		placed[1] = "self"
	}
	return append(placed[:len(placed):len(placed)], kept...), true, nil
}
