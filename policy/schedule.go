// SPDX-License-Identifier: Apache-2.0

package policy

import "time"

// weekdays are the days of the week as a schedule writes them, by time.Weekday.
var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

const day = 24 * time.Hour

// maxWindows is how many windows the schedule of one rule can have.
const maxWindows = 50

// Active says whether the rule exists at an instant: it has not expired, and one of its windows is open.
func (r *Rule) Active(t time.Time) bool {
	if !r.Expires.IsZero() && !t.Before(r.Expires) {
		return false
	}
	if len(r.Schedule) == 0 {
		return true
	}
	for _, w := range r.Schedule {
		if w.open(t) {
			return true
		}
	}
	return false
}

// length is how long the window is open: at most a day, so that it reaches into the next day at most.
func (w Window) length() time.Duration {
	if w.Until <= w.From {
		return w.Until - w.From + day
	}
	return w.Until - w.From
}

// open says whether the window is open. A day of UTC always has 24 hours.
func (w Window) open(t time.Time) bool {
	midnight := t.UTC().Truncate(day)
	for _, begin := range []time.Time{midnight, midnight.Add(-day)} {
		opens := begin.Add(w.From)
		if w.Days[begin.Weekday()] && !t.Before(opens) && t.Before(opens.Add(w.length())) {
			return true
		}
	}
	return false
}

// NextChange is the earliest instant after t at which a rule starts or stops being active. Zero: none does.
func (p *Policy) NextChange(t time.Time) time.Time {
	var next time.Time
	for i := range p.Rules {
		if at := p.Rules[i].nextChange(t); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// nextChange is the earliest instant after t at which the rule starts or stops being active; zero: never.
func (r *Rule) nextChange(t time.Time) time.Time {
	var next time.Time
	consider := func(at time.Time) {
		if at.After(t) && (next.IsZero() || at.Before(next)) && r.Active(at) != r.Active(at.Add(-1)) {
			next = at
		}
	}

	// A week that has passed without a change will pass so again. The day before t may have opened a window that is
	// still open.
	midnight := t.UTC().Truncate(day)
	for _, w := range r.Schedule {
		for n := -1; n <= 8; n++ {
			begin := midnight.Add(time.Duration(n) * day)
			if w.Days[begin.Weekday()] {
				opens := begin.Add(w.From)
				consider(opens)
				consider(opens.Add(w.length()))
			}
		}
	}
	if !r.Expires.IsZero() {
		consider(r.Expires)
	}
	return next
}
