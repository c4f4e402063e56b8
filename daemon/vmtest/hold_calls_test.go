//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

// Each system call that is said to wait does, and is then repeated as if nothing had been: it works, it works once, and the
// program sees no error of a call that was interrupted.
func TestVMHoldCalls(t *testing.T) {
	held(t)
	c := theHost.launch(t, "asker")
	for _, call := range actor.Calls {
		t.Run(call.Name, func(t *testing.T) {
			dir := filepath.Join("/hold/open", call.Name)
			if err := os.MkdirAll(filepath.Join(dir, "dir"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "file"), []byte("hello\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("file", filepath.Join(dir, "sym")); err != nil {
				t.Fatal(err)
			}
			if err := unix.Setxattr(filepath.Join(dir, "file"), "trusted.old", []byte("x"), 0); err != nil {
				t.Fatal(err)
			}

			tr := c.try(actor.Request{Op: "call", Path: dir, To: call.Name})
			seen, a := theHost.operate(t, "asker", tr, api.AnswerRequest{Answer: api.AnswerApprove})
			if a.Errno != 0 {
				t.Errorf("approved: %v %s", a.Err(), a.Out)
			}
			if len(seen) == 0 {
				t.Error("nothing was asked")
			}
		})
	}
}

// What cannot be repeated is refused at once, and the log says why.
func TestVMHoldCannotWait(t *testing.T) {
	held(t)
	if err := os.WriteFile("/hold/other", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := theHost.launch(t, "asker")
	before := state(t, holdDir)
	c.denied(actor.Request{Op: "exchange", Path: "/hold/file", To: "/hold/other"})
	c.denied(actor.Request{Op: "sendmmsg", Addr: "127.0.0.9:9"})
	c.denied(actor.Request{Op: "open32", Path: "/hold/file"})
	if now := state(t, holdDir); now != before {
		t.Errorf("something has changed:\n%s\nbefore:\n%s", now, before)
	}
	for _, op := range []string{"rename-from", "sendto", "open"} {
		theHost.logged(t, audit.Filter{Agent: "asker", Effect: audit.VerdictRequireApproval}, "a call that cannot wait: "+op, func(r audit.Record) bool {
			return r.Op == op && r.Enforced == audit.EnforcedDeny && strings.HasPrefix(r.Reason, "cannot-wait: ")
		})
	}
}
