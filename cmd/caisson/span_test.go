// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"caisson/daemon/api"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 0: "0s", 999 * time.Millisecond: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m01s", 5 * time.Minute: "5m00s",
		time.Hour: "1h00m", 47*time.Hour + 59*time.Minute: "47h59m", 49 * time.Hour: "2d01h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 5, 1, 14, 0, 0, 0, time.Local)
	if got := clock(now.Add(5*time.Second).UTC(), now); got != "14:00:05" {
		t.Errorf("today: %s", got)
	}
	if got := clock(now.Add(12*time.Hour), now.UTC()); got != "2026-05-02 02:00:00" {
		t.Errorf("tomorrow: %s", got)
	}
}

func TestAgain(t *testing.T) {
	now := time.Date(2026, 5, 1, 14, 0, 0, 0, time.Local)
	before, after := now.Add(-time.Second), now.Add(time.Minute)
	for _, tc := range []struct {
		name, retry string
		after       *time.Time
		want        string
	}{
		{"never", api.RetryNo, nil, "asking again cannot help"},
		{"of the moment", api.RetryNow, nil, "try again"},
		{"later", api.RetryLater, &after, "ask again after 14:01:00"},
		{"the time has come", api.RetryLater, &before, "ask again now"},
		{"some time", api.RetryLater, nil, "ask again later"},
		{"a word of a newer daemon", "perhaps", nil, "it is not known whether asking again can help"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := again(api.Denial{Retry: tc.retry, RetryAfter: tc.after}, now); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
