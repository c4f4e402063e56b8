// SPDX-License-Identifier: Apache-2.0

package policy

import "caisson/bpf/layout"

// Reasons of a verdict that no rule gave.
const (
	ReasonNoRule   = "no-rule"   // no rule matches
	ReasonNoPolicy = "no-policy" // the agent has no policy
	ReasonTooLong  = "too-long"  // a word too long for a pattern, or more names than a subject can have
	ReasonTooDeep  = "too-deep"  // a location with more names than the kernel reads
	ReasonProtocol = "protocol"  // neither TCP nor UDP, or no address
	ReasonBroken   = "broken"    // the image contradicts itself
)

// ReasonUnknownName is the reason of a denial by a rule that wants to know the name of a host. Only [Judge] gives it.
const ReasonUnknownName = "unknown-name"

// Verdict is the answer to one subject.
type Verdict struct {
	Effect Effect
	Rule   int    // index into [Policy.AllRules]; -1: no rule
	Reason string // why there is no rule, or [ReasonUnknownName]; "" when the rule says it all

	Descendants bool // what the program starts may run too, unless a rule denies it
}

// refuse is the verdict of no rule.
func refuse(reason string) Verdict { return Verdict{Effect: Deny, Rule: -1, Reason: reason} }

// wordVerdict turns a verdict word of an image into a verdict.
func wordVerdict(word uint32) Verdict {
	effect, rule := layout.SplitVerdict(word)
	if rule < 0 {
		return refuse(ReasonNoRule)
	}
	return Verdict{Effect: Effect(effect), Rule: rule, Descendants: word&layout.VerdictDescendants != 0}
}

// Word is the verdict as the kernel reports it.
func (v Verdict) Word() uint32 {
	if v.Rule < 0 {
		return 0
	}
	word := layout.Verdict(uint32(v.Effect), v.Rule)
	if v.Descendants {
		word |= layout.VerdictDescendants
	}
	return word
}

// carriedOut is what becomes of a verdict that nobody can settle any more: a DEFER is a denial.
func (v Verdict) carriedOut() Verdict {
	if v.Effect == Defer {
		return Verdict{Effect: Deny, Rule: v.Rule, Reason: ReasonUnknownName}
	}
	return v
}
