// SPDX-License-Identifier: Apache-2.0

// Package trial puts the cases of a policy to it and says where the answer is not the one that was expected. Commands that
// are strings are read as a shell would ([caisson/policy/shell]); everything is decided as kernel and daemon would
// ([policy.Judge]), and nothing is started.
package trial

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"caisson/policy"
	"caisson/policy/shell"
)

// Values that variables of a run have in a case which does not give its own.
const (
	DefaultHome      = "/home/agent"
	DefaultWorkspace = "/workspace"
)

// noRule is what a case expects where no rule decides.
const noRule = policy.ReasonNoRule

// Outcome is what became of one case.
type Outcome struct {
	Case   policy.Case
	Failed bool
	Got    policy.Effect
	Rule   *policy.Rule // that decided; nil: none
	Reason string       // of an answer that no rule gave, or that is not ALLOW or DENY
	Part   string       // the part of a command that decided, where it has several
	Err    error        // the case could not be put to the policy
	Took   time.Duration
}

// Run puts the cases to the policy.
func Run(p *policy.Policy, cases []policy.Case, env policy.Env) []Outcome {
	judges := map[string]*policy.Judge{}
	out := make([]Outcome, len(cases))
	for i, c := range cases {
		start := time.Now()
		out[i] = run(p, c, env, judges)
		out[i].Took = time.Since(start)
	}
	return out
}

// run puts one case to the policy. Judges are kept by what they depend on, because compiling takes longer than asking.
func run(p *policy.Policy, c policy.Case, env policy.Env, judges map[string]*policy.Judge) Outcome {
	vars := Vars(c.Vars)
	key := fmt.Sprint(c.At.UnixNano(), slices.Sorted(maps.Values(vars)), c.Vars)
	j := judges[key]
	if j == nil {
		var err error
		if j, err = judge(p, vars, c.At, env); err != nil {
			return Outcome{Case: c, Failed: true, Err: err}
		}
		judges[key] = j
	}

	o, err := ask(j, fill(c, vars, p.Agent))
	o.Case = c
	if err != nil {
		return Outcome{Case: c, Failed: true, Err: err}
	}
	name := noRule
	if o.Rule != nil {
		name = o.Rule.Name
	}
	o.Failed = o.Got != c.Expect || c.Rule != "" && c.Rule != name
	return o
}

// Vars adds the defaults to the values of a case.
func Vars(given map[string]string) map[string]string {
	vars := map[string]string{"HOME": DefaultHome, "WORKSPACE": DefaultWorkspace}
	maps.Copy(vars, given)
	return vars
}

// judge compiles the policy as it is in force at an instant.
func judge(p *policy.Policy, vars map[string]string, at time.Time, env policy.Env) (*policy.Judge, error) {
	bound, err := p.Bind(vars)
	if err != nil {
		return nil, err
	}
	return policy.NewJudge(At(bound, at), env, p.Agent)
}

// At is the policy as it is in force at an instant (zero: now): without the rules that do not exist then, and without the
// times of the others.
func At(p *policy.Policy, at time.Time) *policy.Policy {
	if at.IsZero() {
		at = time.Now()
	}
	then := *p
	then.Rules = nil
	for _, r := range p.Rules {
		if r.Active(at) {
			r.Expires, r.Schedule = time.Time{}, nil
			then.Rules = append(then.Rules, r)
		}
	}
	return &then
}

// fill puts the values of variables into a case's subject.
func fill(c policy.Case, vars map[string]string, agent string) policy.Case {
	r := strings.NewReplacer("${HOME}", vars["HOME"], "${WORKSPACE}", vars["WORKSPACE"], "${AGENT}", agent)
	c.Text = r.Replace(c.Text)
	for i := range c.Argv {
		if i == 0 {
			c.Argv = slices.Clone(c.Argv)
		}
		c.Argv[i] = r.Replace(c.Argv[i])
	}
	return c
}

// ask decides one case.
func ask(j *policy.Judge, c policy.Case) (Outcome, error) {
	var s policy.Subject
	var err error
	switch c.Kind {
	case policy.CaseExec:
		return command(j, c)
	case policy.CaseRead:
		s, err = policy.PathSubject(policy.FileRead, c.Text)
	case policy.CaseWrite:
		s, err = policy.PathSubject(policy.FileWrite, c.Text)
	case policy.CaseConnect:
		s, err = policy.ConnectSubject(c.Text)
	case policy.CaseSocket:
		s, err = policy.UnixSubject(c.Text)
	default:
		err = fmt.Errorf("unknown kind of case %s", c.Kind)
	}
	if err != nil {
		return Outcome{}, err
	}

	a := j.Answer(s)
	return Outcome{Got: a.Effect, Rule: j.Rule(j.Decide(s)), Reason: a.Reason}, nil
}

// command decides a case that is a command.
func command(j *policy.Judge, c policy.Case) (Outcome, error) {
	var parts []shell.Part
	var err error
	if c.Argv != nil {
		parts = shell.Argv(c.Argv, "")
	} else if parts, err = shell.Parse(c.Text, ""); err != nil {
		return Outcome{}, fmt.Errorf("exec: %w", err)
	}
	if len(parts) == 0 {
		return Outcome{}, errors.New("exec: there is no command in it")
	}
	d, decided := shell.Strictest(shell.Decide(parts, j))
	if !decided {
		return Outcome{Got: policy.Allow, Reason: "no program is started"}, nil
	}
	o := Outcome{Got: d.Effect, Rule: d.By, Reason: d.Reason}
	if len(parts) > 1 {
		o.Part = d.Text
	}
	return o, nil
}
