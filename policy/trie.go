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
	plans   []plan
	seqs    []sequence
	numbers map[string]uint32 // by the verdict's and the items' bytes
	queue   []queued
	crowded map[int]bool // rules with a pattern that some node had no room for
	load    []int        // by plan: how many places it has had in states
	stored  int          // items of all states
	work    int          // items looked at
	budget  int          // of work

	readings []reading // of the atoms of one rule, and the items they come from
	groups   [][]item
}

// queued is a state whose edges are still to be made.
type queued struct {
	node uint32
	key  string
}

// newTrie makes a trie that adds its nodes to a graph.
func newTrie(g *graph, budget int) *trie {
	return &trie{graph: g, numbers: map[string]uint32{}, crowded: map[int]bool{}, budget: budget}
}

// start makes the start node of one kind of subject from the items of its rules, and everything below it.
func (t *trie) start(items []item) (uint32, error) {
	root, err := t.node(items)
	if err != nil {
		return 0, err
	}
	if root == 0 {
		return t.deadNode(), nil
	}
	return root, t.finish()
}

// startUnix makes the start node of Unix sockets. Its first name tells files from abstract sockets, for which other items
// count; nodes below it are like all others.
func (t *trie) startUnix(items, abstracts []item) (uint32, error) {
	files, others := t.normalise(slices.Clone(items)), t.normalise(abstracts)
	if files.final && others.final && files.verdict == others.verdict {
		return t.start(items)
	}

	root := t.newNode(graphNode{verdict: files.verdict})
	both := fork{patterns: []pattern{abstractMark}}
	named, rest := both, both
	t.split(others.items, &named)
	rest.patterns = named.patterns
	t.split(files.items, &rest)
	if err := t.expand(root, &rest, &named); err != nil {
		return 0, err
	}
	return root, t.finish()
}

// finish makes the edges of all nodes that wait for them.
func (t *trie) finish() error {
	for len(t.queue) > 0 {
		q := t.queue[len(t.queue)-1]
		t.queue = t.queue[:len(t.queue)-1]
		var f fork
		t.split(keyItems(q.key), &f)
		if err := t.expand(q.node, &f, nil); err != nil {
			return err
		}
	}
	return nil
}

// node is the number of the node that stands for a set of items; 0 when nothing can match any more.
func (t *trie) node(items []item) (uint32, error) {
	if t.work += 1 + len(items); t.work > t.budget {
		return 0, t.exceeded("too many combinations of patterns")
	}
	s := t.normalise(items)
	if len(s.items) == 0 && s.verdict == 0 {
		return 0, nil
	}

	key := s.key()
	if n, ok := t.numbers[key]; ok {
		return n, nil
	}
	n := t.newNode(graphNode{verdict: s.verdict, final: s.final})
	t.numbers[key] = n
	switch {
	case s.final:
		t.nodes[n].next = n
	case len(s.items) > 0:
		t.queue = append(t.queue, queued{n, key})
	}
	if t.stored += len(s.items); t.stored > maxStateItems {
		return 0, t.exceeded("too many combinations of patterns")
	}
	if t.size() > maxCells {
		return 0, t.exceeded("the image would have more than 64 MiB")
	}
	return n, nil
}

// key is the state as the key of a map.
func (s *state) key() string {
	key := make([]byte, 0, 4*len(s.items)+4)
	key = binary.LittleEndian.AppendUint32(key, s.verdict)
	for _, it := range s.items {
		key = binary.LittleEndian.AppendUint32(key, uint32(it))
	}
	return string(key)
}

// keyItems are the items of a key.
func keyItems(key string) []item {
	items := make([]item, 0, len(key)/4-1)
	for at := 4; at < len(key); at += 4 {
		items = append(items, item(key[at])|item(key[at+1])<<8|item(key[at+2])<<16|item(key[at+3])<<24)
	}
	return items
}

// fork is the ways out of one state.
type fork struct {
	named    map[string][]item // items behind each literal name
	open     []item            // items whose element takes more than one name
	bits     []uint8           // per open item: the bit of its pattern in a mask; 0: the node does not carry it
	patterns []pattern         // distinct patterns, in the order of the rules
}

// expand makes the edges of a node. At the start of Unix sockets, abstract is the ways out for those.
func (t *trie) expand(node uint32, f, abstract *fork) error {
	t.setPatterns(node, f.patterns)
	for _, side := range []*fork{f, abstract} {
		if side == nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(side.named)) {
			next, err := t.node(t.takeName(side, name))
			if err != nil {
				return err
			}
			t.addEdge(node, layout.EdgeName, name, next)
		}
	}
	for _, mask := range masks(f.patterns) {
		side := f
		if abstract != nil && mask&1 != 0 {
			side = abstract
		}
		next, err := t.node(t.takeMask(side, mask))
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
func (t *trie) split(items []item, f *fork) {
	f.named = map[string][]item{}
	for _, it := range items {
		t.load[t.seqs[it.seq()].plan]++
		e := t.element(it)
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
			if bit = f.bit(e.pattern); bit == 0 {
				t.crowded[t.plans[t.seqs[it.seq()].plan].rule] = true
			}
		}
		f.bits = append(f.bits, bit)
	}
}

// bit is the bit of a pattern in masks; 0 when the node already carries as many others as it can.
func (f *fork) bit(p *pattern) uint8 {
	i := slices.Index(f.patterns, *p)
	if i < 0 && len(f.patterns) == layout.MaxPatterns {
		return 0
	}
	if i < 0 {
		i = len(f.patterns)
		f.patterns = append(f.patterns, *p)
	}
	return 1 << i
}

// takeName is where a literal name leads: to all items that take it.
func (t *trie) takeName(f *fork, name string) []item {
	t.work += len(f.open)
	named := f.named[name]
	out := make([]item, 0, len(named)+len(f.open))
	for _, it := range f.open {
		for len(named) > 0 && named[0] <= it {
			out, named = append(out, named[0]), named[1:]
		}
		e := t.element(it)
		if e.program && name == separator {
			continue
		}
		switch e.kind {
		case elemRest, elemAll, elemAlive:
			out = append(out, it)
		case elemAny:
			out = append(out, it.next())
		case elemMaybe:
			out = append(out, it.next()|itemMaybe)
		case elemPattern:
			if e.pattern.matches(name) {
				out = append(out, it.next())
			}
		}
	}
	return append(out, named...)
}

// takeMask is where a name leads that no edge carries and that matches exactly the patterns in the mask.
func (t *trie) takeMask(f *fork, mask uint8) []item {
	t.work += len(f.open)
	out := make([]item, 0, len(f.open))
	for i, it := range f.open {
		switch bit := f.bits[i]; t.element(it).kind {
		case elemRest, elemAll, elemAlive:
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
