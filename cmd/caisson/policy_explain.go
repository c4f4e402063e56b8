// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"caisson/policy"
)

// explaining is the flags of policy explain.
type explaining struct {
	hostFlags
	evaluation subjectFlagsOf
	policies   string
	agent      once
	asJSON     bool
}

// explanation is the answer of policy explain.
type explanation struct {
	Effect   policy.Effect   `json:"effect"`
	Rule     string          `json:"rule"`
	At       string          `json:"at"` // file:line:col of the rule, "baseline", or ""
	Reason   string          `json:"reason,omitempty"`
	Agent    string          `json:"agent"`
	Action   policy.Action   `json:"action"`
	Subject  string          `json:"subject"`
	Compiled bool            `json:"compiled"`        // the kernel decides this itself
	Later    *laterDecision  `json:"later,omitempty"` // what user space would say
	Steps    []explainedStep `json:"steps"`           // the rules that were tried, in order
	Others   int             `json:"others"`          // rules about other actions
	Notes    []string        `json:"notes"`
}

// laterDecision is what user space would say about a subject that the kernel leaves to it.
type laterDecision struct {
	Effect policy.Effect `json:"effect"`
	Rule   string        `json:"rule"`
}

// explainedStep is one rule that was tried.
type explainedStep struct {
	At      string        `json:"at"`
	Rule    string        `json:"rule"`
	Effect  policy.Effect `json:"effect"`
	Outcome string        `json:"outcome"` // passed, decides, deferred or inactive
	Why     string        `json:"why"`
	base    bool
}

func newPolicyExplain(u *ui) *cobra.Command {
	var e explaining
	cmd := &cobra.Command{
		Use:   "explain --agent NAME (--action ACTION --path PATH | --command LINE | --url URL | --address ADDRESS:PORT | --socket PATH)",
		Short: "Say how an attempt is decided",
		Long: `Say how an agent's policy decides one attempt: the rule that decides and where it stands, every rule that was tried before
it and which of its conditions did not hold, and whether the kernel decides this itself. It needs neither the daemon nor root.

A path is taken to where it leads on this host, as the daemon takes the paths of rules. A command is split at blanks,
without a shell.` + exits(failed, wrongUsage),
		Example:           "  caisson policy explain --agent coding-agent --action file_write --path /project/src/main.go",
		Args:              noArgs,
		RunE:              func(*cobra.Command, []string) error { return e.run(u) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addPolicies(cmd, &e.policies)
	addAgent(cmd, &e.agent, "of the agent")
	e.evaluation.add(cmd)
	addHost(cmd, &e.hostFlags)
	addJSON(cmd, &e.asJSON)
	return cmd
}

// run answers.
func (e *explaining) run(u *ui) error {
	p, env, err := e.agentPolicy(u, e.policies, e.agent.value)
	if err != nil {
		return err
	}
	subject, err := e.evaluation.subject(u, env)
	if err != nil {
		return err
	}
	subject, note, err := located(env, subject)
	if err != nil {
		return fmt.Errorf("locating the subject: %w", err)
	}
	x, err := policy.Explain(p, env, subject)
	if err != nil {
		return err
	}

	out := e.answer(p, subject, x)
	if note != "" {
		out.Notes = append([]string{"subject: " + note}, out.Notes...)
	}
	if e.asJSON {
		return u.json(out)
	}
	out.print(u)
	return nil
}

// answer turns an explanation into what is printed.
func (e *explaining) answer(p *policy.Policy, s policy.Subject, x *policy.Explanation) *explanation {
	out := &explanation{Effect: x.Verdict.Effect, Reason: x.Verdict.Reason, Agent: p.Agent, Action: s.Action,
		Subject: policy.SubjectText(s, &e.hosts), Compiled: x.Verdict.Effect != policy.Defer && !x.ByOrigin,
		Steps: []explainedStep{}, Others: x.Others, Notes: []string{}}
	tried := map[string]bool{}
	for _, step := range x.Steps {
		tried[step.Rule.Name] = true
		out.Steps = append(out.Steps, explainStep(step, x.Verdict))
	}
	if n := len(x.Steps); x.Verdict.Rule >= 0 && n > 0 {
		out.Rule, out.At = x.Steps[n-1].Rule.Name, rulePlace(&x.Steps[n-1].Rule)
	}
	if x.Verdict.Effect == policy.Defer {
		out.Later = &laterDecision{Effect: x.Exact.Effect}
		if x.Exact.Rule >= 0 {
			out.Later.Rule = p.AllRules()[x.Exact.Rule].Name
		}
	}
	for _, note := range x.Notes {
		if name, ok := notedRule(note); ok && tried[name] {
			out.Notes = append(out.Notes, note)
		}
	}
	return out
}

// notedRule is the rule that a note of an image is about.
func notedRule(note string) (string, bool) {
	rest, ok := strings.CutPrefix(note, `rule "`)
	name, _, found := strings.Cut(rest, `": `)
	return name, ok && found
}

// explainStep says what one rule did.
func explainStep(step policy.Step, v policy.Verdict) explainedStep {
	out := explainedStep{At: rulePlace(&step.Rule), Rule: step.Rule.Name, Effect: step.Rule.Effect, Outcome: "passed", base: step.Rule.Baseline}
	switch {
	case step.Inactive:
		out.Outcome, out.Why = "inactive", "it does not exist now (expires or schedule)"
		return out
	case step.Index == v.Rule && v.Effect == policy.Defer:
		out.Outcome = "deferred"
	case step.Index == v.Rule:
		out.Outcome = "decides"
	}
	switch {
	case step.Finding != nil:
		out.Why = step.Finding.Because()
	case out.Outcome == "passed":
		out.Why = "the subject could not be decided"
	default:
		out.Why = "it covers every " + step.Rule.Action.String()
	}
	return out
}

// print writes the explanation for people.
func (x *explanation) print(u *ui) {
	u.printf("%s %s\n", x.Effect, ruleName(x.Rule, x.Reason))
	u.printf("agent %s, %s %s\n", x.Agent, x.Action, prose(x.Subject))
	base := 0
	t := u.table("AT", "RULE", "EFFECT", "OUTCOME", "WHY")
	for _, s := range x.Steps {
		// Nobody looks for the fault in forty rules of the baseline that do not match.
		if s.base && s.Outcome == "passed" {
			base++
			continue
		}
		t.row(s.At, s.Rule, tint(s.Effect.String()), s.Outcome, s.Why)
	}
	if len(t.rows) > 1 {
		t.flush()
	}
	if base > 0 {
		u.printf("the baseline: none of %d rules matches\n", base)
	}
	if x.Others > 0 {
		u.printf("rules about other actions: %d\n", x.Others)
	}
	switch {
	case x.Later != nil:
		u.printf("deferred: %s: %s %s\n", policy.DeferText, x.Later.Effect, ruleName(x.Later.Rule, policy.ReasonNoRule))
	case x.Compiled:
		u.printf("compiled: the kernel decides this itself\n")
	default:
		u.printf("decided by the origin: the kernel sees the addresses of the host\n")
	}
	for _, n := range x.Notes {
		u.printf("note: %s\n", prose(n))
	}
}
