// SPDX-License-Identifier: Apache-2.0

package policy

import "slices"

// formula turns an expression into a formula over atoms; test turns one condition into one. What is not known of a test
// counts as true when wide, so that a rule that denies denies too much and one that allows too little; under a negation it
// is the other way round.
func (p *placer) formula(e *Expr, wide bool, test func(c Condition, wide bool) (*formula, error)) (*formula, error) {
	switch {
	case e == nil:
		return always, nil
	case e.Kind == Test:
		return test(e.Test, wide)
	}

	list := make([]*formula, 0, len(e.Sub))
	for _, sub := range e.Sub {
		f, err := p.formula(sub, wide != (e.Kind == Not), test)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	switch e.Kind {
	case All:
		return allOf(list), nil
	case Any:
		return anyOf(list), nil
	default:
		return negation(list[0]), nil
	}
}

// test is a condition on names. Of a rule for the network, it is one about Unix sockets, which have neither host nor port.
func (p *placer) test(c Condition, wide bool) (*formula, error) {
	switch c.Field {
	case "path", "command":
		a, err := p.atom(c, wide)
		return testOf(a), err
	case "protocol":
		if c.Value == "unix" {
			return always, nil
		}
	}
	return never, nil
}

// concernsUnix says whether a network rule is about Unix sockets, too: only if it mentions what they have.
func concernsUnix(e *Expr) bool {
	return slices.ContainsFunc(e.Conditions(), func(c Condition) bool { return c.Field == "path" || c.Field == "protocol" })
}
