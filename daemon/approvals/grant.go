// SPDX-License-Identifier: Apache-2.0

package approvals

import (
	"cmp"
	"slices"
	"time"

	"caisson/daemon/api"
)

// Scope is how far an approval goes.
type Scope struct {
	Run     bool          // for as long as the run lives
	For     time.Duration // for that time, in every run of the agent; not together with Run
	Pattern bool          // whatever the rule matches, and not only what was asked; needs Run or For
}

// once says whether the approval is used up by the calls that wait now.
func (s Scope) once() bool { return !s.Run && s.For == 0 }

// valid says what is wrong with a scope; "" if nothing is.
func (s Scope) valid() string {
	switch {
	case s.Run && s.For != 0:
		return "an approval is for the run or for a time, not for both"
	case s.For < 0 || s.For > api.MaxFor:
		return "the time of an approval is more than 0 and at most " + api.MaxFor.String()
	case s.Pattern && s.once():
		return "an approval of all that the rule matches needs an end: the run's, or a time"
	}
	return ""
}

// Grant is an approval that is remembered.
type Grant struct {
	ID         string
	Agent      string
	Run        string // "": every run
	Generation uint32
	Rule       string
	Op         string    // with Subject
	Subject    string    // "": whatever the rule matches
	Until      time.Time // zero: the end of the run
	Made       time.Time
	By         []Person
	Used       uint64 // calls that it has allowed
}

// covers says whether the grant is about what is asked.
func (g *Grant) covers(a Ask, now time.Time) bool {
	same := g.Agent == a.Agent && g.Generation == a.Generation && g.Rule == a.Rule
	return same && (g.Subject == "" || g.Subject == a.Subject && g.Op == a.Op) && (g.Run == "" || g.Run == a.Run) && !g.over(now)
}

func (g *Grant) over(now time.Time) bool { return !g.Until.IsZero() && !now.Before(g.Until) }

// Grants returns what is remembered, oldest first.
func (q *Queue) Grants() []Grant {
	list := make([]Grant, 0, len(q.grants))
	for _, g := range q.grants {
		list = append(list, *g)
	}
	slices.SortFunc(list, func(a, b Grant) int { return cmp.Or(a.Made.Compare(b.Made), cmp.Compare(a.ID, b.ID)) })
	return list
}

// Revoke forgets a grant. Calls that it has allowed are not called back. False: there is no such grant.
func (q *Queue) Revoke(id string) (Grant, bool) {
	g, ok := q.grants[id]
	if !ok {
		return Grant{}, false
	}
	delete(q.grants, id)
	return *g, true
}

// grant remembers an approval of a request.
func (q *Queue) grant(r *request, s Scope, now time.Time) *Grant {
	g := &Grant{
		ID: q.next("g"), Agent: r.ask.Agent, Generation: r.ask.Generation, Rule: r.ask.Rule, Op: r.ask.Op, Subject: r.ask.Subject,
		Made: now, By: slices.Clone(r.votes),
	}
	if s.Pattern {
		g.Op, g.Subject = "", ""
	}
	if s.Run {
		g.Run = r.ask.Run
	} else {
		g.Until = now.Add(s.For)
	}
	q.grants[g.ID] = g
	return g
}

// granted finds a grant that covers what is asked.
func (q *Queue) granted(a Ask, now time.Time) *Grant {
	for _, g := range q.grants {
		if g.covers(a, now) {
			return g
		}
	}
	return nil
}
