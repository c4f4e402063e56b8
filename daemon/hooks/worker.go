// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"sync"
	"time"
)

// Run delivers until the context ends. What waits then, or comes while others stop, is tried once more, all together for
// two seconds at most; Run returns nil.
func (s *Sender) Run(ctx context.Context) error {
	// Attempts outlive the context, for a moment.
	attempts, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var workers sync.WaitGroup
	for _, o := range s.outlets {
		workers.Go(func() { s.work(ctx, attempts, o) })
	}

	<-ctx.Done()
	moment := time.AfterFunc(lastMoment, stop)
	defer moment.Stop()
	workers.Wait()
	for name, c := range s.Counts() {
		if c.Waiting > 0 {
			s.log.Warn("stopped before everything was delivered", "hook", name, "notices", c.Waiting)
		}
	}
	return nil
}

// work delivers for one hook, one notice at a time.
func (s *Sender) work(ctx, attempts context.Context, o *outlet) {
	for attempts.Err() == nil {
		last := ctx.Err() != nil
		j, wait := s.next(o, last)
		switch {
		case j != nil:
			s.attempt(attempts, o, j)
		case last:
			select {
			case <-o.wake:
			case <-time.After(linger):
				return
			}
		default:
			var due <-chan time.Time
			if wait > 0 {
				due = s.clock.After(wait)
			}
			select {
			case <-o.wake:
			case <-due:
			case <-ctx.Done():
			}
		}
	}
}

// next asks the line what to do now.
func (s *Sender) next(o *outlet, last bool) (*job, time.Duration) {
	s.mu.Lock()
	o.line.last = last
	j, wait, useless := o.line.next(s.clock.Now())
	s.mu.Unlock()
	for _, u := range useless {
		s.log.Error("notice given up: it was not delivered in time", "hook", o.name, "request", u.id, "event", u.event, "attempts", u.failures)
	}
	return j, wait
}

// attempt delivers once.
func (s *Sender) attempt(ctx context.Context, o *outlet, j *job) {
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	r := o.deliver(ctx, j)

	s.mu.Lock()
	before := o.line.fault
	again := o.line.done(j, r, s.clock.Now(), chance())
	over := j.over
	s.mu.Unlock()

	args := []any{"hook", o.name, "request", j.id, "event", j.event, "delivery", j.delivery, "attempt", j.failures}
	switch {
	case r.err == nil:
		s.log.Debug("notice delivered", args...)
	case !again && !over:
		s.log.Error("notice given up", append(args, "error", r.err)...)
	case before == nil || before.Error() != r.err.Error():
		s.log.Warn("hook fails", append(args, "error", r.err)...)
	default: // it has been said, and status shows it
		s.log.Debug("hook still fails", append(args, "error", r.err)...)
	}
}
