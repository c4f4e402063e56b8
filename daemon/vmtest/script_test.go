//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

// Scripts that a rule allows; the agent may write what is in /s/mine, and nothing but the rules below allows a program.
const scriptPolicy = `agent: scripter
rules:
  - { name: scripts, action: shell_exec, conditions: { command: { glob: "/s/** **" } }, effect: ALLOW }
  - { name: reads, action: file_read, conditions: { path: { starts_with: /s } }, effect: ALLOW }
  - { name: mine, action: file_write, conditions: { path: { starts_with: /s/mine } }, effect: ALLOW }
`

// says makes a script tell that it ran, and with which words.
const says = `print "ran @ARGV\n";`

// scripts makes files below /s for the duration of a test: text by name.
func scripts(t *testing.T, files map[string]string) {
	t.Helper()
	t.Setenv("LC_ALL", "C") // or perl complains of the locales that a guest does not have
	t.Cleanup(func() { os.RemoveAll("/s") })
	for name, text := range files {
		file := filepath.Join("/s", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text+"\n"), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
}

// copied copies a program for the duration of a test.
func copied(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(to) })
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, b, mode), os.Chmod(to, mode)); err != nil {
		t.Fatal(err)
	}
}

// ran runs a script that must tell that it ran with some words.
func (c confined) ran(path string, words ...string) {
	c.t.Helper()
	a := c.allowed(actor.Request{Op: "exec", Path: path, Args: append([]string{"x"}, words...)})
	if want := "ran " + strings.Join(words, " ") + "\n"; a.Out != want {
		c.t.Errorf("%s: %s said %q, want %q", c.agent, path, a.Out, want)
	}
}

// did runs a script that may run itself, and returns what it printed.
func (c confined) did(path string, words ...string) actor.Answer {
	c.t.Helper()
	return c.do(actor.Request{Op: "exec", Path: path, Args: append([]string{"x"}, words...)})
}

// The interpreter of an allowed script goes on, if what is executed is out of the agent's hands from the script's first line
// to the interpreter; as a program of its own it stays denied.
func TestVMScriptInterpreter(t *testing.T) {
	theHost.policy(t, "scripter", scriptPolicy)
	scripts(t, map[string]string{
		"direct":      "#!/usr/bin/perl\n" + says,
		"option":      "#!/usr/bin/perl -w\n" + says,
		"mine/script": "#!/usr/bin/perl\n" + says,
		"chained":     "#!/usr/local/bin/interpreter\n", // which goes on, and is a script
		"foreign":     "#!/srv/bin/perl\n" + says,
		"linked":      "#!/s/mine/perl\n" + says,
		"dots":        "#!/usr/bin/../bin/perl\n" + says,
		"relative":    "#!usr/bin/perl\n" + says,
		"loose":       "#!/usr/local/bin/loose\n" + says,
		"foreigner":   "#!/usr/local/bin/foreigner\n" + says,
	})
	copied(t, "/s/direct", "/usr/local/bin/interpreter", 0o755)
	copied(t, "/usr/bin/perl", "/srv/bin/perl", 0o755)
	copied(t, "/usr/bin/perl", "/usr/local/bin/loose", 0o777)
	copied(t, "/usr/bin/perl", "/usr/local/bin/foreigner", 0o755)
	if err := errors.Join(os.Chown("/usr/local/bin/foreigner", 1234, 0), os.Symlink("/usr/bin/perl", "/s/mine/perl"), os.Chdir("/")); err != nil {
		t.Fatal(err)
	}

	c := theHost.launch(t, "scripter")
	c.ran("/s/direct")
	c.ran("/s/direct", "a", "b c")
	c.ran("/s/option", "a")
	theHost.logged(t, audit.Filter{Agent: "scripter", Action: "shell_exec"}, "the interpreter", func(r audit.Record) bool {
		return r.Path == "/usr/bin/perl" && r.Verdict == audit.VerdictAllow && r.Enforced == "allow" && strings.HasPrefix(r.Reason, "continued: ")
	})

	c.denied(actor.Request{Op: "exec", Path: "/usr/bin/perl", Args: []string{"perl", "/s/direct"}})
	for _, name := range []string{"mine/script", "chained", "foreign", "linked", "dots", "relative", "loose", "foreigner"} {
		c.denied(actor.Request{Op: "exec", Path: "/s/" + name})
	}

	// Under another name it is the same script, if the agent can have one.
	c.denied(actor.Request{Op: "link", Path: "/s/direct", To: "/s/mine/direct"})
	c.allowed(actor.Request{Op: "symlink", Path: "/s/mine/link", To: "/s/direct"})
	c.ran("/s/mine/link", "a")
}

// A rule about the interpreter comes before its going on.
func TestVMScriptInterpreterDenied(t *testing.T) {
	scripts(t, map[string]string{"direct": "#!/usr/bin/perl\n" + says})
	for effect, ask := range map[string]func(confined, actor.Request){"DENY": confined.denied, "REQUIRE_APPROVAL": confined.unapproved} {
		theHost.policy(t, "scripter", scriptPolicy+
			"  - { name: no-perl, action: shell_exec, conditions: { command: { starts_with: perl } }, effect: "+effect+" }\n")
		ask(theHost.launch(t, "scripter"), actor.Request{Op: "exec", Path: "/s/direct"})
	}
}

