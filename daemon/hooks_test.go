// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"caisson/daemon/hooks"
)

// TestHooks: who is told stands in the file, and the daemon tells while it runs.
func TestHooks(t *testing.T) {
	h := newHost(t)
	program, told := filepath.Join(h.dir, "told.sh"), filepath.Join(h.dir, "told")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ncat >"+told+".new && mv "+told+".new "+told+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.hooks(), []byte("hooks: [ { name: pager, command: ["+program+"] } ]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.write(t, "a.yaml", reads("a", "/data"))
	d := New(h.options())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	if err := d.start(); err != nil {
		t.Fatal(err)
	}
	go func() { done <- d.work(ctx, nil) }()
	d.hooks.Notify(hooks.Notice{Event: hooks.EventRequest, ID: "r1", Agent: "a", Deadline: time.Now().Add(time.Minute)})
	until(t, func() bool { _, err := os.Stat(told); return err == nil })
	if p := d.status().Problems; len(p) != 0 {
		t.Errorf("problems %q", p)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := d.stop(nil); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(told); err != nil || !strings.Contains(string(b), `"id":"r1"`) {
		t.Errorf("told %q, %v", b, err)
	}
}

// TestHooksWithFaults: the daemon enforces without hooks, and says so.
func TestHooksWithFaults(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(file string) error
		want string
	}{
		{"fault", func(file string) error { return os.WriteFile(file, []byte("hooks: [ {} ]\n"), 0o600) }, "hooks.yaml:1:10: a hook"},
		{"others can change it", func(file string) error { return os.Chmod(file, 0o666) }, "others than its owner may change it (chmod go-w"},
		{"asked for and not there", os.Remove, "no such file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			h.write(t, "a.yaml", reads("a", "/data"))
			if err := tc.make(h.hooks()); err != nil {
				t.Fatal(err)
			}
			d := h.up(t)
			p := strings.Join(d.status().Problems, "\n")
			if !strings.HasPrefix(p, "nobody outside is told of requests for approval") || !strings.Contains(p, tc.want) {
				t.Errorf("problems %q, want %q", p, tc.want)
			}
			if !allows(t, h, "a", "/data/x") {
				t.Error("the policy is not in force")
			}
			d.hooks.Notify(hooks.Notice{Event: hooks.EventRequest, ID: "r1", Deadline: time.Now().Add(time.Minute)})
		})
	}
}
