// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	for path, mode := range map[string]os.FileMode{one + "/tool": 0o755, two + "/tool": 0o755, one + "/data": 0o644, two + "/other": 0o700} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(one+"/folder", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(one)

	path := "PATH=" + one + ":" + two
	tests := []struct {
		name, program string
		env           []string
		want          string
		exit          int // 0: found
	}{
		{"first on PATH", "tool", []string{path}, one + "/tool", 0},
		{"later on PATH", "other", []string{path}, two + "/other", 0},
		{"last setting counts", "tool", []string{"PATH=/none", "PATH=" + two}, two + "/tool", 0},
		{"PATH in another variable", "tool", []string{"XPATH=" + one}, "", ExitNotFound},
		{"no PATH", "tool", nil, "", ExitNotFound},
		{"empty entry is here", "tool", []string{"PATH=/none:"}, "./tool", 0},
		{"relative entry", "tool", []string{"PATH=../two"}, "./../two/tool", 0},
		{"with a slash", one + "/tool", nil, one + "/tool", 0},
		{"here by name", "./tool", []string{path}, "./tool", 0},
		{"not on PATH", "missing", []string{path}, "", ExitNotFound},
		{"not executable", "data", []string{path}, "", ExitCannot},
		{"directory", "folder", []string{path}, "", ExitCannot},
		{"path that does not exist", "./missing", nil, "", ExitNotFound},
		{"path that is not executable", "./data", nil, "", ExitCannot},
		{"no name", "", []string{path}, "", ExitNotFound},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := find(tc.program, tc.env)
			if tc.exit == 0 {
				if err != nil || got != tc.want {
					t.Errorf("find = %q, %v, want %q", got, err, tc.want)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Exit != tc.exit {
				t.Errorf("find = %q, %v, want exit status %d", got, err, tc.exit)
			}
		})
	}
}
