// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"

	"caisson/bpf/layout"
)

// division divides all addresses into cells: each block that divides is one, without those inside it, and what lies in
// none is the last. Within a cell a test on the address is the same everywhere, unless it names a block that does not
// divide and lies in there: then an image cannot tell.
type division struct {
	rules   []*netRule
	cells   []netip.Prefix              // blocks that divide, sorted
	divides map[netip.Prefix]bool       // the same, as a set
	lengths []int                       // of the cells, longest first
	sizes   []int                       // of all blocks, those that do not divide included
	at      map[netip.Prefix][]*netTest // tests that name a block
	inside  map[netip.Prefix][]*netTest // cell -> tests that name a block in it that does not divide; the zero block: outside of all cells
}

// divide makes the cells of the blocks of rules that are exact. Of more lengths than a node can carry the last ones in the
// policy do not divide; spilled are the rules that name them. Single addresses always do: hosts change theirs.
func divide(rules []*netRule) (d *division, spilled []*netRule) {
	d = &division{rules: rules, divides: map[netip.Prefix]bool{}, at: map[netip.Prefix][]*netTest{}, inside: map[netip.Prefix][]*netTest{}}
	lengths, sizes := map[int]bool{}, map[int]bool{}
	d.each(func(t *netTest, b netip.Prefix) {
		if b.Bits() == 128 && t.owner.exact {
			lengths[128] = true
		}
		sizes[b.Bits()] = true
		d.at[b] = append(d.at[b], t)
	})
	d.each(func(t *netTest, b netip.Prefix) {
		if !t.owner.exact || d.divides[b] {
			return
		}
		if !lengths[b.Bits()] && len(lengths) == layout.MaxPrefixes {
			spilled = append(spilled, t.owner)
			return
		}
		lengths[b.Bits()], d.divides[b] = true, true
	})

	d.cells, d.lengths, d.sizes = sortedPrefixes(d.divides), longestFirst(lengths), longestFirst(sizes)
	for b, tests := range d.at {
		if d.divides[b] {
			continue
		}
		d.inside[netip.Prefix{}] = append(d.inside[netip.Prefix{}], tests...)
		for _, bits := range d.lengths {
			if cell := netip.PrefixFrom(maskWide(b.Addr(), bits), bits); bits < b.Bits() && d.divides[cell] {
				d.inside[cell] = append(d.inside[cell], tests...)
			}
		}
	}
	return d, slices.Compact(spilled)
}

// each calls f for every block of every test, in the order of the policy.
func (d *division) each(f func(t *netTest, b netip.Prefix)) {
	for _, r := range d.rules {
		for _, t := range r.tests {
			for _, b := range t.blocks {
				f(t, b)
			}
		}
	}
}

// answers are the tests on the address that are not simply false in a cell.
func (d *division) answers(cell netip.Prefix) map[*netTest]truth {
	known := map[*netTest]truth{}
	for _, t := range d.inside[cell] {
		known[t] = maybe
	}
	for _, bits := range d.sizes {
		if !cell.IsValid() || bits > cell.Bits() {
			continue
		}
		for _, t := range d.at[netip.PrefixFrom(maskWide(cell.Addr(), bits), bits)] {
			known[t] = yes
		}
	}
	return known
}

// answersKey is the answers as the key of a map. Cells with the same answers are decided alike: those of one long list of
// blocks are.
func answersKey(known map[*netTest]truth) string {
	tests := slices.SortedFunc(maps.Keys(known), func(a, b *netTest) int {
		return cmp.Or(a.owner.at-b.owner.at, a.number-b.number)
	})
	var key []byte
	for _, t := range tests {
		key = binary.AppendUvarint(key, uint64(t.owner.at))
		key = binary.AppendUvarint(key, uint64(t.number))
		key = append(key, byte(known[t]))
	}
	return string(key)
}

// netPlan is what the start node of one protocol becomes.
type netPlan struct {
	*division
	tables [][]portRange // by cell; the last is that of addresses in none
}

// netPlanner makes a plan within bounds.
type netPlanner struct {
	*division
	proto uint8
	base  []portFunc // by rule: where it holds when no test on the address does
	open  []int      // rules that do so anywhere
	work  int        // pieces looked at, and cells that the image will need
}

// Bounds of one plan; a policy that would need more is decided less exactly. A person's lists of blocks and ports are far
// below.
const (
	maxNetWork  = 1 << 21
	maxNetCells = maxCells / 4
)

