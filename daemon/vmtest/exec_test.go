//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

const toolPolicy = `agent: tooler
rules:
  - { name: tool, action: shell_exec, conditions: { command: { starts_with: tool allowed! } }, effect: ALLOW }
  - { name: files, action: file_read, conditions: { path: { starts_with: /t } }, effect: ALLOW }
  - { name: writes, action: file_write, conditions: { path: { starts_with: /t } }, effect: ALLOW }
`

// What counts is the file that really runs, not what it is called or what it calls itself.
func TestVMExecLocationNotName(t *testing.T) {
	theHost.policy(t, "tooler", toolPolicy)
	if err := os.MkdirAll("/t", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll("/t") })
	exe, err := os.ReadFile("/usr/local/bin/tool")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/t/tool", exe, 0o755); err != nil {
		t.Fatal(err)
	}

	c := theHost.launch(t, "tooler")
	argv := []string{"tool", "allowed!"}
	c.allowed(actor.Request{Op: "exec", Path: "/usr/local/bin/tool", Args: argv})
	c.allowed(actor.Request{Op: "exec", Path: "/usr/local/bin/tool", Args: []string{"anything", "allowed!"}}) // argv[0] proves nothing
	c.denied(actor.Request{Op: "exec", Path: "/t/tool", Args: argv})
	c.denied(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: argv})
	c.denied(actor.Request{Op: "memfd", Path: "/t/tool", Args: argv})

	c.allowed(actor.Request{Op: "symlink", Path: "/t/link", To: "/usr/local/bin/tool"})
	c.allowed(actor.Request{Op: "exec", Path: "/t/link", Args: argv})
	c.allowed(actor.Request{Op: "symlink", Path: "/t/npm", To: "/usr/bin/npm"})
	c.denied(actor.Request{Op: "exec", Path: "/t/npm", Args: argv})

	// A script runs under its own name first and its interpreter's then: neither is allowed here.
	if err := os.WriteFile("/t/script", []byte("#!/usr/local/bin/tool allowed!\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.denied(actor.Request{Op: "exec", Path: "/t/script", Args: argv})
}

// The words are those that the new program gets, however fast another thread changes the caller's copy of them.
func TestVMExecArgvRace(t *testing.T) {
	theHost.policy(t, "tooler", toolPolicy)
	c := theHost.launch(t, "tooler")
	a := c.do(actor.Request{Op: "argvrace", Path: "/usr/local/bin/tool", Args: []string{"tool", "allowed!"}, To: "deploy!!", Flag: 60})
	if a.Errno != 0 || a.Status != 0 {
		t.Errorf("%d of 60 programs ran with a word that was never judged: %v", a.Status, a.Err())
	}
	denied, allowed := 0, 0
	for _, r := range theHost.records(t, audit.Filter{Agent: "tooler", Action: "shell_exec"}) {
		switch {
		case r.PPID != uint32(c.PID()):
		case r.Enforced == "deny":
			denied++
		default:
			allowed++
		}
	}
	if denied+allowed < 60 {
		t.Errorf("%d execs are in the log, want 60", denied+allowed)
	}
	t.Logf("%d were judged with the forbidden word or half of it, %d with the allowed one", denied, allowed)
}

// Words are compared whole, in number and in length; what cannot be read whole cannot be allowed by what follows.
func TestVMExecWords(t *testing.T) {
	theHost.policy(t, "wordy", `agent: wordy
rules:
  - { name: no-eval, action: shell_exec, conditions: { command: { glob: "tool ** --eval=*" } }, effect: DENY }
  - { name: tool, action: shell_exec, conditions: { command: { starts_with: tool } }, effect: ALLOW }
  - { name: exact, action: shell_exec, conditions: { command: { equals: npm run build } }, effect: ALLOW }
`)
	c := theHost.launch(t, "wordy")
	tool := func(args ...string) actor.Request {
		return actor.Request{Op: "exec", Path: "/usr/local/bin/tool", Args: append([]string{"tool"}, args...)}
	}
	npm := func(args ...string) actor.Request {
		return actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: append([]string{"npm"}, args...)}
	}

	c.allowed(tool())
	c.allowed(tool("", "", "x"))
	c.denied(tool("--eval=x"))
	c.denied(tool("a", "b", "--eval="))
	c.denied(tool("--eval=" + strings.Repeat("x", 200)))
	c.denied(tool("--eval=" + strings.Repeat("x", 300))) // too long for a pattern to be tried on: denied
	c.denied(tool("a", strings.Repeat("x", 5000)))       // beyond what is read: it could be a word that is denied
	c.denied(tool(strings.Fields(strings.Repeat("a ", 300))...))

	// The words are read in pieces of 256 bytes: whichever byte of a word a piece ends with, the word is the same.
	for _, at := range [][2]int{{246, 266}, {504, 516}, {1016, 1028}, {2024, 2030}} {
		for n := at[0]; n < at[1]; n++ {
			c.denied(tool(append(padding(n-len("tool.")), "--eval=x")...))
			c.allowed(tool(append(padding(n-len("tool.")), "--evil=x")...))
		}
	}

	c.allowed(npm("run", "build"))
	c.denied(npm("run", "build", "x"))
	c.denied(npm("run"))
	c.denied(npm("run", "buil"))
	c.denied(npm("run build"))
}

