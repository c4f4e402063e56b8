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
		alive    bool
		force    bool
		pins     bool
		daemon   bool // holds the log
		detached bool
		says     string
	}{
		{"idle host", false, false, true, false, true, ""},
		{"run alive", true, false, true, false, false, "1 runs are alive"},
		{"run alive, forced", true, true, true, false, true, ""},
		{"nothing attached", false, false, false, false, false, "nothing is attached"},
		{"daemon alive", false, true, true, true, false, "stop the daemon first"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			pins, opt := filepath.Join(h.dir, "pins"), h.options()
			tree, err := cgroup.Open(filepath.Join(h.dir, "cgroup"))
			if err != nil {
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

			detached := ""
			err = Detach(DetachOptions{Audit: opt.Audit, Pins: pins, Force: tc.force, Tree: opt.Tree,
				Detach: func(p string) error { detached = p; return nil }})
			if (detached == pins) != tc.detached || (err == nil) != tc.detached || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Detach = %v, detached %q", err, detached)
			}
			if tc.alive && !tc.force && !errors.Is(err, ErrRunsAlive) {
				t.Errorf("error %v does not say that runs are alive", err)
			}
			if tc.detached && len(h.records(t, audit.KindAdmin)) != 1 {
				t.Error("not recorded")
			}
		})
	}
}
