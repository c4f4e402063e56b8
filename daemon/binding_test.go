// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"caisson/daemon/api"
	"caisson/daemon/control"
	"caisson/policy"
)

func TestWorkspace(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.Mkdir(top+"/dir", 0o755), os.WriteFile(top+"/file", nil, 0o644), os.Symlink("dir", top+"/link"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(top + "/dir")
	tests := []struct{ name, asked, want, says string }{
		{"directory", top + "/dir", top + "/dir", ""},
		{"where the caller is", "", top + "/dir", ""},
		{"relative", "dir", "", "not an absolute path"},
		{"not clean", top + "/dir/", "", "not a clean path"},
		{"climbing", top + "/dir/../dir", "", "not a clean path"},
		{"everything", "/", "", "rules about everything"},
		{"file", top + "/file", "", "not a directory"},
		{"nothing", top + "/nothing", "", "no such file"},
		{"symlink", top + "/link", "", "leads through a symlink to " + top + "/dir"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := workspace(os.Getpid(), tc.asked)
			if got != tc.want || (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("workspace = %q, %v", got, err)
			}
		})
	}
	if got, err := workspace(1<<30, ""); err == nil {
		t.Errorf("of a process that is not there: %q", got)
	}
	if err := os.Remove(top + "/dir"); err != nil {
		t.Fatal(err)
	}
	if got, err := workspace(os.Getpid(), ""); err == nil {
		t.Errorf("of a caller whose directory has been removed: %q", got)
	}
}

func TestBindingOf(t *testing.T) {
	both, home, space := []string{"HOME", "WORKSPACE"}, []string{"HOME"}, []string{"WORKSPACE"}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		uses  []string
		home  string // of the user
		asked string
		want  binding
		says  string
	}{
		{"both", both, "/home/u", "", binding{"/home/u", here}, ""},
		{"a directory asked for", space, "/home/u", "/usr", binding{"/home/u", "/usr"}, ""},
		{"no home, and none is needed", space, "", "", binding{"", here}, ""},
		{"no home", home, "", "", binding{}, `"" is not an absolute path`},
		{"home is everything", home, "/", "", binding{}, "rules about everything"},
		{"home is relative", both, "u", "", binding{}, "not an absolute path"},
		{"bad directory asked for", both, "/home/u", "/nowhere/at/all", binding{}, "no such file"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			d := New(Options{Home: func(uid uint32) (string, error) {
				if uid != 7 {
					t.Errorf("asked for user %d", uid)
				}
				return tc.home, nil
			}})
			p := control.Peer{PID: os.Getpid(), UID: 7}
			got, err := d.bindingOf(p, api.RunRequest{Agent: "a", Workspace: tc.asked}, &policy.Policy{Variables: tc.uses})
			if tc.says == "" {
				if err != nil || *got != tc.want {
					t.Errorf("bindingOf = %+v, %v", got, err)
				}
				return
			}
			var known *api.Error
			if !errors.As(err, &known) || known.Hint == "" || !strings.Contains(known.Message, tc.says) {
				t.Errorf("bindingOf = %+v, %v", got, err)
			}
		})
	}
}

// A workspace that nothing confines the agent to is refused, not ignored.
func TestUnusedWorkspace(t *testing.T) {
	tests := []struct {
		asked string
		uses  []string
		ok    bool
	}{{"", nil, true}, {"", []string{"HOME"}, true}, {"/w", []string{"WORKSPACE"}, true}, {"/w", []string{"HOME"}, false}, {"/w", nil, false}}
	for _, tc := range tests {
		err := unusedWorkspace(api.RunRequest{Agent: "a", Workspace: tc.asked}, &policy.Policy{Variables: tc.uses})
		if (err == nil) != tc.ok {
			t.Errorf("%q, policy mentions %q: %v", tc.asked, tc.uses, err)
		}
	}
}

// The user database is asked without cgo.
func TestHomeOf(t *testing.T) {
	b, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) == 7 && f[0] == "root" {
			if home, err := homeOf(0); home != f[5] || err != nil {
				t.Errorf("home of root: %q, %v", home, err)
			}
		}
	}
	if home, err := homeOf(4_000_000_123); err == nil || !strings.Contains(err.Error(), strconv.Itoa(4_000_000_123)) {
		t.Errorf("home of nobody: %q, %v", home, err)
	}
}
