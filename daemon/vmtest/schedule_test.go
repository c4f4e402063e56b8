//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"strings"
	"testing"
	"time"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

// A rule that expires ends by itself, for a process that is running, and not long after its time.
func TestVMRuleExpires(t *testing.T) {
	const agent, patient = "mayfly", "/project/README.md"
	policy := func(ends time.Time) string {
		return strings.Replace(mayRead(agent, "/project"), "effect: ALLOW", "effect: ALLOW, expires: "+ends.UTC().Format(time.RFC3339Nano), 1)
	}
	theHost.policy(t, agent, policy(time.Now().Add(time.Hour)))
	c := theHost.launch(t, agent)
	c.allowed(actor.Request{Op: "open", Path: patient})

	// In software emulation it takes a moment until the policy is in force.
	ends := time.Now().Add(6 * time.Second)
	theHost.policy(t, agent, policy(ends))
	if next := agentStatus(t, agent).NextChange; next == nil || !next.Equal(ends.Round(0)) {
		t.Errorf("next change %v, want %v", next, ends)
	}
	c.allowed(actor.Request{Op: "open", Path: patient})
	if now := time.Now(); now.After(ends) {
		t.Fatalf("this machine is too slow: it took until %v after the end", now.Sub(ends))
	}
	last := time.Now()
	eventually(t, "the end of the rule", func() bool {
		at := time.Now()
		if c.do(actor.Request{Op: "open", Path: patient}).Denied() {
			return true
		}
		last = at
		return false
	})
	if time.Now().Before(ends) || last.After(ends.Add(3*time.Second)) {
		t.Errorf("still allowed %v after its time", last.Sub(ends))
	}
	theHost.logged(t, audit.Filter{Agent: agent, Kind: audit.KindPolicyLoad}, "the end", func(r audit.Record) bool {
		return strings.HasSuffix(r.Text, `rule "r" has ended`)
	})
}

// What ends while there is no daemon has ended when there is one again.
func TestVMRuleExpiresWithoutDaemon(t *testing.T) {
	const agent = "orphan"
	ends := time.Now().Add(8 * time.Second)
	theHost.policy(t, agent, strings.Replace(mayRead(agent, "/project"), "effect: ALLOW", "effect: ALLOW, expires: "+ends.UTC().Format(time.RFC3339), 1))
	c := theHost.launch(t, agent)
	c.allowed(actor.Request{Op: "open", Path: "/project/README.md"})
	written(t)
	theHost.crash(t)
	time.Sleep(time.Until(ends.Add(time.Second)))
	theHost.restart(t)
	c.denied(actor.Request{Op: "open", Path: "/project/README.md"})
}
