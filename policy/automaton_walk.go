// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"

	"caisson/bpf/layout"
)

// Exploration walks through one image, or two side by side, along all subjects of a kind at once, breadth first, so that the
// first subject with a property is a shortest one.
type Exploration struct {
	Kind   Kind
	Sides  []Side
	Within *Within // only these subjects; nil: all
	Follow bool    // only as long as something can still match in the last image
	States int     // bound on the combinations of nodes; 0: [DefaultStates]
}

// Side is an image and the kind whose start node it is walked from.
type Side struct {
	Image *Automaton
	Kind  Kind
}

// DefaultStates bounds an exploration to some seconds and some hundred megabytes.
const DefaultStates = 1 << 20

// maxSides is how many images can be walked side by side.
const maxSides = 2

// Place is where a subject of an exploration ends, in each of the images.
type Place struct {
	Nodes    [maxSides]uint32 // files, commands and Unix sockets
	Verdicts [maxSides]Verdict
	Inside   bool // in Within
	Real     bool // a subject is known that ends here; else there may be none

	subject func() Subject
}

// Subject is a shortest subject that ends here; it must be Real.
func (p *Place) Subject() Subject { return p.subject() }

// stage is where in a subject a walk stands.
type stage uint8

const (
	atRoot    stage = iota // no name yet
	inPath                 // in a location
	inWords                // behind the separator of a command
	atAddress              // behind the name of an abstract socket: nothing can follow
)

// walkKey tells the states of an exploration apart.
type walkKey struct {
	nodes [maxSides]uint32
	glob  int32
	stage stage
	real  bool
}

// walkState is a state and how it was first reached.
type walkState struct {
	walkKey
	parent int32
	name   string
	depth  int16
}

// explorer is an exploration under way.
type explorer struct {
	*Exploration
	glob     *Glob
	states   []walkState
	known    map[walkKey]bool
	classes  map[string]classList
	patterns map[string]*nameNFA
	bound    int
	complete bool
}

type classList struct {
	list     []Class
	complete bool
}

// Each calls visit for every place where a subject can end, and stops when visit returns false. It returns whether it has
// seen all of them: if not, nothing may be concluded from what it has not seen.
func (e *Exploration) Each(visit func(*Place) bool) (complete bool) {
	if e.Kind == TCPKind || e.Kind == UDPKind {
		return e.eachConnection(visit)
	}
	x := &explorer{Exploration: e, known: map[walkKey]bool{}, classes: map[string]classList{},
		patterns: map[string]*nameNFA{}, bound: e.States, complete: true}
	if e.Within != nil {
		x.glob = e.Within.Glob
	}
	if x.bound == 0 {
		x.bound = DefaultStates
	}
	return x.run(visit)
}

// run visits state after state; new ones are appended while it goes.
func (x *explorer) run(visit func(*Place) bool) bool {
	start := walkState{parent: -1}
	start.real = true
	for i, side := range x.Sides {
		start.nodes[i] = side.Image.Start(side.Kind)
	}
	x.states, x.known[start.walkKey] = append(x.states, start), true

	for i := 0; i < len(x.states); i++ {
		if x.isSubject(i) && !visit(x.place(i)) {
			return false
		}
		if !x.settled(i) {
			x.expand(i)
		}
		if len(x.states) > x.bound {
			return false
		}
	}
	return x.complete
}

// isSubject says whether a subject can end at a state.
func (x *explorer) isSubject(i int) bool {
	switch stage := x.states[i].stage; x.Kind {
	case ExecKind:
		return stage == inWords
	case UnixKind:
		return stage != atRoot
	default:
		return true
	}
}

// settled says whether nothing new can be found behind a state.
func (x *explorer) settled(i int) bool {
	s := &x.states[i]
	dead := x.Follow && s.nodes[len(x.Sides)-1] == deadNode
	if dead || x.glob != nil && x.glob.dead(s.glob) || s.stage == atAddress {
		return true
	}
	if !x.isSubject(i) || x.glob != nil && !(x.glob.universal(s.glob)) {
		return false
	}
	for j, side := range x.Sides {
		if !side.Image.Settled(s.nodes[j]) {
			return false
		}
	}
	return true
}

