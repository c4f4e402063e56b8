// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"slices"
)

// Image is a compiled policy: the bytes that the kernel runs, and what is known about them. It is immutable.
type Image struct {
	Runner
	rules []Rule
	notes []string
	hosts []string
}

// Bytes returns a copy of the image with the generation stamped; its length is a multiple of 64. The same policy compiled
// in the same environment gives the same bytes.
func (m *Image) Bytes(generation uint32) []byte {
	b := slices.Clone(m.cells)
	binary.LittleEndian.PutUint32(b[headGen:], generation)
	return b
}

// Rules are the rules that verdicts number.
func (m *Image) Rules() []Rule { return slices.Clone(m.rules) }

// Notes say, in the order of the rules, what became of a rule on this host when that is not what it says.
func (m *Image) Notes() []string { return slices.Clone(m.notes) }

// Hosts are the host names that network rules mention, sorted; when their addresses change, the image is out of date.
func (m *Image) Hosts() []string { return slices.Clone(m.hosts) }
