// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Version is the number of the form of a notice: the member "v". New members do not change it; receivers ignore members
// that they do not know.
const Version = 1

// Events that hooks are told of.
const (
	EventRequest  = "approval.request"  // somebody is asked
	EventAnswered = "approval.answered" // the request has ended
)

// Outcomes of a request.
const (
	Approved  = "approved"
	Denied    = "denied"
	TimedOut  = "timed-out" // nobody answered before the deadline, so it is denied
	Withdrawn = "withdrawn" // nothing waits any more: its processes have ended, or another policy is in force
)

// Notice is what is sent, as JSON. Of a text more than [MaxText] bytes, and of a list more than [MaxItems] items, are cut
// off. Members that a person shows or types may hold whatever an agent has chosen: they are text, never markup or shell.
type Notice struct {
	Event string `json:"event"` // EventRequest or EventAnswered
	// ID is the request's, unique on its host, also over restarts of the daemon.
	ID      string `json:"id"`
	Host    string `json:"host"`              // where the agent waits; empty: the sender fills it in
	Agent   string `json:"agent"`             // identity
	Run     string `json:"run,omitempty"`     // id; absent: the agent has no runs
	Rule    string `json:"rule"`              // of the policy, that asks
	Message string `json:"message,omitempty"` // of the rule: why it asks
	Action  string `json:"action"`            // file_read, file_write, shell_exec or network
	Op      string `json:"op"`                // what the process really tried, as in the log
	// Subject is what it is about, as far as it may leave the host: the caller has taken out words that may be secrets.
	Subject   string    `json:"subject"`
	Since     time.Time `json:"since"`               // when it was first asked
	Deadline  time.Time `json:"deadline"`            // when it is denied unless somebody answers
	Approvers []string  `json:"approvers,omitempty"` // groups of which a member must answer; absent: root answers
	Quorum    int       `json:"quorum"`              // how many different users must approve, 1 or more
	Commands  *Commands `json:"commands,omitempty"`  // what to type to answer; only with EventRequest

	Outcome string   `json:"outcome,omitempty"` // how it ended; only with EventAnswered
	By      []string `json:"by,omitempty"`      // names of the users who ended it; absent: nobody did
}

// Commands are what a person types on the host to answer.
type Commands struct {
	Show    string `json:"show"`
	Approve string `json:"approve"`
	Deny    string `json:"deny"`
}

// Bounds of what is kept and sent of one notice, so that a full queue is a few megabytes at most.
const (
	MaxText  = 4096 // bytes: a command line of 2,048 bytes, quoted
	MaxItems = 32   // the language allows 10 groups and 10 users
)

// check says what the caller has forgotten.
func (n *Notice) check() error {
	switch {
	case n.ID == "":
		return fmt.Errorf("notice %s without an id", n.Event)
	case n.Event != EventRequest && n.Event != EventAnswered:
		return fmt.Errorf("notice of unknown event %q", n.Event)
	case n.Event == EventRequest && n.Deadline.IsZero():
		return fmt.Errorf("notice of request %s without a deadline", n.ID)
	case (n.Outcome != "") != (n.Event == EventAnswered):
		return fmt.Errorf("notice %s with outcome %q", n.Event, n.Outcome)
	}
	return nil
}

// encode writes the notice as one line of JSON.
func (n Notice) encode() ([]byte, error) {
	for _, text := range []*string{&n.ID, &n.Host, &n.Agent, &n.Run, &n.Rule, &n.Message, &n.Action, &n.Op, &n.Subject} {
		*text = clip(*text, MaxText)
	}
	n.Approvers, n.By = clipList(n.Approvers), clipList(n.By)
	n.Since, n.Deadline = n.Since.UTC(), n.Deadline.UTC()

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // readers are no browsers; "&&" in a command should look like one
	err := enc.Encode(struct {
		V int `json:"v"`
		Notice
	}{Version, n})
	if err != nil {
		return nil, fmt.Errorf("notice of request %s: %w", n.ID, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// clip bounds a text.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func clipList(list []string) []string {
	var out []string
	for _, s := range list[:min(len(list), MaxItems)] {
		out = append(out, clip(s, MaxText))
	}
	return out
}
