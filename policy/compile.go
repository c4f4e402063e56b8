// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	placed [layout.NameRoots][]placedRule // by start node
	nets   []*netRule
	notes  []string
	hosts  map[string]bool
	why    map[int]string // by rule: why it can only say maybe somewhere
	skip   map[int]string // rules that are left out
	atoms  int
}

// placedRule is a rule whose paths and programs have been looked up.
type placedRule struct {
	rule int // -1: the places of trusted interpreters
	when *formula
}

// Compile makes the decision image of a policy, the baseline and the shells. What a rule became on this host is in the
// image's notes. Rules that are not active at env.Now are left out. A rule with patterns that would make the image too large
// is left to user space, see [Image.Deferred]; it is an error when a rule cannot be placed, or when even names alone do not
// fit. The error names the rule.
func Compile(p *Policy, env Env) (*Image, error) {
	m, err := compile(p, env, nil)
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", p.Agent, err)
	}
	return m, nil
}

// compile is [Compile], without the rules in skip; the others keep their numbers.
func compile(p *Policy, env Env, skip map[int]string) (*Image, error) {
	if len(p.Variables) > 0 {
		return nil, fmt.Errorf("the policy has variables of a run: %s (bind them first)", strings.Join(p.Variables, ", "))
	}
	env.Now = env.now()
	c := &compiler{env: env, rules: effectiveRules(p, env), hosts: map[string]bool{}, why: map[int]string{}, skip: skip}
	if len(c.rules) > maxRules {
		return nil, fmt.Errorf("policy too large: %d rules", len(c.rules))
	}
	for i := range c.rules {
		if err := c.rule(i); err != nil {
			return nil, fmt.Errorf("rule %q: %w", c.rules[i].Name, err)
		}
	}
	if err := c.trusted(); err != nil {
		return nil, err
	}

	var flags uint16
	if p.Mode == Observe {
		flags = layout.ImageObserve
	}
	m, err := c.fit(flags)
	if err != nil {
		return nil, err
	}
	m.until = p.NextChange(env.Now)
	return m, nil
}

// fit builds the image, leaving ever more rules to user space until it fits.
func (c *compiler) fit(flags uint16) (*Image, error) {
	left := map[int]string{}
	for attempt := 0; ; attempt++ {
		m, err := c.attempt(left, attempt, flags)
		var e *exceeded
		switch {
		case err == nil:
			return m, nil
		case !errors.As(err, &e):
			return nil, err
		case len(e.groups) == 0:
			return nil, tooLarge(c.rules, e.most, e.what)
		}
		offenders := e.offenders()
		if attempt >= maxAttempts-1 {
			offenders = c.patterned()
		}
		for _, rule := range offenders {
			left[rule] = "with the other rules' patterns: " + e.what
		}
	}
}

// patterned lists the rules that could be left to user space.
func (c *compiler) patterned() []int {
	var out []int
	for _, list := range c.placed {
		for _, r := range list {
			for _, a := range r.when.atoms(nil) {
				if r.rule >= 0 && slices.ContainsFunc(a.sequences, deferrable) {
					out = append(out, r.rule)
					break
				}
			}
		}
	}
	return out
}

// attempt builds an image and writes it.
func (c *compiler) attempt(left map[int]string, attempt int, flags uint16) (*Image, error) {
	b, err := c.build(left, attempt)
	if err != nil {
		return nil, err
	}
	bytes, err := b.graph.encode(b.roots, flags)
	if err != nil {
		return nil, b.trie.exceeded(err.Error())
	}
	r, err := OpenImage(bytes)
	if err != nil {
		return nil, err
	}
	for _, n := range c.nets {
		if n.why != "" {
			c.why[n.index] = n.why
		}
	}
	return &Image{
		Runner: r, rules: c.rules, notes: append(c.notes[:len(c.notes):len(c.notes)], b.notes...), hosts: slices.Sorted(maps.Keys(c.hosts)),
		deferred: b.deferred(c.why), stats: b.stats(len(bytes)),
	}, nil
}

// rule places one rule.
func (c *compiler) rule(index int) error {
	r := &c.rules[index]
	for _, cond := range r.When.Conditions() {
		if err := checkCondition(r.Action, cond); err != nil {
			return err
		}
	}
	if _, skipped := c.skip[index]; skipped || !r.Active(c.env.Now) {
		return nil
	}

	p := placer{env: c.env, rule: r.Name}
	err := c.place(index, r, &p)
	// The baseline names what many hosts do not have; that is no news.
	if !r.Baseline {
		c.notes = append(c.notes, p.notes...)
	}
	return err
}

