// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// netGen chooses network policies, and connections near the borders of what they name.
type netGen struct{ c chooser }

// netChoices chooses by a fuzzer's bytes; when they run out it always takes the first.
type netChoices struct{ data []byte }

func (b *netChoices) IntN(n int) int {
	if len(b.data) == 0 || n <= 1 {
		return 0
	}
	c := int(b.data[0])
	b.data = b.data[1:]
	return c % n
}

var (
	netBlockTexts = []string{"0.0.0.0/0", "::/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "10.1.2.3/32", "::ffff:0:0/96",
		"::ffff:10.1.2.2/127", "2001:db8::/32", "2001:db8::/33", "2001:db8::1", "::/1", "128.0.0.0/1", "::/128"}
	netPortTexts = []string{"1", "22", "80", "443", "65535", "1-65535", "1-1024", "1024-65535", "80-443", "443-444", "81-442", "65534-65535"}
	netHostTexts = []string{"h.example", "unknown.example", "10.1.2.3", "2001:db8::1"}
)

// test chooses one test.
func (g netGen) test() *Expr {
	c := Condition{Op: opEquals}
	switch g.c.IntN(9) {
	case 0, 1, 2:
		c.Field, c.Value = "address", pick(g.c, netBlockTexts)
	case 3, 4, 5:
		c.Field, c.Value = "port", pick(g.c, netPortTexts)
	case 6:
		c.Field, c.Value = "host", pick(g.c, netHostTexts)
		if g.c.IntN(3) == 0 {
			c.Op, c.Value = pick(g.c, []string{"starts_with", "ends_with", "contains", "glob", "regex"}), "h"
		}
	case 7:
		c.Field, c.Value = "url", "https://"+pick(g.c, []string{"h.example", "unknown.example:22", "10.1.2.3", "[2001:db8::1]:1"})
		if c.Op = pick(g.c, []string{opEquals, opStartsWith, "contains", "glob"}); c.Op == "contains" || c.Op == "glob" {
			c.Value = "https://h.example"
		}
	case 8:
		c.Field, c.Value = "protocol", pick(g.c, []string{"tcp", "udp", "unix"})
		if g.c.IntN(4) == 0 {
			c.Field, c.Value = "path", "/run/x"
		}
	}
	return &Expr{Kind: Test, Test: c}
}

// expr chooses an expression of at most that many levels.
func (g netGen) expr(depth int) *Expr {
	if depth == 0 || g.c.IntN(3) == 0 {
		return g.test()
	}
	e := &Expr{Kind: pick(g.c, []ExprKind{All, Any, Not})}
	n := 1
	if e.Kind != Not {
		n = g.c.IntN(4)
	}
	for range n {
		e.Sub = append(e.Sub, g.expr(depth-1))
	}
	return e
}

func (g netGen) policy() *Policy {
	p := &Policy{Agent: "net"}
	for i := range 1 + g.c.IntN(7) {
		r := Rule{Name: fmt.Sprint(i), Action: Network, Effect: pick(g.c, []Effect{Allow, Deny, RequireApproval})}
		if g.c.IntN(20) > 0 {
			r.When = g.expr(3)
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

// subject chooses a connection to the first or last address of a block, or to its neighbour, and a port likewise.
func (g netGen) subject() Subject {
	s := Subject{Action: Network, Proto: pick(g.c, []uint8{ProtoTCP, ProtoTCP, ProtoUDP, ProtoUDP, 1}), Port: g.port()}
	b, err := parsePrefix(pick(g.c, netBlockTexts))
	if err != nil {
		panic("a block of the test should be one: " + err.Error())
	}
	first, last := b.Addr(), lastAddr(b)
	s.Addr = pick(g.c, []netip.Addr{first, last, first.Prev(), last.Next()})
	if !s.Addr.IsValid() {
		s.Addr = first
	}
	if g.c.IntN(2) == 0 {
		s.Addr = s.Addr.Unmap()
	}
	return s
}

func (g netGen) port() uint16 {
	if g.c.IntN(4) == 0 {
		return pick(g.c, []uint16{0, 1, 65534, 65535})
	}
	first, last, _ := strings.Cut(pick(g.c, netPortTexts), "-")
	if last == "" || g.c.IntN(2) == 0 {
		last = first
	}
	n, err := strconv.Atoi(last)
	if err != nil {
		panic("a port of the test should be one: " + err.Error())
	}
	return uint16(n + g.c.IntN(3) - 1)
}

// lastAddr is the last address of a block.
func lastAddr(b netip.Prefix) netip.Addr {
	raw := b.Addr().As16()
	for bit := b.Bits(); bit < 128; bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom16(raw)
}

// equal fails the test unless image and specification say the same.
func (g netGen) equal(t *testing.T, subjects int) (effects map[Effect]int) {
	t.Helper()
	p := g.policy()
	m, err := Compile(p, genEnv)
	if err != nil {
		t.Fatalf("compile: %v\n%s", err, showNet(p))
	}
	effects = map[Effect]int{}
	for range subjects {
		s := g.subject()
		got, want := m.Run(s), Reference(p, genEnv, s)
		effects[got.Effect]++
		if got != want {
			t.Fatalf("%s%d %s %d: image %+v, specification %+v", showNet(p), s.Proto, s.Addr, s.Port, got, want)
		}
	}
	return effects
}

// showNet shows a policy in a failure.
func showNet(p *Policy) string {
	out := ""
	for _, r := range p.Rules {
		out += fmt.Sprintf("%s %s\n", r.Effect, showExpr(r.When))
	}
	return out
}

func showExpr(e *Expr) string {
	if e == nil {
		return "everything"
	}
	if e.Kind == Test {
		return fmt.Sprintf("%s %s %q", e.Test.Field, e.Test.Op, e.Test.Value)
	}
	var subs []string
	for _, s := range e.Sub {
		subs = append(subs, showExpr(s))
	}
	return [...]string{"", "all", "any", "not"}[e.Kind] + "(" + strings.Join(subs, ", ") + ")"
}

func TestNetworkImageEqualsReference(t *testing.T) {
	g := netGen{seeded(99)}
	all := map[Effect]int{}
	for range 2000 {
		for effect, n := range g.equal(t, 25) {
			all[effect] += n
		}
	}
	if all[Allow] == 0 || all[Deny] == 0 || all[RequireApproval] == 0 || all[Defer] == 0 {
		t.Errorf("connections are not varied: %v", all)
	}
	t.Logf("effects: %v", all)
}

func FuzzNetworkEquality(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("a policy about connections is chosen by the bytes of this text, and so are they"))
	f.Fuzz(func(t *testing.T, data []byte) { netGen{&netChoices{data}}.equal(t, 8) })
}
