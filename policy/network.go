// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/netip"
	"slices"

	"caisson/bpf/layout"
)

// netRule is one network rule, reduced to what a kernel sees.
type netRule struct {
	rule     int
	tcpOnly  bool
	anywhere bool           // no condition on the address
	prefixes []netip.Prefix // else: 16-byte prefixes, any of which may hold the address
	port     uint16         // 0: any
}

// network reduces a rule; false when no connection can match it now. Hosts that it names are added to hosts.
func (p *placer) network(index int, r *Rule, hosts map[string]bool) (netRule, bool, error) {
	n := netRule{rule: index, anywhere: true}
	for _, c := range r.When.Conditions() {
		var verr *valueError
		switch c.Field {
		case "url":
			var o Origin
			if o, verr = parseRuleURL(c.Value); verr == nil {
				n.tcpOnly, n.port = true, o.Port
				n.restrict(p.host(o.Host, hosts))
			}
		case "host":
			var host string
			if host, verr = parseHost(c.Value); verr == nil {
				n.restrict(p.host(host, hosts))
			}
		case "address":
			var block netip.Prefix
			if block, verr = parsePrefix(c.Value); verr == nil {
				n.restrict([]netip.Prefix{block})
			}
		case "port":
			n.port, verr = parsePort(c.Value)
		}
		if verr != nil {
			return n, false, verr
		}
	}
	return n, n.anywhere || len(n.prefixes) > 0, nil
}

// host is the addresses of a host as prefixes.
func (p *placer) host(host string, hosts map[string]bool) []netip.Prefix {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Prefix{netip.PrefixFrom(wide(addr), 128)}
	}

	hosts[host] = true
	var out []netip.Prefix
	if p.env.LookupHost != nil {
		for _, addr := range p.env.LookupHost(host) {
			if addr.IsValid() {
				out = append(out, netip.PrefixFrom(wide(addr), 128))
			}
		}
	}
	if len(out) == 0 {
		p.note("no address is known for host %q: the rule cannot match now", host)
	}
	return out
}

// restrict leaves only addresses that lie in one of the prefixes, too. Of two prefixes one holds the other or they are
// disjoint, so the narrower of a pair is their intersection.
func (n *netRule) restrict(prefixes []netip.Prefix) {
	if n.anywhere {
		n.anywhere, n.prefixes = false, prefixes
		return
	}
	var both []netip.Prefix
	for _, a := range n.prefixes {
		for _, b := range prefixes {
			switch {
			case covers(b, a):
				both = append(both, a)
			case covers(a, b):
				both = append(both, b)
			}
		}
	}
	n.prefixes = both
}

// covers says whether the whole of b lies in a.
func covers(a, b netip.Prefix) bool {
	return a.Bits() <= b.Bits() && maskWide(b.Addr(), a.Bits()) == a.Addr()
}

// networkRoot makes the start node of one protocol: the longest prefix that holds an address leads to a node that has
// merged the rules of all shorter ones, so the first rule decides and not the longest prefix.
func (g *graph) networkRoot(rules []netRule) (uint32, error) {
	var everywhere []int // indexes into rules
	at := map[netip.Prefix][]int{}
	lengths := map[int]bool{}
	for i, r := range rules {
		if r.anywhere {
			everywhere = append(everywhere, i)
		}
		for _, p := range r.prefixes {
			if p.Bits() == 0 {
				everywhere = append(everywhere, i)
				continue
			}
			at[p] = append(at[p], i)
			lengths[p.Bits()] = true
			if len(lengths) > layout.MaxPrefixes {
				return 0, g.tooLarge(r.rule, fmt.Sprintf("more than %d different prefix lengths", layout.MaxPrefixes))
			}
		}
	}

	root := g.newNode(graphNode{})
	ports := map[string]uint32{}
	sorted := longestFirst(lengths)
	work := 0
	for _, bits := range sorted {
		g.nodes[root].prefixes = append(g.nodes[root].prefixes, uint8(bits))
	}
	for _, p := range sortedPrefixes(at) {
		list := slices.Clone(everywhere)
		for _, bits := range sorted {
			if bits <= p.Bits() {
				list = append(list, at[netip.PrefixFrom(maskWide(p.Addr(), bits), bits)]...)
			}
		}
		if work += len(list); work > maxStateItems {
			return 0, g.tooLarge(rules[slices.Max(list)].rule, "too many combinations of addresses and ports")
		}
		node := g.portNode(rules, list, ports)
		addr := p.Addr().As16()
		g.addEdge(root, layout.EdgePrefix, string(append([]byte{uint8(p.Bits())}, addr[:]...)), node)
		if g.size() > maxCells {
			return 0, g.tooLarge(rules[slices.Max(list)].rule, "the image would have more than 64 MiB")
		}
	}
	g.nodes[root].next = g.portNode(rules, everywhere, ports)
	return root, nil
}

// portNode is the node that decides on the port among the listed rules; known holds those already made. It is 0 when no
// rule is left.
func (g *graph) portNode(rules []netRule, list []int, known map[string]uint32) uint32 {
	slices.Sort(list)
	list = slices.Compact(list)
	if i := slices.IndexFunc(list, func(i int) bool { return rules[i].port == 0 }); i >= 0 {
		list = list[:i+1]
	}
	if len(list) == 0 {
		return 0
	}
	key := fmt.Sprint(list)
	if n, ok := known[key]; ok {
		return n
	}

	last := rules[list[len(list)-1]]
	rest := uint32(0)
	if last.port == 0 {
		rest = g.leaf(last.rule, known)
	}
	if len(list) == 1 && last.port == 0 {
		known[key] = rest
		return rest
	}
	n := g.newNode(graphNode{next: rest})
	if rest != 0 {
		g.nodes[n].verdict = g.nodes[rest].verdict
	}
	known[key] = n
	done := map[uint16]bool{0: true}
	for _, i := range list {
		if port := rules[i].port; !done[port] {
			done[port] = true
			g.addEdge(n, layout.EdgePort, string([]byte{byte(port >> 8), byte(port)}), g.leaf(rules[i].rule, known))
		}
	}
	return n
}

// leaf is the node that says nothing but the effect of one rule.
func (g *graph) leaf(rule int, known map[string]uint32) uint32 {
	key := fmt.Sprint("leaf ", rule)
	if n, ok := known[key]; ok {
		return n
	}
	n := g.newNode(graphNode{verdict: layout.Verdict(uint32(g.rules[rule].Effect), rule), final: true})
	g.nodes[n].next = n
	known[key] = n
	return n
}

// longestFirst sorts prefix lengths.
func longestFirst(lengths map[int]bool) []int {
	var out []int
	for bits := range lengths {
		out = append(out, bits)
	}
	slices.SortFunc(out, func(a, b int) int { return b - a })
	return out
}

// sortedPrefixes are the prefixes of the map in an order that does not change from run to run.
func sortedPrefixes(at map[netip.Prefix][]int) []netip.Prefix {
	var out []netip.Prefix
	for p := range at {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	return out
}
