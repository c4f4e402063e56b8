// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fill writes files into a new directory.
func fill(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadDir(t *testing.T) {
	good := func(agent string) string { return "agent: " + agent + "\nrules: []\n" }
	cases := []struct {
		name   string
		files  map[string]string
		agents string
		errs   []string
	}{
		{"both endings, nothing else", map[string]string{"a.yaml": good("a"), "b.yml": good("b"), "c.txt": "x", ".d.yaml": "x"}, "a b", nil},
		{"a bad one leaves the good ones", map[string]string{"a.yaml": good("a"), "b.yaml": "x"}, "a", []string{"b.yaml:1:1:"}},
		{"two for one agent: neither", map[string]string{"a.yaml": good("a"), "b.yaml": good("x"), "c.yaml": good("x")}, "a",
			[]string{`agent "x" has two policies`, "b.yaml", "c.yaml"}},
		{"empty", nil, "", []string{"no policy in"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			set, err := LoadDir(fill(t, tc.files))
			if (err != nil) != (tc.errs != nil) {
				t.Fatalf("error %v", err)
			}
			for _, want := range tc.errs {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if len(set.Policies) != len(strings.Fields(tc.agents)) {
				t.Errorf("got %d policies", len(set.Policies))
			}
			for _, agent := range strings.Fields(tc.agents) {
				if set.Policies[agent] == nil {
					t.Errorf("no policy for %s", agent)
				}
			}
		})
	}
}

func TestLoadRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "p.yaml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, dir, filepath.Join(dir, "absent")} {
		if _, err := Load(path); err == nil {
			t.Errorf("%s loads", path)
		}
	}
	if _, err := LoadDir(filepath.Join(dir, "absent")); err == nil {
		t.Error("a missing directory is no error")
	}
}
