//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

// npmPolicy is the seed's coding agent; DESCENDANTS is filled in by the tests.
const npmPolicy = `agent: npm-agent
rules:
  - name: allow-project-reads
    action: file_read
    conditions: { path: { starts_with: [/app, /usr/share/nodejs] } }
    effect: ALLOW
  - name: deny-lister
    action: shell_exec
    conditions: { command: { starts_with: ls } }
    effect: DENY
  - name: allow-test-execution
    action: shell_exec
    conditions: { command: { starts_with: npm test } }
    effect: ALLOW
`

// realNpm puts the real npm where the stand-in is, for the duration of a test, with a package to test in /app.
func realNpm(t *testing.T) {
	t.Helper()
	found, err := filepath.Glob("/usr/*/*/npm/bin/npm-cli.js")
	if err != nil || len(found) != 1 {
		t.Fatalf("npm is not packed into the guest: %q, %v", found, err)
	}
	const npm, aside = "/usr/bin/npm", "/usr/bin/stand-in"
	if err := os.Rename(npm, aside); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Rename(aside, npm); err != nil {
			t.Error(err)
		}
		theHost.reload(t, "coding-agent") // whose rule names npm
	})
	if err := os.Symlink(found[0], npm); err != nil {
		t.Fatal(err)
	}

	if err := os.MkdirAll("/app", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll("/app") })
	for name, text := range map[string]string{
		"package.json": `{"name": "app", "version": "1.0.0", "scripts": {
			"test": "echo the-shell-runs && node check.js", "deploy": "echo deployed > /app/deployed"}}`,
		"check.js": `try { require("child_process").execFileSync("/bin/ls"); console.log("listed") }
			catch (e) { console.log("ls: " + e.code) }
			console.log("the-test-ran")`,
	} {
		if err := os.WriteFile("/app/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func npm(words ...string) actor.Request {
	return actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: append([]string{"npm"}, words...)}
}

// Real npm is a script whose interpreter is `/usr/bin/env node`: both go on as part of the one command that the rule
// allows, and so does the shell that npm starts. The program that the shell starts then is decided on its own.
func TestVMRealNpm(t *testing.T) {
	realNpm(t)
	theHost.policy(t, "npm-agent", npmPolicy)
	c := theHost.launch(t, "npm-agent")
	c.allowed(actor.Request{Op: "chdir", Path: "/app"})

	a := c.do(npm("test"))
	if a.Errno != 0 || a.Status == 0 || !strings.Contains(a.Out, "the-shell-runs") || strings.Contains(a.Out, "the-test-ran") {
		t.Errorf("npm test without descendants: %v, status %d\n%s", a.Err(), a.Status, a.Out)
	}
	theHost.logged(t, audit.Filter{Agent: "npm-agent", Action: "shell_exec"}, "node as npm's interpreter", func(r audit.Record) bool {
		return strings.HasSuffix(r.Path, "/node") && r.Enforced == "allow"
	})
	theHost.logged(t, audit.Filter{Agent: "npm-agent", Action: "shell_exec"}, "node as a program of its own", func(r audit.Record) bool {
		return strings.HasSuffix(r.Path, "/node") && r.Enforced == "deny"
	})

	c.denied(npm("run", "deploy"))
	absent(t, "/app/deployed")
}

// With `descendants: allow` what npm starts may run, too, and a DENY rule still holds in there.
func TestVMRealNpmDescendants(t *testing.T) {
	realNpm(t)
	theHost.policy(t, "npm-agent", npmPolicy+"    descendants: allow\n")
	c := theHost.launch(t, "npm-agent")
	c.allowed(actor.Request{Op: "chdir", Path: "/app"})

	a := c.allowed(npm("test"))
	for _, want := range []string{"the-shell-runs", "ls: EACCES", "the-test-ran"} {
		if !strings.Contains(a.Out, want) {
			t.Errorf("%q is missing from the output of npm test:\n%s", want, a.Out)
		}
	}
	c.denied(npm("run", "deploy"))
	absent(t, "/app/deployed")
}
