// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// conditions reads the conditions of a rule; known says whether its action could be read.
func (p *parser) conditions(n *yaml.Node, a Action, known bool) []Condition {
	if isNull(n) {
		p.fail(position(n), "remove the line, or write {}, if the rule covers every subject of its action", "conditions is empty")
		return nil
	}

	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	m := p.mapping(n, "conditions", names)
	var list []Condition
	for i := 0; i+1 < len(n.Content) && m != nil; i += 2 {
		key := n.Content[i]
		at := fieldIndex(key.Value)
		if at < 0 || m[key.Value] != n.Content[i+1] {
			continue
		}
		if known && !slices.Contains(fields[at].actions, a) {
			p.fail(position(key), "it has "+strings.Join(fieldsOf(a), ", "), "%s is not a field of %s", key.Value, a)
			continue
		}
		list = append(list, p.operators(n.Content[i+1], key.Value, fields[at].ops)...)
	}
	if err := checkTogether(list); err != nil {
		p.fail(position(n), err.hint, "%s", err.msg)
	}
	return list
}

// operators reads the operators under one field.
func (p *parser) operators(n *yaml.Node, field string, ops []string) []Condition {
	example := field + ": { " + ops[0] + ": … }"
	if n.Kind != yaml.MappingNode {
		p.fail(position(n), "write "+example, "%s needs an operator, not %s", field, kindName(n))
		return nil
	}
	if len(n.Content) == 0 {
		p.fail(position(n), "write "+example, "%s has no operator", field)
		return nil
	}

	m := p.mapping(n, field, ops)
	var list []Condition
	for i := 0; i+1 < len(n.Content) && m != nil; i += 2 {
		op, v := n.Content[i].Value, n.Content[i+1]
		if m[op] != v {
			continue
		}
		if c, ok := p.condition(v, field, op); ok {
			list = append(list, c)
		}
	}
	return list
}

// condition reads and checks one value.
func (p *parser) condition(n *yaml.Node, field, op string) (Condition, bool) {
	c := Condition{Field: field, Op: op, Pos: position(n)}
	what := field + " " + op
	if n.Kind == yaml.SequenceNode {
		p.fail(c.Pos, "write one rule per value", "%s takes one value, not a list", what)
		return c, false
	}
	if field == "port" {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" {
			p.fail(c.Pos, "write a number from 1 to 65535 without quotes", "port must be an integer, not %s", kindName(n))
			return c, false
		}
		c.Value = n.Value
	} else if c.Value = p.text(n, what); c.Value == "" {
		return c, false
	}

	if err := fields[fieldIndex(field)].check(op, c.Value); err != nil {
		p.fail(p.within(n, err.offset), err.hint, "%s", err.msg)
		return c, false
	}
	return c, true
}

// within is the place of a byte of a scalar's value: exact when the value stands in the file as it is, else its start.
func (p *parser) within(n *yaml.Node, offset int) Pos {
	pos := position(n)
	if offset < 0 || offset > len(n.Value) || n.Line > len(p.lines) {
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

// mapping returns the values of a mapping by key. Unknown and repeated keys are faults; nil means it is no mapping at all.
func (p *parser) mapping(n *yaml.Node, what string, known []string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		p.fail(position(n), "it has the fields "+strings.Join(known, ", "), "%s must be a mapping, not %s", what, kindName(n))
		return nil
	}

	m, first := map[string]*yaml.Node{}, map[string]Pos{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
			p.fail(position(key), "use one of "+strings.Join(known, ", "), "a key of %s must be a word, not %s", what, kindName(key))
			continue
		}
		if pos, dup := first[key.Value]; dup {
			p.fail(position(key), "remove one of them", "%s has %q twice, first at %d:%d", what, key.Value, pos.Line, pos.Col)
			continue
		}
		first[key.Value] = position(key)
		if !slices.Contains(known, key.Value) {
			p.fail(position(key), "known are "+strings.Join(known, ", ")+meant(key.Value, known), "%s has no field %q", what, key.Value)
			continue
		}
		m[key.Value] = n.Content[i+1]
	}
	return m
}

// require returns a field that must be there.
func (p *parser) require(n *yaml.Node, m map[string]*yaml.Node, what, field string) *yaml.Node {
	v := m[field]
	if v == nil {
		p.fail(position(n), fmt.Sprintf("add \"%s: …\"", field), "%s has no %s", what, field)
	}
	return v
}

// text reads a non-empty string; anything else is a fault and reads as "".
func (p *parser) text(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		hint := ""
		if n.Kind == yaml.ScalarNode && !isNull(n) {
			hint = fmt.Sprintf("quote it: %q", n.Value)
		}
		p.fail(position(n), hint, "%s must be a string, not %s", what, kindName(n))
		return ""
	}
	if n.Value == "" {
		p.fail(position(n), "", "%s is an empty string", what)
	}
	return n.Value
}
