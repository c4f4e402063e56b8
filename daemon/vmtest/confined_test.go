//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/cgroup"
	"caisson/daemon/vmtest/actor"
)

// confined is a process of an agent, and the test that uses it.
type confined struct {
	*actor.Process
	t     *testing.T
	agent string
}

// launch starts a process of an agent with `caisson run`.
func (h *host) launch(t *testing.T, agent string) confined {
	t.Helper()
	return started(t, agent, "here", commandPath, "run", "--agent", agent, "--")
}

// join starts a process the way a service manager does: put into the agent's slice, with no word to the daemon.
func (h *host) join(t *testing.T, agent string) confined {
	t.Helper()
	dir := filepath.Join(sliceDir(t), cgroup.AgentSlice(agent))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return started(t, agent, dir)
}

func sliceDir(t *testing.T) string {
	t.Helper()
	root, err := cgroup.Mount()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, cgroup.SliceName)
}

func started(t *testing.T, agent, dir string, launcher ...string) confined {
	t.Helper()
	p, err := actor.Start(dir, launcher...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("%s: %v", agent, err)
		}
	})
	c := confined{p, t, agent}
	c.allowed(actor.Request{Op: "ping"}) // it is where it should be before the test goes on
	return c
}

// do tries something.
func (c confined) do(r actor.Request) actor.Answer {
	c.t.Helper()
	a, err := c.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// allowed tries something that must work.
func (c confined) allowed(r actor.Request) actor.Answer {
	c.t.Helper()
	a := c.do(r)
	if a.Errno != 0 || a.Status != 0 {
		c.t.Errorf("%s: %s %s %s%s: %v, status %d: want it to work\n%s", c.agent, r.Op, r.Path, r.To, r.Addr, a.Err(), a.Status, a.Out)
	}
	return a
}

// denied tries something that the kernel must refuse.
func (c confined) denied(r actor.Request) {
	c.t.Helper()
	if a := c.do(r); !a.Denied() {
		c.t.Errorf("%s: %s %s %s%s: %v, status %d: want %v", c.agent, r.Op, r.Path, r.To, r.Addr, a.Err(), a.Status, unix.EACCES)
	}
}

// logged asserts that the log has a record that matches, and returns the last.
func (h *host) logged(t *testing.T, f audit.Filter, what string, match func(audit.Record) bool) audit.Record {
	t.Helper()
	all := h.records(t, f)
	for i := len(all) - 1; i >= 0; i-- {
		if match(all[i]) {
			return all[i]
		}
	}
	t.Errorf("no record of %s among %d", what, len(all))
	for _, r := range all[max(0, len(all)-20):] {
		t.Logf("  %s %s %s %s %s %q %s %s", r.Kind, r.Agent, r.Verdict, r.Enforced, r.Rule, r.Path, r.Addr, r.Reason)
	}
	return audit.Record{}
}

// unchanged fails the test if a file does not hold what prepare put into it.
func unchanged(t *testing.T, path string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != "hello\n" {
		t.Errorf("%s: %q, %v", path, b, err)
	}
}

// absent fails the test if something exists.
func absent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("%s exists: %v", path, err)
	}
}
