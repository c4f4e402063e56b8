// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"caisson/daemon/preflight"
)

func host(uid int) preflight.Host {
	return preflight.Host{
		UID:     uid,
		Release: "6.1.192",
		FS: fstest.MapFS{
			"sys/kernel/security/lsm": {Data: []byte("capability,bpf\n")},
			"sys/kernel/btf/vmlinux":  {},
			"proc/self/mounts":        {Data: []byte("c /c cgroup2 rw 0 0\nb /b bpf rw 0 0\n")},
		},
	}
}

func byName(t *testing.T, checks []Check, name string) Check {
	t.Helper()
	for _, c := range checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in %v", name, checks)
	return Check{}
}

func TestRun(t *testing.T) {
	private, open := t.TempDir(), t.TempDir()
	if err := errors.Join(os.Chmod(private, 0o700), os.Chmod(open, 0o755)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(private, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	fine := Options{
		Policies: "p", Audit: private,
		Probe: func() error { return nil },
		Load:  func(string) (int, error) { return 3, nil },
	}
	tests := []struct {
		name   string
		uid    int
		change func(*Options)
		check  string
		ok     bool
		known  bool
		detail string
	}{
		{"probe passes", 0, func(*Options) {}, Enforcement, true, true, "denied what it had to deny"},
		{"probe fails", 0, func(o *Options) { o.Probe = func() error { return errors.New("open was allowed") } }, Enforcement, false, true, "open was allowed"},
		{"no probe", 0, func(o *Options) { o.Probe = nil }, Enforcement, false, false, "not checked"},
		{"probe without root is not tried", 1000, func(o *Options) { o.Probe = func() error { panic("tried") } }, Enforcement, false, false, "because root"},
		{"policies load", 0, func(*Options) {}, Policies, true, true, "3 policies"},
		{"policies do not load", 0, func(o *Options) { o.Load = func(string) (int, error) { return 0, errors.New("a.yaml:1:1: bad") } }, Policies, false, true, "a.yaml:1:1"},
		{"policies unreadable", 1000, func(o *Options) { o.Load = func(string) (int, error) { return 0, fs.ErrPermission } }, Policies, false, false, "permission"},
		{"policies not asked for", 0, func(o *Options) { o.Load = nil }, Policies, false, false, "not checked"},
		{"audit directory private", 0, func(*Options) {}, Audit, true, true, "owner alone"},
		{"audit directory open", 0, func(o *Options) { o.Audit = open }, Audit, false, true, "0755"},
		{"audit directory missing", 0, func(o *Options) { o.Audit = open + "/no" }, Audit, false, true, "does not exist"},
		{"audit directory is a file", 0, func(o *Options) { o.Audit = file }, Audit, false, true, "not a directory"},
		{"no daemon", 0, func(*Options) {}, Daemon, false, true, "connecting to the daemon"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			opt := fine
			opt.Socket = filepath.Join(t.TempDir(), "s")
			tc.change(&opt)

			checks := run(context.Background(), opt, host(tc.uid))
			c := byName(t, checks, tc.check)
			if c.OK != tc.ok || c.Known != tc.known || !strings.Contains(c.Detail, tc.detail) {
				t.Errorf("got %+v, want ok %v, known %v, detail with %q", c, tc.ok, tc.known, tc.detail)
			}
			if Healthy(checks) {
				t.Error("healthy although no daemon answers")
			}
		})
	}
}
