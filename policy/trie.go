// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"maps"
	"slices"

	"caisson/bpf/layout"
)

// trie makes the nodes of files and commands by subset construction: a node stands for the set of items that the names
// so far have led to.
type trie struct {
	*graph
	seqs    []sequence
	numbers map[string]uint32 // by the items' bytes
	queue   []queued
	stored  int // items of all states
	work    int // items looked at
}

// queued is a state whose edges are still to be made.
type queued struct {
	node  uint32
	state state
}

// start makes the start node of one action from the sequences of its rules, and everything below it.
func (t *trie) start(items []item) (uint32, error) {
	root, err := t.node(items)
	if err != nil {
		return 0, err
	}
	if root == 0 {
		return t.deadNode(), nil
	}
	for len(t.queue) > 0 {
		q := t.queue[len(t.queue)-1]
		t.queue = t.queue[:len(t.queue)-1]
		if err := t.expand(q.node, q.state.items); err != nil {
			return 0, err
		}
	}
	return root, nil
}

// node is the number of the node that stands for a set of items; 0 when the set is dead.
func (t *trie) node(items []item) (uint32, error) {
	if t.work += 1 + len(items); t.work > maxWork {
		return 0, t.tooLarge(t.lastRule(items), "too many combinations of patterns")
	}
	s := t.normalise(items)
	if len(s.items) == 0 {
		return 0, nil
	}

	key := itemKey(s.items)
	if n, ok := t.numbers[key]; ok {
		return n, nil
	}
	n := t.newNode(graphNode{verdict: s.verdict, final: s.final})
	t.numbers[key] = n
	if s.final {
		t.nodes[n].next = n
		return n, nil
	}
	if t.stored += len(s.items); t.stored > maxStateItems || t.cells > maxCells {
		return 0, t.tooLarge(t.lastRule(s.items), "the image would have more than 64 MiB")
	}
	t.queue = append(t.queue, queued{n, s})
	return n, nil
}

// lastRule is the last rule that has a place among items.
func (t *trie) lastRule(items []item) int {
	last := 0
	for _, it := range items {
		last = max(last, t.seqs[it.seq()].rule)
	}
	return last
}

// itemKey is the items as the key of a map.
func itemKey(items []item) string {
	key := make([]byte, 0, 4*len(items))
	for _, it := range items {
		key = binary.LittleEndian.AppendUint32(key, uint32(it))
	}
	return string(key)
}

// fork is the ways out of one state.
type fork struct {
	named    map[string][]item // items behind each literal name
	open     []item            // items whose element takes more than one name
	bits     []uint8           // per open item: the bit of its pattern in a mask; 0: the node does not carry it
	patterns []element         // distinct patterns, in the order of the rules
}

// expand makes the edges of a node.
func (t *trie) expand(node uint32, items []item) error {
	f := t.split(items)
	t.nodes[node].patterns = f.patterns
	t.cells += len(f.patterns)

	for _, name := range slices.Sorted(maps.Keys(f.named)) {
		next, err := t.node(t.takeName(f, name))
		if err != nil {
			return err
		}
		t.addEdge(node, layout.EdgeName, name, next)
	}
	for _, mask := range masks(f.patterns) {
		next, err := t.node(t.takeMask(f, mask))
		if err != nil {
			return err
		}
		t.addEdge(node, layout.EdgeMask, string([]byte{mask}), next)
	}
	next, err := t.node(t.takeMask(f, 0))
	t.nodes[node].next = next
	return err
}

// split sorts the items of a state by what they take next.
func (t *trie) split(items []item) fork {
	f := fork{named: map[string][]item{}}
	for _, it := range items {
		elems := t.seqs[it.seq()].elems
		if it.pos() == len(elems) {
			continue
		}
		e := &elems[it.pos()]
		if e.kind == elemName {
			f.named[e.text] = append(f.named[e.text], it.next())
			continue
		}
		f.open = append(f.open, it)
		if e.program && f.named[separator] == nil {
			// Without an edge of its own the separator would be taken for the name of a program.
			f.named[separator] = []item{}
		}
		bit := uint8(0)
		if e.kind == elemPattern {
			bit = f.bit(e)
		}
		f.bits = append(f.bits, bit)
	}
	return f
}

// bit is the bit of a pattern in masks; 0 when the node already carries as many others as it can.
func (f *fork) bit(e *element) uint8 {
	i := slices.IndexFunc(f.patterns, func(p element) bool { return p.text == e.text && p.suffix == e.suffix })
	if i < 0 && len(f.patterns) == layout.MaxPatterns {
		return 0
	}
	if i < 0 {
		i = len(f.patterns)
		f.patterns = append(f.patterns, *e)
	}
	return 1 << i
}

// takeName is where a literal name leads: to all items that take it.
func (t *trie) takeName(f fork, name string) []item {
	t.work += len(f.open)
	out := slices.Clone(f.named[name])
	for _, it := range f.open {
		e := &t.seqs[it.seq()].elems[it.pos()]
		if e.program && name == separator {
			continue
		}
		switch e.kind {
		case elemRest:
			out = append(out, it)
		case elemAny:
			out = append(out, it.next())
		case elemMaybe:
			out = append(out, it.next()|itemMaybe)
		case elemPattern:
			if e.pattern(name) {
				out = append(out, it.next())
			}
		}
	}
	return out
}

// takeMask is where a name leads that no edge carries and that matches exactly the patterns in the mask.
func (t *trie) takeMask(f fork, mask uint8) []item {
	t.work += len(f.open)
	var out []item
	for i, it := range f.open {
		switch bit := f.bits[i]; t.seqs[it.seq()].elems[it.pos()].kind {
		case elemRest:
			out = append(out, it)
		case elemAny:
			out = append(out, it.next())
		case elemMaybe:
			out = append(out, it.next()|itemMaybe)
		case elemPattern:
			switch {
			case bit == 0:
				out = append(out, it.next()|itemMaybe)
			case mask&bit != 0:
				out = append(out, it.next())
			}
		}
	}
	return out
}
