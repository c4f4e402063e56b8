// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/api"
	"caisson/daemon/approvals"
	"caisson/daemon/client"
)

// fake is the kernel and the daemon behind the socket.
type fake struct {
	mu      sync.Mutex
	agent   bool  // the peer has an identity
	inside  bool  // the peer is below caisson.slice
	err     error // of asking the kernel
	failure error // of the backend
	records []audit.Record
}

func (f *fake) IdentityOf(int) (layout.Identity, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return layout.Identity{Agent: 7, Run: 99}, f.agent, f.err
}
func (f *fake) Inside(int) (bool, error) { return f.inside, nil }
func (f *fake) Status() api.Status       { return api.Status{Version: "test"} }
func (f *fake) Self(p Peer) api.Self     { return api.Self{Agent: map[bool]string{true: "a"}[p.Agent]} }
func (f *fake) Run(_ context.Context, p Peer, req api.RunRequest) (api.Run, error) {
	return api.Run{Agent: req.Agent, Run: req.Workspace, Cgroup: fmt.Sprint(p.PID)}, f.failure
}
func (f *fake) Reload(_ context.Context, _ Peer, agent string) (api.Reload, error) {
	return api.Reload{Agents: []api.Reloaded{{Agent: agent}}}, f.failure
}
func (f *fake) Denials(p Peer) (api.Denials, error) {
	return api.Denials{Agent: map[bool]string{true: "a"}[p.Agent]}, f.failure
}
func (f *fake) Pending(_ *http.Request, p approvals.Person, after uint64) api.Approvals {
	return api.Approvals{Version: after + 1, Requests: []api.Approval{{Agent: p.Name()}}}
}
func (f *fake) Respond(p approvals.Person, in api.AnswerRequest) (api.Answers, error) {
	return api.Answers{Answers: []api.Answered{{ID: in.IDs[0], Agent: p.Name()}}}, f.failure
}
func (f *fake) Grants() api.Grants { return api.Grants{Grants: []api.Grant{{ID: "g1"}}} }
func (f *fake) Revoke(p approvals.Person, id string) (api.Grant, error) {
	return api.Grant{ID: id, Agent: p.Name()}, f.failure
}
func (f *fake) record(r audit.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records = append(f.records, r)
	return nil
}

