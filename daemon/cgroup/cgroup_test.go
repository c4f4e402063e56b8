// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// plain makes directories as cgroupfs would, with the files that this package uses.
func plain(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "cgroup.procs"), nil, 0o644),
		os.WriteFile(filepath.Join(dir, "cgroup.events"), []byte("populated 1\nfrozen 0\n"), 0o644))
}

func tree(t *testing.T) *Tree {
	t.Helper()
	tr, err := open(t.TempDir(), plain)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestNames(t *testing.T) {
	tests := []struct{ name, agent, slice string }{
		{"plain", "a", "caisson-a.slice"},
		{"dash would be a level", "coding-agent", `caisson-coding\x2dagent.slice`},
		{"dots and underscores stay", "a.b_c", "caisson-a.b_c.slice"},
		{"dot at the start", ".a", `caisson-\x2ea.slice`},
		{"backslash", `a\b`, `caisson-a\x5cb.slice`},
		{"slash", "a/b", "caisson-a-b.slice"},
		{"bytes", "\xff", `caisson-\xff.slice`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := AgentSlice(tc.agent); got != tc.slice {
				t.Errorf("AgentSlice = %q, want %q", got, tc.slice)
			}
			if got, ok := AgentOf(tc.slice); !ok || got != tc.agent {
				t.Errorf("AgentOf = %q, %v", got, ok)
			}
		})
	}

	for _, bad := range []string{"", "caisson.slice", "caisson-.slice", "caisson-a.scope", "user-a.slice",
		`caisson-a\x2.slice`, `caisson-a\x.slice`, `caisson-a\x2D.slice`, `caisson-\x61.slice`, `caisson-a\.slice`} {
		if agent, ok := AgentOf(bad); ok {
			t.Errorf("AgentOf(%q) = %q: two names for one agent", bad, agent)
		}
	}
}

func TestRunID(t *testing.T) {
	seen := map[string]bool{}
	form := regexp.MustCompile(`^[a-z2-7]{12}$`)
	for range 1000 {
		id := newRun()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("run id %q: bad or twice", id)
		}
		seen[id] = true
		if got, ok := runOf(scopePrefix + id + scopeSuffix); !ok || got != id {
			t.Fatalf("runOf = %q, %v", got, ok)
		}
	}
}

func TestRunLifetime(t *testing.T) {
	tr := tree(t)
	r, err := tr.NewRun("coding-agent")
	if err != nil {
		t.Fatal(err)
	}
	other, err := tr.NewRun("coding-agent")
	if err != nil {
		t.Fatal(err)
	}
	if r.Dir == other.Dir || r.Cg == other.Cg || r.Cg == 0 {
		t.Errorf("two runs are not two cgroups: %+v, %+v", r, other)
	}

	runs, err := tr.Runs()
	if err != nil || len(runs) != 2 {
		t.Fatalf("Runs = %v, %v", runs, err)
	}
	for _, found := range runs {
		if found != r && found != other {
			t.Errorf("found %+v", found)
		}
	}

	if on, err := tr.Populated(r); err != nil || !on {
		t.Errorf("Populated = %v, %v", on, err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "cgroup.events"), []byte("populated 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if on, err := tr.Populated(r); err != nil || on {
		t.Errorf("Populated = %v, %v after its end", on, err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "cgroup.events"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Populated(r); err == nil {
		t.Error("a file without the word was taken for an answer")
	}
}

func TestRemove(t *testing.T) {
	tr := tree(t)
	r, err := tr.NewRun("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Remove(r); err == nil {
		t.Fatal("a directory that is not empty was removed")
	}

	// Cgroupfs removes its files with the directory; here they go first.
	for _, f := range []string{"cgroup.procs", "cgroup.events"} {
		if err := os.Remove(filepath.Join(r.Dir, f)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(r.Dir, "made", "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := tr.Remove(r); err != nil {
		t.Fatal(err)
	}
	if err := tr.Remove(r); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
	if on, err := tr.Populated(r); on || err != nil {
		t.Errorf("Populated of what is gone = %v, %v", on, err)
	}
}

func TestWhere(t *testing.T) {
	tr := &Tree{root: "/cg"}
	tests := []struct {
		name, text, dir string
		ok              bool
	}{
		{"unified", "0::/system.slice/x.service\n", "/cg/system.slice/x.service", true},
		{"hybrid", "3:cpu:/a\n1:name=systemd:/b\n0::/c\n", "/cg/c", true},
		{"root", "0::/\n", "/cg", true},
		{"v1 only", "3:cpu:/a\n", "", false},
		{"empty", "", "", false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			dir, err := tr.parse(tc.text, 1)
			if dir != tc.dir || (err == nil) != tc.ok {
				t.Errorf("parse = %q, %v", dir, err)
			}
		})
	}
}

func TestAttachNeverCreates(t *testing.T) {
	dir := t.TempDir()
	if err := attach(dir, 1); err == nil {
		t.Error("a process was moved into a directory that is no cgroup")
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
		t.Error("cgroup.procs was created")
	}
}

func TestWatcher(t *testing.T) {
	tr := tree(t)
	r, err := tr.NewRun("a")
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Add(r); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	checked, ended := make(chan bool, 16), make(chan error, 1)
	go func() { ended <- w.Loop(ctx, func() { checked <- true }) }()

	if err := os.WriteFile(filepath.Join(r.Dir, "cgroup.events"), []byte("populated 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	select {
	case <-checked:
	case <-time.After(5 * time.Second):
		t.Fatal("a change was not noticed")
	}
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Loop = %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Loop did not end")
	}
}

func TestProcesses(t *testing.T) {
	tr := tree(t)
	r, err := tr.NewRun("a")
	if err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(r.Dir, "below")
	if err := plain(below); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, top, below string
		want             []int
		bad              bool
	}{
		{"none", "", "", nil, false},
		{"both", "12\n7\n", "99\n", []int{99, 12, 7}, false},
		{"one that cannot be seen", "0\n7\n", "", []int{7}, false},
		{"no number", "x\n", "", nil, true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			err := errors.Join(os.WriteFile(filepath.Join(r.Dir, procsFile), []byte(tc.top), 0o644),
				os.WriteFile(filepath.Join(below, procsFile), []byte(tc.below), 0o644))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tr.Processes(r); !slices.Equal(got, tc.want) || (err != nil) != tc.bad {
				t.Errorf("Processes = %v, %v", got, err)
			}
		})
	}
	if err := os.RemoveAll(r.Dir); err != nil {
		t.Fatal(err)
	}
	if got, err := tr.Processes(r); got != nil || err != nil {
		t.Errorf("of a run that has gone: %v, %v", got, err)
	}
}
