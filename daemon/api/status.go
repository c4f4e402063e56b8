// SPDX-License-Identifier: Apache-2.0

package api

import "time"

// Status is what the daemon knows about itself and every agent.
type Status struct {
	Version  string    `json:"version"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Kernel   string    `json:"kernel"`   // release, as in uname -r
	Adopted  bool      `json:"adopted"`  // enforcement was already running when the daemon started
	Policies string    `json:"policies"` // directory
	Watching bool      `json:"watching"` // changes of policy files are noticed at once
	Audit    Audit     `json:"audit"`
	Events   Events    `json:"events"`
	Agents   []Agent   `json:"agents"`   // sorted by name
	Problems []string  `json:"problems"` // what an operator must know; empty when all is well
}

// Audit is the state of the log.
type Audit struct {
	Dir     string `json:"dir"`
	Next    uint64 `json:"next"`    // sequence number of the next record
	Durable uint64 `json:"durable"` // records on disk for certain
	Queued  int64  `json:"queued"`  // records that wait to be on disk
	Error   string `json:"error,omitempty"`
}

// Events counts what the kernel reported. Seen = Submitted + Lost, by the kernel's own counters, since enforcement
// was loaded; the rest since the daemon started.
type Events struct {
	Seen          uint64 `json:"seen"`
	Submitted     uint64 `json:"submitted"`
	Lost          uint64 `json:"lost"`
	Received      uint64 `json:"received"`
	Pending       uint64 `json:"pending"`       // seen by the kernel and neither received, by any daemon, nor given up yet
	Missing       uint64 `json:"missing"`       // given up: holes in the kernel's numbering
	Disagreements uint64 `json:"disagreements"` // the kernel and user space decided differently: a bug
	Unchecked     uint64 `json:"unchecked"`     // not decided again: the policy that decided is not known any more
}

// States of an agent.
const (
	StateEnforced = "enforced" // its policy decides
	StateObserved = "observed" // its policy decides, and nothing is refused but what is refused to every agent
	StatePerRun   = "per-run"  // its policy decides, for each run with its own variables; outside of a run everything is denied
	StateDenied   = "denied"   // no policy in force: everything is denied
)

// Modes of a policy.
const (
	ModeEnforce = "enforce"
	ModeObserve = "observe"
)

// Agent is one identity.
type Agent struct {
	Agent      string   `json:"agent"`
	ID         uint32   `json:"id"` // the kernel's number for it
	State      string   `json:"state"`
	Mode       string   `json:"mode,omitempty"` // of the policy in force
	File       string   `json:"file,omitempty"`
	Digest     string   `json:"digest,omitempty"`
	Generation uint32   `json:"generation,omitempty"` // the newest in force, also of a run's image
	Rules      int      `json:"rules,omitempty"`      // own rules, without the baseline's
	Variables  []string `json:"variables,omitempty"`  // that the policy wants to know of each run
	Problem    string   `json:"problem,omitempty"`    // why the file on disk is not what is in force
	Notes      []string `json:"notes,omitempty"`      // what became of the rules when they were compiled
	Images     []Image  `json:"images,omitempty"`     // of runs with variables
	Runs       []Run    `json:"runs,omitempty"`       // alive now
	Allowed    uint64   `json:"allowed"`              // decisions since the daemon started
	Denied     uint64   `json:"denied"`
	Observed   uint64   `json:"observed"` // would have been denied if the agent were not only observed
	// NextChange is when a rule begins or ends next; absent: none does.
	NextChange *time.Time `json:"next_change,omitempty"`
}

// Image is what is in force for the runs of an agent that gave its policy's variables the same values.
type Image struct {
	Slot       uint32            `json:"slot"`       // the kernel's number for it
	Generation uint32            `json:"generation"` // 0: nothing is in force, so everything is denied
	Variables  map[string]string `json:"variables"`
	Notes      []string          `json:"notes,omitempty"`
}
