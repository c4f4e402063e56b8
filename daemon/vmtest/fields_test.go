//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon"
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
		{"file_read", `{ path: { not_equals: /f/a/x.c } }`, []actor.Request{open("/f/a/x.go"), open("/f")}, []actor.Request{open("/f/a/x.c")}},
		{"file_read", `{ path: { in: [/f/a/x.go, /f/ab] } }`, []actor.Request{open("/f/a/x.go"), open("/f/ab")}, []actor.Request{open("/f/a/x.c"), open("/f/a")}},
		{"file_read", `{ path: { not_in: [/f/a/x.c, /f/ab] } }`, []actor.Request{open("/f/a/x.go")}, []actor.Request{open("/f/a/x.c"), open("/f/ab")}},
		{"file_read", `{ path: { ends_with: .go } }`, []actor.Request{open("/f/a/x.go"), open("/f/a/b/c/x.go")}, []actor.Request{open("/f/a/x.c"), open("/f/a")}},
		{"file_read", `{ path: { ends_with: b/x.go } }`, []actor.Request{open("/f/a/b/x.go")}, []actor.Request{open("/f/a/x.go"), open("/f/a/b/c/x.go")}},
		{"file_read", `{ path: { contains: a/b } }`, []actor.Request{open("/f/a/b"), open("/f/a/b/c/x.go")}, []actor.Request{open("/f/a/x.go"), open("/f/ab")}},
		{"file_read", `{ path: { contains: .g } }`, []actor.Request{open("/f/a/x.go"), open("/f/a/b/x.go")}, []actor.Request{open("/f/a/x.c"), open("/f/ab")}},
		{"file_read", `{ path: { glob: "/f/a/*.*o" } }`, []actor.Request{open("/f/a/x.go")}, []actor.Request{open("/f/a/x.c"), open("/f/a/b/x.go")}},
		{"file_read", `{ path: { starts_with: [/f/a/b, /f/ab] } }`, []actor.Request{open("/f/ab"), open("/f/a/b/c/x.go")}, []actor.Request{open("/f/a/x.c")}},
		{"file_read", `{ any: [ { path: { equals: /f/ab } }, { path: { ends_with: .c } } ] }`, []actor.Request{open("/f/ab"), open("/f/a/x.c")}, []actor.Request{open("/f/a/x.go")}},
		{"file_read", `{ all: [ { path: { starts_with: /f/a } }, { path: { ends_with: .go } } ] }`, []actor.Request{open("/f/a/b/x.go")}, []actor.Request{open("/f/a/x.c"), open("/f/ab")}},
		{"file_read", `{ path: { starts_with: /f/a }, not: { path: { ends_with: .c } } }`, []actor.Request{open("/f/a/b/x.go"), open("/f/a")}, []actor.Request{open("/f/a/x.c"), open("/f/ab")}},
		{"file_write", `{ path: { starts_with: /f/a/b } }`, []actor.Request{write("/f/a/b/x.go")}, []actor.Request{write("/f/a/x.go"), open("/f/a/b/x.go")}},
		{"shell_exec", `{ command: { equals: tool a b } }`, []actor.Request{tool("a", "b")}, []actor.Request{tool("a"), tool("a", "b", "c"), tool("b", "a")}},
		{"shell_exec", `{ command: { starts_with: /usr/local/bin/tool a } }`, []actor.Request{tool("a"), tool("a", "b")}, []actor.Request{tool(), tool("ab")}},
		{"shell_exec", `{ command: { glob: "tool run-* --fast" } }`, []actor.Request{tool("run-x", "--fast")}, []actor.Request{tool("run", "--fast"), tool("run-x")}},
		{"shell_exec", `{ command: { in: [tool a, tool b c] } }`, []actor.Request{tool("a"), tool("b", "c")}, []actor.Request{tool("b"), tool("a", "c")}},
		{"shell_exec", `{ command: { not_equals: tool a } }`, []actor.Request{tool("b"), tool("a", "b")}, []actor.Request{tool("a")}},
		{"shell_exec", `{ command: { not_in: [tool a, tool b] } }`, []actor.Request{tool("c"), tool()}, []actor.Request{tool("a"), tool("b")}},
		{"shell_exec", `{ command: { contains: b c } }`, []actor.Request{tool("a", "b", "c", "d")}, []actor.Request{tool("bc"), tool("b", "x", "c")}},
		{"shell_exec", `{ command: { ends_with: --fast } }`, []actor.Request{tool("a", "--fast")}, []actor.Request{tool("--fast", "a"), tool("x--fast")}},
		{"shell_exec", `{ command: { starts_with: tool }, not: { command: { contains: "--force" } } }`, []actor.Request{tool("a")}, []actor.Request{tool("a", "--force")}},
		{"shell_exec", `{ any: [ { command: { equals: tool a } }, { all: [ { command: { starts_with: tool b } }, { command: { ends_with: c } } ] } ] }`,
			[]actor.Request{tool("a"), tool("b", "c"), tool("b", "x", "c")}, []actor.Request{tool("b"), tool("c")}},
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
			for effect, ask := range map[string]func(actor.Request){"DENY": c.denied, "REQUIRE_APPROVAL": c.unapproved} {
				theHost.policy(t, "fielder", fmt.Sprintf("agent: fielder\nrules:\n  - name: the-rule\n    action: %s\n    conditions: %s\n    effect: %s\n  - name: the-rest\n    action: %s\n    effect: ALLOW\n", tc.action, tc.conditions, effect, tc.action))
				for _, r := range tc.yes {
					ask(r)
				}
			}
		})
	}
}

