// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// conditionFields are the keys that a mapping of conditions can have.
func conditionFields() []keyword {
	var list []keyword
	for _, f := range fields {
		list = append(list, keyword{name: f.name, text: f.text})
	}
	return append(list, combinators...)
}

// scope is the rule whose conditions are read.
type scope struct {
	action Action
	known  bool // whether the action could be read
}

// conditions reads the conditions of a rule; known says whether its action could be read.
func (p *parser) conditions(n *yaml.Node, a Action, known bool) *Expr {
	if isNull(n) {
		p.fail(position(n), "remove the line, or write {}, if the rule covers every subject of its action", "conditions is empty")
		return nil
	}
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		return nil
	}
	return p.group(n, "conditions", scope{a, known}, 0)
}

// group reads a mapping of conditions, all of which must hold. It is nil when none could be read.
func (p *parser) group(n *yaml.Node, what string, s scope, depth int) *Expr {
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		p.fail(position(n), "write "+example(s.action), "%s has an empty mapping, which would always hold", what)
		return nil
	}
	m := p.mapping(n, what, conditionFields())
	var list []*Expr
	for i := 0; i+1 < len(n.Content) && m != nil && !p.full(); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		if m[key.Value] != v {
			continue
		}
		switch at := fieldIndex(key.Value); {
		case at < 0:
			list = append(list, p.combined(key, v, s, depth+1))
		case s.known && !slices.Contains(fields[at].actions, s.action):
			p.fail(position(key), "it has "+strings.Join(fieldsOf(s.action), ", "), "%s is not a field of %s", key.Value, s.action)
		default:
			list = append(list, p.operators(v, fields[at], s)...)
		}
	}
	return joined(All, slices.DeleteFunc(list, func(e *Expr) bool { return e == nil }))
}

// joined makes one expression of several; nil for none.
func joined(kind ExprKind, list []*Expr) *Expr {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return &Expr{Kind: kind, Sub: list, Pos: list[0].Pos}
}

// combined reads what stands under any, all or not.
func (p *parser) combined(key, n *yaml.Node, s scope, depth int) *Expr {
	word := key.Value
	if depth > maxNesting {
		p.fail(position(key), "write several rules", "any, all and not are nested deeper than %d levels", maxNesting)
		return nil
	}
	if word == "not" {
		e := p.group(n, word, s, depth)
		if e == nil {
			return nil
		}
		return &Expr{Kind: Not, Sub: []*Expr{e}, Pos: position(key)}
	}

	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.fail(position(n), fmt.Sprintf("write %s: [ { %s }, … ]", word, example(s.action)),
			"%s must be a list of conditions, not %s", word, kindName(n))
		return nil
	}
	kind := All
	if word == "any" {
		kind = Any
	}
	var list []*Expr
	for _, item := range n.Content {
		if p.full() {
			return nil
		}
		if e := p.group(item, word, s, depth); e != nil {
			list = append(list, e)
		}
	}
	return joined(kind, list)
}

// example is a condition of an action, for hints.
func example(a Action) string { return fieldsOf(a)[0] + ": { equals: … }" }

// operators reads the operators under one field.
func (p *parser) operators(n *yaml.Node, f field, s scope) []*Expr {
	example := f.name + ": { " + f.ops[0] + ": … }"
	if n.Kind != yaml.MappingNode {
		p.fail(position(n), "write "+example, "%s needs an operator, not %s", f.name, kindName(n))
		return nil
	}
	if len(n.Content) == 0 {
		p.fail(position(n), "write "+example, "%s has no operator", f.name)
		return nil
	}

	var known []keyword
	for _, op := range f.ops {
		known = append(known, keyword{name: op})
	}
	m := p.mapping(n, f.name, known)
	var list []*Expr
	for i := 0; i+1 < len(n.Content) && m != nil; i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		if m[key.Value] != v {
			continue
		}
		e := p.values(v, f, operatorNamed(key.Value), s)
		if e != nil && operatorNamed(key.Value).negated {
			e = &Expr{Kind: Not, Sub: []*Expr{e}, Pos: position(key)}
		}
		if e != nil {
			list = append(list, e)
		}
	}
	return list
}

