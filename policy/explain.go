// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	"caisson/bpf/layout"
)

// Truth is what is known of a condition.
type Truth uint8

// What is known of a condition.
const (
	Fails   Truth = iota // it does not hold
	Unclear              // only user space can tell
	Holds
)

// String is the truth as a verb.
func (t Truth) String() string {
	return [...]string{"does not hold", "is left to user space", "holds"}[t]
}

// MarshalText writes the truth's verb.
func (t Truth) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Finding is what is known of an expression for one subject, and of its parts.
type Finding struct {
	Expr  *Expr
	Truth Truth
	Sub   []Finding
}

// Step is one rule that was tried.
type Step struct {
	Index    int // of the rule
	Rule     Rule
	Inactive bool     // it has expired, or its schedule has no open window
	Finding  *Finding // nil: the rule has no condition, or is inactive
}

// Explanation says how a subject was decided.
type Explanation struct {
	Verdict  Verdict // of the image, which is the kernel's
	Final    Verdict // what becomes of it: another one where the image leaves it to user space; never DEFER, see [Judge.Decide]
	Later    string  // of a DEFER: what becomes of it, in a sentence
	ByOrigin bool    // a URL was decided by its origin; there is no image for that
	Steps    []Step  // the rules of the action, in order, up to the one that decided
	Others   int     // the policy's own rules before that one that are about other actions
	Notes    []string
}

// Explain decides a subject and says how.
func Explain(p *Policy, env Env, s Subject) (*Explanation, error) {
	env = env.Memo()
	m, err := Compile(p, env)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Notes: m.Notes()}
	switch {
	case s.URL != nil:
		x.Verdict, x.ByOrigin = Settle(p, env, s, 0), true
	case len(s.Names) > layout.MaxDepth:
		x.Verdict = refuse(ReasonTooDeep)
	default:
		x.Verdict = m.Run(s)
	}
	x.Final = x.Verdict
	if x.Verdict.Effect == Defer {
		if !x.ByOrigin {
			x.Final = Settle(p, env, s, x.Verdict.Rule)
		}
		x.Final = x.Final.carriedOut()
		x.Later = because(DeferText, m.deferred[x.Verdict.Rule])
		if x.Final.Reason == ReasonUnknownName {
			x.Later = because(UnknownNameText, m.deferred[x.Final.Rule])
		}
	}
	if x.Verdict.Reason == ReasonTooDeep || x.Verdict.Reason == ReasonProtocol {
		return x, nil // no rule was asked
	}

	for i, rule := range m.Rules() {
		if rule.Action != s.Action {
			if !rule.Baseline {
				x.Others++
			}
			continue
		}
		x.Steps = append(x.Steps, explainStep(env, i, rule, &s, x.Verdict.Effect == Defer && x.Verdict.Rule == i))
		if i == x.Final.Rule {
			break
		}
	}
	return x, nil
}

// explainStep tries one rule. Only a rule that the image defers is asked what of it is unclear: of all before it, the image
// is sure.
func explainStep(env Env, index int, rule Rule, s *Subject, deferred bool) Step {
	step := Step{Index: index, Rule: rule}
	if step.Inactive = !rule.Active(env.now()); step.Inactive || rule.When == nil {
		return step
	}
	f := finding(env, &rule, rule.When, s, deferred)
	step.Finding = &f
	return step
}

// finding looks at an expression and its parts.
func finding(env Env, rule *Rule, e *Expr, s *Subject, deferred bool) Finding {
	f := Finding{Expr: e}
	if e.Kind == Test {
		f.Truth = testTruth(env, rule, e, s, deferred)
		return f
	}
	for _, sub := range e.Sub {
		f.Sub = append(f.Sub, finding(env, rule, sub, s, deferred))
	}
	switch e.Kind {
	case All:
		f.Truth = Holds
		for _, sub := range f.Sub {
			f.Truth = min(f.Truth, sub.Truth)
		}
	case Any:
		for _, sub := range f.Sub {
			f.Truth = max(f.Truth, sub.Truth)
		}
	case Not:
		f.Truth = Holds - f.Sub[0].Truth
	}
	return f
}

// testTruth asks the specification about a rule that has only this condition, and the image, if it may be unclear.
func testTruth(env Env, rule *Rule, e *Expr, s *Subject, deferred bool) Truth {
	only := &Policy{Agent: "one", Baseline: BaselineNone, Rules: []Rule{{Name: rule.Name, Action: rule.Action, Effect: rule.Effect, When: e}}}
	if deferred {
		if s.URL != nil && Settle(only, env, *s, 0).Effect == Defer {
			return Unclear
		}
		if m, err := Compile(only, env); err == nil && m.Run(*s).Effect == Defer {
			return Unclear
		}
	}
	if Reference(only, env, *s).Rule == 0 {
		return Holds
	}
	return Fails
}

// maxReasons is how many alternatives that all fail are written out.
const maxReasons = 4

// Because is why an expression holds or does not: the parts that matter, in words.
func (f *Finding) Because() string {
	switch f.Expr.Kind {
	case Test:
		return f.Expr.String() + " " + f.Truth.String()
	case Not:
		text := f.Sub[0].Because()
		if f.Truth == Fails {
			text += ", and must not"
		}
		return text
	}

	var parts []string
	left := 0
	for i := range f.Sub {
		sub := &f.Sub[i]
		if sub.Truth != f.Truth {
			continue
		}
		if len(parts) == maxReasons {
			left++
			continue
		}
		parts = append(parts, sub.Because())
		if f.Expr.Kind == Any && f.Truth != Fails {
			break
		}
	}
	if len(parts) == 0 {
		return f.Expr.String() + " " + f.Truth.String() // all of nothing, or any of nothing
	}
	text := strings.Join(parts, ", ")
	if left > 0 {
		text += fmt.Sprintf(", and neither does any of %d more", left)
	}
	return text
}
