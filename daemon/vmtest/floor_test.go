//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon"
	"caisson/daemon/vmtest/actor"
)

// What would change what enforcement relies on is refused to an agent that is root and may write everywhere.
func TestVMHardFloor(t *testing.T) {
	theHost.policy(t, "almighty", `agent: almighty
rules:
  - { name: read, action: file_read, effect: ALLOW }
  - { name: write, action: file_write, effect: ALLOW }
  - { name: exec, action: shell_exec, effect: ALLOW }
  - { name: net, action: network, effect: ALLOW }
`)
	if err := os.MkdirAll("/srv/mnt", 0o755); err != nil {
		t.Fatal(err)
	}
	c, other := theHost.launch(t, "almighty"), theHost.launch(t, "almighty")
	c.allowed(actor.Request{Op: "write", Path: "/srv/proof", Data: "it may write"})

	refused := map[string]int{}
	for _, tc := range []struct {
		op  string
		req actor.Request
	}{
		{"mount", actor.Request{Op: "proc", Path: "/srv/mnt"}},
		{"mount", actor.Request{Op: "tmpfs", Path: "/srv/mnt"}},
		{"mount", actor.Request{Op: "bind", Path: "/etc", To: "/srv/mnt"}},
		{"mount", actor.Request{Op: "remount", Path: "/sys/fs/bpf"}},
		{"mount", actor.Request{Op: "movemount", Path: "/etc", To: "/srv/mnt"}},
		{"mount", actor.Request{Op: "pivot", Path: "/srv/mnt", To: "/srv/mnt"}},
		{"umount", actor.Request{Op: "umount", Path: "/sys/fs/bpf"}},
		{"bpf", actor.Request{Op: "bpf"}},
		{"ptrace", actor.Request{Op: "peek", Flag: 1}},
		{"ptrace", actor.Request{Op: "peek", Flag: theHost.daemon.Process.Pid}},
		{"ptrace", actor.Request{Op: "peek", Flag: other.PID()}}, // another run of the same agent
		{"ptrace", actor.Request{Op: "takefd", Flag: theHost.daemon.Process.Pid}},
		{"mknod", actor.Request{Op: "mknodchar", Path: "/srv/device"}},
	} {
		t.Run(tc.req.Op+" "+tc.req.Path, func(t *testing.T) {
			// ptrace_may_access turns every refusal into EPERM.
			if a := c.do(tc.req); !a.Denied() && a.Errno != int(unix.EPERM) {
				t.Errorf("%v, want it refused", a.Err())
			}
			refused[tc.op]++
			count := 0
			for _, r := range theHost.records(t, audit.Filter{Agent: "almighty", Effect: "DENY"}) {
				if r.Op == tc.op && r.PID == uint32(c.PID()) {
					count++
				}
			}
			if count != refused[tc.op] {
				t.Errorf("%d refusals of %s are in the log, want %d", count, tc.op, refused[tc.op])
			}
		})
	}
	absent(t, "/srv/device")

	// In a mount namespace of its own, too.
	c.do(actor.Request{Op: "unshare", Flag: unix.CLONE_NEWNS})
	c.denied(actor.Request{Op: "tmpfs", Path: "/srv/mnt"})
	c.denied(actor.Request{Op: "umount", Path: "/sys/fs/bpf"})
	if _, err := os.Stat(daemon.DefaultPins); err != nil {
		t.Errorf("the pins: %v", err)
	}
}
