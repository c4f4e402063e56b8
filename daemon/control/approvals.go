// SPDX-License-Identifier: Apache-2.0

package control

import (
	"net/http"
	"strconv"

	"caisson/daemon/api"
	"caisson/daemon/approvals"
)

// Approvals answers what is about requests for approval. The persons are those who ask.
type Approvals interface {
	// Pending lists what somebody may answer; after a version, once it is not that one's list any more.
	Pending(r *http.Request, p approvals.Person, after uint64) api.Approvals
	Respond(p approvals.Person, in api.AnswerRequest) (api.Answers, error)
	Grants() api.Grants
	Revoke(p approvals.Person, id string) (api.Grant, error)
}

func (s *server) approvals(r *http.Request, p Peer) (any, error) {
	after := uint64(0)
	if text := r.URL.Query().Get("after"); text != "" {
		var err error
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return nil, &api.Error{Status: http.StatusBadRequest, Message: "after is no version", Hint: "use that of the last answer"}
		}
	}
	who, err := p.Person()
	if err != nil {
		return nil, err
	}
	return s.Backend.Pending(r, who, after), nil
}

func (s *server) answers(r *http.Request, p Peer) (any, error) {
	var in api.AnswerRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	who, err := p.Person()
	if err != nil {
		return nil, err
	}
	return s.Backend.Respond(who, in)
}

func (s *server) grants(*http.Request, Peer) (any, error) { return s.Backend.Grants(), nil }

func (s *server) revoke(r *http.Request, p Peer) (any, error) {
	var in api.RevokeRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	who, err := p.Person()
	if err != nil {
		return nil, err
	}
	return s.Backend.Revoke(who, in.ID)
}

func (s *server) denials(_ *http.Request, p Peer) (any, error) { return s.Backend.Denials(p) }
