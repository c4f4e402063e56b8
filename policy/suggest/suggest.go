// SPDX-License-Identifier: Apache-2.0

package suggest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"caisson/policy"
)

// Policy is the policy that rules are suggested for.
type Policy struct {
	File string // for messages
	Text string // of the file
	// Load makes a policy of a text like Text, with its variables bound.
	Load func(text string) (*policy.Policy, error)
	Env  policy.Env
}

// judge compiles a text.
func (p *Policy) judge(text string) (*policy.Policy, *policy.Judge, error) {
	pol, err := p.Load(text)
	if err != nil {
		return nil, nil, err
	}
	j, err := policy.NewJudge(pol, p.Env, pol.Agent)
	return pol, j, err
}

// Find suggests rules that allow the events.
func Find(p Policy, events []Event, opt Options) (*Suggestion, error) {
	if opt.Siblings <= 0 {
		opt.Siblings = defaultSiblings
	}
	pol, now, err := p.judge(p.Text)
	if err != nil {
		return nil, err
	}
	s := &Suggestion{}
	wanted := s.sort(now, events, opt)
	wanted = s.writable(p, wanted)

	taken := map[string]bool{}
	for _, r := range pol.Rules {
		taken[r.Name] = true
	}
	if err := s.fit(p, wanted, taken, opt.Siblings); err != nil {
		return nil, err
	}
	return s, nil
}

// sort keeps the events that a rule at the end can allow.
func (s *Suggestion) sort(now *policy.Judge, events []Event, opt Options) []Event {
	var wanted []Event
	for _, e := range events {
		v := now.Decide(e.Subject)
		switch rule := now.Rule(v); {
		case v.Effect == policy.Allow:
		case v.Reason == policy.ReasonUnknownName:
			s.Left = append(s.Left, Left{e, fmt.Sprintf("rule %s: %s (name the hosts of that rule with equals)", rule.Name, policy.UnknownNameText)})
		case rule != nil:
			s.Left = append(s.Left, Left{e, fmt.Sprintf("rule %s says %s (change that rule if it is wrong)", rule.Name, v.Effect)})
		case Secret(e.Path) && !opt.Secrets:
			s.Secrets = append(s.Secrets, e)
		default:
			wanted = append(wanted, e)
		}
	}
	return wanted
}

// writable leaves out the events whose subject no policy file can spell.
func (s *Suggestion) writable(p Policy, events []Event) []Event {
	var out []Event
	for _, e := range events {
		b := builder{siblings: len(events) + 1, taken: map[string]bool{}}
		b.build([]Event{e})
		if len(b.rules) == 0 {
			out = append(out, e) // refused as a whole later, with its reason
			continue
		}
		text := "agent: a\nrules:\n" + strings.Join(ruleLines(b.rules, 2), "\n") + "\n"
		if _, err := policy.Parse(p.File, []byte(text)); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			s.Left = append(s.Left, Left{e, "no rule can spell it: " + first})
			continue
		}
		out = append(out, e)
	}
	return out
}

// fit makes the rules, and proves that they do what they claim. Where a directory does not, its files are named one by one.
func (s *Suggestion) fit(p Policy, wanted []Event, taken map[string]bool, siblings int) error {
	before := s.Left
	for {
		b := builder{siblings: siblings, taken: maps.Clone(taken)}
		b.build(wanted)
		s.Rules, s.Left = b.rules, slices.Concat(before, b.left)
		if len(s.Rules) == 0 {
			return nil
		}
		denied, err := s.denied(p, wanted, b.left)
		switch {
		case err != nil:
			return err
		case len(denied) == 0:
			s.Covered = len(wanted) - len(b.left)
			return s.prune(p, wanted, b.left)
		case siblings <= len(wanted):
			siblings = len(wanted) + 1 // without directories
			continue
		}
		for _, e := range denied {
			before = append(before, Left{e, "a rule at the end of the policy does not allow it"})
		}
		wanted = slices.DeleteFunc(wanted, func(e Event) bool {
			return slices.ContainsFunc(denied, func(d Event) bool { return d.ID == e.ID })
		})
	}
}

// denied are the events that the policy with the rules still denies.
func (s *Suggestion) denied(p Policy, wanted []Event, left []Left) ([]Event, error) {
	text, err := Apply(p.Text, s.Rules)
	if err != nil {
		return nil, err
	}
	_, j, err := p.judge(text)
	if err != nil {
		return nil, fmt.Errorf("trying the suggestion: %w", err)
	}
	var out []Event
	for _, e := range wanted {
		refused := slices.ContainsFunc(left, func(l Left) bool { return l.Event.ID == e.ID })
		if !refused && j.Decide(e.Subject).Effect != policy.Allow {
			out = append(out, e)
		}
	}
	return out, nil
}

// prune drops the rules without which every event is allowed all the same.
func (s *Suggestion) prune(p Policy, wanted []Event, left []Left) error {
	for i := 0; i < len(s.Rules); i++ {
		if s.Rules[i].Effect == policy.Deny {
			continue
		}
		all := s.Rules
		s.Rules = slices.Delete(slices.Clone(all), i, i+1)
		if len(s.Rules) == 0 {
			s.Rules = all
			return nil
		}
		denied, err := s.denied(p, wanted, left)
		if err != nil {
			return err
		}
		if len(denied) > 0 {
			s.Rules = all
			continue
		}
		i--
	}
	return nil
}
