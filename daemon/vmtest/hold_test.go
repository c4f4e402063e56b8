//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

// holdDir is where an asker must ask; below /hold/open it may read.
const holdDir = "/hold"

const askerPolicy = `agent: asker
rules:
  - name: reads
    action: file_read
    conditions: { path: { starts_with: [/hold/open, /dev/null] } }
    effect: ALLOW
  - name: ask-read
    action: file_read
    conditions: { path: { starts_with: /hold } }
    effect: REQUIRE_APPROVAL
  - name: ask-write
    action: file_write
    conditions: { path: { starts_with: /hold } }
    effect: REQUIRE_APPROVAL
    message: May it change this?
  - name: ask-run
    action: shell_exec
    conditions: { command: { starts_with: /usr/local/bin/tool } }
    effect: REQUIRE_APPROVAL
  - name: ask-connect
    action: network
    conditions: { address: { equals: [127.0.0.9] } }
    effect: REQUIRE_APPROVAL
`

// held puts the asker's policy in force and fills its directory.
func held(t *testing.T) {
	t.Helper()
	clean := func() error { return os.RemoveAll(holdDir) }
	if err := clean(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := clean(); err != nil {
			t.Error(err)
		}
	})
	for _, dir := range []string{"/hold/dir", "/hold/open"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"/hold/file", "/hold/open/file"} {
		if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	theHost.policy(t, "asker", askerPolicy)
}

// state is all that a user could see of a directory.
func state(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + fmt.Sprint(info.Sys().(*syscall.Stat_t).Uid))
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b.Write(data)
		}
		var value [64]byte
		if n, err := unix.Lgetxattr(path, "trusted.x", value[:]); err == nil {
			b.Write(value[:n])
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every operation that a rule can want approved waits; refused it leaves nothing behind, and approved it happens once.
func TestVMHoldOperations(t *testing.T) {
	held(t)
	l := listen(t, "127.0.0.9:0")
	tests := []struct {
		name string
		actor.Request
		questions int  // that it asks; 0: some
		changes   bool // what state sees
	}{
		{"read", actor.Request{Op: "read", Path: "/hold/file"}, 1, false},
		{"write to a file", actor.Request{Op: "open", Path: "/hold/file", Flag: unix.O_WRONLY}, 1, false},
		{"truncate by opening", actor.Request{Op: "open", Path: "/hold/file", Flag: unix.O_WRONLY | unix.O_TRUNC}, 1, true},
		{"read and write", actor.Request{Op: "open", Path: "/hold/file", Flag: unix.O_RDWR}, 2, false},
		{"create", actor.Request{Op: "open", Path: "/hold/new", Flag: unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL}, 1, true},
		{"create by writing", actor.Request{Op: "write", Path: "/hold/new", Data: "x"}, 1, true},
		{"create to read and write", actor.Request{Op: "open", Path: "/hold/open/new", Flag: unix.O_RDWR | unix.O_CREAT}, 1, true},
		{"mkdir", actor.Request{Op: "mkdir", Path: "/hold/newdir"}, 1, true},
		{"rmdir", actor.Request{Op: "rmdir", Path: "/hold/dir"}, 1, true},
		{"unlink", actor.Request{Op: "unlink", Path: "/hold/file"}, 1, true},
		{"rename", actor.Request{Op: "rename", Path: "/hold/file", To: "/hold/other"}, 2, true},
		{"rename over another", actor.Request{Op: "rename", Path: "/hold/file", To: "/hold/open/file"}, 0, true},
		{"link", actor.Request{Op: "link", Path: "/hold/file", To: "/hold/second"}, 0, true},
		{"symlink", actor.Request{Op: "symlink", Path: "/hold/sym", To: "file"}, 1, true},
		{"fifo", actor.Request{Op: "mkfifo", Path: "/hold/fifo"}, 1, true},
		{"truncate", actor.Request{Op: "truncate", Path: "/hold/file", Flag: 2}, 1, true},
		{"chmod", actor.Request{Op: "chmod", Path: "/hold/file"}, 1, true},
		{"chown", actor.Request{Op: "chown", Path: "/hold/file", Flag: 7}, 1, true},
		{"utimes", actor.Request{Op: "utimes", Path: "/hold/file"}, 1, true},
		{"xattr", actor.Request{Op: "setxattr", Path: "/hold/file", To: "trusted.x", Data: "y"}, 1, true},
		{"exec", actor.Request{Op: "exec", Path: "/usr/local/bin/tool", Args: []string{"tool", "a", "b c"}}, 1, false},
		{"connect", actor.Request{Op: "connect", Addr: l}, 1, false},
		{"send a datagram", actor.Request{Op: "sendto", Addr: "127.0.0.9:9"}, 1, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			held(t)
			before := state(t, holdDir)
			c := theHost.launch(t, "asker")
			tr := c.try(tc.Request)
			first := theHost.pending(t, "asker", 1)[0]
			if tr.over() || state(t, holdDir) != before {
				t.Fatalf("it has happened before it was approved:\n%s", state(t, holdDir))
			}
			if first.Waiting != 1 || first.Count != 1 || len(first.Processes) == 0 || first.Processes[0].PID == 0 {
				t.Errorf("%+v", first)
			}
			if want := map[string]string{"ask-write": "May it change this?"}[first.Rule]; first.Message != want {
				t.Errorf("rule %s says %q, want %q", first.Rule, first.Message, want)
			}
			theHost.respond(t, api.AnswerRequest{Answer: api.AnswerDeny, IDs: []string{first.ID}, Text: "no"})
			if a := tr.answer(); !a.Denied() {
				t.Fatalf("refused: %+v", a)
			}
			if now := state(t, holdDir); now != before {
				t.Errorf("it was refused, and has left something behind:\n%s\nbefore:\n%s", now, before)
			}

			c = theHost.launch(t, "asker") // the refusal is remembered for the run
			tr = c.try(tc.Request)
			seen, a := theHost.operate(t, "asker", tr, api.AnswerRequest{Answer: api.AnswerApprove})
			if a.Errno != 0 || a.Status != 0 {
				t.Fatalf("approved: %v, %+v", a.Err(), a)
			}
			if tc.questions != 0 && len(seen) != tc.questions {
				t.Errorf("%d questions: %+v", len(seen), seen)
			}
			if tc.changes && state(t, holdDir) == before {
				t.Error("it was approved, and nothing has happened")
			}
			for _, s := range seen {
				theHost.logged(t, audit.Filter{Agent: "asker"}, "the approved call", func(r audit.Record) bool {
					return r.Ask == s.ID && r.Kind != audit.KindApproval && r.Enforced == audit.EnforcedAllow && r.Verdict == audit.VerdictRequireApproval &&
						strings.HasPrefix(r.Reason, "approved: by ") && r.Actor != nil && r.Actor.UID == 0 && r.Rule == s.Rule
				})
			}
		})
	}
}
