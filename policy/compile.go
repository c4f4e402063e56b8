// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"

	"caisson/bpf/layout"
)

// maxCells bounds an image to 64 MiB.
const maxCells = 1 << 20

// maxRules is how many rules a verdict word can number.
const maxRules = 1 << 20

// compiler gathers what the rules become before nodes are made.
type compiler struct {
	env    Env
	rules  []Rule
	seqs   []sequence
	starts [Network][]item // per action on files and programs
	nets   []netRule
	notes  []string
	hosts  map[string]bool
}

// Compile makes the decision image of a policy and the baseline. What a rule became on this host is in the image's notes.
// It is an error when a rule cannot be placed, or when the image would be too large; the error names the rule.
func Compile(p *Policy, env Env) (*Image, error) {
	c := &compiler{env: env, rules: p.AllRules(), hosts: map[string]bool{}}
	if len(c.rules) > maxRules {
		return nil, fmt.Errorf("compiling %s: policy too large: %d rules", p.Agent, len(c.rules))
	}
	for i := range c.rules {
		if err := c.rule(i); err != nil {
			return nil, fmt.Errorf("compiling %s: rule %q: %w", p.Agent, c.rules[i].Name, err)
		}
	}

	b, err := c.build()
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", p.Agent, err)
	}
	r, err := OpenImage(b)
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", p.Agent, err)
	}
	return &Image{Runner: r, rules: c.rules, notes: c.notes, hosts: slices.Sorted(maps.Keys(c.hosts))}, nil
}

// rule turns one rule into sequences, or into a network rule.
func (c *compiler) rule(index int) error {
	r := &c.rules[index]
	for _, cond := range r.When.Conditions() {
		if err := checkCondition(r.Action, cond); err != nil {
			return err
		}
	}

	p := placer{env: c.env, rule: r.Name}
	err := c.placed(index, r, &p)
	// The baseline names what many hosts do not have; that is no news.
	if !r.Baseline {
		c.notes = append(c.notes, p.notes...)
	}
	return err
}

// placed adds what the placer makes of a rule.
func (c *compiler) placed(index int, r *Rule, p *placer) error {
	if r.Action == Network {
		n, ok, err := p.network(index, r, c.hosts)
		if err == nil && ok {
			c.nets = append(c.nets, n)
		}
		return err
	}
	if r.Action > Network {
		return fmt.Errorf("unknown action %s", r.Action)
	}

	var lists [][]element
	for _, cond := range r.When.Conditions() {
		elems, ok, err := p.sequence(cond)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		if len(elems) > layout.MaxNames+2 {
			return fmt.Errorf("%d names, more than a subject can have", len(elems))
		}
		lists = append(lists, elems)
	}
	if len(lists) == 0 {
		lists = [][]element{{{kind: elemRest}}}
	}
	if len(c.seqs)+len(lists) > maxSequences {
		return fmt.Errorf("policy too large: too many conditions")
	}
	for i, elems := range lists {
		c.starts[r.Action] = append(c.starts[r.Action], newItem(len(c.seqs), 0))
		c.seqs = append(c.seqs, sequence{rule: index, first: i == 0, last: i == len(lists)-1, elems: elems})
	}
	return nil
}

// build makes the nodes of every kind of subject and writes the image.
func (c *compiler) build() ([]byte, error) {
	g := &graph{rules: c.rules, nodes: make([]graphNode, 1), cells: 1}
	t := &trie{graph: g, seqs: c.seqs, numbers: map[string]uint32{}}
	var roots [layout.Roots]uint32
	var err error
	for _, kind := range []struct {
		action Action
		root   int
	}{{FileRead, layout.RootRead}, {FileWrite, layout.RootWrite}, {ShellExec, layout.RootExec}} {
		if roots[kind.root], err = t.start(c.starts[kind.action]); err != nil {
			return nil, err
		}
	}

	udp := slices.DeleteFunc(slices.Clone(c.nets), func(n netRule) bool { return n.tcpOnly })
	if roots[layout.RootTCP], err = g.networkRoot(c.nets); err != nil {
		return nil, err
	}
	if roots[layout.RootUDP], err = g.networkRoot(udp); err != nil {
		return nil, err
	}
	return g.encode(roots)
}
