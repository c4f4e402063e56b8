// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Glob is a set of subjects of one kind, as the glob of a path or of a command says it, exactly: it is what an image is
// compared with. It is used by one goroutine.
type Glob struct {
	kind   Kind
	text   string
	steps  []globStep // of all readings, each ending with an end
	starts []int      // where each reading begins
	sets   [][]int    // the places of each state
	ids    map[string]int32
}

// globStep is one step of a glob: a literal name, a pattern over one name, the separator, any number of names, or the end.
type globStep struct {
	literal   string
	pattern   *nameNFA
	key       string
	separator bool
	rest      bool
	program   bool // takes no separator
	end       bool
}

// NewGlob reads a glob, with its literal part at the place where the host has it. For an abstract socket it is "@name". A
// program that is not installed is that name in each directory in which it would be looked up, as in a rule that denies.
func NewGlob(k Kind, env Env, text string) (*Glob, error) {
	g := &Glob{kind: k, text: text, ids: map[string]int32{}}
	var err error
	switch name, abstract := strings.CutPrefix(text, "@"); {
	case k == ExecKind:
		err = g.command(env, text)
	case k == UnixKind && abstract:
		if verr := checkAbstract(opGlob, text); verr != nil {
			return nil, verr
		}
		g.reading(newGlobStep(abstractPrefix+name, false))
	case k <= UnixKind:
		var steps []globStep
		steps, err = pathSteps(env, text, false)
		g.reading(steps...)
	default:
		err = fmt.Errorf("%s has no names", k)
	}
	if err != nil {
		return nil, err
	}
	g.state(slices.Clone(g.starts))
	return g, nil
}

// String is the glob as it was given.
func (g *Glob) String() string { return g.text }

// reading adds one way to read the glob.
func (g *Glob) reading(steps ...globStep) {
	g.starts = append(g.starts, len(g.steps))
	g.steps = append(append(g.steps, steps...), globStep{end: true})
}

// pathSteps are the steps of a path.
func pathSteps(env Env, text string, program bool) ([]globStep, error) {
	if err := checkPath(opGlob, text); err != nil {
		return nil, err
	}
	names, verr := splitPath(text)
	if verr != nil {
		return nil, verr
	}
	literal := slices.IndexFunc(names, func(n string) bool { return strings.ContainsAny(n, globMeta) })
	if literal < 0 {
		literal = len(names)
	}

	p := placer{env: env}
	placed, ok, err := p.locate(names[:literal])
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s lies nowhere on this host", text)
	}
	var steps []globStep
	for _, name := range placed {
		steps = append(steps, globStep{literal: name})
	}
	for _, name := range names[literal:] {
		steps = append(steps, newGlobStep(name, program))
	}
	return steps, nil
}

// command adds the readings of a command: program, separator, words.
func (g *Glob) command(env Env, text string) error {
	if err := checkCommand(opGlob, text); err != nil {
		return err
	}
	words, verr := splitWords(text, true)
	if verr != nil {
		return verr
	}
	tail := []globStep{{separator: true}}
	for _, w := range words[1:] {
		tail = append(tail, newGlobStep(w, false))
	}

	word, paths := words[0], []string(nil)
	path, found := word, true
	if !strings.ContainsAny(word, globMeta) {
		path, found = programPath(env, word)
	}
	if found {
		paths = []string{path}
	} else {
		g.reading(append([]globStep{{literal: absentPrefix + word}}, tail...)...)
		for _, dir := range env.SecurePath {
			if strings.HasPrefix(dir, "/") {
				paths = append(paths, dir+"/"+word)
			}
		}
	}
	for _, path := range paths {
		steps, err := pathSteps(env, path, true)
		if err != nil && !found {
			continue // nothing can be installed there
		}
		if err != nil {
			return err
		}
		g.reading(append(steps, tail...)...)
	}
	return nil
}

func newGlobStep(name string, program bool) globStep {
	switch {
	case name == "**":
		return globStep{rest: true, program: program}
	case strings.ContainsAny(name, globMeta):
		return globStep{pattern: newNameNFA(name), key: name, program: program}
	}
	return globStep{literal: name}
}

// state is the number of the state that a set of places is, with all that follow without a name.
func (g *Glob) state(places []int) int32 {
	for i := 0; i < len(places); i++ {
		if p := places[i]; g.steps[p].rest {
			places = append(places, p+1)
		}
	}
	slices.Sort(places)
	places = slices.Compact(places)

	var key []byte
	for _, p := range places {
		key = binary.LittleEndian.AppendUint16(key, uint16(p))
	}
	id, ok := g.ids[string(key)]
	if !ok {
		id = int32(len(g.sets))
		g.ids[string(key)] = id
		g.sets = append(g.sets, places)
	}
	return id
}

// step is the state behind one name of which takes says what it matches.
func (g *Glob) step(at int32, takes func(*globStep) bool) int32 {
	var next []int
	for _, p := range g.sets[at] {
		switch s := &g.steps[p]; {
		case s.end || !takes(s):
		case s.rest:
			next = append(next, p)
		default:
			next = append(next, p+1)
		}
	}
	return g.state(next)
}

// byName is what one name matches; separator says that it stands between a program and its words.
func (g *Glob) byName(name string, separator bool) func(*globStep) bool {
	abstract := g.kind == UnixKind && strings.HasPrefix(name, abstractPrefix)
	return func(s *globStep) bool {
		switch {
		case separator || s.separator:
			return separator && (s.separator || s.rest && !s.program)
		case abstract && s.literal == "" && !strings.HasPrefix(s.key, abstractPrefix):
			return false // a path is no abstract socket
		case s.rest:
			return true
		case s.pattern != nil:
			return s.pattern.match(name)
		}
		return s.literal == name
	}
}

// literals are the literal names that may follow in a state.
func (g *Glob) literals(at int32) []string {
	var out []string
	for _, p := range g.sets[at] {
		if s := &g.steps[p]; !s.end && !s.rest && !s.separator && s.pattern == nil {
			out = append(out, s.literal)
		}
	}
	return out
}

// accepts says whether a subject that ends in a state is in the set; dead, whether none is that goes on; universal,
// whether all are.
func (g *Glob) accepts(at int32) bool {
	return slices.ContainsFunc(g.sets[at], func(p int) bool { return g.steps[p].end })
}

func (g *Glob) dead(at int32) bool { return len(g.sets[at]) == 0 }

func (g *Glob) universal(at int32) bool {
	return slices.ContainsFunc(g.sets[at], func(p int) bool { return g.steps[p].rest && !g.steps[p].program && g.steps[p+1].end })
}

// Match says whether a subject of the glob's kind is in the set.
func (g *Glob) Match(s Subject) bool {
	at := int32(0)
	for _, name := range s.Names {
		at = g.step(at, g.byName(string(name), false))
	}
	if g.kind == ExecKind {
		at = g.step(at, g.byName(separator, true))
		for _, arg := range s.Args {
			at = g.step(at, g.byName(string(arg), false))
		}
	}
	return g.accepts(at)
}
