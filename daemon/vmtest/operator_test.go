//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"context"
	"testing"
	"time"

	"caisson/daemon/api"
	"caisson/daemon/client"
	"caisson/daemon/vmtest/actor"
)

// holdPatience is how long a held call may take to go on.
const holdPatience = 60 * time.Second

// trial is something that an agent tries, while the test goes on.
type trial struct {
	t    *testing.T
	done chan actor.Answer
}

// try has an agent try something without waiting for it.
func (c confined) try(r actor.Request) trial {
	tr := trial{c.t, make(chan actor.Answer, 1)}
	go func() {
		a, err := c.Do(r)
		if err != nil {
			a = actor.Answer{Errno: -1, Out: err.Error()}
		}
		tr.done <- a
	}()
	return tr
}

// answer waits for what came of it.
func (tr trial) answer() actor.Answer {
	tr.t.Helper()
	select {
	case a := <-tr.done:
		return a
	case <-time.After(holdPatience):
		tr.t.Fatal("it still waits")
	}
	panic("not reached")
}

// over says whether it has ended.
func (tr trial) over() bool { return len(tr.done) > 0 }

// pending waits until an agent has that many requests that wait, and returns them.
func (h *host) pending(t *testing.T, agent string, n int) []api.Approval {
	t.Helper()
	var found []api.Approval
	eventually(t, "requests for approval of "+agent, func() bool {
		found = h.requests(t, agent)
		return len(found) == n
	})
	return found
}

// requests lists what waits of an agent.
func (h *host) requests(t *testing.T, agent string) []api.Approval {
	t.Helper()
	list, err := client.New(api.DefaultSocket).Approvals(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []api.Approval
	for _, a := range list.Requests {
		if a.Agent == agent {
			found = append(found, a)
		}
	}
	return found
}

// respond answers requests; each must be answered.
func (h *host) respond(t *testing.T, in api.AnswerRequest) []api.Answered {
	t.Helper()
	out, err := client.New(api.DefaultSocket).Answer(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range out.Answers {
		if a.Error != "" {
			t.Fatalf("answer to %s: %s (%s)", a.ID, a.Error, a.Hint)
		}
	}
	return out.Answers
}

// unapproved has an agent try something that somebody is asked about, who refuses it.
func (c confined) unapproved(r actor.Request) {
	c.t.Helper()
	seen, a := theHost.operate(c.t, c.agent, c.try(r), api.AnswerRequest{Answer: api.AnswerDeny})
	if len(seen) == 0 || !a.Denied() {
		c.t.Errorf("%s: %s %s %s%s: %v, status %d, after %d questions: want it refused", c.agent, r.Op, r.Path, r.To, r.Addr, a.Err(), a.Status, len(seen))
	}
}

// operate answers every request of an agent in the same way until the trial is over, and returns them with what came of it.
func (h *host) operate(t *testing.T, agent string, tr trial, in api.AnswerRequest) ([]api.Approval, actor.Answer) {
	t.Helper()
	var seen []api.Approval
	eventually(t, "an end of what "+agent+" tries", func() bool {
		for _, a := range h.requests(t, agent) {
			in.IDs = []string{a.ID}
			out, err := client.New(api.DefaultSocket).Answer(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			if out.Answers[0].Error == "" {
				seen = append(seen, a)
			}
		}
		return tr.over()
	})
	return seen, tr.answer()
}
