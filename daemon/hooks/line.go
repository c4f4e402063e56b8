// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"slices"
	"time"
)

// line is what one hook still has to deliver, and what it must remember. It is pure: it is told what happens and what time
// it is. It is not safe for concurrent use.
type line struct {
	all   bool // also of requests that ended before they were announced
	limit int
	jobs  []*job               // in the order of the notices
	told  map[string]time.Time // requests that were announced and whose end was not, and until when to remember that
	last  bool                 // nothing is tried again, and nothing waits for its time

	counts Counts
	lostAt time.Time // last time that something was dropped or given up
	fault  error     // of the last attempt; nil: it delivered
	since  time.Time // when attempts began to fail
}

// job is one notice for one hook.
type job struct {
	id, event string
	delivery  string    // the same for every attempt, so that a receiver knows what it has already
	body      []byte    //
	until     time.Time // then it is of no use any more
	due       time.Time // not before
	failures  int
	busy      bool // it is being delivered
	over      bool // its request has ended: not tried again
}

// Counts are numbers of notices since the daemon started.
type Counts struct {
	Waiting   int    // to be delivered, now
	Delivered uint64 //
	Failed    uint64 // given up: the receiver refused, or could not be reached in time
	Dropped   uint64 // never tried: too many waited
}

// Fates of a new job.
type fate int

const (
	queued fate = iota
	full        // dropped
	moot        // nobody was told of the request, so nobody needs to know how it ended
)

// maxTold is how many announced requests are remembered: many times what all agents may have waiting.
const maxTold = 4096

// toldTime is for how long after its deadline the end of a request is awaited; the end comes with the deadline at latest.
const toldTime = time.Minute

// add takes a new job.
func (l *line) add(j *job, now time.Time) fate {
	if j.event == EventAnswered && !l.ended(j) {
		return moot
	}
	if len(l.jobs) >= l.limit {
		l.counts.Dropped++
		l.lostAt = now
		return full
	}
	l.jobs = append(l.jobs, j)
	return queued
}

// ended takes note of the end of a request, and says whether to tell it.
func (l *line) ended(end *job) bool {
	_, told := l.told[end.id]
	delete(l.told, end.id)
	r := l.find(end.id, EventRequest)
	switch {
	case l.all:
		if r != nil && r.until.Before(end.until) {
			r.until = end.until
		}
		return true
	case r == nil:
		return told
	case r.busy: // the end waits for what becomes of it
		r.over = true
		return true
	}
	l.remove(r)
	return told
}

// cancel stops announcing a request.
func (l *line) cancel(id string) {
	switch r := l.find(id, EventRequest); {
	case r == nil:
	case r.busy:
		r.over = true
	default:
		l.remove(r)
	}
}

// next returns the job that is to be delivered now and marks it as busy; nil: none, and after which time there is one (0:
// none waits). What has become useless is given up and returned.
func (l *line) next(now time.Time) (due *job, wait time.Duration, useless []*job) {
	for _, j := range slices.Clone(l.jobs) {
		if !now.Before(j.until) {
			l.giveUp(j, now)
			useless = append(useless, j)
		}
	}
	for id, until := range l.told {
		if !now.Before(until) {
			delete(l.told, id)
		}
	}

	for _, j := range l.jobs {
		if j.event == EventAnswered && l.find(j.id, EventRequest) != nil {
			continue // never before its request
		}
		if l.last || !now.Before(j.due) {
			j.busy = true
			return j, 0, useless
		}
		if w := min(j.due.Sub(now), max(j.until.Sub(now), 1)); wait == 0 || w < wait {
			wait = w
		}
	}
	return nil, wait, useless
}

// result is what became of an attempt.
type result struct {
	err   error         // nil: delivered
	final bool          // the same would be refused again
	after time.Duration // the receiver wants to be left alone for that long
}

// done takes note of an attempt; random is from 0 up to 1. It says whether the job will be tried again.
func (l *line) done(j *job, r result, now time.Time, random float64) (again bool) {
	j.busy = false
	l.note(r.err, now)
	if r.err == nil {
		l.counts.Delivered++
		l.remove(j)
		if j.event == EventRequest && l.find(j.id, EventAnswered) == nil {
			l.remember(j.id, j.until.Add(toldTime))
		}
		return false
	}

	j.failures++
	j.due = now.Add(backoff(j.failures, r.after, random))
	switch {
	case j.over: // it is nobody's fault that it is too late
		l.remove(j)
		l.forget(j)
	case r.final, l.last, !j.due.Before(j.until):
		l.giveUp(j, now)
	default:
		return true
	}
	return false
}

// note remembers whether attempts succeed.
func (l *line) note(err error, now time.Time) {
	if err != nil && l.fault == nil {
		l.since = now
	}
	l.fault = err
}

// giveUp takes a job out that was not delivered.
func (l *line) giveUp(j *job, now time.Time) {
	l.counts.Failed++
	l.lostAt = now
	l.remove(j)
	l.forget(j)
}

// forget takes out the end of a request that was not announced.
func (l *line) forget(r *job) {
	if end := l.find(r.id, EventAnswered); r.event == EventRequest && end != nil && !l.all {
		l.remove(end)
	}
}

// remember that a request was announced. Of too many, the one that ends first is forgotten.
func (l *line) remember(id string, until time.Time) {
	if l.told == nil {
		l.told = map[string]time.Time{}
	}
	if len(l.told) >= maxTold {
		first := id
		at := until
		for other, t := range l.told {
			if t.Before(at) {
				first, at = other, t
			}
		}
		delete(l.told, first)
	}
	l.told[id] = until
}

func (l *line) find(id, event string) *job {
	for _, j := range l.jobs {
		if j.id == id && j.event == event {
			return j
		}
	}
	return nil
}

func (l *line) remove(j *job) {
	l.jobs = slices.DeleteFunc(l.jobs, func(other *job) bool { return other == j })
}
