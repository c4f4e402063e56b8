// SPDX-License-Identifier: Apache-2.0

package policy

// What becomes of a subject beyond ALLOW and DENY.
const (
	ApprovalText = "it waits until somebody answers"
	DeferText    = "user space decides this while the call waits"
	NameText     = "the rule depends on the name of a host, which a connection does not have: denied"
)

// Answer is what [Evaluate] says about one subject.
type Answer struct {
	Effect   Effect `json:"effect"`
	Rule     string `json:"rule"` // name of the rule that decided; "": none
	Agent    string `json:"agent"`
	Action   Action `json:"action"`
	Reason   string `json:"reason"`             // a Reason constant, ApprovalText, NameText, or why the policy cannot be enforced
	Resolved *bool  `json:"resolved,omitempty"` // commands: whether the program was found on this machine
}

// Evaluate answers what the agent's policy says about a subject; see [Judge]. An agent without a policy is denied, and so is
// everything when the policy cannot be compiled.
func Evaluate(set *Set, env Env, agent string, s Subject) Answer {
	var p *Policy
	if set != nil {
		p = set.Policies[agent]
	}
	j, err := NewJudge(p, env, agent)
	if err != nil {
		a := Answer{Effect: Deny, Agent: agent, Action: s.Action, Reason: err.Error()}
		if s.Action == ShellExec {
			resolved := s.resolved()
			a.Resolved = &resolved
		}
		return a
	}
	return j.Answer(s)
}
