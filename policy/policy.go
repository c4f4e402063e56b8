// SPDX-License-Identifier: Apache-2.0

package policy

// Pos is a place in a policy file; both numbers count from 1, columns in characters. The zero value is "no place".
type Pos struct{ Line, Col int }

// Policy is one agent's policy file.
type Policy struct {
	Agent  string   // the identity it is bound to
	File   string   // where it was read from
	Rules  []Rule   // the file's own rules, in order
	Digest [32]byte // SHA-256 of the file's bytes
}

// Rule is one rule: if all conditions hold for a subject of the action, the effect applies.
type Rule struct {
	Name       string
	Action     Action
	Effect     Effect
	Conditions []Condition // none: every subject of the action
	Pos        Pos
	Baseline   bool // appended by [Baseline], not written in the file
}

// Condition compares one field of the subject with one value.
type Condition struct {
	Field string // path, command, url, host, address or port
	Op    string // equals, starts_with or glob
	Value string
	Pos   Pos // of the value
}

// AllRules are the rules in the order in which they are tried: the file's own, then the baseline's. The index of a rule in
// it is the rule number of verdicts and images.
func (p *Policy) AllRules() []Rule {
	base := Baseline()
	all := make([]Rule, 0, len(p.Rules)+len(base))
	return append(append(all, p.Rules...), base...)
}
