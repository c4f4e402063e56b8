// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"caisson/audit"
	"caisson/daemon/api"
	"caisson/daemon/watch"
)

// watching is a daemon that sees changes of files soon.
func watching(t *testing.T, h *host) *running {
	t.Helper()
	opt := h.options()
	opt.Watch = watch.Times{Quiet: 20 * time.Millisecond, Most: time.Second, Retry: time.Second}
	return run(t, opt)
}

// Nobody has to ask for a reload.
func TestFilesAreWatched(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/old"))
	h.write(t, "b.yaml", reads("b", "/b"))
	d := watching(t, h)
	other := find(t, d.status(), "b").Generation
	if !d.status().Watching {
		t.Error("not watched")
	}

	steps := []struct {
		name    string
		change  func()
		done    func(api.Agent) bool
		old     bool   // a may read /old
		new     bool   // a may read /new
		problem string // part of a's problem
	}{
		{"written", func() { h.write(t, "a.yaml", reads("a", "/new")) },
			func(a api.Agent) bool { return allows(t, h, "a", "/new/f") }, false, true, ""},
		{"does not load", func() { h.write(t, "a.yaml", "agent: a\nrulez: []\n") },
			func(a api.Agent) bool { return a.Problem != "" }, false, true, "rulez"},
		{"mended", func() { h.write(t, "a.yaml", reads("a", "/new")) },
			func(a api.Agent) bool { return a.Problem == "" }, false, true, ""},
		{"saved by an editor", func() {
			tmp := filepath.Join(h.dir, "policies", ".a.yaml.swp")
			if err := errors.Join(os.WriteFile(tmp, []byte(reads("a", "/old")), 0o644), os.Rename(tmp, filepath.Join(h.dir, "policies", "a.yaml"))); err != nil {
				t.Fatal(err)
			}
		}, func(a api.Agent) bool { return allows(t, h, "a", "/old/f") }, true, false, ""},
		{"removed", func() { h.remove(t, "a.yaml") },
			func(a api.Agent) bool { return a.State == api.StateDenied }, false, false, ""},
		{"there again", func() { h.write(t, "a.yaml", reads("a", "/old")) },
			func(a api.Agent) bool { return a.State == api.StateEnforced }, true, false, ""},
	}
	for _, step := range steps {
		before := find(t, d.status(), "a").Generation
		step.change()
		until(t, func() bool { return step.done(find(t, d.status(), "a")) })
		if allows(t, h, "a", "/old/f") != step.old || allows(t, h, "a", "/new/f") != step.new {
			t.Errorf("%s: what may be read is not what the file says", step.name)
		}
		a := find(t, d.status(), "a")
		if !strings.Contains(a.Problem, step.problem) || a.Generation < before && a.State != api.StateDenied {
			t.Errorf("%s: %+v", step.name, a)
		}
	}
	if b := find(t, d.status(), "b"); b.Generation != other {
		t.Error("another agent was touched")
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	loads := h.records(t, audit.KindPolicyLoad)
	if last := loads[len(loads)-1]; !strings.HasSuffix(last.Text, "files have changed") || last.Gen == 0 {
		t.Errorf("record %+v does not say why", last)
	}
	if refused := h.records(t, audit.KindPolicyRefused); len(refused) != 1 || refused[0].Agent != "a" || refused[0].Gen == 0 ||
		!strings.Contains(refused[0].Text, "rulez") || !strings.Contains(refused[0].Text, "stays in force") {
		t.Errorf("records of the file that did not load: %+v", refused)
	}
}

// The directory may go and come, and an included file may stand elsewhere.
func TestDirectoryIsWatched(t *testing.T) {
	h := newHost(t)
	shared := filepath.Join(h.dir, "shared.yaml")
	rules := "rules:\n  - { name: shared, action: file_read, effect: ALLOW, conditions: { path: { starts_with: "
	if err := os.WriteFile(shared, []byte(rules+"/one } } }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h.write(t, "a.yaml", "agent: a\nrules:\n  - include: ../shared.yaml\n")
	watching(t, h)
	if !allows(t, h, "a", "/one/f") {
		t.Fatal("the included rule is not in force")
	}

	if err := os.WriteFile(shared, []byte(rules+"/two } } }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return allows(t, h, "a", "/two/f") && !allows(t, h, "a", "/one/f") })

	dir := filepath.Join(h.dir, "policies")
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { _, ok := h.kernel.image(t, "a"); return !ok })
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return allows(t, h, "a", "/two/f") })
}

// What is wrong is said once and not at every look.
func TestComplaintsAreSaidOnce(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/old"))
	d := h.up(t)
	h.write(t, "a.yaml", "agent: a\nrulez: []\n")
	h.write(t, "stray.yaml", "agent: [\n")
	for range 3 {
		reloaded(t, d, "")
	}
	h.write(t, "a.yaml", "agent: a\nrules: 7\n")
	reloaded(t, d, "")
	if err := d.ledger.Flush(); err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	for _, r := range h.records(t, audit.KindPolicyRefused) {
		said[r.Agent]++
	}
	if said["a"] != 2 || said[""] != 1 {
		t.Errorf("records %v, want two of a, which was broken in two ways, and one of nobody", said)
	}
}

// While the log cannot be written, a change of a file does not bring anything back.
func TestWatchDoesNotMendTheLog(t *testing.T) {
	h := newHost(t)
	h.write(t, "a.yaml", reads("a", "/old"))
	var bad atomic.Bool
	opt := h.options()
	opt.Disk = func(d audit.Dir) audit.Dir { return disk{d, &bad} }
	d := run(t, opt)
	bad.Store(true)
	if _, err := d.client.Reload(context.Background(), "nobody"); err == nil {
		t.Error("reloaded a policy that is not there")
	}
	until(t, func() bool { return !allows(t, h, "a", "/old/f") })
	bad.Store(false)
	d.filesChanged()
	if allows(t, h, "a", "/old/f") {
		t.Error("in force without a log")
	}
	if _, err := d.client.Reload(context.Background(), ""); err != nil || !allows(t, h, "a", "/old/f") {
		t.Errorf("not in force again after a reload: %v", err)
	}
}
