// SPDX-License-Identifier: Apache-2.0

package policy

import "caisson/bpf/layout"

// Judge answers about many subjects of one policy, which it compiles once. It is immutable.
type Judge struct {
	policy *Policy // nil: the agent has none
	env    Env
	agent  string
	image  *Image
	rules  []Rule
}

// NewJudge compiles the policy. Without one, everything is denied to the agent.
func NewJudge(p *Policy, env Env, agent string) (*Judge, error) {
	j := &Judge{policy: p, env: env, agent: agent}
	if p == nil {
		return j, nil
	}
	image, err := Compile(p, env)
	if err != nil {
		return nil, err
	}
	j.image, j.rules = image, image.Rules()
	return j, nil
}

// Env is the environment in which the policy was compiled.
func (j *Judge) Env() Env { return j.env }

// Decide is the verdict on a subject: that of the image which the kernel would run, and of the rules themselves where the
// image leaves it to them, or the subject is a URL. It is DEFER only where nobody can tell ([NameText]).
func (j *Judge) Decide(s Subject) Verdict {
	switch {
	case j.policy == nil:
		return refuse(ReasonNoPolicy)
	case s.Action == Network && s.URL != nil:
		return Reference(j.policy, j.env, s)
	case len(s.Names) > layout.MaxDepth:
		return refuse(ReasonTooDeep)
	}
	v := j.image.Run(s)
	if v.Effect == Defer {
		v = Settle(j.policy, j.env, s, v.Rule)
	}
	return v
}

// Rule is the rule that a verdict numbers; nil when it numbers none.
func (j *Judge) Rule(v Verdict) *Rule {
	if v.Rule < 0 || v.Rule >= len(j.rules) {
		return nil
	}
	r := j.rules[v.Rule]
	return &r
}

// Answer is the verdict on a subject in words.
func (j *Judge) Answer(s Subject) Answer {
	a := Answer{Agent: j.agent, Action: s.Action}
	if s.Action == ShellExec {
		resolved := s.resolved()
		a.Resolved = &resolved
	}

	v := j.Decide(s)
	a.Effect, a.Reason = v.Effect, v.Reason
	if r := j.Rule(v); r != nil {
		a.Rule = r.Name
	}
	switch v.Effect {
	case RequireApproval:
		a.Reason = ApprovalText
	case Defer:
		a.Reason = NameText
	}
	return a
}

// HasPolicy says whether the agent has a policy.
func (j *Judge) HasPolicy() bool { return j.policy != nil }
