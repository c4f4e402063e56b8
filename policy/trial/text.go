// SPDX-License-Identifier: Apache-2.0

package trial

import (
	"fmt"
	"strings"

	"caisson/policy"
)

// Difference says in one line what was expected and what came; "" when they are the same.
func (o *Outcome) Difference() string {
	switch {
	case !o.Failed:
		return ""
	case o.Err != nil:
		return fmt.Sprintf("%s: %s", o.Case.Subject(), strings.ReplaceAll(o.Err.Error(), "\n", "; "))
	}

	want := o.Case.Expect.String()
	if o.Case.Rule != "" {
		want += " by " + o.Case.Rule
	}
	text := fmt.Sprintf("%s: expected %s, got %s by %s", o.Case.Subject(), want, o.Got, deciding(o.Rule, o.Reason))
	if o.Part != "" {
		text += fmt.Sprintf(", which decides %q", o.Part)
	}
	return text
}

// deciding names the rule that decided, with its place.
func deciding(r *policy.Rule, reason string) string {
	switch {
	case r == nil && reason == policy.ReasonNoRule:
		return reason
	case r == nil:
		return noRule + " (" + reason + ")"
	case r.File == "":
		return r.Name
	}
	return fmt.Sprintf("%s (%s:%d:%d)", r.Name, r.File, r.Pos.Line, r.Pos.Col)
}
