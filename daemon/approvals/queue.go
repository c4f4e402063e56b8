// SPDX-License-Identifier: Apache-2.0

package approvals

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// Limits bound what one agent can make others wait for, or look at.
type Limits struct {
	Requests int           // requests of one agent that wait at a time
	Holds    int           // calls of one agent that are held at a time
	Backoff  time.Duration // for how long a denial is remembered; doubled by each further denial, up to MaxBackoff
}

// DefaultLimits are for people: nobody can answer more than a screenful.
var DefaultLimits = Limits{Requests: 32, Holds: 1024, Backoff: 30 * time.Second}

// MaxBackoff is the longest time for which a denial is remembered.
const MaxBackoff = 15 * time.Minute

// Queue holds the requests. It is not safe for concurrent use.
type Queue struct {
	limits   Limits
	tag      string
	number   uint64
	requests map[string]*request // by id
	waiting  map[wait]*request   // the same, by what they are about
	holds    map[uint64]*request // the same, by held call
	grants   map[string]*Grant   // by id
	denials  map[wait]*denial
}

// wait is what folds calls into one request: the same matter in the same run.
type wait struct {
	run string
	matter
}

// request is one entry of the queue.
type request struct {
	id       string
	ask      Ask // the first
	since    time.Time
	deadline time.Time
	holds    []uint64
	count    uint64 // calls ever folded into it
	votes    []Person
}

// denial is what is remembered of one.
type denial struct {
	until time.Time
	times int
	by    []Person
	text  string
}

// New returns an empty queue. All its ids end in the tag: two queues with different tags have no id in common, so that
// nobody answers a request of this daemon who means one of the last.
func New(l Limits, tag string) *Queue {
	return &Queue{
		limits: l, tag: tag, requests: map[string]*request{}, waiting: map[wait]*request{}, holds: map[uint64]*request{},
		grants: map[string]*Grant{}, denials: map[wait]*denial{},
	}
}

// next makes an id that a person can type. Ids are not secret: who may answer is decided by who asks.
func (q *Queue) next(prefix string) string {
	q.number++
	return prefix + strconv.FormatUint(q.number, 10) + "-" + q.tag
}

// Ask takes a held call. Either it is answered at once, or it waits and `news` says whether it did not join others.
func (q *Queue) Ask(a Ask, now time.Time) (v Verdict, answered, news bool) {
	if g := q.granted(a, now); g != nil {
		g.Used++
		return Verdict{Hold: a.Hold, Why: Granted, By: g.By, Grant: g.ID}, true, false
	}
	at := wait{a.Run, a.matter()}
	if d := q.denials[at]; d != nil && now.Before(d.until) {
		return Verdict{Hold: a.Hold, Why: Backoff, By: d.by, Text: d.text, Retry: d.until}, true, false
	}

	r := q.waiting[at]
	requests, holds := q.load(a.Agent)
	if holds >= q.limits.Holds || r == nil && requests >= q.limits.Requests {
		return Verdict{Hold: a.Hold, Why: QueueFull}, true, false
	}
	if r == nil {
		r = &request{id: q.next("r"), ask: a, since: now, deadline: now.Add(a.Terms.timeout())}
		q.requests[r.id], q.waiting[at] = r, r
		news = true
	}
	r.holds = append(r.holds, a.Hold)
	r.count++
	q.holds[a.Hold] = r
	return Verdict{}, false, news
}

// News says whether a call would wait in a request of its own, if it has to wait.
func (q *Queue) News(a Ask) bool { return q.waiting[wait{a.Run, a.matter()}] == nil }

// load counts what an agent has in the queue.
func (q *Queue) load(agent string) (requests, holds int) {
	for _, r := range q.requests {
		if r.ask.Agent == agent {
			requests++
			holds += len(r.holds)
		}
	}
	return requests, holds
}

// Of returns the request that a held call waits in.
func (q *Queue) Of(hold uint64) Pending {
	if r := q.holds[hold]; r != nil {
		return r.pending()
	}
	return Pending{}
}

