// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"slices"
	"strings"
	"testing"

	"caisson/policy"
	"caisson/policy/policytest"
)

// shortNames are all names that brute force puts together.
var shortNames = []string{"a", "b", "ab", "abb", "a.x", "b.x", "aa", "x", "A", "bb", "ba", "q", "aba", strings.Repeat("n", 60), strings.Repeat("n", 60) + "o"}

// byteNames turns strings into the bytes that subjects are made of.
func byteNames(list []string) [][]byte {
	var out [][]byte
	for _, name := range list {
		out = append(out, []byte(name))
	}
	return out
}

// everySubject lists the subjects of a kind with few names, which is all that brute force can look at.
func everySubject(k policy.Kind) []policy.Subject {
	var lists [][]string
	level := [][]string{{}}
	for range 3 {
		lists = append(lists, level...)
		var next [][]string
		for _, l := range level {
			for _, n := range shortNames {
				next = append(next, append(slices.Clone(l), n))
			}
		}
		level = next
	}
	var out []policy.Subject
	for _, l := range lists {
		s := policy.Subject{Action: k.Action(), Names: byteNames(l)}
		switch {
		case len(l) == 0 && k != policy.ReadKind && k != policy.WriteKind:
			continue
		case k == policy.ExecKind:
			out = append(out, policy.Subject{Action: policy.ShellExec, Names: byteNames(l)})
			s.Names, s.Args = byteNames([]string{"a", "b"}), byteNames(l)
		case k == policy.UnixKind:
			s.Proto = policy.ProtoUnix
			out = append(out, policy.Subject{Action: policy.Network, Proto: policy.ProtoUnix, Names: byteNames([]string{"@/" + l[0]})})
		}
		out = append(out, s)
	}
	return out
}

// TestExplorationSeesEveryVerdict walks random policies, and compares what is found with brute force and with near misses of
// their rules: each verdict that some subject has must be found, and each subject that is found must have its verdict.
func TestExplorationSeesEveryVerdict(t *testing.T) {
	for name, opt := range map[string]policytest.Options{
		"patterns that fit": {}, "patterns beyond an edge": {Deferred: true}, "more patterns than a node carries": {Deferred: true, Crowded: true}, "a crowd": {Dense: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := policytest.Seeded(uint64(len(name)))
			places := 0
			for range 40 {
				p := opt.Policy(c)
				m, err := policy.Compile(p, policytest.Env)
				if err != nil {
					t.Fatal(err)
				}
				near := map[policy.Kind][]policy.Subject{}
				for range 200 {
					s := opt.Subject(c, p)
					if kind, ok := kindOf(s); ok {
						near[kind] = append(near[kind], s)
					}
				}
				for _, k := range []policy.Kind{policy.ReadKind, policy.WriteKind, policy.ExecKind, policy.UnixKind} {
					got := verdicts(t, m, k, p)
					places += len(got)
					for _, s := range append(everySubject(k), near[k]...) {
						if _, ok := got[m.Run(s)]; !ok {
							t.Fatalf("%s: verdict %+v is not found", policytest.Describe(p, s), m.Run(s))
						}
					}
				}
			}
			if places < 200 {
				t.Errorf("only %d verdicts", places)
			}
		})
	}
}

// kindOf is the kind of a subject that can be: not one that was cut off or is too long, or has a name which no file has.
func kindOf(s policy.Subject) (policy.Kind, bool) {
	odd := func(name []byte) bool {
		return len(name) == 0 || strings.ContainsAny(string(name), "/\x00") || string(name) == "." || string(name) == ".."
	}
	abstract := len(s.Names) == 1 && strings.HasPrefix(string(s.Names[0]), "@/")
	if s.TruncatedArgs || len(s.Names)+len(s.Args) > 200 || !abstract && slices.ContainsFunc(s.Names, odd) || len(s.Names) == 0 && s.Action > policy.FileWrite ||
		slices.ContainsFunc(s.Args, func(arg []byte) bool { return strings.Contains(string(arg), "\x00") }) {
		return 0, false
	}
	switch {
	case s.Action == policy.Network:
		return policy.UnixKind, true
	case s.Action == policy.ShellExec:
		return policy.ExecKind, !abstract
	case s.Action == policy.FileWrite:
		return policy.WriteKind, !abstract
	}
	return policy.ReadKind, !abstract
}

// verdicts are those that an exploration finds. Each subject that it knows is run.
func verdicts(t *testing.T, m *policy.Image, k policy.Kind, p *policy.Policy) map[policy.Verdict]bool {
	t.Helper()
	out := map[policy.Verdict]bool{}
	e := &policy.Exploration{Kind: k, Sides: []policy.Side{{Image: policy.NewAutomaton(m.Runner), Kind: k}}}
	if !e.Each(func(place *policy.Place) bool {
		out[place.Verdicts[0]] = true
		if !place.Real {
			return true
		}
		s := place.Subject()
		if v := m.Run(s); v != place.Verdicts[0] {
			t.Fatalf("%s: the runner says %+v, the place %+v", policytest.Describe(p, s), v, place.Verdicts[0])
		}
		if err := policy.Agrees(p, policytest.Env, s, place.Verdicts[0]); err != nil {
			t.Fatal(err)
		}
		return true
	}) {
		t.Fatal("the exploration is not complete")
	}
	return out
}

// TestGlobEqualsReference compares a glob with the specification of the rule that says the same.
func TestGlobEqualsReference(t *testing.T) {
	c := policytest.Seeded(5)
	opt := policytest.Options{Deferred: true, Crowded: true, Plain: true}
	kinds := map[policy.Action]policy.Kind{policy.FileWrite: policy.WriteKind, policy.ShellExec: policy.ExecKind, policy.Network: policy.UnixKind}
	inside := map[policy.Kind]int{}
	for range 1500 {
		p := opt.Policy(c, policy.FileWrite, policy.ShellExec, policy.Network)
		p.Baseline, p.Rules = policy.BaselineNone, p.Rules[:1]
		// What a rule that denies means is all that the glob may mean.
		p.Rules[0].Effect = policy.Deny
		rule := p.Rules[0]
		if rule.When == nil || rule.When.Test.Op != "glob" {
			continue
		}
		k := kinds[rule.Action]
		g, err := policy.NewGlob(k, policytest.Env, rule.When.Test.Value)
		if err != nil {
			t.Fatal(err)
		}
		subjects := everySubject(k)
		for i := range 200 {
			s := subjects[c.IntN(len(subjects))]
			if i%2 == 0 {
				s = opt.Subject(c, p)
			}
			if _, ok := kindOf(s); !ok {
				continue
			}
			want := policy.Reference(p, policytest.Env, s)
			if g.Match(s) != (want.Rule == 0) && want.Reason != policy.ReasonTooLong {
				t.Fatalf("%s: %v, want %+v", policytest.Describe(p, s), g.Match(s), want)
			}
			if g.Match(s) {
				inside[k]++
			}
		}
	}
	for _, k := range kinds {
		if inside[k] < 100 {
			t.Errorf("%s: only %d subjects lie in a glob", k, inside[k])
		}
	}
}
