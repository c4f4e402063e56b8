// SPDX-License-Identifier: Apache-2.0

// Package small makes policies and subjects over few names, so that tests can compare the answers of the tools with brute
// force: every subject there is. It is used by tests only and decides nothing.
package small

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"caisson/policy"
)

// names are near each other on purpose, and literals are some of them.
var (
	names    = []string{"a", "b", "ab", "ba", "aba", "c"}
	patterns = []string{"a*", "*b", "*a*", "a*a", "*", "*", "**", "?", "[ab]*", "a", "b", "ab", "c"}
	blocks   = []string{"10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.1.1.1", "::/0", "0.0.0.0/0"}
	ports    = []string{"22", "80"}
)

// Policy chooses a policy without a baseline.
func Policy(r *rand.Rand) *policy.Policy {
	p := &policy.Policy{Agent: "small", Baseline: policy.BaselineNone}
	for i := range 1 + r.IntN(5) {
		p.Rules = append(p.Rules, Rule(r, fmt.Sprintf("r%d", i)))
	}
	return p
}

// Change is the policy with one rule more, less or in another place.
func Change(r *rand.Rand, p *policy.Policy) *policy.Policy {
	q := *p
	q.Rules = append([]policy.Rule(nil), p.Rules...)
	switch i := r.IntN(len(q.Rules)); r.IntN(3) {
	case 0:
		q.Rules = append(q.Rules[:i], q.Rules[i+1:]...)
	case 1:
		q.Rules[i], q.Rules[0] = q.Rules[0], q.Rules[i]
	default:
		q.Rules = append(q.Rules[:i:i], append([]policy.Rule{Rule(r, "new")}, q.Rules[i:]...)...)
	}
	return &q
}

// Rule chooses a rule.
func Rule(r *rand.Rand, name string) policy.Rule {
	rule := policy.Rule{
		Name:   name,
		File:   "small",
		Action: pick(r, []policy.Action{policy.FileWrite, policy.FileWrite, policy.ShellExec, policy.Network}),
		Effect: pick(r, []policy.Effect{policy.Allow, policy.Allow, policy.Deny, policy.RequireApproval}),
	}
	rule.Descendants = rule.Action == policy.ShellExec && rule.Effect == policy.Allow && r.IntN(3) == 0
	rule.When = expr(r, rule.Action, 0)
	return rule
}

// expr chooses an expression, mostly a single condition.
func expr(r *rand.Rand, a policy.Action, depth int) *policy.Expr {
	kind := policy.Test
	if depth < 2 {
		kind = pick(r, []policy.ExprKind{policy.Test, policy.Test, policy.Test, policy.All, policy.Any, policy.Not})
	}
	switch kind {
	case policy.Test:
		return &policy.Expr{Kind: kind, Test: condition(r, a)}
	case policy.Not:
		return &policy.Expr{Kind: kind, Sub: []*policy.Expr{expr(r, a, depth+1)}}
	}
	return &policy.Expr{Kind: kind, Sub: []*policy.Expr{expr(r, a, depth+1), expr(r, a, depth+1)}}
}

// condition chooses a condition.
func condition(r *rand.Rand, a policy.Action) policy.Condition {
	test := func(field, op, value string) policy.Condition {
		return policy.Condition{Field: field, Op: op, Value: value}
	}
	switch {
	case a == policy.Network && r.IntN(3) == 0:
		return test("port", "equals", pick(r, ports))
	case a == policy.Network:
		return test("address", "equals", pick(r, blocks))
	case a == policy.ShellExec && r.IntN(4) == 0:
		return test("command", pick(r, []string{"contains", "ends_with"}), pick(r, names))
	case a == policy.ShellExec:
		return test("command", "glob", Glob(r, policy.ExecKind))
	}
	switch r.IntN(4) {
	case 0:
		return test("path", "starts_with", "/"+pick(r, names))
	case 1:
		return test("path", pick(r, []string{"contains", "ends_with"}), pick(r, []string{"b", "/b", "b/a", "ab"}))
	}
	return test("path", "glob", Glob(r, policy.WriteKind))
}

// Glob chooses a glob of a kind.
func Glob(r *rand.Rand, k policy.Kind) string {
	var list []string
	for range 1 + r.IntN(2) {
		list = append(list, pick(r, patterns))
	}
	if k == policy.ExecKind {
		return "/" + pick(r, patterns) + " " + strings.Join(list, " ")
	}
	return "/" + strings.Join(list, "/")
}

// Subjects are all subjects of a kind with up to two names, and as many words, from the alphabet.
func Subjects(k policy.Kind) []policy.Subject {
	var out []policy.Subject
	lists := [][][]byte{{}}
	for _, a := range names {
		lists = append(lists, [][]byte{[]byte(a)})
		for _, b := range names {
			lists = append(lists, [][]byte{[]byte(a), []byte(b)})
		}
	}
	switch k {
	case policy.TCPKind, policy.UDPKind:
		proto := map[policy.Kind]uint8{policy.TCPKind: policy.ProtoTCP, policy.UDPKind: policy.ProtoUDP}[k]
		for _, a := range []string{"10.0.0.1", "10.200.0.1", "10.1.1.1", "192.0.2.1", "2001:db8::1"} {
			for _, port := range []uint16{22, 80, 443} {
				out = append(out, policy.Subject{Action: policy.Network, Proto: proto, Addr: netip.MustParseAddr(a), Port: port})
			}
		}
	case policy.ExecKind:
		for _, l := range lists[1:] {
			for _, args := range lists {
				out = append(out, policy.Subject{Action: policy.ShellExec, Names: l, Args: args})
			}
		}
	default:
		for _, l := range lists {
			out = append(out, policy.Subject{Action: k.Action(), Names: l})
		}
	}
	return out
}

// Tested are the kinds that the generator knows.
var Tested = []policy.Kind{policy.WriteKind, policy.ExecKind, policy.TCPKind, policy.UDPKind}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }
