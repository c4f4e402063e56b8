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

// sequence is the elements of a path or command condition; false when no subject can ever match it.
func (p *placer) sequence(c Condition) ([]element, bool, error) {
	if c.Field == "path" {
		elems, ok, err := p.path(c.Value, c.Op == opGlob, false)
		if err == nil && c.Op == opStartsWith {
			elems = append(elems, element{kind: elemRest})
		}
		return elems, ok, err
	}
	return p.command(c)
}

// command is the elements of a command condition: program, separator, words.
func (p *placer) command(c Condition) ([]element, bool, error) {
	words, verr := splitWords(c.Value, c.Op == opGlob)
	if verr != nil {
		return nil, false, verr
	}
	elems, ok, err := p.program(words[0], c.Op == opGlob)
	if err != nil || !ok {
		return nil, false, err
	}

	elems = append(elems, element{kind: elemName, text: separator})
	for _, word := range words[1:] {
		if c.Op == opGlob {
			elems = append(elems, globElement(word, false))
		} else {
			elems = append(elems, element{kind: elemName, text: word})
		}
	}
	if c.Op == opStartsWith {
		elems = append(elems, element{kind: elemRest})
	}
	return elems, true, nil
}

// program is the elements of word 0.
func (p *placer) program(word string, glob bool) ([]element, bool, error) {
	if glob && strings.ContainsAny(word, globMeta) {
		return p.path(word, true, true)
	}

	path, ok := programPath(p.env, word)
	if !ok {
		list := ""
		if len(p.env.SecurePath) > 0 {
			list = " (" + strings.Join(p.env.SecurePath, ":") + ")"
		}
		p.note("program %q is not on secure_path%s: the rule cannot match until it is installed and the policy reloaded", word, list)
		return literals([]string{absentPrefix + word}), true, nil
	}
	if path[strings.LastIndexByte(path, '/')+1:] != word && path != word {
		p.note("program %q is %s", word, path)
	}
	return p.path(path, false, true)
}

// path is the elements of a path: its literal part at the place where the host has it, and then the rest as it is.
func (p *placer) path(path string, glob, program bool) ([]element, bool, error) {
	names, verr := splitPath(path)
	if verr != nil {
		return nil, false, verr
	}
	literal := len(names)
	for i, name := range names {
		if glob && strings.ContainsAny(name, globMeta) {
			literal = i
			break
		}
	}

	placed, ok, err := p.locate(names[:literal])
	if err != nil || !ok {
		return nil, false, err
	}
	elems := literals(placed)
	for _, name := range names[literal:] {
		elems = append(elems, globElement(name, program))
	}
	return elems, true, nil
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
