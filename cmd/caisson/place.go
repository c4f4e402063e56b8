// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"caisson/policy"
)

// rulePlace is where a rule stands: file:line:col, or "baseline".
func rulePlace(r *policy.Rule) string {
	if r.Baseline || r.File == "" {
		return "baseline"
	}
	return fmt.Sprintf("%s:%d:%d", r.File, r.Pos.Line, r.Pos.Col)
}

// ruleName is a rule's name, or the reason why there is none.
func ruleName(name, reason string) string {
	if name == "" {
		return reason
	}
	return name
}
