// SPDX-License-Identifier: Apache-2.0

package policy

import "caisson/bpf/layout"

// Why an effect that is not DENY is enforced as a denial by this version.
const (
	ApprovalText = "approval is not available yet"
	DeferText    = "this pattern needs a decision in user space, which is not available yet"
)

// Answer is what [Evaluate] says about one subject.
type Answer struct {
	Effect   Effect `json:"effect"`
	Rule     string `json:"rule"` // name of the rule that decided; "": none
	Agent    string `json:"agent"`
	Action   Action `json:"action"`
	Reason   string `json:"reason"`             // a Reason constant, ApprovalText, DeferText with the pattern, or why the policy cannot be enforced
	Resolved *bool  `json:"resolved,omitempty"` // commands: whether the program was found on this machine
}

// Evaluate answers what the agent's policy says about a subject. Files, commands and addresses are run on the image that
// the kernel would enforce; a URL is decided by its origin. An agent without a policy is denied, and so is everything when
// the policy cannot be compiled.
func Evaluate(set *Set, env Env, agent string, s Subject) Answer {
	a := Answer{Effect: Deny, Agent: agent, Action: s.Action}
	if s.Action == ShellExec {
		resolved := s.resolved()
		a.Resolved = &resolved
	}

	var p *Policy
	if set != nil {
		p = set.Policies[agent]
	}
	v, m, err := decide(p, env, s)
	if err != nil {
		a.Reason = err.Error()
		return a
	}
	a.Effect, a.Reason = v.Effect, v.Reason
	if v.Rule >= 0 {
		a.Rule = effectiveRules(p, env)[v.Rule].Name
	}
	switch v.Effect {
	case RequireApproval:
		a.Reason = ApprovalText
	case Defer:
		a.Reason = m.DeferReason(v.Rule)
	}
	return a
}

// decide is the verdict of a policy on a subject, and the image that it was run on, if on one.
func decide(p *Policy, env Env, s Subject) (Verdict, *Image, error) {
	switch {
	case p == nil:
		return refuse(ReasonNoPolicy), nil, nil
	case s.Action == Network && s.URL != nil:
		return Reference(p, env, s), nil, nil
	case len(s.Names) > layout.MaxDepth:
		return refuse(ReasonTooDeep), nil, nil
	}

	m, err := Compile(p, env)
	if err != nil {
		return Verdict{}, nil, err
	}
	return m.Run(s), m, nil
}
