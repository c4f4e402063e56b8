// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Bind gives the variables of a run their values and returns the policy that is enforced for it. Every value is a clean
// absolute path; it is an error when one that p.Variables lists is missing, or would make a rule say something else than it
// shows. The error joins values of type *[Error].
func (p *Policy) Bind(vars map[string]string) (*Policy, error) {
	b := binder{vars: vars}
	bound := *p
	bound.Variables = nil
	bound.Rules = slices.Clone(p.Rules)
	for i := range bound.Rules {
		r := &bound.Rules[i]
		r.When = b.expr(r, r.When)
	}
	if len(b.errs) > 0 {
		return nil, &Faults{Files: p.Files, List: b.errs[:min(len(b.errs), maxErrors)]}
	}
	return &bound, nil
}

// binder gives variables their values and collects what is wrong.
type binder struct {
	vars map[string]string
	errs []*Error
}

// expr returns the expression with variables bound: itself when it has none.
func (b *binder) expr(r *Rule, e *Expr) *Expr {
	switch {
	case e == nil:
		return nil
	case e.Kind == Test:
		c := b.condition(r, e.Test)
		if c == e.Test {
			return e
		}
		bound := *e
		bound.Test = c
		return &bound
	}

	bound := e
	for i, sub := range e.Sub {
		s := b.expr(r, sub)
		if s == sub {
			continue
		}
		if bound == e {
			clone := *e
			clone.Sub = slices.Clone(e.Sub)
			bound = &clone
		}
		bound.Sub[i] = s
	}
	return bound
}

// condition returns the condition with variables bound.
func (b *binder) condition(r *Rule, c Condition) Condition {
	if i := fieldIndex(c.Field); i < 0 || !fields[i].variables {
		return c
	}
	refs, err := references(c)
	for _, ref := range refs {
		value, ok := b.vars[ref.name]
		if !ok {
			err = badValue("it is given when a run is launched", "variable ${%s} has no value", ref.name)
		} else if err = checkVariable(value); err == nil && c.Field == "command" && c.Op != opRegex {
			err = checkWord(value)
		}
		if err != nil {
			b.fail(r, c, ref.name, err)
			return c
		}
	}
	if err != nil || len(refs) == 0 {
		return c
	}

	bound := substitute(c, refs, b.vars)
	if err := checkCondition(r.Action, bound); err != nil {
		b.fail(r, c, refs[0].name, err)
	}
	return bound
}

// fail records a fault of a rule.
func (b *binder) fail(r *Rule, c Condition, name string, err *valueError) {
	b.errs = append(b.errs, &Error{File: r.File, Pos: c.Pos, Hint: err.hint,
		Msg: fmt.Sprintf("rule %q: binding ${%s}: %s", r.Name, name, err.msg)})
}

// checkVariable says whether a variable may have this value. "/" is refused because a rule about a directory of one's own
// would become one about everything.
func checkVariable(value string) *valueError {
	const hint = "it must be the clean absolute path of a directory"
	switch {
	case !strings.HasPrefix(value, "/") || path.Clean(value) != value:
		return badValue(hint, "the value %q is not a clean absolute path", value)
	case value == "/":
		return badValue(hint, "the value \"/\" would cover everything")
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return badValue(hint, "the value %q has a control character", value)
	case strings.Contains(value, "${"):
		return badValue(hint, "the value %q looks like a variable", value)
	}
	_, err := splitPath(value)
	return err
}

// checkWord says whether a value stays one word of a command.
func checkWord(value string) *valueError {
	if strings.ContainsAny(value, " \t"+shellBytes) {
		return badValue("choose a directory without blanks and without what means something to a shell",
			"the value %q is not one word of a command", value)
	}
	return nil
}
