// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// genRule chooses a rule that exists at some times only; edges are at whole minutes.
func genRule(c chooser, begin time.Time, weeks int) Rule {
	var r Rule
	for range c.IntN(4) {
		var w Window
		for d := range w.Days {
			w.Days[d] = c.IntN(3) == 0
		}
		w.From = time.Duration(pick(c, []int{0, 1, 9 * 60, 12*60 + 30, 23*60 + 59})) * time.Minute
		w.Until = time.Duration(pick(c, []int{0, 1, 9 * 60, 17 * 60, 23*60 + 59, 24 * 60})) * time.Minute
		r.Schedule = append(r.Schedule, w)
	}
	if c.IntN(2) == 0 {
		r.Expires = begin.Add(time.Duration(c.IntN(weeks*7*24*60)) * time.Minute)
	}
	return r
}

// openAt is what a window means, by the minutes of the week and nothing else.
func openAt(w Window, t time.Time) bool {
	const perDay, perWeek = 24 * 60, 7 * 24 * 60
	now := int(t.Weekday())*perDay + t.Hour()*60 + t.Minute()
	for d, begins := range w.Days {
		if !begins {
			continue
		}
		at := d*perDay + int(w.From.Minutes())
		end := d*perDay + int(w.Until.Minutes())
		if end <= at {
			end += perDay
		}
		for ; at < end; at++ {
			if at%perWeek == now {
				return true
			}
		}
	}
	return false
}

// TestScheduleAgainstMinutes compares with a walk through some weeks, minute by minute.
func TestScheduleAgainstMinutes(t *testing.T) {
	const weeks = 2
	begin := time.Date(2028, 2, 25, 0, 0, 0, 0, time.UTC) // a leap day comes
	for seed := range uint64(12) {
		c := seeded(seed)
		p := &Policy{}
		for range 1 + c.IntN(3) {
			p.Rules = append(p.Rules, genRule(c, begin, weeks))
		}

		state := func(at time.Time) string {
			var s strings.Builder
			for i := range p.Rules {
				r := &p.Rules[i]
				want := (r.Expires.IsZero() || at.Before(r.Expires)) &&
					(len(r.Schedule) == 0 || slices.ContainsFunc(r.Schedule, func(w Window) bool { return openAt(w, at) }))
				if got := r.Active(at); got != want {
					t.Fatalf("seed %d, %s: rule %+v is active: %t", seed, at, r, got)
				}
				fmt.Fprint(&s, want)
			}
			return s.String()
		}
		// A change is due when NextChange says so, and never else.
		due, now := p.NextChange(begin), state(begin)
		for at := begin.Add(time.Minute); at.Before(begin.AddDate(0, 0, 7*weeks)); at = at.Add(time.Minute) {
			before := now
			if now = state(at); (now != before) != at.Equal(due) {
				t.Fatalf("seed %d, %s: from %s to %s, but the next change was to be at %s\n%+v", seed, at, before, now, due, p.Rules)
			}
			if at.Equal(due) {
				due = p.NextChange(at)
			}
		}
	}
}

func TestNextChange(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	every := [7]bool{true, true, true, true, true, true, true}
	wednesdays := Window{Days: [7]bool{3: true}, From: 9 * time.Hour, Until: 17 * time.Hour}
	cases := []struct {
		name      string
		rule      Rule
		now, next string
	}{
		{"no time", Rule{}, "2026-11-25T08:00:00Z", ""},
		{"before it opens", Rule{Schedule: []Window{wednesdays}}, "2026-11-25T08:59:59.999999999Z", "2026-11-25T09:00:00Z"},
		{"when it opens", Rule{Schedule: []Window{wednesdays}}, "2026-11-25T09:00:00Z", "2026-11-25T17:00:00Z"},
		{"after it closed", Rule{Schedule: []Window{wednesdays}}, "2026-11-25T17:00:00Z", "2026-12-02T09:00:00Z"},
		{"in another zone", Rule{Schedule: []Window{wednesdays}}, "2026-11-25T02:00:00-08:00", "2026-11-25T17:00:00Z"},
		{"expiry first", Rule{Schedule: []Window{wednesdays}, Expires: at("2026-11-25T10:00:00.5Z")}, "2026-11-25T09:30:00Z", "2026-11-25T10:00:00.5Z"},
		{"expired", Rule{Schedule: []Window{wednesdays}, Expires: at("2026-11-25T10:00:00Z")}, "2026-11-25T10:00:00Z", ""},
		{"expiry far away", Rule{Expires: at("2036-01-01T00:00:00Z")}, "2026-11-25T10:00:00Z", "2036-01-01T00:00:00Z"},
		{"expiry while closed changes nothing", Rule{Schedule: []Window{wednesdays}, Expires: at("2026-11-26T00:00:00Z")}, "2026-11-25T18:00:00Z", ""},
		{"windows that touch", Rule{Schedule: []Window{{Days: every, From: 0, Until: 12 * time.Hour}, {Days: every, From: 12 * time.Hour, Until: 24 * time.Hour}}},
			"2026-11-25T10:00:00Z", ""},
		{"a day from noon to noon, from yesterday", Rule{Schedule: []Window{{Days: [7]bool{2: true}, From: 12 * time.Hour, Until: 12 * time.Hour}}},
			"2026-11-25T10:00:00Z", "2026-11-25T12:00:00Z"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got := (&Policy{Rules: []Rule{{}, tc.rule}}).NextChange(at(tc.now))
			if tc.next == "" && !got.IsZero() || tc.next != "" && !got.Equal(at(tc.next)) {
				t.Errorf("next change at %s, want %s", got, tc.next)
			}
		})
	}
}
