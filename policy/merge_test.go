// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Ten rules, each inside the one behind it, allow and deny in turns: what decides is the innermost that covers the path.
func TestNestedTenDeep(t *testing.T) {
	const depth = 10
	for _, op := range []string{"starts_with %s", "glob %s/**"} {
		var lines []string
		for level := depth; level > 0; level-- {
			effect := []string{"ALLOW", "DENY"}[level%2]
			lines = append(lines, effect+" "+fmt.Sprintf(op, strings.Repeat("/d", level)))
		}
		m := compiled(t, filePolicy(t, lines...), Env{})
		for level := range depth + 3 {
			for _, end := range []string{"", "/x", "/x/d/y"} {
				want := refuse(ReasonNoRule)
				if n := min(level, depth); n > 0 {
					want = Verdict{Effect: []Effect{Allow, Deny}[n%2], Rule: depth - n}
				}
				path := "/" + strings.TrimPrefix(strings.Repeat("/d", level)+end, "/")
				if got := m.Run(writing(t, path)); got != want {
					t.Errorf("%s: %s: got %+v, want %+v", op, path, got, want)
				}
			}
		}
	}
}

// permutations calls f with every order of the numbers below n.
func permutations(n int, f func([]int)) {
	var rest func(order []int)
	rest = func(order []int) {
		if len(order) == n {
			f(order)
			return
		}
		for i := range n {
			if !slices.Contains(order, i) {
				rest(append(slices.Clone(order), i))
			}
		}
	}
	rest(nil)
}

// Whatever the order of rules, the first that covers the path decides; merging them must not change who is first.
func TestEveryOrderOfRules(t *testing.T) {
	lines := []string{"ALLOW starts_with /a", "DENY glob /**/*.c", "REQUIRE_APPROVAL contains b/", "DENY equals /a/b/x.c", "ALLOW ends_with c"}
	covers := map[string][]bool{ // by path: which of the lines cover it
		"/a": {true, false, false, false, false}, "/a/b/x.c": {true, true, true, true, true}, "/b/x": {false, false, true, false, false},
		"/x.c": {false, true, false, false, true}, "/ab/xc": {false, false, true, false, true}, "/a/b": {true, false, false, false, false},
		"/q": {false, false, false, false, false}, "/a/xb/c/d.c": {true, true, true, false, true},
	}
	permutations(len(lines), func(order []int) {
		var shuffled []string
		for _, i := range order {
			shuffled = append(shuffled, lines[i])
		}
		p := filePolicy(t, shuffled...)
		m := compiled(t, p, Env{})
		for path, by := range covers {
			want := refuse(ReasonNoRule)
			if first := slices.IndexFunc(order, func(i int) bool { return by[i] }); first >= 0 {
				want = Verdict{Effect: p.Rules[first].Effect, Rule: first}
			}
			if got := m.Run(writing(t, path)); got != want {
				t.Fatalf("%v: %s: got %+v, want %+v", shuffled, path, got, want)
			}
		}
	})
}

// Rules that mean the same are one node, whatever way they are written.
func TestEqualFuturesShareNodes(t *testing.T) {
	cases := []struct {
		name     string
		one, two []string
	}{
		{"a rule behind one that covers all", []string{"ALLOW starts_with /"}, []string{"ALLOW starts_with /", "DENY glob /**/*x*"}},
		{"a star more", []string{"ALLOW glob /a/**"}, []string{"ALLOW glob /a/**/**"}},
		{"a class of one byte", []string{"ALLOW glob /a/b*"}, []string{"ALLOW glob /a/[b]*"}},
		{"a regex without operators", []string{"DENY equals /a/b"}, []string{"DENY regex /a/b"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p, q := filePolicy(t, tc.one...), filePolicy(t, tc.two...)
			p.Baseline, q.Baseline = BaselineNone, BaselineNone
			a, b := compiled(t, p, Env{}).Stats(), compiled(t, q, Env{}).Stats()
			if a.Nodes != b.Nodes || a.Edges != b.Edges {
				t.Errorf("%+v and %+v", a, b)
			}
		})
	}
}
