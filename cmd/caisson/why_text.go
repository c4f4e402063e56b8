// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"caisson/daemon/api"
)

// printDenials writes what a run was denied, one paragraph each.
func printDenials(u *ui, d api.Denials, now time.Time) {
	if len(d.Denials) == 0 {
		u.text("nothing was denied to this run\n")
		return
	}
	for i, one := range d.Denials {
		if i > 0 {
			u.text("\n")
		}
		printDenial(u, one, now)
	}
}

func printDenial(u *ui, d api.Denial, now time.Time) {
	t := u.table()
	t.row("denied", clock(d.Time, now))
	t.row("attempt", attempt(d.Action, d.Op))
	t.row("subject", d.Subject)
	t.row("rule", orWords(d.Rule, "none"))
	t.row("reason", prose(withText(d.Reason, d.Text)))
	if d.Message != "" {
		t.row("message", prose(d.Message))
	}
	t.row("again", again(d, now))
	t.flush()
}

// withText is a word for programs and, where it says more, the same for people.
func withText(word, text string) string {
	if text == "" || text == word {
		return word
	}
	return word + ": " + text
}

// again says whether it can help to ask again.
func again(d api.Denial, now time.Time) string {
	switch {
	case d.Retry == api.RetryNo:
		return "asking again cannot help"
	case d.Retry == api.RetryNow:
		return "try again"
	case d.Retry == api.RetryLater && d.RetryAfter == nil:
		return "ask again later"
	case d.Retry == api.RetryLater && d.RetryAfter.After(now):
		return "ask again after " + clock(*d.RetryAfter, now)
	case d.Retry == api.RetryLater:
		return "ask again now"
	}
	return "it is not known whether asking again can help"
}
