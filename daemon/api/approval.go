// SPDX-License-Identifier: Apache-2.0

package api

import "time"

// Approvals is what waits for an answer, oldest first: as much of it as the caller may answer.
type Approvals struct {
	// Version is made of the list: two that say the same have the same. A GET with ?after=VERSION waits for that, 25 seconds at most.
	Version  uint64     `json:"version"`
	Requests []Approval `json:"requests"`
}

// Approval is a request: system calls that wait in the kernel until somebody answers. Calls of one run about the same
// subject are one request.
type Approval struct {
	ID         string    `json:"id"`
	Agent      string    `json:"agent"`
	Run        string    `json:"run,omitempty"`     // absent: the agent was started by a service manager, and has no runs
	Generation uint32    `json:"generation"`        // of the policy that asks
	Rule       string    `json:"rule"`              //
	Message    string    `json:"message,omitempty"` // of the rule: why it asks
	Action     string    `json:"action"`            // file_read, file_write, shell_exec or network
	Op         string    `json:"op"`                // what the process really tried, as in the log
	Subject    string    `json:"subject"`           // the file, the program with its words, or the address: exactly what is asked for
	Since      time.Time `json:"since"`
	Deadline   time.Time `json:"deadline"` // then it is denied
	Waiting    int       `json:"waiting"`  // calls that wait now
	Count      uint64    `json:"count"`    // calls that ever waited in it
	Approvers  []string  `json:"approvers,omitempty"`
	Quorum     int       `json:"quorum"`             // users who must approve, 1 or more
	Approved   []Person  `json:"approved,omitempty"` // who has, so far
	// Processes begin with the one that waits first and go up to the first of the run.
	Processes []Process `json:"processes,omitempty"`
}

// Person is who has answered, as the kernel named the process that asked for it.
type Person struct {
	UID  uint32 `json:"uid"`
	User string `json:"user,omitempty"` // absent: the host has no name for the user
	PID  uint32 `json:"pid"`
	TTY  string `json:"tty,omitempty"` // the terminal, as "pts/3"; absent: none
}

// Process is one in a line of parents. What it says of itself proves nothing.
type Process struct {
	PID     uint32 `json:"pid"`
	Comm    string `json:"comm"`              // what it calls itself
	Exe     string `json:"exe,omitempty"`     // the program it runs
	Command string `json:"command,omitempty"` // its words, cut after 200 bytes
}

// Effects of an answer.
const (
	AnswerApprove = "approve"
	AnswerDeny    = "deny"
)

// MaxText is the longest text of an answer, in bytes, and MaxFor the longest time of a grant.
const (
	MaxText = 500
	MaxFor  = 24 * time.Hour
)

// AnswerRequest answers requests.
type AnswerRequest struct {
	Answer  string        `json:"answer"`            // AnswerApprove or AnswerDeny
	IDs     []string      `json:"ids,omitempty"`     // which; or:
	Agent   string        `json:"agent,omitempty"`   // all that wait of an agent
	Run     bool          `json:"run,omitempty"`     // approve for as long as the run lives
	For     time.Duration `json:"for,omitempty"`     // approve in every run of the agent for that time, in nanoseconds, at most MaxFor
	Pattern bool          `json:"pattern,omitempty"` // approve whatever the rule matches, not only this subject; with Run or For
	Text    string        `json:"text,omitempty"`    // why; the agent can read it. At most MaxText bytes
}

// Answers is what became of them, in order.
type Answers struct {
	Answers []Answered `json:"answers"`
}

// Answered is what became of one.
type Answered struct {
	ID      string `json:"id"`
	Agent   string `json:"agent,omitempty"`
	Subject string `json:"subject,omitempty"`
	Calls   int    `json:"calls"`           // that go on, or were refused, by this
	Missing int    `json:"missing"`         // further approvals that the rule wants before anything goes on
	Grant   string `json:"grant,omitempty"` // id of what is remembered
	Error   string `json:"error,omitempty"` // why nothing was done
	Hint    string `json:"hint,omitempty"`
}

// Grants are the approvals that are remembered, oldest first.
type Grants struct {
	Grants []Grant `json:"grants"`
}

// Grant is an approval that answers further calls.
type Grant struct {
	ID         string     `json:"id"`
	Agent      string     `json:"agent"`
	Run        string     `json:"run,omitempty"` // absent: every run of the agent
	Generation uint32     `json:"generation"`    // another policy ends it
	Rule       string     `json:"rule"`
	Subject    string     `json:"subject,omitempty"` // absent: whatever the rule matches
	Made       time.Time  `json:"made"`
	Until      *time.Time `json:"until,omitempty"` // absent: the end of the run
	By         []Person   `json:"by"`
	Used       uint64     `json:"used"` // calls that it has allowed
}

// RevokeRequest takes a grant back.
type RevokeRequest struct {
	ID string `json:"id"`
}
