// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"fmt"

	"caisson/policy"
)

// name is the rule of a verdict, or why there is none.
func name(j *policy.Judge, v policy.Verdict) string {
	if rule := j.Rule(v); rule != nil {
		return rule.Name
	}
	return cmp.Or(v.Reason, policy.ReasonNoRule)
}

// place is where a rule stands.
func place(r *policy.Rule) string { return fmt.Sprintf("%s:%d", r.File, r.Pos.Line) }
