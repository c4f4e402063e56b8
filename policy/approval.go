// SPDX-License-Identifier: Apache-2.0

package policy

import "time"

// Approval is what a rule with REQUIRE_APPROVAL says about its answer.
type Approval struct {
	Message   string        // why it asks, for who answers and for the agent
	Timeout   time.Duration // how long it waits, 1 s to 24 h; 0: the daemon's default
	Approvers []string      // groups of the host of which a member must answer; none: whoever may use the daemon
	Quorum    int           // how many different users must approve, 1 to 10; 0: one
}

// Bounds of an approval's fields.
const (
	maxMessage   = 500
	minTimeout   = time.Second
	maxTimeout   = 24 * time.Hour
	maxApprovers = 20
	maxQuorum    = 10
)
