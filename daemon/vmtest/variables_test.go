//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

// tenants is a policy by which an agent reads its home directory and reads and writes its workspace.
const tenants = `agent: tenant
rules:
  - { name: home, action: file_read, conditions: { path: { starts_with: "${HOME}" } }, effect: ALLOW }
  - { name: space, action: file_write, conditions: { path: { starts_with: "${WORKSPACE}/${AGENT}" } }, effect: ALLOW }
  - { name: space-read, action: file_read, conditions: { path: { starts_with: "${WORKSPACE}" } }, effect: ALLOW }
`

// userCommand is the beginning of a command line that is executed as a user, by a program that every guest has.
func userCommand(uid int) []string {
	return []string{"/usr/bin/perl", "-e", fmt.Sprintf(`$( = %d; $) = "%d %d"; $< = $> = %d; exec { $ARGV[0] } @ARGV or die "$!";`, uid, uid, uid, uid), "--"}
}

// settleIn makes two users with home directories and two workspaces, which everybody could write if it were for the file
// system alone.
func settleIn(t *testing.T) {
	t.Helper()
	old, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile("/etc/passwd", old, 0o644); err != nil {
			t.Error(err)
		}
	})
	passwd := string(old) + "ann:x:2001:2001::/home/ann:/bin/sh\nbob:x:2002:2002::/home/bob:/bin/sh\n"
	if err := os.WriteFile("/etc/passwd", []byte(passwd), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/home/ann", "/home/bob", "/srv/one/tenant", "/srv/two/tenant"} {
		err := errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(dir, 0o777), os.WriteFile(filepath.Join(dir, "f"), nil, 0o666), os.Chmod(filepath.Join(dir, "f"), 0o666))
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := errors.Join(os.RemoveAll("/srv/one"), os.RemoveAll("/srv/two"), os.RemoveAll("/home/ann"), os.RemoveAll("/home/bob")); err != nil {
			t.Error(err)
		}
	})
}

// tenant starts a run of the agent as a user.
func tenant(t *testing.T, uid int, workspace string) confined {
	t.Helper()
	return started(t, "tenant", "here", append(userCommand(uid), commandPath, "run", "--agent", "tenant", "--workspace", workspace, "--")...)
}

// keepsTo asserts that a run has its own home and workspace, and nothing of the other's.
func keepsTo(c confined, home, workspace, otherHome, otherWorkspace string) {
	c.t.Helper()
	write := func(dir string) actor.Request {
		return actor.Request{Op: "open", Path: dir + "/tenant/" + fmt.Sprint(c.PID()), Flag: unix.O_CREAT | unix.O_WRONLY}
	}
	c.allowed(actor.Request{Op: "open", Path: home + "/f"})
	c.allowed(actor.Request{Op: "open", Path: workspace + "/tenant/f"})
	c.allowed(write(workspace))
	c.denied(actor.Request{Op: "open", Path: otherHome + "/f"})
	c.denied(actor.Request{Op: "open", Path: otherWorkspace + "/tenant/f"})
	c.denied(write(otherWorkspace))
	if err := os.Remove(workspace + "/tenant/" + fmt.Sprint(c.PID())); err != nil {
		c.t.Error(err)
	}
}

