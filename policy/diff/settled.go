// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"slices"
	"time"

	"caisson/policy"
)

// outcome is what one side says. A connection that is left to user space for want of a host's name is denied there.
func (c *comparison) outcome(side int, k policy.Kind, v policy.Verdict) Outcome {
	o := Outcome{Effect: v.Effect, Reason: v.Reason, Descendants: v.Descendants}
	if v.Rule >= 0 {
		o.Rule = c.rules[side][v.Rule].Name
	}
	if v.Effect == policy.Defer && c.nameless[side][v.Rule] && (k == policy.TCPKind || k == policy.UDPKind) {
		o.Effect, o.Reason = policy.Deny, policy.ReasonUnknownName
	}
	return o
}

// settled is what user space says about the example of a place; nil where it is not asked.
func (c *comparison) settled(side int, k policy.Kind, p *policy.Place) *Outcome {
	v := p.Verdicts[side]
	if c.outcome(side, k, v).Effect != policy.Defer {
		return nil
	}
	o := c.outcome(side, k, policy.Settle(c.versions[side].Policy, c.versions[side].Env, p.Subject(), v.Rule))
	if o.Effect == policy.Defer {
		o.Effect, o.Reason = policy.Deny, policy.ReasonUnknownName
	}
	return &o
}

// sameBehind says whether both sides have the same rules, from those on by which they leave a place to user space. Then it
// says the same about every subject there. Where it has others, it may not, and which subjects it would be about cannot be
// told.
func (c *comparison) sameBehind(k policy.Kind, before, after int) bool {
	key := [3]int{int(k), before, after}
	same, known := c.behind[key]
	if !known {
		same = slices.EqualFunc(c.from(0, k, before), c.from(1, k, after), sameRule)
		c.behind[key] = same
	}
	return same
}

// from are the rules about a kind of subject, from one on.
func (c *comparison) from(side int, k policy.Kind, rule int) []*policy.Rule {
	now := c.versions[side].Env.Now
	if now.IsZero() {
		now = time.Now()
	}
	var out []*policy.Rule
	for i := rule; i < len(c.rules[side]); i++ {
		if r := &c.rules[side][i]; r.Action == k.Action() && r.Active(now) {
			out = append(out, r)
		}
	}
	return out
}

// sameRule says whether two rules decide the same, whatever they are called.
func sameRule(a, b *policy.Rule) bool {
	return a.Effect == b.Effect && a.Descendants == b.Descendants && sameExpr(a.When, b.When)
}

// sameExpr compares what is written, but not where.
func sameExpr(a, b *policy.Expr) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := a.Test, b.Test
	x.Pos, y.Pos = policy.Pos{}, policy.Pos{}
	return a.Kind == b.Kind && x == y && slices.EqualFunc(a.Sub, b.Sub, sameExpr)
}
