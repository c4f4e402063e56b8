// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"fmt"

	"caisson/bpf/layout"
)

// encoder lays the cells of an image out.
type encoder struct {
	g     *graph
	cells []byte
	data  uint32 // next free cell behind the edge table
}

// encode writes the image: header, nodes, edge table, then patterns, port ranges and the ends of long names.
func (g *graph) encode(roots [layout.Roots]uint32, flags uint16) ([]byte, error) {
	table, err := placeEdges(g.edges)
	if err != nil {
		return nil, err
	}
	first := len(g.nodes) + len(table.slots)
	total := first
	for i := range g.nodes {
		total += len(g.nodes[i].patterns) + rangeCells(len(g.nodes[i].ports))
	}
	for i := range g.edges {
		total += continuation(g.edges[i].name)
	}
	if total > maxCells {
		return nil, fmt.Errorf("the image would have %d cells, more than %d", total, maxCells)
	}

	e := encoder{g: g, cells: make([]byte, total*layout.CellSize), data: uint32(first)}
	e.header(table, roots, flags)
	for n := 1; n < len(g.nodes); n++ {
		e.node(uint32(n))
	}
	for slot, index := range table.slots {
		if index != 0 {
			e.edge(uint32(len(g.nodes)+slot), &g.edges[index-1])
		}
	}
	return e.cells, nil
}

// cell is the n-th cell.
func (e *encoder) cell(n uint32) []byte { return e.cells[int(n)*layout.CellSize:][:layout.CellSize] }

func (e *encoder) header(table edgeTable, roots [layout.Roots]uint32, flags uint16) {
	c, le := e.cell(0), binary.LittleEndian
	le.PutUint32(c[0:], layout.ImageMagic)
	le.PutUint16(c[4:], layout.ImageVersion)
	le.PutUint16(c[headFlags:], flags)
	le.PutUint32(c[8:], uint32(len(e.cells)/layout.CellSize))
	le.PutUint32(c[12:], uint32(len(e.g.nodes)-1))
	le.PutUint32(c[headTable:], uint32(len(e.g.nodes)))
	le.PutUint32(c[headMask:], uint32(len(table.slots)-1))
	le.PutUint32(c[headSeed:], table.seed)
	for i, root := range roots {
		le.PutUint32(c[headRoots+4*i:], root)
	}
	le.PutUint32(c[headRules:], uint32(len(e.g.rules)))
}

func (e *encoder) node(number uint32) {
	n, c, le := &e.g.nodes[number], e.cell(number), binary.LittleEndian
	le.PutUint32(c[nodeVerdict:], n.verdict)
	le.PutUint32(c[nodeNext:], n.next)
	if n.final {
		c[nodeFlags] |= layout.NodeFinal
	}
	if n.exact {
		c[nodeFlags] |= layout.NodeExact
	}
	if len(n.ports) > 0 {
		e.ports(c, n.ports)
		return
	}
	c[nodeNPrefix] = uint8(len(n.prefixes))
	copy(c[nodePrefixes:], n.prefixes)

	if len(n.patterns) == 0 {
		return
	}
	le.PutUint32(c[nodePatterns:], e.data)
	c[nodeNPattern] = uint8(len(n.patterns))
	for _, p := range n.patterns {
		pc := e.cell(e.data)
		pc[patPrefix], pc[patSuffix] = uint8(len(p.prefix)), uint8(len(p.suffix))
		for i, text := range p.middle {
			pc[patMiddle+i] = uint8(len(text))
		}
		copy(pc[patText:], p.text())
		e.data++
	}
}

func (e *encoder) edge(slot uint32, edge *graphEdge) {
	c, le := e.cell(slot), binary.LittleEndian
	le.PutUint32(c[edgeNode:], edge.node)
	le.PutUint32(c[edgeNext:], edge.next)
	c[edgeKind], c[edgeLen] = edge.kind, uint8(len(edge.name))
	n := copy(c[edgeName:edgeName+layout.InlineName], edge.name)
	if n < len(edge.name) {
		le.PutUint32(c[edgeMore:], e.data)
		copy(e.cells[int(e.data)*layout.CellSize:], edge.name[n:])
		e.data += uint32(continuation(edge.name))
	}
}
