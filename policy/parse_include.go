// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"
)

// rules reads a list of rules and of files to include.
func (p *parser) rules(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		p.fail(position(n), "write one \"- name: …\" per rule, or [] for none", "rules must be a list, not %s", kindName(n))
		return
	}
	for _, item := range n.Content {
		if p.full() {
			return
		}
		if isInclude(item) {
			p.include(item)
			continue
		}
		p.policy.Rules = append(p.policy.Rules, p.rule(item))
	}
}

// isInclude says whether an item of rules stands for those of a file.
func isInclude(n *yaml.Node) bool {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "include" {
			return true
		}
	}
	return false
}

// include reads the rules of another file.
func (p *parser) include(n *yaml.Node) {
	v := p.mapping(n, "an include", includeFields)["include"]
	if v == nil {
		return
	}
	name := p.text(v, "include")
	if name == "" {
		return
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(p.file), path)
	}
	if !p.mayInclude(path, position(v)) {
		return
	}

	p.included[path] = place{p.file, position(v)}
	data, err := p.read(path)
	if err != nil {
		p.files = append(p.files, path)
		p.fail(position(v), "it is looked for from the directory of "+p.file, "including %s: %v", path, reason(err))
		return
	}
	inner := &parser{session: p.session, file: path, chain: append(slices.Clone(p.chain), path)}
	root := inner.open(data)
	if root == nil {
		return
	}
	if f := inner.mapping(root, "the included file", includedFields); f != nil {
		if d := f["description"]; d != nil {
			inner.describe(d)
		}
		if rules := inner.require(root, f, "the included file", "rules"); rules != nil {
			inner.rules(rules)
		}
	}
}

// mayInclude says whether a file can be included here.
func (p *parser) mayInclude(path string, pos Pos) bool {
	chain := append(slices.Clone(p.chain), path)
	first, again := p.included[path]
	switch {
	case p.read == nil:
		p.fail(pos, "write its rules here", "%s cannot be included: only this file is read", path)
	case slices.Contains(p.chain, path):
		p.fail(pos, "remove one of the includes", "files include each other: %s", chain)
	case len(p.chain) > maxIncludes:
		p.fail(pos, "include fewer files from files", "files include each other deeper than %d levels: %s", maxIncludes, chain)
	case again:
		p.fail(pos, "remove one of the two", "%s is already included at %s", path, first)
	case len(p.files) >= maxFiles:
		p.fail(pos, "put rules together in fewer files", "more than %d files", maxFiles)
	default:
		return true
	}
	return false
}

// reason is what went wrong with a file whose name is already said.
func reason(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
