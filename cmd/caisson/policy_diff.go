// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"caisson/policy"
	"caisson/policy/diff"
)

// agentDiff is how one agent's two policies differ.
type agentDiff struct {
	Agent    string         `json:"agent"`
	Settings []diff.Setting `json:"settings"`
	Changes  []shownChange  `json:"changes"`
	Complete bool           `json:"complete"` // false: there may be more changes
}

// shownChange is one change with its example.
type shownChange struct {
	diff.Change
	Example string `json:"example"`
	OldAt   string `json:"old_at"`
	NewAt   string `json:"new_at"`
}

func newPolicyDiff(u *ui) *cobra.Command {
	var host hostFlags
	asJSON := false
	cmd := &cobra.Command{
		Use: "diff OLD NEW", Short: "Say what a change of policies changes",
		Long: `Compare two policy files, or two directories of them, by what they allow and not by what they say: what is newly allowed,
denied, left to an approval, or left to user space. Changes are grouped by the two rules that decide, each with a shortest
example, which has been run on both policies. What user space says about an example stands behind "here"; about others it may
say something else. Where a policy reads the same and means the same, nothing is shown.` + exits(diffExits...),
		Example: "  caisson policy diff /etc/caisson/policies new-policies",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("give the old and the new file or directory", "%d arguments", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return diffPolicies(u, &host, args[0], args[1], asJSON) },
	}
	addHost(cmd, &host)
	addJSON(cmd, &asJSON)
	return cmd
}

// diffPolicies compares two files or directories.
func diffPolicies(u *ui, host *hostFlags, before, after string, asJSON bool) error {
	versions := [2]map[string]diff.Version{}
	rules := [2]map[string]*policy.Policy{}
	for i, path := range []string{before, after} {
		list, err := loadPolicies(path)
		if err != nil {
			return err
		}
		list, errs := host.bindAll(u, list)
		if len(errs) > 0 {
			return errs[0]
		}
		fresh, err := host.envs(u, list)
		if err != nil {
			return err
		}
		versions[i], rules[i] = map[string]diff.Version{}, map[string]*policy.Policy{}
		for _, p := range list {
			env, _ := fresh()
			versions[i][p.Agent], rules[i][p.Agent] = diff.Version{Policy: p, Env: env}, p
		}
	}

	agents := slices.Collect(maps.Keys(versions[0]))
	agents = slices.AppendSeq(agents, maps.Keys(versions[1]))
	slices.Sort(agents)
	out := []agentDiff{}
	different, complete := false, true
	for _, agent := range slices.Compact(agents) {
		r, err := diff.Compare(versions[0][agent], versions[1][agent], 0)
		if err != nil {
			return err
		}
		different, complete = different || r.Different(), complete && r.Complete
		if r.Different() || !r.Complete {
			out = append(out, showDiff(agent, r, rules[0][agent], rules[1][agent], host))
		}
	}

	if asJSON {
		if err := u.json(out); err != nil {
			return err
		}
	} else {
		printDiffs(u, out)
	}
	switch {
	case different:
		return silent(exitDifferent)
	case !complete:
		return silent(exitFailed)
	}
	return nil
}

// showDiff makes one agent's differences fit to be printed.
func showDiff(agent string, r *diff.Result, before, after *policy.Policy, host *hostFlags) agentDiff {
	d := agentDiff{Agent: agent, Settings: r.Settings, Changes: []shownChange{}, Complete: r.Complete}
	if d.Settings == nil {
		d.Settings = []diff.Setting{}
	}
	for _, c := range r.Changes {
		d.Changes = append(d.Changes, shownChange{c, policy.SubjectText(c.Example, &host.hosts),
			placeOf(before, c.Old.Rule), placeOf(after, c.New.Rule)})
	}
	return d
}

// placeOf is where a policy's rule stands; "" when there is none.
func placeOf(p *policy.Policy, name string) string {
	if p == nil || name == "" {
		return ""
	}
	for i := range p.Rules {
		if p.Rules[i].Name == name {
			return rulePlace(&p.Rules[i])
		}
	}
	return "baseline"
}

// headings say what a change to an effect means.
var headings = map[policy.Effect]string{
	policy.Allow: "allowed now", policy.RequireApproval: "needs an approval now", policy.Defer: "left to user space now, or decided by other rules there", policy.Deny: "denied now",
}

// printDiffs writes the differences for people.
func printDiffs(u *ui, list []agentDiff) {
	for i, d := range list {
		if i > 0 {
			u.text("\n")
		}
		u.printf("agent %s\n", d.Agent)
		for _, s := range d.Settings {
			u.printf("  %s: %s → %s\n", s.Name, s.Old, s.New)
		}
		for n, c := range d.Changes {
			if n == 0 || c.New.Effect != d.Changes[n-1].New.Effect {
				u.printf("  %s:\n", headings[c.New.Effect])
			}
			u.printf("    %s %s\n      %s → %s\n", c.Kind.Action(), prose(c.Example), prose(side(c.Old, c.OldAt, c.OldSettled)), prose(side(c.New, c.NewAt, c.NewSettled)))
		}
		if !d.Complete {
			u.printf("  there may be more differences, which are not listed: the comparison stopped at its bound\n")
		}
	}
}

// side is what one version says, and where; and what user space says about the example.
func side(o diff.Outcome, at string, settled *diff.Outcome) string {
	text := fmt.Sprintf("%s %s", o.Effect, ruleName(o.Rule, o.Reason))
	if o.Descendants {
		text += ", and what it starts"
	}
	if at != "" && at != "baseline" {
		text += " (" + at + ")"
	}
	if settled != nil {
		text += ", here " + side(*settled, "", nil)
	}
	return text
}
