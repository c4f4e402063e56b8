// SPDX-License-Identifier: Apache-2.0

package policy

import "fmt"

// Agrees compares the verdict of an image on a subject with the specification. An image may deny for reasons of its own
// what it cannot settle (a word too long, a pattern for user space); everything else must be the same.
func Agrees(p *Policy, env Env, s Subject, v Verdict) error {
	want := Reference(p, env, s)
	switch {
	case want.Effect == v.Effect && want.Rule == v.Rule:
	case v.Reason == ReasonTooLong || want.Reason == ReasonTooLong:
	case v.Effect == Defer && (want.Rule < 0 || want.Rule >= v.Rule):
	default:
		return fmt.Errorf("the image says %s (rule %d) about %s and the specification %s (rule %d) (a defect of caisson)",
			v.Effect, v.Rule, SubjectText(s, nil), want.Effect, want.Rule)
	}
	return nil
}
