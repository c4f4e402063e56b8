// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"fmt"
	"sort"

	"caisson/bpf/layout"
)

// checkPorts checks a node that leads on by port: its ranges lie in the image, begin with port 0, ascend, and lead to
// nodes. It has nothing of an ordinary node, so that no other walk can take its fields for something else.
func (r Runner) checkPorts(c []byte, data, cells uint32) error {
	le := binary.LittleEndian
	if c[nodeFlags] != layout.NodePorts || c[nodeNPattern] != 0 || c[nodeNPrefix] != 0 {
		return fmt.Errorf("ports beside other contents")
	}
	first, count := le.Uint32(c[portsRanges:]), le.Uint32(c[portsCount:])
	if count == 0 || count > layout.MaxRanges {
		return fmt.Errorf("%d port ranges", count)
	}
	if first < data || first >= cells || cells-first < uint32(rangeCells(int(count))) {
		return fmt.Errorf("port ranges outside the image")
	}

	before := -1
	for i := range count {
		from, next := r.portRange(first, i)
		if i == 0 && from != 0 || int(from) <= before {
			return fmt.Errorf("port range %d starts at %d", i, from)
		}
		if next >= r.table {
			return fmt.Errorf("port range %d leads to node %d", i, next)
		}
		before = int(from)
	}
	return nil
}

// portRange is the i-th of the ranges that begin in a cell: its first port, and where it leads.
func (r Runner) portRange(cell, i uint32) (from uint16, next uint32) {
	entry := r.cells[int(cell)*layout.CellSize+int(i)*rangeSize:]
	return binary.LittleEndian.Uint16(entry[rangeFrom:]), binary.LittleEndian.Uint32(entry[rangeNext:])
}

// followPort is where a port leads from a node that has ports: by the last of its ranges that starts at or below it.
func (r Runner) followPort(node uint32, port uint16) uint32 {
	first, count := r.word(node, portsRanges), r.word(node, portsCount)
	above := sort.Search(int(count), func(i int) bool {
		from, _ := r.portRange(first, uint32(i))
		return from > port
	})
	_, next := r.portRange(first, uint32(above-1))
	return next
}
