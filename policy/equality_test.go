// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"testing"
)

// comparePair runs one subject on the image and on the specification, and says what is wrong.
func comparePair(p *Policy, m *Image, s Subject, exact bool) string {
	got := m.Run(s)
	if exact {
		if want := reference(p, genEnv, s, true); got != want {
			return fmt.Sprintf("image %+v, specification with deferral %+v", got, want)
		}
	}

	// An image may refuse to settle what the specification settles, and then it denies; it may never say anything else.
	want := Reference(p, genEnv, s)
	switch {
	case got == want:
	case got.Reason == ReasonTooLong:
	case got.Effect == Defer && (want.Rule < 0 || want.Rule >= got.Rule):
	default:
		return fmt.Sprintf("image %+v, specification %+v", got, want)
	}
	return ""
}

// describe shows a policy and a subject in a failure.
func describe(p *Policy, s Subject) string {
	out := ""
	for _, r := range p.Rules {
		out += fmt.Sprintf("  %s %s %s", r.Name, r.Action, r.Effect)
		for _, c := range r.When.Conditions() {
			out += fmt.Sprintf(" %s %s %q", c.Field, c.Op, c.Value)
		}
		out += "\n"
	}
	return out + fmt.Sprintf("  %s %.60q %.60q truncated=%v", s.Action, s.Names, s.Args, s.TruncatedArgs)
}

func TestImageEqualsReference(t *testing.T) {
	cases := []struct {
		name     string
		opt      genOptions
		exact    bool
		policies int
		effects  bool // every effect must come up, or the test compares nothing
	}{
		{"patterns that fit", genOptions{patterns: genPatterns}, true, 3000, false},
		{"patterns beyond an edge", genOptions{patterns: genPatterns, complex: true}, true, 1500, true},
		{"more patterns than a node carries", genOptions{patterns: genOverflow, complex: true}, false, 700, true},
		{"a crowd of patterns", genOptions{patterns: genOverflow, dense: true}, false, 700, true},
	}
	const subjects = 40
	for at, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := seeded(uint64(at) + 1)
			seen := map[Effect]int{}
			for range tc.policies {
				p := tc.opt.policy(c)
				m, err := Compile(p, genEnv)
				if err != nil {
					t.Fatalf("compile: %v", err)
				}
				for range subjects {
					s := tc.opt.subject(c, p)
					seen[m.Run(s).Effect]++
					if msg := comparePair(p, m, s, tc.exact); msg != "" {
						t.Fatalf("%s\n%s", msg, describe(p, s))
					}
				}
			}
			if seen[Allow] == 0 || seen[Deny] == 0 || seen[RequireApproval] == 0 || (seen[Defer] > 0) != tc.effects {
				t.Errorf("subjects are not varied: %v", seen)
			}
			t.Logf("effects: %v", seen)
		})
	}
}

func FuzzEquality(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3, 0, 0, 5, 2, 1, 4, 4, 4, 7, 7, 7, 1, 0, 3, 9, 9})
	f.Add([]byte("a policy is chosen by the bytes of this text, and so are its subjects"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &byteChooser{data}
		opt := genOptions{patterns: genPatterns, complex: true}
		p := opt.policy(c)
		m, err := Compile(p, genEnv)
		if err != nil {
			t.Fatalf("compile: %v", err)
		}
		for range 4 {
			s := opt.subject(c, p)
			if msg := comparePair(p, m, s, true); msg != "" {
				t.Fatalf("%s\n%s", msg, describe(p, s))
			}
		}
	})
}
