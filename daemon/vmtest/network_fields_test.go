//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"fmt"
	"net"
	"os"
	"testing"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

// everyProtocol is a rule behind all others that lets through what they do not decide.
const everyProtocol = "  - { name: the-rest, action: network, conditions: { protocol: { in: [tcp, udp, unix] } }, effect: ALLOW }\n"

// netPolicyOf is a policy of one network rule, and a rest.
func netPolicyOf(conditions, effect, rest string) string {
	return fmt.Sprintf("agent: nfielder\nrules:\n  - name: the-rule\n    action: network\n    conditions: %s\n    effect: %s\n%s", conditions, effect, rest)
}

// connects are connections over TCP, sends datagrams.
func connects(addrs ...string) []actor.Request { return requests("connect", addrs) }
func sends(addrs ...string) []actor.Request    { return requests("sendto", addrs) }

func requests(op string, addrs []string) []actor.Request {
	var list []actor.Request
	for _, addr := range addrs {
		list = append(list, actor.Request{Op: op, Addr: addr})
	}
	return list
}

// sockets listens on Unix sockets for the duration of the test; a name that ends in "d" takes datagrams.
func sockets(t *testing.T, names ...string) {
	t.Helper()
	if err := os.MkdirAll("/srv/u/deep", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll("/srv/u") })
	for _, name := range names {
		var l interface{ Close() error }
		var err error
		if name[len(name)-1] == 'd' {
			l, err = net.ListenPacket("unixgram", name)
		} else {
			l, err = net.Listen("unix", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
}

// netRow is a condition, what it matches and what it does not.
type netRow struct {
	conditions string
	yes, no    []actor.Request
}

// decide checks that a rule of the condition decides: it allows what matches and nothing else, and it denies what matches
// and lets all else go on to the rule behind it.
func (row netRow) decide(t *testing.T) {
	theHost.policy(t, "nfielder", netPolicyOf(row.conditions, "ALLOW", ""))
	c := theHost.launch(t, "nfielder")
	for _, r := range row.yes {
		c.let(r)
	}
	for _, r := range row.no {
		c.denied(r)
	}

	theHost.policy(t, "nfielder", netPolicyOf(row.conditions, "DENY", everyProtocol))
	for _, r := range row.yes {
		c.denied(r)
	}
	for _, r := range row.no {
		c.let(r)
	}
}

// Each operator and combinator on connections decides something on a live kernel; the rows stand at the borders.
func TestVMNetworkFields(t *testing.T) {
	hosts(t, "127.5.0.1 field.example.test", "127.5.0.2 other.example.test")
	sockets(t, "/srv/u/s")
	for _, row := range []netRow{
		{`{ port: { equals: 4000-4010 } }`,
			connects("127.9.9.9:4000", "127.9.9.9:4005", "[::1]:4010"), connects("127.9.9.9:3999", "127.9.9.9:4011", "127.9.9.9:0")},
		{`{ port: { equals: 1-65535 } }`, connects("127.9.9.9:1", "[::1]:65535"), connects("127.9.9.9:0", "/srv/u/s")},
		{`{ port: { not_equals: 4321 } }`, connects("127.9.9.9:4320", "127.9.9.9:4322", "127.9.9.9:0"), connects("127.9.9.9:4321")},
		{`{ port: { in: [22, 4000-4001, 65535] } }`,
			connects("127.9.9.9:22", "127.9.9.9:4000", "127.9.9.9:4001", "127.9.9.9:65535"),
			connects("127.9.9.9:21", "127.9.9.9:23", "127.9.9.9:3999", "127.9.9.9:4002", "127.9.9.9:65534")},
		{`{ port: { not_in: [1-1023, 8000-65535] } }`,
			connects("127.9.9.9:1024", "127.9.9.9:7999"), connects("127.9.9.9:1", "127.9.9.9:1023", "127.9.9.9:8000", "127.9.9.9:65535")},
		{`{ address: { cidr: 127.6.0.0/24 } }`,
			connects("127.6.0.0:5", "127.6.0.255:5", "[::ffff:127.6.0.1]:5"), connects("127.5.255.255:5", "127.6.1.0:5", "[::1]:5")},
		{`{ address: { in: [127.6.1.0/25, 127.6.2.7, "::1"] } }`,
			connects("127.6.1.127:5", "127.6.2.7:5", "[::1]:5"), connects("127.6.1.128:5", "127.6.2.6:5", "127.6.2.8:5")},
		{`{ address: { not_equals: 127.6.0.0/16 } }`, connects("127.7.0.0:5", "[::1]:5"), connects("127.6.0.0:5", "127.6.255.255:5")},
		{`{ address: { not_in: [127.6.0.0/16, 127.7.7.7] } }`, connects("127.7.7.6:5"), connects("127.6.9.9:5", "127.7.7.7:5")},
		{`{ host: { in: [field.example.test, other.example.test] } }`, connects("127.5.0.1:5", "127.5.0.2:5"), connects("127.5.0.3:5")},
		{`{ host: { not_equals: field.example.test } }`, connects("127.5.0.2:5"), connects("127.5.0.1:5")},
		{`{ host: { not_in: [field.example.test, other.example.test] } }`, connects("127.5.0.3:5"), connects("127.5.0.1:5", "127.5.0.2:5")},
		{`{ url: { in: ["http://field.example.test", "https://other.example.test:99"] } }`,
			connects("127.5.0.1:80", "127.5.0.2:99"), append(sends("127.5.0.1:80"), connects("127.5.0.1:99", "127.5.0.2:80", "127.5.0.2:443")...)},
		{`{ url: { not_equals: "http://field.example.test" } }`,
			append(sends("127.5.0.1:80"), connects("127.5.0.1:81", "127.5.0.2:80")...), connects("127.5.0.1:80")},
		{`{ protocol: { equals: udp } }`, sends("127.9.9.9:5", "[::1]:5"), append(connects("127.9.9.9:5", "/srv/u/s"), requests("fastopen", []string{"127.9.9.9:5"})...)},
		{`{ protocol: { not_equals: tcp } }`, append(sends("127.9.9.9:5"), connects("/srv/u/s")...), connects("127.9.9.9:5")},
		{`{ protocol: { in: [tcp, unix] } }`, connects("127.9.9.9:5", "/srv/u/s"), sends("127.9.9.9:5")},
		{`{ protocol: { not_in: [tcp, unix] } }`, sends("127.9.9.9:5"), connects("127.9.9.9:5", "/srv/u/s")},
		{`{ any: [ { port: { equals: 4321 } }, { address: { cidr: 127.6.0.0/24 } } ] }`,
			connects("127.9.9.9:4321", "127.6.0.9:5"), connects("127.9.9.9:4322")},
		{`{ all: [ { port: { equals: 4000-5000 } }, { port: { not_equals: 4321 } } ], address: { cidr: 127.6.0.0/24 } }`,
			connects("127.6.0.9:4000", "127.6.0.9:4320", "127.6.0.9:4322", "127.6.0.9:5000"), connects("127.6.0.9:4321", "127.6.1.9:4320", "127.6.0.9:5001")},
		{`{ not: { address: { cidr: 127.0.0.0/8 }, port: { equals: 4000-4010 } } }`,
			connects("127.6.0.9:3999", "[::1]:4000"), connects("127.6.0.9:4000", "127.6.0.9:4010")},
		{`{ not: { any: [ { address: { cidr: 127.6.0.0/16 } }, { protocol: { equals: udp } } ] }, port: { equals: 5-6 } }`,
			connects("127.7.0.9:5", "127.7.0.9:6"), append(sends("127.7.0.9:5"), connects("127.6.0.9:5", "127.7.0.9:7")...)},
	} {
		t.Run(row.conditions, row.decide)
	}
}

// Each operator on the path of a Unix socket decides something on a live kernel. What counts is where the socket is, not by
// which way it was reached.
func TestVMUnixFields(t *testing.T) {
	sockets(t, "/srv/u/s", "/srv/u/deep/s", "/srv/u/x.sock", "/srv/u/d", "@caisson/one", "@caisson-two")
	if err := os.Symlink("/srv/u/s", "/srv/u/link"); err != nil {
		t.Fatal(err)
	}
	tcp := connects("127.9.9.9:5")
	datagram := requests("unixdgram", []string{"/srv/u/d"})
	for _, row := range []netRow{
		{`{ protocol: { equals: unix } }`, append(connects("/srv/u/s", "@caisson/one"), datagram...), tcp},
		{`{ path: { equals: /srv/u/s } }`, connects("/srv/u/s", "/srv/u/link"), append(connects("/srv/u/deep/s", "@caisson/one"), tcp...)},
		{`{ path: { not_equals: /srv/u/s } }`, append(connects("/srv/u/deep/s", "@caisson-two"), datagram...), connects("/srv/u/s", "/srv/u/link")},
		{`{ path: { in: [/srv/u/s, "@caisson-two"] } }`, connects("/srv/u/s", "@caisson-two"), connects("/srv/u/deep/s", "@caisson/one")},
		{`{ path: { not_in: [/srv/u/s, "@caisson-two"] }, protocol: { equals: unix } }`,
			connects("/srv/u/deep/s", "@caisson/one"), append(connects("/srv/u/s", "@caisson-two"), tcp...)},
		{`{ path: { starts_with: /srv/u } }`, append(connects("/srv/u/s", "/srv/u/deep/s"), datagram...), connects("@caisson/one")},
		{`{ path: { starts_with: / } }`, connects("/srv/u/s"), connects("@caisson/one", "@caisson-two")},
		{`{ path: { ends_with: .sock } }`, connects("/srv/u/x.sock"), connects("/srv/u/s")},
		{`{ path: { contains: eep } }`, connects("/srv/u/deep/s"), connects("/srv/u/s")},
		{`{ path: { glob: "/srv/*/s" } }`, connects("/srv/u/s"), connects("/srv/u/deep/s", "@caisson/one")},
		{`{ path: { equals: "@caisson/one" } }`, connects("@caisson/one"), append(connects("@caisson-two", "/srv/u/s"), tcp...)},
		{`{ any: [ { path: { equals: /srv/u/s } }, { port: { equals: 5 } } ] }`, append(connects("/srv/u/s"), tcp...), connects("/srv/u/deep/s", "127.9.9.9:6")},
		{`{ protocol: { equals: unix }, not: { path: { starts_with: /srv/u/deep } } }`, connects("/srv/u/s", "@caisson/one"), append(connects("/srv/u/deep/s"), tcp...)},
	} {
		t.Run(row.conditions, row.decide)
	}

	theHost.logged(t, audit.Filter{Agent: "nfielder", Rule: "the-rule"}, "an abstract socket", func(r audit.Record) bool {
		return r.Path == "@caisson/one" && r.Proto == "unix"
	})
	theHost.logged(t, audit.Filter{Agent: "nfielder", Rule: "the-rule"}, "a socket", func(r audit.Record) bool {
		return r.Path == "/srv/u/deep/s" && r.Proto == "unix"
	})
}

// A service behind a socket, such as a container engine, does for its clients what they may not do themselves. However much
// of the network an agent may reach, no rule reaches such a socket without speaking of Unix sockets.
func TestVMServicesAreDeniedByDefault(t *testing.T) {
	sockets(t, "/srv/u/docker.sock", "/srv/u/d", "@caisson-service")
	theHost.policy(t, "nfielder", netPolicyOf(`{}`, "ALLOW", ""))
	c := theHost.launch(t, "nfielder")
	c.let(actor.Request{Op: "connect", Addr: "127.9.9.9:5"})
	c.denied(actor.Request{Op: "connect", Addr: "/srv/u/docker.sock"})
	c.denied(actor.Request{Op: "connect", Addr: "@caisson-service"})
	c.denied(actor.Request{Op: "unixdgram", Addr: "/srv/u/d"})
	c.allowed(actor.Request{Op: "socketpair"})
	theHost.logged(t, audit.Filter{Agent: "nfielder", Action: "network", Effect: "DENY"}, "the socket", func(r audit.Record) bool {
		return r.Path == "/srv/u/docker.sock" && r.Reason == "no-rule" && r.Enforced == "deny"
	})
}

// A kernel sees no name. What needs one is refused, whichever effect the rule has, and what
// is no TCP is no URL.
func TestVMNamePatternsDeny(t *testing.T) {
	for _, conditions := range []string{
		`{ host: { ends_with: .example.test } }`, `{ host: { starts_with: field } }`, `{ host: { contains: field } }`,
		`{ host: { glob: "*.example.test" } }`, `{ host: { regex: "field.*" } }`,
		`{ url: { ends_with: .test } }`, `{ url: { contains: field } }`, `{ url: { glob: "https://*.example.test" } }`, `{ url: { regex: "https://field.*" } }`,
		`{ not: { host: { ends_with: .example.test } } }`,
	} {
		t.Run(conditions, func(t *testing.T) {
			theHost.policy(t, "nfielder", netPolicyOf(conditions, "ALLOW", everyProtocol))
			c := theHost.launch(t, "nfielder")
			c.denied(actor.Request{Op: "connect", Addr: "127.5.0.1:443"})
			if udp := (actor.Request{Op: "sendto", Addr: "127.5.0.1:443"}); conditions[2:5] == "url" {
				c.let(udp)
			} else {
				c.denied(udp)
			}
		})
	}
}
