//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

// notes are what the status says of an agent's rules.
func notes(t *testing.T, agent string) string {
	t.Helper()
	st, err := theHost.status()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range st.Agents {
		if a.Agent == agent {
			return strings.Join(a.Notes, "\n")
		}
	}
	return ""
}

// lay makes directories and files with a known content, and removes their tops in the end.
func lay(t *testing.T, dirs, files []string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	for _, file := range files {
		if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// written waits until the daemon has written down everything that happened so far, and knows that it has: what it has only
// in memory when it is killed is missing from the log, as the gap records then say, and these tests are not about that.
func written(t *testing.T) {
	t.Helper()
	if _, err := theHost.settle(); err != nil {
		t.Fatal(err)
	}
	mark := time.Now()
	eventually(t, "the daemon's state", func() bool {
		info, err := os.Stat(filepath.Join(filepath.Dir(api.DefaultSocket), "state.json"))
		return err == nil && info.ModTime().After(mark)
	})
}

// An agent that puts a symlink in the place of the directory that its rule, and another agent's, is about gains nothing:
// not at once, not when policies are compiled again, not when the daemon starts again.
func TestVMAgentCannotRedirectRule(t *testing.T) {
	lay(t, []string{"/ground", "/ground/src", "/hoard"}, []string{"/hoard/gold"})
	theHost.policy(t, "digger", `agent: digger
rules:
  - { name: write, action: file_write, conditions: { path: { starts_with: /ground/src } }, effect: ALLOW }
  - { name: read, action: file_read, conditions: { path: { starts_with: /ground/src } }, effect: ALLOW }
`)
	theHost.policy(t, "friend", `agent: friend
rules:
  - { name: read, action: file_read, conditions: { path: { starts_with: /ground/src } }, effect: ALLOW }
`)
	digger, friend := theHost.launch(t, "digger"), theHost.launch(t, "friend")
	digger.allowed(actor.Request{Op: "write", Path: "/ground/src/f", Data: "x"})
	friend.allowed(actor.Request{Op: "open", Path: "/ground/src/f"})

	digger.allowed(actor.Request{Op: "unlink", Path: "/ground/src/f"})
	digger.allowed(actor.Request{Op: "rmdir", Path: "/ground/src"})
	digger.allowed(actor.Request{Op: "symlink", Path: "/ground/src", To: "/hoard"})
	nothing := func(when string) {
		t.Helper()
		t.Log(when)
		for _, path := range []string{"/ground/src/gold", "/hoard/gold"} {
			digger.denied(actor.Request{Op: "open", Path: path})
			digger.denied(actor.Request{Op: "write", Path: path, Data: "x"})
			friend.denied(actor.Request{Op: "open", Path: path})
		}
		digger.denied(actor.Request{Op: "mkdir", Path: "/ground/src/d"})
		unchanged(t, "/hoard/gold")
		absent(t, "/hoard/d")
	}
	said := func() {
		t.Helper()
		for _, agent := range []string{"digger", "friend"} {
			want := `rule "read": /ground/src: /ground/src is a symlink that agent "digger" may change: not followed`
			if got := notes(t, agent); !strings.Contains(got, want) {
				t.Errorf("notes of %s: %q", agent, got)
			}
		}
	}

	nothing("at once")
	theHost.reload(t, "digger")
	theHost.reload(t, "friend")
	said()
	nothing("after a reload")
	before := generations(t)["digger"]
	mountTmpfs(t, "/mnt/redirect")
	nothing("after a mount")
	written(t)
	theHost.crash(t)
	nothing("without a daemon")
	theHost.restart(t)
	said()
	nothing("after a restart")
	if after := generations(t)["digger"]; after != before {
		t.Errorf("generation %d became %d", before, after)
	}

	digger.allowed(actor.Request{Op: "unlink", Path: "/ground/src"})
	digger.allowed(actor.Request{Op: "mkdir", Path: "/ground/src"})
	digger.allowed(actor.Request{Op: "write", Path: "/ground/src/f", Data: "x"})
	friend.allowed(actor.Request{Op: "open", Path: "/ground/src/f"})
}

// A symlink of the operator's is followed until some agent may change it; then the rules of all agents let go of it, even
// of those that nobody has touched.
func TestVMNewWriterUnfollows(t *testing.T) {
	lay(t, []string{"/signpost", "/hoard"}, []string{"/hoard/gold"})
	if err := os.Symlink("/hoard", "/signpost/way"); err != nil {
		t.Fatal(err)
	}
	theHost.policy(t, "walker", `agent: walker
rules:
  - { name: read, action: file_read, conditions: { path: { starts_with: /signpost/way } }, effect: ALLOW }
`)
	walker := theHost.launch(t, "walker")
	walker.allowed(actor.Request{Op: "open", Path: "/signpost/way/gold"})

	theHost.policy(t, "turner", `agent: turner
rules:
  - { name: write, action: file_write, conditions: { path: { glob: "/sign*/**" } }, effect: ALLOW }
`)
	walker.denied(actor.Request{Op: "open", Path: "/signpost/way/gold"})
	walker.denied(actor.Request{Op: "open", Path: "/hoard/gold"})
	if got := notes(t, "walker"); !strings.Contains(got, `agent "turner" may change: not followed`) {
		t.Errorf("notes %q", got)
	}
}

// An agent that puts a program into a directory of secure_path does not thereby decide what a bare name means.
func TestVMAgentCannotShadowProgram(t *testing.T) {
	theHost.policy(t, "smith", `agent: smith
rules:
  - { name: bin, action: file_write, conditions: { path: { starts_with: /usr/local/bin/npm } }, effect: ALLOW }
  - { name: read, action: file_read, effect: ALLOW }
  - { name: test, action: shell_exec, conditions: { command: { starts_with: npm test } }, effect: ALLOW }
`)
	smith := theHost.launch(t, "smith")
	smith.allowed(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "test"}})

	t.Cleanup(func() { os.Remove("/usr/local/bin/npm") })
	tool, err := os.ReadFile("/usr/local/bin/tool")
	if err != nil {
		t.Fatal(err)
	}
	smith.allowed(actor.Request{Op: "symlink", Path: "/usr/local/bin/npm", To: "/usr/local/bin/tool"})
	theHost.reload(t, "smith")
	smith.denied(actor.Request{Op: "exec", Path: "/usr/local/bin/npm", Args: []string{"npm", "test"}})
	smith.allowed(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "test"}})

	smith.allowed(actor.Request{Op: "unlink", Path: "/usr/local/bin/npm"})
	if err := os.WriteFile("/usr/local/bin/npm", tool, 0o755); err != nil {
		t.Fatal(err)
	}
	theHost.reload(t, "smith")
	smith.denied(actor.Request{Op: "exec", Path: "/usr/local/bin/npm", Args: []string{"npm", "test"}})
	smith.allowed(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "test"}})
	if got := notes(t, "smith"); !strings.Contains(got, `program "npm": /usr/local/bin/npm does not count, because agent "smith" may change it`) {
		t.Errorf("notes %q", got)
	}
}
