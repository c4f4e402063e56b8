// SPDX-License-Identifier: Apache-2.0

package main

import (
	"caisson/policy"
)

// shownImage is what is to know about a compiled image.
type shownImage struct {
	Bytes    int         `json:"bytes"`
	Nodes    int         `json:"nodes"`
	Edges    int         `json:"edges"`
	Kinds    []shownKind `json:"kinds"`
	Deferred int         `json:"deferred"` // rules that the kernel somewhere leaves to user space
}

// shownKind is the part of an image that one kind of subject walks. Kinds may share nodes.
type shownKind struct {
	Kind     policy.Kind `json:"kind"`
	Nodes    int         `json:"nodes"`
	Names    int         `json:"names"`    // edges that take one exact name
	Patterns int         `json:"patterns"` // different ones
	Classes  int         `json:"classes"`  // edges that take a set of patterns
	Blocks   int         `json:"blocks"`   // of addresses
	Ports    int         `json:"ports"`    // ranges of ports
}

// showImage counts.
func showImage(m *policy.Image) *shownImage {
	a := policy.NewAutomaton(m.Runner)
	out := &shownImage{Bytes: a.Size(), Nodes: a.Count(), Edges: a.Edges(), Deferred: len(m.Deferred())}
	for k := range policy.Kinds {
		if k == policy.TCPKind || k == policy.UDPKind {
			out.Kinds = append(out.Kinds, countNet(a, k))
		} else {
			out.Kinds = append(out.Kinds, countNames(a, k))
		}
	}
	return out
}

// countNames counts what is reached from a start node by names.
func countNames(a *policy.Automaton, k policy.Kind) shownKind {
	out := shownKind{Kind: k}
	patterns := map[string]bool{}
	seen := map[uint32]bool{0: true}
	for queue := []uint32{a.Start(k)}; len(queue) > 0; {
		n := queue[0]
		queue = queue[1:]
		if seen[n] {
			continue
		}
		seen[n] = true
		out.Nodes++
		out.Names += len(a.Names(n))
		out.Classes += len(a.Masks(n))
		for _, p := range a.Patterns(n) {
			patterns[p.String()] = true
		}
		queue = append(queue, a.Ways(n)...)
	}
	out.Patterns = len(patterns)
	return out
}

// countNet counts blocks of addresses and ranges of ports.
func countNet(a *policy.Automaton, k policy.Kind) shownKind {
	root := a.Start(k)
	blocks := a.Prefixes(root)
	out := shownKind{Kind: k, Blocks: len(blocks)}
	if root != 0 {
		out.Nodes++
	}
	seen := map[uint32]bool{0: true}
	for _, addr := range policy.Cells(blocks) {
		n := a.Address(root, addr)
		if seen[n] {
			continue
		}
		seen[n] = true
		out.Nodes++
		out.Ports += len(a.Ports(n))
	}
	return out
}

// print writes it for people.
func (s *shownImage) print(u *ui) {
	u.printf("image: %d bytes, %d nodes, %d edges, %d deferred rules\n", s.Bytes, s.Nodes, s.Edges, s.Deferred)
	t := u.table("KIND", "NODES", "NAMES", "PATTERNS", "CLASSES", "BLOCKS", "PORTS")
	for _, k := range s.Kinds {
		t.row(k.Kind, k.Nodes, k.Names, k.Patterns, k.Classes, k.Blocks, k.Ports)
	}
	t.flush()
}
