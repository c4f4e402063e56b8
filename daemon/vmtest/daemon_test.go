//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"caisson/audit"
	"caisson/daemon"
	"caisson/daemon/vmtest/actor"
)

// SIGKILL: compiled verdicts hold while there is no daemon, for old processes and for new ones.
func TestVMKillDaemonKeepsEnforcing(t *testing.T) {
	c := theHost.launch(t, "coding-agent")
	theHost.crash(t)
	c.allowed(actor.Request{Op: "open", Path: "/project/README.md"})
	c.allowed(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "test"}})
	c.denied(actor.Request{Op: "open", Path: "/data/research/dataset.csv"})
	c.denied(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "run", "deploy"}})
	joined := theHost.join(t, "coding-agent")
	joined.allowed(actor.Request{Op: "open", Path: "/project/README.md"})
	joined.denied(actor.Request{Op: "open", Path: "/data/research/dataset.csv"})

	// Nobody can be launched meanwhile, and the command says why.
	if _, errs, status := caisson(t, "run", "--agent", "coding-agent", "--", "/bin/true"); status != 125 || !strings.Contains(errs, "hint: ") {
		t.Errorf("status %d, %q", status, errs)
	}
}

// A restarted daemon takes over what is pinned: processes, policies and the events made while it was away.
func TestVMRestartAdopts(t *testing.T) {
	c := theHost.launch(t, "coding-agent")
	theHost.crash(t)
	c.denied(actor.Request{Op: "open", Path: "/data/research/dataset.csv"})
	theHost.restart(t)

	st, err := theHost.settle()
	if err != nil {
		t.Fatal(err)
	}
	if !st.Adopted {
		t.Error("the daemon loaded its programs anew")
	}
	c.allowed(actor.Request{Op: "open", Path: "/project/README.md"})
	theHost.logged(t, audit.Filter{Agent: "coding-agent", Effect: "DENY"}, "a denial from the time without a daemon", func(r audit.Record) bool {
		return r.PID == uint32(c.PID()) && r.Path == "/data/research/dataset.csv"
	})

	report, err := audit.Verify(daemon.DefaultAudit)
	if err != nil || report.Status != audit.OK {
		t.Errorf("after a kill and a restart: %v\n%s", err, report)
	}
}

// A policy that does not load never replaces one that did; a file that goes away takes every right with it.
func TestVMBrokenPolicyChangesNothing(t *testing.T) {
	theHost.policy(t, "fickle", "agent: fickle\nrules:\n  - { name: r, action: file_read, conditions: { path: { starts_with: /project } }, effect: ALLOW }\n")
	c := theHost.launch(t, "fickle")
	c.allowed(actor.Request{Op: "open", Path: "/project/README.md"})

	file := filepath.Join(daemon.DefaultPolicies, "fickle.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("agent: fickle\nrules:\n  - { name: r, action: file_reed, effect: ALLOW }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, _, status := caisson(t, "reload", "fickle")
	if status != 1 || !strings.Contains(out, "fickle.yaml:3:24: unknown action") || !strings.Contains(out, "kept") {
		t.Errorf("reload of a broken policy: status %d\n%s", status, out)
	}
	c.allowed(actor.Request{Op: "open", Path: "/project/README.md"})

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	theHost.reload(t, "fickle")
	c.denied(actor.Request{Op: "open", Path: "/project/README.md"})
	c.denied(actor.Request{Op: "open", Path: "/dev/null"})

	if err := os.WriteFile(file, good, 0o644); err != nil {
		t.Fatal(err)
	}
	theHost.reload(t, "fickle")
	c.allowed(actor.Request{Op: "open", Path: "/project/README.md"})
}

// SIGHUP reloads.
func TestVMHangupReloads(t *testing.T) {
	before := generations(t)["coding-agent"]
	file := filepath.Join(daemon.DefaultPolicies, "coding-agent.yaml")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(file, old, 0o644); err != nil {
			t.Error(err)
		}
		theHost.reload(t, "coding-agent")
	})
	if err := os.WriteFile(file, append([]byte("# changed\n"), old...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := theHost.daemon.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new generation", func() bool { return generations(t)["coding-agent"] != before })
}

// A file system that is mounted later is known as soon as the daemon has seen the mount, and forgotten when it goes.
func TestVMMountsAreFollowed(t *testing.T) {
	theHost.policy(t, "mounter", "agent: mounter\nrules:\n  - { name: r, action: file_read, conditions: { path: { starts_with: /mnt/later } }, effect: ALLOW }\n")
	mountTmpfs(t, "/mnt/later")
	if err := os.WriteFile("/mnt/later/x", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := theHost.launch(t, "mounter")
	eventually(t, "the new mount", func() bool { return c.do(actor.Request{Op: "open", Path: "/mnt/later/x"}).Errno == 0 })
	mountTmpfs(t, "/mnt/other")
	if err := os.WriteFile("/mnt/other/x", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c.denied(actor.Request{Op: "open", Path: "/mnt/other/x"})
}

// A rule may name a path through a bind mount or a symlink: it means the place where the files are.
func TestVMRulesAreLocated(t *testing.T) {
	if err := os.MkdirAll("/srv/real/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/srv/real/sub/f", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/srv/real", "/srv/link"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove("/srv/link"); os.RemoveAll("/srv/real") })
	bindMount(t, "/srv/real", "/mnt/bound")
	for _, prefix := range []string{"/srv/link", "/mnt/bound"} {
		theHost.policy(t, "locator", "agent: locator\nrules:\n  - { name: r, action: file_read, conditions: { path: { starts_with: "+prefix+" } }, effect: ALLOW }\n")
		c := theHost.launch(t, "locator")
		for _, path := range []string{"/srv/real/sub/f", "/srv/link/sub/f", "/mnt/bound/sub/f"} {
			c.allowed(actor.Request{Op: "open", Path: path})
		}
		c.denied(actor.Request{Op: "open", Path: "/srv"})
	}
}