// Two runs of one agent, of two users and in two workspaces, share nothing: not at once, not after a reload, not while the
// daemon is dead, not after a restart, and not when what it had written down is lost.
func TestVMRunsHaveTheirOwnVariables(t *testing.T) {
	settleIn(t)
	theHost.policy(t, "tenant", tenants)
	if a := agentStatus(t, "tenant"); a.State != api.StatePerRun || !slices.Equal(a.Variables, []string{"HOME", "WORKSPACE"}) {
		t.Errorf("status %+v", a)
	}
	ann, bob := tenant(t, 2001, "/srv/one"), tenant(t, 2002, "/srv/two")
	both := func(when string) {
		t.Helper()
		t.Log(when)
		keepsTo(ann, "/home/ann", "/srv/one", "/home/bob", "/srv/two")
		keepsTo(bob, "/home/bob", "/srv/two", "/home/ann", "/srv/one")
	}
	both("at once")
	again := tenant(t, 2001, "/srv/one")
	keepsTo(again, "/home/ann", "/srv/one", "/home/bob", "/srv/two")
	a := agentStatus(t, "tenant")
	if len(a.Images) != 2 || len(a.Runs) != 3 || a.Images[0].Variables["HOME"] != "/home/ann" || a.Images[1].Variables["WORKSPACE"] != "/srv/two" {
		t.Errorf("images %+v, runs %+v", a.Images, a.Runs)
	}

	// A process that the daemon did not start has no variables.
	stranger := theHost.join(t, "tenant")
	stranger.denied(actor.Request{Op: "open", Path: "/home/ann/f"})
	stranger.denied(actor.Request{Op: "open", Path: "/dev/null"})
	theHost.logged(t, audit.Filter{Agent: "tenant"}, "what the stranger was refused", func(r audit.Record) bool {
		return r.PID == uint32(stranger.PID()) && strings.HasPrefix(r.Reason, "no-policy: ")
	})

	theHost.policy(t, "tenant", "# reloaded\n"+tenants)
	both("after a reload")
	before := agentStatus(t, "tenant").Images
	written(t)
	theHost.crash(t)
	both("without a daemon")
	theHost.restart(t)
	both("after a restart")
	after := agentStatus(t, "tenant").Images
	if len(after) != 2 || after[0].Generation != before[0].Generation || after[1].Slot != before[1].Slot {
		t.Errorf("images %+v became %+v", before, after)
	}
	theHost.logged(t, audit.Filter{Agent: "tenant", Rule: "space"}, "an event with the rule of its image", func(r audit.Record) bool {
		return r.PID == uint32(bob.PID()) && r.Verdict == audit.VerdictAllow && r.Gen == uint64(after[1].Generation)
	})

	written(t)
	theHost.crash(t)
	if err := os.Remove(filepath.Join(filepath.Dir(api.DefaultSocket), "runs.json")); err != nil {
		t.Fatal(err)
	}
	theHost.restart(t)
	for _, c := range []confined{ann, bob} {
		c.denied(actor.Request{Op: "open", Path: "/home/ann/f"})
		c.denied(actor.Request{Op: "open", Path: "/home/bob/f"})
	}
	if a := agentStatus(t, "tenant"); !strings.Contains(a.Problem, "3 runs are denied everything") {
		t.Errorf("status %+v", a)
	}
	fresh := tenant(t, 2002, "/srv/one")
	keepsTo(fresh, "/home/bob", "/srv/one", "/home/ann", "/srv/two")
	ann.denied(actor.Request{Op: "open", Path: "/srv/one/tenant/f"})
}

// The image of a run goes with its last process, and the slot is for another.
func TestVMImageEndsWithItsRun(t *testing.T) {
	settleIn(t)
	theHost.policy(t, "tenant", tenants)
	if _, errs, status := caisson(t, "run", "--agent", "tenant", "--workspace", "/srv/one", "--", bash, "-c", "[ -r /srv/one/tenant/f ]"); status != 0 {
		t.Fatalf("status %d, %s", status, errs)
	}
	eventually(t, "the end of the image", func() bool { a := agentStatus(t, "tenant"); return len(a.Images) == 0 && len(a.Runs) == 0 })
}

func TestVMWorkspaceIsChecked(t *testing.T) {
	settleIn(t)
	theHost.policy(t, "tenant", tenants)
	theHost.policy(t, "plain", mayRead("plain", "/project"))
	if err := os.Symlink("/srv/one", "/srv/way"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove("/srv/way") })
	for _, tc := range []struct{ agent, workspace, says string }{
		{"tenant", "/", "rules about everything"},
		{"tenant", "/srv/nothing", "no such file"},
		{"tenant", "/etc/passwd", "not a directory"},
		{"tenant", "/srv/way", "leads through a symlink to /srv/one"},
		{"plain", "/srv/one", "does not mention ${WORKSPACE}"},
	} {
		_, errs, status := caisson(t, "run", "--agent", tc.agent, "--workspace", tc.workspace, "--", "/bin/true")
		if status != 125 || !strings.Contains(errs, tc.says) || !strings.Contains(errs, "hint: ") {
			t.Errorf("%s for %s: status %d, %s", tc.workspace, tc.agent, status, errs)
		}
	}
	if a := agentStatus(t, "tenant"); len(a.Images) != 0 {
		t.Errorf("images are left: %+v", a.Images)
	}
}
