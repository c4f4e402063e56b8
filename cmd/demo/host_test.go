// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"caisson/daemon/doctor"
	"caisson/daemon/preflight"
)

// healthy is what doctor says of a host that enforces and has no caisson.
func healthy() []doctor.Check {
	var checks []doctor.Check
	for _, name := range hostChecks {
		checks = append(checks, doctor.Check{Name: name, OK: true, Known: true})
	}
	return append(checks, doctor.Check{Name: doctor.Daemon, Known: true, Detail: "not running"})
}

func TestEnforces(t *testing.T) {
	last := len(hostChecks) - 1
	tests := []struct {
		name         string
		spoil        func([]doctor.Check) []doctor.Check
		probe        error
		reason, hint string // reason "": it enforces
	}{
		{"healthy", func(c []doctor.Check) []doctor.Check { return c }, nil, "", ""},
		{"bpf not active", func(c []doctor.Check) []doctor.Check {
			c[2] = doctor.Check{Name: preflight.LSM, Known: true, Detail: "not in the list", Remedy: "add lsm=bpf"}
			return c
		}, nil, "bpf-lsm: not in the list", "add lsm=bpf; make demo"},
		{"probe not obeyed", func(c []doctor.Check) []doctor.Check {
			c[last] = doctor.Check{Name: doctor.Enforcement, Known: true, Detail: "not obeyed"}
			return c
		}, errors.New("not asked"), "enforcement: not obeyed", "make demo"},
		{"doctor did not probe", func(c []doctor.Check) []doctor.Check {
			c[last] = doctor.Check{Name: doctor.Enforcement, Detail: "not checked"}
			return c
		}, errors.New("loading: operation not permitted"), "enforcement: loading: operation not permitted", "make demo"},
		{"not checked is not proven", func(c []doctor.Check) []doctor.Check {
			c[last] = doctor.Check{Name: doctor.Enforcement, Detail: "not checked"}
			return c
		}, nil, "enforcement: not checked", "make demo"},
		{"no checks at all", func([]doctor.Check) []doctor.Check { return nil }, nil, "root: not checked", "make demo"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			err := enforces(tc.spoil(healthy()), func() error { return tc.probe })
			if tc.reason == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var r *refusal
			if !errors.As(err, &r) || !strings.Contains(r.reason, tc.reason) || !strings.Contains(r.remedy, tc.hint) {
				t.Errorf("error is %#v, want %q and %q", err, tc.reason, tc.hint)
			}
		})
	}
}

func TestUnused(t *testing.T) {
	w := &world{cgroup: t.TempDir()}
	if err := os.Mkdir(filepath.Join(w.cgroup, "caisson.slice"), 0o755); err != nil {
		t.Fatal(err)
	}
	var r *refusal
	if err := w.unused(); !errors.As(err, &r) || !strings.Contains(r.reason, "caisson.slice exists already") {
		t.Errorf("error is %v, want a refusal: somebody else's cgroups are there", err)
	}
}

func TestRemoveProject(t *testing.T) {
	tests := []struct{ name, before, during, after string }{
		{"all made by the demo", "", "data/research/x", ""},
		{"parent was there", "data/", "data/research/x", "data"},
		{"somebody else is in the parent", "", "data/research/x data/other/", "data data/other"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, tc.before)
			remove := removeProject([]string{dir + "/data/research"})
			plant(t, dir, tc.during)
			if err := remove(); (err != nil) != strings.Contains(tc.during, "other") {
				t.Errorf("removing: %v", err)
			}
			if got := strings.Join(planted(t, dir), " "); got != tc.after {
				t.Errorf("left %q, want %q", got, tc.after)
			}
		})
	}
}

// plant makes files, and directories whose names end with a slash.
func plant(t *testing.T, dir, names string) {
	t.Helper()
	for _, name := range strings.Fields(names) {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		make := func() error { return os.WriteFile(full, nil, 0o644) }
		if strings.HasSuffix(name, "/") {
			make = func() error { return os.MkdirAll(full, 0o755) }
		}
		if err := make(); err != nil {
			t.Fatal(err)
		}
	}
}

func planted(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		if name != dir {
			names = append(names, strings.TrimPrefix(name, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
