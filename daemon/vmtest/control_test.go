//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

// An agent reaches the control socket, and may ask about itself there and nothing else.
func TestVMControlSocketAgentOnlySelf(t *testing.T) {
	c := theHost.launch(t, "coding-agent")
	for _, tc := range []struct {
		request, want string
	}{
		{"GET " + api.PathSelf, `"agent":"coding-agent"`},
		{"GET " + api.PathStatus, " 403 "},
		{"POST " + api.PathReload, " 403 "},
		{"POST " + api.PathRuns, " 403 "},
	} {
		body := ""
		if strings.HasPrefix(tc.request, "POST") {
			body = `{"agent":"deploy-agent"}`
		}
		raw := fmt.Sprintf("%s HTTP/1.1\r\nHost: caisson\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", tc.request, len(body), body)
		a := c.do(actor.Request{Op: "talk", Addr: api.DefaultSocket, Data: raw})
		if a.Errno != 0 || !strings.Contains(a.Out, tc.want) {
			t.Errorf("%s: %v\n%s", tc.request, a.Err(), a.Out)
		}
	}

	// And it cannot replace, remove or imitate the socket.
	c.denied(actor.Request{Op: "unlink", Path: api.DefaultSocket})
	c.denied(actor.Request{Op: "rename", Path: api.DefaultSocket, To: "/run/caisson/x"})
}

// A user who is not root can start a run, which only takes rights away, and administer nothing.
func TestVMControlSocketOrdinaryUser(t *testing.T) {
	as := func(args ...string) (string, error) {
		cmd := exec.Command(commandPath, args...)
		cmd.SysProcAttr = asUser(1000)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := as("run", "--agent", "coding-agent", "--", bash, "-c", "echo $UID"); err != nil || out != "1000\n" {
		t.Errorf("run: %q, %v", out, err)
	}
	for _, args := range [][]string{{"reload"}, {"status"}} {
		if out, err := as(args...); err == nil || !strings.HasPrefix(out, "caisson: ") {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
}
