// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"caisson/bpf/layout"
)

// Kind is a kind of subject: each has a start node of its own in an image.
type Kind uint8

// The kinds of subject.
const (
	ReadKind Kind = iota
	WriteKind
	ExecKind
	UnixKind
	TCPKind
	UDPKind
	Kinds // how many there are
)

// kindTable says what each kind is called, which subjects it has and where it starts.
var kindTable = [Kinds]struct {
	name   string
	action Action
	proto  uint8
	root   uint32
}{
	ReadKind:  {"file_read", FileRead, 0, layout.RootRead},
	WriteKind: {"file_write", FileWrite, 0, layout.RootWrite},
	ExecKind:  {"shell_exec", ShellExec, 0, layout.RootExec},
	UnixKind:  {"network unix", Network, ProtoUnix, layout.RootUnix},
	TCPKind:   {"network tcp", Network, ProtoTCP, layout.RootTCP},
	UDPKind:   {"network udp", Network, ProtoUDP, layout.RootUDP},
}

// String is the action, and for network the protocol.
func (k Kind) String() string { return kindTable[k].name }

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Action is the action of the kind's subjects.
func (k Kind) Action() Action { return kindTable[k].action }

// Automaton is a read-only view of an image as a deterministic automaton: nodes, the verdict of each, and the ways out of
// it. It is made once for an image and may be shared between goroutines.
type Automaton struct {
	Runner
	edges map[uint32][]edgeView
}

// edgeView is one slot of the edge table.
type edgeView struct {
	kind uint8
	name string
	next uint32
}

// NameEdge is a way out of a node that takes one exact name.
type NameEdge struct {
	Name string
	Next uint32
}

// MaskEdge is a way out of a node that takes the names which match exactly a set of its patterns: bit i is pattern i.
type MaskEdge struct {
	Mask uint8
	Next uint32
}

// Nodes that no image has.
const (
	deadNode = 0              // no rule can match any more
	longNode = math.MaxUint32 // a word was too long for a pattern: the subject is denied
)

// NewAutomaton makes the view of an image.
func NewAutomaton(r Runner) *Automaton {
	a := &Automaton{Runner: r, edges: map[uint32][]edgeView{}}
	for slot := r.table; slot <= r.table+r.mask; slot++ {
		c := r.cell(slot)
		owner := binary.LittleEndian.Uint32(c[edgeNode:])
		if owner == 0 {
			continue
		}
		a.edges[owner] = append(a.edges[owner], edgeView{c[edgeKind], r.edgeText(c), binary.LittleEndian.Uint32(c[edgeNext:])})
	}
	for _, list := range a.edges {
		slices.SortFunc(list, func(x, y edgeView) int {
			return cmp.Or(cmp.Compare(x.kind, y.kind), strings.Compare(x.name, y.name))
		})
	}
	return a
}

// edgeText is the whole name of an edge.
func (r Runner) edgeText(cell []byte) string {
	size := int(cell[edgeLen])
	head := min(size, layout.InlineName)
	name := string(cell[edgeName : edgeName+head])
	if size > head {
		more := int(binary.LittleEndian.Uint32(cell[edgeMore:])) * layout.CellSize
		name += string(r.cells[more : more+size-head])
	}
	return name
}

// Start is the start node of a kind; 0 when there is none.
func (a *Automaton) Start(k Kind) uint32 { return a.settle(a.word(0, headRoots+4*kindTable[k].root)) }

// Count is how many nodes the image has. Their numbers are 1 to Count.
func (a *Automaton) Count() int { return int(a.table) - 1 }

// Size is the image's size in bytes.
func (a *Automaton) Size() int { return len(a.cells) }

// Edges is how many slots of the edge table are taken.
func (a *Automaton) Edges() int {
	n := 0
	for _, list := range a.edges {
		n += len(list)
	}
	return n
}

// At is the verdict of a subject that ends at the node.
func (a *Automaton) At(node uint32) Verdict {
	switch {
	case node == longNode:
		return refuse(ReasonTooLong)
	case !a.valid(node):
		return refuse(ReasonNoRule)
	}
	return wordVerdict(a.word(node, nodeVerdict))
}

// Deferring are the rules, by index, for which some node answers that only user space can tell.
func (a *Automaton) Deferring() map[int]bool {
	out := map[int]bool{}
	for n := uint32(1); n < a.table; n++ {
		if v := a.At(n); v.Effect == Defer {
			out[v.Rule] = true
		}
	}
	return out
}

// Settled says whether nothing that follows can change the verdict of the node.
func (a *Automaton) Settled(node uint32) bool {
	return !a.valid(node) || a.cell(node)[nodeFlags]&layout.NodeFinal != 0
}

// Names are the exact names that lead out of a node, sorted.
func (a *Automaton) Names(node uint32) []NameEdge {
	var out []NameEdge
	for _, e := range a.edges[node] {
		if e.kind == layout.EdgeName {
			out = append(out, NameEdge{e.name, e.next})
		}
	}
	return out
}

// Masks are the sets of patterns that lead out of a node, sorted.
func (a *Automaton) Masks(node uint32) []MaskEdge {
	var out []MaskEdge
	for _, e := range a.edges[node] {
		if e.kind == layout.EdgeMask {
			out = append(out, MaskEdge{e.name[0], e.next})
		}
	}
	return out
}

// Patterns are the patterns of a node, in the order of the bits of masks.
func (a *Automaton) Patterns(node uint32) []NamePattern {
	if a.Settled(node) {
		return nil
	}
	cell := a.cell(node)
	first := binary.LittleEndian.Uint32(cell[nodePatterns:])
	var out []NamePattern
	for i := range uint32(cell[nodeNPattern]) {
		out = append(out, readPattern(a.cell(first+i)))
	}
	return out
}

// Step is where a name leads from a node: the runner's own step.
func (a *Automaton) Step(node uint32, name string) uint32 {
	if a.Settled(node) {
		return node
	}
	w := a.start(node)
	w.step([]byte(name))
	switch w.why {
	case stopNot:
		return a.settle(w.node)
	case stopLong:
		return longNode
	}
	return deadNode // a broken image, which denies
}

// stepMask is where the names lead that match a set of the node's patterns and have no edge of their own.
func (a *Automaton) stepMask(node uint32, mask uint8) uint32 {
	if a.Settled(node) {
		return node
	}
	if mask == 0 {
		return a.settle(a.word(node, nodeNext))
	}
	return a.settle(a.find(node, layout.EdgeMask, maskNames[mask][:]))
}

// settle gives all nodes from which nothing matches one number.
func (a *Automaton) settle(node uint32) uint32 {
	if a.Settled(node) && (!a.valid(node) || a.word(node, nodeVerdict) == 0) {
		return deadNode
	}
	return node
}

// Ways are the nodes that one more name may lead to.
func (a *Automaton) Ways(node uint32) []uint32 {
	if a.Settled(node) {
		return nil
	}
	out := []uint32{a.settle(a.word(node, nodeNext))}
	for _, e := range a.edges[node] {
		if e.kind == layout.EdgeName || e.kind == layout.EdgeMask {
			out = append(out, a.settle(e.next))
		}
	}
	return out
}
