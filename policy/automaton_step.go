// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
)

// maxGuesses bounds the classes that are taken for possible when a search for classes was incomplete.
const maxGuesses = 1024

// patternSet is the patterns that a state's names are compared with, each once.
type patternSet struct {
	list  []*nameNFA
	keys  []string
	sides [maxSides][]int // per image: which of the list its patterns are
	glob  map[string]int  // steps of the glob, by their text
}

// patternsOf gathers the patterns of a state.
func (x *explorer) patternsOf(s *walkState) patternSet {
	p := patternSet{glob: map[string]int{}}
	for j, side := range x.Sides {
		for _, pattern := range side.Image.Patterns(s.nodes[j]) {
			p.sides[j] = append(p.sides[j], x.pattern(&p, pattern.String()))
		}
	}
	if x.glob == nil {
		return p
	}
	for _, place := range x.glob.sets[s.glob] {
		if x.glob.steps[place].pattern != nil {
			key := x.glob.steps[place].key
			p.glob[key] = x.pattern(&p, key)
		}
	}
	return p
}

// pattern is the number of a pattern in the set.
func (x *explorer) pattern(p *patternSet, key string) int {
	if i := slices.Index(p.keys, key); i >= 0 {
		return i
	}
	if x.patterns[key] == nil {
		x.patterns[key] = newNameNFA(key)
	}
	p.keys, p.list = append(p.keys, key), append(p.list, x.patterns[key])
	return len(p.keys) - 1
}

// byClass adds the states behind all names that have no edge of their own, a class at a time.
func (x *explorer) byClass(i int, sort nameSort, to stage, taken []string) {
	p := x.patternsOf(&x.states[i])
	key := fmt.Sprint(sort, "/", strings.Join(p.keys, "/"))
	known, ok := x.classes[key]
	if !ok {
		known.list, known.complete = classesOf(p.list, sort, nil, 0)
		x.classes[key] = known
	}
	for _, c := range avoiding(known.list, p.list, sort, taken) {
		if c.Real {
			x.step(i, c.Name, to)
		} else {
			x.guess(i, &p, c.Mask, to)
		}
	}
	if !known.complete {
		x.guessAll(i, &p, to)
	}
}

// guess adds the state behind a class of which no name is known.
func (x *explorer) guess(i int, p *patternSet, mask uint64, to stage) {
	s := &x.states[i]
	key := walkKey{stage: to}
	for j, side := range x.Sides {
		own := uint8(0)
		for bit, at := range p.sides[j] {
			own |= uint8(mask>>at&1) << bit
		}
		key.nodes[j] = side.Image.stepMask(s.nodes[j], own)
	}
	if x.glob != nil {
		key.glob = x.glob.step(s.glob, func(g *globStep) bool {
			return g.rest && to != atAddress || g.pattern != nil && mask>>p.glob[g.key]&1 != 0
		})
	}
	x.add(i, key, "")
}

// guessAll adds the states behind all classes that the images know of, taking each for possible and for one that goes on
// in the glob: more than there are, so that a proof stays a proof.
func (x *explorer) guessAll(i int, p *patternSet, to stage) {
	s := x.states[i]
	nodes := [][maxSides]uint32{{}}
	for j, side := range x.Sides {
		next := []uint32{side.Image.stepMask(s.nodes[j], 0)}
		for _, e := range side.Image.Masks(s.nodes[j]) {
			next = append(next, side.Image.settle(e.Next))
		}
		slices.Sort(next)
		var longer [][maxSides]uint32
		for _, n := range slices.Compact(next) {
			for _, prefix := range nodes {
				prefix[j] = n
				longer = append(longer, prefix)
			}
		}
		nodes = longer
	}
	if len(nodes) > maxGuesses {
		x.complete = false
		return
	}

	glob := int32(0)
	if x.glob != nil {
		glob = x.glob.step(s.glob, func(g *globStep) bool { return g.rest || g.pattern != nil })
	}
	for _, n := range nodes {
		x.add(i, walkKey{nodes: n, glob: glob, stage: to}, "")
	}
}
