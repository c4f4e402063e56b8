// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"maps"
	"slices"

	"caisson/bpf/layout"
)

// settler says of many subjects what [Settle] says, without a pass over all rules for each: a second image has the rules of
// which the first is sure everywhere, and only the others, which are few, are asked one by one.
type settler struct {
	policy *Policy
	env    Env
	sure   *Image // nil: it cannot be made
	unsure []unsureRule
}

// unsureRule is a rule for which the image somewhere answers DEFER.
type unsureRule struct {
	index  int
	action Action
	alone  *Policy // with only this rule
}

// newSettler makes the settler of an image; env is that in which it was compiled.
func newSettler(p *Policy, env Env, image *Image) *settler {
	t := &settler{policy: p, env: env}
	var err error
	if t.sure, err = compile(p, env, image.deferred); err != nil {
		t.sure = nil // then every subject takes the long way
	}
	for _, i := range slices.Sorted(maps.Keys(image.deferred)) {
		r := image.rules[i]
		t.unsure = append(t.unsure, unsureRule{i, r.Action, &Policy{Baseline: BaselineNone, Rules: []Rule{r}}})
	}
	return t
}

// settle decides a subject for which the image answered DEFER by a rule.
func (t *settler) settle(s Subject, by int) Verdict {
	if t.sure == nil || !plainSubject(&s) {
		return Settle(t.policy, t.env, s, by)
	}
	v := t.sure.Run(s)
	if v.Effect == Defer || v.Rule < 0 && v.Reason != ReasonNoRule {
		return Settle(t.policy, t.env, s, by)
	}
	env := t.env
	env.Shells = nil // they are among the rules already
	for _, r := range t.unsure {
		switch {
		case r.index < by || r.action != s.Action:
			continue
		case v.Rule >= 0 && r.index > v.Rule:
			return v
		}
		w := Settle(r.alone, env, s, 0)
		if w.Rule == 0 {
			w.Rule = r.index
			return w
		}
		if w.Reason != ReasonNoRule {
			return w // it depends on words that are not known, and no rule before it holds
		}
	}
	return v
}

// plainSubject says whether no limit of the specification can be met: such subjects are decided by all rules together.
func plainSubject(s *Subject) bool {
	long := func(name []byte) bool { return len(name) > layout.MaxName }
	return len(s.Names)+len(s.Args) < layout.MaxNames && !slices.ContainsFunc(s.Names, long) && !slices.ContainsFunc(s.Args, long)
}
