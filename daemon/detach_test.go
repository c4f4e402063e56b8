// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"caisson/audit"
	"caisson/daemon/cgroup"
)

func TestDetach(t *testing.T) {
	tests := []struct {
		name     string
		alive    bool // a run
		service  bool // a process that a service manager put into an agent's slice
		force    bool
		pins     bool
		daemon   bool // holds the log
		detached bool
		says     string
	}{
		{"idle host", false, false, false, true, false, true, ""},
		{"run alive", true, false, false, true, false, false, "1 runs"},
		{"run alive, forced", true, false, true, true, false, true, ""},
		{"service alive", false, true, false, true, false, false, "processes are in caisson.slice"},
		{"service alive, forced", false, true, true, true, false, true, ""},
		{"nothing attached", false, false, false, false, false, false, "nothing is attached"},
		{"daemon alive", false, false, true, true, true, false, "stop the daemon first"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			pins, opt := filepath.Join(h.dir, "pins"), h.options()
			tree, err := cgroup.Open(filepath.Join(h.dir, "cgroup"))
			if err != nil {
				t.Fatal(err)
			}
			events := "populated 0\nfrozen 0\n"
			if tc.alive || tc.service {
				events = "populated 1\nfrozen 0\n"
			}
			if err := os.WriteFile(filepath.Join(tree.Slice(), "cgroup.events"), []byte(events), 0o644); err != nil {
				t.Fatal(err)
			}
			if tc.alive {
				r, err := tree.NewRun("a")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(r.Dir, "cgroup.events"), []byte("populated 1\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if tc.pins {
				if err := os.Mkdir(pins, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if tc.daemon {
				l, err := audit.Open(opt.Audit, audit.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
			}

			released, detached := "", ""
			err = Detach(DetachOptions{Audit: opt.Audit, Pins: pins, Force: tc.force, Tree: opt.Tree,
				Release: func(p string) error { released = p; return nil },
				Detach:  func(p string) error { detached = p; return nil }})
			if (detached == pins) != tc.detached || released != detached || (err == nil) != tc.detached || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Detach = %v, released %q, detached %q", err, released, detached)
			}
			if (tc.alive || tc.service) && !tc.force && !errors.Is(err, ErrOccupied) {
				t.Errorf("error %v does not say that agents have processes", err)
			}
			if tc.detached && len(h.records(t, audit.KindAdmin)) != 1 {
				t.Error("not recorded")
			}
		})
	}
}

// A slice that does not say whether it has processes is not taken for empty.
func TestDetachNeedsAnAnswer(t *testing.T) {
	h := newHost(t)
	pins, opt := filepath.Join(h.dir, "pins"), h.options()
	if err := os.Mkdir(pins, 0o700); err != nil {
		t.Fatal(err)
	}
	err := Detach(DetachOptions{Audit: opt.Audit, Pins: pins, Tree: opt.Tree, Release: func(string) error { t.Error("released"); return nil },
		Detach: func(string) error { t.Error("detached"); return nil }})
	if err == nil || !strings.Contains(err.Error(), "caisson.slice") {
		t.Errorf("Detach = %v", err)
	}
}
