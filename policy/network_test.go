// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// netPolicy makes a policy from lines "EFFECT field=value …".
func netPolicy(t testing.TB, lines ...string) *Policy {
	t.Helper()
	p := &Policy{Agent: "net"}
	for i, line := range lines {
		words := strings.Fields(line)
		effect, ok := parseEffect(words[0])
		if !ok {
			t.Fatalf("bad line %q", line)
		}
		var list []Condition
		for _, w := range words[1:] {
			field, value, _ := strings.Cut(w, "=")
			list = append(list, Condition{Field: field, Op: opEquals, Value: value})
		}
		p.Rules = append(p.Rules, Rule{Name: fmt.Sprint(i), Action: Network, Effect: effect, When: when(list...)})
	}
	return p
}

func connection(proto uint8, addr string, port uint16) Subject {
	return Subject{Action: Network, Proto: proto, Addr: netip.MustParseAddr(addr), Port: port}
}

func TestNetworkVerdicts(t *testing.T) {
	p := netPolicy(t,
		"DENY address=10.1.0.0/16 port=22",  // 0: port of a wide block
		"ALLOW address=10.1.2.3",            // 1: an address inside
		"ALLOW address=10.0.0.0/8 port=443", // 2: wider, later
		"DENY address=10.1.2.0/24",          // 3: hides 2 and 6, not 1
		"ALLOW url=https://h.example",       // 4: 10.1.2.3 and 2001:db8::1, TCP only
		"ALLOW address=2001:db8::/32 port=53",
		"REQUIRE_APPROVAL port=80",              // 6: anywhere
		"ALLOW address=::ffff:192.0.2.0/120",    // 7: an IPv4 block in disguise
		"ALLOW host=h.example address=::/0",     // 8: both
		"DENY address=0.0.0.0/0",                // 9: all of IPv4
		"ALLOW address=::/0 port=8080",          // 10: IPv6 and IPv4, but 9 is first for IPv4
		"ALLOW address=203.0.113.0/24 port=443", // 11: hidden by 9
	)
	cases := []struct {
		name string
		s    Subject
		rule int
	}{
		{"port rule of the wide block comes first", connection(ProtoTCP, "10.1.2.3", 22), 0},
		{"then the address", connection(ProtoTCP, "10.1.2.3", 9), 1},
		{"mapped form is the same address", connection(ProtoTCP, "::ffff:10.1.2.3", 9), 1},
		{"wider block first in the file wins over the narrower", connection(ProtoTCP, "10.1.2.4", 443), 2},
		{"narrower block hides what is later", connection(ProtoTCP, "10.1.2.4", 80), 3},
		{"URL", connection(ProtoTCP, "2001:db8::1", 443), 4},
		{"URL is TCP only", connection(ProtoUDP, "2001:db8::1", 443), 8},
		{"IPv6 block and port", connection(ProtoUDP, "2001:db8::7", 53), 5},
		{"port anywhere", connection(ProtoUDP, "2001:db8::7", 80), 6},
		{"mapped block is an IPv4 block", connection(ProtoTCP, "192.0.2.9", 1), 7},
		{"all of IPv4", connection(ProtoTCP, "203.0.113.1", 443), 9},
		{"::/0 and port", connection(ProtoTCP, "fe80::1", 8080), 10},
		{"::/0 behind all of IPv4", connection(ProtoTCP, "8.8.8.8", 8080), 9},
		{"nothing", connection(ProtoTCP, "fe80::1", 8081), -1},
	}
	m, err := Compile(p, genEnv)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := Reference(p, genEnv, tc.s); got.Rule != tc.rule {
				t.Errorf("specification: rule %d, want %d", got.Rule, tc.rule)
			}
			if got := m.Run(tc.s); got.Rule != tc.rule {
				t.Errorf("image: rule %d, want %d", got.Rule, tc.rule)
			}
		})
	}
	if hosts := m.Hosts(); len(hosts) != 1 || hosts[0] != "h.example" {
		t.Errorf("hosts %q", hosts)
	}
}

func TestURLSubjects(t *testing.T) {
	p := netPolicy(t, "DENY address=10.0.0.0/8", "ALLOW url=https://api.datasource.com", "ALLOW host=other.example port=8080")
	p.Rules[1].When.Test.Op = opStartsWith
	cases := []struct {
		name, url string
		rule      int
	}{
		{"origin", "https://api.datasource.com", 1},
		{"any path", "https://api.datasource.com/v1/x?q#f", 1},
		{"case, final dot and default port", "HTTPS://API.datasource.com.:443/", 1},
		{"other host that starts the same", "https://api.datasource.com.evil.example", -1},
		{"other scheme", "http://api.datasource.com:443", -1},
		{"other port", "https://api.datasource.com:8443", -1},
		{"host and port", "http://other.example:8080", 2},
		{"address in a block", "http://10.9.9.9", 0},
		{"mapped address in a block", "http://[::ffff:10.9.9.9]", 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s, err := URLSubject(tc.url)
			if err != nil {
				t.Fatal(err)
			}
			if got := Reference(p, Env{}, s); got.Rule != tc.rule {
				t.Errorf("rule %d, want %d", got.Rule, tc.rule)
			}
		})
	}
	for _, bad := range []string{"", "x", "https://", "https://u:p@h.example", `https://a\@b.example`, "https://a b", "https://h.example:0", "//h.example", "https://h.example:"} {
		if _, err := URLSubject(bad); err == nil {
			t.Errorf("%q is taken for a URL", bad)
		}
	}
}

