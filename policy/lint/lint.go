// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"cmp"
	"slices"
	"time"

	"caisson/policy"
)

// Finding is one thing to look at.
type Finding struct {
	Code     string          `json:"code"`
	Name     string          `json:"name"`
	Severity Severity        `json:"severity"`
	File     string          `json:"file"`
	Pos      policy.Pos      `json:"-"`
	Rule     string          `json:"rule,omitempty"`
	Message  string          `json:"message"`
	Remedy   string          `json:"remedy"`
	Example  *policy.Subject `json:"-"` // a subject that shows it, where there is one
}

// Host is what is asked about this machine. A nil function knows nothing.
type Host struct {
	Exists func(path string) (there, known bool) // without following a final symlink
	Head   func(path string) string              // the first bytes of a file; "" where they cannot be read
	States int                                   // bound of each exact check; 0: [policy.DefaultStates]
}

// run is one policy being looked at.
type run struct {
	policy *policy.Policy
	env    policy.Env
	host   Host
	now    time.Time
	image  *policy.Image
	view   *policy.Automaton
	rules  []policy.Rule
	found  []Finding
}

// checks look for one or more codes each.
var checks = []func(*run) error{
	(*run).neverDecides, (*run).broad, (*run).launchers, (*run).ownFiles, (*run).writeExec, (*run).deferred, (*run).expired,
	(*run).absent,
}

// Policy looks at a policy that compiles in the environment. The findings are in the order of the file.
func Policy(p *policy.Policy, env policy.Env, host Host) ([]Finding, error) {
	hosts := &policy.PretendHosts{}
	env.LookupHost = hosts.Lookup
	image, err := policy.Compile(p, env)
	if err != nil {
		return nil, err
	}
	r := &run{policy: p, env: env, host: host, now: time.Now(), image: image, view: policy.NewAutomaton(image.Runner), rules: image.Rules()}
	for _, check := range checks {
		if err := check(r); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(r.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(fileOrder(p, a.File), fileOrder(p, b.File)), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Code, b.Code))
	})
	return r.found, nil
}

// fileOrder puts a policy's own file before what it includes.
func fileOrder(p *policy.Policy, file string) int { return slices.Index(p.Files, file) }

// add records a finding about a rule.
func (r *run) add(c Code, rule *policy.Rule, pos policy.Pos, message string) *Finding {
	r.found = append(r.found, Finding{Code: c.ID, Name: c.Name, Severity: c.Severity, File: rule.File, Pos: pos, Rule: rule.Name,
		Message: message, Remedy: c.Remedy})
	return &r.found[len(r.found)-1]
}

// own are the policy's own rules that exist now, with their numbers.
func (r *run) own(visit func(index int, rule *policy.Rule)) {
	for i := range r.rules {
		if rule := &r.rules[i]; !rule.Baseline && rule.File != "" && rule.Active(r.now) {
			visit(i, rule)
		}
	}
}

// positive are the conditions of a rule that are not below a not: those that say what it is for.
func positive(e *policy.Expr) []policy.Condition {
	switch {
	case e == nil || e.Kind == policy.Not:
		return nil
	case e.Kind == policy.Test:
		return []policy.Condition{e.Test}
	}
	var out []policy.Condition
	for _, sub := range e.Sub {
		out = append(out, positive(sub)...)
	}
	return out
}
