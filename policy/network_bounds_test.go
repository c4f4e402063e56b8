// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// notLooser fails the test unless the image says what the specification says, or defers to user space before that.
func notLooser(t *testing.T, p *Policy, m *Image, s Subject) (deferred bool) {
	t.Helper()
	got, want := m.Run(s), Reference(p, Env{}, s)
	if got == want {
		return false
	}
	if got.Effect != Defer || want.Rule >= 0 && want.Rule < got.Rule {
		t.Errorf("%s %d: image %+v, specification %+v", s.Addr, s.Port, got, want)
	}
	return true
}

// With more prefix lengths than a node carries the last ones need a decision in user space, in their own neighbourhood
// only; the single address behind them is still decided here.
func TestTooManyPrefixLengths(t *testing.T) {
	var lines []string
	for bits := 1; bits <= 60; bits++ {
		base := netip.MustParseAddr("ffff:ffff:ffff:ffff::")
		lines = append(lines, fmt.Sprintf("ALLOW address=%s port=%d", netip.PrefixFrom(maskWide(base, bits), bits), bits))
	}
	p := netPolicy(t, append(lines, "ALLOW address=2001:db8::1")...)
	m, err := Compile(p, Env{})
	if err != nil {
		t.Fatal(err)
	}

	deferred := 0
	for port := range uint16(64) {
		for _, addr := range []string{"ffff:ffff:ffff:ffff::", "8000::", "ffff:ffff:ffff::", "::1", "2001:db8::1"} {
			if notLooser(t, p, m, connection(ProtoTCP, addr, port)) {
				deferred++
			}
		}
	}
	if deferred == 0 || deferred > 60 {
		t.Errorf("%d connections are deferred", deferred)
	}
	if got := m.Run(connection(ProtoTCP, "2001:db8::1", 7)); got.Rule != 60 {
		t.Errorf("single address: %+v", got)
	}
	if !slices.ContainsFunc(m.Notes(), func(n string) bool { return strings.Contains(n, `rule "47"`) && strings.Contains(n, "48 different") }) {
		t.Errorf("notes %q", m.Notes())
	}
}

// A policy whose cells and ports would multiply beyond all bounds is enforced less exactly from some rule on, never more
// loosely, and says so.
func TestTooManyCombinations(t *testing.T) {
	var lines []string
	for i := range 3000 {
		lines = append(lines, fmt.Sprintf("%s port=%d", []string{"ALLOW", "DENY"}[i%2], 10*i+1))
	}
	for i := range 4000 {
		lines = append(lines, fmt.Sprintf("ALLOW address=10.%d.%d.1 port=%d", i/256, i%256, 40000+i))
	}
	p := netPolicy(t, lines...)
	start := time.Now()
	m, err := Compile(p, Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("compiled in %v, %d cells", time.Since(start), len(m.Bytes(1))/64)
	if n := m.Notes(); len(n) != 1 || !strings.Contains(n[0], "too many combinations") {
		t.Errorf("notes %q", n)
	}

	for _, port := range []uint16{0, 1, 2, 11, 21, 9991, 29991, 40000, 43999} {
		for _, addr := range []string{"10.0.0.1", "10.15.159.1", "10.15.160.1", "192.0.2.1", "::1"} {
			notLooser(t, p, m, connection(ProtoTCP, addr, port))
		}
	}
	if got := m.Run(connection(ProtoTCP, "10.0.0.1", 1)); got.Effect != Allow || got.Rule != 0 {
		t.Errorf("first rule: %+v", got)
	}
}

// Long lists are ordinary: each block and each port of them is decided exactly.
func TestLongLists(t *testing.T) {
	blocks, ports := &Expr{Kind: Any}, &Expr{Kind: Any}
	for i := range 20000 {
		blocks.Sub = append(blocks.Sub, when(Condition{Field: "address", Op: opEquals, Value: fmt.Sprintf("10.%d.%d.0/25", i/256, i%256)}))
	}
	for i := range 3000 {
		ports.Sub = append(ports.Sub, when(Condition{Field: "port", Op: opEquals, Value: fmt.Sprint(1 + 2*i)}))
	}
	p := &Policy{Agent: "net", Rules: []Rule{
		{Name: "blocks", Action: Network, Effect: Deny, When: blocks},
		{Name: "ports", Action: Network, Effect: Allow, When: ports},
	}}
	start := time.Now()
	m, err := Compile(p, Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("compiled in %v, %d cells", time.Since(start), len(m.Bytes(1))/64)
	if len(m.Notes()) != 0 {
		t.Errorf("notes %q", m.Notes())
	}
	for _, tc := range []struct {
		addr string
		port uint16
		rule int
	}{
		{"10.0.0.0", 1, 0}, {"10.0.0.127", 1, 0}, {"10.0.0.128", 1, 1}, {"10.78.31.127", 1, 0}, {"10.78.32.0", 1, 1},
		{"192.0.2.1", 5999, 1}, {"192.0.2.1", 6000, -1}, {"192.0.2.1", 6001, -1}, {"192.0.2.1", 2, -1}, {"192.0.2.1", 0, -1},
	} {
		if got := m.Run(connection(ProtoUDP, tc.addr, tc.port)); got.Rule != tc.rule {
			t.Errorf("%s %d: %+v, want rule %d", tc.addr, tc.port, got, tc.rule)
		}
	}
}

// Addresses that are decided alike lead to the same node, however many they are.
func TestEqualNodesAreShared(t *testing.T) {
	list := &Expr{Kind: Any}
	for i := range 200 {
		list.Sub = append(list.Sub, when(Condition{Field: "address", Op: opEquals, Value: fmt.Sprintf("10.0.%d.0/24", i)}))
	}
	ports := when(Condition{Field: "port", Op: opEquals, Value: "80-443"})
	p := &Policy{Agent: "net", Rules: []Rule{{Name: "r", Action: Network, Effect: Allow, When: &Expr{Kind: All, Sub: []*Expr{list, ports}}}}}
	m, err := Compile(p, Env{})
	if err != nil {
		t.Fatal(err)
	}
	none, err := Compile(&Policy{Agent: "net"}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	if nodes := m.table - none.table; nodes > 3 {
		t.Errorf("%d more nodes than without a rule, want a leaf, the ports, and the dead end", nodes)
	}
	if got := m.Run(connection(ProtoTCP, "10.0.199.7", 80)); got.Rule != 0 {
		t.Errorf("last block: %+v", got)
	}
}
