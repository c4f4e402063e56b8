// SPDX-License-Identifier: Apache-2.0

package policytest

import (
	"fmt"
	"net/netip"
	"strings"

	"caisson/policy"
)

// Options say how wild the policies are. The zero value makes policies that an image decides without deferring.
type Options struct {
	Deferred bool // patterns that an image cannot hold, too
	Crowded  bool // more patterns than a node carries
	Dense    bool // many rules with patterns at the same few places and nothing else
	Plain    bool // no any, all and not
}

// Env knows one program, has two directories for programs, and moves one path.
var Env = policy.Env{
	LookPath: func(word string) (string, bool) { return "/a/b", word == "tool" },
	Locate: func(path string) (string, string, error) {
		if path == "/b" || strings.HasPrefix(path, "/b/") {
			return "/ab" + path[2:], "moved", nil
		}
		return path, "", nil
	},
	LookupHost: func(host string) []netip.Addr {
		if host == "h.example" {
			return []netip.Addr{netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("2001:db8::1")}
		}
		return nil
	},
	SecurePath: []string{"/a", "/x"},
	Shells:     []string{"/x/x"},
	Trusted:    []string{"/a", "/b/x"},
}

var (
	name60  = strings.Repeat("n", 60)
	name255 = strings.Repeat("m", 255)

	// names are near each other on purpose; some do not fit into an edge cell.
	names = []string{"a", "b", "ab", "abb", "a.x", "b.x", "aa", "x", "A", "aba", name60, name60 + "o", name255}
	// patterns are few enough for one node to carry all of them.
	patterns = []string{"a*", "*b", "a*b", "*.x", "a*b*b", "*a*", "n*n*o", "m*m"}
	// crowd are more, so that some become maybe.
	crowd = append([]string{"b*", "*a", "x*", "*x", "aa*", "*bb", "A*", "*b*", "a*b*a*b*a*b", "[a]*"}, patterns...)
	// beyond are what no image holds.
	beyond = []string{"?", "[ab]", "[!a]*", "*a?", "a?", "*" + strings.Repeat("n", 70), "a*a*a*b*b*b*x"}
	// effects that a rule may have.
	effects = []policy.Effect{policy.Allow, policy.Deny, policy.RequireApproval}
)

// Policy chooses a policy with rules for the given actions; for none given, for all that are decided by names.
func (o Options) Policy(c Chooser, actions ...policy.Action) *policy.Policy {
	if len(actions) == 0 {
		actions = []policy.Action{policy.FileWrite, policy.ShellExec, policy.FileWrite, policy.ShellExec, policy.FileRead, policy.Network}
	}
	p := &policy.Policy{Agent: "gen"}
	if c.IntN(8) != 7 {
		p.Baseline = policy.BaselineNone // which is long, and of one kind
	}
	if o.Dense {
		return o.dense(c, p, actions[0])
	}
	for i := range 1 + c.IntN(8) {
		r := policy.Rule{Name: fmt.Sprintf("r%d", i), Action: pick(c, actions), Effect: pick(c, effects)}
		r.Descendants = r.Action == policy.ShellExec && r.Effect == policy.Allow && c.IntN(3) == 0
		if c.IntN(12) > 0 {
			r.When = o.expr(c, r.Action, 0)
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

// dense chooses many rules with patterns at the same place.
func (o Options) dense(c Chooser, p *policy.Policy, a policy.Action) *policy.Policy {
	for i := range 10 + c.IntN(8) {
		value := "/" + pick(c, crowd) + pick(c, []string{"", "", "/**", "/b", "/**/*b"})
		field := "path"
		if a == policy.ShellExec {
			field, value = "command", value+" "+pick(c, crowd)
		}
		p.Rules = append(p.Rules, policy.Rule{Name: fmt.Sprintf("r%d", i), Action: a, Effect: pick(c, effects),
			When: test(field, "glob", value)})
	}
	return p
}

func test(field, op, value string) *policy.Expr {
	return &policy.Expr{Kind: policy.Test, Test: policy.Condition{Field: field, Op: op, Value: value}}
}

// expr chooses an expression, mostly a single condition.
func (o Options) expr(c Chooser, a policy.Action, depth int) *policy.Expr {
	kind := policy.Test
	if !o.Plain && depth < 3 {
		kind = pick(c, []policy.ExprKind{policy.Test, policy.Test, policy.Test, policy.All, policy.Any, policy.Not})
	}
	switch kind {
	case policy.Test:
		return o.condition(c, a)
	case policy.Not:
		return &policy.Expr{Kind: kind, Sub: []*policy.Expr{o.expr(c, a, depth+1)}}
	}
	return &policy.Expr{Kind: kind, Sub: several(c, 1, 3, func() *policy.Expr { return o.expr(c, a, depth+1) })}
}