// What a script hands to env goes on: with all the words, by that name, once.
func TestVMScriptEnv(t *testing.T) {
	theHost.policy(t, "scripter", scriptPolicy)
	scripts(t, map[string]string{
		"env":      "#!/usr/bin/env perl\n" + says,
		"split":    "#!/usr/bin/env -S perl -w\n" + says,
		"mine/env": "#!/usr/bin/env perl\n" + says,
		"missing":  "#!/usr/bin/env no-such-program\n" + says,
		// The second of two equal execs; the first was allowed.
		"twice": "#!/usr/bin/env perl\n" + `exec { "/usr/bin/perl" } "perl", $0, @ARGV; print "refused\n";`,
		"child": "#!/usr/bin/env perl\n" + `print system({ "/usr/bin/perl" } "perl", $0, @ARGV), "\n";`,
		"rogue": "#!/usr/local/bin/env perl\n" + says,
	})
	copied(t, "/proc/self/exe", "/usr/local/bin/env", 0o755)
	if err := errors.Join(os.MkdirAll("/s/mine", 0o755), os.Symlink("/usr/bin/perl", "/s/mine/perl")); err != nil {
		t.Fatal(err)
	}

	c := theHost.launch(t, "scripter")
	c.ran("/s/env")
	c.ran("/s/env", "a", "b c")
	if a := c.did("/s/split"); a.Status == 0 {
		t.Errorf("env handed on other words than it got: %q", a.Out)
	}
	if a := c.did("/s/missing"); a.Status == 0 {
		t.Errorf("a program that does not exist ran: %q", a.Out)
	}
	if a := c.did("/s/twice"); a.Out != "refused\n" {
		t.Errorf("a program that env had become was executed again: %q", a.Out)
	}
	if a := c.did("/s/child"); a.Out != "-1\n" {
		t.Errorf("a child of what env had become was it, too: %q", a.Out)
	}
	c.denied(actor.Request{Op: "exec", Path: "/s/mine/env"})
	c.denied(actor.Request{Op: "exec", Path: "/usr/bin/env", Args: []string{"env", "perl", "/s/env"}})

	if a := c.did("/s/rogue", "a"); a.Status != 0 || a.Out != "ran a\n" {
		t.Errorf("a rogue env: %v, status %#x, %q", a.Err(), a.Status, a.Out)
	}
}

// Env that a launch has started as an interpreter goes on like any other.
func TestVMScriptEnvLaunched(t *testing.T) {
	theHost.policy(t, "scripter", scriptPolicy)
	scripts(t, map[string]string{"env": "#!/usr/bin/env perl\n" + says, "mine/env": "#!/usr/bin/env perl\n" + says})

	out, errs, status := caisson(t, "run", "--agent", "scripter", "--", "/s/env", "a")
	if status != 0 || out != "ran a\n" {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	if out, _, status := caisson(t, "run", "--agent", "scripter", "--", "/s/mine/env", "a"); status == 0 {
		t.Errorf("the agent's own script chose the program: %q", out)
	}
}

// Shells are transparent: they start, and each program that they are told to start is decided on its own.
func TestVMTransparentShell(t *testing.T) {
	theHost.policy(t, "sheller", `agent: sheller
rules:
  - { name: test, action: shell_exec, conditions: { command: { equals: npm test } }, effect: ALLOW }
  - { name: files, action: file_read, conditions: { path: { starts_with: /s } }, effect: ALLOW }
  - { name: writes, action: file_write, conditions: { path: { starts_with: /s } }, effect: ALLOW }
`)
	scripts(t, map[string]string{"precious": "x", "script": "#!/bin/bash\nnpm test && echo ran\nrm -rf /s/precious"})

	c := theHost.launch(t, "sheller")
	a := c.do(actor.Request{Op: "exec", Path: "/bin/bash", Args: []string{"bash", "-c", "npm test && echo ran; rm -rf /s/precious"}})
	if a.Errno != 0 || a.Status == 0 || !strings.HasPrefix(a.Out, "ran\n") {
		t.Errorf("%v, status %d, %q", a.Err(), a.Status, a.Out)
	}
	if _, err := os.Stat("/s/precious"); err != nil {
		t.Error(err)
	}
	c.denied(actor.Request{Op: "exec", Path: "/s/script"}) // which no rule allows, whatever interprets it
	for _, want := range []struct {
		path, enforced string
	}{{"/usr/bin/npm", "allow"}, {"/rm", "deny"}} {
		theHost.logged(t, audit.Filter{Agent: "sheller", Action: "shell_exec"}, want.path, func(r audit.Record) bool {
			return strings.HasSuffix(r.Path, want.path) && r.Enforced == want.enforced
		})
	}

	// An agent that may start nothing may not start a shell.
	theHost.policy(t, "shellless", "agent: shellless\nrules:\n  - { name: no, action: shell_exec, effect: DENY }\n")
	theHost.launch(t, "shellless").denied(actor.Request{Op: "exec", Path: "/bin/bash", Args: []string{"bash", "-c", ":"}})
}

// A pattern may have text in its middle; the kernel looks for it as the compiler says.
func TestVMMiddles(t *testing.T) {
	theHost.policy(t, "middles", `agent: middles
rules:
  - { name: four, action: file_read, conditions: { path: { glob: "/s/a*b*bc*d*e*z" } }, effect: ALLOW }
  - { name: holds, action: file_read, conditions: { path: { glob: "/s/sub/*key*" } }, effect: ALLOW }
`)
	allowed := []string{"abbcdez", "a-b-bc-d-e-z", "abbbcbcdddez", "sub/key", "sub/my-key.pem", "sub/kkey"}
	denied := []string{"abcdez", "abbcdz", "abbcde", "bbcdez", "abbced-z", "sub/ke-y", "sub/KEY"}
	files := map[string]string{}
	for _, name := range slices.Concat(allowed, denied) {
		files[name] = "x"
	}
	scripts(t, files)

	c := theHost.launch(t, "middles")
	for _, name := range allowed {
		c.allowed(actor.Request{Op: "read", Path: "/s/" + name})
	}
	for _, name := range denied {
		c.denied(actor.Request{Op: "read", Path: "/s/" + name})
	}
}