// values reads one value, or a list of which one must match.
func (p *parser) values(n *yaml.Node, f field, op operator, s scope) *Expr {
	what := f.name + " " + op.name
	if n.Kind != yaml.SequenceNode {
		if op.list {
			single := "equals"
			if op.negated {
				single = "not_equals"
			}
			p.fail(position(n), fmt.Sprintf("write %s: [ … ], or %s for one value", op.name, single), "%s needs a list, not %s", what, kindName(n))
			return nil
		}
		return p.value(n, f, op, s)
	}

	if len(n.Content) == 0 {
		p.fail(position(n), "write at least one value", "%s has an empty list", what)
		return nil
	}
	var list []*Expr
	for _, item := range n.Content {
		if p.full() {
			return nil
		}
		if e := p.value(item, f, op, s); e != nil {
			list = append(list, e)
		}
	}
	return joined(Any, list)
}

// value reads and checks one value.
func (p *parser) value(n *yaml.Node, f field, op operator, s scope) *Expr {
	c := Condition{Field: f.name, Op: op.means, Pos: position(n)}
	if p.tests++; p.tests > maxConditions {
		if p.tests == maxConditions+1 {
			p.fail(c.Pos, "write patterns in place of long lists", "a policy has more than %d conditions", maxConditions)
		}
		return nil
	}
	if f.name == "port" {
		if c.Value = p.port(n); c.Value == "" {
			return nil
		}
	} else if c.Value = p.text(n, f.name+" "+op.name); c.Value == "" {
		return nil
	}

	action := s.action
	if !s.known {
		action = f.actions[0] // its own fault is already known; the value's faults are wanted, too
	}
	c, err := p.checked(action, f, c)
	if err != nil {
		p.report(p.within(n, err.offset), err.hint, err.msg)
		return nil
	}
	return &Expr{Kind: Test, Test: c, Pos: c.Pos}
}

// port reads a port or a range of ports.
func (p *parser) port(n *yaml.Node) string {
	number := n.Kind == yaml.ScalarNode && n.Tag == "!!int"
	if !number && !(n.Kind == yaml.ScalarNode && n.Tag == "!!str" && strings.Contains(n.Value, "-")) {
		p.fail(position(n), "write a number from 1 to 65535 without quotes, or a range as \"1024-65535\"",
			"port must be an integer, not %s", kindName(n))
		return ""
	}
	return n.Value
}

// checked checks a condition and puts the agent's name where it is asked for.
func (p *parser) checked(a Action, f field, c Condition) (Condition, *valueError) {
	if !f.variables {
		return c, checkCondition(a, c)
	}
	refs, err := checkTemplate(a, c)
	if err != nil {
		return c, err
	}
	for _, ref := range refs {
		if ref.name != varAgent {
			p.variables[ref.name] = true
		}
	}
	if bound := substitute(c, refs, map[string]string{varAgent: p.policy.Agent}); bound != c && p.policy.Agent != "" {
		if _, err := checkTemplate(a, bound); err != nil {
			err.offset = -1
			return c, err
		}
		c = bound
	}
	return c, nil
}

// longLine is how long a line can be for faults inside of its values to be pointed at: it is searched for each of them.
const longLine = 4096

// within is the place of a byte of a scalar's value: exact when the value stands in the file as it is, else its start.
func (p *parser) within(n *yaml.Node, offset int) Pos {
	pos := position(n)
	if offset < 0 || offset > len(n.Value) || n.Line > len(p.lines) || len(p.lines[pos.Line-1]) > longLine {
		return pos
	}

	quote := 0
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		quote = 1
	}
	line := []rune(p.lines[n.Line-1])
	if start := n.Column - 1 + quote; start < len(line) && strings.HasPrefix(string(line[start:]), n.Value) {
		pos.Col = start + 1 + utf8.RuneCountInString(n.Value[:offset])
	}
	return pos
}
