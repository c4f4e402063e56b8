// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"context"
	"testing"

	"caisson/audit"
	"caisson/daemon/resolver"
)

func questionOf(agent string, hold uint64) *resolver.Question {
	return &resolver.Question{Hold: hold, Record: audit.Record{Agent: agent}}
}

// An agent that asks a thousand times is answered in turns with one that asks once.
func TestTurns(t *testing.T) {
	p := newPool()
	for n := range uint64(maxQueued) {
		if !p.add(questionOf("loud", n)) {
			t.Fatalf("question %d is one too many", n)
		}
	}
	if p.add(questionOf("loud", maxQueued)) {
		t.Error("there is no limit")
	}
	if !p.add(questionOf("quiet", 1)) {
		t.Error("another agent has the limit of the first")
	}
	if first, second := p.take(), p.take(); first.Record.Agent != "loud" || first.Hold != 0 || second.Record.Agent != "quiet" {
		t.Errorf("%s %d, then %s", first.Record.Agent, first.Hold, second.Record.Agent)
	}
	if third := p.take(); third.Hold != 1 {
		t.Errorf("question %d, want them in order", third.Hold)
	}
}

func TestWorkEnds(t *testing.T) {
	p := newPool()
	ctx, cancel := context.WithCancel(context.Background())
	seen := make(chan uint64)
	ended := make(chan bool)
	go func() {
		p.work(ctx, 3, func(q *resolver.Question) { seen <- q.Hold })
		close(ended)
	}()
	p.add(questionOf("a", 7))
	if n := <-seen; n != 7 {
		t.Errorf("question %d", n)
	}
	cancel()
	<-ended
}
