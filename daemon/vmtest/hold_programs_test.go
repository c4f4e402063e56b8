//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"strings"
	"testing"

	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

const programsPolicy = `agent: asker
rules:
  - { name: ask-write, action: file_write, conditions: { path: { starts_with: /hold } }, effect: REQUIRE_APPROVAL }
  - { name: ask-run, action: shell_exec, conditions: { command: { starts_with: /usr/local/bin/tool } }, effect: REQUIRE_APPROVAL }
  - { name: programs, action: shell_exec, conditions: { command: { starts_with: [bash, node, perl] } }, effect: ALLOW }
  - { name: reads, action: file_read, effect: ALLOW }
`

// Programs that know nothing of it wait and go on: a pipeline of a shell, an interpreter, node with all its threads, a child
// that vfork or a library's posix_spawn has made, and the first process of a PID namespace.
func TestVMHoldPrograms(t *testing.T) {
	const write = "require('fs').writeFileSync('/hold/node', 'x'); console.log('done')"
	for _, tc := range []struct {
		name      string
		argv      []string
		out, made string
		questions int
	}{
		{"pipeline", []string{bash, "-c", "/usr/local/bin/tool a | /usr/local/bin/tool b | /usr/local/bin/tool c; echo ${PIPESTATUS[@]}"}, "0 0 0\n", "", 3},
		{"background", []string{bash, "-c", "/usr/local/bin/tool a & wait $!; echo $?"}, "0\n", "", 1},
		{"redirection", []string{bash, "-c", "echo x > /hold/sh && echo done"}, "done\n", "/hold/sh", 1},
		{"perl", []string{"/usr/bin/perl", "-e", `open(F, ">", "/hold/perl") or die; print "done\n"`}, "done\n", "/hold/perl", 1},
		{"spawn", []string{"/usr/bin/perl", "-e", `print system("/usr/local/bin/tool", "a") == 0 ? "done\n" : "failed\n"`}, "done\n", "", 1},
		{"node", []string{"/usr/bin/node", "-e", write}, "done\n", "/hold/node", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			held(t)
			theHost.policy(t, "asker", programsPolicy)
			done := make(chan string, 1)
			go func() {
				out, errs, _ := caisson(t, append([]string{"run", "--agent", "asker", "--"}, tc.argv...)...)
				t.Logf("%s", errs) // perl has something to say about the guest's locales
				done <- out
			}()
			asked := 0
			eventually(t, "the end of the program", func() bool {
				for _, a := range theHost.requests(t, "asker") {
					asked++
					theHost.respond(t, api.AnswerRequest{Answer: api.AnswerApprove, IDs: []string{a.ID}})
				}
				return len(done) > 0
			})
			if out := <-done; out != tc.out || asked != tc.questions {
				t.Errorf("%d questions, and it said %q", asked, out)
			}
			if _, err := os.Lstat(tc.made); tc.made != "" && err != nil {
				t.Error(err)
			}
		})
	}

	t.Run("first process of a PID namespace", func(t *testing.T) {
		held(t)
		theHost.policy(t, "asker", programsPolicy)
		c := theHost.launch(t, "asker")
		for _, answer := range []string{api.AnswerApprove, api.AnswerDeny} {
			tr := c.try(actor.Request{Op: "execinit", Path: "/usr/local/bin/tool", Args: []string{"tool", answer}})
			seen, a := theHost.operate(t, "asker", tr, api.AnswerRequest{Answer: answer})
			if allowed := a.Errno == 0 && a.Status == 0; len(seen) != 1 || allowed != (answer == api.AnswerApprove) || !allowed && !a.Denied() {
				t.Errorf("%s: %d questions, %+v", answer, len(seen), a)
			}
			if len(seen) == 1 && !strings.HasSuffix(seen[0].Subject, "tool "+answer) {
				t.Errorf("asked for %s", seen[0].Subject)
			}
		}
	})
}
