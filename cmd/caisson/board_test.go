// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"caisson/daemon/api"
)

// board is a fake daemon whose requests change while it is asked, and go when they are answered.
type board struct {
	socket string
	server *http.Server

	mu      sync.Mutex
	changed chan struct{} // closed when the list is another
	version uint64
	list    []api.Approval
	answers []api.AnswerRequest
	refuse  *api.Error // of the list
}

func newBoard(t *testing.T, list ...api.Approval) *board {
	b := &board{socket: filepath.Join(t.TempDir(), "s"), changed: make(chan struct{}), version: 1, list: list}
	b.start(t)
	return b
}

// start listens, again if it has listened before.
func (b *board) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("unix", b.socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.PathApprovals, b.approvals)
	mux.HandleFunc("POST "+api.PathAnswers, b.answer)
	b.server = &http.Server{Handler: mux}
	go func(s *http.Server) { _ = s.Serve(l) }(b.server)
	t.Cleanup(b.stop)
}

// stop ends every connection, as a daemon that is killed.
func (b *board) stop() { _ = b.server.Close() }

// set changes the list.
func (b *board) set(list ...api.Approval) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replace(list)
}

func (b *board) replace(list []api.Approval) {
	b.list = list
	b.version++
	close(b.changed)
	b.changed = make(chan struct{})
}

// given are the answers so far.
func (b *board) given() []api.AnswerRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.answers)
}

func (b *board) approvals(w http.ResponseWriter, r *http.Request) {
	after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
	b.mu.Lock()
	for b.version == after && b.refuse == nil {
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	if b.refuse != nil {
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(b.refuse)
		return
	}
	_ = json.NewEncoder(w).Encode(api.Approvals{Version: b.version, Requests: b.list})
}

func (b *board) answer(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var in api.AnswerRequest
	_ = json.NewDecoder(r.Body).Decode(&in)
	b.answers = append(b.answers, in)
	var out api.Answers
	for _, id := range in.IDs {
		out.Answers = append(out.Answers, api.Answered{ID: id, Calls: 1})
	}
	b.replace(slices.DeleteFunc(slices.Clone(b.list), func(a api.Approval) bool { return slices.Contains(in.IDs, a.ID) }))
	_ = json.NewEncoder(w).Encode(out)
}
