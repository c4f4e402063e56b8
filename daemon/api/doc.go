// SPDX-License-Identifier: Apache-2.0

// Package api holds the questions and answers that cross the control socket of caissond, as JSON. It has no behaviour,
// so that the command line, the daemon and tests can share it without importing each other. A field that is in the
// schema is always filled; what is not known is absent. Nothing in here may carry the contents of files or the
// environment of an agent. The words of its commands only stand where somebody must know exactly what is asked for: in a
// request for approval, and in what a run is told about its own denials.
package api

// Paths of the endpoints, all below the control socket.
const (
	PathStatus = "/v1/status" // GET, root or the daemon's own user
	PathSelf   = "/v1/self"   // GET, anyone
	PathRuns   = "/v1/runs"   // POST, anyone who is not an agent
	PathReload = "/v1/reload" // POST, root or the daemon's own user

	PathApprovals = "/v1/approvals" // GET, ?after=VERSION; who may answer, and what they may
	PathAnswers   = "/v1/answers"   // POST, who may answer
	PathGrants    = "/v1/grants"    // GET, root or the daemon's own user
	PathRevoke    = "/v1/revoke"    // POST, root or the daemon's own user
	PathDenials   = "/v1/denials"   // GET, anyone; of the caller's own run
)

// DefaultSocket is where caissond listens unless told otherwise.
const DefaultSocket = "/run/caisson/control.sock"

// MaxBody is the longest request body the daemon reads and the longest it expects anyone to need, in bytes.
const MaxBody = 64 << 10
