//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

const observePolicy = `agent: watched
rules:
  - { name: read, action: file_read, conditions: { path: { starts_with: /s } }, effect: ALLOW }
  - { name: not-there, action: file_read, conditions: { path: { starts_with: /project } }, effect: DENY }
  - { name: write, action: file_write, conditions: { path: { starts_with: /s } }, effect: ALLOW }
  - { name: secret, action: file_write, conditions: { path: { equals: /s/dir/secret } }, effect: DENY }
`

// An agent that is observed may do what it likes; what its policy says is in the log. The hard floor holds.
func TestVMObserve(t *testing.T) {
	theHost.policy(t, "watched", "mode: observe\n"+observePolicy)
	scripts(t, map[string]string{"file": "x", "dir/secret": "x", "script": "#!/usr/bin/perl\n" + says})
	otherLoader(t, "/s/patched")
	l := listen(t, "127.0.0.8:8080")

	c := theHost.launch(t, "watched")
	open := unix.O_WRONLY | unix.O_CREAT
	requests := []struct {
		req    actor.Request
		kind   audit.Kind
		denied bool // by the policy
	}{
		{actor.Request{Op: "read", Path: "/s/file"}, audit.KindFileOpen, false},
		{actor.Request{Op: "read", Path: "/project/README.md"}, audit.KindFileOpen, true},
		{actor.Request{Op: "open", Path: "/srv/observed", Flag: open}, audit.KindFileCreate, true},
		{actor.Request{Op: "rename", Path: "/s/dir", To: "/s/moved"}, audit.KindFileRename, false},
		{actor.Request{Op: "exec", Path: "/usr/local/bin/tool", Args: []string{"tool"}}, audit.KindExec, true},
		{actor.Request{Op: "exec", Path: "/s/script"}, audit.KindExec, true},
		{actor.Request{Op: "exec", Path: "/s/patched", Args: []string{"cat", "/etc/hosts"}}, audit.KindExec, true},
		{actor.Request{Op: "connect", Addr: l}, audit.KindNetConnect, true},
	}
	t.Cleanup(func() { os.Remove("/srv/observed") })
	for _, tc := range requests {
		c.allowed(tc.req)
		if !tc.denied {
			continue
		}
		theHost.logged(t, audit.Filter{Agent: "watched", Effect: "DENY"}, tc.req.Op+" "+tc.req.Path+tc.req.Addr, func(r audit.Record) bool {
			return r.Kind == tc.kind && r.Enforced != "deny" && (tc.req.Path == "" || r.Path == tc.req.Path)
		})
	}
	c.denied(actor.Request{Op: "bind", Path: "/s", To: "/srv"})
	c.denied(actor.Request{Op: "mknodchar", Path: "/s/null"})

	// The same process, when the policy is enforced.
	theHost.policy(t, "watched", observePolicy)
	c.allowed(requests[0].req)
	for _, tc := range requests[1:] {
		if tc.req.Op != "rename" {
			c.denied(tc.req)
		}
	}
}

// otherLoader makes a copy of cat that names a loader which no policy here lets an agent read.
func otherLoader(t *testing.T, file string) {
	t.Helper()
	const loader, other = "/lib64/ld-linux-x86-64.so.2\x00", "/srv/loader"
	copied(t, "/lib64/ld-linux-x86-64.so.2", other, 0o755)
	copied(t, "/usr/bin/cat", file, 0o755)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	patched := bytes.Replace(b, []byte(loader), append([]byte(other), make([]byte, len(loader)-len(other))...), 1)
	if bytes.Equal(b, patched) {
		t.Fatal("cat names another loader")
	}
	if err := os.WriteFile(file, patched, 0o755); err != nil {
		t.Fatal(err)
	}
}
