// SPDX-License-Identifier: Apache-2.0

package control

import (
	"net/http"
	"os"

	"caisson/daemon/api"
)

// audience says who may use an endpoint.
type audience uint8

const (
	anyone   audience = iota // agents, too
	noAgents                 // every user of the host, but no agent
	owners                   // root and the daemon's own user, but no agent
)

// endpoint is a row of the table below.
type endpoint struct {
	method, path string
	who          audience
	admin        bool // its use is an audit record, not only its refusal
	handle       func(*server, *http.Request, Peer) (any, error)
}

// endpoints is all there is.
var endpoints = []endpoint{
	{http.MethodGet, api.PathStatus, owners, false, (*server).status},
	{http.MethodGet, api.PathSelf, anyone, false, (*server).self},
	// The start of a run is recorded by who starts it, with the run's id.
	{http.MethodPost, api.PathRuns, noAgents, false, (*server).run},
	{http.MethodPost, api.PathReload, owners, true, (*server).reload},
	{http.MethodGet, api.PathApprovals, noAgents, false, (*server).approvals}, // as much as the caller may answer
	// Who may answer a request is decided, and recorded, for each.
	{http.MethodPost, api.PathAnswers, noAgents, false, (*server).answers},
	{http.MethodGet, api.PathGrants, owners, false, (*server).grants},
	{http.MethodPost, api.PathRevoke, owners, false, (*server).revoke},
	{http.MethodGet, api.PathDenials, anyone, false, (*server).denials},
}

// refusal says why a peer may not use an endpoint; nil: it may.
func (who audience) refusal(p Peer) *api.Error {
	switch {
	case who == anyone:
		return nil
	case p.Agent:
		return &api.Error{Status: http.StatusForbidden, Message: "refused: the caller is an agent",
			Hint: "an agent may ask about itself (" + api.PathSelf + ") and nothing else"}
	case who == noAgents:
		return nil
	case p.UID == 0 || int(p.UID) == os.Geteuid():
		return nil
	}
	return &api.Error{Status: http.StatusForbidden, Message: "refused: this is for root", Hint: "run it with sudo"}
}
