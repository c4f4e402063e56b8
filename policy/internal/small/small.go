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
		Action: pick(r, []policy.Action{policy.FileWrite, policy.FileWrite, policy.ShellExec, policy.Network}),
		Effect: pick(r, []policy.Effect{policy.Allow, policy.Allow, policy.Deny, policy.RequireApproval}),
	}
	var list []policy.Condition
	switch rule.Action {
	case policy.Network:
		list = append(list, policy.Condition{Field: "address", Op: "equals", Value: pick(r, blocks)})
		if r.IntN(2) == 0 {
			list = append(list, policy.Condition{Field: "port", Op: "equals", Value: pick(r, ports)})
		}
	case policy.ShellExec:
		list = append(list, policy.Condition{Field: "command", Op: "glob", Value: Glob(r, policy.ExecKind)})
	default:
		list = append(list, policy.Condition{Field: "path", Op: pick(r, []string{"glob", "glob", "starts_with"}), Value: Glob(r, policy.WriteKind)})
		if list[0].Op != "glob" {
			list[0].Value = "/" + pick(r, names)
		}
	}
	all := &policy.Expr{Kind: policy.All}
	for _, c := range list {
		all.Sub = append(all.Sub, &policy.Expr{Kind: policy.Test, Test: c})
	}
	rule.When = all
	if len(all.Sub) == 1 {
		rule.When = all.Sub[0]
	}
	return rule
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
