// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"sync"

	"caisson/bpf/layout"
)

// Judge answers about many subjects of one policy, which it compiles once. It is safe for concurrent use.
type Judge struct {
	policy *Policy // nil: the agent has none
	env    Env
	agent  string
	image  *Image
	rules  []Rule
	later  func() *settler
}

// NewJudge compiles the policy. Without one, everything is denied to the agent.
func NewJudge(p *Policy, env Env, agent string) (*Judge, error) {
	j := &Judge{policy: p, env: env.Memo(), agent: agent}
	if p == nil {
		return j, nil
	}
	image, err := Compile(p, j.env)
	if err != nil {
		return nil, err
	}
	j.image, j.rules = image, image.Rules()
	j.later = sync.OnceValue(func() *settler { return newSettler(p, j.env, image) })
	return j, nil
}

// Env is the environment in which the policy was compiled.
func (j *Judge) Env() Env { return j.env }

// Decide is the verdict on a subject: that of the image which the kernel would run; of user space, where the image leaves
// it to it ([Settle]); and of the rules themselves, where the subject is a URL. It is never DEFER: what user space cannot
// decide either is denied, with [ReasonUnknownName].
func (j *Judge) Decide(s Subject) Verdict {
	v, _ := j.decide(s)
	return v
}

// decide also says by which rule the image has left the subject to user space; -1: by none.
func (j *Judge) decide(s Subject) (v Verdict, by int) {
	by = -1
	switch {
	case j.policy == nil:
		return refuse(ReasonNoPolicy), by
	case s.Action == Network && s.URL != nil:
		v = Settle(j.policy, j.env, s, 0)
	case len(s.Names) > layout.MaxDepth:
		return refuse(ReasonTooDeep), by
	default:
		if v = j.image.Run(s); v.Effect == Defer {
			by = v.Rule
			v = j.later().settle(s, by)
		}
	}
	return v.carriedOut(), by
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

	v, by := j.decide(s)
	a.Effect, a.Reason = v.Effect, v.Reason
	if r := j.Rule(v); r != nil {
		a.Rule = r.Name
	}
	switch {
	case v.Effect == RequireApproval:
		a.Reason = ApprovalText
	case v.Reason == ReasonUnknownName:
		a.Reason = because(UnknownNameText, j.image.deferred[v.Rule])
		return a
	}
	if by >= 0 {
		a.Later = fmt.Sprintf("rule %s: %s", j.rules[by].Name, because(DeferText, j.image.deferred[by]))
	}
	return a
}

// HasPolicy says whether the agent has a policy.
func (j *Judge) HasPolicy() bool { return j.policy != nil }
