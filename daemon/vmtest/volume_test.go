//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"sync"
	"testing"

	"caisson/audit"
	"caisson/daemon/vmtest/actor"
)

// A run of 200,000 opens by four processes loses no event, is decided the same in the kernel and in user space every time,
// and every one of them is in the log.
func TestVMManyOpensLoseNothing(t *testing.T) {
	const processes, opens = 4, 50_000
	before, err := theHost.settle()
	if err != nil {
		t.Fatal(err)
	}

	run := make(map[uint32]bool)
	var all sync.WaitGroup
	for range processes {
		c := theHost.launch(t, "coding-agent")
		run[uint32(c.PID())] = true
		all.Go(func() {
			a, err := c.Do(actor.Request{Op: "opens", Path: "/project/README.md", Flag: opens})
			if err != nil || a.Status != opens {
				t.Errorf("%d opens of %d worked: %v", a.Status, opens, err)
			}
		})
	}
	all.Wait()

	after, err := theHost.settle()
	if err != nil {
		t.Fatal(err)
	}
	if after.Events.Lost != before.Events.Lost || after.Events.Missing != before.Events.Missing {
		t.Errorf("%d events lost, %d missing", after.Events.Lost-before.Events.Lost, after.Events.Missing-before.Events.Missing)
	}
	if after.Events.Disagreements != before.Events.Disagreements {
		t.Errorf("%d disagreements", after.Events.Disagreements-before.Events.Disagreements)
	}
	logged := 0
	for _, r := range theHost.records(t, audit.Filter{Agent: "coding-agent", Rule: "allow-project-reads"}) {
		if run[r.PID] && r.Path == "/project/README.md" {
			logged += max(1, int(r.Count))
		}
	}
	if logged != processes*opens {
		t.Errorf("%d opens are in the log, want %d", logged, processes*opens)
	}
}
