// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"caisson/audit"
	"caisson/policy"
	"caisson/policy/suggest"
)

// suggestFlags are the flags of policy suggest.
type suggestFlags struct {
	agent         once
	policies, log string
	since, until  string
	securePath    string
	vars          variables
	opt           suggest.Options
	asJSON        bool
}

// suggested is the outcome, as JSON.
type suggested struct {
	Agent   string          `json:"agent"`
	File    string          `json:"file"`
	Events  int             `json:"events"`  // different ones that were denied
	Covered int             `json:"covered"` // that the rules allow
	Rules   []suggestedRule `json:"rules"`
	Secrets []leftEvent     `json:"secrets"` // what looks like a secret, and is not suggested
	Left    []leftEvent     `json:"left"`    // what else is not suggested, and why
	Patch   string          `json:"patch"`
}

type suggestedRule struct {
	Name       string          `json:"name"`
	Why        string          `json:"why"`
	Action     policy.Action   `json:"action"`
	Effect     policy.Effect   `json:"effect"`
	Conditions []suggestedTest `json:"conditions"` // all must hold
	Events     []uint64        `json:"events"`     // sequence numbers of the records that it comes from
}

type suggestedTest struct {
	Field  string   `json:"field"`
	Op     string   `json:"op"`
	Values []string `json:"values"` // any may hold
}

type leftEvent struct {
	Seq     uint64 `json:"seq"`
	Action  string `json:"action"`
	Subject string `json:"subject"`
	Why     string `json:"why,omitempty"`
}

func newPolicySuggest(u *ui) *cobra.Command {
	var f suggestFlags
	cmd := &cobra.Command{
		Use: "suggest --agent NAME", Short: "Suggest rules that allow what was denied",
		Long: `Suggest the smallest readable set of rules that would have allowed what an agent was denied because no rule matched (or would
have been, where it is only observed), from the audit log. It is printed as a patch of the agent's policy file, for review:
nothing is applied. patch -p1 and git apply take it.

Files are named exactly; a directory only after --siblings different things directly in it were asked for, and never one that
belongs to everybody, such as /etc or a home directory. What looks like a secret is listed and not suggested, unless
--include-secrets is given, and a rule about a directory keeps out what looks like one. Programs are named with their first
word, connections with exact host or address and port. What a rule of the policy denied is listed and left alone.` +
			exits(meaning{exitOK, "success, also when there is nothing to suggest"}, failed, wrongUsage),
		Example: "  caisson policy suggest --agent coding-agent --since 2h",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return f.run(u) },
	}
	addAgent(cmd, &f.agent, "of the agent")
	addLog(cmd, &f.log)
	addPolicies(cmd, &f.policies)
	cmd.Flags().StringVar(&f.since, "since", "", "`TIME` of the first event")
	cmd.Flags().StringVar(&f.until, "until", "", "`TIME` before which the last event was")
	cmd.Flags().IntVar(&f.opt.Siblings, "siblings", 3, "make a rule about a directory of `N` different things in it")
	cmd.Flags().BoolVar(&f.opt.Secrets, "include-secrets", false, "suggest what looks like a secret, too, by its exact path")
	addVariables(cmd, &f.vars)
	addSecurePath(cmd, &f.securePath)
	addJSON(cmd, &f.asJSON)
	return cmd
}

