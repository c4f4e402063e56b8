//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/daemon/vmtest/actor"
)

// Each field, operator and effect of the policy language decides something on a live kernel. A row whose rule were
// accepted and not enforced would fail on `yes`; one enforced too widely, on `no`.
func TestVMEveryField(t *testing.T) {
	hosts(t, "127.5.0.1 field.example.test")
	if err := os.MkdirAll("/f/a/b/c", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll("/f") })
	for _, name := range []string{"/f/a/x.go", "/f/a/x.c", "/f/a/b/x.go", "/f/a/b/c/x.go", "/f/ab"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	open := func(path string) actor.Request { return actor.Request{Op: "open", Path: path} }
	write := func(path string) actor.Request { return actor.Request{Op: "open", Path: path, Flag: unix.O_WRONLY} }
	tool := func(args ...string) actor.Request {
		return actor.Request{Op: "exec", Path: "/usr/local/bin/tool", Args: append([]string{"tool"}, args...)}
	}
	connect := func(addr string) actor.Request { return actor.Request{Op: "connect", Addr: addr} }

	for _, tc := range []struct {
		action, conditions string
		yes, no            []actor.Request
	}{
		{"file_read", `{ path: { equals: /f/a/x.go } }`, []actor.Request{open("/f/a/x.go")}, []actor.Request{open("/f/a"), open("/f/a/x.c"), write("/f/a/x.go")}},
		{"file_read", `{ path: { starts_with: /f/a } }`, []actor.Request{open("/f/a"), open("/f/a/b/c/x.go")}, []actor.Request{open("/f/ab"), open("/f")}},
		{"file_read", `{ path: { glob: "/f/a/*.go" } }`, []actor.Request{open("/f/a/x.go")}, []actor.Request{open("/f/a/x.c"), open("/f/a/b/x.go")}},
		{"file_read", `{ path: { glob: "/f/**/x.go" } }`, []actor.Request{open("/f/a/x.go"), open("/f/a/b/c/x.go")}, []actor.Request{open("/f/a/x.c")}},
		{"file_read", `{ path: { glob: "/f/*/*/x.go" } }`, []actor.Request{open("/f/a/b/x.go")}, []actor.Request{open("/f/a/x.go"), open("/f/a/b/c/x.go")}},
		{"file_write", `{ path: { starts_with: /f/a/b } }`, []actor.Request{write("/f/a/b/x.go")}, []actor.Request{write("/f/a/x.go"), open("/f/a/b/x.go")}},
		{"shell_exec", `{ command: { equals: tool a b } }`, []actor.Request{tool("a", "b")}, []actor.Request{tool("a"), tool("a", "b", "c"), tool("b", "a")}},
		{"shell_exec", `{ command: { starts_with: /usr/local/bin/tool a } }`, []actor.Request{tool("a"), tool("a", "b")}, []actor.Request{tool(), tool("ab")}},
		{"shell_exec", `{ command: { glob: "tool run-* --fast" } }`, []actor.Request{tool("run-x", "--fast")}, []actor.Request{tool("run", "--fast"), tool("run-x")}},
		{"network", `{ url: { starts_with: "http://field.example.test" } }`, []actor.Request{connect("127.5.0.1:80")}, []actor.Request{connect("127.5.0.1:443"), connect("127.5.0.2:80")}},
		{"network", `{ url: { equals: "https://field.example.test:99" } }`, []actor.Request{connect("127.5.0.1:99")}, []actor.Request{connect("127.5.0.1:443")}},
		{"network", `{ host: { equals: field.example.test } }`, []actor.Request{connect("127.5.0.1:5")}, []actor.Request{connect("127.5.0.2:5")}},
		{"network", `{ address: { equals: 127.6.0.0/24 } }`, []actor.Request{connect("127.6.0.9:5")}, []actor.Request{connect("127.6.1.9:5")}},
		{"network", `{ port: { equals: 4321 } }`, []actor.Request{connect("127.9.9.9:4321")}, []actor.Request{connect("127.9.9.9:4322")}},
		{"network", `{}`, []actor.Request{connect("127.9.9.9:4322"), connect("[::1]:5")}, []actor.Request{open("/f/a/x.go")}},
	} {
		t.Run(tc.action+" "+tc.conditions, func(t *testing.T) {
			theHost.policy(t, "fielder", fmt.Sprintf("agent: fielder\nrules:\n  - name: the-rule\n    action: %s\n    conditions: %s\n    effect: ALLOW\n", tc.action, tc.conditions))
			c := theHost.launch(t, "fielder")
			for _, r := range tc.yes {
				c.let(r)
			}
			for _, r := range tc.no {
				c.denied(r)
			}
			for _, effect := range []string{"DENY", "REQUIRE_APPROVAL"} {
				theHost.policy(t, "fielder", fmt.Sprintf("agent: fielder\nrules:\n  - name: the-rule\n    action: %s\n    conditions: %s\n    effect: %s\n  - name: the-rest\n    action: %s\n    effect: ALLOW\n", tc.action, tc.conditions, effect, tc.action))
				for _, r := range tc.yes {
					c.denied(r)
				}
			}
		})
	}
}

// What only user space could match is not let through meanwhile, and does not hide the rules that the kernel can match.
func TestVMDeferredPatternDenies(t *testing.T) {
	theHost.policy(t, "deferrer", `agent: deferrer
rules:
  - { name: hard, action: file_read, conditions: { path: { glob: "/project/src/*a*n*" } }, effect: ALLOW }
  - { name: easy, action: file_read, conditions: { path: { starts_with: /project/docs } }, effect: ALLOW }
`)
	c := theHost.launch(t, "deferrer")
	c.denied(actor.Request{Op: "open", Path: "/project/src/main.go"})
	c.allowed(actor.Request{Op: "open", Path: "/project/docs/a.md"})
}
