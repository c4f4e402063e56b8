// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"testing"
)

// TestJudgeSettlesConnections: a judge says of a connection what the image and then all rules say, and never DEFER.
func TestJudgeSettlesConnections(t *testing.T) {
	g, seen := netGen{seeded(12)}, map[string]int{}
	for range 600 {
		p := g.policy()
		j, err := NewJudge(p, genEnv, p.Agent)
		if err != nil {
			t.Fatal(err)
		}
		for range 25 {
			s := g.subject()
			want := j.image.Run(s)
			if want.Effect == Defer {
				want = Settle(p, genEnv, s, want.Rule)
				seen[want.Effect.String()]++
			}
			if got := j.Decide(s); got != want.carriedOut() || got.Effect == Defer {
				t.Fatalf("%s%d %s %d: judge %+v, rules %+v", showNet(p), s.Proto, s.Addr, s.Port, got, want)
			}
		}
	}
	if seen["DEFER"] < 100 {
		t.Errorf("what was settled is not varied: %v", seen)
	}
	t.Logf("settled as %v", seen)
}

// TestSettlingCostDoesNotGrowWithRules: one rule that the image defers does not make every subject go through all of them.
func TestSettlingCostDoesNotGrowWithRules(t *testing.T) {
	allocs := map[int]float64{}
	for _, n := range []int{10, 2000} {
		lines := []string{"DENY regex /.*[.]secret"}
		for i := range n {
			lines = append(lines, fmt.Sprintf("ALLOW starts_with /data/project%d/src", i))
		}
		j, err := NewJudge(filePolicy(t, lines...), Env{}, "a")
		if err != nil {
			t.Fatal(err)
		}
		s := writing(t, "/data/project7/src/x.go")
		if v, by := j.decide(s); v.Effect != Allow || v.Rule != 8 || by != 0 {
			t.Fatalf("got %+v, left to user space by %d", v, by)
		}
		allocs[n] = testing.AllocsPerRun(100, func() { j.Decide(s) })
	}
	if allocs[2000] > allocs[10] {
		t.Errorf("allocations by number of rules: %v", allocs)
	}
}

// TestHostNamesCannotBeKnown: a connection to a URL is an address to the kernel, so a rule with a pattern of names denies it.
func TestHostNamesCannotBeKnown(t *testing.T) {
	p, err := Parse("f.yaml", []byte(`agent: a
rules:
  - { name: inside, action: network, conditions: { address: { equals: 10.0.0.0/8 } }, effect: ALLOW }
  - { name: api, action: network, conditions: { host: { equals: api.example }, port: { equals: 443 } }, effect: ALLOW }
  - { name: names, action: network, conditions: { host: { ends_with: .example }, port: { equals: 443 } }, effect: ALLOW }
  - { name: web, action: network, conditions: { port: { in: [80, 443] } }, effect: ALLOW }
`))
	if err != nil {
		t.Fatal(err)
	}
	j, err := NewJudge(p, Env{}, "a")
	if err != nil {
		t.Fatal(err)
	}
	denied := UnknownNameText + " (" + whyName + ")"
	for _, tc := range []struct{ target, want, reason string }{
		{"10.1.1.1:443", "ALLOW inside", ""}, {"192.0.2.1:80", "ALLOW web", ""}, {"192.0.2.1:443", "DENY names", denied},
		{"https://api.example", "ALLOW api", ""}, {"https://www.example", "DENY names", denied}, {"https://www.other.org", "DENY names", denied},
		{"http://www.other.org", "ALLOW web", ""}, {"www.example:443", "DENY names", denied},
	} {
		s, err := ConnectSubject(tc.target)
		if err != nil {
			t.Fatal(err)
		}
		a, v := j.Answer(s), j.Decide(s)
		if got := a.Effect.String() + " " + a.Rule; got != tc.want || a.Reason != tc.reason || (v.Reason == ReasonUnknownName) != (tc.reason != "") || a.Later != "" {
			t.Errorf("%s: %+v, %+v, want %s, %q", tc.target, a, v, tc.want, tc.reason)
		}
	}
}
