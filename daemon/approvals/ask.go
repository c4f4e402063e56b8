// SPDX-License-Identifier: Apache-2.0

package approvals

import "time"

// Ask is one system call that is held.
type Ask struct {
	Hold       uint64 // the kernel's number for it, never used again
	Agent      string // identity
	Run        string // id
	Generation uint32 // of the policy that asks
	Rule       string // that asks
	Action     string // of the policy language
	Op         string // what the process really tried
	Subject    string // exactly what it is about: a location, a command, an address
	Terms      Terms  // of the rule
}

// Terms are what a rule says about its approvals.
type Terms struct {
	Message   string        // why it asks, for people
	Timeout   time.Duration // how long it waits for an answer; 0: [DefaultTimeout]
	Approvers []string      // groups of which a member must answer; empty: root answers
	Quorum    int           // how many different users must approve; 0 means 1
}

// DefaultTimeout is how long a held call waits for a person.
const DefaultTimeout = 5 * time.Minute

// matter is what an answer is about. An answer to one matter is never used for another.
type matter struct {
	agent      string
	generation uint32
	rule       string
	op         string
	subject    string
}

func (a Ask) matter() matter { return matter{a.Agent, a.Generation, a.Rule, a.Op, a.Subject} }

// timeout and quorum fill in the defaults.
func (t Terms) timeout() time.Duration {
	if t.Timeout <= 0 {
		return DefaultTimeout
	}
	return t.Timeout
}

func (t Terms) quorum() int { return max(t.Quorum, 1) }

// Missing is how many further approvals a request with so many still needs.
func (t Terms) Missing(votes int) int { return max(0, t.quorum()-votes) }
