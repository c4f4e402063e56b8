// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"caisson/bpf/layout"
)

// Reference is the specification: it goes through the rules in order and the first that matches decides. It shares no
// matching code with the compiler and the runner, matches every pattern exactly, and is not meant to be fast.
//
// Two limits are part of the specification, because no kernel can look at words of any length: a word longer than 255
// bytes in a place where a rule that may still match has a pattern with a star makes the subject undecidable, and so do
// more names than a subject can have. An undecidable subject is denied, unless what came before has settled it.
func Reference(p *Policy, env Env, s Subject) Verdict { return reference(p, env, s, 0, false) }

// Settle decides what an image has left to user space: the subject for which it answered DEFER by a rule. No rule before
// that one holds, so they are not tried again. The verdict is never DEFER but for a connection whose rule wants to know
// the name of a host: an address has none.
func Settle(p *Policy, env Env, s Subject, rule int) Verdict {
	return reference(p, env, s, rule, false)
}

// noAction is the action of no subject: that of rules which do not exist at the moment.
const noAction Action = 255

// reference is [Reference], from a rule on; with deferring, a pattern that the image cannot hold matches only maybe, and a rule that holds
// only maybe answers DEFER. That is what the image promises, name for name.
func reference(p *Policy, env Env, s Subject, from int, deferring bool) Verdict {
	if p == nil {
		return refuse(ReasonNoPolicy)
	}
	env.Now = env.now()
	rules := slices.Clone(effectiveRules(p, env))
	for i := range rules {
		if i < from || !rules[i].Active(env.Now) {
			rules[i].Action = noAction
		}
	}
	if s.Action == Network && s.Proto != ProtoUnix {
		return referenceNetwork(rules, env, &s)
	}

	ref := referee{env: env, subject: &s, tokens: subjectTokens(&s), deferring: deferring}
	for i := range rules {
		r := &rules[i]
		if r.Action == s.Action && (s.Action != Network || concernsUnix(r.When)) {
			ref.specs = append(ref.specs, ruleSpec{index: i, rule: r, when: ref.expression(r.When, r.Effect != Allow)})
		}
	}
	return ref.verdict()
}

// referee applies the rules to one subject.
type referee struct {
	env       Env
	subject   *Subject
	tokens    []token
	deferring bool
	specs     []ruleSpec
}

// ruleSpec is a rule with its condition.
type ruleSpec struct {
	index int
	rule  *Rule
	when  specExpr
}

// answer is the verdict of a rule whose condition has a value that is not no.
func (r *ruleSpec) answer(v truth) Verdict {
	if v == maybe {
		return Verdict{Effect: Defer, Rule: r.index}
	}
	d := r.rule.Descendants && r.rule.Action == ShellExec && r.rule.Effect == Allow
	return Verdict{Effect: r.rule.Effect, Rule: r.index, Descendants: d}
}

// verdict reads the subject token by token, because a limit refuses only what the tokens before have not settled.
func (f *referee) verdict() Verdict {
	for k := range f.tokens {
		if f.settled(k) {
			return f.now(k)
		}
		if k >= layout.MaxNames || len(f.tokens[k].text) > layout.MaxName && f.looks(k) {
			return refuse(ReasonTooLong)
		}
	}
	n := len(f.tokens)
	if f.subject.Action == ShellExec && f.subject.TruncatedArgs && !f.settled(n) {
		return refuse(ReasonTooLong)
	}
	return f.now(n)
}

// now is the verdict if the subject had only k tokens.
func (f *referee) now(k int) Verdict {
	for i := range f.specs {
		if v, _, _ := f.specs[i].when.at(k); v != no {
			return f.specs[i].answer(v)
		}
	}
	return refuse(ReasonNoRule)
}

// settled says whether the verdict is fixed after k tokens: the first rule that more tokens leave possible holds whatever
// they are, and it is the one that decides now; or there is none, now and then.
func (f *referee) settled(k int) bool {
	then := refuse(ReasonNoRule)
	for i := range f.specs {
		_, low, high := f.specs[i].when.at(k)
		if high == no {
			continue
		}
		if low != high {
			return false
		}
		then = f.specs[i].answer(low)
		break
	}
	return then == f.now(k)
}

// looks says whether token k meets a pattern of a rule that can still decide.
func (f *referee) looks(k int) bool {
	for i := range f.specs {
		_, low, high := f.specs[i].when.at(k)
		switch {
		case high == no:
		case low == high:
			return false
		case f.specs[i].when.looks(k):
			return true
		case low != no:
			return false
		}
	}
	return false
}