// What only user space can match it does, while the call waits.
func TestVMDeferredPattern(t *testing.T) {
	theHost.policy(t, "deferrer", `agent: deferrer
rules:
  - { name: class, action: file_read, conditions: { path: { glob: "/project/src/[lm]ain.go" } }, effect: ALLOW }
  - { name: expression, action: file_read, conditions: { path: { regex: '/data/research/d.*\.csv' } }, effect: ALLOW }
  - { name: words, action: shell_exec, conditions: { command: { regex: '/usr/local/bin/tool( [a-z]+)*' } }, effect: ALLOW }
  - { name: asks, action: file_write, conditions: { path: { glob: "/project/[ds]*/x" } }, effect: REQUIRE_APPROVAL }
  - { name: easy, action: file_read, conditions: { path: { starts_with: /project/docs } }, effect: ALLOW }
`)
	c := theHost.launch(t, "deferrer")
	c.allowed(actor.Request{Op: "open", Path: "/project/src/main.go"})
	c.allowed(actor.Request{Op: "open", Path: "/data/research/dataset.csv"})
	c.denied(actor.Request{Op: "open", Path: "/data/research"})
	c.denied(actor.Request{Op: "open", Path: "/project/README.md"})
	c.allowed(actor.Request{Op: "open", Path: "/project/docs/a.md"})
	c.allowed(actor.Request{Op: "exec", Path: "/usr/local/bin/tool", Args: []string{"tool", "a", "bc"}})
	c.denied(actor.Request{Op: "exec", Path: "/usr/local/bin/tool", Args: []string{"tool", "a", "BC"}})
	c.unapproved(create("/project/src/x"))
	c.denied(create("/project/src/y"))
	absent(t, "/project/src/x")
	for _, want := range []struct{ rule, verdict, enforced string }{{"class", "ALLOW", "allow"}, {"expression", "ALLOW", "allow"}, {"words", "ALLOW", "allow"}, {"class", "DEFER", "held"}} {
		theHost.logged(t, audit.Filter{Agent: "deferrer", Rule: want.rule}, want.rule+" "+want.verdict, func(r audit.Record) bool {
			return r.Verdict == want.verdict && r.Enforced == want.enforced && (want.enforced == "held" || strings.HasPrefix(r.Reason, "resolved: "))
		})
	}
}

// Without the baseline not even what every program needs is allowed.
func TestVMBaselineNone(t *testing.T) {
	const rules = "\nrules:\n  - { name: docs, action: file_read, conditions: { path: { starts_with: /project/docs } }, effect: ALLOW }\n"
	for baseline, ask := range map[string]func(confined, actor.Request){
		"runtime": func(c confined, r actor.Request) { c.allowed(r) }, "none": confined.denied,
	} {
		theHost.policy(t, "bare", "agent: bare\nbaseline: "+baseline+rules)
		c := theHost.launch(t, "bare")
		ask(c, actor.Request{Op: "open", Path: "/dev/null"})
		ask(c, actor.Request{Op: "open", Path: "/etc/passwd"})
		c.allowed(actor.Request{Op: "open", Path: "/project/docs/a.md"})
	}
}

// A rule with a schedule exists inside its windows and not outside.
func TestVMSchedule(t *testing.T) {
	now := time.Now().UTC()
	at := func(d time.Duration) string { return now.Add(d).Format("15:04") }
	for window, ask := range map[string]func(confined, actor.Request){
		fmt.Sprintf(`{ from: "%s", until: "%s" }`, at(-time.Hour), at(time.Hour)):               func(c confined, r actor.Request) { c.allowed(r) },
		fmt.Sprintf(`{ from: "%s", until: "%s" }`, at(2*time.Hour), at(3*time.Hour)):            confined.denied,
		fmt.Sprintf(`{ days: [%s], from: "00:00", until: "24:00" }`, day(now.AddDate(0, 0, 2))): confined.denied,
	} {
		theHost.policy(t, "worker", "agent: worker\nrules:\n  - name: shift\n    action: file_read\n    effect: ALLOW\n    schedule: ["+window+"]\n    conditions: { path: { starts_with: /project } }\n")
		ask(theHost.launch(t, "worker"), actor.Request{Op: "open", Path: "/project/README.md"})
	}
}

func day(t time.Time) string { return strings.ToLower(t.Weekday().String()[:3]) }

// What a policy includes is enforced as if it stood there: first match wins over both files.
func TestVMInclude(t *testing.T) {
	shared := filepath.Join(daemon.DefaultPolicies, "shared")
	if err := os.MkdirAll(shared, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(shared) })
	const secret = "/project/docs/secret.md"
	if err := os.WriteFile(secret, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(secret) })
	included := "description: everybody's documents\nrules:\n  - { name: docs, action: file_read, conditions: { path: { starts_with: /project/docs } }, effect: ALLOW }\n"
	if err := os.WriteFile(filepath.Join(shared, "docs.yaml"), []byte(included), 0o644); err != nil {
		t.Fatal(err)
	}
	theHost.policy(t, "reader", `agent: reader
description: reads what is shared, but for one file
defaults: { effect: DENY }
rules:
  - { name: not-this, action: file_read, conditions: { path: { equals: /project/docs/secret.md } }, effect: DENY }
  - include: shared/docs.yaml
  - { name: rest, description: what the include does not say, action: file_read, conditions: { path: { equals: /project/README.md } }, effect: ALLOW }
`)
	c := theHost.launch(t, "reader")
	c.allowed(actor.Request{Op: "open", Path: "/project/docs/a.md"})
	c.allowed(actor.Request{Op: "open", Path: "/project/README.md"})
	c.denied(actor.Request{Op: "open", Path: secret})
	c.denied(actor.Request{Op: "open", Path: "/project/src/main.go"})
}
