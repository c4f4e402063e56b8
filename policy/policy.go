// SPDX-License-Identifier: Apache-2.0

package policy

import "time"

// Pos is a place in a policy file; both numbers count from 1, columns in characters. The zero value is "no place".
type Pos struct{ Line, Col int }

// Policy is one agent's policy file, with what it includes.
type Policy struct {
	Agent       string // the identity it is bound to
	Description string
	Mode        Mode
	Baseline    BaselineKind
	Rules       []Rule // the file's own rules, and included ones where the include stands, in order
	Cases       []Case // its tests, which nothing but [caisson/policy/trial] looks at

	File      string   // where it was read from
	Files     []string // every file that was read for it: the file itself first, then what it includes
	Digest    [32]byte // SHA-256 of the file's bytes, or of the digests of all Files when it includes others
	Variables []string // names of the variables of a run that rules mention, sorted: HOME, WORKSPACE
}

// Rule is one rule: if its condition holds for a subject of the action, the effect applies.
type Rule struct {
	Name        string
	Description string
	Action      Action
	Effect      Effect
	When        *Expr     // nil: every subject of the action
	Descendants bool      // shell_exec with ALLOW: what the program starts may run too, unless a rule denies it
	Expires     time.Time // the rule does not exist from then on; zero: never
	Schedule    []Window  // the rule exists only inside one of these; none: always
	Approval    Approval  // REQUIRE_APPROVAL: how it is answered

	File     string // where it stands; "" in the baseline
	Pos      Pos
	Baseline bool // appended by [Policy.AllRules], not written in a file
}

// AllRules are the rules in the order in which they are tried: the policy's own, then the baseline's. The index of a rule
// in it is the rule number of verdicts and images.
func (p *Policy) AllRules() []Rule {
	if p.Baseline == BaselineNone {
		return p.Rules[:len(p.Rules):len(p.Rules)]
	}
	base := Baseline()
	all := make([]Rule, 0, len(p.Rules)+len(base))
	return append(append(all, p.Rules...), base...)
}
