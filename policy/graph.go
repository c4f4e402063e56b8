// SPDX-License-Identifier: Apache-2.0

package policy

import "caisson/bpf/layout"

// graph is an image before it has addresses: nodes, numbered from 1, and edges.
type graph struct {
	rules []Rule
	nodes []graphNode // nodes[0] is nobody
	edges []graphEdge
	dead  uint32 // the node from which nothing matches, once it is needed
	other int    // cells that are neither node nor slot of the edge table
}

type graphNode struct {
	verdict  uint32
	next     uint32
	final    bool
	exact    bool
	patterns []pattern
	prefixes []uint8
	ports    []graphRange
}

type graphEdge struct {
	node, next uint32
	kind       uint8
	name       string
}

// size is how many cells the image has at least.
func (g *graph) size() int { return len(g.nodes) + tableSize(len(g.edges)) + g.other }

// setPatterns gives a node its patterns.
func (g *graph) setPatterns(node uint32, patterns []pattern) {
	g.nodes[node].patterns = patterns
	g.other += len(patterns)
}

// newNode adds a node and returns its number.
func (g *graph) newNode(n graphNode) uint32 {
	g.nodes = append(g.nodes, n)
	return uint32(len(g.nodes) - 1)
}

// addEdge adds an edge. A next node of 0 becomes the dead node: in the image every edge leads to a node.
func (g *graph) addEdge(node uint32, kind uint8, name string, next uint32) {
	if next == 0 {
		next = g.deadNode()
	}
	if kind != layout.EdgeMask {
		g.nodes[node].exact = true
	}
	g.other += continuation(name)
	g.edges = append(g.edges, graphEdge{node: node, next: next, kind: kind, name: name})
}

// deadNode is the node from which nothing matches.
func (g *graph) deadNode() uint32 {
	if g.dead == 0 {
		g.dead = g.newNode(graphNode{final: true})
	}
	return g.dead
}

// continuation is how many cells the end of a name needs beyond its edge.
func continuation(name string) int {
	return (max(len(name)-layout.InlineName, 0) + layout.CellSize - 1) / layout.CellSize
}
