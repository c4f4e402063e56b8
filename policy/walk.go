// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"encoding/binary"

	"caisson/bpf/layout"
)

// walk is a walk through an image: the node it stands on, and why it stopped without a verdict of that node.
type walk struct {
	r      Runner
	node   uint32
	names  int
	reason string
}

// step follows one name. It returns true when nothing that follows can change the verdict.
func (w *walk) step(name []byte) bool {
	if w.settled() {
		return true
	}
	if w.names++; w.names > layout.MaxNames {
		w.reason = ReasonTooLong
		return true
	}

	cell := w.r.cell(w.node)
	if len(name) > layout.MaxName {
		// No edge and no pattern holds such a word; whether a pattern would match it cannot be told.
		if cell[nodeNPattern] > 0 {
			w.reason = ReasonTooLong
			return true
		}
		w.node = binary.LittleEndian.Uint32(cell[nodeNext:])
		return w.settled()
	}
	if cell[nodeFlags]&layout.NodeExact != 0 {
		if next, ok := w.r.find(w.node, layout.EdgeName, name); ok {
			w.node = next
			return w.settled()
		}
	}

	next := binary.LittleEndian.Uint32(cell[nodeNext:])
	if mask := w.r.match(cell, name); mask != 0 {
		hit, ok := w.r.find(w.node, layout.EdgeMask, []byte{mask})
		if !ok {
			w.reason = ReasonBroken
			return true
		}
		next = hit
	}
	w.node = next
	return w.settled()
}

// match evaluates the patterns of a node on a name: bit i of the mask stands for pattern i.
func (r Runner) match(cell, name []byte) (mask uint8) {
	first := binary.LittleEndian.Uint32(cell[nodePatterns:])
	for i := range uint32(cell[nodeNPattern]) {
		if matchPattern(r.cell(first+i), name) {
			mask |= 1 << i
		}
	}
	return mask
}

// matchPattern says whether a name matches the pattern of a cell: its ends first, then each middle at the first place
// behind the one before.
func matchPattern(cell, name []byte) bool {
	prefix, suffix := int(cell[patPrefix]), int(cell[patSuffix])
	text := cell[patText:]
	if len(name) < prefix+suffix || string(name[:prefix]) != string(text[:prefix]) {
		return false
	}
	rest, tail := name[prefix:len(name)-suffix], name[len(name)-suffix:]
	text = text[prefix:]
	for _, n := range cell[patMiddle : patMiddle+layout.MaxMiddles] {
		if n == 0 {
			break
		}
		at := bytes.Index(rest, text[:n])
		if at < 0 {
			return false
		}
		rest, text = rest[at+int(n):], text[n:]
	}
	return string(tail) == string(text[:suffix])
}

// dead says whether no rule can match any more.
func (w *walk) dead() bool {
	return !w.r.valid(w.node) || w.final() && w.r.word(w.node, nodeVerdict) == 0
}

// final says whether the verdict of the node holds whatever follows.
func (w *walk) final() bool {
	return w.r.cell(w.node)[nodeFlags]&layout.NodeFinal != 0
}

// settled says whether the walk is over.
func (w *walk) settled() bool {
	return w.reason != "" || !w.r.valid(w.node) || w.final()
}

// cut says that more names follow which nobody has read.
func (w *walk) cut() {
	if !w.settled() {
		w.reason = ReasonTooLong
	}
}

// verdict is the verdict where the walk stands.
func (w *walk) verdict() Verdict {
	switch {
	case w.reason != "":
		return refuse(w.reason)
	case !w.r.valid(w.node):
		return refuse(ReasonNoRule)
	default:
		return wordVerdict(w.r.word(w.node, nodeVerdict))
	}
}
