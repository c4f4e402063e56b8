// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"strings"
	"testing"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/policy"
)

// What the kernel did must follow from what it decided, and what it decided from the image. The one exception is an agent
// that is only observed.
func TestAgree(t *testing.T) {
	const allowed, refused = "/project/f", "/data/f" // what the rule about reading says
	tests := []struct {
		name     string
		observe  bool
		change   func(*layout.Event)
		path     string
		differs  string // part of the disagreement; "": none
		verdict  string
		enforced string
		counts   Counts
	}{
		{"allowed", false, nil, allowed, "", "ALLOW", "allow", Counts{Allowed: 1}},
		{"denied", false, nil, refused, "", "DENY", "deny", Counts{Denied: 1}},
		{"allowed and not done", false, func(e *layout.Event) { e.Denied = 1 }, allowed, "was not that", "ALLOW", "deny", Counts{Denied: 1}},
		{"denied and done", false, func(e *layout.Event) { e.Denied = 0 }, refused, "was not that", "DENY", "observed", Counts{Observed: 1}},
		{"another verdict", false, func(e *layout.Event) { e.Verdict, e.Denied = 0, 1 }, allowed, "kernel: DENY by no rule", "DENY", "deny", Counts{Denied: 1}},

		{"observed: allowed", true, nil, allowed, "", "ALLOW", "allow", Counts{Allowed: 1}},
		{"observed: denied and done", true, func(e *layout.Event) { e.Denied = 0 }, refused, "", "DENY", "observed", Counts{Observed: 1}},
		{"observed: another verdict", true, func(e *layout.Event) { e.Verdict, e.Denied = 0, 0 }, allowed, "kernel: DENY by no rule", "DENY", "observed", Counts{Observed: 1}},
		{"observed: allowed and not done", true, func(e *layout.Event) { e.Denied = 1 }, allowed, "was not that", "ALLOW", "deny", Counts{Denied: 1}},
		{"observed: cannot be judged", true, reason(layout.ReasonTooDeep, 0), refused, "", "DENY", "observed", Counts{Observed: 1}},
		{"observed: hard floor", true, reason(layout.ReasonFloor, 1), refused, "", "DENY", "deny", Counts{Denied: 1}},
		{"observed: hard floor, but done", true, reason(layout.ReasonFloor, 0), refused, "was not that", "DENY", "observed", Counts{Observed: 1}},
		{"observed: broken image, but done", true, reason(layout.ReasonBroken, 0), refused, "was not that", "DENY", "observed", Counts{Observed: 1}},

		{"cannot be judged", false, reason(layout.ReasonTooDeep, 1), refused, "", "DENY", "deny", Counts{Denied: 1}},
		{"cannot be judged, but done", false, reason(layout.ReasonTooDeep, 0), refused, "was not that", "DENY", "observed", Counts{Observed: 1}},
		{"launch", false, reason(layout.ReasonLaunch, 0), refused, "", "ALLOW", "allow", Counts{Allowed: 1}},
		{"control socket", false, reason(layout.ReasonControl, 0), refused, "", "ALLOW", "allow", Counts{Allowed: 1}},
		{"descendant", false, reason(layout.ReasonDescendant, 0), refused, "", "ALLOW", "allow", Counts{Allowed: 1}},
		{"interpreter goes on", false, reason(layout.ReasonContinued, 0), refused, "", "ALLOW", "allow", Counts{Allowed: 1}},
		{"descendant, but not done", false, reason(layout.ReasonDescendant, 1), refused, "was not that", "ALLOW", "deny", Counts{Denied: 1}},
		{"descendant, although a rule decides", false, reason(layout.ReasonDescendant, 0), allowed, "a rule has decided", "ALLOW", "allow", Counts{Allowed: 1}},
		{"interpreter, with another verdict", false, func(e *layout.Event) {
			e.Reason, e.Denied, e.Verdict = layout.ReasonContinued, 0, layout.Verdict(layout.EffectDeny, 1)
		},
			refused, "kernel: DENY by rule", "ALLOW", "allow", Counts{Allowed: 1}},
		{"unknown policy: denied and done", false, func(e *layout.Event) { e.Generation, e.Denied = 5, 0 }, refused, "", "DENY", "observed", Counts{Observed: 1}},
		{"no policy: denied and done", false, func(e *layout.Event) { e.Generation, e.Reason, e.Denied = 0, layout.ReasonNoPolicy, 0 }, refused, "was not that", "DENY", "observed", Counts{Observed: 1}},
		{"other words, observed", false, func(e *layout.Event) { e.Generation, e.Reason, e.Denied = 0, layout.ReasonArgv, 0 }, refused, "", "DENY", "observed", Counts{Observed: 1}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			if tc.observe {
				b.Learn(me, gen, &policy.Policy{Mode: policy.Observe}, policy.Env{}, b.image)
			}
			e := b.ask(policy.FileRead, layout.OpOpen, tc.path, "", 0)
			if tc.change != nil {
				tc.change(&e)
			}
			if err := b.Handle(e, []byte(tc.path), nil); err != nil {
				t.Fatal(err)
			}

			difference := ""
			if b.records[0].Kind == audit.KindDisagreement {
				difference = b.records[0].Text
			}
			if !strings.Contains(difference, tc.differs) || (difference == "") != (tc.differs == "") || (b.Stats().Disagreements == 0) != (tc.differs == "") {
				t.Errorf("difference %q, want %q", difference, tc.differs)
			}
			r := b.records[len(b.records)-1]
			if r.Kind != audit.KindFileOpen || r.Verdict != tc.verdict || r.Enforced != tc.enforced {
				t.Errorf("record %s: %s, %s", r.Kind, r.Verdict, r.Enforced)
			}
			if b.Agent(me) != tc.counts || b.Run(run) != tc.counts {
				t.Errorf("counted %+v, %+v", b.Agent(me), b.Run(run))
			}
		})
	}
}

// reason is a change of an event to one that has been decided for a reason, denied or not.
func reason(why, denied uint8) func(*layout.Event) {
	return func(e *layout.Event) { e.Reason, e.Denied = why, denied }
}

// Only a program that was refused too late has been killed.
func TestKilled(t *testing.T) {
	tests := []struct {
		reason, denied uint8
		killed         bool
	}{
		{layout.ReasonArgv, 1, true}, {layout.ReasonInterp, 1, true}, {layout.ReasonArgv, 0, false}, {layout.ReasonTooDeep, 1, false},
	}
	for _, tc := range tests {
		text := reasonText(&layout.Event{Reason: tc.reason, Denied: tc.denied})
		if strings.HasSuffix(text, ": killed") != tc.killed {
			t.Errorf("reason %d, denied %d: %q", tc.reason, tc.denied, text)
		}
	}
}
