// SPDX-License-Identifier: Apache-2.0

package api

// RunRequest asks the daemon to turn the calling process into the first process of a new run of an agent.
type RunRequest struct {
	Agent string `json:"agent"`
	// Workspace is the value of ${WORKSPACE}: a clean absolute path of a directory; empty: the one the caller is in. To name
	// one for a policy that does not mention it is an error.
	Workspace string `json:"workspace,omitempty"`
}

// Run is the answer: from now on the calling process is the agent, and its next exec is the run's first program.
type Run struct {
	Run        string `json:"run"`        // 12 lower-case base32 characters
	Agent      string `json:"agent"`      //
	Cgroup     string `json:"cgroup"`     // directory of the run's scope
	Generation uint32 `json:"generation"` // of the image that decides; 0: none, so everything is denied
	// Variables are what the run's policy was bound to; absent: the run has the agent's own image.
	Variables map[string]string `json:"variables,omitempty"`
}

// Self says who the caller is to caisson. Agent is empty for a process that is no agent.
type Self struct {
	Agent      string `json:"agent"`
	Run        string `json:"run,omitempty"`
	Generation uint32 `json:"generation,omitempty"` // of the policy in force; absent: none, so everything is denied
	Digest     string `json:"digest,omitempty"`     // SHA-256 of the policy file in force, hex
	Allowed    uint64 `json:"allowed,omitempty"`    // decisions of this run seen so far
	Denied     uint64 `json:"denied,omitempty"`
}
