// SPDX-License-Identifier: Apache-2.0

package writers

import (
	"fmt"
	"slices"
	"strings"

	"caisson/policy"
)

// expr is the condition of a rule that lets an agent write. What it says of a path is an upper bound: a rule that could
// match the path, or a directory above it, is taken to match. Times of rules do not count, because a symlink that was made
// while a rule was in force is still there afterwards.
type expr struct {
	kind policy.ExprKind
	test condition // of kind Test
	sub  []*expr   // of the other kinds
}

// newExpr reads a rule's condition; nil for none.
func newExpr(e *policy.Expr) *expr {
	if e == nil {
		return nil
	}
	out := &expr{kind: e.Kind}
	if e.Kind == policy.Test {
		out.test = newCondition(e.Test)
	}
	for _, sub := range e.Sub {
		out.sub = append(out.sub, newExpr(sub))
	}
	return out
}

// conditions lists the conditions in the expression.
func (e *expr) conditions() []*condition {
	switch {
	case e == nil:
		return nil
	case e.kind == policy.Test:
		return []*condition{&e.test}
	}
	var list []*condition
	for _, sub := range e.sub {
		list = append(list, sub.conditions()...)
	}
	return list
}

// print writes the expression so that it can be told from others.
func (e *expr) print(b *strings.Builder) {
	if e == nil {
		b.WriteString("-")
		return
	}
	fmt.Fprintf(b, "(%d %s %s %q %q", e.kind, e.test.Field, e.test.Op, e.test.Value, e.test.forms)
	for _, sub := range e.sub {
		sub.print(b)
	}
	b.WriteString(")")
}

// covers says whether the expression may hold for a path, or for a directory above it. Operands that hold for different
// ones of these count as if they held for one: the error is on the safe side.
func (e *expr) covers(p string) bool {
	may := func(sub *expr) bool { return sub.covers(p) }
	switch {
	case e == nil:
		return true
	case e.kind == policy.Test:
		return e.test.covers(p)
	case e.kind == policy.All:
		return !slices.ContainsFunc(e.sub, func(sub *expr) bool { return !may(sub) })
	case e.kind == policy.Any:
		return slices.ContainsFunc(e.sub, may)
	}
	return slices.ContainsFunc(prefixes(p), func(q string) bool { return !e.sub[0].surely(q) })
}

// surely says whether the expression holds for exactly this path, whatever becomes of its values on the host. False is no
// knowledge.
func (e *expr) surely(p string) bool {
	certain := func(sub *expr) bool { return sub.surely(p) }
	switch e.kind {
	case policy.Test:
		return e.test.surely(p)
	case policy.All:
		return !slices.ContainsFunc(e.sub, func(sub *expr) bool { return !certain(sub) })
	case policy.Any:
		return slices.ContainsFunc(e.sub, certain)
	}
	return e.sub[0].never(p)
}

// never says whether the expression does not hold for exactly this path. False is no knowledge.
func (e *expr) never(p string) bool {
	switch e.kind {
	case policy.Test:
		return !e.test.covers(p) // which is more than is asked
	case policy.All:
		return slices.ContainsFunc(e.sub, func(sub *expr) bool { return sub.never(p) })
	case policy.Any:
		return !slices.ContainsFunc(e.sub, func(sub *expr) bool { return !sub.never(p) })
	}
	return e.sub[0].surely(p)
}
