// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"strings"
	"time"

	"caisson/audit"
)

// period sets the times of a filter.
func period(f *audit.Filter, since, until string, now time.Time) error {
	var err error
	if f.Since, err = when("--since", since, now); err != nil {
		return err
	}
	if f.Until, err = when("--until", until, now); err != nil {
		return err
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return usage("exchange them", "--since %s is not before --until %s", since, until)
	}
	return nil
}

// when reads a time: RFC 3339, a date (local time), or a duration before now. Nothing is no time.
func when(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return t, nil
	}
	if d, ok := ago(text); ok {
		return now.Add(-d), nil
	}
	return time.Time{}, usage("write a time as 2026-05-01T12:00:00Z, a date as 2026-05-01, or a duration as 90m, 2h or 7d",
		"%s: %q is no time", flag, text)
}

// maxDays keeps the product of days and hours within a duration.
const maxDays = 36500

// ago reads a duration that is not negative; days are allowed, alone.
func ago(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		return time.Duration(n) * 24 * time.Hour, err == nil && n <= maxDays
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}
