// SPDX-License-Identifier: Apache-2.0

package writers

import (
	"path"
	"strings"

	"caisson/policy"
)

// condition is one on a path, of a rule that lets an agent write.
type condition struct {
	policy.Condition
	forms []string // what its literal part may stand for; first as it is written
}

func newCondition(c policy.Condition) condition {
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

// covers says whether the condition holds for a path or for a directory above it.
func (c condition) covers(p string) bool {
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

// matches asks the policy language's own specification, so that there is one meaning of globs, about a path and the
// directories above it, with the literal part at one of its places.
func (c condition) matches(form, p string) bool {
	only := &policy.Policy{Rules: []policy.Rule{{Action: policy.FileWrite, Effect: policy.Allow, When: &policy.Expr{Test: c.Condition}}}}
	env := policy.Env{Locate: func(string) (string, string, error) { return form, "", nil }}
	for _, q := range prefixes(p) {
		subject, err := policy.PathSubject(policy.FileWrite, q)
		if err != nil {
			return true // no rule can name it, so nothing rules out that this one covers it
		}
		if v := policy.Reference(only, env, subject); v.Rule == 0 || v.Reason == policy.ReasonTooLong {
			return true
		}
	}
	return false
}