// start serves a fake until the test ends and returns the socket's path.
func start(t *testing.T, f *fake) string {
	t.Helper()
	s, err := Bind(filepath.Join(t.TempDir(), "sub", "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, s, Options{Backend: f, Who: f, Record: f.record, Log: slog.New(slog.DiscardHandler)})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s.Path
}

// do sends one request and returns status and body.
func do(t *testing.T, socket, method, path, body string) (int, string) {
	t.Helper()
	c := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) }}}
	req, err := http.NewRequest(method, "http://x"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestRequests(t *testing.T) {
	tests := []struct {
		name               string
		fake               *fake
		method, path, body string
		status             int
		answer             string // part of the body
		recorded           string // verdict of the admin record; "": none
	}{
		{"status", &fake{}, "GET", api.PathStatus, "", 200, `"version":"test"`, ""},
		{"status for an agent", &fake{agent: true}, "GET", api.PathStatus, "", 403, "is an agent", "DENY"},
		{"self", &fake{}, "GET", api.PathSelf, "", 200, `"agent":""`, ""},
		{"self for an agent", &fake{agent: true}, "GET", api.PathSelf, "", 200, `"agent":"a"`, ""},
		{"run", &fake{}, "POST", api.PathRuns, `{"agent":"x"}`, 200, `"run":"","agent":"x","cgroup":"` + fmt.Sprint(os.Getpid()), ""},
		{"run with a workspace", &fake{}, "POST", api.PathRuns, `{"agent":"x","workspace":"/w"}`, 200, `"run":"/w"`, ""},
		{"run by an agent", &fake{agent: true}, "POST", api.PathRuns, `{"agent":"x"}`, 403, "is an agent", "DENY"},
		{"run from an agent's cgroup", &fake{inside: true}, "POST", api.PathRuns, `{"agent":"x"}`, 403, "is an agent", "DENY"},
		{"run of nobody", &fake{}, "POST", api.PathRuns, `{}`, 400, "no agent named", "DENY"},
		{"reload", &fake{}, "POST", api.PathReload, `{"agent":"x"}`, 200, `"agent":"x"`, "ALLOW"},
		{"reload by an agent", &fake{agent: true}, "POST", api.PathReload, `{}`, 403, "is an agent", "DENY"},
		{"unknown field", &fake{}, "POST", api.PathReload, `{"agnet":"x"}`, 400, "agnet", "DENY"},
		{"something behind", &fake{}, "POST", api.PathReload, `{}{}`, 400, "follows", "DENY"},
		{"no object", &fake{}, "POST", api.PathReload, ``, 400, "EOF", "DENY"},
		{"body too long", &fake{}, "POST", api.PathReload, `{"agent":"` + strings.Repeat("x", api.MaxBody) + `"}`, 400, "too large", "DENY"},
		{"error of the backend", &fake{failure: &api.Error{Status: 404, Message: "no policy", Hint: "write one"}}, "POST", api.PathRuns, `{"agent":"x"}`, 404, `"hint":"write one"`, "DENY"},
		{"other error of the backend", &fake{failure: errors.New("boom")}, "POST", api.PathReload, `{}`, 500, "boom", "DENY"},
		{"approvals", &fake{}, "GET", api.PathApprovals, "", 200, `"version":1`, ""},
		{"approvals after a version", &fake{}, "GET", api.PathApprovals + "?after=6", "", 200, `"version":7`, ""},
		{"approvals after nonsense", &fake{}, "GET", api.PathApprovals + "?after=x", "", 400, "no version", "DENY"},
		{"approvals for an agent", &fake{agent: true}, "GET", api.PathApprovals, "", 403, "is an agent", "DENY"},
		{"answer", &fake{}, "POST", api.PathAnswers, `{"answer":"approve","ids":["r1"]}`, 200, `"id":"r1"`, ""},
		{"answer by an agent", &fake{agent: true}, "POST", api.PathAnswers, `{"answer":"approve","ids":["r1"]}`, 403, "is an agent", "DENY"},
		{"answer from an agent's cgroup", &fake{inside: true}, "POST", api.PathAnswers, `{"answer":"approve","ids":["r1"]}`, 403, "is an agent", "DENY"},
		{"answer with an unknown field", &fake{}, "POST", api.PathAnswers, `{"id":"r1"}`, 400, "unknown field", "DENY"},
		{"answer refused", &fake{failure: &api.Error{Status: 400, Message: "no scope"}}, "POST", api.PathAnswers, `{"answer":"deny","ids":["r1"]}`, 400, "no scope", "DENY"},
		{"grants", &fake{}, "GET", api.PathGrants, "", 200, `"id":"g1"`, ""},
		{"grants for an agent", &fake{agent: true}, "GET", api.PathGrants, "", 403, "is an agent", "DENY"},
		{"revoke", &fake{}, "POST", api.PathRevoke, `{"id":"g1"}`, 200, `"id":"g1"`, ""},
		{"revoke by an agent", &fake{agent: true}, "POST", api.PathRevoke, `{"id":"g1"}`, 403, "is an agent", "DENY"},
		{"revoke with an unknown field", &fake{}, "POST", api.PathRevoke, `{"ID2":"g1"}`, 400, "unknown field", "DENY"},
		{"denials", &fake{agent: true}, "GET", api.PathDenials, "", 200, `"agent":"a"`, ""},
		{"unknown path", &fake{}, "GET", "/v1/approve", "", 404, "no such request", ""},
		{"wrong method", &fake{}, "GET", api.PathReload, "", 404, "no such request", ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			f := tc.fake
			status, body := do(t, start(t, f), tc.method, tc.path, tc.body)
			if status != tc.status || !strings.Contains(body, tc.answer) {
				t.Errorf("got %d %s, want %d with %q", status, body, tc.status, tc.answer)
			}

			f.mu.Lock()
			defer f.mu.Unlock()
			verdict := ""
			for _, r := range f.records {
				verdict += r.Verdict
				if r.Kind != audit.KindAdmin || r.Actor == nil || int(r.Actor.PID) != os.Getpid() {
					t.Errorf("record %+v does not name who did it", r)
				}
			}
			if verdict != tc.recorded {
				t.Errorf("recorded %q, want %q", verdict, tc.recorded)
			}
		})
	}
}