func (f *suggestFlags) run(u *ui) error {
	if err := checkAgent(f.agent.value); err != nil {
		return err
	}
	if f.opt.Siblings < 2 {
		return usage("use at least 2", "--siblings: %d would make every file a directory", f.opt.Siblings)
	}
	filter, err := eventFilter(f.agent, "", f.since, f.until)
	if err != nil {
		return err
	}
	set, err := policy.LoadDir(f.policies)
	if set == nil || set.Policies[f.agent.value] == nil {
		return errors.Join(&hinted{fmt.Errorf("no policy for agent %q in %s", f.agent.value, f.policies),
			"caisson policy init writes a first one"}, err)
	}
	current := set.Policies[f.agent.value]
	text, err := os.ReadFile(current.File)
	if err != nil {
		return fmt.Errorf("reading policy: %w", err)
	}

	events, unknown, err := deniedEvents(f.log, filter)
	if err != nil {
		return err
	}
	for _, why := range slices.Sorted(maps.Keys(unknown)) {
		u.note("%d denied events are not looked at: %s", unknown[why], why)
	}
	bound, err := f.vars.bind(current)
	if err != nil {
		return err
	}
	env, err := recordedEnv(u, f.securePath, bound)
	if err != nil {
		return err
	}
	p := suggest.Policy{File: current.File, Text: string(text), Env: env, Load: func(text string) (*policy.Policy, error) {
		p, err := policy.ParseWith(current.File, []byte(text), os.ReadFile)
		if err != nil {
			return nil, err
		}
		return f.vars.bind(p)
	}}
	s, err := suggest.Find(p, events, f.opt)
	if err != nil {
		return err
	}
	patch, err := suggest.Diff(current.File, p.Text, s.Rules)
	if err != nil {
		return err
	}
	return showSuggestion(u, s, suggested{Agent: f.agent.value, File: current.File, Events: len(events), Patch: patch}, f.asJSON)
}

// deniedEvents are the different things that an agent was denied, and would have been, with the first record of each.
func deniedEvents(dir string, filter audit.Filter) ([]suggest.Event, map[string]int, error) {
	var events []suggest.Event
	seen, unknown := map[string]bool{}, map[string]int{}
	filter.Effect = audit.VerdictDeny
	err := audit.Query(dir, filter, func(r audit.Record) error {
		if r.Action == "" || r.Kind == audit.KindDisagreement || r.Enforced == audit.EnforcedHeld {
			return nil
		}
		s, why := recordSubject(&r)
		if why != "" {
			unknown[why]++
			return nil
		}
		e := suggest.Event{ID: r.Seq, Text: r.Action + " " + subject(&r), Subject: s, Path: r.Path, Proto: r.Proto, Port: r.Port, Host: r.Host}
		e.Words, e.Cut = knownWords(&r)
		e.Addr, _ = netip.ParseAddr(r.Addr) // networkSubject has read it
		if !seen[e.Text] {
			seen[e.Text] = true
			events = append(events, e)
		}
		return nil
	})
	return events, unknown, err
}

// showSuggestion prints a suggestion. For people, the patch alone is data; all else are notes, so that the output can be
// piped into patch.
func showSuggestion(u *ui, s *suggest.Suggestion, out suggested, asJSON bool) error {
	out.Covered, out.Rules, out.Secrets, out.Left = s.Covered, []suggestedRule{}, []leftEvent{}, []leftEvent{}
	for _, r := range s.Rules {
		shown := suggestedRule{Name: r.Name, Why: r.Why, Action: r.Action, Effect: r.Effect, Conditions: []suggestedTest{}, Events: r.From}
		for _, t := range r.Tests {
			shown.Conditions = append(shown.Conditions, suggestedTest{t.Field, t.Op, t.Values})
		}
		out.Rules = append(out.Rules, shown)
	}
	for _, e := range s.Secrets {
		out.Secrets = append(out.Secrets, left(e, ""))
	}
	for _, l := range s.Left {
		out.Left = append(out.Left, left(l.Event, l.Why))
	}
	if asJSON {
		return u.json(out)
	}

	for _, e := range out.Secrets {
		u.note("looks like a secret, not suggested: %s", e.Action+" "+e.Subject)
	}
	for _, e := range out.Left {
		u.note("not suggested: %s: %s", e.Action+" "+e.Subject, prose(e.Why))
	}
	if len(out.Rules) == 0 {
		u.note("nothing to suggest for agent %s", out.Agent)
		return nil
	}
	u.note("the rules allow %d of %d different things that were denied; review them before you apply them", out.Covered, out.Events)
	for line := range strings.Lines(out.Patch) {
		u.printf("%s\n", prose(strings.TrimSuffix(line, "\n")))
	}
	return nil
}

func left(e suggest.Event, why string) leftEvent {
	action, subject, _ := strings.Cut(e.Text, " ")
	return leftEvent{Seq: e.ID, Action: action, Subject: subject, Why: why}
}
