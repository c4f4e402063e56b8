// SPDX-License-Identifier: Apache-2.0

package policy

// plan is a rule as the subset construction sees it. Its sequences have consecutive numbers: first one without names of its
// own, which stands for the rule as a whole, then those of its atoms from left to right.
type plan struct {
	rule        int // index of the rule; -1: the places of trusted interpreters
	when        *formula
	first, last int   // its sequences
	atoms       []int // the last sequence of each atom
	size        int   // steps to evaluate the formula
	simple      bool  // the formula is one atom
	alive       bool  // the rule may hold when no atom can match any more
}

// atomFirst is the first sequence of an atom.
func (r *plan) atomFirst(number int) int {
	if number == 0 {
		return r.first + 1
	}
	return r.atoms[number-1] + 1
}

// sequence is one way of an atom to match.
type sequence struct {
	plan  int32
	rest  int32 // position of the element behind which everything matches; -1: none
	elems []element
}

// addSequence numbers a sequence.
func (t *trie) addSequence(elems []element) {
	s := sequence{plan: int32(len(t.plans)), rest: -1, elems: make([]element, 0, len(elems)+2)}
	if n := len(elems) - 1; n >= 0 && elems[n].kind == elemRest && !elems[n].program {
		s.rest = int32(n)
	}
	s.elems = append(append(s.elems, elems...), element{kind: elemEnd}, element{kind: elemAll})
	t.seqs = append(t.seqs, s)
}

// add plans a rule and returns the items with which it begins: those on files or commands, and those on abstract sockets.
// With why, its patterns are left to user space.
func (t *trie) add(rule int, when *formula, why string) (items, abstracts []item) {
	if when == never {
		return nil, nil
	}
	r := plan{rule: rule, when: when, first: len(t.seqs), simple: when.kind == Test}
	t.addSequence([]element{{kind: elemAlive}})
	if when == always {
		items = []item{t.all(r.first)}
	}
	for _, a := range when.atoms(nil) {
		for _, elems := range a.sequences {
			it := newItem(len(t.seqs), 0)
			if abstract(elems) {
				abstracts = append(abstracts, it)
			} else {
				items = append(items, it)
			}
			if why != "" && deferrable(elems) {
				elems = deferred(elems)
			}
			t.addSequence(elems)
		}
		r.atoms = append(r.atoms, len(t.seqs)-1)
	}
	r.last, r.size = len(t.seqs)-1, when.size()
	if when != always && when.read(make([]reading, len(r.atoms))).accept != no {
		r.alive = true
		mark := newItem(r.first, 0)
		items, abstracts = append(items, mark), append(abstracts, mark)
	} else if when == always {
		abstracts = append(abstracts, items...)
	}
	t.plans = append(t.plans, r)
	return items, abstracts
}
