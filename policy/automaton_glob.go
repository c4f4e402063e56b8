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
	kind  Kind
	text  string
	steps []globStep
	sets  [][]int // the places of each state
	ids   map[string]int32
}

// globStep is one step of a glob: a literal name, a pattern over one name, the separator, or any number of names.
type globStep struct {
	literal   string
	pattern   *nameNFA
	key       string
	separator bool
	rest      bool
	program   bool // takes no separator
}

// NewGlob reads a glob, with its literal part at the place where the host has it. For an abstract socket it is "@name".
func NewGlob(k Kind, env Env, text string) (*Glob, error) {
	g := &Glob{kind: k, text: text, ids: map[string]int32{}}
	var err error
	switch name, abstract := strings.CutPrefix(text, "@"); {
	case k == ExecKind:
		err = g.command(env, text)
	case k == UnixKind && abstract:
		g.steps = []globStep{{literal: abstractPrefix + name}}
	case k <= UnixKind:
		err = g.path(env, text, false)
	default:
		err = fmt.Errorf("%s has no names", k)
	}
	if err != nil {
		return nil, err
	}
	g.state([]int{0})
	return g, nil
}

// String is the glob as it was given.
func (g *Glob) String() string { return g.text }

// path adds the steps of a path.
func (g *Glob) path(env Env, text string, program bool) error {
	if err := checkPath(opGlob, text); err != nil {
		return err
	}
	names, verr := splitPath(text)
	if verr != nil {
		return verr
	}
	literal := slices.IndexFunc(names, func(n string) bool { return strings.ContainsAny(n, globMeta) })
	if literal < 0 {
		literal = len(names)
	}

	p := placer{env: env}
	placed, ok, err := p.locate(names[:literal])
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s lies nowhere on this host", text)
	}
	for _, name := range placed {
		g.steps = append(g.steps, globStep{literal: name})
	}
	for _, name := range names[literal:] {
		g.steps = append(g.steps, newGlobStep(name, program))
	}
	return nil
}

// command adds the steps of a command: program, separator, words.
func (g *Glob) command(env Env, text string) error {
	if err := checkCommand(opGlob, text); err != nil {
		return err
	}
	words, verr := splitWords(text, true)
	if verr != nil {
		return verr
	}

	program, found := words[0], true
	if !strings.ContainsAny(program, globMeta) {
		program, found = programPath(env, program)
	}
	if !found {
		g.steps = append(g.steps, globStep{literal: absentPrefix + program})
	} else if err := g.path(env, program, true); err != nil {
		return err
	}
	g.steps = append(g.steps, globStep{separator: true})
	for _, w := range words[1:] {
		g.steps = append(g.steps, newGlobStep(w, false))
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
		if p := places[i]; p < len(g.steps) && g.steps[p].rest {
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
		if p == len(g.steps) {
			continue
		}
		switch s := &g.steps[p]; {
		case !takes(s):
		case s.rest:
			next = append(next, p)
		default:
			next = append(next, p+1)
		}
	}
	return g.state(next)
}

// byName is what one name matches; separator says that it stands between a program and its words.
func byName(name string, separator bool) func(*globStep) bool {
	return func(s *globStep) bool {
		switch {
		case separator || s.separator:
			return separator && (s.separator || s.rest && !s.program)
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
		if p < len(g.steps) && !g.steps[p].rest && !g.steps[p].separator && g.steps[p].pattern == nil {
			out = append(out, g.steps[p].literal)
		}
	}
	return out
}

// accepts says whether a subject that ends in a state is in the set; dead, whether none is that goes on; universal,
// whether all are.
func (g *Glob) accepts(at int32) bool { return slices.Contains(g.sets[at], len(g.steps)) }

func (g *Glob) dead(at int32) bool { return len(g.sets[at]) == 0 }

func (g *Glob) universal(at int32) bool {
	last := len(g.steps) - 1
	return last >= 0 && g.steps[last].rest && !g.steps[last].program && slices.Contains(g.sets[at], last)
}

// Match says whether a subject of the glob's kind is in the set.
func (g *Glob) Match(s Subject) bool {
	at := int32(0)
	for _, name := range s.Names {
		at = g.step(at, byName(string(name), false))
	}
	if g.kind == ExecKind {
		at = g.step(at, byName(separator, true))
		for _, arg := range s.Args {
			at = g.step(at, byName(string(arg), false))
		}
	}
	return g.accepts(at)
}
