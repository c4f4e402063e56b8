// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"net/http"

	"caisson/daemon/api"
	"caisson/daemon/approvals"
	"caisson/daemon/control"
	"caisson/daemon/resolver"
)

// Pending lists the requests that somebody may answer.
func (b backend) Pending(r *http.Request, p approvals.Person, after uint64) api.Approvals {
	return b.holds.PendingAfter(r.Context(), p, after)
}

// Respond answers requests.
func (b backend) Respond(p approvals.Person, in api.AnswerRequest) (api.Answers, error) {
	return b.holds.Respond(p, in)
}

// Grants lists the approvals that are remembered.
func (b backend) Grants() api.Grants { return b.holds.Grants() }

// Revoke takes one back.
func (b backend) Revoke(p approvals.Person, id string) (api.Grant, error) {
	return b.holds.Revoke(p, id)
}

// retries are the words of the API.
var retries = map[resolver.Retry]string{resolver.RetryNo: api.RetryNo, resolver.RetryLater: api.RetryLater, resolver.RetryNow: api.RetryNow}

// Denials says what the peer's own run was denied last.
func (b backend) Denials(p control.Peer) (api.Denials, error) {
	self := b.Self(p)
	if !p.Agent {
		return api.Denials{}, &api.Error{Status: http.StatusNotFound, Message: "the caller is no agent, so nothing was denied to it",
			Hint: "of all agents the log knows more: caisson audit query --effect DENY"}
	}
	out := api.Denials{Agent: self.Agent, Run: self.Run, Denials: []api.Denial{}}
	for _, d := range b.resolver.Denials(p.Identity.Run) {
		said := api.Denial{Time: d.Time, Action: d.Action, Op: d.Op, Subject: d.Subject, Rule: d.Rule, Reason: d.Reason, Text: d.Text,
			Message: d.Message, Retry: retries[d.Retry]}
		if !d.RetryAfter.IsZero() {
			said.RetryAfter = &d.RetryAfter
		}
		out.Denials = append(out.Denials, said)
	}
	return out, nil
}
