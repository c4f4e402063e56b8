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

// truth is what an item is worth that has matched.
func (it item) truth() truth { return yes - truth(it&itemMaybe) }

// state is a set of items behind which something can still change, and what it means when a subject ends there.
type state struct {
	items   []item
	verdict uint32
	final   bool // the verdict holds whatever follows
}

// normalise completes a set of items and reduces it to what can still decide: a rule that cannot hold any more vanishes, one
// that holds whatever follows becomes a single item, and all that stands behind such a rule vanishes, too. Sets that mean
// the same thus become one node.
func (t *trie) normalise(items []item) state {
	items = t.closure(items)
	var s state
	decided, hidden := false, false
	for start := 0; start < len(items) && !(decided && hidden); {
		r := &t.plans[t.seqs[items[start].seq()].plan]
		end := start + 1
		for end < len(items) && items[end].seq() <= r.last {
			end++
		}
		group := items[start:end]
		start = end

		now := t.read(r, group)
		if !decided && now.accept != no {
			s.verdict, decided = t.verdict(r.rule, now.accept), true
		}
		if hidden || now.high == no {
			continue
		}
		hidden = now.low != no
		if !now.settled() {
			s.items = t.reduce(r, group, s.items)
			continue
		}
		s.final = len(s.items) == 0 && s.verdict == t.verdict(r.rule, now.low)
		s.items = append(s.items, t.all(r.first)|item(yes-now.low))
	}
	s.final = s.final || len(s.items) == 0 && !decided
	return s
}

// closure adds the items behind elements that may take nothing; the result is sorted. A certain item replaces the same one
// as maybe. What an item adds comes right behind it, so one pass over sorted items is enough.
func (t *trie) closure(items []item) []item {
	if !slices.IsSorted(items) {
		slices.Sort(items)
	}
	out := make([]item, 0, len(items)+len(items)/2+1)
	const none = ^item(0)
	added := none
	for at := 0; at < len(items) || added != none; {
		it := added
		if at < len(items) && items[at] <= added {
			it = items[at]
		}
		same := it &^ itemMaybe
		for at < len(items) && items[at]&^itemMaybe == same {
			at++
		}
		if added&^itemMaybe == same {
			added = none
		}
		switch t.element(it).kind {
		case elemRest:
			out, added = append(out, it), it.next()
		case elemDoubt:
			added = it.next() | itemMaybe
		default:
			out = append(out, it)
		}
	}
	return out
}

// read says what is known of a rule that has got to the items of a group.
func (t *trie) read(r *plan, group []item) reading {
	t.work += len(group)
	if r.simple {
		return t.readAtom(group)
	}
	if group[0].seq() == r.first && t.element(group[0]).kind == elemAll {
		return t.readAtom(group[:1])
	}

	t.work += 4 * r.size // a step of a formula costs more than an item
	t.readings, t.groups = t.readings[:0], t.groups[:0]
	at := 0
	for _, last := range r.atoms {
		for at < len(group) && group[at].seq() == r.first {
			at++ // it only keeps the rule in mind
		}
		start := at
		for at < len(group) && group[at].seq() <= last {
			at++
		}
		t.readings = append(t.readings, t.readAtom(group[start:at]))
		t.groups = append(t.groups, group[start:at])
	}
	return r.when.read(t.readings)
}

// readAtom says what is known of a single atom.
func (t *trie) readAtom(group []item) reading {
	var r reading
	for _, it := range group {
		seq := &t.seqs[it.seq()]
		v := it.truth()
		switch pos := it.pos(); {
		case seq.elems[pos].kind == elemEnd:
			r.accept = max(r.accept, v)
			continue
		case seq.elems[pos].kind == elemAll:
			r.accept = max(r.accept, v)
			r.low = max(r.low, v)
		case pos == int(seq.rest):
			r.low = max(r.low, v)
		}
		r.high = max(r.high, v)
	}
	return r
}

// reduce adds the items of a rule that is not settled, without those that mean nothing any more. It goes by what
// [trie.read] has left behind.
func (t *trie) reduce(r *plan, group, out []item) []item {
	if r.simple {
		return t.open(group, out)
	}
	if r.alive {
		out = append(out, newItem(r.first, 0))
	}
	return t.reduceFormula(r, r.when, out)
}

// reduceFormula keeps of a settled part only what makes it so. A part that is settled at maybe is kept whole: without
// operands it could become true under a negation.
func (t *trie) reduceFormula(r *plan, f *formula, out []item) []item {
	now := f.read(t.readings)
	switch {
	case now.low == yes:
		return t.settle(r, f, yes, out)
	case now.high == no:
		return t.settle(r, f, no, out)
	case f.kind == Test && now.settled():
		return append(out, t.all(r.atomFirst(f.number))|itemMaybe)
	case f.kind == Test:
		return t.open(t.groups[f.number], out)
	}
	for _, sub := range f.sub {
		out = t.reduceFormula(r, sub, out)
	}
	return out
}

// open adds the items that may still take names.
func (t *trie) open(group, out []item) []item {
	for _, it := range group {
		if t.element(it).kind != elemEnd {
			out = append(out, it)
		}
	}
	return out
}

// settle adds the fewest items with which a formula has a value whatever follows.
func (t *trie) settle(r *plan, f *formula, v truth, out []item) []item {
	switch {
	case f.kind == Test && v == yes:
		return append(out, t.all(r.atomFirst(f.number)))
	case f.kind == Test:
		return out
	case f.kind == Not:
		return t.settle(r, f.sub[0], v.not(), out)
	case f.kind == All && v == no || f.kind == Any && v == yes:
		return t.settle(r, f.sub[0], v, out)
	}
	for _, sub := range f.sub {
		out = t.settle(r, sub, v, out)
	}
	return out
}

// all is the item that says that a sequence has matched whatever follows.
func (t *trie) all(seq int) item { return newItem(seq, len(t.seqs[seq].elems)-1) }

// element is what an item takes next.
func (t *trie) element(it item) *element { return &t.seqs[it.seq()].elems[it.pos()] }

// verdict is the verdict word of a rule that holds, or may hold.
func (t *trie) verdict(rule int, v truth) uint32 {
	if rule < 0 {
		return layout.EffectAllow // a place of the trusted, which no rule names
	}
	return ruleVerdict(&t.rules[rule], rule, v)
}

// ruleVerdict is the verdict word of a rule that holds, or may hold.
func ruleVerdict(r *Rule, rule int, v truth) uint32 {
	if v == maybe {
		return layout.Verdict(layout.EffectDefer, rule)
	}
	word := layout.Verdict(uint32(r.Effect), rule)
	if r.Descendants && r.Action == ShellExec && r.Effect == Allow {
		word |= layout.VerdictDescendants
	}
	return word
}