// plan decides every cell for one protocol; false when that takes more than it may. What is not exact is never too much.
func (d *division) plan(proto uint8) (*netPlan, bool) {
	p := netPlanner{division: d, proto: proto}
	for i, r := range d.rules {
		f := p.holds(r, nil)
		p.base = append(p.base, f)
		if !f.is(no) {
			p.open = append(p.open, i)
		}
	}

	plan := &netPlan{division: d}
	alike, seen, image := map[string][]portRange{}, map[string]bool{}, 0
	for i := range len(d.cells) + 1 {
		cell := netip.Prefix{}
		if i < len(d.cells) {
			cell = d.cells[i]
			image += 2
		}
		known := d.answers(cell)
		p.work += len(known)
		key := answersKey(known)
		ranges, ok := alike[key]
		if !ok {
			ranges = decidePorts(p.list(known))
			alike[key] = ranges
		}
		if key := portsKey(ranges); !ok && !seen[key] {
			seen[key] = true
			image += 2 + rangeCells(len(ranges))
		}
		if len(d.cells) > 0 && (p.work > maxNetWork || image > maxNetCells) {
			return nil, false
		}
		plan.tables = append(plan.tables, ranges)
	}
	return plan, p.work <= maxNetWork && image <= maxNetCells || !d.rules[0].exact
}

// list is the rules that may hold on some port, given what is known of the address, in their order.
func (p *netPlanner) list(known map[*netTest]truth) []portRule {
	special := map[int]bool{}
	for t := range known {
		special[t.owner.at] = true
	}
	var list []portRule
	for _, i := range p.open {
		if !special[i] {
			list = append(list, portRule{p.rules[i], p.base[i]})
		}
		p.work += len(p.base[i])
	}
	for _, i := range slices.Sorted(maps.Keys(special)) {
		if f := p.holds(p.rules[i], known); !f.is(no) {
			list = append(list, portRule{p.rules[i], f})
		}
	}
	slices.SortFunc(list, func(a, b portRule) int { return a.rule.at - b.rule.at })
	return list
}

// holds is where a rule holds, given what is known of the address.
func (p *netPlanner) holds(r *netRule, known map[*netTest]truth) portFunc {
	p.work += r.size
	f := netCell{p.proto, r, known}.holds(r.when, false)
	p.work += len(f)
	return f
}

// netCell is where a rule is looked at: its tests that are not in known do not hold.
type netCell struct {
	proto uint8
	rule  *netRule
	known map[*netTest]truth
}

// holds is where an expression holds, or where it does not.
func (c netCell) holds(e *netExpr, negated bool) portFunc {
	switch e.kind {
	case Test:
		return c.test(e.test, negated)
	case Not:
		return c.holds(e.sub[0], !negated)
	}

	return c.fold(e.sub, negated, (e.kind == All) != negated)
}

// fold is where all operands hold, or any; or the same of their opposites. Halves are joined, because a list of ports one
// by one would take as many steps as its square.
func (c netCell) fold(list []*netExpr, negated, all bool) portFunc {
	neutral, final := no, yes
	if all {
		neutral, final = yes, no
	}
	switch len(list) {
	case 0:
		return onAnyPort(neutral)
	case 1:
		return c.holds(list[0], negated)
	}

	left := c.fold(list[:len(list)/2], negated, all)
	if left.is(final) {
		return left
	}
	right := c.fold(list[len(list)/2:], negated, all)
	if all {
		return left.both(right)
	}
	return left.either(right)
}

// test is where a test holds, or where it does not. Of a host without an address neither can be told; a rule that allows
// then does not match, and any other one keeps what may be that host from being allowed.
func (c netCell) test(t *netTest, negated bool) portFunc {
	v := t.value
	switch t.kind {
	case netUnknown:
		if c.rule.effect == Allow {
			return onAnyPort(no)
		}
		return onAnyPort(maybe)
	case netPorts:
		switch {
		case !c.rule.exact:
			return onAnyPort(maybe)
		case negated:
			return between(t.from, t.to, no, yes)
		}
		return between(t.from, t.to, yes, no)
	case netBlocks:
		v = c.known[t]
	case netProto:
		if v = no; t.proto == c.proto {
			v = yes
		}
	}
	if negated {
		v = v.not()
	}
	return onAnyPort(v)
}

// longestFirst sorts prefix lengths.
func longestFirst(lengths map[int]bool) []int {
	out := slices.Sorted(maps.Keys(lengths))
	slices.Reverse(out)
	return out
}

// sortedPrefixes are the prefixes of the set in an order that does not change from run to run.
func sortedPrefixes(set map[netip.Prefix]bool) []netip.Prefix {
	return slices.SortedFunc(maps.Keys(set), func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits())
	})
}
