// SPDX-License-Identifier: Apache-2.0

package policy

// specExpr is a condition, or several combined. After k tokens of a subject it has a value if the subject ends there, and a
// least and a greatest value if it does not.
type specExpr interface {
	at(k int) (now, low, high truth)
	looks(k int) bool // whether token k is compared with a pattern, for something that is not settled
}

type (
	specConstant truth
	specAll      []specExpr
	specAny      []specExpr
	specNot      struct{ of specExpr }
)

// expression reads an expression; wide says on which side to err where the host is not known well enough.
func (f *referee) expression(e *Expr, wide bool) specExpr {
	if e == nil {
		return specConstant(yes)
	}
	if e.Kind == Test {
		return f.test(e.Test, wide)
	}
	var list []specExpr
	for _, sub := range e.Sub {
		list = append(list, f.expression(sub, wide != (e.Kind == Not)))
	}
	switch e.Kind {
	case Not:
		return opposite(list[0])
	case Any:
		return combined(list, no, func(l []specExpr) specExpr { return specAny(l) })
	default:
		return combined(list, yes, func(l []specExpr) specExpr { return specAll(l) })
	}
}

// opposite is the negation.
func opposite(e specExpr) specExpr {
	switch e := e.(type) {
	case specNot:
		return e.of
	case specConstant:
		return specConstant(yes - truth(e))
	}
	return specNot{e}
}

// combined leaves constants out: neutral says nothing, and its opposite decides.
func combined(list []specExpr, neutral truth, of func([]specExpr) specExpr) specExpr {
	var rest []specExpr
	for _, e := range list {
		switch c, constant := e.(specConstant); {
		case constant && truth(c) == yes-neutral:
			return c
		case !constant:
			rest = append(rest, e)
		}
	}
	switch len(rest) {
	case 0:
		return specConstant(neutral)
	case 1:
		return rest[0]
	}
	return of(rest)
}

func (c specConstant) at(int) (now, low, high truth) { return truth(c), truth(c), truth(c) }
func (c specConstant) looks(int) bool                { return false }

func (n specNot) at(k int) (now, low, high truth) {
	now, low, high = n.of.at(k)
	return yes - now, yes - high, yes - low
}

func (n specNot) looks(k int) bool { return n.of.looks(k) }

func (l specAll) at(k int) (now, low, high truth) {
	now, low, high = yes, yes, yes
	for _, e := range l {
		n, a, b := e.at(k)
		now, low, high = min(now, n), min(low, a), min(high, b)
	}
	return now, low, high
}

// looks takes all negated single conditions of the list for one: when that is settled, none of them looks any more.
func (l specAll) looks(k int) bool {
	if settledExpr(l, k) {
		return false
	}
	var negated specAny
	for _, e := range l.flat() {
		if n, ok := e.(specNot); ok {
			if test, ok := n.of.(specTest); ok {
				negated = append(negated, test)
				continue
			}
		}
		if e.looks(k) {
			return true
		}
	}
	return negated.looks(k)
}

// flat is the list with lists of its kind in their place.
func (l specAll) flat() specAll {
	var out specAll
	for _, e := range l {
		if sub, ok := e.(specAll); ok {
			out = append(out, sub.flat()...)
		} else {
			out = append(out, e)
		}
	}
	return out
}

func (l specAny) at(k int) (now, low, high truth) {
	for _, e := range l {
		n, a, b := e.at(k)
		now, low, high = max(now, n), max(low, a), max(high, b)
	}
	return now, low, high
}

// looks takes all single conditions of the list for one: when that is settled, none of them looks any more.
func (l specAny) looks(k int) bool {
	if settledExpr(l, k) {
		return false
	}
	tests, others := l.split()
	_, low, high := tests.at(k)
	for _, e := range tests {
		if low != high && e.(specTest).looks(k) {
			return true
		}
	}
	for _, e := range others {
		if e.looks(k) {
			return true
		}
	}
	return false
}

// split finds the single conditions in lists of lists.
func (l specAny) split() (tests, others specAny) {
	for _, e := range l {
		switch e := e.(type) {
		case specTest:
			tests = append(tests, e)
		case specAny:
			t, o := e.split()
			tests, others = append(tests, t...), append(others, o...)
		default:
			others = append(others, e)
		}
	}
	return tests, others
}

// settledExpr says whether an expression is true or false whatever follows.
func settledExpr(e specExpr, k int) bool {
	_, low, high := e.at(k)
	return low == yes || high == no
}

// specTest is one condition.
type specTest struct {
	reading func(k int) (now, low, high truth)
	pattern func(k int) bool // nil: it has none
}

func (t specTest) at(k int) (now, low, high truth) { return t.reading(k) }

func (t specTest) looks(k int) bool {
	_, low, high := t.reading(k)
	return low != high && t.pattern != nil && t.pattern(k)
}

// test reads one condition.
func (f *referee) test(c Condition, wide bool) specExpr {
	unix := f.subject.Action == Network
	abstract := unix && len(f.subject.Names) == 1 && len(f.subject.Names[0]) > 1 && string(f.subject.Names[0][:2]) == "@/"
	text := c.Op == "ends_with" || c.Op == "contains" || c.Op == "regex"
	named := c.Value != "" && c.Value[0] == '@' && !text
	switch {
	case c.Field == "protocol" && c.Value == "unix":
		return specConstant(yes)
	case c.Field != "path" && c.Field != "command":
		return specConstant(no)
	case unix && named != abstract:
		return specConstant(no)
	case text && c.Field == "path":
		return f.locationTest(c)
	case text:
		return f.wordsTest(c)
	}
	return f.tableTest(c, wide)
}
