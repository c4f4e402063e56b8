// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// clockTime is how often the wall clock is looked at, at least: it may be set, and it goes on while the host sleeps.
const clockTime = time.Second

// over says whether an image that was compiled at one time must be compiled again at another: the instant at which a rule
// begins or ends has come, or the clock has been set back to before the image was made.
func (s *slot) over(now time.Time) bool {
	return !s.until.IsZero() && (!now.Before(s.until) || now.Before(s.compiled))
}

// schedule applies the times of rules, for as long as the context lives.
func (d *Daemon) schedule(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			timer.Reset(d.onTime(d.opt.Clock()))
		}
	}
}

// onTime compiles again what time has run out for, and returns after which time to look again.
func (d *Daemon) onTime(now time.Time) time.Duration {
	d.change.Lock()
	defer d.change.Unlock()
	if due := d.due(func(s *slot) bool { return s.over(now) }); len(due) > 0 {
		d.survey()
		var problems []string
		for _, s := range due {
			problems = append(problems, nonempty(d.atBoundary(s, now))...)
		}
		d.setProblem(problemSchedule, strings.Join(problems, "; "))
	}

	wait := clockTime
	for _, s := range d.due(func(s *slot) bool { return !s.until.IsZero() }) {
		wait = min(wait, max(s.until.Sub(now), time.Millisecond))
	}
	return wait
}

// atBoundary compiles one image again. A rule that has ended must not stay in force, so that without a new image there is
// none. It returns what went wrong.
func (d *Daemon) atBoundary(s *slot, now time.Time) string {
	why := boundary(s, now)
	changed, err := d.again(s, why)
	if err == nil {
		d.log.Info("policy compiled again", "agent", s.agent.name, "generation", s.generation, "changed", changed, "because", why)
		return ""
	}

	problem := fmt.Sprintf("agent %s is denied everything: %s, and the policy could not be compiled: %v", s.agent.name, why, err)
	if err := d.silence(s, why+", and the policy could not be compiled"); err != nil {
		problem = fmt.Sprintf("agent %s: %s, and what was in force still is: %v", s.agent.name, why, err)
	}
	return problem
}

// boundary says in words which rules begin and end.
func boundary(s *slot, now time.Time) string {
	var parts []string
	for i := range s.policy.Rules {
		r := &s.policy.Rules[i]
		switch was, is := r.Active(s.compiled), r.Active(now); {
		case was && !is:
			parts = append(parts, fmt.Sprintf("rule %q has ended", r.Name))
		case is && !was:
			parts = append(parts, fmt.Sprintf("rule %q has begun", r.Name))
		}
	}
	if parts == nil {
		return "the clock has been set" // or a whole window has passed while the host slept: nothing is different
	}
	return strings.Join(parts, ", ")
}
