// SPDX-License-Identifier: Apache-2.0

package api

import "time"

// Denials are the last that the caller's own run was denied, newest first.
type Denials struct {
	Agent   string   `json:"agent"`
	Run     string   `json:"run,omitempty"`
	Denials []Denial `json:"denials"`
}

// Whether it can help to ask again.
const (
	RetryNo    = "no"    // the policy says no, and will say so again
	RetryLater = "later" // after RetryAfter a person is asked again, or may have time
	RetryNow   = "now"   // what was in the way was of the moment
)

// Denial is one thing that was refused.
type Denial struct {
	Time    time.Time `json:"time"`
	Action  string    `json:"action"` // file_read, file_write, shell_exec or network
	Op      string    `json:"op"`
	Subject string    `json:"subject"`
	Rule    string    `json:"rule,omitempty"`    // absent: no rule has decided
	Reason  string    `json:"reason"`            // one word that stays the same, for programs
	Text    string    `json:"text"`              // the same for people
	Message string    `json:"message,omitempty"` // of the rule, or of who has denied it
	Retry   string    `json:"retry"`             // RetryNo, RetryLater or RetryNow
	// RetryAfter is when asking again can get another answer; with RetryLater.
	RetryAfter *time.Time `json:"retry_after,omitempty"`
}
