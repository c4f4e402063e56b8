// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"os"
	"strings"
	"testing"
	"time"

	"caisson/audit"
	"caisson/bpf/layout"
)

// What an earlier daemon left in force stays, with its generation, when it is exactly what the files say.
func TestInherit(t *testing.T) {
	tests := []struct {
		name   string
		change func(*testing.T, *host, *Daemon)
		kept   bool
	}{
		{"nothing changed", func(*testing.T, *host, *Daemon) {}, true},
		{"state lost", func(t *testing.T, _ *host, d *Daemon) {
			if err := os.Remove(d.statePath()); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"other rules", func(t *testing.T, h *host, _ *Daemon) { h.write(t, "a.yaml", reads("a", "/new")) }, false},
		{"rule has another name", func(t *testing.T, h *host, _ *Daemon) {
			h.write(t, "a.yaml", strings.Replace(reads("a", "/old"), "name: reads", "name: renamed", 1))
		}, false},
		{"symlink", func(_ *testing.T, h *host, _ *Daemon) { h.link("/old", "/elsewhere") }, false},
		{"image spoiled", func(_ *testing.T, h *host, _ *Daemon) {
			b := h.kernel.images[h.kernel.ids["a"]]
			b[len(b)-1] ^= 1
		}, false},
		{"image gone", func(_ *testing.T, h *host, _ *Daemon) { clear(h.kernel.images) }, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t)
			h.write(t, "a.yaml", reads("a", "/old"))
			d := h.up(t)
			generation := find(t, d.status(), "a").Generation
			if err := d.stop(nil); err != nil {
				t.Fatal(err)
			}
			calls := h.kernel.setCalls
			tc.change(t, h, d)
			h.kernel = h.kernel.again()
			delete(h.kernel.mounts, generation)

			next := h.up(t)
			got := find(t, next.status(), "a").Generation
			if (got == generation) != tc.kept || (h.kernel.setCalls == calls) != tc.kept || got < generation {
				t.Errorf("generation %d after %d, %d images set", got, generation, h.kernel.setCalls-calls)
			}
			if r, ok := h.kernel.image(t, "a"); !ok || r.Generation() != got || h.kernel.mounts[got] == nil {
				t.Error("what is in force is not what the daemon says")
			}

			// An event from before: decided again if its policy is known, counted if not.
			next.sequence.Event(0, 1, time.Now())
			e := layout.Event{N: 1, Agent: h.kernel.ids["a"], Generation: generation, Op: layout.OpOpen, Denied: 1}
			if err := next.resolver.Handle(e, []byte("/x"), nil); err != nil {
				t.Fatal(err)
			}
			s := next.status()
			if unchecked := s.Events.Unchecked == 1; unchecked == tc.kept {
				t.Errorf("events %+v", s.Events)
			}
			if said := strings.Contains(strings.Join(s.Problems, "\n"), "1 events were not decided again"); said == tc.kept {
				t.Errorf("problems %q", s.Problems)
			}
			if err := next.stop(nil); err != nil {
				t.Fatal(err)
			}
			for _, r := range h.records(t, audit.KindFileOpen) {
				if strings.HasPrefix(r.Text, "unchecked: ") == tc.kept {
					t.Errorf("record %+v", r)
				}
			}
		})
	}
}
