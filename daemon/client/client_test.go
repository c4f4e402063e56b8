// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"caisson/daemon/api"
)

// serve answers every request with a status and a body.
func serve(t *testing.T, status int, body string) *Client {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Asked", r.Method+r.URL.Path+string(b))
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return New(socket)
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		agent  string // of the answer; "": an error is wanted
		says   string
		code   int
	}{
		{"good", 200, `{"agent":"a"}`, "a", "", 0},
		{"unknown fields of a newer daemon", 200, `{"agent":"a","later":1}`, "a", "", 0},
		{"error", 403, `{"error":"refused","hint":"ask root"}`, "", "refused", 403},
		{"error without a body", 500, ``, "", "500", 500},
		{"error that is no JSON", 502, `oops`, "", "502", 502},
		{"answer that is no JSON", 200, `oops`, "", "daemon's answer", 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s, err := serve(t, tc.status, tc.body).Self(context.Background())
			if tc.agent != "" {
				if err != nil || s.Agent != tc.agent {
					t.Errorf("Self = %+v, %v", s, err)
				}
				return
			}
			var e *api.Error
			if err == nil || !strings.Contains(err.Error(), tc.says) || errors.As(err, &e) != (tc.code != 0) || e != nil && e.Status != tc.code {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	_, err := New(filepath.Join(t.TempDir(), "none")).Status(context.Background())
	var e *api.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "systemctl start caissond") || !strings.Contains(e.Message, "no such file") {
		t.Errorf("error %v", err)
	}
}