// nameRoots are the start nodes of what is judged by names.
var nameRoots = map[Action]int{
	FileRead: layout.RootRead, FileWrite: layout.RootWrite, ShellExec: layout.RootExec, Network: layout.RootUnix,
}

// place adds what the placer makes of a rule.
func (c *compiler) place(index int, r *Rule, p *placer) error {
	root, ok := nameRoots[r.Action]
	if !ok {
		return fmt.Errorf("unknown action %s", r.Action)
	}
	if r.Action == Network {
		n, err := p.network(index, r, c.hosts)
		if err != nil {
			return err
		}
		c.nets = append(c.nets, n)
		if !concernsUnix(r.When) {
			return nil
		}
	}

	when, err := p.formula(r.When, r.Effect != Allow, p.test)
	if err != nil {
		return err
	}
	return c.add(root, index, when)
}

// add keeps a placed rule.
func (c *compiler) add(root, index int, when *formula) error {
	atoms := when.atoms(nil)
	for _, a := range atoms {
		c.atoms += len(a.sequences)
		for _, elems := range a.sequences {
			if len(elems) > layout.MaxNames+2 {
				return fmt.Errorf("%d names, more than a subject can have", len(elems))
			}
		}
		if a.why != "" && c.why[index] == "" {
			c.why[index] = a.why
		}
	}
	// Each rule has one sequence more.
	if c.atoms += 1; c.atoms > maxSequences {
		return fmt.Errorf("policy too large: too many conditions")
	}
	c.placed[root] = append(c.placed[root], placedRule{index, when})
	return nil
}

// trusted places the directories in which interpreters may stand.
func (c *compiler) trusted() error {
	p := placer{env: c.env, rule: "trusted interpreters"}
	var list []*formula
	for _, dir := range c.env.Trusted {
		a, err := p.path(dir, false, false)
		if err != nil {
			return fmt.Errorf("trusted directory: %w", err)
		}
		list = append(list, testOf(a.then(element{kind: elemAny}, rest)))
	}
	return c.add(layout.RootTrust, -1, anyOf(list))
}

// built is the graph of an image, and what making it told.
type built struct {
	graph *graph
	roots [layout.Roots]uint32
	trie  *trie
	left  map[int]string
	notes []string
}

// build makes the nodes of every kind of subject; the rules in left have none for their patterns.
func (c *compiler) build(left map[int]string, attempt int) (*built, error) {
	g := &graph{rules: c.rules, nodes: make([]graphNode, 1)}
	b := &built{graph: g, left: left}
	var err error
	b.roots[layout.RootTCP], b.roots[layout.RootUDP], b.notes = g.networkRoots(c.nets)
	for _, n := range c.nets {
		if n.why != "" && c.why[n.index] == "" {
			c.why[n.index] = n.why
		}
	}

	t := newTrie(g, retryWork)
	if attempt == 0 {
		t.budget = maxWork
	}
	b.trie = t
	var items, abstracts [layout.NameRoots][]item
	for root, list := range c.placed {
		for _, r := range list {
			these, others := t.add(r.rule, r.when, left[r.rule])
			items[root] = append(items[root], these...)
			abstracts[root] = append(abstracts[root], others...)
		}
	}
	t.load = make([]int, len(t.plans))
	for root := range c.placed {
		if root == layout.RootUnix {
			b.roots[root], err = t.startUnix(items[root], abstracts[root])
		} else {
			b.roots[root], err = t.start(items[root])
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

// deferred says which rules some node answers with "maybe", and why.
func (b *built) deferred(why map[int]string) map[int]string {
	out := map[int]string{}
	for i := range b.graph.nodes {
		effect, rule := layout.SplitVerdict(b.graph.nodes[i].verdict)
		if effect != layout.EffectDefer || out[rule] != "" {
			continue
		}
		switch {
		case b.left[rule] != "":
			out[rule] = b.left[rule]
		case why[rule] != "":
			out[rule] = why[rule]
		case b.trie.crowded[rule]:
			out[rule] = whyCrowd
		}
	}
	return out
}
