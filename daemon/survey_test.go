// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"strings"
	"testing"

	"caisson/policy"
)

// writes is a policy that allows an agent to write below a directory.
func writes(agent, dir string) string {
	return strings.Replace(reads(agent, dir), "file_read", "file_write", 1)
}

// may says whether what is in force lets an agent write a file of the root file system.
func may(t *testing.T, h *host, agent, path string) bool {
	t.Helper()
	r, ok := h.kernel.image(t, agent)
	if !ok {
		return false
	}
	s, err := policy.PathSubject(policy.FileWrite, path)
	if err != nil {
		t.Fatal(err)
	}
	return r.Run(s).Effect == policy.Allow
}

func (h *host) link(path, target string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links[path] = target
}

// A symlink that an agent put in the place of its rule's directory is not followed, whatever makes the daemon compile.
func TestSymlinkOfAnAgentIsNotFollowed(t *testing.T) {
	tests := []struct {
		name  string
		again func(*testing.T, *host, *Daemon) *Daemon
	}{
		{"reload", func(t *testing.T, h *host, d *Daemon) *Daemon { return reloaded(t, d, "") }},
		{"reload of one", func(t *testing.T, h *host, d *Daemon) *Daemon { return reloaded(t, d, "reader") }},
		{"mount", func(t *testing.T, h *host, d *Daemon) *Daemon { d.remount(); return d }},
		{"restart", func(t *testing.T, h *host, d *Daemon) *Daemon {
			if err := d.stop(nil); err != nil {
				t.Fatal(err)
			}
			h.kernel = h.kernel.again()
			return h.up(t)
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			h.write(t, "writer.yaml", writes("writer", "/p/src"))
			h.write(t, "reader.yaml", reads("reader", "/p/src"))
			d := h.up(t)
			h.link("/p/src", "/etc")
			d = tc.again(t, h, d)
			if may(t, h, "writer", "/etc/passwd") || allows(t, h, "reader", "/etc/shadow") {
				t.Error("the rule has followed the agent")
			}
			if !may(t, h, "writer", "/p/src/f") || !allows(t, h, "reader", "/p/src/f") {
				t.Error("the rule has lost its place")
			}
			if n := strings.Join(find(t, d.status(), "reader").Notes, "\n"); tc.name != "reload of one" && !strings.Contains(n, `agent "writer" may change: not followed`) {
				t.Errorf("notes %q", n)
			}
		})
	}
}

func reloaded(t *testing.T, d *Daemon, only string) *Daemon {
	t.Helper()
	if _, err := d.reload(only, "test"); err != nil {
		t.Fatal(err)
	}
	return d
}

// Who may write is a matter between agents: loading one agent's policy has others compiled again.
func TestNewWriterConcernsOthers(t *testing.T) {
	h := newHost(t)
	h.link("/srv/way", "/hoard")
	h.write(t, "reader.yaml", reads("reader", "/srv/way"))
	h.write(t, "other.yaml", reads("other", "/b"))
	d := h.up(t)
	other := find(t, d.status(), "other").Generation
	if !allows(t, h, "reader", "/hoard/x") {
		t.Fatal("the operator's symlink is not followed")
	}

	h.write(t, "writer.yaml", writes("writer", "/srv"))
	reloaded(t, d, "writer")
	if allows(t, h, "reader", "/hoard/x") {
		t.Error("a symlink that an agent may change now is still followed")
	}
	h.remove(t, "writer.yaml")
	reloaded(t, d, "writer")
	if !allows(t, h, "reader", "/hoard/x") {
		t.Error("the symlink is not followed again")
	}
	if got := find(t, d.status(), "other").Generation; got != other {
		t.Error("an agent that the symlink does not concern got another image")
	}

	h.write(t, "writer.yaml", writes("writer", "/srv"))
	reloaded(t, d, "other") // not in force, but on disk
	if allows(t, h, "reader", "/hoard/x") {
		t.Error("a writer on disk does not count")
	}
	reloaded(t, d, "")
	h.write(t, "writer.yaml", "agent: writer\nrulez: []\n")
	reloaded(t, d, "") // in force, although what is on disk does not load
	if allows(t, h, "reader", "/hoard/x") {
		t.Error("a writer in force does not count")
	}
}
