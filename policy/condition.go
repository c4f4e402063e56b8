// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// Operators.
const (
	opEquals     = "equals"
	opStartsWith = "starts_with"
	opEndsWith   = "ends_with"
	opContains   = "contains"
	opGlob       = "glob"
	opRegex      = "regex"
)

// textOps are the operators on text.
var textOps = []string{opEquals, opStartsWith, opEndsWith, opContains, opGlob, opRegex}

// fields says, for each condition field, on which actions it may stand, which operators it has, and whether a value is
// well formed. A field that is not here does not exist.
var fields = []struct {
	name    string
	actions []Action
	ops     []string
	check   func(op, value string) *valueError
}{
	{"path", []Action{FileRead, FileWrite, Network}, textOps, checkText(checkPath)},
	{"command", []Action{ShellExec}, textOps, checkText(checkCommand)},
	{"url", []Action{Network}, []string{opEquals, opStartsWith}, func(_, v string) *valueError {
		_, err := parseRuleURL(v)
		return err
	}},
	{"host", []Action{Network}, []string{opEquals}, func(_, v string) *valueError {
		_, err := parseHost(v)
		return err
	}},
	{"address", []Action{Network}, []string{opEquals}, func(_, v string) *valueError {
		_, err := parsePrefix(v)
		return err
	}},
	{"port", []Action{Network}, []string{opEquals}, func(_, v string) *valueError {
		_, err := parsePort(v)
		return err
	}},
	{"protocol", []Action{Network}, []string{opEquals}, func(_, v string) *valueError {
		if !slices.Contains([]string{"tcp", "udp", "unix"}, v) {
			return badValue("use tcp, udp or unix", "no agent can use the protocol %q", v)
		}
		return nil
	}},
}

// checkText leaves the operators on plain text alone.
func checkText(check func(op, value string) *valueError) func(op, value string) *valueError {
	return func(op, value string) *valueError {
		switch {
		case op == opEndsWith || op == opContains || strings.HasPrefix(value, "@"):
			return nil
		case op == opRegex:
			if _, err := syntax.Parse(value, syntax.Perl); err != nil {
				return badValue("", "%v", err)
			}
			return nil
		}
		return check(op, value)
	}
}

// fieldIndex finds a field by name; -1 when there is none.
func fieldIndex(name string) int {
	for i, f := range fields {
		if f.name == name {
			return i
		}
	}
	return -1
}

// fieldsOf are the names of the fields that an action has.
func fieldsOf(a Action) []string {
	var names []string
	for _, f := range fields {
		if slices.Contains(f.actions, a) {
			names = append(names, f.name)
		}
	}
	return names
}

// checkCondition says whether a condition is one that a rule of the action can have.
func checkCondition(a Action, c Condition) *valueError {
	i := fieldIndex(c.Field)
	if i < 0 || !slices.Contains(fields[i].actions, a) {
		return badValue("", "%s has no field %q", a, c.Field)
	}
	if !slices.Contains(fields[i].ops, c.Op) {
		return badValue("", "%s has no operator %q", c.Field, c.Op)
	}
	return fields[i].check(c.Op, c.Value)
}

// checkTogether says whether the conditions of one rule can stand together.
func checkTogether(list []Condition) *valueError {
	has := func(name string) bool {
		return slices.ContainsFunc(list, func(c Condition) bool { return c.Field == name })
	}
	if has("url") && (has("host") || has("address") || has("port")) {
		return badValue("a url already names host and port", "url cannot stand with host, address or port in one rule")
	}
	return nil
}
