// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"caisson/daemon/api"
)

// reply is what the fake daemon answers on one path.
type reply struct {
	status int
	body   any
}

var (
	forRoot  = reply{http.StatusForbidden, &api.Error{Message: "refused: this is for root", Hint: "run it with sudo"}}
	forOwner = reply{http.StatusForbidden, &api.Error{Message: "refused: the caller is an agent", Hint: "an agent may ask about itself (/v1/self) and nothing else"}}
	started  = reply{http.StatusOK, api.Run{Run: "aaaabbbbcccc", Agent: "coding-agent", Cgroup: "/sys/fs/cgroup/x"}}
)

// scenes are what the daemon is like for one caller.
var scenes = map[string]map[string]reply{
	"root": {
		api.PathStatus: {http.StatusOK, sampleStatus()},
		api.PathSelf:   {http.StatusOK, api.Self{}},
		api.PathRuns:   started,
		api.PathReload: {http.StatusOK, api.Reload{Agents: []api.Reloaded{
			{Agent: "coding-agent", File: "/p/coding-agent.yaml", Generation: 8, Digest: "0123456789abcdef", Changed: true},
			{Agent: "research-agent", File: "/p/research-agent.yaml", Generation: 3, Digest: "fedcba9876543210"},
		}}},
	},
	"broken": {
		api.PathReload: {http.StatusOK, api.Reload{Agents: []api.Reloaded{
			{Agent: "coding-agent", File: "/p/coding-agent.yaml", Generation: 7, Error: "/p/coding-agent.yaml:4:11: unknown effect \"ALOW\""},
			{Agent: "old-agent", Removed: true},
		}}},
		api.PathRuns: {http.StatusNotFound, &api.Error{Message: `no policy for agent "ghost"`, Hint: "put one into /p and run: caisson reload"}},
	},
	"agent": {
		api.PathStatus: forOwner,
		api.PathSelf: {http.StatusOK, api.Self{Agent: "coding-agent", Run: "aaaabbbbcccc", Generation: 7,
			Digest: "0123456789abcdef", Allowed: 12, Denied: 3}},
		api.PathRuns:   forOwner,
		api.PathReload: forOwner,
	},
	"user": {api.PathStatus: forRoot, api.PathSelf: {http.StatusOK, api.Self{}}, api.PathReload: forRoot},
	"mute": {},
}

var boundary = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func sampleStatus() api.Status {
	return api.Status{
		Version: "0.1", PID: 77, Started: time.Now().Add(-time.Hour), Kernel: "6.12.0", Adopted: true, Policies: "/p", Watching: true,
		Audit:  api.Audit{Dir: "/a", Next: 100, Durable: 99},
		Events: api.Events{Seen: 50, Submitted: 48, Lost: 2, Received: 48, Unchecked: 3, Disagreements: 1},
		Agents: []api.Agent{
			{Agent: "coding-agent", ID: 1, State: api.StateEnforced, File: "/p/coding-agent.yaml", Digest: "0123456789abcdef", Generation: 7,
				Rules: 3, Allowed: 40, Denied: 8, Notes: []string{`no address is known for host "x.example"`},
				Runs: []api.Run{{Run: "aaaabbbbcccc", Agent: "coding-agent", Generation: 7, Cgroup: `/sys/fs/cgroup/caisson.slice/caisson-coding\x2dagent.slice`}}},
			{Agent: "site-agent", ID: 3, State: api.StateObserved, Mode: api.ModeObserve, File: "/p/site.yaml", Digest: "fedcba9876543210", Generation: 9,
				Rules: 2, Allowed: 5, Denied: 1, Observed: 4, Variables: []string{"WORKSPACE"}, NextChange: &boundary,
				Images: []api.Image{{Slot: 1024, Generation: 9, Variables: map[string]string{"HOME": "/home/u", "WORKSPACE": "/home/u/site"}},
					{Slot: 1025, Variables: map[string]string{"WORKSPACE": "/srv/x"}}},
				Runs: []api.Run{{Run: "ddddeeeeffff", Agent: "site-agent", Cgroup: "/c", Generation: 9, Variables: map[string]string{"WORKSPACE": "/home/u/site"}}}},
			{Agent: "lost-agent", ID: 2, State: api.StateDenied, Problem: "its file does not load\x1b[31m"},
		},
		Problems: []string{"kernel and user space decided events differently"},
	}
}

// fakeDaemonCmd runs "fakedaemon SOCKET SCENE": it answers on the socket until the script ends. What it was asked last is
// in the file SOCKET.asked.
func fakeDaemonCmd(ts *testscript.TestScript, _ bool, args []string) {
	scene, ok := scenes[args[1]]
	if !ok {
		ts.Fatalf("no scene %q", args[1])
	}
	l, err := net.Listen("unix", ts.MkAbs(args[0]))
	ts.Check(err)

	asked := ts.MkAbs(args[0] + ".asked")
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = os.WriteFile(asked, body, 0o600) // a script that needs it says that it is not there
		answer, ok := scene[r.URL.Path]
		if !ok {
			_, _ = w.Write([]byte("this is no JSON"))
			return
		}
		w.WriteHeader(answer.status)
		_ = json.NewEncoder(w).Encode(answer.body)
	})}
	go func() { _ = h.Serve(l) }()
	ts.Defer(func() { _ = h.Shutdown(context.Background()) })
}
