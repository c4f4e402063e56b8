//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

func TestVMNoAgentUntouched(t *testing.T) {
	before, err := theHost.settle()
	if err != nil {
		t.Fatal(err)
	}
	c := started(t, "nobody", "here")
	c.allowed(actor.Request{Op: "open", Path: "/data/research/dataset.csv"})
	c.allowed(actor.Request{Op: "write", Path: "/srv/x", Data: "x"})
	c.allowed(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "run", "deploy"}})
	c.allowed(actor.Request{Op: "unlink", Path: "/srv/x"})
	c.allowed(actor.Request{Op: "connect", Addr: listen(t, "127.0.0.1:0")})

	after, err := theHost.settle()
	if err != nil {
		t.Fatal(err)
	}
	if before.Events.Seen != after.Events.Seen {
		t.Errorf("a process that is no agent made %d events", after.Events.Seen-before.Events.Seen)
	}
}

func TestVMThreadsKeepIdentity(t *testing.T) {
	for _, c := range []confined{theHost.launch(t, "coding-agent"), theHost.join(t, "coding-agent")} {
		a := c.do(actor.Request{Op: "threads", Flag: 32, Path: "/project/README.md", To: "/data/research/dataset.csv"})
		if a.Status != 32 {
			t.Errorf("%d of 32 threads were judged by their agent's policy", a.Status)
		}
	}
}

func TestVMForkBombKeepsIdentity(t *testing.T) {
	c := theHost.launch(t, "coding-agent")
	a := c.do(actor.Request{Op: "forks", Flag: 2000, Path: "/project/README.md", To: "/data/research/dataset.csv"})
	if a.Status != 2000 {
		t.Errorf("%d of 2000 children were judged by their agent's policy", a.Status)
	}

	children := map[uint32]bool{}
	for _, r := range theHost.records(t, audit.Filter{Agent: "coding-agent", Effect: "DENY"}) {
		if r.PPID == uint32(c.PID()) && r.Path == "/data/research/dataset.csv" {
			children[r.PID] = true
		}
	}
	if len(children) != 2000 {
		t.Errorf("the log has denials of %d children, want 2000", len(children))
	}
}

func TestVMCgroupMoveKeepsIdentity(t *testing.T) {
	c := theHost.launch(t, "coding-agent")
	c.denied(actor.Request{Op: "write", Path: "/sys/fs/cgroup/cgroup.procs", Data: "0"})

	// Even when somebody else moves it out of caisson.slice altogether.
	root := filepath.Join(filepath.Dir(sliceDir(t)), "cgroup.procs")
	if err := os.WriteFile(root, []byte(strconv.Itoa(c.PID())), 0); err != nil {
		t.Fatal(err)
	}
	c.allowed(actor.Request{Op: "open", Path: "/project/README.md"})
	c.denied(actor.Request{Op: "open", Path: "/data/research/dataset.csv"})
	if a := c.do(actor.Request{Op: "forks", Flag: 10, Path: "/project/README.md", To: "/data/research/dataset.csv"}); a.Status != 10 {
		t.Errorf("%d of 10 children kept the identity", a.Status)
	}
}

func TestVMNamespacesKeepIdentity(t *testing.T) {
	for name, flag := range map[string]int{"mount": unix.CLONE_NEWNS, "net": unix.CLONE_NEWNET, "uts": unix.CLONE_NEWUTS, "cgroup": unix.CLONE_NEWCGROUP} {
		t.Run(name, func(t *testing.T) {
			c := theHost.launch(t, "coding-agent")
			c.do(actor.Request{Op: "unshare", Flag: flag})
			c.allowed(actor.Request{Op: "open", Path: "/project/README.md"})
			c.denied(actor.Request{Op: "open", Path: "/data/research/dataset.csv"})
		})
	}
}

// A program needs libraries and a few harmless files to start; it gets those and nothing near them.
func TestVMBaselineRuntime(t *testing.T) {
	if err := os.WriteFile("/etc/shadow", []byte("root:x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	theHost.policy(t, "bare", "agent: bare\nrules:\n  - name: cat\n    action: shell_exec\n    conditions: { command: { equals: cat /etc/hosts } }\n    effect: ALLOW\n")
	c := theHost.launch(t, "bare")

	// Debian's own cat, with its loader and its C library.
	if a := c.allowed(actor.Request{Op: "exec", Path: "/usr/bin/cat", Args: []string{"cat", "/etc/hosts"}}); a.Out == "" {
		t.Error("cat printed nothing")
	}
	c.allowed(actor.Request{Op: "open", Path: "/dev/null", Flag: unix.O_RDWR})
	c.allowed(actor.Request{Op: "open", Path: "/dev/urandom"})
	c.allowed(actor.Request{Op: "read", Path: "/proc/self/status"})
	c.allowed(actor.Request{Op: "open", Path: "/etc/passwd"})
	for _, path := range []string{"/etc/shadow", "/root", "/proc/1/environ", "/proc/1/status", "/dev/kmsg", "/proc/kcore", "/proc/sysrq-trigger", "/data/research/dataset.csv", "/sys/kernel/security/lsm", "/usr/bin/npm"} {
		c.denied(actor.Request{Op: "open", Path: path})
	}
	for _, path := range []string{"/etc/passwd", "/etc/hosts", "/dev/urandom", "/proc/sys/kernel/ftrace_enabled", "/proc/sys/kernel/core_pattern", "/usr/lib/x"} {
		c.denied(actor.Request{Op: "open", Path: path, Flag: unix.O_WRONLY | unix.O_CREAT})
	}
}
