// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"

	"caisson/bpf/layout"
)

// Offsets within cells; keep in sync with the structures in bpf/layout/image.go.
const (
	headFlags = 6
	headTable = 16
	headMask  = 20
	headSeed  = 24
	headGen   = 28
	headRoots = 32
	headRules = 60

	nodeVerdict  = 0
	nodeNext     = 4
	nodePatterns = 8
	nodeNPattern = 12
	nodeFlags    = 13
	nodeNPrefix  = 14
	nodePrefixes = 16

	edgeNode = 0
	edgeNext = 4
	edgeMore = 8
	edgeKind = 12
	edgeLen  = 13
	edgeName = 16

	patPrefix = 0
	patSuffix = 1
	patMiddle = 2
	patText   = 6
)

// Runner runs the bytes of a decision image, as the kernel does: bpf/match.h is its twin. It allocates nothing and may be
// used by several goroutines at once.
type Runner struct {
	cells             []byte
	table, mask, seed uint32
}

// Run walks the image from the start node of the subject's action.
func (r Runner) Run(s Subject) Verdict { return r.run(r.root(&s), &s) }

// RunFrom walks the image from a node, for a location that starts below the root or for the node that an event names. A
// node that the image does not have is a dead end.
func (r Runner) RunFrom(node uint32, s Subject) Verdict { return r.run(node, &s) }

// run is [Runner.RunFrom].
func (r *Runner) run(node uint32, s *Subject) Verdict {
	if s.Action == Network && s.Proto != ProtoUnix {
		return r.runNetwork(node, s)
	}

	w := r.start(node)
	for _, name := range s.Names {
		if w.step(name) {
			return w.verdict()
		}
	}
	if s.Action == ShellExec {
		if w.step(separatorName) {
			return w.verdict()
		}
		for _, arg := range s.Args {
			if w.step(arg) {
				return w.verdict()
			}
		}
		if s.TruncatedArgs {
			w.cut()
		}
	}
	return w.verdict()
}

// separatorName is [separator] as the names of subjects are.
var separatorName = []byte(separator)

// Trusts says whether the names of a location, from a node, are a place of trusted interpreters: the node is that of the
// superblock for layout.RootTrust, or 0 for a location from the root.
func (r Runner) Trusts(node uint32, names [][]byte) bool {
	if node == 0 {
		node = r.word(0, headRoots+4*layout.RootTrust)
	}
	w := r.start(node)
	for _, name := range names {
		if w.step(name) {
			break
		}
	}
	return w.why == stopNot && w.cell != nil && binary.LittleEndian.Uint32(w.cell[nodeVerdict:])&3 == layout.EffectAllow
}

// Generation is the number stamped on the image; 0 when it is not in force.
func (r Runner) Generation() uint32 { return r.word(0, headGen) }

// Node is the node reached from a start node, one of those below layout.NameRoots, by walking the names of a location. It
// is 0 when no rule can match there or below.
func (r Runner) Node(root int, names ...string) uint32 {
	if root < 0 || root >= layout.NameRoots {
		return 0
	}
	w := r.start(r.word(0, uint32(headRoots+4*root)))
	for _, name := range names {
		if w.step([]byte(name)) {
			break
		}
	}
	if w.why != stopNot || w.dead() {
		return 0
	}
	return w.node
}

// root is the start node of a subject's kind; 0 when there is none.
func (r *Runner) root(s *Subject) uint32 {
	i := uint32(layout.RootRead)
	switch {
	case s.Action == FileRead:
	case s.Action == FileWrite:
		i = layout.RootWrite
	case s.Action == ShellExec:
		i = layout.RootExec
	case s.Action == Network && s.Proto == ProtoUnix:
		i = layout.RootUnix
	case s.Action == Network && s.Proto == ProtoTCP:
		i = layout.RootTCP
	case s.Action == Network && s.Proto == ProtoUDP:
		i = layout.RootUDP
	default:
		return 0
	}
	return r.word(0, headRoots+4*i)
}

// cell is the n-th cell. [OpenImage] has checked every number that the image holds; others come through node.
func (r *Runner) cell(n uint32) []byte {
	return r.cells[int(n)*layout.CellSize:][:layout.CellSize]
}

// word reads a 32-bit number of a cell.
func (r *Runner) word(cell, offset uint32) uint32 {
	return binary.LittleEndian.Uint32(r.cells[int(cell)*layout.CellSize+int(offset):])
}

// valid says whether n is the number of a node.
func (r *Runner) valid(n uint32) bool { return n > 0 && n < r.table }

// find looks an exact edge up; 0 when the node has none with that name.
func (r *Runner) find(node uint32, kind uint8, name []byte) uint32 {
	const kindAndLen = 0xffff
	want := uint32(kind) | uint32(uint8(len(name)))<<8
	slot := layout.Hash(r.seed, node, kind, name)
	for range layout.MaxProbes {
		cell := r.cell(r.table + slot&r.mask)
		owner := binary.LittleEndian.Uint32(cell[edgeNode:])
		if owner == 0 {
			return 0
		}
		if owner == node && binary.LittleEndian.Uint32(cell[edgeKind:])&kindAndLen == want && r.sameName(cell, name) {
			return binary.LittleEndian.Uint32(cell[edgeNext:])
		}
		slot++
	}
	return 0
}

// sameName compares the whole name of an edge whose length is already known to be equal.
func (r *Runner) sameName(cell, name []byte) bool {
	head := min(len(name), layout.InlineName)
	if string(cell[edgeName:edgeName+head]) != string(name[:head]) {
		return false
	}
	rest := name[head:]
	if len(rest) == 0 {
		return true
	}
	more := int(binary.LittleEndian.Uint32(cell[edgeMore:])) * layout.CellSize
	return string(r.cells[more:more+len(rest)]) == string(rest)
}

// runNetwork finds the longest known prefix of the address, then the port.
func (r *Runner) runNetwork(node uint32, s *Subject) Verdict {
	if !s.Addr.IsValid() || (s.Proto != ProtoTCP && s.Proto != ProtoUDP) {
		return refuse(ReasonProtocol)
	}
	if !r.valid(node) {
		return refuse(ReasonNoRule)
	}

	addr := wide(s.Addr)
	cell := r.cell(node)
	next := binary.LittleEndian.Uint32(cell[nodeNext:])
	for _, bits := range cell[nodePrefixes : nodePrefixes+int(cell[nodeNPrefix])] {
		var key [17]byte
		key[0] = bits
		masked := maskWide(addr, int(bits)).As16()
		copy(key[1:], masked[:])
		if hit := r.find(node, layout.EdgePrefix, key[:]); hit != 0 {
			next = hit
			break
		}
	}
	if !r.valid(next) {
		return refuse(ReasonNoRule)
	}

	if r.cell(next)[nodeFlags]&layout.NodePorts != 0 {
		next = r.followPort(next, s.Port)
	}
	if !r.valid(next) {
		return refuse(ReasonNoRule)
	}
	return wordVerdict(r.word(next, nodeVerdict))
}
