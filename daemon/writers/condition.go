// SPDX-License-Identifier: Apache-2.0

package writers

import (
	"path"
	"slices"
	"strings"

	"caisson/policy"
)

// located are the operators whose value, or the literal part of it, is looked for on the host. The others compare with a
// location as a string.
var located = []string{"equals", "starts_with", "glob"}

// condition is one on a path, of a rule that lets an agent write.
type condition struct {
	policy.Condition
	forms []string // what its literal part may stand for; first as it is written. None: it stands for nothing on the host
}

func newCondition(c policy.Condition) condition {
	if !slices.Contains(located, c.Op) {
		return condition{c, nil}
	}
	value := path.Clean("/" + c.Value)
	if c.Op == "glob" {
		value = literal(value)
	}
	return condition{c, []string{value}}
}

// literal is the part of a glob before the first name with a pattern, which is what is looked for on the host.
func literal(glob string) string {
	names := strings.Split(glob, "/")
	for i, name := range names {
		if strings.ContainsAny(name, "*?[") {
			return path.Clean("/" + strings.Join(names[:i], "/"))
		}
	}
	return glob
}

// covers says whether the condition may hold for a path or for a directory above it.
func (c condition) covers(p string) bool {
	if c.forms == nil {
		return c.matches("", p)
	}
	for _, form := range c.forms {
		switch {
		case c.Op == "glob":
			if c.matches(form, p) {
				return true
			}
		case c.Op == "equals" && form == "/": // nobody can put another directory in the place of the root
		case within(form, p):
			return true
		}
	}
	return false
}

// surely says whether the condition holds for a path whichever of its forms is meant. False is no knowledge.
func (c condition) surely(p string) bool {
	switch c.Op {
	case "equals":
		return !slices.ContainsFunc(c.forms, func(form string) bool { return form != p })
	case "starts_with":
		return !slices.ContainsFunc(c.forms, func(form string) bool { return !within(form, p) })
	}
	return false
}

// matches asks the policy language's own specification, so that there is one meaning of patterns, about a path and the
// directories above it, with the literal part at one of its places. What the specification cannot tell counts as a match.
func (c condition) matches(form, p string) bool {
	only := &policy.Policy{Baseline: policy.BaselineNone, Rules: []policy.Rule{{Action: policy.FileWrite, Effect: policy.Allow, When: &policy.Expr{Test: c.Condition}}}}
	env := policy.Env{Locate: func(string) (string, string, error) { return form, "", nil }}
	for _, q := range prefixes(p) {
		subject, err := policy.PathSubject(policy.FileWrite, q)
		if err != nil {
			return true // no rule can name it, so nothing rules out that this one covers it
		}
		if v := policy.Reference(only, env, subject); v.Rule == 0 || v.Reason != policy.ReasonNoRule {
			return true
		}
	}
	return false
}
