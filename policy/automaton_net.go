// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"slices"

	"caisson/bpf/layout"
)

// Within restricts an exploration: files, commands and Unix sockets to a glob; connections to addresses and ports.
type Within struct {
	Glob   *Glob
	Blocks []netip.Prefix // in the 16-byte form, as [ParseBlock] gives them; none: every address
	From   uint16         // first port
	To     uint16         // last port; 0: every port
}

// ParseBlock reads an address or a block of addresses as a prefix in the 16-byte form, in which IPv4 is ::ffff:0:0/96.
func ParseBlock(text string) (netip.Prefix, error) {
	p, err := parsePrefix(text)
	if err != nil {
		return p, err
	}
	return p, nil
}

// has says whether a connection is in the restriction.
func (w *Within) has(addr netip.Addr, port uint16) bool {
	if w == nil {
		return true
	}
	at := func(p netip.Prefix) bool { return holds(p, netip.PrefixFrom(addr, 128)) }
	return (len(w.Blocks) == 0 || slices.ContainsFunc(w.Blocks, at)) && (w.To == 0 || w.From <= port && port <= w.To)
}

// PortEdge is a range of ports that leads out of a node; both ends are included.
type PortEdge struct {
	From, To uint16
	Next     uint32
}

// Prefixes are the blocks of addresses that have an edge from a start node of the network, in the 16-byte form.
func (a *Automaton) Prefixes(node uint32) []netip.Prefix {
	var out []netip.Prefix
	for _, e := range a.edges[node] {
		if e.kind == layout.EdgePrefix && len(e.name) == 17 {
			addr, _ := netip.AddrFromSlice([]byte(e.name[1:]))
			out = append(out, netip.PrefixFrom(addr, int(e.name[0])))
		}
	}
	return out
}

// Address is where an address leads from a start node of the network: by the longest block that holds it.
func (a *Automaton) Address(node uint32, addr netip.Addr) uint32 {
	if !a.valid(node) {
		return deadNode
	}
	cell := a.cell(node)
	for _, bits := range cell[nodePrefixes : nodePrefixes+int(cell[nodeNPrefix])] {
		var key [17]byte
		key[0] = bits
		masked := maskWide(wide(addr), int(bits)).As16()
		copy(key[1:], masked[:])
		if next := a.find(node, layout.EdgePrefix, key[:]); next != 0 {
			return next
		}
	}
	return a.word(node, nodeNext)
}

// Ports are the ranges into which a node behind an address divides the ports, in order and without holes.
func (a *Automaton) Ports(node uint32) []PortEdge {
	if !a.valid(node) || a.cell(node)[nodeFlags]&layout.NodePorts == 0 {
		return []PortEdge{{0, 65535, node}}
	}
	out := make([]PortEdge, a.word(node, portsCount))
	for i := range out {
		from, next := a.portRange(a.word(node, portsRanges), uint32(i))
		out[i] = PortEdge{from, 65535, next}
		if i > 0 {
			out[i-1].To = from - 1
		}
	}
	return out
}

// holds says whether the whole of b lies in a.
func holds(a, b netip.Prefix) bool {
	return a.Bits() <= b.Bits() && maskWide(b.Addr(), a.Bits()) == a.Addr()
}

// Cells are the parts into which blocks of addresses divide all addresses: one address of each part, those of
// IPv4 first, which is always a part of its own.
func Cells(blocks []netip.Prefix) []netip.Addr {
	v4 := netip.PrefixFrom(netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff}), 96)
	all := append(slices.Clone(blocks), v4, netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	all = slices.Compact(all)

	// Sorted like this, what lies in a block follows it.
	var out []netip.Addr
	for i, p := range all {
		end := i + 1
		for end < len(all) && holds(p, all[end]) {
			end++
		}
		if addr, ok := free(p, all[i+1:end]); ok {
			out = append(out, addr)
		}
	}
	slices.SortStableFunc(out, func(a, b netip.Addr) int { return a.Unmap().BitLen() - b.Unmap().BitLen() })
	return out
}

// free is an address of a block that lies in none of the smaller blocks inside it, which are sorted.
func free(p netip.Prefix, inner []netip.Prefix) (netip.Addr, bool) {
	if len(inner) == 0 {
		return pleasant(p), true
	}
	if inner[0] == p {
		return netip.Addr{}, false
	}
	low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	b := p.Addr().As16()
	b[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	high := netip.PrefixFrom(netip.AddrFrom16(b), p.Bits()+1)
	cut := 0
	for cut < len(inner) && holds(low, inner[cut]) {
		cut++
	}
	if addr, ok := free(low, inner[:cut]); ok {
		return addr, true
	}
	return free(high, inner[cut:])
}

// pleasant is the first address of a block that does not look like the block itself.
func pleasant(p netip.Prefix) netip.Addr {
	if p.Bits() == 128 {
		return p.Addr()
	}
	return p.Addr().Next()
}

// eachConnection visits one connection for each part of the address space and each range of ports that can differ.
func (e *Exploration) eachConnection(visit func(*Place) bool) bool {
	var blocks []netip.Prefix
	roots := [maxSides]uint32{}
	for i, side := range e.Sides {
		roots[i] = side.Image.word(0, headRoots+4*kindTable[side.Kind].root)
		blocks = append(blocks, side.Image.Prefixes(roots[i])...)
	}
	if e.Within != nil {
		blocks = append(blocks, e.Within.Blocks...)
	}

	type combination struct {
		nodes  [maxSides]uint32
		inside bool
	}
	bound := e.States
	if bound == 0 {
		bound = DefaultStates
	}
	seen := map[combination]bool{}
	for _, addr := range Cells(blocks) {
		at := combination{inside: e.Within == nil || e.Within.has(addr, e.Within.To)}
		for i, side := range e.Sides {
			at.nodes[i] = side.Image.Address(roots[i], addr)
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		for _, port := range e.portsAt(at.nodes) {
			if bound--; bound < 0 || !visit(e.connection(roots, addr, port)) {
				return false
			}
		}
	}
	return true
}

// portsAt is one port of each range that some node, or the restriction, tells apart. No connection goes to port 0, but the
// range that starts there may hold nothing else.
func (e *Exploration) portsAt(nodes [maxSides]uint32) []uint16 {
	starts := []int{0}
	for i, side := range e.Sides {
		for _, p := range side.Image.Ports(nodes[i]) {
			starts = append(starts, int(p.From))
		}
	}
	if e.Within != nil && e.Within.To != 0 {
		starts = append(starts, int(e.Within.From), int(e.Within.To)+1)
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)

	var out []uint16
	for i, from := range starts {
		switch {
		case from > 65535:
		case from == 0 && (i+1 == len(starts) || starts[i+1] > 1):
			out = append(out, 1)
		default:
			out = append(out, uint16(from))
		}
	}
	return out
}

// connection is the place of one address and port.
func (e *Exploration) connection(roots [maxSides]uint32, addr netip.Addr, port uint16) *Place {
	s := Subject{Action: Network, Proto: kindTable[e.Kind].proto, Addr: addr.Unmap(), Port: port}
	p := &Place{Real: true, Inside: e.Within.has(addr, port), subject: func() Subject { return s }}
	for i, side := range e.Sides {
		p.Verdicts[i] = side.Image.RunFrom(roots[i], s)
		p.Nodes[i] = roots[i]
	}
	return p
}
