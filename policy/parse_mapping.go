// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// mapping returns the values of a mapping by key. Unknown and repeated keys are faults; nil means it is no mapping at all.
func (p *parser) mapping(n *yaml.Node, what string, keywords []keyword) map[string]*yaml.Node {
	known := keywordNames(keywords)
	if n.Kind != yaml.MappingNode {
		p.fail(position(n), "it has the fields "+strings.Join(known, ", "), "%s must be a mapping, not %s", what, kindName(n))
		return nil
	}

	m, first := map[string]*yaml.Node{}, map[string]Pos{}
	for i := 0; i+1 < len(n.Content) && !p.full(); i += 2 {
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
			p.fail(position(key), unknownHint(key.Value, known), "%s has no field %q", what, key.Value)
			continue
		}
		m[key.Value] = n.Content[i+1]
	}
	return m
}

// unknownHint says what an unknown key could have been.
func unknownHint(key string, known []string) string {
	if hint := misplaced[key]; hint != "" {
		return hint
	}
	return "known are " + strings.Join(known, ", ") + meant(key, known)
}

// require returns a field that must be there.
func (p *parser) require(n *yaml.Node, m map[string]*yaml.Node, what, field string) *yaml.Node {
	v := m[field]
	if v == nil {
		hint := fmt.Sprintf("add \"%s: …\"", field)
		if field == "agent" && m["rules"] != nil {
			hint += "; a file that others include belongs in a directory of its own"
		}
		p.fail(position(n), hint, "%s has no %s", what, field)
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
