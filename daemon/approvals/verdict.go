// SPDX-License-Identifier: Apache-2.0

package approvals

import (
	"strconv"
	"time"
)

// Why is the reason of a verdict.
type Why uint8

// Reasons. Those up to Granted are approvals, all others denials.
const (
	Approved  Why = iota // somebody has approved it
	Granted              // an approval that was given before covers it
	Denied               // somebody has denied it
	Backoff              // it was denied a short time ago
	TimedOut             // nobody has answered in time
	QueueFull            // the agent has too many held calls
	Withdrawn            // the policy that asked is no longer in force, or the daemon ends
)

var whyText = [...]string{
	Approved: "approved", Granted: "granted before", Denied: "denied", Backoff: "denied before", TimedOut: "nobody answered in time",
	QueueFull: "too many requests wait", Withdrawn: "withdrawn",
}

// String is the reason in words.
func (w Why) String() string { return whyText[w] }

// Verdict answers one held call.
type Verdict struct {
	Hold    uint64
	Why     Why
	By      []Person  // who has answered; for a grant, who gave it
	Request string    // id of the request it was part of; "" if it never waited
	Grant   string    // id of the grant that covers it, or that was made of the answer
	Text    string    // what the person said
	Retry   time.Time // when asking again can get another answer; zero: it cannot, or need not
}

// Allow says whether the call goes on.
func (v Verdict) Allow() bool { return v.Why <= Granted }

// Name is the user's name, or number.
func (p Person) Name() string {
	if p.User == "" {
		return "uid " + strconv.FormatUint(uint64(p.UID), 10)
	}
	return p.User
}

// Person is who has answered, as the kernel told the daemon.
type Person struct {
	UID    uint32
	GID    uint32
	User   string
	Groups []string // names
	PID    uint32
	TTY    string // "": none
	Owner  bool   // root, or the daemon's own user: answers where the rule names no approvers
}
