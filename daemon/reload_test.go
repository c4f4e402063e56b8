// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/api"
	"caisson/policy"
)

// allows says whether what is in force lets an agent read a file of the root file system.
func allows(t *testing.T, h *host, agent, path string) bool {
	t.Helper()
	r, ok := h.kernel.image(t, agent)
	if !ok {
		return false
	}
	s, err := policy.PathSubject(policy.FileRead, path)
	if err != nil {
		t.Fatal(err)
	}
	return r.Run(s).Effect == policy.Allow
}

func TestReload(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*testing.T, *host)
		only    string
		old     bool   // a may still read /old
		new     bool   // a may read /new
		changed bool   // a got another image
		problem string // part of a's error
	}{
		{"nothing changed", func(*testing.T, *host) {}, "", true, false, false, ""},
		{"other rules", func(t *testing.T, h *host) { h.write(t, "a.yaml", reads("a", "/new")) }, "", false, true, true, ""},
		{"only a", func(t *testing.T, h *host) { h.write(t, "a.yaml", reads("a", "/new")) }, "a", false, true, true, ""},
		{"only b", func(t *testing.T, h *host) { h.write(t, "a.yaml", reads("a", "/new")) }, "b", true, false, false, ""},
		{"only a comment changed", func(t *testing.T, h *host) { h.write(t, "a.yaml", "# x\n"+reads("a", "/old")) }, "", true, false, true, ""},
		{"does not load", func(t *testing.T, h *host) { h.write(t, "a.yaml", "agent: a\nrulez: []\n") }, "", true, false, false, "rulez"},
		{"empty file", func(t *testing.T, h *host) { h.write(t, "a.yaml", "") }, "", true, false, false, "a.yaml"},
		{"two files for it", func(t *testing.T, h *host) { h.write(t, "a2.yaml", reads("a", "/new")) }, "", true, false, false, "two policies"},
		{"removed", func(t *testing.T, h *host) { h.remove(t, "a.yaml") }, "", false, false, true, ""},
		{"moved to another file", func(t *testing.T, h *host) { h.remove(t, "a.yaml"); h.write(t, "z.yaml", reads("a", "/new")) }, "", false, true, true, ""},
		{"file given to another agent", func(t *testing.T, h *host) { h.write(t, "a.yaml", reads("c", "/new")) }, "", false, false, true, ""},
		{"kernel refuses", func(t *testing.T, h *host) {
			h.write(t, "a.yaml", reads("a", "/new"))
			h.kernel.failSet = errors.New("no memory")
		}, "", true, false, false, "no memory"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			h.write(t, "a.yaml", reads("a", "/old"))
			h.write(t, "b.yaml", reads("b", "/b"))
			d := h.up(t)
			before := find(t, d.status(), "a").Generation
			other := find(t, d.status(), "b").Generation

			tc.change(t, h)
			out, err := d.reload(tc.only, "test")
			if err != nil {
				t.Fatal(err)
			}
			if got := allows(t, h, "a", "/old/f"); got != tc.old {
				t.Errorf("reading /old: %v", got)
			}
			if got := allows(t, h, "a", "/new/f"); got != tc.new {
				t.Errorf("reading /new: %v", got)
			}
			a := find(t, d.status(), "a")
			if (a.Generation != before) != tc.changed || !strings.Contains(a.Problem, tc.problem) || tc.problem == "" && a.Problem != "" {
				t.Errorf("generation %d, was %d; problem %q", a.Generation, before, a.Problem)
			}
			if b := find(t, d.status(), "b"); b.Generation != other || !allows(t, h, "b", "/b/f") {
				t.Errorf("b was touched: %+v", b)
			}
			for _, r := range out.Agents {
				if r.Agent == "a" && (r.Changed != tc.changed || !strings.Contains(r.Error, tc.problem)) {
					t.Errorf("answer %+v", r)
				}
			}
		})
	}
}

// Whoever removes a file and asks for a reload is told the same whether or not the daemon has seen it before.
func TestReloadOfWhatIsGone(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/old"))
	d := h.up(t)
	h.remove(t, "a.yaml")
	for i, changed := range []bool{true, false} {
		out, err := d.reload("a", "test")
		if err != nil || !slices.ContainsFunc(out.Agents, func(r api.Reloaded) bool { return r.Agent == "a" && r.Removed && r.Changed == changed }) {
			t.Errorf("time %d: %+v, %v", i, out, err)
		}
	}
}

func TestReloadOfNobody(t *testing.T) {
	d := newHost(t).up(t)
	var e *api.Error
	if _, err := d.reload("nobody", "test"); err == nil || errors.As(err, &e) && e.Status != 404 {
		t.Errorf("reload = %v", err)
	}
}

func TestBadFileOfUnknownAgentIsReported(t *testing.T) {
	h := newHost(t)
	h.write(t, "x.yaml", "agent: [\n")
	d := h.up(t)
	out, err := d.reload("", "test")
	if err != nil || len(out.Agents) != 1 || out.Agents[0].Agent != "" || !strings.Contains(out.Agents[0].Error, "x.yaml") {
		t.Errorf("reload = %+v, %v", out, err)
	}
	if s := d.status(); len(s.Problems) == 0 || !strings.Contains(s.Problems[0], "x.yaml") {
		t.Errorf("problems %q", s.Problems)
	}
}

func TestRecords(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/old"))
	d := h.up(t)
	h.remove(t, "a.yaml")
	if _, err := d.reload("", "test"); err != nil {
		t.Fatal(err)
	}
	if err := d.ledger.Flush(); err != nil {
		t.Fatal(err)
	}

	load, gone := h.records(t, audit.KindPolicyLoad), h.records(t, audit.KindPolicyRemove)
	if len(load) != 1 || load[0].Agent != "a" || len(load[0].Pol) != 8 || load[0].Gen == 0 {
		t.Errorf("policy.load %+v", load)
	}
	if len(gone) != 1 || gone[0].Agent != "a" || gone[0].Gen != load[0].Gen {
		t.Errorf("policy.remove %+v", gone)
	}
}

func TestRemount(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/data/research"))
	h.write(t, "b.yaml", reads("b", "/b"))
	d := h.up(t)
	before := d.status()

	set := func(entries string) {
		h.mu.Lock()
		h.entries += entries
		h.mu.Unlock()
		d.remount()
	}
	set("2 1 8:2 / /data rw - ext4 /dev/sdb rw\n")
	after := find(t, d.status(), "a")
	if after.Generation != find(t, before, "a").Generation {
		t.Error("a new mount that changes no location made a new image")
	}
	if n := h.kernel.mounts[after.Generation][8<<20|2]; n.Node[layout.RootRead] == 0 {
		t.Errorf("the new file system has no place: %+v", n)
	}

	set("3 2 8:3 /r /data/research rw - ext4 /dev/sdc rw\n4 1 8:3 / /c rw - ext4 /dev/sdc rw\n")
	if got := find(t, d.status(), "a"); got.Generation == after.Generation {
		t.Error("a bind mount over the rule's directory changed nothing")
	}
	if !allows(t, h, "a", "/c/r/f") || allows(t, h, "a", "/data/research/f") {
		t.Error("the rule does not mean the files that are mounted there now")
	}
	if got := find(t, d.status(), "b"); got.Generation != find(t, before, "b").Generation {
		t.Error("another agent was touched")
	}

	set("broken\n")
	if s := d.status(); len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "still taken for mounted") {
		t.Errorf("problems %q", s.Problems)
	}
}
