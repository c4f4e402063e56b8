// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"

	"caisson/bpf/layout"
)

// edgeTable is where each edge stands in the edge table: slot -> index of the edge, plus 1; 0 is free.
type edgeTable struct {
	slots []int32
	seed  uint32
}

// seedsPerSize is how many seeds are tried before the table doubles.
const seedsPerSize = 24

// placeEdges finds a size and a seed with which no edge stands more than MaxProbes slots from where its hash points. It
// starts at twice as many slots as edges.
func placeEdges(edges []graphEdge) (edgeTable, error) {
	for size := tableSize(len(edges)); size <= maxCells; size *= 2 {
		for seed := uint32(1); seed <= seedsPerSize; seed++ {
			if slots := tryPlace(edges, size, seed); slots != nil {
				return edgeTable{slots: slots, seed: seed}, nil
			}
		}
	}
	return edgeTable{}, errors.New("the names do not fit into the edge table")
}

// tableSize is the least number of slots for so many edges.
func tableSize(edges int) int {
	size := 16
	for size < 2*edges {
		size *= 2
	}
	return size
}

// tryPlace fills a table by linear probing, the edge farther from its home first, which keeps the farthest near. Nil when
// one would be too far. Between an edge and its home no slot is free, which is what the lookup relies on.
func tryPlace(edges []graphEdge, size int, seed uint32) []int32 {
	slots, far := make([]int32, size), make([]uint8, size)
	mask := uint32(size - 1)
	for i := range edges {
		e := &edges[i]
		cur, dist := int32(i+1), uint8(0)
		slot := layout.Hash(seed, e.node, e.kind, []byte(e.name)) & mask
		for slots[slot] != 0 {
			if far[slot] < dist {
				slots[slot], cur = cur, slots[slot]
				far[slot], dist = dist, far[slot]
			}
			slot = (slot + 1) & mask
			if dist++; dist >= layout.MaxProbes {
				return nil
			}
		}
		slots[slot], far[slot] = cur, dist
	}
	return slots
}
