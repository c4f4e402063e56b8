// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"fmt"

	"caisson/bpf/layout"
)

// OpenImage checks the bytes of an image completely and returns a runner for them. The bytes may come from anywhere; they
// must not change afterwards.
func OpenImage(b []byte) (Runner, error) {
	r, err := openHeader(b)
	if err != nil {
		return Runner{}, fmt.Errorf("opening image: %w", err)
	}

	cells := uint32(len(b) / layout.CellSize)
	data := r.table + r.mask + 1
	rules := r.word(0, headRules)
	for n := uint32(1); n < r.table; n++ {
		if err := r.checkNode(n, data, cells, rules); err != nil {
			return Runner{}, fmt.Errorf("opening image: node %d: %w", n, err)
		}
	}
	for n := r.table; n < data; n++ {
		if err := r.checkEdge(n, data, cells); err != nil {
			return Runner{}, fmt.Errorf("opening image: cell %d: %w", n, err)
		}
	}
	for i := uint32(0); i < layout.Roots; i++ {
		if root := r.word(0, headRoots+4*i); root >= r.table {
			return Runner{}, fmt.Errorf("opening image: start node %d is not a node", root)
		}
	}
	return r, nil
}

// openHeader checks cell 0.
func openHeader(b []byte) (Runner, error) {
	if len(b) < layout.CellSize || len(b)%layout.CellSize != 0 {
		return Runner{}, fmt.Errorf("%d bytes are not whole cells", len(b))
	}
	if len(b) > maxCells*layout.CellSize {
		return Runner{}, fmt.Errorf("more than %d cells", maxCells)
	}
	le := binary.LittleEndian
	if le.Uint32(b) != layout.ImageMagic {
		return Runner{}, fmt.Errorf("no decision image (magic %#x)", le.Uint32(b))
	}
	if v := le.Uint16(b[4:]); v != layout.ImageVersion {
		return Runner{}, fmt.Errorf("version %d is not known (this is version %d)", v, layout.ImageVersion)
	}
	if v := le.Uint16(b[headFlags:]); v&^layout.ImageObserve != 0 {
		return Runner{}, fmt.Errorf("unknown flags %#x", v)
	}

	cells, nodes := le.Uint32(b[8:]), le.Uint32(b[12:])
	r := Runner{cells: b, table: le.Uint32(b[headTable:]), mask: le.Uint32(b[headMask:]), seed: le.Uint32(b[headSeed:])}
	if uint64(cells) != uint64(len(b)/layout.CellSize) {
		return Runner{}, fmt.Errorf("%d cells are announced, %d are there", cells, len(b)/layout.CellSize)
	}
	if uint64(r.table) != uint64(nodes)+1 || uint64(r.table)+uint64(r.mask)+1 > uint64(cells) {
		return Runner{}, fmt.Errorf("nodes and edge table do not fit")
	}
	if (r.mask+1)&r.mask != 0 {
		return Runner{}, fmt.Errorf("size of the edge table is not a power of two")
	}
	if rules := le.Uint32(b[headRules:]); rules >= 1<<24 {
		return Runner{}, fmt.Errorf("%d rules", rules)
	}
	return r, nil
}

// checkNode checks one node: where it leads, its patterns, its prefix lengths and its verdict.
func (r Runner) checkNode(n, data, cells, rules uint32) error {
	c := r.cell(n)
	le := binary.LittleEndian
	if v := le.Uint32(c[nodeVerdict:]); !validVerdict(v, rules) {
		return fmt.Errorf("verdict %#x", v)
	}
	if next := le.Uint32(c[nodeNext:]); next >= r.table {
		return fmt.Errorf("next node %d", next)
	}
	if c[nodeFlags]&layout.NodePorts != 0 {
		return r.checkPorts(c, data, cells)
	}
	if c[nodeFlags]&^(layout.NodeFinal|layout.NodeExact) != 0 {
		return fmt.Errorf("flags %#x", c[nodeFlags])
	}

	count, first := uint32(c[nodeNPattern]), le.Uint32(c[nodePatterns:])
	if count > layout.MaxPatterns {
		return fmt.Errorf("%d patterns", count)
	}
	if count > 0 && (first < data || first >= cells || cells-first < count) {
		return fmt.Errorf("patterns outside the image")
	}
	for i := range count {
		if err := checkPattern(r.cell(first + i)); err != nil {
			return fmt.Errorf("pattern %d: %w", i, err)
		}
	}

	if c[nodeNPrefix] > layout.MaxPrefixes {
		return fmt.Errorf("%d prefix lengths", c[nodeNPrefix])
	}
	for _, bits := range c[nodePrefixes : nodePrefixes+int(c[nodeNPrefix])] {
		if bits > 128 {
			return fmt.Errorf("prefix length %d", bits)
		}
	}
	return nil
}

// validVerdict says whether a verdict word is one that a compiler writes. Without a rule there is DENY, and ALLOW for the
// places of trusted interpreters.
func validVerdict(v, rules uint32) bool {
	effect, rule := v&3, v>>8
	switch {
	case v&0xff&^(3|layout.VerdictDescendants) != 0 || rule > rules:
		return false
	case v&layout.VerdictDescendants != 0 && effect != layout.EffectAllow:
		return false
	case rule == 0:
		return v == layout.EffectDeny || v == layout.EffectAllow
	}
	return true
}

// checkPattern checks that the texts of a pattern lie inside its cell and that no middle stands behind an empty one.
func checkPattern(c []byte) error {
	total, ended := int(c[patPrefix])+int(c[patSuffix]), false
	for _, n := range c[patMiddle : patMiddle+layout.MaxMiddles] {
		if n > 0 && ended {
			return fmt.Errorf("a middle behind an empty one")
		}
		ended = ended || n == 0
		total += int(n)
	}
	if total > layout.PatternBytes {
		return fmt.Errorf("too long")
	}
	return nil
}

// checkEdge checks one slot of the edge table.
func (r Runner) checkEdge(n, data, cells uint32) error {
	c := r.cell(n)
	le := binary.LittleEndian
	owner, next, more := le.Uint32(c[edgeNode:]), le.Uint32(c[edgeNext:]), le.Uint32(c[edgeMore:])
	if owner == 0 {
		return nil
	}
	if owner >= r.table || next >= r.table {
		return fmt.Errorf("edge from %d to %d", owner, next)
	}
	if rest := int(c[edgeLen]) - layout.InlineName; rest > 0 {
		need := uint32(rest+layout.CellSize-1) / layout.CellSize
		if more < data || more >= cells || cells-more < need {
			return fmt.Errorf("name outside the image")
		}
	}
	return nil
}
