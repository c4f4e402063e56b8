//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

// let fails the test unless the kernel let the call through; what became of it on the network does not matter.
func (c confined) let(r actor.Request) {
	c.t.Helper()
	if a := c.do(r); a.Denied() || a.Errno == int(unix.EPERM) {
		c.t.Errorf("%s: %s %s: %v: want it let through", c.agent, r.Op, r.Addr, a.Err())
	}
}

const netPolicy = `agent: netter
rules:
  - { name: not-this-one, action: network, conditions: { address: { equals: 127.1.0.66 } }, effect: DENY }
  - { name: net, action: network, conditions: { address: { equals: 127.1.0.0/16 }, port: { equals: 8080 } }, effect: ALLOW }
  - { name: six, action: network, conditions: { address: { equals: "::1" }, port: { equals: 8443 } }, effect: ALLOW }
  - { name: not-loopback, action: network, conditions: { address: { equals: 127.0.0.1 }, port: { equals: 99 } }, effect: DENY }
  - { name: ninety-nine, action: network, conditions: { port: { equals: 99 } }, effect: ALLOW }
  - { name: loopback, action: network, conditions: { address: { equals: 127.0.0.1 }, port: { equals: 98 } }, effect: ALLOW }
  - { name: named, action: network, conditions: { host: { equals: api.example.test } }, effect: ALLOW }
  - { name: web, action: network, conditions: { url: { starts_with: "https://web.example.test" } }, effect: ALLOW }
`

// netter starts a process under netPolicy, whose hosts have addresses.
func netter(t *testing.T) confined {
	t.Helper()
	hosts(t, "127.2.0.1 api.example.test", "127.3.0.1 web.example.test")
	theHost.policy(t, "netter", netPolicy)
	return theHost.launch(t, "netter")
}

func TestVMNetworkAddressAndPort(t *testing.T) {
	c := netter(t)

	real := listen(t, "127.1.2.3:8080")
	c.allowed(actor.Request{Op: "connect", Addr: real})
	for addr, allow := range map[string]bool{
		"127.1.2.3:8080":          true,
		"127.1.2.3:8081":          false,
		"127.1.0.66:8080":         false,
		"127.0.0.1:8080":          false,
		"[::ffff:127.1.2.3]:8080": true,
		"[::ffff:127.1.2.3]:8081": false,
		"[::1]:8443":              true,
		"[::1]:8080":              false,
		"[::2]:8443":              false,
		"127.2.0.1:1":             true, // a host rule without a port
		"127.2.0.2:1":             false,
		"127.3.0.1:443":           true,
		"127.3.0.1:80":            false,
		"127.0.0.1:99":            false,
		"0.0.0.0:99":              false, // reaches 127.0.0.1, and is judged as that
		"[::ffff:0.0.0.0]:99":     false,
		"0.0.0.0:98":              true,
		"[::]:98":                 false, // where it leads depends on the socket
	} {
		for _, op := range []string{"connect", "sendto", "fastopen"} {
			// A URL is TCP; a datagram to the same place is something else.
			allow := allow && !(op == "sendto" && strings.HasPrefix(addr, "127.3."))
			r := actor.Request{Op: op, Addr: addr}
			if allow {
				c.let(r)
			} else {
				c.denied(r)
			}
		}
	}
	theHost.logged(t, audit.Filter{Agent: "netter", Rule: "not-this-one"}, "the denied address", func(r audit.Record) bool {
		return r.Addr == "127.1.0.66" && r.Port == 8080 && r.Proto == "tcp" && r.Enforced == "deny"
	})
}

// A rule for a host follows the host's addresses.
func TestVMNamesAreRefreshed(t *testing.T) {
	const policy = "agent: follower\nrules:\n  - { name: r, action: network, conditions: { host: { equals: moving.example.invalid } }, effect: ALLOW }\n"
	theHost.policy(t, "follower", policy)
	c := theHost.launch(t, "follower")
	c.denied(actor.Request{Op: "connect", Addr: "127.7.0.1:7"})

	hosts(t, "127.7.0.2 moving.example.invalid")
	eventually(t, "the new address", func() bool { return !c.do(actor.Request{Op: "connect", Addr: "127.7.0.2:7"}).Denied() })
	c.denied(actor.Request{Op: "connect", Addr: "127.7.0.1:7"})
}

// Two ways to reach an address without connect(2).
func TestVMFastOpenAndUnspec(t *testing.T) {
	c := netter(t)
	c.denied(actor.Request{Op: "fastopen", Addr: listen(t, "127.0.0.9:0")})

	pc, err := net.ListenPacket("udp", "127.0.0.9:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	c.denied(actor.Request{Op: "unspec", Addr: pc.LocalAddr().String()})
	c.let(actor.Request{Op: "unspec", Addr: "127.1.2.3:8080"})
}

func TestVMUnixSockets(t *testing.T) {
	path := t.TempDir() + "/s"
	for _, name := range []string{path, "@caisson-test"} {
		l, err := net.Listen("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	dgram, err := net.ListenPacket("unixgram", path+"d")
	if err != nil {
		t.Fatal(err)
	}
	defer dgram.Close()

	c := netter(t)
	c.denied(actor.Request{Op: "connect", Addr: path})
	c.denied(actor.Request{Op: "connect", Addr: "@caisson-test"})
	c.denied(actor.Request{Op: "unixdgram", Addr: path + "d"})
	c.allowed(actor.Request{Op: "socketpair"})
	theHost.logged(t, audit.Filter{Agent: "netter", Action: "network", Effect: "DENY"}, "the denied Unix socket", func(r audit.Record) bool {
		return r.Path == path && r.Proto == "unix" && r.Enforced == "deny"
	})
}

// hosts adds lines to /etc/hosts for the duration of the test.
func hosts(t *testing.T, lines ...string) {
	t.Helper()
	before, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/etc/hosts", []byte(string(before)+strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile("/etc/hosts", before, 0o644); err != nil {
			t.Error(err)
		}
	})
}
