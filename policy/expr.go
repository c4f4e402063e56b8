// SPDX-License-Identifier: Apache-2.0

package policy

// ExprKind is what an [Expr] does with its operands.
type ExprKind uint8

// The kinds of expression.
const (
	Test ExprKind = iota // one condition
	All                  // every operand holds; none: it holds
	Any                  // at least one operand holds; none: it does not
	Not                  // its single operand does not hold
)

// Expr is the condition of a rule as a tree. It is what the language's lists, negated operators, any, all and not become:
// a list is [Any], `not_equals` and `not_in` are [Not], several fields or operators side by side are [All].
type Expr struct {
	Kind ExprKind
	Test Condition // of kind Test
	Sub  []*Expr   // of the other kinds
	Pos  Pos
}

// Condition compares one field of the subject with one value.
type Condition struct {
	Field string // path, command, url, host, address, port or protocol
	Op    string // equals, starts_with, ends_with, contains, glob or regex
	Value string // address: an address or a block; port: a port, or two with "-" between them
	Pos   Pos    // of the value
}

// Conditions are all conditions of the expression, in the order in which they are written. A nil expression has none.
func (e *Expr) Conditions() []Condition {
	switch {
	case e == nil:
		return nil
	case e.Kind == Test:
		return []Condition{e.Test}
	}
	var list []Condition
	for _, sub := range e.Sub {
		list = append(list, sub.Conditions()...)
	}
	return list
}

// when makes the expression in which all conditions hold; nil for none.
func when(list ...Condition) *Expr {
	if len(list) == 0 {
		return nil
	}
	all := &Expr{Kind: All, Pos: list[0].Pos}
	for _, c := range list {
		all.Sub = append(all.Sub, &Expr{Kind: Test, Test: c, Pos: c.Pos})
	}
	if len(all.Sub) == 1 {
		return all.Sub[0]
	}
	return all
}