// With a name, every operator on url and host is decided exactly; with an address alone only those that compare it.
func TestNameOperators(t *testing.T) {
	const site = "https://a.b.example:8443"
	cases := []struct {
		field, op, value string
		holds            bool
	}{
		{"host", "equals", "a.b.example", true}, {"host", "equals", "b.example", false},
		{"host", "starts_with", "a", true}, {"host", "starts_with", "a.b", true}, {"host", "starts_with", "a.b.example", true},
		{"host", "starts_with", "a.b.ex", false}, {"host", "starts_with", "b", false},
		{"host", "ends_with", ".b.example", true}, {"host", "ends_with", "b.example", true}, {"host", "ends_with", ".example", true},
		{"host", "ends_with", "a.b.example", true}, {"host", "ends_with", ".a.b.example", false}, {"host", "ends_with", "xample", false},
		{"host", "contains", "b.ex", true}, {"host", "contains", "c", false},
		{"host", "glob", "*.b.example", true}, {"host", "glob", "*.example", false}, {"host", "glob", "**.example", true},
		{"host", "glob", "**", true}, {"host", "glob", "a.*.ex*", true}, {"host", "glob", "a.**.b.example", true},
		{"host", "regex", `a\.b\.[a-z]+`, true}, {"host", "regex", `b\.example`, false}, {"host", "regex", "a|.*example", true},
		{"url", "equals", site, true}, {"url", "starts_with", site, true}, {"url", "equals", "https://a.b.example", false},
		{"url", "ends_with", ".example:8443", true}, {"url", "ends_with", ".example", false},
		{"url", "contains", "://a.", true}, {"url", "contains", "http:", false},
		{"url", "glob", "https://*.b.example:8443", true}, {"url", "glob", "https://*.example:8443", false},
		{"url", "glob", "*://**.example:8*", true}, {"url", "glob", "https://**.example", false}, {"url", "glob", "http://**:8443", false},
		{"url", "regex", `https://.*:\d+`, true}, {"url", "regex", `https`, false},
	}
	named, err := URLSubject(site)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(fmt.Sprint(tc.field, " ", tc.op, " ", tc.value), func(t *testing.T) {
			p := &Policy{Agent: "net", Rules: []Rule{{Name: "r", Action: Network, Effect: Allow,
				When: when(Condition{Field: tc.field, Op: tc.op, Value: tc.value})}}}
			if got := Reference(p, Env{}, named); (got.Rule == 0) != tc.holds || got.Effect == Defer {
				t.Errorf("got %+v", got)
			}
			exact := tc.op == "equals" || tc.op == "starts_with" && tc.field == "url"
			for proto, deferred := range map[uint8]bool{ProtoTCP: !exact, ProtoUDP: !exact && tc.field == "host"} {
				s := connection(proto, "10.9.9.9", 8443)
				if got := Reference(p, Env{}, s); (got.Effect == Defer) != deferred || got.Effect == Allow {
					t.Errorf("protocol %d without a name: %+v", proto, got)
				}
			}
		})
	}
}

// Where a name leads is not known when a URL is evaluated: a rule that keeps to addresses allows nothing then, whichever
// way it is written.
func TestNamesAreInNoBlock(t *testing.T) {
	s, err := URLSubject("https://a.example")
	if err != nil {
		t.Fatal(err)
	}
	inside := when(Condition{Field: "address", Op: opEquals, Value: "10.0.0.0/8"})
	for _, tc := range []struct {
		effect Effect
		when   *Expr
		rule   int
	}{
		{Allow, inside, -1}, {Allow, &Expr{Kind: Not, Sub: []*Expr{inside}}, -1},
		{Deny, inside, -1}, {Deny, &Expr{Kind: Not, Sub: []*Expr{inside}}, 0},
	} {
		p := &Policy{Agent: "net", Rules: []Rule{{Name: "r", Action: Network, Effect: tc.effect, When: tc.when}}}
		if got := Reference(p, Env{}, s); got.Rule != tc.rule || got.Effect != Deny {
			t.Errorf("%s %v: %+v", tc.effect, tc.when.Kind, got)
		}
	}
}
