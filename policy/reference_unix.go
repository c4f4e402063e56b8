// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// referenceUnix goes through the network rules for a Unix socket. A rule concerns one only if it speaks of what they have.
func referenceUnix(rules []Rule, env Env, s *Subject) Verdict {
	for i := range rules {
		r := &rules[i]
		concerns := slices.ContainsFunc(r.When.Conditions(), func(c Condition) bool { return c.Field == "path" || c.Field == "protocol" })
		if r.Action == Network && concerns && socketHolds(r.When, env, s.Names) {
			return Verdict{Effect: r.Effect, Rule: i}
		}
	}
	return refuse(ReasonNoRule)
}

// socketHolds says whether an expression holds for the socket; what is about connections does not.
func socketHolds(e *Expr, env Env, names [][]byte) bool {
	holds := func(sub *Expr) bool { return socketHolds(sub, env, names) }
	switch e.Kind {
	case Not:
		return !holds(e.Sub[0])
	case Any:
		return slices.ContainsFunc(e.Sub, holds)
	case All:
		return !slices.ContainsFunc(e.Sub, func(sub *Expr) bool { return !holds(sub) })
	}
	return e.Test.Field == "protocol" && e.Test.Value == "unix" || e.Test.Field == "path" && socketMatches(e.Test, env, names)
}

// socketMatches compares the location of a Unix socket, or its abstract name, which only the same name can match: no
// pattern about files means sockets that are none.
func socketMatches(t Condition, env Env, names [][]byte) bool {
	abstract := len(names) == 1 && strings.HasPrefix(string(names[0]), "@/")
	if name, ok := strings.CutPrefix(t.Value, "@"); ok || abstract {
		return ok && abstract && t.Op == "equals" && string(names[0]) == "@/"+name
	}
	parts, ok := conditionParts(t, env)
	if !ok {
		return false
	}
	var tokens []token
	for _, name := range names {
		tokens = append(tokens, token{text: string(name)})
	}
	return newTable(parts, tokens, false).reach[len(tokens)][len(parts)]
}
