// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"caisson/bpf/layout"
)

// Image is a compiled policy: the bytes that the kernel runs, and what is known about them. It is immutable.
type Image struct {
	Runner
	rules    []Rule
	notes    []string
	hosts    []string
	deferred map[int]string
	stats    Stats
	until    time.Time
}

// Stats says how large an image is and what it took to make it.
type Stats struct {
	Nodes    int `json:"nodes"`
	Edges    int `json:"edges"`
	Patterns int `json:"patterns"` // of all nodes
	Names    int `json:"names"`    // distinct literal names: the classes of names that are told apart beside the patterns'
	Bytes    int `json:"bytes"`
	States   int `json:"states"` // sets of places in rules that names lead to
	Items    int `json:"items"`  // places in all of them
}

// Bytes returns a copy of the image with the generation stamped; its length is a multiple of 64. The same policy compiled
// in the same environment gives the same bytes.
func (m *Image) Bytes(generation uint32) []byte {
	b := slices.Clone(m.cells)
	binary.LittleEndian.PutUint32(b[headGen:], generation)
	return b
}

// Rules are the rules that verdicts number: those of [Policy.AllRules], then one for each shell.
func (m *Image) Rules() []Rule { return slices.Clone(m.rules) }

// Notes say, in the order of the rules, what became of a rule on this host when that is not what it says.
func (m *Image) Notes() []string { return slices.Clone(m.notes) }

// Hosts are the host names that network rules mention, sorted; when their addresses change, the image is out of date.
func (m *Image) Hosts() []string { return slices.Clone(m.hosts) }

// Deferred says, by the index of a rule, why the image somewhere answers DEFER for it: it has a pattern that only user space
// can match, or the patterns of all rules together would have made the image too large.
func (m *Image) Deferred() map[int]string { return maps.Clone(m.deferred) }

// Stats says how large the image is.
func (m *Image) Stats() Stats { return m.stats }

// Until is the next instant at which a rule begins or ends to exist, so that the image is out of date; zero: never.
func (m *Image) Until() time.Time { return m.until }

// Observes says whether the image's verdicts are reported and not enforced.
func (r Runner) Observes() bool {
	return binary.LittleEndian.Uint16(r.cells[headFlags:])&layout.ImageObserve != 0
}

// stats counts what was built.
func (b *built) stats(bytes int) Stats {
	s := Stats{Nodes: len(b.graph.nodes) - 1, Edges: len(b.graph.edges), Bytes: bytes,
		States: len(b.trie.numbers), Items: b.trie.stored}
	names := map[string]bool{}
	for i := range b.graph.edges {
		if b.graph.edges[i].kind == layout.EdgeName {
			names[b.graph.edges[i].name] = true
		}
	}
	s.Names = len(names)
	for i := range b.graph.nodes {
		s.Patterns += len(b.graph.nodes[i].patterns)
	}
	return s
}
