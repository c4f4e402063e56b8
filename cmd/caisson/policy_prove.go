// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"caisson/policy"
	"caisson/policy/prove"
)

// proving is the flags of policy prove.
type proving struct {
	hostFlags
	policies                                      string
	agent, never                                  once
	path, command, address, port, url, targetHost once
	strict, asJSON                                bool
}

// proof is the answer of policy prove.
type proof struct {
	Outcome prove.Outcome  `json:"outcome"`
	Agent   string         `json:"agent"`
	Never   policy.Action  `json:"never"`
	Set     string         `json:"set"`
	Example string         `json:"example,omitempty"`
	Effect  *policy.Effect `json:"effect,omitempty"`
	Rule    string         `json:"rule,omitempty"`
	At      string         `json:"at,omitempty"`
	Host    string         `json:"host,omitempty"`  // the example needs this name to lead to its address
	Later   bool           `json:"later,omitempty"` // not by the kernel, but by the decision that it leaves to user space
	Why     string         `json:"why,omitempty"`   // it cannot be told
	strict  bool
}

func newPolicyProve(u *ui) *cobra.Command {
	var p proving
	cmd := &cobra.Command{
		Use:   "prove --agent NAME --never ACTION [--path GLOB | --command GLOB | --address BLOCK | --url URL | --host NAME] [--port RANGE]",
		Short: "Prove that something is never allowed, or show an example",
		Long: `Prove that an agent's policy never allows an action on any subject of a set, or show a shortest subject that it allows, with
the rule. Without a set, it is about everything. With network, --path is about Unix sockets ("@name": an abstract one).

The proof is about every subject there is, not about samples. What the kernel leaves to user space counts as possible. A name
leads wherever its owner says, so a question about addresses is also asked as if each host of the policy led there.` + exits(proveExits...),
		Example:           "  caisson policy prove --agent coding-agent --never file_read --path /etc/ssh/**",
		Args:              noArgs,
		RunE:              func(*cobra.Command, []string) error { return p.run(u) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addPolicies(cmd, &p.policies)
	addAgent(cmd, &p.agent, "of the agent")
	addOnce(cmd, &p.never, "never", "ACTION", "that must never be allowed: file_read, file_write, shell_exec or network")
	addOnce(cmd, &p.path, "path", "GLOB", "of files, or of Unix sockets")
	addOnce(cmd, &p.command, "command", "GLOB", "of programs and arguments, word by word")
	addOnce(cmd, &p.address, "address", "BLOCK", "of addresses, or one")
	addOnce(cmd, &p.port, "port", "RANGE", "of ports, or one")
	addOnce(cmd, &p.url, "url", "URL", "of which the origin counts")
	addOnce(cmd, &p.targetHost, "host", "NAME", "of a host")
	cmd.Flags().BoolVar(&p.strict, "not-even-approval", false, "it must not need an approval either")
	addHost(cmd, &p.hostFlags)
	addJSON(cmd, &p.asJSON)
	completeWords(cmd, "never", actions()...)
	return cmd
}

// run answers.
func (p *proving) run(u *ui) error {
	if !p.never.given {
		return usage("name an action: --never file_read", "nothing to prove")
	}
	action, err := policy.ParseAction(p.never.value)
	if err != nil {
		return usage("", "--never: %w", err)
	}
	pol, env, err := p.agentPolicy(u, p.policies, p.agent.value)
	if err != nil {
		return err
	}
	a, err := prove.Ask(pol, env, prove.Question{
		Action: action, Path: p.path.value, Command: p.command.value, Address: p.address.value, Port: p.port.value,
		URL: p.url.value, Host: p.targetHost.value, NotEvenApproval: p.strict, Hosts: &p.hosts,
	})
	var wrong *prove.QuestionError
	if errors.As(err, &wrong) {
		return usage("", "%w", wrong)
	}
	if err != nil {
		return err
	}

	out := &proof{Outcome: a.Outcome, Agent: pol.Agent, Never: action, Set: p.set(), Host: a.Host, Later: a.Later, Why: a.Why, strict: p.strict}
	if a.Example != nil {
		out.Example, out.Effect = policy.SubjectText(*a.Example, &p.hosts), &a.Verdict.Effect
	}
	if a.Rule != nil {
		out.Rule, out.At = a.Rule.Name, rulePlace(a.Rule)
	}
	if p.asJSON {
		if err := u.json(out); err != nil {
			return err
		}
	} else {
		out.print(u)
	}
	return silent(map[prove.Outcome]int{prove.Proven: exitOK, prove.Refuted: exitRefuted, prove.Unknown: exitFailed}[a.Outcome])
}

// set is the subjects in question as words.
func (p *proving) set() string {
	text := ""
	for _, o := range []*once{&p.path, &p.command, &p.address, &p.url, &p.targetHost} {
		text += o.value
	}
	if p.port.given {
		text += " port " + p.port.value
	}
	if text == "" {
		return "anything"
	}
	return text
}

// print writes the proof for people.
func (p *proof) print(u *ui) {
	allowed := "allowed"
	if p.strict {
		allowed = "allowed, not even with an approval"
	}
	switch p.Outcome {
	case prove.Proven:
		u.printf("proven: %s is never %s: %s %s\n", p.Agent, allowed, p.Never, prose(p.Set))
		return
	case prove.Unknown:
		u.printf("cannot tell: %s\n", p.Why)
	default:
		u.printf("not so: %s %s %s\n", p.Effect, p.Never, prose(p.Example))
	}
	if p.Rule != "" {
		u.printf("rule %s (%s)\n", p.Rule, p.At)
	}
	if p.Host != "" {
		u.printf("if %s leads to that address, which is for the owner of the name to say\n", p.Host)
	}
	if p.Later {
		u.printf("the kernel leaves it to user space, which allows it\n")
	}
}
