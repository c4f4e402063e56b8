// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"caisson/audit"
	"caisson/daemon/api"
)

// Backend does what is asked for. Its errors may be *[api.Error]; any other is answered with status 500. The methods are
// called concurrently.
type Backend interface {
	Status() api.Status
	Self(Peer) api.Self
	Run(ctx context.Context, p Peer, req api.RunRequest) (api.Run, error)
	Reload(ctx context.Context, p Peer, agent string) (api.Reload, error)
	Denials(Peer) (api.Denials, error)
	Approvals
}

// Options are what the server needs of the daemon; all are required.
type Options struct {
	Backend Backend
	Who     Who
	Record  func(audit.Record) error // appends to the audit log
	Log     *slog.Logger
}

// server answers requests.
type server struct{ Options }

// peerKey carries the connection in a request's context.
type peerKey struct{}

// Serve answers on the socket until the context ends, then lets requests under way finish for a moment and returns nil.
func Serve(ctx context.Context, s *Socket, opt Options) error {
	srv := &server{opt}
	h := http.Server{
		Handler:           srv.handler(),
		ReadTimeout:       10 * time.Second,
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(opt.Log.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, c)
		},
	}

	ended := make(chan error, 1)
	g := &gate{UnixListener: s.listener, who: opt.Who, warn: opt.Log.Warn, count: map[bool]int{}}
	go func() { ended <- h.Serve(g) }()

	select {
	case err := <-ended:
		return fmt.Errorf("control socket: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := h.Shutdown(last); err != nil {
		_ = h.Close() // whoever is still connected after two seconds is cut off
	}
	return nil
}

// handler routes by the table.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, e := range endpoints {
		mux.HandleFunc(e.method+" "+e.path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, e) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusNotFound, &api.Error{Message: "no such request: " + r.Method + " " + r.URL.Path})
	})
	return mux
}

// serve asks who is there, whether they may, and only then does it.
func (s *server) serve(w http.ResponseWriter, r *http.Request, e endpoint) {
	c, ok := r.Context().Value(peerKey{}).(*conn)
	if !ok {
		answer(w, http.StatusForbidden, &api.Error{Message: "refused: the caller is not known"})
		return
	}

	p := c.peer
	if err := p.identify(s.Who); err != nil {
		s.Log.Warn("request refused", "path", e.path, "error", err)
		answer(w, http.StatusForbidden, &api.Error{Message: "refused: the caller is not known"})
		return
	}
	if refused := e.who.refusal(p); refused != nil {
		s.record(p, e, audit.VerdictDeny, refused.Message)
		answer(w, refused.Status, refused)
		return
	}

	r.Body = http.MaxBytesReader(w, r.Body, api.MaxBody)
	out, err := e.handle(s, r, p)
	if err != nil {
		s.fail(w, p, e, err)
		return
	}
	if e.admin {
		s.record(p, e, audit.VerdictAllow, "")
	}
	answer(w, http.StatusOK, out)
}

// fail answers with an error.
func (s *server) fail(w http.ResponseWriter, p Peer, e endpoint, err error) {
	var known *api.Error
	if !errors.As(err, &known) {
		s.Log.Error("request failed", "path", e.path, "pid", p.PID, "error", err)
		known = &api.Error{Status: http.StatusInternalServerError, Message: err.Error()}
	}
	if e.admin || e.who != anyone {
		s.record(p, e, audit.VerdictDeny, known.Message)
	}
	answer(w, known.Status, known)
}

// record writes what somebody did, or was not allowed to do.
func (s *server) record(p Peer, e endpoint, verdict, reason string) {
	uid := p.UID
	err := s.Record(audit.Record{
		Kind: audit.KindAdmin, Op: e.method + " " + e.path, Verdict: verdict, Reason: reason, Where: "daemon",
		PID: uint32(p.PID), UID: &uid, Cg: p.Identity.Run,
		Actor: &audit.Actor{UID: p.UID, GID: p.GID, PID: uint32(p.PID)},
	})
	if err != nil {
		s.Log.Error("record of a request", "path", e.path, "uid", p.UID, "pid", p.PID, "error", err)
	}
}

func (s *server) status(*http.Request, Peer) (any, error) { return s.Backend.Status(), nil }

func (s *server) self(_ *http.Request, p Peer) (any, error) { return s.Backend.Self(p), nil }

func (s *server) run(r *http.Request, p Peer) (any, error) {
	var in api.RunRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Agent == "" {
		return nil, &api.Error{Status: http.StatusBadRequest, Message: "no agent named"}
	}
	return s.Backend.Run(r.Context(), p, in)
}

func (s *server) reload(r *http.Request, p Peer) (any, error) {
	var in api.ReloadRequest
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	return s.Backend.Reload(r.Context(), p, in.Agent)
}

// decode reads a body: one JSON object with known fields and nothing behind it.
func decode(r *http.Request, in any) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return &api.Error{Status: http.StatusBadRequest, Message: "request body: " + err.Error()}
	}

	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err = d.Decode(in)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return &api.Error{Status: http.StatusBadRequest, Message: "request body: " + err.Error()}
	}
	return nil
}

// answer writes a body as JSON.
func answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"answer could not be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a caller that has gone does not want the answer
}
