// SPDX-License-Identifier: Apache-2.0

package policy

// formula is a rule's condition over atoms. It is kept free of constants: below its root every formula can become true and
// can become false, and no [Any] or [All] holds another one.
type formula struct {
	kind   ExprKind // Test: an atom
	atom   *atom
	number int // of the atom, within its rule
	sub    []*formula
}

// The constant formulas: they stand only at the root of a rule.
var (
	always = &formula{kind: All}
	never  = &formula{kind: Any}
)

// testOf is the formula of an atom; one that nothing can match is never true.
func testOf(a atom) *formula {
	if len(a.sequences) == 0 {
		return never
	}
	return &formula{kind: Test, atom: &a}
}

// anyOf is the disjunction. Its atoms become one, because a list of ten thousand paths must cost what one of them costs.
func anyOf(list []*formula) *formula {
	out := &formula{kind: Any}
	var merged *formula
	for _, f := range flatten(list, Any) {
		switch {
		case f == always:
			return always
		case f.kind == Test && merged != nil:
			merged.atom.merge(f.atom)
			continue
		case f.kind == Test:
			merged = f
		}
		out.sub = append(out.sub, f)
	}
	return single(out, never)
}

// allOf is the conjunction. Its negated atoms become one for the same reason: none of them may hold.
func allOf(list []*formula) *formula {
	out := &formula{kind: All}
	var merged *formula
	for _, f := range flatten(list, All) {
		negated := f.kind == Not && f.sub[0].kind == Test
		switch {
		case f == never:
			return never
		case negated && merged != nil:
			merged.sub[0].atom.merge(f.sub[0].atom)
			continue
		case negated:
			merged = f
		}
		out.sub = append(out.sub, f)
	}
	return single(out, always)
}

// flatten puts the operands of operands of the same kind in their place. Constants have no operands and so vanish where
// they say nothing.
func flatten(list []*formula, kind ExprKind) []*formula {
	var out []*formula
	for _, f := range list {
		if f.kind == kind {
			out = append(out, f.sub...)
		} else {
			out = append(out, f)
		}
	}
	return out
}

// single is the formula itself, its only operand, or the constant that none means.
func single(f, none *formula) *formula {
	switch len(f.sub) {
	case 0:
		return none
	case 1:
		return f.sub[0]
	}
	return f
}

// negation is the formula that holds when f does not.
func negation(f *formula) *formula {
	switch {
	case f == always:
		return never
	case f == never:
		return always
	case f.kind == Not:
		return f.sub[0]
	}
	return &formula{kind: Not, sub: []*formula{f}}
}

// atoms lists the atoms from left to right and numbers them.
func (f *formula) atoms(list []*atom) []*atom {
	if f.kind == Test {
		f.number = len(list)
		return append(list, f.atom)
	}
	for _, sub := range f.sub {
		list = sub.atoms(list)
	}
	return list
}

// size is the number of steps that evaluating takes.
func (f *formula) size() int {
	n := 1
	for _, sub := range f.sub {
		n += sub.size()
	}
	return n
}

// read evaluates the formula, given the readings of its atoms.
func (f *formula) read(atoms []reading) reading {
	switch f.kind {
	case Test:
		return atoms[f.number]
	case Not:
		return f.sub[0].read(atoms).not()
	case All:
		r := reading{yes, yes, yes}
		for _, sub := range f.sub {
			r = r.and(sub.read(atoms))
		}
		return r
	default:
		var r reading
		for _, sub := range f.sub {
			r = r.or(sub.read(atoms))
		}
		return r
	}
}