// place describes a state.
func (x *explorer) place(i int) *Place {
	s := &x.states[i]
	p := &Place{Nodes: s.nodes, Real: s.real, Inside: x.glob == nil || x.glob.accepts(s.glob), subject: func() Subject { return x.subject(i) }}
	for j, side := range x.Sides {
		p.Verdicts[j] = side.Image.At(s.nodes[j])
	}
	return p
}

// subject is the names that led to a state.
func (x *explorer) subject(i int) Subject {
	var words []walkState
	for ; x.states[i].parent >= 0; i = int(x.states[i].parent) {
		words = append(words, x.states[i])
	}
	slices.Reverse(words)

	s := Subject{Action: x.Kind.Action(), Proto: kindTable[x.Kind].proto, Names: [][]byte{}}
	for i, w := range words {
		switch {
		case w.stage != inWords:
			s.Names = append(s.Names, []byte(w.name))
		case words[i-1].stage == inWords:
			s.Args = append(s.Args, []byte(w.name))
		}
	}
	return s
}

// expand adds the states that one more name leads to: by each exact name, by the separator, by each class of other names.
func (x *explorer) expand(i int) {
	s := &x.states[i]
	if s.stage == inPath && x.Kind == ExecKind {
		x.step(i, separator, inWords)
	}
	if int(s.depth) >= layout.MaxDepth && s.stage == inPath || int(s.depth) >= layout.MaxNames {
		return
	}

	exact := x.exact(s)
	for _, name := range exact {
		if stage, ok := x.follows(s.stage, name); ok {
			x.step(i, name, stage)
		}
	}
	if s.stage == inWords {
		x.byClass(i, sortWords, inWords, exact)
		x.step(i, strings.Repeat(niceBytes[:1], layout.MaxName+1), inWords)
		return
	}
	x.byClass(i, sortFiles, inPath, exact)
	if x.Kind == UnixKind && s.stage == atRoot {
		x.byClass(i, sortAbstract, atAddress, exact)
	}
}

// exact are the names that have an edge of their own in a state, or a step of the glob.
func (x *explorer) exact(s *walkState) []string {
	var names []string
	for j, side := range x.Sides {
		for _, e := range side.Image.edges[s.nodes[j]] {
			if e.kind == layout.EdgeName {
				names = append(names, e.name)
			}
		}
	}
	if x.glob != nil {
		names = append(names, x.glob.literals(s.glob)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// follows is the stage behind a name; false when no subject has it there. A program that is not installed is the first and
// only name of its location, and an abstract socket likewise.
func (x *explorer) follows(at stage, name string) (stage, bool) {
	switch {
	case at == inWords:
		return inWords, true
	case at == atRoot && x.Kind == ExecKind && strings.HasPrefix(name, absentPrefix):
		return inPath, true
	case at == atRoot && x.Kind == UnixKind && strings.HasPrefix(name, abstractPrefix):
		return atAddress, true
	}
	return inPath, name != "" && !strings.Contains(name, "/")
}

// step adds the state behind a name.
func (x *explorer) step(i int, name string, to stage) {
	s := x.states[i]
	key := walkKey{stage: to, real: s.real}
	for j, side := range x.Sides {
		key.nodes[j] = side.Image.Step(s.nodes[j], name)
	}
	if x.glob != nil {
		key.glob = x.glob.step(s.glob, x.glob.byName(name, to == inWords && s.stage == inPath))
	}
	x.add(i, key, name)
}

// add remembers a state, unless it is known, or known with a real subject.
func (x *explorer) add(parent int, key walkKey, name string) {
	better := key
	better.real = true
	if x.known[key] || x.known[better] {
		return
	}
	x.known[key] = true
	x.states = append(x.states, walkState{key, int32(parent), name, x.states[parent].depth + 1})
}
