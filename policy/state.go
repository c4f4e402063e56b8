// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"caisson/bpf/layout"
)

// item is one place in one sequence of elements: how far a rule has got. It packs the number of the sequence, the number
// of the next element, and whether an element before was only matched maybe.
type item uint32

const (
	itemMaybe    item = 1
	itemPosBits       = 10
	maxSequences      = 1 << (32 - itemPosBits - 1)
)

func newItem(seq, pos int) item { return item(seq)<<(itemPosBits+1) | item(pos)<<1 }

func (it item) seq() int { return int(it >> (itemPosBits + 1)) }
func (it item) pos() int { return int(it>>1) & (1<<itemPosBits - 1) }

// next is the item one element further.
func (it item) next() item { return it + 2 }

// sequence is the elements of one condition. The sequences of one rule have consecutive numbers; all must match.
type sequence struct {
	rule  int
	first bool // of its rule
	last  bool
	elems []element
}

// state is a set of items, and what it means when a subject ends there.
type state struct {
	items   []item
	verdict uint32
	final   bool // the verdict holds whatever follows
}

// progress is how far one rule has got in a state. The numbers say how sure it is: 0 certain, 1 maybe, 2 not at all.
type progress struct{ accept, universal item }

// normalise completes a set of items and reduces it to what can still decide: rules of which one condition has failed
// vanish, and so does all that stands behind a rule that matches whatever follows.
func (t *trie) normalise(items []item) state {
	items = t.closure(items)
	var s state
	decided := false
	for start := 0; start < len(items); {
		rule := t.seqs[items[start].seq()].rule
		end := start
		for end < len(items) && t.seqs[items[end].seq()].rule == rule {
			end++
		}
		group := items[start:end]
		start = end

		p, single, alive := t.progress(group)
		if !alive {
			continue
		}
		if decided && single {
			group = t.unfinished(group)
		}
		if p.accept < 2 && !decided {
			s.verdict, decided = t.verdict(rule, p.accept == 1), true
		}
		if p.universal < 2 {
			s.final = len(s.items) == 0
			if s.final || p.universal == 0 {
				group = t.tail(group, p.universal)
			}
			s.items = append(s.items, group...)
			break
		}
		s.items = append(s.items, group...)
	}
	return s
}

// closure adds the items behind elements that may take nothing, and sorts. A certain item replaces the same one as maybe.
func (t *trie) closure(items []item) []item {
	for i := 0; i < len(items); i++ {
		it := items[i]
		elems := t.seqs[it.seq()].elems
		if pos := it.pos(); pos < len(elems) && elems[pos].kind == elemRest {
			items = append(items, it.next())
		}
	}
	slices.Sort(items)
	return slices.CompactFunc(items, func(a, b item) bool { return a&^itemMaybe == b&^itemMaybe })
}

// progress looks at the items of one rule. It is dead when one of its sequences has none.
func (t *trie) progress(group []item) (p progress, single, alive bool) {
	if !t.seqs[group[0].seq()].first || !t.seqs[group[len(group)-1].seq()].last {
		return p, false, false
	}
	single = group[0].seq() == group[len(group)-1].seq()

	for i := 0; i < len(group); {
		seq := group[i].seq()
		accept, universal := item(2), item(2)
		elems := t.seqs[seq].elems
		for ; i < len(group) && group[i].seq() == seq; i++ {
			switch pos := group[i].pos(); {
			case pos == len(elems):
				accept = group[i] & itemMaybe
			case pos == len(elems)-1 && elems[pos].kind == elemRest:
				universal = group[i] & itemMaybe
			}
		}
		p.accept, p.universal = max(p.accept, accept), max(p.universal, universal)
		if i < len(group) && group[i].seq() != seq+1 {
			return p, single, false
		}
	}
	return p, single, true
}

// unfinished leaves out the items at which a sequence ends: an earlier rule has decided there.
func (t *trie) unfinished(group []item) []item {
	return slices.DeleteFunc(group, func(it item) bool { return it.pos() == len(t.seqs[it.seq()].elems) })
}

// tail is the one form of a rule that matches whatever follows.
func (t *trie) tail(group []item, maybe item) []item {
	var out []item
	for seq := group[0].seq(); seq <= group[len(group)-1].seq(); seq++ {
		last := newItem(seq, len(t.seqs[seq].elems)-1) | maybe
		out = append(out, last, last.next())
	}
	return out
}

// verdict is the verdict word of a rule.
func (t *trie) verdict(rule int, maybe bool) uint32 {
	if maybe {
		return layout.Verdict(layout.EffectDefer, rule)
	}
	return layout.Verdict(uint32(t.rules[rule].Effect), rule)
}
