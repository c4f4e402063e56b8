// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"time"

	"caisson/audit"
)

// Answer is what a question was answered with.
type Answer struct {
	Allow      bool
	Verdict    uint32       // as the kernel was told
	Reason     string       // one word that stays the same
	Text       string       // more for people
	Message    string       // for the agent: the rule's, or what was said when it was answered
	Ask        string       // id of the request for approval that it was part of; "": none
	Actor      *audit.Actor // who has answered; nil: nobody
	RetryAfter time.Time    // when asking again can get another answer; zero: at no known time
}

func (a *Answer) text() string {
	if a.Text == "" {
		return a.Reason
	}
	return a.Reason + ": " + a.Text
}