// padding are words that take n bytes with the zeros that end them.
func padding(n int) (words []string) {
	for ; n > 0; n -= 100 {
		words = append(words, strings.Repeat("x", min(n, 100)-1))
	}
	return words
}

// The loader that an ELF file names runs before the program does, and instead of it if it likes: it must be one the agent
// may read, as the system's is.
func TestVMExecLoader(t *testing.T) {
	theHost.policy(t, "loader", `agent: loader
rules:
  - { name: cat, action: shell_exec, conditions: { command: { starts_with: /i/cat } }, effect: ALLOW }
  - { name: patched, action: shell_exec, conditions: { command: { starts_with: /i/patched } }, effect: ALLOW }
`)
	cat, err := os.ReadFile("/usr/bin/cat")
	if err != nil {
		t.Fatal(err)
	}
	const loader, other = "/lib64/ld-linux-x86-64.so.2\x00", "/srv/loader"
	code, err := os.ReadFile("/lib64/ld-linux-x86-64.so.2")
	if err != nil {
		t.Fatal(err)
	}
	patched := bytes.Replace(cat, []byte(loader), append([]byte(other), make([]byte, len(loader)-len(other))...), 1)
	if bytes.Equal(cat, patched) {
		t.Fatal("cat names another loader")
	}
	if err := os.MkdirAll("/i", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll("/i"); os.Remove(other) })
	for name, program := range map[string][]byte{"/i/cat": cat, "/i/patched": patched, other: code} {
		if err := os.WriteFile(name, program, 0o755); err != nil {
			t.Fatal(err)
		}
	}

	// Where nobody is confined the other loader runs, and the program with it.
	run := actor.Request{Op: "exec", Path: "/i/patched", Args: []string{"cat", "/etc/hosts"}}
	started(t, "nobody", "here").allowed(run)

	c := theHost.launch(t, "loader")
	c.allowed(actor.Request{Op: "exec", Path: "/i/cat", Args: []string{"cat", "/etc/hosts"}})
	if a := c.do(run); a.Errno == 0 && a.Status == 0 {
		t.Error("a loader that no rule allows ran")
	}
	theHost.logged(t, audit.Filter{Agent: "loader", Effect: "DENY"}, "the loader", func(r audit.Record) bool {
		return strings.HasPrefix(r.Reason, "interpreter: ")
	})
	c.allowed(actor.Request{Op: "exec", Path: "/i/cat", Args: []string{"cat", "/etc/hosts"}}) // nothing is left behind
}
