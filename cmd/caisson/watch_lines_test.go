// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"caisson/daemon/api"
)

// watchLinesOf starts caisson approvals watch as a process whose output is no terminal. The function it returns reads a line.
func watchLinesOf(t *testing.T, b *board, flags ...string) (next func() string, end func() error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Args = append([]string{"caisson", "approvals", "watch", "--socket", b.socket}, flags...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { stop.Stop(); _ = cmd.Process.Kill() })

	lines := bufio.NewScanner(out)
	next = func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("the output has ended")
		}
		return lines.Text()
	}
	return next, cmd.Wait
}

func TestWatchWritesLines(t *testing.T) {
	t.Parallel()
	hostile := request(3)
	hostile.Subject = hostileName
	b := newBoard(t, requests(1, 2)...)
	next, end := watchLinesOf(t, b)
	want := func(tail string) {
		t.Helper()
		got := next()
		stamp, rest, _ := strings.Cut(got, " ")
		if _, err := time.Parse(time.RFC3339, stamp); err != nil || rest != tail {
			t.Errorf("got %q, want %q", got, tail)
		}
	}
	want("new r1 deploy-agent ask-deploy /usr/bin/tool 1")
	want("new r2 deploy-agent ask-deploy /usr/bin/tool 2")
	b.set(request(2), hostile)
	want("gone r1 deploy-agent ask-deploy /usr/bin/tool 1")
	want(`new r3 deploy-agent ask-deploy /tmp/\u001b[2J\u001b[1;1Hr1  root\u000d\u000ax\u202egnp\\`)

	// The daemon goes and comes back with other requests, one of them under an id that was another's.
	b.stop()
	other := request(2)
	other.Subject = "/usr/bin/other"
	b.set(other)
	b.start(t)
	want("gone r2 deploy-agent ask-deploy /usr/bin/tool 2")
	want(`gone r3 deploy-agent ask-deploy /tmp/\u001b[2J\u001b[1;1Hr1  root\u000d\u000ax\u202egnp\\`)
	want("new r2 deploy-agent ask-deploy /usr/bin/other")

	// It ends when the caller may not ask any more.
	b.mu.Lock()
	b.refuse = &api.Error{Message: "refused"}
	b.replace(nil)
	b.mu.Unlock()
	if err := end(); err == nil || err.Error() != "exit status 1" {
		t.Errorf("ended with %v", err)
	}
}

func TestWatchWritesJSON(t *testing.T) {
	t.Parallel()
	b := newBoard(t, request(1))
	next, _ := watchLinesOf(t, b, "--json")
	for i, want := range []string{changeNew, changeGone} {
		var c change
		if err := json.Unmarshal([]byte(next()), &c); err != nil || c.Change != want || c.Request.ID != "r1" || c.Request.Subject != "/usr/bin/tool 1" || c.Time.IsZero() {
			t.Errorf("line %d: %+v, %v", i, c, err)
		}
		b.set()
	}
}
