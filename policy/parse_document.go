// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// Value is a value of a YAML file that is no policy. Its methods record what is wrong with it, at its place.
type Value struct {
	p *parser
	n *yaml.Node
}

// ParseDocument reads a YAML file that is no policy, such as settings of the daemon, as strictly as [Parse] reads a policy:
// one document, no aliases, anchors, merge keys and tags, no unknown or repeated keys. The function reads the root; needs
// says what a file must have, for one that has nothing. The error is a *[Faults], as that of Parse.
func ParseDocument(file string, data []byte, needs string, read func(root Value)) error {
	s := &session{policy: &Policy{File: file}}
	p := &parser{session: s, file: file, chain: []string{file}}
	if nodes, ok := p.nodes(data); ok {
		if root := p.single(nodes, needs); root != nil && p.plain(root, 0) {
			read(Value{p, root})
		}
	}
	if len(s.errs) > 0 {
		return newFaults(s.files, s.errs)
	}
	return nil
}

// single is the root node of the only document of a file that is no policy.
func (p *parser) single(nodes []*yaml.Node, needs string) *yaml.Node {
	switch {
	case len(nodes) > 1:
		p.fail(position(nodes[1]), "remove the \"---\" and what follows", "second document in the file")
	case len(nodes) == 0 || len(nodes[0].Content) == 0 || isNull(nodes[0].Content[0]):
		p.fail(Pos{1, 1}, needs, "the file is empty")
	default:
		return nodes[0].Content[0]
	}
	return nil
}

// Fail records that something is wrong with the value; the hint says what would be right, and may be empty.
func (v Value) Fail(hint, format string, args ...any) { v.p.fail(position(v.n), hint, format, args...) }

// Pos is where the value starts.
func (v Value) Pos() Pos { return position(v.n) }

// Fields returns the values of a mapping that has no other keys than these. It is nil when the value is no mapping.
func (v Value) Fields(what string, known ...string) map[string]Value {
	keywords := make([]keyword, len(known))
	for i, name := range known {
		keywords[i].name = name
	}
	m := v.p.mapping(v.n, what, keywords)
	if m == nil {
		return nil
	}
	fields := map[string]Value{}
	for key, n := range m {
		fields[key] = Value{v.p, n}
	}
	return fields
}

// List returns the values of a list; form shows what one looks like.
func (v Value) List(what, form string) []Value {
	if v.n.Kind != yaml.SequenceNode {
		v.Fail("write "+form, "%s must be a list, not %s", what, kindName(v.n))
		return nil
	}
	list := make([]Value, len(v.n.Content))
	for i, n := range v.n.Content {
		list[i] = Value{v.p, n}
	}
	return list
}

// Text is a non-empty string; "" when the value is none.
func (v Value) Text(what string) string { return v.p.text(v.n, what) }

// Flag is true or false; false when the value is neither.
func (v Value) Flag(what string) bool {
	if v.n.Kind != yaml.ScalarNode || v.n.Tag != "!!bool" {
		v.Fail("write true or false", "%s must be a boolean, not %s", what, kindName(v.n))
		return false
	}
	return strings.EqualFold(v.n.Value, "true")
}
