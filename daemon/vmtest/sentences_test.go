//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

// The seed's five sentences, with its own policies (testdata/policies).

func TestVMCodingAgentCannotDeploy(t *testing.T) {
	c := theHost.launch(t, "coding-agent")
	c.allowed(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "test"}})
	c.allowed(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "test", "--watch"}})
	c.denied(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "run", "deploy"}})
	c.denied(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "testify"}})
	c.denied(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm"}})

	// Nor by the deployment agent's ways.
	l := listen(t, "127.0.0.7:443")
	c.denied(actor.Request{Op: "connect", Addr: l})

	theHost.logged(t, audit.Filter{Agent: "coding-agent", Effect: "DENY", Action: "shell_exec"}, "the denied deploy", func(r audit.Record) bool {
		return r.Path == "/usr/bin/npm" && r.Argc == 3 && r.Enforced == "deny" && r.Where == "kernel"
	})
	theHost.logged(t, audit.Filter{Agent: "coding-agent", Rule: "allow-test-execution"}, "the allowed test", func(r audit.Record) bool {
		return r.Path == "/usr/bin/npm" && r.Enforced == "allow"
	})
}

func TestVMResearchAgentCannotWrite(t *testing.T) {
	c := theHost.launch(t, "research-agent")
	if a := c.allowed(actor.Request{Op: "read", Path: "/data/research/dataset.csv"}); a.Out != "hello\n" {
		t.Errorf("read %q", a.Out)
	}
	for _, r := range []actor.Request{
		{Op: "write", Path: "/data/research/dataset.csv", Data: "gone"},
		{Op: "write", Path: "/data/research/new", Data: "new"},
		{Op: "unlink", Path: "/data/research/dataset.csv"},
		{Op: "rename", Path: "/data/research/dataset.csv", To: "/data/research/b"},
		{Op: "mkdir", Path: "/data/research/dir"},
		{Op: "truncate", Path: "/data/research/dataset.csv"},
		{Op: "chmod", Path: "/data/research/dataset.csv"},
		{Op: "write", Path: "/tmp/anything", Data: "x"},
		{Op: "write", Path: "/project/src/main.go", Data: "x"},
		{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "run", "deploy"}},
	} {
		c.denied(r)
	}
	unchanged(t, "/data/research/dataset.csv")
	unchanged(t, "/project/src/main.go")
	absent(t, "/data/research/new")
	absent(t, "/data/research/dir")
	absent(t, "/tmp/anything")
}

func TestVMDeployAgentCannotReadResearch(t *testing.T) {
	c := theHost.launch(t, "deploy-agent")
	for _, path := range []string{"/data/research/dataset.csv", "/data/research", "/proc/self/root/data/research/dataset.csv", "/data/../data/research/dataset.csv"} {
		c.denied(actor.Request{Op: "open", Path: path})
	}

	// Deploying needs a human, who says no, and then yes.
	c.unapproved(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "run", "deploy"}})
	tr := c.try(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "run", "deploy", "again"}})
	if _, a := theHost.operate(t, "deploy-agent", tr, api.AnswerRequest{Answer: api.AnswerApprove}); a.Errno != 0 || a.Status != 0 {
		t.Errorf("approved: %+v", a)
	}
	for _, enforced := range []string{"deny", "allow"} {
		theHost.logged(t, audit.Filter{Agent: "deploy-agent", Effect: "REQUIRE_APPROVAL"}, "the deploy that needs approval: "+enforced, func(r audit.Record) bool {
			return r.Rule == "allow-deploy-command" && r.Enforced == enforced && strings.HasSuffix(r.Reason, "by root")
		})
	}
}

func TestVMReloadLeavesOthersAlone(t *testing.T) {
	before := generations(t)
	c := theHost.launch(t, "coding-agent")
	deploy := theHost.launch(t, "deploy-agent")

	theHost.policy(t, "deploy-agent", `agent: deploy-agent
rules:
  - name: read-readme
    action: file_read
    conditions: { path: { equals: /project/README.md } }
    effect: ALLOW
`)
	deploy.allowed(actor.Request{Op: "open", Path: "/project/README.md"}) // at once, in the running process
	deploy.denied(actor.Request{Op: "open", Path: "/project/src/main.go"})

	after := generations(t)
	for agent, generation := range before {
		if changed := after[agent] != generation; changed != (agent == "deploy-agent") {
			t.Errorf("%s: generation %d became %d", agent, generation, after[agent])
		}
	}
	c.allowed(actor.Request{Op: "open", Path: "/project/src/main.go"})
	c.denied(actor.Request{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "run", "deploy"}})
}

func TestVMUnknownAgentDenied(t *testing.T) {
	c := theHost.join(t, "ghost")
	for _, r := range []actor.Request{
		{Op: "open", Path: "/project/README.md"},
		{Op: "open", Path: "/usr/bin/npm"},
		{Op: "open", Path: "/dev/null"},
		{Op: "open", Path: "/tmp/x", Flag: unix.O_CREAT | unix.O_WRONLY},
		{Op: "mkdir", Path: "/tmp/d"},
		{Op: "unlink", Path: "/project/README.md"},
		{Op: "exec", Path: "/usr/bin/npm", Args: []string{"npm", "test"}},
		{Op: "connect", Addr: "127.0.0.1:80"},
	} {
		c.denied(r)
	}
	unchanged(t, "/project/README.md")
	theHost.logged(t, audit.Filter{Agent: "ghost", Effect: "DENY"}, "a denial for want of a policy", func(r audit.Record) bool {
		return strings.HasPrefix(r.Reason, "no-policy: ") && r.PID == uint32(c.PID())
	})
}

// listen opens a listener for the duration of the test and returns its address.
func listen(t *testing.T, addr string) string {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func generations(t *testing.T) map[string]uint32 {
	t.Helper()
	st, err := theHost.status()
	if err != nil {
		t.Fatal(err)
	}
	g := map[string]uint32{}
	for _, a := range st.Agents {
		g[a.Agent] = a.Generation
	}
	return g
}
