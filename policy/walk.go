// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"encoding/binary"

	"caisson/bpf/layout"
)

// walk is a walk through an image: the node it stands on, and why it stopped without a verdict of that node.
type walk struct {
	r     *Runner
	node  uint32
	cell  []byte // of the node; nil: there is none
	names int
	why   stop
}

// stop says why a walk has ended without the verdict of a node.
type stop uint8

const (
	stopNot stop = iota
	stopLong
	stopBroken
)

// stopReasons are the reasons of verdicts; a walk does not hold them itself, because what holds a string that it returns
// cannot stand on the stack.
var stopReasons = [...]string{stopLong: ReasonTooLong, stopBroken: ReasonBroken}

// start begins a walk at a node.
func (r *Runner) start(node uint32) walk {
	w := walk{r: r}
	w.enter(node)
	return w
}

// enter goes to a node. It returns true when the walk is over there.
func (w *walk) enter(node uint32) bool {
	w.node, w.cell = node, nil
	if !w.r.valid(node) {
		return true
	}
	w.cell = w.r.cell(node)
	return w.cell[nodeFlags]&layout.NodeFinal != 0
}

// step follows one name. It returns true when nothing that follows can change the verdict.
func (w *walk) step(name []byte) bool {
	if w.settled() {
		return true
	}
	if w.names++; w.names > layout.MaxNames {
		return w.stop(stopLong)
	}

	if len(name) > layout.MaxName {
		// No edge and no pattern holds such a word; whether a pattern would match it cannot be told.
		if w.cell[nodeNPattern] > 0 {
			return w.stop(stopLong)
		}
		return w.enter(binary.LittleEndian.Uint32(w.cell[nodeNext:]))
	}
	if w.cell[nodeFlags]&layout.NodeExact != 0 {
		if next := w.r.find(w.node, layout.EdgeName, name); next != 0 {
			return w.enter(next)
		}
	}
	if w.cell[nodeNPattern] > 0 {
		if mask := w.r.match(w.cell, name); mask != 0 {
			next := w.r.find(w.node, layout.EdgeMask, maskNames[mask][:])
			if next == 0 {
				return w.stop(stopBroken)
			}
			return w.enter(next)
		}
	}
	return w.enter(binary.LittleEndian.Uint32(w.cell[nodeNext:]))
}

// stop ends the walk without a verdict.
func (w *walk) stop(why stop) bool {
	w.why = why
	return true
}

// maskNames are the names of mask edges, by mask.
var maskNames = func() (names [1 << layout.MaxPatterns][1]byte) {
	for i := range names {
		names[i][0] = byte(i)
	}
	return names
}()

// match evaluates the patterns of a node on a name: bit i of the mask stands for pattern i.
func (r *Runner) match(cell, name []byte) (mask uint8) {
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
	return w.cell == nil || w.cell[nodeFlags]&layout.NodeFinal != 0 && binary.LittleEndian.Uint32(w.cell[nodeVerdict:]) == 0
}

// settled says whether the walk is over.
func (w *walk) settled() bool {
	return w.why != stopNot || w.cell == nil || w.cell[nodeFlags]&layout.NodeFinal != 0
}

// cut says that more names follow which nobody has read.
func (w *walk) cut() {
	if !w.settled() {
		w.why = stopLong
	}
}

// verdict is the verdict where the walk stands.
func (w *walk) verdict() Verdict {
	switch {
	case w.why != stopNot:
		return refuse(stopReasons[w.why])
	case w.cell == nil:
		return refuse(ReasonNoRule)
	default:
		return wordVerdict(binary.LittleEndian.Uint32(w.cell[nodeVerdict:]))
	}
}
