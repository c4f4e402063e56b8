//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"fmt"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

// tries tells of each command line whether it could be executed: 0, the exit status, or -1.
const tries = `for (@ARGV) { my @c = split / /; my $s = system { $c[0] } @c; print "[$_]: ", $s < 0 ? -1 : $s >> 8, "\n"; }`

// What a program may start whose rule says `descendants: allow`: whatever no rule denies, and so on from there. Who did not
// come from it may not.
func TestVMDescendants(t *testing.T) {
	theHost.policy(t, "family", `agent: family
rules:
  - { name: no-push, action: shell_exec, conditions: { command: { starts_with: git push } }, effect: DENY }
  - { name: ask, action: shell_exec, conditions: { command: { starts_with: truncate } }, effect: REQUIRE_APPROVAL }
  - { name: build, action: shell_exec, conditions: { command: { starts_with: perl /s/build } }, effect: ALLOW, descendants: allow }
  - { name: plain, action: shell_exec, conditions: { command: { starts_with: perl /s/plain } }, effect: ALLOW }
  - { name: reads, action: file_read, conditions: { path: { starts_with: /s } }, effect: ALLOW }
`)
	scripts(t, map[string]string{"build": tries, "plain": tries, "precious": "x"})
	lines := []string{"/usr/bin/git --version", "/usr/bin/git push", "/usr/bin/truncate -s 0 /s/precious", "/usr/bin/perl /s/plain /usr/bin/git_--version",
		"/usr/bin/perl -e exec{'/usr/bin/git'}'git','push';exit(77)"}

	c := theHost.launch(t, "family")
	for _, tc := range []struct {
		script string
		want   []int
	}{
		// After the allowed ones the refused ones again: what they left behind makes no difference.
		{"/s/build", []int{0, -1, -1, 0, 77}},
		{"/s/plain", []int{-1, -1, -1, 0, -1}},
		{"/s/build", []int{0, -1, -1, 0, 77}},
	} {
		tr := c.try(actor.Request{Op: "exec", Path: "/usr/bin/perl", Args: append([]string{"perl", tc.script}, lines...)})
		_, a := theHost.operate(t, "family", tr, api.AnswerRequest{Answer: api.AnswerDeny}) // of what is asked
		if a.Errno != 0 || a.Status != 0 {
			t.Errorf("%s: %v, status %d", tc.script, a.Err(), a.Status)
		}
		for i, line := range lines {
			if want := fmt.Sprintf("[%s]: %d\n", line, tc.want[i]); !strings.Contains(a.Out, want) {
				t.Errorf("%s: want %q\n%s", tc.script, want, a.Out)
			}
		}
	}

	// The parent has not become one of them, and neither has a child of its own, nor another run.
	git := actor.Request{Op: "exec", Path: "/usr/bin/git", Args: []string{"git", "--version"}}
	c.denied(git)
	theHost.launch(t, "family").denied(git)
	theHost.logged(t, audit.Filter{Agent: "family", Action: "shell_exec"}, "a descendant", func(r audit.Record) bool {
		return r.Path == "/usr/bin/git" && r.Enforced == "allow" && r.Verdict == audit.VerdictAllow && strings.HasPrefix(r.Reason, "descendant: ")
	})
}