// Gone takes back a held call whose task is no more. It returns the id of the request that it was in, "" for none; the last
// call of a request takes it away.
func (q *Queue) Gone(hold uint64) (id string, over bool) {
	r := q.holds[hold]
	if r == nil {
		return "", false
	}
	delete(q.holds, hold)
	r.holds = slices.DeleteFunc(r.holds, func(h uint64) bool { return h == hold })
	if len(r.holds) == 0 {
		q.remove(r)
	}
	return r.id, len(r.holds) == 0
}

// Expire answers what has waited too long, and forgets what is over. It returns when it must be called next; zero: not
// before something is asked or answered.
func (q *Queue) Expire(now time.Time) (out []Verdict, next time.Time) {
	for _, r := range q.list() {
		if now.Before(r.deadline) {
			next = earlier(next, r.deadline)
			continue
		}
		d := q.deny(r, nil, "", now)
		out = append(out, q.close(r, Verdict{Why: TimedOut, Retry: d.until})...)
	}
	for id, g := range q.grants {
		if g.over(now) {
			delete(q.grants, id)
		} else if !g.Until.IsZero() {
			next = earlier(next, g.Until)
		}
	}
	for at, d := range q.denials {
		if now.Sub(d.until) >= MaxBackoff { // until then it counts for the next one's time
			delete(q.denials, at)
		}
	}
	return out, next
}

// EndRun forgets a run. Calls that it still holds are answered: nothing of it is left to do anything with them.
func (q *Queue) EndRun(run string) []Verdict {
	out := q.withdraw(func(a Ask) bool { return a.Run == run })
	for id, g := range q.grants {
		if g.Run == run {
			delete(q.grants, id)
		}
	}
	for at := range q.denials {
		if at.run == run {
			delete(q.denials, at)
		}
	}
	return out
}

// Replaced denies what an earlier generation of an agent's policy has asked, and forgets what was answered to it.
func (q *Queue) Replaced(agent string, generation uint32) []Verdict {
	out := q.withdraw(func(a Ask) bool { return a.Agent == agent && a.Generation == generation })
	for id, g := range q.grants {
		if g.Agent == agent && g.Generation == generation {
			delete(q.grants, id)
		}
	}
	for at := range q.denials {
		if at.agent == agent && at.generation == generation {
			delete(q.denials, at)
		}
	}
	return out
}

// Close denies everything that waits.
func (q *Queue) Close() []Verdict { return q.withdraw(func(Ask) bool { return true }) }

func (q *Queue) withdraw(which func(Ask) bool) (out []Verdict) {
	for _, r := range q.list() {
		if which(r.ask) {
			out = append(out, q.close(r, Verdict{Why: Withdrawn})...)
		}
	}
	return out
}

// close takes a request out and answers each of its calls.
func (q *Queue) close(r *request, v Verdict) []Verdict {
	q.remove(r)
	out := make([]Verdict, len(r.holds))
	for i, hold := range r.holds {
		delete(q.holds, hold)
		v.Hold, v.Request, v.By = hold, r.id, r.votes
		out[i] = v
	}
	return out
}

func (q *Queue) remove(r *request) {
	delete(q.requests, r.id)
	delete(q.waiting, wait{r.ask.Run, r.ask.matter()})
}

// deny remembers a denial, for twice as long as the one before.
func (q *Queue) deny(r *request, by []Person, text string, now time.Time) *denial {
	at := wait{r.ask.Run, r.ask.matter()}
	d := q.denials[at]
	if d == nil {
		d = &denial{}
		q.denials[at] = d
	}
	d.until = now.Add(min(q.limits.Backoff<<min(d.times, 10), MaxBackoff))
	d.times++
	d.by, d.text = by, text
	return d
}

// list is every request, oldest first.
func (q *Queue) list() []*request {
	out := make([]*request, 0, len(q.requests))
	for _, r := range q.requests {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *request) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id))
	})
	return out
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
