//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/daemon"
	"caisson/daemon/api"
	"caisson/daemon/vmtest/actor"
)

// agentStatus is what the daemon says of an agent.
func agentStatus(t *testing.T, agent string) api.Agent {
	t.Helper()
	st, err := theHost.status()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(st.Agents, func(a api.Agent) bool { return a.Agent == agent })
	if i < 0 {
		return api.Agent{}
	}
	return st.Agents[i]
}

// save puts a policy file in place as editors do, and says nothing to the daemon. It is removed when the test ends.
func save(t *testing.T, agent, text string) {
	t.Helper()
	file := filepath.Join(daemon.DefaultPolicies, agent+".yaml")
	if err := errors.Join(os.WriteFile(file+"~", []byte(text), 0o644), os.Rename(file+"~", file)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
		eventually(t, "the end of "+agent, func() bool { return agentStatus(t, agent).State != api.StateEnforced })
	})
}

func mayRead(agent, dir string) string {
	return "agent: " + agent + "\nrules:\n  - { name: r, action: file_read, conditions: { path: { starts_with: " + dir + " } }, effect: ALLOW }\n"
}

// A policy file that changes takes effect without a word to the daemon, a broken one does not, and one that is removed takes
// every right with it. The generation of it all is in the status, the events and the log.
func TestVMFilesAreWatched(t *testing.T) {
	const agent = "watched"
	opens := func(c confined, path string, want bool) {
		t.Helper()
		if want {
			c.allowed(actor.Request{Op: "open", Path: path})
			return
		}
		c.denied(actor.Request{Op: "open", Path: path})
	}
	save(t, agent, mayRead(agent, "/project"))
	eventually(t, "the new agent", func() bool { return agentStatus(t, agent).State == api.StateEnforced })
	first := agentStatus(t, agent).Generation
	others := generations(t)
	c := theHost.launch(t, agent)
	opens(c, "/project/README.md", true)
	opens(c, "/data/research/dataset.csv", false)

	save(t, agent, mayRead(agent, "/data"))
	eventually(t, "the changed policy", func() bool { return agentStatus(t, agent).Generation > first })
	second := agentStatus(t, agent).Generation
	opens(c, "/project/README.md", false)
	opens(c, "/data/research/dataset.csv", true)

	save(t, agent, "agent: watched\nrulez: []\n")
	eventually(t, "the complaint", func() bool { return agentStatus(t, agent).Problem != "" })
	if a := agentStatus(t, agent); a.Generation != second || a.State != api.StateEnforced {
		t.Errorf("after a broken file: %+v", a)
	}
	opens(c, "/data/research/dataset.csv", true)

	file := filepath.Join(daemon.DefaultPolicies, agent+".yaml")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end", func() bool { return agentStatus(t, agent).State == api.StateDenied })
	opens(c, "/data/research/dataset.csv", false)
	opens(c, "/dev/null", false)
	for name, generation := range generations(t) {
		if name != agent && others[name] != generation {
			t.Errorf("agent %s was touched", name)
		}
	}

	theHost.logged(t, audit.Filter{Agent: agent}, "an event of the first generation", func(r audit.Record) bool {
		return r.Path == "/project/README.md" && r.Verdict == audit.VerdictAllow && r.Gen == uint64(first)
	})
	theHost.logged(t, audit.Filter{Agent: agent}, "an event of the second generation", func(r audit.Record) bool {
		return r.Path == "/project/README.md" && r.Verdict == audit.VerdictDeny && r.Gen == uint64(second)
	})
	theHost.logged(t, audit.Filter{Agent: agent, Kind: audit.KindPolicyLoad}, "the change", func(r audit.Record) bool {
		return r.Gen == uint64(second) && strings.HasSuffix(r.Text, "files have changed")
	})
	theHost.logged(t, audit.Filter{Agent: agent, Kind: audit.KindPolicyRefused}, "the broken file", func(r audit.Record) bool {
		return r.Gen == uint64(second) && strings.Contains(r.Text, "rulez")
	})
	theHost.logged(t, audit.Filter{Agent: agent, Kind: audit.KindPolicyRemove}, "the removal", func(r audit.Record) bool {
		return r.Gen == uint64(second)
	})
}
