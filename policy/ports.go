// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"caisson/bpf/layout"
)

// portFunc says for every port whether a condition holds: pieces without holes, of which the first starts at port 0 and no
// two neighbours say the same. So rules are as cheap with the range 1024-65535 as with one port.
type portFunc []portPiece

type portPiece struct {
	from  uint16
	value truth
}

// onAnyPort does not depend on the port.
func onAnyPort(v truth) portFunc { return portFunc{{0, v}} }

// between is one value inside a range, both ends included, and another outside.
func between(from, to uint16, inside, outside truth) portFunc {
	var f portFunc
	if from > 0 {
		f = append(f, portPiece{0, outside})
	}
	f = append(f, portPiece{from, inside})
	if to < 65535 {
		f = append(f, portPiece{to + 1, outside})
	}
	return f
}

// is says whether f is the same everywhere, and that.
func (f portFunc) is(v truth) bool { return len(f) == 1 && f[0].value == v }

// both is where f and g hold together; either, where at least one does.
func (f portFunc) both(g portFunc) portFunc {
	return f.merge(g, func(a, b truth) truth { return min(a, b) })
}
func (f portFunc) either(g portFunc) portFunc {
	return f.merge(g, func(a, b truth) truth { return max(a, b) })
}

// merge combines two functions port by port.
func (f portFunc) merge(g portFunc, join func(a, b truth) truth) portFunc {
	out := make(portFunc, 0, len(f)+len(g))
	for i, j := 0, 0; ; {
		v := join(f[i].value, g[j].value)
		if len(out) == 0 || out[len(out)-1].value != v {
			out = append(out, portPiece{max(f[i].from, g[j].from), v})
		}
		switch nextF, nextG := f.end(i), g.end(j); {
		case nextF > 65535 && nextG > 65535:
			return out
		case nextF < nextG:
			i++
		case nextG < nextF:
			j++
		default:
			i, j = i+1, j+1
		}
	}
}

// end is the first port behind piece i.
func (f portFunc) end(i int) int {
	if i+1 < len(f) {
		return int(f[i+1].from)
	}
	return 65536
}

// portRule is one rule among those that decide on the port of a connection.
type portRule struct {
	rule  *netRule
	holds portFunc
}

// portRange is a range of ports, up to the next one's first, and the verdict word there.
type portRange struct {
	from    uint16
	verdict uint32
}

// decidePorts makes the ranges of a node from its rules, in their order: on each port the first that may hold decides.
// What one rule has decided is skipped at once by those behind it.
func decidePorts(rules []portRule) []portRange {
	var starts []uint16
	for _, r := range rules {
		for _, piece := range r.holds {
			starts = append(starts, piece.from)
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(append([]uint16{0}, starts...))

	open := newOpenRanges(len(starts))
	verdicts := make([]uint32, len(starts))
	for _, r := range rules {
		for i, piece := range r.holds {
			word := r.rule.word(piece.value)
			if word == 0 {
				continue
			}
			end := len(starts)
			if i+1 < len(r.holds) {
				end, _ = slices.BinarySearch(starts, r.holds[i+1].from)
			}
			at, _ := slices.BinarySearch(starts, piece.from)
			for at = open.next(at); at < end; at = open.next(at) {
				verdicts[at] = word
				open.close(at)
			}
		}
		if open.next(0) == len(starts) {
			break
		}
	}

	ranges := make([]portRange, 0, len(starts))
	for i, from := range starts {
		if len(ranges) == 0 || ranges[len(ranges)-1].verdict != verdicts[i] {
			ranges = append(ranges, portRange{from, verdicts[i]})
		}
	}
	return ranges
}

// openRanges finds the ranges that nothing has decided yet: each decided one points behind itself.
type openRanges []int

func newOpenRanges(n int) openRanges {
	o := make(openRanges, n+1)
	for i := range o {
		o[i] = i
	}
	return o
}

// next is the first open range from i on.
func (o openRanges) next(i int) int {
	for o[i] != i {
		o[i] = o[o[i]]
		i = o[i]
	}
	return i
}

func (o openRanges) close(i int) { o[i] = i + 1 }

// portsNode is the node that has these ranges; 0 when no rule is left anywhere. Equal ones are the same node.
func (g *graph) portsNode(ranges []portRange, known map[string]uint32) uint32 {
	if len(ranges) == 1 {
		return g.leaf(ranges[0].verdict, known)
	}
	key := portsKey(ranges)
	if n, ok := known[key]; ok {
		return n
	}

	var entries []graphRange
	for _, r := range ranges {
		entries = append(entries, graphRange{r.from, g.leaf(r.verdict, known)})
	}
	n := g.newNode(graphNode{ports: entries})
	g.other += rangeCells(len(entries))
	known[key] = n
	return n
}

// leaf is the node that says nothing but a verdict; 0 for that of no rule.
func (g *graph) leaf(verdict uint32, known map[string]uint32) uint32 {
	if verdict == 0 {
		return 0
	}
	key := portsKey([]portRange{{0, verdict}})
	if n, ok := known[key]; ok {
		return n
	}
	n := g.newNode(graphNode{verdict: verdict, final: true})
	g.nodes[n].next = n
	known[key] = n
	return n
}

// portsKey is the ranges as the key of a map.
func portsKey(ranges []portRange) string {
	key := make([]byte, 0, 6*len(ranges))
	for _, r := range ranges {
		key = append(key, byte(r.from), byte(r.from>>8),
			byte(r.verdict), byte(r.verdict>>8), byte(r.verdict>>16), byte(r.verdict>>24))
	}
	return string(key)
}

// graphRange is a range of ports of a node, up to the next one's first, and where it leads; 0: nowhere.
type graphRange struct {
	from uint16
	next uint32
}

// rangeCells is how many cells that many ranges fill.
func rangeCells(n int) int { return (n + layout.RangesPerCell - 1) / layout.RangesPerCell }
