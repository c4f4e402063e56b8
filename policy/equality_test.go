// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"testing"

	"caisson/policy"
	"caisson/policy/policytest"
)

// comparePair runs one subject on the image and on the specification, and says what is wrong.
func comparePair(p *policy.Policy, m *policy.Image, s policy.Subject, exact bool) string {
	got := m.Run(s)
	if exact {
		if want := policy.DeferringReference(p, policytest.Env, s); got != want {
			return fmt.Sprintf("image %+v, specification with deferral %+v", got, want)
		}
	}

	// An image may refuse to settle what the specification settles, and then it denies; it may never say anything else.
	want := policy.Reference(p, policytest.Env, s)
	if got.Effect == policy.Defer {
		if settled := policy.Settle(p, policytest.Env, s, got.Rule); settled != want {
			return fmt.Sprintf("image %+v, settled as %+v, specification %+v", got, settled, want)
		}
	}
	switch {
	case got == want:
	case got.Reason == policy.ReasonTooLong:
	case got.Effect == policy.Defer && (want.Rule < 0 || want.Rule >= got.Rule):
	default:
		return fmt.Sprintf("image %+v, specification %+v", got, want)
	}
	return ""
}

func TestImageEqualsReference(t *testing.T) {
	cases := []struct {
		name     string
		opt      policytest.Options
		policies int
		deferred bool // whether DEFER comes up; the other effects do anyway, or the test compares nothing
	}{
		{"patterns that fit", policytest.Options{}, 600, false},
		{"single conditions", policytest.Options{Plain: true, Deferred: true}, 600, true},
		{"patterns beyond an edge", policytest.Options{Deferred: true}, 600, true},
		{"more patterns than a node carries", policytest.Options{Deferred: true, Crowded: true}, 300, true},
		{"a crowd of patterns", policytest.Options{Dense: true}, 100, true},
	}
	const subjects = 40
	for at, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := policytest.Seeded(uint64(at) + 1)
			seen := map[policy.Effect]int{}
			reasons := map[string]int{}
			for range tc.policies {
				p := tc.opt.Policy(c)
				m, err := policy.Compile(p, policytest.Env)
				if err != nil {
					t.Fatalf("compile: %v", err)
				}
				for range subjects {
					s := tc.opt.Subject(c, p)
					v := m.Run(s)
					seen[v.Effect]++
					reasons[v.Reason]++
					crowded := len(m.Deferred()) > 0 && hasWhy(m, "more than 8 patterns at one place")
					if msg := comparePair(p, m, s, !crowded); msg != "" {
						t.Fatalf("%s\n%s", msg, policytest.Describe(p, s))
					}
				}
			}
			if seen[policy.Allow] == 0 || seen[policy.Deny] == 0 || seen[policy.RequireApproval] == 0 || (seen[policy.Defer] > 0) != tc.deferred {
				t.Errorf("subjects are not varied: %v", seen)
			}
			t.Logf("effects: %v, reasons: %v", seen, reasons)
		})
	}
}

// TestJudgeSettles: a judge says of every subject what the image and then all rules say, though it does not ask all of them.
func TestJudgeSettles(t *testing.T) {
	for at, opt := range []policytest.Options{{Plain: true, Deferred: true}, {Deferred: true}, {Deferred: true, Crowded: true}} {
		c, settled := policytest.Seeded(uint64(at)+20), map[policy.Effect]int{}
		for range 200 {
			p := opt.Policy(c)
			j, err := policy.NewJudge(p, policytest.Env, p.Agent)
			if err != nil {
				t.Fatal(err)
			}
			m, err := policy.Compile(p, policytest.Env)
			if err != nil {
				t.Fatal(err)
			}
			for range 60 {
				s := opt.Subject(c, p)
				want := m.Run(s)
				if want.Effect == policy.Defer {
					want = policy.Settle(p, policytest.Env, s, want.Rule)
					settled[want.Effect]++
				}
				if got := j.Decide(s); got != want {
					t.Fatalf("judge %+v, rules %+v\n%s", got, want, policytest.Describe(p, s))
				}
			}
		}
		if settled[policy.Allow] < 50 || settled[policy.Deny] < 50 || settled[policy.RequireApproval] < 50 || settled[policy.Defer] > 0 {
			t.Errorf("what was settled is not varied: %v", settled)
		}
		t.Logf("settled as %v", settled)
	}
}

// hasWhy says whether some rule is deferred for a reason.
func hasWhy(m *policy.Image, why string) bool {
	for _, w := range m.Deferred() {
		if w == why {
			return true
		}
	}
	return false
}

func FuzzEquality(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3, 0, 0, 5, 2, 1, 4, 4, 4, 7, 7, 7, 1, 0, 3, 9, 9})
	f.Add([]byte("a policy is chosen by the bytes of this text, and so are its subjects"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := policytest.Bytes(data)
		opt := policytest.Options{Deferred: true}
		p := opt.Policy(c)
		m, err := policy.Compile(p, policytest.Env)
		if err != nil {
			t.Fatalf("compile: %v", err)
		}
		for range 4 {
			s := opt.Subject(c, p)
			if msg := comparePair(p, m, s, !hasWhy(m, "more than 8 patterns at one place")); msg != "" {
				t.Fatalf("%s\n%s", msg, policytest.Describe(p, s))
			}
		}
	})
}
