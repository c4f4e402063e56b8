// SPDX-License-Identifier: Apache-2.0

package api

// ReloadRequest asks the daemon to read the policies again: all of them, or only the named agent's.
type ReloadRequest struct {
	Agent string `json:"agent"`
}

// Reload is the answer, one entry per agent (or per file that names none), sorted.
type Reload struct {
	Agents []Reloaded `json:"agents"`
}

// Reloaded says what a reload did to one agent.
type Reloaded struct {
	Agent      string `json:"agent"`                // empty when a file does not even say whose it is
	File       string `json:"file,omitempty"`       //
	Generation uint32 `json:"generation,omitempty"` // in force after the reload; absent: no policy in force
	Digest     string `json:"digest,omitempty"`     // SHA-256 of the file in force, hex
	Changed    bool   `json:"changed"`              // another image than before is in force
	Removed    bool   `json:"removed,omitempty"`    // the policy is gone: the agent is denied everything
	Error      string `json:"error,omitempty"`      // why the file was not taken; what was in force stays in force
}
