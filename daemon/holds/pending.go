// SPDX-License-Identifier: Apache-2.0

package holds

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"net/http"
	"time"

	"caisson/daemon/api"
	"caisson/daemon/approvals"
	"caisson/daemon/hooks"
)

// patience is how long a caller waits at most for the list to change.
const patience = 25 * time.Second

// Pending lists what somebody may answer, oldest first.
func (h *Holder) Pending(p approvals.Person) api.Approvals {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := api.Approvals{Requests: []api.Approval{}}
	for _, r := range h.queue.Pending() {
		if r.Ask.Terms.Allow(p) {
			out.Requests = append(out.Requests, h.describe(r))
		}
	}
	out.Version = version(out.Requests)
	return out
}

// version is a number for a list. It is made of what the list says and of nothing else, so that nobody learns by it that
// something happens which he may not see.
func version(list []api.Approval) uint64 {
	sum := fnv.New64a()
	if err := json.NewEncoder(sum).Encode(list); err != nil {
		panic("encoding a list of requests: " + err.Error()) // should never fail because it is made of texts, numbers and times
	}
	return max(1, sum.Sum64()>>11) // 53 bits, which every reader of JSON can hold; 0 means that none is known
}

// PendingAfter is [Holder.Pending], but waits until the list is not that of a version any more, or for some time.
func (h *Holder) PendingAfter(ctx context.Context, p approvals.Person, after uint64) api.Approvals {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		list := h.Pending(p)
		if list.Version != after {
			return list
		}
		select {
		case <-ctx.Done():
			return list
		case <-changed:
		case <-timer.C:
			return list
		}
	}
}

// describe is a request as it is shown. The caller holds mu.
func (h *Holder) describe(r approvals.Pending) api.Approval {
	a := api.Approval{
		ID: r.ID, Agent: r.Ask.Agent, Generation: r.Ask.Generation, Rule: r.Ask.Rule, Message: r.Ask.Terms.Message,
		Action: r.Ask.Action, Op: r.Ask.Op, Subject: valid(r.Ask.Subject), Since: r.Since, Deadline: r.Deadline,
		Waiting: r.Held, Count: r.Count, Approvers: r.Ask.Terms.Approvers, Quorum: max(1, r.Ask.Terms.Quorum), Approved: people(r.Votes),
	}
	if v := h.views[r.ID]; v != nil {
		a.Run, a.Processes = v.record.Run, v.processes
	}
	return a
}

func people(list []approvals.Person) []api.Person {
	var out []api.Person
	for _, p := range list {
		out = append(out, api.Person{UID: p.UID, User: p.User, PID: p.PID, TTY: p.TTY})
	}
	return out
}

// Grants lists the approvals that are remembered, oldest first.
func (h *Holder) Grants() api.Grants {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := api.Grants{Grants: []api.Grant{}}
	for _, g := range h.queue.Grants() {
		out.Grants = append(out.Grants, grant(g))
	}
	return out
}

func grant(g approvals.Grant) api.Grant {
	out := api.Grant{ID: g.ID, Agent: g.Agent, Run: g.Run, Generation: g.Generation, Rule: g.Rule, Subject: valid(g.Subject),
		Made: g.Made, By: people(g.By), Used: g.Used}
	if !g.Until.IsZero() {
		out.Until = &g.Until
	}
	return out
}

// Revoke takes a grant back.
func (h *Holder) Revoke(p approvals.Person, id string) (api.Grant, error) {
	h.mu.Lock()
	g, ok := h.queue.Revoke(id)
	h.mu.Unlock()
	if !ok {
		return api.Grant{}, &api.Error{Status: http.StatusNotFound, Message: id + ": there is no such grant", Hint: "caisson grants lists those that there are"}
	}
	rec := note(h.record(""), "revoke", "", p, "grant "+g.ID, 0)
	rec.Agent, rec.Run, rec.Rule, rec.Gen = g.Agent, g.Run, g.Rule, uint64(g.Generation)
	return grant(g), h.opt.Record(rec)
}

// EndRun forgets what belongs to a run that has ended.
func (h *Holder) EndRun(run string) {
	h.mu.Lock()
	over := h.queue.EndRun(run)
	for _, v := range over {
		h.drop(v.Hold)
		h.close(v.Request, hooks.Withdrawn, nil)
	}
	h.mu.Unlock()
}

// Replaced has what an earlier generation of an agent's policy has asked decided again by the one in force.
func (h *Holder) Replaced(agent string, generation uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.queue.Replaced(agent, generation) {
		if c := h.calls[v.Hold]; c != nil {
			h.abandon(c)
		}
		h.close(v.Request, hooks.Withdrawn, nil)
	}
}
