// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"testing"
	"time"

	"caisson/audit"
)

func TestWhen(t *testing.T) {
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, text string
		want       time.Time
		bad        bool
	}{
		{name: "nothing", text: "", want: time.Time{}},
		{name: "RFC 3339", text: "2026-05-01T12:00:00+02:00", want: time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)},
		{name: "fraction", text: "2026-05-01T12:00:00.5Z", want: time.Date(2026, 5, 1, 12, 0, 0, 5e8, time.UTC)},
		{name: "date", text: "2026-05-01", want: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)},
		{name: "hours", text: "2h30m", want: now.Add(-150 * time.Minute)},
		{name: "days", text: "7d", want: now.AddDate(0, 0, -7)},
		{name: "now", text: "0s", want: now},
		{name: "word", text: "yesterday", bad: true},
		{name: "negative", text: "-2h", bad: true},
		{name: "negative days", text: "-2d", bad: true},
		{name: "too many days", text: "4294967295d", bad: true},
		{name: "days and hours", text: "1d2h", bad: true},
		{name: "no zone", text: "2026-05-01T12:00:00", bad: true},
		{name: "no unit", text: "5", bad: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := when("--since", tc.text, now)
			var wrong *usageError
			if tc.bad != errors.As(err, &wrong) || !tc.bad && err != nil {
				t.Fatalf("error %v, want one: %v", err, tc.bad)
			}
			if !tc.bad && !got.Equal(tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestPeriod(t *testing.T) {
	now := time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	var f audit.Filter
	if err := period(&f, "2h", "1h", now); err != nil || !f.Since.Equal(now.Add(-2*time.Hour)) || !f.Until.Equal(now.Add(-time.Hour)) {
		t.Errorf("got %v to %v, error %v", f.Since, f.Until, err)
	}
	if err := period(&f, "1h", "1h", now); err == nil {
		t.Error("an empty period is accepted")
	}
}
