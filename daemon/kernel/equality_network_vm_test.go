//go:build vm

// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"caisson/policy"
	"caisson/policy/policytest"
)

// Blocks that contain each other, and ports at whose borders something changes.
var (
	equalBlocks = []string{"0.0.0.0/0", "::/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "10.1.2.3/32", "2001:db8::/32",
		"2001:db8::/33", "2001:db8::1", "::/1", "128.0.0.0/1", "::/128"}
	equalPorts = []string{"1", "22", "80", "443", "65535"}
)

func one[T any](c policytest.Chooser, list []T) T { return list[c.IntN(len(list))] }

// byAddress makes policies on addresses, and connections near the borders of what they name.
func byAddress(c policytest.Chooser, _ int) (*policy.Policy, func() policy.Subject) {
	p := &policy.Policy{Agent: "net", Baseline: policy.BaselineNone}
	for i := range 1 + c.IntN(7) {
		r := policy.Rule{Name: fmt.Sprint(i), Action: policy.Network, When: addressExpr(c, 3),
			Effect: one(c, []policy.Effect{policy.Allow, policy.Deny, policy.RequireApproval})}
		if c.IntN(20) == 0 {
			r.When = nil
		}
		p.Rules = append(p.Rules, r)
	}
	return p, func() policy.Subject { return addressSubject(c) }
}

func addressExpr(c policytest.Chooser, depth int) *policy.Expr {
	if depth == 0 || c.IntN(3) == 0 {
		return &policy.Expr{Kind: policy.Test, Test: addressCondition(c)}
	}
	e := &policy.Expr{Kind: one(c, []policy.ExprKind{policy.All, policy.Any, policy.Not})}
	n := 1
	if e.Kind != policy.Not {
		n = c.IntN(4)
	}
	for range n {
		e.Sub = append(e.Sub, addressExpr(c, depth-1))
	}
	return e
}

func addressCondition(c policytest.Chooser) policy.Condition {
	switch c.IntN(8) {
	case 0, 1, 2:
		return policy.Condition{Field: "address", Op: "equals", Value: one(c, equalBlocks)}
	case 3, 4:
		value := one(c, equalPorts)
		if from := one(c, []string{"", "1-", "22-"}); from != "" && value != "1" && value != "22" {
			value = from + value
		}
		return policy.Condition{Field: "port", Op: "equals", Value: value}
	case 5:
		return policy.Condition{Field: "host", Op: one(c, []string{"equals", "equals", "ends_with"}), Value: one(c, []string{"h.example", "unknown.example"})}
	case 6:
		return policy.Condition{Field: "url", Op: "starts_with", Value: "https://" + one(c, []string{"h.example", "unknown.example:22", "10.1.2.3"})}
	default:
		return policy.Condition{Field: "protocol", Op: "equals", Value: one(c, []string{"tcp", "udp", "unix"})}
	}
}

// addressSubject is a connection to the first address of a block, to the one before, or to one that a host has.
func addressSubject(c policytest.Chooser) policy.Subject {
	block := one(c, equalBlocks)
	text, _, _ := strings.Cut(block, "/")
	first := netip.MustParseAddr(text)
	near := []netip.Addr{first, first.Next(), first.Prev(), netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("2001:db8::1")}
	near = slices.DeleteFunc(near, func(a netip.Addr) bool { return !a.IsValid() })

	port, err := strconv.Atoi(one(c, equalPorts))
	if err != nil {
		panic(err) // should never fail because the list holds numbers
	}
	return policy.Subject{Action: policy.Network, Proto: one(c, []uint8{policy.ProtoTCP, policy.ProtoUDP}),
		Addr: one(c, near), Port: uint16(port + c.IntN(3) - 1)}
}
