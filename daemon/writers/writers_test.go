// SPDX-License-Identifier: Apache-2.0

package writers

import (
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"caisson/daemon/mount"
	"caisson/policy"
)

const mounts = `27 1 254:0 / / rw - ext4 /dev/vda rw
28 27 0:21 / /proc rw - proc proc rw
40 27 254:16 / /data rw - ext4 /dev/vdb rw
42 27 254:16 / /mnt/again rw - ext4 /dev/vdb rw
43 27 254:16 /src /project rw - ext4 /dev/vdb rw
`

// links is a host's symlinks; what else is asked for exists unless it contains "missing".
type links map[string]string

func (l links) readlink(p string) (string, error) {
	switch target, ok := l[p]; {
	case ok:
		return target, nil
	case strings.Contains(p, "missing"):
		return "", &fs.PathError{Op: "readlink", Path: p, Err: syscall.ENOENT}
	}
	return "", &fs.PathError{Op: "readlink", Path: p, Err: syscall.EINVAL}
}

func (l links) table(t *testing.T) *mount.Table {
	t.Helper()
	entries, err := mount.Parse([]byte(mounts))
	if err != nil {
		t.Fatal(err)
	}
	table, err := mount.New(entries, l.readlink)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// load parses policies: each is an agent's name and lines "effect action op value", "*" for no condition.
func load(t *testing.T, text string) []*policy.Policy {
	t.Helper()
	var out []*policy.Policy
	for _, one := range strings.Split(text, ";") {
		agent, rules, _ := strings.Cut(strings.TrimSpace(one), ":")
		yaml := "agent: " + agent + "\nrules:\n"
		for i, line := range strings.Split(rules, ",") {
			f := strings.Fields(line)
			field := "path"
			if f[1] == "shell_exec" {
				field = "command"
			}
			cond := ""
			if f[2] != "*" {
				cond = "    conditions: { " + field + ": { " + f[2] + ": \"" + strings.Join(f[3:], " ") + "\" } }\n"
			}
			yaml += "  - name: r" + string(rune('0'+i)) + "\n    action: " + f[1] + "\n    effect: " + f[0] + "\n" + cond
		}
		p, err := policy.Parse(agent+".yaml", []byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func TestLocate(t *testing.T) {
	const w = "ALLOW file_write "
	tests := []struct {
		name     string
		policies string
		links    links
		path     string
		location string
		note     string // part of it; "": no note about an agent
	}{
		{"root's symlink", "a:" + w + "starts_with /home", links{"/lib": "usr/lib"}, "/lib/x", "/usr/lib/x", ""},
		{"own directory replaced", "a:" + w + "starts_with /p/src", links{"/p/src": "/etc"}, "/p/src", "/p/src", `/p/src is a symlink that agent "a" may change: not followed`},
		{"what the path names below it", "a:" + w + "starts_with /p/src", links{"/p/src": "/etc"}, "/p/src/a/b", "/p/src/a/b", `agent "a"`},
		{"a symlink further down is not looked at", "a:" + w + "starts_with /p/src", links{"/p/src": "/etc", "/p/src/a": "/usr"}, "/p/src/a", "/p/src/a", `/p/src is`},
		{"another agent's symlink", "b:" + w + "starts_with /p", links{"/p/src": "/etc"}, "/p/src", "/p/src", `agent "b"`},
		{"below what is written", "a:" + w + "starts_with /p", links{"/p/x/y": "/etc"}, "/p/x/y/z", "/p/x/y/z", `/p/x/y is`},
		{"above what is written", "a:" + w + "starts_with /p/x/y", links{"/p/x": "/srv"}, "/p/x/z", "/srv/z", ""},
		{"a name that only starts alike", "a:" + w + "starts_with /p/s", links{"/p/src": "/srv"}, "/p/src", "/srv", ""},
		{"equals", "a:" + w + "equals /p/src", links{"/p/src": "/etc"}, "/p/src", "/p/src", `agent "a"`},
		{"a directory above it can be moved", "a:" + w + "equals /p/src", links{"/p/src/x": "/etc"}, "/p/src/x", "/p/src/x", `/p/src/x is`},
		{"root cannot be moved", "a:" + w + "equals /", links{"/lib": "usr/lib"}, "/lib", "/usr/lib", ""},
		{"glob", "a:" + w + "glob /home/*/w", links{"/home/u/w": "/etc"}, "/home/u/w/x", "/home/u/w/x", `agent "a"`},
		{"glob that does not match", "a:" + w + "glob /home/*/w", links{"/home/u/v": "/srv"}, "/home/u/v/x", "/srv/x", ""},
		{"glob of classes", "a:" + w + "glob /p/[st]rc", links{"/p/src": "/etc"}, "/p/src", "/p/src", `agent "a"`},
		{"glob over everything", "a:" + w + "glob /**/tmp/**", links{"/x/tmp/l": "/etc", "/lib": "usr/lib"}, "/x/tmp/l", "/x/tmp/l", `agent "a"`},
		{"glob over everything else", "a:" + w + "glob /**/tmp/**", links{"/lib": "usr/lib"}, "/lib", "/usr/lib", ""},
		{"no condition", "a:" + w + "*", links{"/lib": "usr/lib"}, "/lib/x", "/lib/x", `agent "a"`},
		{"with approval", "a:REQUIRE_APPROVAL file_write starts_with /p", links{"/p/src": "/etc"}, "/p/src", "/p/src", `agent "a"`},
		{"denied", "a:DENY file_write starts_with /p", links{"/p/src": "/srv"}, "/p/src", "/srv", ""},
		{"a denial before it does not count", "a:DENY file_write equals /p/src, " + w + "starts_with /p", links{"/p/src": "/etc"}, "/p/src", "/p/src", `agent "a"`},
		{"only read", "a:ALLOW file_read starts_with /p", links{"/p/src": "/srv"}, "/p/src", "/srv", ""},
		{"the baseline's own", "a:ALLOW file_read starts_with /p", links{"/dev/null": "/etc/shadow"}, "/dev/null", "/dev/null", `agent "a"`},
		{"behind root's symlink", "a:" + w + "starts_with /p", links{"/srv/l": "/p/src", "/p/src": "/etc"}, "/srv/l/x", "/p/src/x", `/p/src is`},
		{"the writer's rule goes through root's symlink", "a:" + w + "starts_with /srv/l/d", links{"/srv/l": "/real", "/real/d/x": "/etc"}, "/real/d/x", "/real/d/x", `/real/d/x is`},
		{"the writer's rule names a symlink", "a:" + w + "starts_with /srv/l", links{"/srv/l": "/real"}, "/srv/l", "/srv/l", `/srv/l is`},
		{"as written, through root's symlink", "a:" + w + "starts_with /srv/l/x", links{"/srv/l": "/real", "/real/x": "/etc"}, "/srv/l/x/y", "/real/x/y", `/real/x is`},
		{"one writer's rule leads to another's symlink", "a:" + w + "starts_with /srv/l/d; b:" + w + "starts_with /real/d/x/y", links{"/srv/l": "/real", "/real/d/x": "/etc"}, "/real/d/x/y", "/real/d/x/y", `agent "a"`},
		{"relative and climbing", "a:" + w + "starts_with /p/src", links{"/p/src": "../../etc"}, "/p/src", "/p/src", `agent "a"`},
		{"a symlink in the target", "a:" + w + "starts_with /t", links{"/srv/l": "/t/d/e", "/t/d": "/etc"}, "/srv/l/x", "/t/d/e/x", `/t/d is`},
		{"written on another mount", "a:" + w + "starts_with /mnt/again/x", links{"/data/x": "/etc"}, "/data/x/f", "/data/x/f", `agent "a"`},
		{"reached on another mount", "a:" + w + "starts_with /data/x", links{"/mnt/again/x": "/etc"}, "/mnt/again/x/f", "/data/x/f", `agent "a"`},
		{"a bind mount of a directory", "a:" + w + "starts_with /data/src/d", links{"/project/d": "/etc"}, "/project/d", "/data/src/d", `agent "a"`},
		{"nothing there yet", "a:" + w + "starts_with /p/missing", links{}, "/p/missing/x", "/p/missing/x", ""},
		{"untidy", "a:" + w + "starts_with //p/./src/", links{"/p/src": "/etc"}, "/p/src", "/p/src", `agent "a"`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			env, notes := New(tc.links.table(t), load(t, tc.policies)).Env(policy.Env{})
			location, note, err := env.Locate(tc.path)
			if err != nil {
				t.Fatal(err)
			}
			if location != tc.location {
				t.Errorf("location %q, want %q (%s)", location, tc.location, note)
			}
			if refused := strings.Contains(note, "not followed"); refused != (tc.note != "") || !strings.Contains(note, tc.note) {
				t.Errorf("note %q, want one with %q", note, tc.note)
			}
			if (len(notes.Links) > 0) != (tc.note != "") {
				t.Errorf("refused %q", notes.Links)
			}
		})
	}
}

// Whatever order policies come in, the same set comes out.
func TestFingerprint(t *testing.T) {
	l := links{"/srv/l": "/real", "/real/d/x": "/etc"}
	ps := load(t, "a:ALLOW file_write starts_with /srv/l/d; b:ALLOW file_write starts_with /real/d/x/y")
	one := New(l.table(t), ps).Fingerprint()
	slices.Reverse(ps)
	if other := New(l.table(t), ps).Fingerprint(); one != other {
		t.Errorf("%s\n%s", one, other)
	}
	if other := New(l.table(t), ps[:1]).Fingerprint(); one == other {
		t.Error("a policy less makes no difference")
	}
	if other := New(links{}.table(t), ps).Fingerprint(); one == other {
		t.Error("another host makes no difference")
	}
}

func TestLookPath(t *testing.T) {
	const x = "ALLOW shell_exec starts_with npm test, "
	dirs := []string{"relative", "/usr/local/bin", "/bin", "/usr/bin"}
	tests := []struct {
		name     string
		policies string
		links    links
		files    []string
		word     string
		want     string
		says     string
	}{
		{"first directory", "a:" + x + "ALLOW file_write starts_with /p", nil, []string{"/usr/local/bin/npm", "/usr/bin/npm"}, "npm", "/usr/local/bin/npm", ""},
		{"not there", "a:" + x + "ALLOW file_write starts_with /p", nil, nil, "npm", "", ""},
		{"symlink stays", "a:" + x + "ALLOW file_write starts_with /p", links{"/usr/bin/npm": "/opt/npm"}, []string{"/usr/bin/npm"}, "npm", "/usr/bin/npm", ""},
		{"an agent's program in front", "a:" + x + "ALLOW file_write starts_with /usr/local", nil, []string{"/usr/local/bin/npm", "/usr/bin/npm"}, "npm", "/usr/bin/npm", `agent "a" may change it`},
		{"only an agent's program", "b:ALLOW file_write glob /usr/local/bin/*", nil, []string{"/usr/local/bin/npm"}, "npm", "", `/usr/local/bin/npm does not count, because agent "b"`},
		{"approved by a person", "b:REQUIRE_APPROVAL file_write *", nil, []string{"/usr/local/bin/npm"}, "npm", "/usr/local/bin/npm", ""},
		{"directory behind a symlink", "a:ALLOW file_write starts_with /usr/bin", links{"/bin": "usr/bin"}, []string{"/bin/npm"}, "npm", "", `/bin/npm does not count`},
		{"absolute", "a:" + x + "ALLOW file_write starts_with /p", nil, []string{"/usr/bin/npm"}, "/usr/bin/npm", "", ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s, notes := New(tc.links.table(t), load(t, tc.policies)), &Notes{}
			got, ok := s.lookPath(dirs, tc.word, func(p string) bool { return slices.Contains(tc.files, p) }, notes)
			if got != tc.want || ok != (tc.want != "") {
				t.Errorf("lookPath = %q, %v", got, ok)
			}
			if said := strings.Join(notes.Programs, "\n"); !strings.Contains(said, tc.says) || tc.says == "" && said != "" {
				t.Errorf("notes %q", said)
			}
		})
	}
}

// The compiled rule is what counts: the attack of an agent on its own rule.
func TestCompileAfterAttack(t *testing.T) {
	ps := load(t, "a:ALLOW file_write starts_with /p/src")
	env, _ := New(links{"/p/src": "/etc"}.table(t), ps).Env(policy.Env{})
	image, err := policy.Compile(ps[0], env)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]policy.Effect{"/etc/passwd": policy.Deny, "/p/src": policy.Allow, "/p/src/x": policy.Allow} {
		s, err := policy.PathSubject(policy.FileWrite, path)
		if err != nil {
			t.Fatal(err)
		}
		if v := image.Run(s); v.Effect != want {
			t.Errorf("%s: %s", path, v.Effect)
		}
	}
	if n := strings.Join(image.Notes(), "\n"); !strings.Contains(n, `rule "r0": /p/src: /p/src is a symlink that agent "a" may change: not followed`) {
		t.Errorf("notes %q", n)
	}
}
