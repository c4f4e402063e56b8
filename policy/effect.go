// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"

	"caisson/bpf/layout"
)

// Effect is what a verdict does. The values are those of the decision image.
type Effect uint8

// The effects. Defer never stands in a policy file: it is the image's answer where only user space could tell.
const (
	Deny            Effect = layout.EffectDeny
	Allow           Effect = layout.EffectAllow
	RequireApproval Effect = layout.EffectApprove
	Defer           Effect = layout.EffectDefer
)

var effectNames = [...]string{Deny: "DENY", Allow: "ALLOW", RequireApproval: "REQUIRE_APPROVAL", Defer: "DEFER"}

// String is the effect as the policy language writes it.
func (e Effect) String() string {
	if int(e) < len(effectNames) {
		return effectNames[e]
	}
	return fmt.Sprintf("effect(%d)", uint8(e))
}

// MarshalText writes the effect's name, so that JSON carries "ALLOW" and not a number.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads what [Effect.MarshalText] wrote; any other text is an error.
func (e *Effect) UnmarshalText(text []byte) error {
	for i, name := range effectNames {
		if string(text) == name {
			*e = Effect(i)
			return nil
		}
	}
	return fmt.Errorf("unknown effect %q (use ALLOW, DENY, REQUIRE_APPROVAL or DEFER)", text)
}

// parseEffect knows the effects that a policy file may name.
func parseEffect(s string) (Effect, bool) {
	for _, e := range []Effect{Allow, Deny, RequireApproval} {
		if s == effectNames[e] {
			return e, true
		}
	}
	return Deny, false
}