func TestAudience(t *testing.T) {
	me := uint32(os.Geteuid())
	tests := []struct {
		name    string
		who     audience
		peer    Peer
		allowed bool
	}{
		{"anyone: agent", anyone, Peer{Agent: true}, true},
		{"no agents: user", noAgents, Peer{UID: me + 1}, true},
		{"no agents: agent that is root", noAgents, Peer{Agent: true}, false},
		{"owners: root", owners, Peer{}, true},
		{"owners: the daemon's user", owners, Peer{UID: me}, true},
		{"owners: other user", owners, Peer{UID: me + 1}, false},
		{"owners: agent that is root", owners, Peer{Agent: true}, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.who.refusal(tc.peer); (got == nil) != tc.allowed {
				t.Errorf("refusal = %v", got)
			}
		})
	}
}

func TestUnknownPeerIsRefused(t *testing.T) {
	f := &fake{err: errors.New("map is gone")}
	socket := start(t, f)
	if s, err := client.New(socket).Self(context.Background()); err == nil {
		t.Errorf("answered %+v to a peer nobody could identify", s)
	}
}

func TestBecomingAnAgentCounts(t *testing.T) {
	f := &fake{}
	c := client.New(start(t, f))
	if _, err := c.Status(context.Background()); err != nil {
		t.Fatal(err)
	}

	f.mu.Lock()
	f.agent = true
	f.mu.Unlock()
	var e *api.Error
	if _, err := c.Status(context.Background()); !errors.As(err, &e) || e.Status != http.StatusForbidden {
		t.Errorf("status for what is an agent now: %v", err)
	}
}

func TestDeadPeer(t *testing.T) {
	proc, err := os.StartProcess("/proc/self/exe", []string{"x", "-test.run=^$"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(proc.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if _, err := proc.Wait(); err != nil {
		t.Fatal(err)
	}

	p := Peer{PID: proc.Pid, Pidfd: pidfd}
	if err := p.identify(&fake{}); err == nil {
		t.Error("a process that has ended was taken for one that is no agent")
	}
}

func TestLimit(t *testing.T) {
	f := &fake{agent: true}
	socket := start(t, f)
	for range maxAgentConns {
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	one, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	if err := one.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read = %v, want the connection closed", err)
	}

	f.mu.Lock()
	f.agent = false
	f.mu.Unlock()
	if _, err := client.New(socket).Status(context.Background()); err != nil {
		t.Errorf("agents keep an operator out: %v", err)
	}
}

func TestBind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	first, err := Bind(path)
	if err != nil {
		t.Fatal(err)
	}
	first.listener.SetUnlinkOnClose(false)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Bind(path)
	if err != nil {
		t.Fatalf("a socket left behind is in the way: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o666 || second.Ino == 0 {
		t.Errorf("mode %v, inode %d, %v", info.Mode(), second.Ino, err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}

	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Bind(path); err == nil {
		t.Error("bound in a directory that everybody can change")
	}
}

func TestStartTime(t *testing.T) {
	at, err := startTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(at); age < 0 || age > time.Hour {
		t.Errorf("this test started %v ago", age)
	}
}
