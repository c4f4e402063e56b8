// SPDX-License-Identifier: Apache-2.0

package approvals

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrNotWaiting means that no request of that id waits: it was answered, has timed out, or its processes have ended.
var ErrNotWaiting = errors.New("no such request waits")

// NotAllowedError says why somebody may not answer.
type NotAllowedError struct {
	User string
	Need []string // groups of which one is needed
}

// Error names who it was and who may.
func (e *NotAllowedError) Error() string {
	if len(e.Need) == 0 {
		return fmt.Sprintf("%s may not answer this: the rule names no approvers, so it is for root", e.User)
	}
	return fmt.Sprintf("%s may not answer this: the rule wants a member of %s", e.User, strings.Join(e.Need, " or "))
}

// Pending is a request as it is shown.
type Pending struct {
	ID       string
	Ask      Ask // of the first call
	Since    time.Time
	Deadline time.Time
	Held     int      // calls that wait
	Count    uint64   // calls that ever did
	Votes    []Person // who has approved so far
}

func (r *request) pending() Pending {
	return Pending{r.id, r.ask, r.since, r.deadline, len(r.holds), r.count, slices.Clone(r.votes)}
}

// Pending returns what waits, oldest first.
func (q *Queue) Pending() []Pending {
	var out []Pending
	for _, r := range q.list() {
		out = append(out, r.pending())
	}
	return out
}

// Get returns a request that waits.
func (q *Queue) Get(id string) (Pending, bool) {
	r := q.requests[id]
	if r == nil {
		return Pending{}, false
	}
	return r.pending(), true
}

// Approve is somebody's approval. It answers every call that waits in the request, once as many different users have
// approved as its rule wants; until then it returns no verdict. The scope that counts is the last one's.
func (q *Queue) Approve(id string, p Person, s Scope, text string, now time.Time) ([]Verdict, error) {
	r, err := q.answerable(id, p, now)
	if err != nil {
		return nil, err
	}
	if problem := s.valid(); problem != "" {
		return nil, errors.New(problem)
	}
	if slices.ContainsFunc(r.votes, func(v Person) bool { return v.UID == p.UID }) {
		return nil, fmt.Errorf("%s has approved this already (it needs %d different users)", p.Name(), r.ask.Terms.quorum())
	}

	r.votes = append(r.votes, p)
	if len(r.votes) < r.ask.Terms.quorum() {
		return nil, nil
	}
	v := Verdict{Why: Approved, Text: text}
	if !s.once() {
		g := q.grant(r, s, now)
		g.Used = uint64(len(r.holds))
		v.Grant = g.ID
	}
	delete(q.denials, wait{r.ask.Run, r.ask.matter()})
	return q.close(r, v), nil
}

// Deny is somebody's denial. One is enough, whatever the quorum. It is remembered for the run.
func (q *Queue) Deny(id string, p Person, text string, now time.Time) ([]Verdict, error) {
	r, err := q.answerable(id, p, now)
	if err != nil {
		return nil, err
	}
	r.votes = []Person{p}
	d := q.deny(r, r.votes, text, now)
	return q.close(r, Verdict{Why: Denied, Text: text, Retry: d.until}), nil
}

// TakeBack undoes an approval that was not enough, or what an approval is remembered as: it could not be written down, so
// nothing may come of it.
func (q *Queue) TakeBack(id, grant string, p Person) {
	delete(q.grants, grant)
	if r := q.requests[id]; r != nil {
		r.votes = slices.DeleteFunc(r.votes, func(v Person) bool { return v.UID == p.UID })
	}
}

// answerable finds a request that this person may answer now.
func (q *Queue) answerable(id string, p Person, now time.Time) (*request, error) {
	r := q.requests[id]
	if r == nil || !now.Before(r.deadline) {
		return nil, fmt.Errorf("%s: %w (caisson approvals lists those that do)", id, ErrNotWaiting)
	}
	if !r.ask.Terms.Allow(p) {
		return nil, &NotAllowedError{p.Name(), r.ask.Terms.Approvers}
	}
	return r, nil
}

// Allow says whether somebody may answer.
func (t Terms) Allow(p Person) bool {
	if len(t.Approvers) == 0 {
		return p.Owner
	}
	return slices.ContainsFunc(t.Approvers, func(g string) bool { return slices.Contains(p.Groups, g) })
}
