// SPDX-License-Identifier: Apache-2.0

package policy

import "caisson/bpf/layout"

// Reference is the specification: it goes through the rules in order and the first that matches decides. It shares no
// matching code with the compiler and the runner, matches every glob exactly, and is not meant to be fast.
//
// Two limits are part of the specification, because no kernel can look at words of any length: a word longer than 255
// bytes in a place where a rule that may still match has a pattern with one star makes the subject undecidable, and so do
// more names than a subject can have. An undecidable subject is denied, unless what came before has settled it.
func Reference(p *Policy, env Env, s Subject) Verdict { return reference(p, env, s, false) }

// reference is [Reference]; with deferring, a pattern that the image cannot hold matches every name and the rule then
// answers DEFER. That is what the image promises, name for name.
func reference(p *Policy, env Env, s Subject, deferring bool) Verdict {
	if p == nil {
		return refuse(ReasonNoPolicy)
	}
	rules := p.AllRules()
	if s.Action == Network && s.Proto == ProtoUnix {
		return referenceUnix(rules, env, &s)
	}
	if s.Action == Network {
		return referenceNetwork(rules, env, &s)
	}

	tokens := subjectTokens(&s)
	specs := make([]ruleSpec, 0, len(rules))
	for i := range rules {
		if rules[i].Action == s.Action {
			specs = append(specs, ruleSpec{index: i, rule: &rules[i], tables: ruleTables(&rules[i], env, tokens, deferring)})
		}
	}

	for k := range tokens {
		v, settled := settledAt(specs, k, deferring)
		if settled {
			return v
		}
		if k >= layout.MaxNames || len(tokens[k].text) > layout.MaxName && patternAt(specs, k) {
			return refuse(ReasonTooLong)
		}
	}
	if s.Action == ShellExec && s.TruncatedArgs {
		if v, settled := settledAt(specs, len(tokens), deferring); settled {
			return v
		}
		return refuse(ReasonTooLong)
	}
	for _, spec := range specs {
		if spec.all(func(t *specTable) bool { return t.reach[len(tokens)][len(t.parts)] }) {
			return spec.verdict(deferring)
		}
	}
	return refuse(ReasonNoRule)
}

// ruleSpec is a rule with a table for each of its conditions.
type ruleSpec struct {
	index  int
	rule   *Rule
	tables []*specTable
}

// all says whether something holds for every condition of the rule.
func (r *ruleSpec) all(holds func(*specTable) bool) bool {
	for _, t := range r.tables {
		if !holds(t) {
			return false
		}
	}
	return true
}

// verdict is what the rule answers when it matches.
func (r *ruleSpec) verdict(deferring bool) Verdict {
	if deferring && !r.all(func(t *specTable) bool { return !t.complex }) {
		return Verdict{Effect: Defer, Rule: r.index}
	}
	return Verdict{Effect: r.rule.Effect, Rule: r.index}
}

// possible says whether the rule may still match after k tokens.
func (r *ruleSpec) possible(k int) bool {
	return r.all(func(t *specTable) bool {
		for _, ok := range t.reach[k] {
			if ok {
				return true
			}
		}
		return false
	})
}

// certain says whether the rule matches whatever follows the first k tokens.
func (r *ruleSpec) certain(k int) bool {
	return r.all(func(t *specTable) bool {
		last := len(t.parts) - 1
		return last >= 0 && t.parts[last].rest && !t.parts[last].program && t.reach[k][last]
	})
}

// settledAt says whether the verdict is fixed after k tokens: no rule is possible, or the first that is matches whatever
// follows.
func settledAt(specs []ruleSpec, k int, deferring bool) (Verdict, bool) {
	for i := range specs {
		if specs[i].possible(k) {
			return specs[i].verdict(deferring), specs[i].certain(k)
		}
	}
	return refuse(ReasonNoRule), true
}

// patternAt says whether token k meets a one-star pattern of a rule that can still decide.
func patternAt(specs []ruleSpec, k int) bool {
	for i := range specs {
		if !specs[i].possible(k) {
			continue
		}
		if specs[i].certain(k) {
			return false
		}
		for _, t := range specs[i].tables {
			for at, part := range t.parts {
				if t.reach[k][at] && part.oneStar() {
					return true
				}
			}
		}
	}
	return false
}
