// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"
)

// field is one field of conditions.
type field struct {
	name      string
	actions   []Action
	ops       []string
	variables bool // whether ${HOME} and the like may stand in its values
	text      string
	check     func(a Action, op, value string) *valueError
	form      func(op string) form
}

// fields are the fields that exist.
var fields = []field{
	{"path", []Action{FileRead, FileWrite, Network}, textOps, true,
		"Where the file lies on the host. For network: the Unix socket at that place, or an abstract one, written @name.",
		checkPathOf, pathForm},
	{"command", []Action{ShellExec}, textOps, true, "The program that really runs, and its arguments, separated by blanks.",
		func(_ Action, op, v string) *valueError { return checkCommand(op, v) }, stringForm},
	{"url", []Action{Network}, textOps, false, "Scheme, host and port that are connected to, by TCP.",
		func(_ Action, op, v string) *valueError { return checkURL(op, v) }, stringForm},
	{"host", []Action{Network}, textOps, false, "The host that is connected to.",
		func(_ Action, op, v string) *valueError { return checkHost(op, v) }, stringForm},
	{"address", []Action{Network}, blockOps, false, "The IP address that is connected to: an address or a block.",
		func(_ Action, _, v string) *valueError {
			_, err := parsePrefix(v)
			return err
		}, stringForm},
	{"port", []Action{Network}, exactOps, false, "The port that is connected to: a number, or a range as \"1024-65535\".",
		func(_ Action, _, v string) *valueError {
			_, _, err := parsePorts(v)
			return err
		}, portForm},
	{"protocol", []Action{Network}, exactOps, false, "How it is connected to.",
		func(_ Action, _, v string) *valueError { return checkProtocol(v) },
		func(string) form { return enumForm(protocols...) }},
}

// protocols are those that an agent can use; the hard floor refuses every other.
var protocols = []string{"tcp", "udp", "unix"}

// fieldIndex finds a field by name; -1 when there is none.
func fieldIndex(name string) int {
	return slices.IndexFunc(fields, func(f field) bool { return f.name == name })
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

// checkCondition says whether a condition is one that a rule of the action can have, once its variables are bound.
func checkCondition(a Action, c Condition) *valueError {
	i := fieldIndex(c.Field)
	if i < 0 || !slices.Contains(fields[i].actions, a) {
		return badValue("", "%s has no field %q", a, c.Field)
	}
	f := fields[i]
	if !slices.ContainsFunc(f.ops, func(name string) bool { return operatorNamed(name).means == c.Op }) {
		return badValue("", "%s has no operator %q", c.Field, c.Op)
	}
	if f.variables {
		refs, err := references(c)
		if err != nil {
			return err
		}
		if len(refs) > 0 {
			return badByte(refs[0].start, "bind the policy to a run first", "variable ${%s} has no value yet", refs[0].name)
		}
	}
	return f.check(a, c.Op, c.Value)
}

// checkProtocol says whether a protocol is one that rules can name.
func checkProtocol(value string) *valueError {
	if slices.Contains(protocols, value) {
		return nil
	}
	return badValue("use "+alternatives(protocols)+meant(value, protocols), "no agent can use protocol %q", value)
}

// checkPathOf says whether the value of a path condition of the action is well formed.
func checkPathOf(a Action, op, value string) *valueError {
	if a == Network && strings.HasPrefix(value, "@") && op != opEndsWith && op != opContains && op != opRegex {
		return checkAbstract(op, value)
	}
	return checkPath(op, value)
}
