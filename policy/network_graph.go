// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"

	"caisson/bpf/layout"
)

// networkRoots makes the start nodes of TCP and UDP: the longest prefix that holds an address leads to a node that has
// merged all rules that concern it, so the first rule decides and not the longest prefix. The notes say which rules are
// not decided as exactly as they are written, because that would take too much.
func (g *graph) networkRoots(rules []*netRule) (tcp, udp uint32, notes []string) {
	plans, notes := g.planNetwork(rules)
	known := map[string]uint32{}
	return g.networkRoot(plans[0], known), g.networkRoot(plans[1], known), notes
}

// planNetwork finds the plans of TCP and UDP. Where they would grow beyond all bounds, the rules of the second half of the
// policy are not looked into, then those behind the first quarter, and so on.
func (g *graph) planNetwork(rules []*netRule) (plans [2]*netPlan, notes []string) {
	if len(rules) == 0 {
		return plans, nil
	}
	for i, r := range rules {
		r.at = i
	}
	for exact := len(rules); ; exact /= 2 {
		for i, r := range rules {
			r.exact = i < exact
		}
		d, spilled := divide(rules)
		tcp, fits := d.plan(ProtoTCP)
		udp, fit := d.plan(ProtoUDP)
		if !fits || !fit {
			continue
		}

		for _, r := range spilled {
			r.why = whyLengths
			notes = append(notes, fmt.Sprintf("rule %q: %s: some blocks of this rule need a decision in user space",
				g.rules[r.index].Name, r.why))
		}
		for _, r := range rules[exact:] {
			r.why = whyNetwork
		}
		if exact < len(rules) {
			notes = append(notes, fmt.Sprintf("rule %q: %s: those of this rule and of the network rules behind it need a decision "+
				"in user space", g.rules[rules[exact].index].Name, whyNetwork))
		}
		return [2]*netPlan{tcp, udp}, notes
	}
}

// networkRoot makes the start node of one protocol; known holds the nodes that decide on a port.
func (g *graph) networkRoot(plan *netPlan, known map[string]uint32) uint32 {
	if plan == nil {
		return g.newNode(graphNode{})
	}
	root := g.newNode(graphNode{})
	for _, bits := range plan.lengths {
		g.nodes[root].prefixes = append(g.nodes[root].prefixes, uint8(bits))
	}
	for i, cell := range plan.cells {
		addr := cell.Addr().As16()
		g.addEdge(root, layout.EdgePrefix, string(append([]byte{uint8(cell.Bits())}, addr[:]...)), g.portsNode(plan.tables[i], known))
	}
	g.nodes[root].next = g.portsNode(plan.tables[len(plan.cells)], known)
	return root
}
