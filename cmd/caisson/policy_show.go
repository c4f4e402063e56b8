// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"caisson/policy"
)

// showing is the flags of policy show.
type showing struct {
	hostFlags
	policies         string
	agent            once
	asJSON, compiled bool
}

// shownPolicy is a policy as it is compiled on this host.
type shownPolicy struct {
	Agent    string      `json:"agent"`
	File     string      `json:"file"`
	Files    []string    `json:"files"`  // with what it includes
	Digest   string      `json:"digest"` // SHA-256, hex
	Mode     string      `json:"mode"`
	Baseline string      `json:"baseline"`
	Rules    []shownRule `json:"rules"` // in the order in which they are tried, the baseline's last
	Hosts    []string    `json:"hosts"` // names whose addresses the daemon looks up
	Notes    []string    `json:"notes"` // what became of rules on this host
	Compiled *shownImage `json:"compiled,omitempty"`
}

func newPolicyShow(u *ui) *cobra.Command {
	var s showing
	cmd := &cobra.Command{
		Use: "show", Short: "Show the rules of policies as they are compiled on this host",
		Long: `Show the rules of policies as they are compiled on this host: an agent's own rules, where they stand, then the baseline, in
the order in which they are tried; with the location that each path means here (symlinks and bind mounts followed, but no
symlink that an agent of the directory may change), the program that each command means, and notes about rules that cannot
match now or that need a decision in user space. With --compiled, also the image that the kernel runs: its size, and how many
nodes, names, patterns and classes of names each kind of subject has.` + exits(failed, wrongUsage),
		Example:           "  caisson policy show --agent coding-agent",
		Args:              noArgs,
		RunE:              func(*cobra.Command, []string) error { return s.run(u) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	addAgent(cmd, &s.agent, "of the only agent to show")
	addPolicies(cmd, &s.policies)
	cmd.Flags().BoolVar(&s.compiled, "compiled", false, "show the compiled image, too")
	addHost(cmd, &s.hostFlags)
	addJSON(cmd, &s.asJSON)
	return cmd
}

// run prints the policies that are valid, all or one agent's, and returns what is wrong with the others.
func (s *showing) run(u *ui) error {
	if s.agent.given {
		if err := checkAgent(s.agent.value); err != nil {
			return err
		}
	}
	if _, err := securePath(s.securePath); err != nil {
		return err
	}
	set, loadErr := policy.LoadDir(s.policies)
	if set == nil {
		return loadErr
	}
	if agent := s.agent.value; agent != "" && set.Policies[agent] == nil {
		if loadErr != nil {
			return loadErr // its file may be one of those
		}
		return noPolicy(set, agent)
	}

	list, errs := s.bindAll(u, sorted(set))
	if len(errs) > 0 {
		return errs[0]
	}
	fresh, err := s.envs(u, list)
	if err != nil {
		return err
	}
	shown := []shownPolicy{}
	for _, p := range list {
		if s.agent.given && p.Agent != s.agent.value {
			continue
		}
		one, err := s.show(p, fresh)
		if err != nil {
			return err
		}
		shown = append(shown, one)
	}
	return s.print(u, shown, loadErr)
}

// print writes all of them.
func (s *showing) print(u *ui, shown []shownPolicy, loadErr error) error {
	if s.asJSON {
		if err := u.json(shown); err != nil {
			return err
		}
		return loadErr
	}
	for i := range shown {
		if i > 0 {
			u.text("\n")
		}
		shown[i].print(u)
	}
	return loadErr
}

// show compiles a policy and gathers what became of it.
func (s *showing) show(p *policy.Policy, fresh newEnv) (shownPolicy, error) {
	env, refused := fresh()
	image, err := policy.Compile(p, env)
	if err != nil {
		return shownPolicy{}, err
	}

	out := shownPolicy{Agent: p.Agent, File: p.File, Files: p.Files, Digest: hex.EncodeToString(p.Digest[:]),
		Mode: "enforce", Baseline: "runtime", Rules: []shownRule{}, Hosts: image.Hosts(), Notes: append(image.Notes(), refused.Programs...)}
	if p.Mode == policy.Observe {
		out.Mode = "observe"
	}
	if p.Baseline == policy.BaselineNone {
		out.Baseline = "none"
	}
	why := image.Deferred()
	for i, r := range image.Rules() {
		rule := showRule(i, r, env)
		rule.Deferred = why[i]
		out.Rules = append(out.Rules, rule)
		out.Notes = append(out.Notes, rule.notes(r.Effect)...)
	}
	if out.Hosts == nil {
		out.Hosts = []string{}
	}
	if out.Notes == nil {
		out.Notes = []string{}
	}
	if s.compiled {
		out.Compiled = showImage(image)
	}
	return out, nil
}

// print writes one policy for people.
func (s *shownPolicy) print(u *ui) {
	u.printf("agent %s\nfile %s\ndigest %s\nmode %s, baseline %s\n", s.Agent, s.File, s.Digest, s.Mode, s.Baseline)
	if len(s.Files) > 1 {
		u.printf("includes %s\n", strings.Join(s.Files[1:], ", "))
	}
	t := u.table("#", "RULE", "ACTION", "EFFECT", "CONDITION", "HERE", "AT")
	for _, r := range s.Rules {
		effect := tint(r.Effect.String())
		if r.Descendants {
			effect.text += "+descendants"
		}
		t.row(r.Number, r.Name, r.Action, effect, r.Condition, strings.Join(r.Here, ", "), r.At)
	}
	t.flush()
	if len(s.Hosts) > 0 {
		u.printf("hosts, looked up by the daemon: %s\n", strings.Join(s.Hosts, ", "))
	}
	if s.Compiled != nil {
		s.Compiled.print(u)
	}
	for _, n := range s.Notes {
		u.printf("note: %s\n", prose(n))
	}
}

// notes say what of a rule is not as it may seem.
func (r *shownRule) notes(effect policy.Effect) []string {
	var out []string
	add := func(format string, args ...any) {
		out = append(out, fmt.Sprintf("rule %q: ", r.Name)+fmt.Sprintf(format, args...))
	}
	if r.Deferred != "" {
		add("%s (%s)", policy.DeferText, r.Deferred)
	}
	if effect == policy.RequireApproval {
		add("%s", policy.ApprovalText)
	}
	if r.Expires != "" {
		add("expires at %s", r.Expires)
	}
	if len(r.Schedule) > 0 {
		add("exists only %s (UTC)", strings.Join(r.Schedule, ", "))
	}
	if !r.Active {
		add("does not exist now")
	}
	return out
}
