// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Only what root alone can change is trusted, whatever it is called and wherever a symlink leads.
func TestTrusted(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.WriteFile(top+"/sh", []byte("x"), 0o755), os.Symlink("/bin/sh", top+"/link"), os.Symlink("/usr/lib", top+"/lib"))
	if err != nil {
		t.Fatal(err)
	}
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	system := onlyRoot(sh) // on a machine set up in the ordinary way
	if !system {
		t.Fatalf("%s can be changed by somebody else than root, so nothing here can be tested", sh)
	}

	shells := []struct {
		name        string
		dirs, names []string
		want        []string
	}{
		{"by name", []string{"/bin"}, []string{"sh"}, []string{sh}},
		{"in several directories once", []string{"/bin", "/usr/bin", "/nowhere"}, []string{"sh", "sh"}, []string{sh}},
		{"by path", nil, []string{"/bin/sh"}, []string{sh}},
		{"in a directory that anybody may write", []string{top}, []string{"sh"}, nil},
		{"through a symlink that anybody may change", []string{top}, []string{"link"}, []string{sh}}, // it is the real file that is trusted
		{"relative", []string{"bin"}, []string{"sh", "bin/sh"}, nil},
		{"no file", []string{"/"}, []string{"bin", "nothing"}, nil},
	}
	for _, tc := range shells {
		t.Run(tc.name, func(t *testing.T) {
			if got := FindShells(tc.dirs, tc.names); !slices.Equal(got, tc.want) {
				t.Errorf("FindShells = %q, want %q", got, tc.want)
			}
		})
	}

	dirs := TrustedDirs([]string{top, top + "/lib", "relative", "/nowhere", "/usr/bin"})
	if !slices.Contains(dirs, "/usr/lib") || !slices.Contains(dirs, "/usr/bin") || slices.Contains(dirs, top) || slices.Contains(dirs, "/usr/local/lib") ||
		slices.Contains(dirs, "relative") || slices.Contains(dirs, "/nowhere") {
		t.Errorf("TrustedDirs = %q", dirs)
	}
}

func TestOnlyRoot(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"/": true, "/usr/bin": true, "/nowhere": false, top: false, "/tmp": false} {
		if got := onlyRoot(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// evaluate trusts what the daemon trusts, but for what agents may change.
func TestHostEnvTrusts(t *testing.T) {
	env := HostEnv([]string{"/bin", "/usr/bin"})
	if len(env.Shells) == 0 || !slices.Equal(env.Shells, FindShells([]string{"/bin", "/usr/bin"}, DefaultShells)) || len(env.Trusted) == 0 {
		t.Errorf("shells %q, directories %q", env.Shells, env.Trusted)
	}
}
