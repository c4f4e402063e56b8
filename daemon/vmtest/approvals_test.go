//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon"
	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

// left is how many questions the kernel still has.
func left(t *testing.T) int {
	t.Helper()
	m, err := ebpf.LoadPinnedMap(filepath.Join(daemon.DefaultPins, "maps", "requests"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	n := 0
	var id uint64
	var r layout.Request
	for entries := m.Iterate(); entries.Next(&id, &r); {
		n++
	}
	return n
}

// settledHolds waits until nothing is held any more, by anybody's account.
func settledHolds(t *testing.T) {
	t.Helper()
	eventually(t, "the end of all that waits", func() bool { return left(t) == 0 && len(theHost.requests(t, "asker")) == 0 })
}

func create(path string) actor.Request {
	return actor.Request{Op: "open", Path: path, Flag: unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY}
}

// Nobody answers: at its deadline it is denied, and a retry is denied at once.
func TestVMApprovalTimesOut(t *testing.T) {
	held(t)
	theHost.policy(t, "asker", strings.Replace(askerPolicy, "message: May it change this?", "timeout: 2s", 1))
	c := theHost.launch(t, "asker")
	start := time.Now()
	c.denied(create("/hold/late"))
	if took := time.Since(start); took < 2*time.Second {
		t.Errorf("it was denied after %v", took)
	}
	c.denied(create("/hold/late"))
	absent(t, "/hold/late")
	settledHolds(t)
	theHost.logged(t, audit.Filter{Agent: "asker"}, "the time-out", func(r audit.Record) bool { return r.Kind == audit.KindApproval && r.Op == "timeout" })
	for _, want := range []string{"timed-out: ", "denied-before"} {
		theHost.logged(t, audit.Filter{Agent: "asker"}, want, func(r audit.Record) bool { return strings.HasPrefix(r.Reason, want) && r.Enforced == "deny" })
	}
}

// What is killed while it waits leaves no request behind, whoever dies.
func TestVMApprovalOfTheDead(t *testing.T) {
	held(t)
	p, err := actor.Start("here", commandPath, "run", "--agent", "asker", "--")
	if err != nil {
		t.Fatal(err)
	}
	c := confined{p, t, "asker"}
	c.allowed(actor.Request{Op: "ping"})
	c.try(create("/hold/never"))
	theHost.pending(t, "asker", 1)
	if err := unix.Kill(c.PID(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	settledHolds(t)
	if err := c.Stop(); err == nil {
		t.Error("it was killed, and ended in good order")
	}
	absent(t, "/hold/never")
}

// Signals that continue or stop a process allow nothing, and keep nothing from going on.
func TestVMApprovalUnderSignals(t *testing.T) {
	held(t)
	for _, allow := range []bool{false, true} {
		c := theHost.launch(t, "asker")
		path := fmt.Sprintf("/hold/storm-%t", allow)
		tr := c.try(create(path))
		id := theHost.pending(t, "asker", 1)[0].ID
		for i := range 400 {
			sig := unix.SIGCONT
			if i%5 == 4 {
				sig = unix.SIGSTOP
			}
			if err := unix.Kill(c.PID(), sig); err != nil {
				t.Fatal(err)
			}
			if i%50 == 0 {
				time.Sleep(5 * time.Millisecond)
			}
		}
		if tr.over() {
			t.Fatal("a signal has ended the wait")
		}
		absent(t, path)
		answer := api.AnswerDeny
		if allow {
			answer = api.AnswerApprove
		}
		if now := theHost.pending(t, "asker", 1)[0]; now.ID != id {
			t.Errorf("request %s has become %s", id, now.ID)
		}
		theHost.respond(t, api.AnswerRequest{Answer: answer, IDs: []string{id}})
		if a := tr.answer(); allow != (a.Errno == 0) || !allow && !a.Denied() {
			t.Errorf("allow %t: %+v", allow, a)
		}
	}
	settledHolds(t)
}

// kill is crash when everything so far is on disk: of the daemon that comes next no event is missing.
func (h *host) kill(t *testing.T) {
	t.Helper()
	if _, err := h.settle(); err != nil {
		t.Fatal(err)
	}
	h.crash(t)
}

// A daemon that dies leaves what waits to the next one; one that stops has it denied.
func TestVMApprovalOverDaemons(t *testing.T) {
	held(t)
	c := theHost.launch(t, "asker")
	tr := c.try(create("/hold/crash"))
	before := theHost.pending(t, "asker", 1)[0]
	theHost.kill(t)
	time.Sleep(time.Second)
	if tr.over() {
		t.Fatalf("it went on with no daemon there: %+v", tr.answer())
	}
	theHost.restart(t)
	after := theHost.pending(t, "asker", 1)[0]
	if after.ID == before.ID || after.Subject != before.Subject {
		t.Errorf("%+v\nbefore: %+v", after, before)
	}
	theHost.respond(t, api.AnswerRequest{Answer: api.AnswerApprove, IDs: []string{after.ID}})
	if a := tr.answer(); a.Errno != 0 {
		t.Errorf("approved after a restart: %v", a.Err())
	}

	// What a daemon that was killed leaves can also be denied without the next one.
	tr = c.try(create("/hold/release"))
	theHost.pending(t, "asker", 1)
	theHost.kill(t)
	if out, err := exec.Command(daemonPath, "release").CombinedOutput(); err != nil {
		t.Errorf("caissond release: %v, %s", err, out)
	}
	if a := tr.answer(); !a.Denied() {
		t.Errorf("released: %+v", a)
	}
	c.denied(create("/hold/release"))
	absent(t, "/hold/release")
	if n := left(t); n != 0 {
		t.Errorf("%d questions are left", n)
	}
	theHost.restart(t)

	tr = c.try(create("/hold/stop"))
	theHost.pending(t, "asker", 1)
	if err := theHost.stop(); err != nil {
		t.Fatal(err)
	}
	theHost.daemon = nil
	defer theHost.restart(t)
	if a := tr.answer(); !a.Denied() {
		t.Errorf("when the daemon has stopped: %+v", a)
	}
	c.denied(create("/hold/stop")) // at once: nobody is there
	absent(t, "/hold/stop")
	if n := left(t); n != 0 {
		t.Errorf("%d questions are left", n)
	}
}

// Calls of one run about the same are one request; an approval for the run answers those that follow, and nobody else's.
func TestVMApprovalGrants(t *testing.T) {
	held(t)
	theHost.policy(t, "other", strings.Replace(askerPolicy, "agent: asker", "agent: other", 1))
	c := theHost.launch(t, "asker")

	const crowd = 1000
	tr := c.try(actor.Request{Op: "forks", Path: "/hold/file", To: "/data/research/dataset.csv", Flag: crowd, Data: "all"})
	eventually(t, "one request of all children", func() bool {
		list := theHost.requests(t, "asker")
		return len(list) == 1 && list[0].Waiting == crowd && list[0].Count == crowd
	})
	a := theHost.respond(t, api.AnswerRequest{Answer: api.AnswerApprove, Agent: "asker", Run: true})
	if len(a) != 1 || a[0].Calls != crowd || a[0].Grant == "" {
		t.Errorf("%+v", a)
	}
	if got := tr.answer(); got.Status != crowd {
		t.Errorf("%d of %d children did what was approved", got.Status, crowd)
	}

	// By the grant, with nobody asked; but not for another run, another agent, or another operation.
	c.allowed(actor.Request{Op: "read", Path: "/hold/file"})
	for _, other := range []struct {
		confined
		actor.Request
	}{
		{theHost.launch(t, "asker"), actor.Request{Op: "read", Path: "/hold/file"}},
		{theHost.launch(t, "other"), actor.Request{Op: "read", Path: "/hold/file"}},
		{c, actor.Request{Op: "truncate", Path: "/hold/file", Flag: 1}},
	} {
		tr := other.try(other.Request)
		theHost.respond(t, api.AnswerRequest{Answer: api.AnswerDeny, IDs: []string{theHost.pending(t, other.agent, 1)[0].ID}})
		if a := tr.answer(); !a.Denied() {
			t.Errorf("%s: %s: %+v", other.agent, other.Op, a)
		}
	}

	// A grant is listed, revoked, and ends with the policy.
	caisson := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(commandPath, args...).CombinedOutput()
		if err != nil {
			t.Errorf("caisson %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := caisson("grants"); !strings.Contains(out, a[0].Grant) || !strings.Contains(out, "/hold/file") {
		t.Errorf("grants: %s", out)
	}
	caisson("grants", "revoke", a[0].Grant)
	tr = c.try(actor.Request{Op: "read", Path: "/hold/file"})
	id := theHost.pending(t, "asker", 1)[0].ID
	caisson("approve", id, "--for", "10m", "--reason", "release 1.4")
	if a := tr.answer(); a.Errno != 0 {
		t.Errorf("approved for ten minutes: %+v", a)
	}
	again := theHost.launch(t, "asker")
	again.allowed(actor.Request{Op: "read", Path: "/hold/file"})
	tr = again.try(actor.Request{Op: "mkdir", Path: "/hold/one"})
	caisson("approve", theHost.pending(t, "asker", 1)[0].ID, "--run", "--pattern")
	if a := tr.answer(); a.Errno != 0 {
		t.Errorf("approved for whatever the rule matches: %+v", a)
	}
	again.allowed(actor.Request{Op: "rmdir", Path: "/hold/dir"}) // something else that the same rule is about
	theHost.policy(t, "asker", askerPolicy+"description: another\n")
	tr = again.try(actor.Request{Op: "read", Path: "/hold/file"})
	theHost.pending(t, "asker", 1)
	if out := caisson("deny", "--all", "--agent", "asker"); !strings.Contains(out, "asker") && !strings.Contains(out, "denied") {
		t.Errorf("deny --all: %s", out)
	}
	if a := tr.answer(); !a.Denied() {
		t.Errorf("by a grant of an earlier policy: %+v", a)
	}
	settledHolds(t)
}

// A rule can say who answers, and that one is not enough.
func TestVMApprovalByUsers(t *testing.T) {
	const ops, file = 2000, "/etc/group"
	groups, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("root:x:0:\nops:x:2000:\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(file, groups, 0o644); err != nil {
			t.Error(err)
		}
	})
	held(t)
	theHost.policy(t, "asker", strings.Replace(askerPolicy, "message: May it change this?", "approvers: [ops]\n    quorum: 2", 1))
	c := theHost.launch(t, "asker")
	tr := c.try(create("/hold/both"))
	id := ""
	as := func(uid uint32, gids []uint32, args ...string) (string, error) {
		cmd := exec.Command(commandPath, args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, Groups: gids}}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	eventually(t, "the request in the eyes of the group", func() bool {
		out, err := as(1000, []uint32{ops}, "approvals", "--json")
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var list api.Approvals
		if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Requests) == 0 {
			return false
		}
		id = list.Requests[0].ID
		return true
	})
	for _, step := range []struct {
		uid   uint32
		gids  []uint32
		fails bool
		want  string
	}{
		{0, nil, true, "wants a member of ops"},
		{1002, nil, true, "wants a member of ops"},
		{1000, []uint32{ops}, false, "1"},
		{1000, []uint32{ops}, true, "already"},
	} {
		out, err := as(step.uid, step.gids, "approve", id)
		if (err != nil) != step.fails || !strings.Contains(out, step.want) || tr.over() {
			t.Fatalf("user %d of %v: %v, %s", step.uid, step.gids, err, out)
		}
	}
	absent(t, "/hold/both")
	if out, err := as(1001, []uint32{ops}, "approve", id); err != nil {
		t.Errorf("the second of two: %v, %s", err, out)
	}
	if a := tr.answer(); a.Errno != 0 {
		t.Errorf("approved by two: %+v", a)
	}
	theHost.logged(t, audit.Filter{Agent: "asker"}, "a refused answer", func(r audit.Record) bool {
		return r.Kind == audit.KindApproval && r.Op == "refused" && r.Actor != nil && r.Actor.UID == 1002
	})
	theHost.logged(t, audit.Filter{Agent: "asker"}, "the approval", func(r audit.Record) bool {
		return r.Kind == audit.KindApproval && r.Op == "approve" && r.Ask == id && r.Actor != nil && r.Actor.UID == 1001
	})
}

// Each of many threads gets the answer to its own question.
func TestVMApprovalThreads(t *testing.T) {
	const threads, each = 16, 6
	held(t)
	if err := os.Mkdir("/hold/many", 0o755); err != nil {
		t.Fatal(err)
	}
	c := theHost.launch(t, "asker")
	tr := c.try(actor.Request{Op: "deploys", Path: "/hold/many", Flag: threads, Data: fmt.Sprint(each)})
	random := rand.New(rand.NewPCG(1, 2))
	approved := map[string]bool{}
	eventually(t, "the end of all threads", func() bool {
		for _, a := range theHost.requests(t, "asker") {
			name := strings.TrimPrefix(a.Subject, "/hold/many/")
			if _, known := approved[name]; known {
				t.Errorf("%s is asked twice", name)
			}
			approved[name] = random.IntN(2) == 0
			answer := api.AnswerDeny
			if approved[name] {
				answer = api.AnswerApprove
			}
			theHost.respond(t, api.AnswerRequest{Answer: answer, IDs: []string{a.ID}})
		}
		return tr.over()
	})
	refused := strings.Fields(tr.answer().Out)
	if len(approved) != threads*each {
		t.Errorf("%d questions", len(approved))
	}
	for name, allow := range approved {
		_, err := os.Lstat("/hold/many/" + name)
		if made := err == nil; made != allow || slices.Contains(refused, name) == allow {
			t.Errorf("%s: approved %t, made %t", name, allow, made)
		}
	}
	settledHolds(t)
}

// No process of an agent can answer, list or revoke anything, by any way that there is.
func TestVMAgentCannotApprove(t *testing.T) {
	held(t)
	c := theHost.launch(t, "asker")
	other := theHost.launch(t, "coding-agent")
	tr := c.try(create("/hold/self"))
	id := theHost.pending(t, "asker", 1)[0].ID
	for _, tc := range []struct{ method, path, body string }{
		{"GET", api.PathApprovals, ""},
		{"POST", api.PathAnswers, `{"answer":"approve","ids":["` + id + `"]}`},
		{"POST", api.PathAnswers, `{"answer":"approve","agent":"asker"}`},
		{"GET", api.PathGrants, ""},
		{"POST", api.PathRevoke, `{"id":"x"}`},
	} {
		raw := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: caisson\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", tc.method, tc.path, len(tc.body), tc.body)
		if a := other.do(actor.Request{Op: "talk", Addr: api.DefaultSocket, Data: raw}); a.Errno != 0 || !strings.Contains(a.Out, " 403 ") {
			t.Errorf("%s %s: %v\n%s", tc.method, tc.path, a.Err(), a.Out)
		}
	}
	if tr.over() || len(theHost.requests(t, "asker")) != 1 {
		t.Error("the request has been answered")
	}
	theHost.respond(t, api.AnswerRequest{Answer: api.AnswerDeny, IDs: []string{id}, Text: "not this one"})
	if a := tr.answer(); !a.Denied() {
		t.Errorf("%+v", a)
	}

	// But it can ask why.
	raw := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: caisson\r\nConnection: close\r\n\r\n", api.PathDenials)
	var denials api.Denials
	eventually(t, "the denial in what the run is told", func() bool {
		a := c.do(actor.Request{Op: "talk", Addr: api.DefaultSocket, Data: raw})
		_, body, _ := strings.Cut(a.Out, "\r\n\r\n")
		if err := json.Unmarshal([]byte(body), &denials); err != nil {
			t.Fatalf("%v: %s", err, a.Out)
		}
		return len(denials.Denials) > 0
	})
	if d := denials.Denials[0]; d.Reason != "denied" || d.Subject != "/hold/self" || d.Message != "not this one" || d.Retry != api.RetryLater || d.RetryAfter == nil || d.Rule != "ask-write" {
		t.Errorf("%+v", d)
	}
}
