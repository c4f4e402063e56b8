//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os/exec"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

// What is decided while there is no daemon is decided again by the next one, and the log names its rule.
func TestVMRestartChecksWhatItMissed(t *testing.T) {
	c := theHost.launch(t, "coding-agent")
	before := generations(t)["coding-agent"]
	written(t)
	theHost.crash(t)
	c.allowed(actor.Request{Op: "open", Path: "/project/docs/a.md"})
	theHost.restart(t)

	if after := generations(t)["coding-agent"]; after != before {
		t.Errorf("generation %d became %d, although nothing changed", before, after)
	}
	theHost.logged(t, audit.Filter{Agent: "coding-agent", Rule: "allow-project-reads"}, "an event from the time without a daemon, with its rule", func(r audit.Record) bool {
		return r.PID == uint32(c.PID()) && r.Path == "/project/docs/a.md" && r.Gen == uint64(before) && r.Pol != ""
	})
	st, err := theHost.settle()
	if err != nil {
		t.Fatal(err)
	}
	if st.Events.Unchecked != 0 || st.Events.Disagreements != 0 {
		t.Errorf("events %+v", st.Events)
	}
}

// Enforcement cannot be detached while a process is in caisson.slice that no run of caisson's put there.
func TestVMDetachRefusesForService(t *testing.T) {
	c := theHost.join(t, "coding-agent")
	written(t)
	theHost.crash(t)
	out, err := exec.Command(daemonPath, "detach").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "processes are in caisson.slice") {
		t.Errorf("caissond detach: %v\n%s", err, out)
	}
	c.denied(actor.Request{Op: "open", Path: "/data/research/dataset.csv"})
	theHost.restart(t)
}
