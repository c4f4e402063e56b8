// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/netip"
	"strconv"
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

func TestNetworkImageEqualsReference(t *testing.T) {
	c := seeded(99)
	blocks := []string{"0.0.0.0/0", "::/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3", "10.1.2.3/32",
		"::ffff:0:0/96", "::ffff:10.1.2.2/127", "2001:db8::/32", "2001:db8::/33", "2001:db8::1", "::/1", "128.0.0.0/1"}
	addrs := []string{"10.1.2.3", "10.1.2.2", "10.1.3.3", "10.2.0.0", "11.0.0.0", "128.0.0.1", "::ffff:10.1.2.3",
		"2001:db8::1", "2001:db8:8000::", "2001:db9::", "::", "0.0.0.0", "ffff::", "::1"}
	hosts := []string{"h.example", "unknown.example", "10.1.2.3", "2001:db8::1"}
	ports := []string{"1", "22", "443", "65535"}
	for range 1500 {
		var lines []string
		for range 1 + c.IntN(7) {
			line := pick(c, []string{"ALLOW", "DENY", "REQUIRE_APPROVAL"})
			if c.IntN(6) == 0 {
				lines = append(lines, line+" url=https://"+pick(c, []string{"h.example", "unknown.example:22", "10.1.2.3", "[2001:db8::1]:1"}))
				continue
			}
			if c.IntN(4) > 0 {
				line += " address=" + pick(c, blocks)
			}
			if c.IntN(3) == 0 {
				line += " host=" + pick(c, hosts)
			}
			if c.IntN(2) == 0 {
				line += " port=" + pick(c, ports)
			}
			lines = append(lines, line)
		}
		p := netPolicy(t, lines...)
		m, err := Compile(p, genEnv)
		if err != nil {
			t.Fatalf("%q: %v", lines, err)
		}
		for range 20 {
			port, _ := strconv.Atoi(pick(c, append(ports, "2")))
			s := connection(pick(c, []uint8{ProtoTCP, ProtoUDP, 1}), pick(c, addrs), uint16(port))
			if got, want := m.Run(s), Reference(p, genEnv, s); got != want {
				t.Fatalf("%q\n%d %s %d: image %+v, specification %+v", lines, s.Proto, s.Addr, s.Port, got, want)
			}
		}
	}
}

func TestTooManyPrefixLengths(t *testing.T) {
	var lines []string
	for bits := 1; bits <= 60; bits++ {
		lines = append(lines, fmt.Sprintf("ALLOW address=%s", netip.PrefixFrom(maskWide(netip.MustParseAddr("ffff:ffff:ffff:ffff::"), bits), bits)))
	}
	_, err := Compile(netPolicy(t, lines...), Env{})
	if err == nil || !strings.Contains(err.Error(), `policy too large: rule "48"`) {
		t.Errorf("got %v", err)
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
