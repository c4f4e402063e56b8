// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"math/rand/v2"
	"strings"
	"testing"

	"caisson/policy"
	"caisson/policy/internal/small"
)

// TestCompareEqualsBruteForce compares policies subject by subject: what differs must be in the answer, and what is in the
// answer has been run by Compare itself.
func TestCompareEqualsBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	differences, later := 0, 0
	for range 400 {
		before := small.Policy(r)
		after := small.Change(r, before)
		got, err := Compare(Version{before, policy.Env{}}, Version{after, policy.Env{}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Complete {
			t.Fatal("the comparison is not complete")
		}
		listed := map[changeKey]bool{}
		for _, c := range got.Changes {
			listed[changeKey{c.Kind, c.Old, c.New}] = true
		}
		images := [2]*policy.Image{}
		for i, p := range []*policy.Policy{before, after} {
			if images[i], err = policy.Compile(p, policy.Env{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, k := range small.Tested {
			for _, s := range small.Subjects(k) {
				key := changeKey{k, outcomeOf(images[0], s), outcomeOf(images[1], s)}
				if key.old.Effect == policy.Defer && key.new.Effect == policy.Defer {
					// What both leave to user space is listed where it says something else.
					x, y := policy.Reference(before, policy.Env{}, s), policy.Reference(after, policy.Env{}, s)
					if x.Effect == y.Effect && x.Descendants == y.Descendants {
						continue
					}
					later++
				} else if key.old.Effect == key.new.Effect && key.old.Descendants == key.new.Descendants {
					continue
				}
				differences++
				if !listed[key] {
					t.Fatalf("%s %s: %+v is not listed", k, policy.SubjectText(s, nil), key)
				}
			}
		}
	}
	if differences < 1000 || later < 10 {
		t.Errorf("only %d differences were compared, %d in user space", differences, later)
	}
}

func outcomeOf(m *policy.Image, s policy.Subject) Outcome {
	v := m.Run(s)
	o := Outcome{Effect: v.Effect, Reason: v.Reason, Descendants: v.Descendants}
	if v.Rule >= 0 {
		o.Rule = m.Rules()[v.Rule].Name
	}
	return o
}

func parse(t *testing.T, rules string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("f", []byte("agent: a\nrules:\n"+rules))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCompare(t *testing.T) {
	src := `  - { name: src, action: file_write, conditions: { path: { starts_with: /project/src } }, effect: ALLOW }
`
	secret := `  - { name: secret, action: file_write, conditions: { path: { glob: "/project/**/*.pem" } }, effect: DENY }
`
	ask := `  - { name: src, action: file_write, conditions: { path: { starts_with: /project/src } }, effect: REQUIRE_APPROVAL }
`
	tool := `  - { name: tool, action: shell_exec, conditions: { command: { starts_with: tool run } }, effect: ALLOW }
`
	odd := `  - { name: odd, action: file_write, conditions: { path: { glob: "/project/src/[ab]" } }, effect: DENY }
`
	odder := `  - { name: odd, action: file_write, conditions: { path: { glob: "/project/src/[bc]" } }, effect: DENY }
`
	names := `  - { name: names, action: network, conditions: { host: { ends_with: .example } }, effect: ALLOW }
`
	cases := []struct{ name, before, after, want string }{
		{"nothing", src, src, ""},
		{"another order that changes nothing", src + tool, tool + src, ""},
		{"a rule more", src, src + tool, "shell_exec DENY  ALLOW tool: tool run"},
		{"a rule that is covered", src, src + secret, "file_write DENY  DENY secret: none"},
		{"a denial first", src, secret + src, "file_write ALLOW src DENY secret: /project/src/.pem"},
		{"a deferred rule", src, odd + src, "file_write ALLOW src DEFER odd: /project/src/x (ALLOW src)"},
		{"the same deferred rule", odd + src, odd + src, ""},
		{"another deferred rule", odd + src, odder + src, "file_write DEFER odd DEFER odd: /project/src/x (ALLOW src, ALLOW src)"},
		{"another rule behind a deferred one", odd + src, odd + ask,
			"file_write ALLOW src REQUIRE_APPROVAL src: /project/src\nfile_write DEFER odd DEFER odd: /project/src/x (ALLOW src, REQUIRE_APPROVAL src)"},
		{"a pattern of host names", src, src + names, ""},
		{"another effect", src, ask, "file_write ALLOW src REQUIRE_APPROVAL src: /project/src"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Compare(Version{parse(t, tc.before), policy.Env{}}, Version{parse(t, tc.after), policy.Env{}}, 0)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, c := range got.Changes {
				line := strings.Join([]string{c.Kind.String(), c.Old.Effect.String(), c.Old.Rule, c.New.Effect.String(), c.New.Rule}, " ") +
					": " + policy.SubjectText(c.Example, nil)
				var settled []string
				for _, o := range []*Outcome{c.OldSettled, c.NewSettled} {
					if o != nil {
						settled = append(settled, o.Effect.String()+" "+o.Rule)
					}
				}
				if len(settled) > 0 {
					line += " (" + strings.Join(settled, ", ") + ")"
				}
				lines = append(lines, line)
			}
			want := tc.want
			if strings.HasSuffix(want, ": none") {
				want = "" // a denial where nothing was allowed is no change
			}
			if s := strings.Join(lines, "\n"); s != want || !got.Complete || got.Different() != (want != "") {
				t.Errorf("got  %s\nwant %s", s, want)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	plain := &policy.Policy{Agent: "a"}
	other := &policy.Policy{Agent: "a", Mode: policy.Observe, Baseline: policy.BaselineNone}
	for _, tc := range []struct {
		name          string
		before, after *policy.Policy
		want          []Setting
		changes       bool
	}{
		{"same", plain, plain, nil, false},
		{"both", plain, other, []Setting{{"mode", "enforce", "observe"}, {"baseline", "runtime", "none"}}, true},
		{"removed", plain, nil, []Setting{{"policy", "there", "none"}}, true},
		{"new", nil, plain, []Setting{{"policy", "none", "there"}}, true},
	} {
		got, err := Compare(Version{Policy: tc.before}, Version{Policy: tc.after}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Settings) != len(tc.want) || len(got.Changes) > 0 != tc.changes {
			t.Fatalf("%s: got %+v", tc.name, got)
		}
		for i := range tc.want {
			if got.Settings[i] != tc.want[i] {
				t.Errorf("%s: got %+v", tc.name, got.Settings[i])
			}
		}
	}
}

// TestBound stops early, and says so.
func TestBound(t *testing.T) {
	got, err := Compare(Version{parse(t, `  - { name: r, action: file_write, effect: ALLOW }
`), policy.Env{}}, Version{parse(t, `  - { name: r, action: file_write, conditions: { path: { equals: /a/b/c/d } }, effect: ALLOW }
`), policy.Env{}}, 2)
	if err != nil || got.Complete {
		t.Errorf("complete %v, %v", got.Complete, err)
	}
}
