// SPDX-License-Identifier: Apache-2.0

package policy

import "slices"

// Operators of conditions, as they are after parsing.
const (
	opEquals     = "equals"
	opStartsWith = "starts_with"
	opEndsWith   = "ends_with"
	opContains   = "contains"
	opGlob       = "glob"
	opRegex      = "regex"
)

// operator is one operator as a policy file writes it.
type operator struct {
	name    string
	means   string // the operator of the conditions that it becomes, one per value
	negated bool   // none of the values may match
	list    bool   // it needs a list
	text    string
}

var operators = []operator{
	{"equals", opEquals, false, false, "Exactly this value, or one of these."},
	{"not_equals", opEquals, true, false, "Not this value, or none of these."},
	{"in", opEquals, false, true, "One of these values."},
	{"not_in", opEquals, true, true, "None of these values."},
	{"starts_with", opStartsWith, false, false, "Begins with this value, by whole names, words or labels."},
	{"ends_with", opEndsWith, false, false, "Ends with this value."},
	{"contains", opContains, false, false, "Has this value somewhere in it."},
	{"glob", opGlob, false, false, "Matches this pattern: * inside one name, ** any number of names, ? one byte, [a-z] a class."},
	{"regex", opRegex, false, false, "All of it matches this RE2 expression."},
	{"cidr", opEquals, false, false, "Lies in this block of addresses."},
}

// Which operators fields have.
var (
	textOps  = []string{"equals", "not_equals", "in", "not_in", "starts_with", "ends_with", "contains", "glob", "regex"}
	exactOps = []string{"equals", "not_equals", "in", "not_in"}
	blockOps = []string{"equals", "not_equals", "in", "not_in", "cidr"}
)

// operatorNamed is the operator of that name, which must be one of a field's.
func operatorNamed(name string) operator {
	return operators[slices.IndexFunc(operators, func(o operator) bool { return o.name == name })]
}
