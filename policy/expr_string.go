// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strconv"
	"strings"
	"unicode"
)

// String writes the expression for people, on one line: "path starts_with /src and path not_in [/src/a, /src/b]". No
// condition is "any", which is every subject of the action.
func (e *Expr) String() string {
	if e == nil {
		return "any"
	}
	return e.text(false)
}

// text writes the expression, in parentheses if it is inside another one and would come apart there.
func (e *Expr) text(inside bool) string {
	if tests, negated := e.oneOperator(); tests != nil {
		return testsText(tests, negated)
	}
	if e.Kind == Not {
		return "not (" + e.Sub[0].text(false) + ")"
	}

	word, none := " and ", "always"
	if e.Kind == Any {
		word, none = " or ", "never"
	}
	if len(e.Sub) == 0 {
		return none
	}
	parts := make([]string, len(e.Sub))
	for i, sub := range e.Sub {
		parts[i] = sub.text(len(e.Sub) > 1 || inside)
	}
	s := strings.Join(parts, word)
	if inside && len(parts) > 1 {
		return "(" + s + ")"
	}
	return s
}

// oneOperator returns the conditions of an expression that a policy file writes as one operator: a condition, or a list of
// values, negated or not. It is nil for others.
func (e *Expr) oneOperator() (tests []Condition, negated bool) {
	if e.Kind == Not {
		if tests, negated = e.Sub[0].oneOperator(); negated || len(tests) == 0 || tests[0].Op != opEquals {
			return nil, false // only equals has a negative
		}
		return tests, true
	}
	if e.Kind == Test {
		return []Condition{e.Test}, false
	}
	if e.Kind != Any {
		return nil, false
	}
	for _, sub := range e.Sub {
		if sub.Kind != Test || sub.Test.Field != e.Sub[0].Test.Field || sub.Test.Op != e.Sub[0].Test.Op {
			return nil, false
		}
		tests = append(tests, sub.Test)
	}
	return tests, false
}

// testsText writes conditions of one field and operator, any of which may hold.
func testsText(tests []Condition, negated bool) string {
	op := tests[0].Op
	if len(tests) == 1 {
		if negated {
			op = "not_" + op
		}
		return tests[0].Field + " " + op + " " + valueText(tests[0].Value, false)
	}

	if op == opEquals {
		op = "in"
	}
	if negated {
		op = "not_" + op
	}
	values := make([]string, len(tests))
	for i, c := range tests {
		values[i] = valueText(c.Value, true)
	}
	return tests[0].Field + " " + op + " [" + strings.Join(values, ", ") + "]"
}

// valueText quotes a value that could be taken for something else than one value, or would not be seen.
func valueText(value string, list bool) string {
	odd := value == "" || strings.TrimSpace(value) != value || strings.Contains(value, " and ") || strings.Contains(value, " or ")
	if odd || strings.ContainsFunc(value, func(r rune) bool {
		return !unicode.IsPrint(r) || strings.ContainsRune(`"()`, r) || list && strings.ContainsRune("[],", r)
	}) {
		return strconv.Quote(value)
	}
	return value
}
