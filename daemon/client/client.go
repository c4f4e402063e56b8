// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"caisson/daemon/api"
)

// maxAnswer bounds what is read from the daemon, in bytes.
const maxAnswer = 16 << 20

// Client is safe for concurrent use.
type Client struct {
	socket string
	http   http.Client
}

// New returns a client of the daemon that listens on the socket; "" means [api.DefaultSocket]. It does not connect.
func New(socket string) *Client {
	if socket == "" {
		socket = api.DefaultSocket
	}

	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{
		socket: socket,
		http: http.Client{
			Timeout:   time.Minute,
			Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
		},
	}
}

// Status asks for the state of the daemon and of every agent. Errors of the daemon are *[api.Error].
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	var s api.Status
	return s, c.call(ctx, http.MethodGet, api.PathStatus, nil, &s)
}

// Self asks who the calling process is to caisson.
func (c *Client) Self(ctx context.Context) (api.Self, error) {
	var s api.Self
	return s, c.call(ctx, http.MethodGet, api.PathSelf, nil, &s)
}

// Reload makes the daemon read the policies again; an empty agent means all of them.
func (c *Client) Reload(ctx context.Context, agent string) (api.Reload, error) {
	var r api.Reload
	return r, c.call(ctx, http.MethodPost, api.PathReload, api.ReloadRequest{Agent: agent}, &r)
}

// Approvals returns what waits for an answer. With a version it waits until there is another, 25 seconds at most.
func (c *Client) Approvals(ctx context.Context, after uint64) (api.Approvals, error) {
	path := api.PathApprovals
	if after != 0 {
		path += "?after=" + strconv.FormatUint(after, 10)
	}
	var a api.Approvals
	return a, c.call(ctx, http.MethodGet, path, nil, &a)
}

// Answer approves or denies requests.
func (c *Client) Answer(ctx context.Context, in api.AnswerRequest) (api.Answers, error) {
	var a api.Answers
	return a, c.call(ctx, http.MethodPost, api.PathAnswers, in, &a)
}

// Grants returns the approvals that are remembered.
func (c *Client) Grants(ctx context.Context) (api.Grants, error) {
	var g api.Grants
	return g, c.call(ctx, http.MethodGet, api.PathGrants, nil, &g)
}

// Revoke takes a grant back.
func (c *Client) Revoke(ctx context.Context, id string) (api.Grant, error) {
	var g api.Grant
	return g, c.call(ctx, http.MethodPost, api.PathRevoke, api.RevokeRequest{ID: id}, &g)
}

// Denials returns what the calling process's own run was denied last.
func (c *Client) Denials(ctx context.Context) (api.Denials, error) {
	var d api.Denials
	return d, c.call(ctx, http.MethodGet, api.PathDenials, nil, &d)
}

// call sends one request and decodes its answer into out.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("request body: %w", err)
		}
		body = bytes.NewReader(b)
	}

	req, err := http.NewRequestWithContext(ctx, method, "http://caisson"+path, body)
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}

	resp, err := c.http.Do(req)
	if err != nil {
		return Unreachable(c.socket, err)
	}
	defer resp.Body.Close()
	return Decode(resp, out)
}

// Decode reads an answer of the daemon: into out when it is a success, else it returns an *[api.Error].
func Decode(resp *http.Response, out any) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}

	if resp.StatusCode/100 == 2 {
		if err := json.Unmarshal(b, out); err != nil {
			return fmt.Errorf("daemon's answer: %w", err)
		}
		return nil
	}

	e := &api.Error{Status: resp.StatusCode}
	if json.Unmarshal(b, e) != nil || e.Message == "" {
		e.Message = "the daemon answered " + resp.Status
	}
	return e
}

// Unreachable explains why nobody answers on the socket.
func Unreachable(socket string, err error) error {
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint = "caissond is not running; start it with: systemctl start caissond"
	case errors.Is(err, syscall.ECONNREFUSED):
		hint = "caissond has stopped without removing its socket; start it with: systemctl start caissond"
	case errors.Is(err, fs.ErrPermission):
		hint = "the socket is for everyone; check the permissions of its directory"
	default:
		return fmt.Errorf("asking the daemon on %s: %w", socket, err)
	}
	return &api.Error{Message: fmt.Sprintf("connecting to the daemon on %s: %v", socket, root(err)), Hint: hint}
}

// root unwraps an error down to what the system call said: the rest repeats the socket's name.
func root(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
