// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxFile is the largest policy file, in bytes.
const maxFile = 1 << 20

var (
	topFields  = []string{"agent", "rules"}
	ruleFields = []string{"name", "action", "conditions", "effect"}
	agentForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
)

// parser reads one file and collects its faults.
type parser struct {
	file  string
	lines []string
	errs  []*Error
}

// Parse reads a policy file strictly: what it does not know is an error, never ignored. The error joins up to 20 values of
// type *[Error], in the order of the file; the policy is nil unless the error is.
func Parse(file string, data []byte) (*Policy, error) {
	p := &parser{file: file}
	pol := &Policy{File: file, Files: []string{file}, Digest: sha256.Sum256(data)}
	if root := p.document(data); root != nil {
		p.policy(root, pol)
	}
	if len(p.errs) > 0 {
		return nil, joinErrors(p.errs)
	}
	return pol, nil
}

// fail records a fault.
func (p *parser) fail(pos Pos, hint, format string, args ...any) {
	p.errs = append(p.errs, &Error{File: p.file, Pos: pos, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// document returns the root node of the single YAML document in data, or records why there is none.
func (p *parser) document(data []byte) *yaml.Node {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !p.plausible(data) {
		return nil
	}
	p.lines = strings.Split(string(data), "\n")

	nodes, err := decodeAll(data)
	if err != nil {
		p.syntax(err)
		return nil
	}
	if len(nodes) > 1 {
		p.fail(position(nodes[1]), "one file holds one policy; remove the \"---\" and what follows", "second document in the file")
		return nil
	}
	if len(nodes) == 0 || len(nodes[0].Content) == 0 || isNull(nodes[0].Content[0]) {
		p.fail(Pos{1, 1}, "it needs agent and rules", "the policy is empty")
		return nil
	}
	if root := nodes[0].Content[0]; p.plain(root, 0) {
		return root
	}
	return nil
}

// plausible refuses what cannot be a policy file before YAML sees it.
func (p *parser) plausible(data []byte) bool {
	if len(data) > maxFile {
		p.fail(Pos{1, 1}, "", "the file is larger than %d bytes", maxFile)
		return false
	}
	line, col := 1, 1
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 || r == 0 {
			p.fail(Pos{line, col}, "policy files are UTF-8 text", "byte %#02x is not text", rest[0])
			return false
		}
		rest = rest[size:]
		if col++; r == '\n' {
			line, col = line+1, 1
		}
	}
	return true
}

// policy reads the root mapping.
func (p *parser) policy(root *yaml.Node, pol *Policy) {
	f := p.mapping(root, "the policy", topFields)
	if f == nil {
		return
	}
	if n := p.require(root, f, "the policy", "agent"); n != nil {
		pol.Agent = p.text(n, "agent")
		if pol.Agent != "" && !agentForm.MatchString(pol.Agent) {
			p.fail(position(n), "use a-z, 0-9, \".\", \"_\" and \"-\", at most 63, starting with a letter or digit",
				"agent %q is not an identity", pol.Agent)
		}
	}

	n := p.require(root, f, "the policy", "rules")
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		p.fail(position(n), "write one \"- name: …\" per rule, or [] for none", "rules must be a list, not %s", kindName(n))
		return
	}
	seen := map[string]Pos{}
	for _, item := range n.Content {
		rule := p.rule(item, seen)
		pol.Rules = append(pol.Rules, rule)
	}
}

// rule reads one rule; seen holds the names of the rules before it.
func (p *parser) rule(n *yaml.Node, seen map[string]Pos) Rule {
	rule := Rule{File: p.file, Pos: position(n)}
	f := p.mapping(n, "a rule", ruleFields)
	if f == nil {
		return rule
	}

	if v := p.require(n, f, "a rule", "name"); v != nil {
		rule.Name = p.text(v, "name")
		p.ruleName(rule.Name, position(v), seen)
	}
	known := false
	if v := p.require(n, f, "a rule", "action"); v != nil {
		rule.Action, known = p.action(v)
	}
	if v := p.require(n, f, "a rule", "effect"); v != nil {
		rule.Effect = p.effect(v)
	}
	if v := f["conditions"]; v != nil {
		rule.When = when(p.conditions(v, rule.Action, known)...)
	}
	return rule
}

// ruleName checks a rule's name and remembers it.
func (p *parser) ruleName(name string, pos Pos, seen map[string]Pos) {
	if name == "" {
		return
	}
	if strings.HasPrefix(name, "baseline:") {
		p.fail(pos, "choose another name", "names that start with \"baseline:\" belong to the built-in rules")
	}
	if len(name) > 128 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
		p.fail(pos, "use at most 128 bytes of printable text", "%.40q is not a rule name", name)
	}
	if first, dup := seen[name]; dup {
		p.fail(pos, "rule names are unique within a policy",
			"rule name %q is already used at %d:%d", name, first.Line, first.Col)
		return
	}
	seen[name] = pos
}

// action reads an action's name.
func (p *parser) action(n *yaml.Node) (Action, bool) {
	s := p.text(n, "action")
	if s == "" {
		return 0, false
	}
	a, err := ParseAction(s)
	if err != nil {
		p.fail(position(n), "use file_read, file_write, shell_exec or network"+meant(s, actionNames[:]), "unknown action %q", s)
	}
	return a, err == nil
}

// effect reads an effect's name.
func (p *parser) effect(n *yaml.Node) Effect {
	s := p.text(n, "effect")
	if s == "" {
		return Deny
	}
	e, ok := parseEffect(s)
	if !ok {
		p.fail(position(n), "use ALLOW, DENY or REQUIRE_APPROVAL", "unknown effect %q", s)
	}
	return e
}

// meant suggests the nearest known word, as the end of a hint.
func meant(s string, known []string) string {
	if k := nearest(s, known); k != "" && !slices.Contains(known, s) {
		return fmt.Sprintf("; did you mean %s?", k)
	}
	return ""
}
