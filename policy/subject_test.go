// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestCommandSubject(t *testing.T) {
	env := Env{LookPath: func(w string) (string, bool) { return "/usr/lib/npm/cli.js", w == "npm" }}
	cases := []struct {
		name, line, names, args string
		resolved                bool
	}{
		{"found", "npm  test\t-x", "usr lib npm cli.js", "test -x", true},
		{"not found", "yarn test", "?/yarn", "test", false},
		{"absolute", "/bin//ls", "bin ls", "", true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s, resolved, err := CommandSubject(env, tc.line)
			if err != nil {
				t.Fatal(err)
			}
			names, args := []string{}, []string{}
			for _, n := range s.Names {
				names = append(names, string(n))
			}
			for _, a := range s.Args {
				args = append(args, string(a))
			}
			if strings.Join(names, " ") != tc.names || strings.Join(args, " ") != tc.args || resolved != tc.resolved {
				t.Errorf("got %q %q %v", names, args, resolved)
			}
		})
	}
	for _, bad := range []string{"", "npm test | sh", "npm test; rm", "npm $HOME", "npm `id`", "npm 'x y'", "npm > f", "npm *", "./npm", "npm \\x", "a\nb", "a\x00b", "/a/../b"} {
		if _, _, err := CommandSubject(env, bad); err == nil {
			t.Errorf("%q is taken for a command", bad)
		}
	}
}

func TestPathSubject(t *testing.T) {
	if s, err := PathSubject(FileRead, "//a/./b/"); err != nil || len(s.Names) != 2 {
		t.Errorf("got %q, %v", s.Names, err)
	}
	for _, bad := range []string{"", "a", "/a/../b", "/a\x00"} {
		if _, err := PathSubject(FileRead, bad); err == nil {
			t.Errorf("%q is taken for a path", bad)
		}
	}
	if _, err := PathSubject(Network, "/a"); err == nil {
		t.Error("a path on network is no error")
	}
}

func TestHostEnv(t *testing.T) {
	dir := t.TempDir()
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	tool := filepath.Join(dir, "tool-1.2")
	for path, mode := range map[string]os.FileMode{tool: 0o755, filepath.Join(dir, "data"): 0o644} {
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("tool-1.2", filepath.Join(dir, "tool")); err != nil {
		t.Fatal(err)
	}
	env := HostEnv([]string{"relative", "/nonexistent", dir})
	for _, tc := range []struct {
		word, want string
		ok         bool
	}{{"tool", tool, true}, {dir + "/tool", tool, true}, {"data", "", false}, {"../tool", "", false}, {"", "", false}, {"absent", "", false}} {
		if got, ok := env.LookPath(tc.word); got != tc.want || ok != tc.ok {
			t.Errorf("%q: %q, %v", tc.word, got, ok)
		}
	}
}

func TestLocate(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	asked := []string{}
	env := Env{Locate: func(path string) (string, string, error) {
		asked = append(asked, path)
		switch {
		case path == "/gone":
			return "", "is mounted nowhere", nil
		case path == "/bad":
			return "", "", errors.New("input/output error")
		case path == "/proc/mounts":
			return "/proc/" + pid + "/mounts", "", nil
		case strings.HasPrefix(path, "/link"):
			return "/real" + path[5:], "is a link to /real", nil
		}
		return path, "", nil
	}}
	p := filePolicy(t, "DENY starts_with /link/a", "ALLOW glob /link/b/*.c", "DENY equals /gone", "ALLOW starts_with /proc/self", "DENY equals /proc/mounts")
	m := compiled(t, p, env)
	for path, rule := range map[string]int{"/real/a/x": 0, "/real/b/x.c": 1, "/link/a/x": -1, "/gone": -1, "/proc/self/x": 3, "/proc/self/mounts": 3} {
		if got := m.Run(writing(t, path)); got.Rule != rule {
			t.Errorf("%s: rule %d, want %d", path, got.Rule, rule)
		}
	}
	if notes := strings.Join(m.Notes(), "\n"); !strings.Contains(notes, `rule "0": is a link to /real`) || !strings.Contains(notes, `rule "2": is mounted nowhere`) {
		t.Errorf("notes:\n%s", notes)
	}
	for _, path := range asked {
		if strings.HasPrefix(path, "/proc/self") {
			t.Errorf("asked for %s, which is another place for each process", path)
		}
	}

	_, err := Compile(filePolicy(t, "DENY equals /bad"), env)
	if err == nil || !strings.Contains(err.Error(), `rule "0": locating /bad: input/output error`) {
		t.Errorf("a rule that cannot be placed: %v", err)
	}
}

func TestAbsentProgram(t *testing.T) {
	p := seedSet(t).Policies["coding-agent"]
	m := compiled(t, p, Env{SecurePath: []string{"/bin", "/usr/bin"}})
	want := `rule "allow-test-execution": program "npm" is not on secure_path (/bin:/usr/bin): the rule cannot match until it is installed and the policy reloaded`
	if notes := m.Notes(); len(notes) != 1 || notes[0] != want {
		t.Errorf("notes %q", notes)
	}
	// A file that happens to be called npm, at the root of any file system, is not the program.
	s := Subject{Action: ShellExec, Names: byteNames([]string{"npm"}), Args: byteNames([]string{"test"})}
	if got := m.Run(s); got.Effect != Deny {
		t.Errorf("got %+v", got)
	}
}
