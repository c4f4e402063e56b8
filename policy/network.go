// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"slices"

	"caisson/bpf/layout"
)

// netRule is a network rule, reduced to what a kernel sees of a connection.
type netRule struct {
	index  int // of the rule
	at     int // among the network rules
	effect Effect
	when   *netExpr
	tests  []*netTest // on the address, of when
	size   int        // tests of when, of any kind
	exact  bool       // else: its blocks make no cells, and its ports are not told apart
	why    string     // why an image can only say maybe somewhere; "": it never does
}

// word is the verdict of the rule where its condition has this truth; 0 where it leaves the decision to those behind it.
func (r *netRule) word(v truth) uint32 {
	switch v {
	case yes:
		return layout.Verdict(uint32(r.effect), r.index)
	case maybe:
		return layout.Verdict(layout.EffectDefer, r.index)
	}
	return 0
}

// netExpr is the condition of a network rule.
type netExpr struct {
	kind ExprKind
	test *netTest
	sub  []*netExpr
}

// Why an image can only say maybe for a network rule.
const (
	whyName    = "a kernel sees no names"
	whyAddress = "a host has no known address"
	whyLengths = "more than 48 different prefix lengths"
	whyNetwork = "too many combinations of addresses and ports"
)

// netKind is what a test looks at.
type netKind uint8

const (
	netFixed   netKind = iota // nothing: the answer is known
	netUnknown                // a host that has no address now
	netBlocks                 // the address
	netPorts                  // the port
	netProto                  // the protocol
)

// netTest is one test, with what its kind needs.
type netTest struct {
	kind     netKind
	value    truth          // netFixed
	blocks   []netip.Prefix // netBlocks: 16-byte prefixes, none of length 0, any of which may hold the address
	from, to uint16         // netPorts
	proto    uint8          // netProto
	owner    *netRule       // netBlocks
	number   int            // netBlocks: among those of its rule
}

// answered is an expression whose truth is known.
func answered(v truth) *netExpr { return &netExpr{test: &netTest{kind: netFixed, value: v}} }

// network reduces a rule. Hosts that it names are added to hosts.
func (p *placer) network(index int, r *Rule, hosts map[string]bool) (*netRule, error) {
	n := &netRule{index: index, effect: r.Effect}
	w := netWords{placer: p, rule: n, hosts: hosts}
	var err error
	if n.when, err = w.expr(r.When); err != nil {
		return nil, err
	}
	n.count(n.when)
	return n, nil
}

// count gathers the tests of an expression.
func (r *netRule) count(e *netExpr) {
	for _, sub := range e.sub {
		r.count(sub)
	}
	if e.kind != Test {
		return
	}
	r.size++
	if e.test.kind == netBlocks {
		e.test.owner, e.test.number = r, len(r.tests)
		r.tests = append(r.tests, e.test)
	}
}

// netWords turns the words of one rule into tests.
type netWords struct {
	*placer
	rule  *netRule
	hosts map[string]bool
}

// expr reduces an expression.
func (w netWords) expr(e *Expr) (*netExpr, error) {
	switch {
	case e == nil:
		return answered(yes), nil
	case e.Kind == Test:
		t, verr := w.test(e.Test)
		if verr != nil {
			return nil, verr
		}
		return t, nil
	}

	out := &netExpr{kind: e.Kind}
	for _, sub := range e.Sub {
		s, err := w.expr(sub)
		if err != nil {
			return nil, err
		}
		if e.Kind == Any {
			out.alternative(s)
		} else {
			out.sub = append(out.sub, s)
		}
	}
	return out, nil
}

// alternative adds an operand to an Any. The addresses of a list become one test, which costs the same however many they
// are.
func (e *netExpr) alternative(s *netExpr) {
	if s.kind == Any {
		for _, sub := range s.sub {
			e.alternative(sub)
		}
		return
	}
	if s.kind == Test && s.test.kind == netBlocks {
		i := slices.IndexFunc(e.sub, func(o *netExpr) bool { return o.kind == Test && o.test.kind == netBlocks })
		if i >= 0 {
			e.sub[i].test.blocks = append(e.sub[i].test.blocks, s.test.blocks...)
			return
		}
	}
	e.sub = append(e.sub, s)
}

// test reduces one condition. What only a name could answer is maybe: a kernel sees addresses.
func (w netWords) test(c Condition) (*netExpr, *valueError) {
	switch c.Field {
	case "url":
		return w.url(c)
	case "host":
		if c.Op != opEquals {
			w.rule.why = whyName
			return answered(maybe), nil
		}
		host, verr := parseHost(c.Value)
		if verr != nil {
			return nil, verr
		}
		return w.host(host), nil
	case "address":
		block, verr := parsePrefix(c.Value)
		if verr != nil {
			return nil, verr
		}
		return inBlocks([]netip.Prefix{block}), nil
	case "port":
		from, to, verr := parsePorts(c.Value)
		if verr != nil {
			return nil, verr
		}
		return &netExpr{test: &netTest{kind: netPorts, from: from, to: to}}, nil
	case "protocol":
		proto, verr := parseProtocol(c.Value)
		if verr != nil {
			return nil, verr
		}
		return &netExpr{test: &netTest{kind: netProto, proto: proto}}, nil
	}
	return answered(no), nil // a path: no connection has one
}

// url reduces a condition on the URL: TCP, and the addresses and port of its origin.
func (w netWords) url(c Condition) (*netExpr, *valueError) {
	tcp := &netExpr{test: &netTest{kind: netProto, proto: ProtoTCP}}
	if c.Op != opEquals && c.Op != opStartsWith {
		w.rule.why = whyName
		return &netExpr{kind: All, sub: []*netExpr{tcp, answered(maybe)}}, nil
	}
	o, verr := parseRuleURL(c.Value)
	if verr != nil {
		return nil, verr
	}
	port := &netExpr{test: &netTest{kind: netPorts, from: o.Port, to: o.Port}}
	return &netExpr{kind: All, sub: []*netExpr{tcp, port, w.host(o.Host)}}, nil
}

// host reduces a host to its addresses.
func (w netWords) host(host string) *netExpr {
	if addr, err := netip.ParseAddr(host); err == nil {
		return inBlocks([]netip.Prefix{netip.PrefixFrom(wide(addr), 128)})
	}

	w.hosts[host] = true
	var blocks []netip.Prefix
	if w.env.LookupHost != nil {
		for _, addr := range w.env.LookupHost(host) {
			if addr.IsValid() {
				blocks = append(blocks, netip.PrefixFrom(wide(addr), 128))
			}
		}
	}
	if len(blocks) > 0 {
		return inBlocks(blocks)
	}
	if w.rule.effect == Allow { // what is unknown never holds then
		w.note("no address is known for host %q: the rule cannot match now", host)
	} else {
		w.rule.why = whyAddress
		w.note("no address is known for host %q: whatever may be that host is refused", host)
	}
	return &netExpr{test: &netTest{kind: netUnknown}}
}

// inBlocks is the test whether the address lies in one of the blocks.
func inBlocks(blocks []netip.Prefix) *netExpr {
	for _, b := range blocks {
		if b.Bits() == 0 {
			return answered(yes)
		}
	}
	return &netExpr{test: &netTest{kind: netBlocks, blocks: blocks}}
}
