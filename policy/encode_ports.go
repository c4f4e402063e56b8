// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"

	"caisson/bpf/layout"
)

// Offsets within a node that has ports, and within an entry of its ranges; keep in sync with bpf/layout/image.go.
const (
	portsRanges = 8
	portsCount  = 16

	rangeFrom = 0
	rangeNext = 4
	rangeSize = layout.CellSize / layout.RangesPerCell
)

// ports writes the part of a node that leads on by port, and its ranges.
func (e *encoder) ports(c []byte, ranges []graphRange) {
	le := binary.LittleEndian
	c[nodeFlags] |= layout.NodePorts
	le.PutUint32(c[portsRanges:], e.data)
	le.PutUint32(c[portsCount:], uint32(len(ranges)))
	for i, r := range ranges {
		entry := e.cells[int(e.data)*layout.CellSize+i*rangeSize:]
		le.PutUint16(entry[rangeFrom:], r.from)
		le.PutUint32(entry[rangeNext:], r.next)
	}
	e.data += uint32(rangeCells(len(ranges)))
}
