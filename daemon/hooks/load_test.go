// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"caisson/policy"
)

const testKey = "0123456789abcdef0123456789abcdef"

// write makes a file that nobody else can change, whatever the umask is.
func write(t *testing.T, path, text string, mode fs.FileMode) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

// dir is a directory that nobody else can change.
func dir(t *testing.T) string {
	t.Helper()
	d := t.TempDir()
	if err := errors.Join(os.Chmod(d, 0o755), os.Chmod(filepath.Dir(d), 0o755)); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLoad(t *testing.T) {
	d := dir(t)
	write(t, filepath.Join(d, "key"), testKey+"\n", 0o400)
	write(t, filepath.Join(d, "page"), "#!/bin/sh\n", 0o755)
	file := write(t, filepath.Join(d, "hooks.yaml"), strings.ReplaceAll(`# who is told
hooks:
  - name: pager
    command: [DIR/page, --urgent, "a b"]
  - { name: chat, url: "https://chat.example/hooks/x?y=z", secret_file: DIR/key, all: true }
  - { name: local, url: "http://127.0.0.1:8080/", secret_file: DIR/key, all: false }
  - { name: six, url: "http://[::1]:8080", secret_file: DIR/key }
`, "DIR", d), 0o644)

	list, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 4 || list[0].Name != "pager" || strings.Join(list[0].Command, "|") != d+"/page|--urgent|a b" || list[0].All ||
		list[1].URL != "https://chat.example/hooks/x?y=z" || string(list[1].Secret) != testKey || !list[1].All || list[2].All {
		t.Errorf("read %+v", list)
	}
	if _, err := New(Options{Hooks: list}); err != nil {
		t.Errorf("what was loaded is refused: %v", err)
	}

	if list, err := Load(write(t, filepath.Join(d, "none.yaml"), "hooks: []\n", 0o644)); err != nil || len(list) != 0 {
		t.Errorf("no hooks: %v, %v", list, err)
	}
	if _, err := Load(filepath.Join(d, "absent.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestLoadFaults: what is wrong is said with its place, and what would be right.
func TestLoadFaults(t *testing.T) {
	d := dir(t)
	write(t, filepath.Join(d, "key"), testKey, 0o600)
	write(t, filepath.Join(d, "open-key"), testKey, 0o640)
	write(t, filepath.Join(d, "short-key"), testKey[:31]+"\n", 0o600)
	write(t, filepath.Join(d, "long-key"), strings.Repeat("k", maxSecret+1), 0o600)
	write(t, filepath.Join(d, "page"), "", 0o755)
	write(t, filepath.Join(d, "loose"), "", 0o775)
	write(t, filepath.Join(d, "text"), "", 0o644)
	write(t, filepath.Join(d, "open", "page"), "", 0o755)
	if err := errors.Join(os.Chmod(filepath.Join(d, "open"), 0o777), os.Symlink(filepath.Join(d, "open", "page"), filepath.Join(d, "link")),
		os.Symlink("loop", filepath.Join(d, "loop")), syscall.Mkfifo(filepath.Join(d, "pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}

	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", `:1:1: the file is empty (it needs "hooks: [ … ]"; without hooks, remove it)`},
		{"no hooks", "{}", ":1:1: the file has no hooks"},
		{"unknown field", "hook: []", "did you mean hooks?"},
		{"no list", "hooks: {}", ":1:8: hooks must be a list, not a mapping"},
		{"no hook", "hooks: [a]", ":1:9: a hook must be a mapping, not a string"},
		{"unknown field of a hook", "hooks:\n- { name: a, comand: [/x] }", `:2:14: a hook has no field "comand"`},
		{"empty hook", "hooks: [ {} ]", ":1:10: a hook has no name"},
		{"a list", "[]", ":1:1: the file must be a mapping, not a list"},
		{"no name", "hooks:\n- { command: [DIR/page] }", ":2:3: a hook has no name"},
		{"bad name", "hooks:\n- { name: A B, command: [DIR/page] }", `:2:11: "A B" is no name of a hook (use a-z`},
		{"same name", "hooks:\n- { name: a, command: [DIR/page] }\n- { name: a, command: [DIR/page] }", `:3:3: hook "a" is already at 2:3`},
		{"neither", "hooks:\n- { name: a }", ":2:3: a hook is either a command or a url"},
		{"both", "hooks:\n- { name: a, command: [DIR/page], url: 'https://h' }", ":2:3: a hook is either a command or a url"},
		{"command a string", "hooks:\n- { name: a, command: DIR/page -x }", ":2:23: command must be a list, not a string (write [/path/of/program, word, …])"},
		{"command empty", "hooks:\n- { name: a, command: [] }", ":2:23: command has no program"},
		{"command a number", "hooks:\n- { name: a, command: [DIR/page, 7] }", `a word of command must be a string, not an integer (quote it: "7")`},
		{"relative program", "hooks:\n- { name: a, command: [page] }", `:2:23: program "page" has no absolute path`},
		{"no such program", "hooks:\n- { name: a, command: [DIR/gone] }", ":2:23: lstat DIR/gone: no such file"},
		{"program that others change", "hooks:\n- { name: a, command: [DIR/loose] }", ":2:23: DIR/loose has mode 0775: others than its owner may change it (chmod go-w DIR/loose)"},
		{"program in a place that others change", "hooks:\n- { name: a, command: [DIR/open/page] }", "DIR/open has mode 0777: others than its owner may change it (chmod go-w DIR/open)"},
		{"symlink to such a place", "hooks:\n- { name: a, command: [DIR/link] }", "DIR/open has mode 0777"},
		{"detour through such a place", "hooks:\n- { name: a, command: [DIR/open/../page] }", "DIR/open has mode 0777"},
		{"symlink to itself", "hooks:\n- { name: a, command: [DIR/loop] }", "DIR/loop leads through too many symlinks"},
		{"program not executable", "hooks:\n- { name: a, command: [DIR/text] }", "DIR/text is no program (chmod +x DIR/text)"},
		{"program a directory", "hooks:\n- { name: a, command: [DIR] }", "DIR is no program"},
		{"signed command", "hooks:\n- { name: a, command: [DIR/page], secret_file: DIR/key }", "secret_file belongs to hooks with url"},
		{"unsigned address", "hooks:\n- { name: a, url: 'https://h' }", ":2:3: a hook with url has no secret_file"},
		{"http", web("http://chat.example/"), ":2:19: url is http, which anybody on the way can read and change"},
		{"http by name", web("http://localhost/"), "written as numbers"},
		{"http to all addresses", web("http://0.0.0.0/"), "url is http"},
		{"http to the network", web("http://127.0.0.1.example/"), "url is http"},
		{"other scheme", web("ftp://h/"), `url has the scheme "ftp" (use https)`},
		{"no scheme", web("chat.example/x"), "url is no address of a web server"},
		{"no host", web("https:///x"), "url is no address"},
		{"port only", web("https://:443/x"), "url is no address"},
		{"no address", web("https://h/%zz"), "url is no address"},
		{"user", web("https://me:pw@h/"), "url has a user name in it"},
		{"fragment", web("https://h/#x"), "url has a fragment"},
		{"open key", key("DIR/open-key"), ":2:46: DIR/open-key has mode 0640: others than its owner may use it (chmod 600 DIR/open-key)"},
		{"short key", key("DIR/short-key"), ":2:46: DIR/short-key: the key has 31 bytes, fewer than 32 (make one: openssl rand -hex 32)"},
		{"long key", key("DIR/long-key"), "DIR/long-key is larger than 4096 bytes"},
		{"no key", key("DIR/gone"), "lstat DIR/gone: no such file"},
		{"relative key", key("key"), `"key" is no absolute path`},
		{"key a pipe", key("DIR/pipe"), "DIR/pipe is not a regular file"},
		{"all a word", "hooks:\n- { name: a, all: sometimes, command: [DIR/page] }", ":2:19: all must be a boolean"},
		{"anchor", "hooks: &x []", "anchor &x"},
		{"too many", "hooks: [" + strings.Repeat("{}, ", MaxHooks) + "{}]", "more than 16 hooks"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := write(t, filepath.Join(d, "hooks.yaml"), strings.ReplaceAll(tc.text, "DIR", d), 0o644)
			list, err := Load(file)
			if err == nil || list != nil || !strings.Contains(err.Error(), strings.ReplaceAll(tc.want, "DIR", d)) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
			if faults, ok := errors.AsType[*policy.Faults](err); !ok || faults.List[0].File != file {
				t.Errorf("no fault of %s: %v", file, err)
			}
		})
	}
}

func web(url string) string {
	return "hooks:\n- { name: a, url: '" + url + "', secret_file: DIR/key }"
}

func key(path string) string {
	return "hooks:\n- { name: a, url: 'https://h/', secret_file: " + path + " }"
}

// TestLoadOwner: the file itself must be the operator's.
func TestLoadOwner(t *testing.T) {
	d := dir(t)
	file := write(t, filepath.Join(d, "hooks.yaml"), "hooks: []\n", 0o666)
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "hooks: "+file+" has mode 0666: others than its owner may change it (chmod go-w") {
		t.Errorf("file that others change: %v", err)
	}
	write(t, file, strings.Repeat("#\n", maxFile), 0o600)
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("large file: %v", err)
	}

	for _, tc := range []struct {
		name      string
		info      fakeInfo
		forbidden fs.FileMode
		want      string
	}{
		{"root's", fakeInfo{0o644, 0}, writable, ""},
		{"the daemon's", fakeInfo{0o644, 7}, writable, ""},
		{"somebody's", fakeInfo{0o644, 8}, writable, "/x belongs to user 8, who could put something else there"},
		{"somebody's symlink", fakeInfo{fs.ModeSymlink | 0o777, 8}, writable, "belongs to user 8"},
		{"root's symlink", fakeInfo{fs.ModeSymlink | 0o777, 0}, writable, ""},
		{"sticky directory", fakeInfo{fs.ModeDir | fs.ModeSticky | 0o777, 0}, writable, ""},
		{"somebody's sticky directory", fakeInfo{fs.ModeDir | fs.ModeSticky | 0o777, 8}, writable, "belongs to user 8"},
		{"sticky file", fakeInfo{fs.ModeSticky | 0o777, 0}, writable, "may change it"},
		{"group may write", fakeInfo{0o620, 0}, writable, "may change it"},
		{"others may write", fakeInfo{0o602, 0}, writable, "may change it"},
		{"others may read", fakeInfo{0o604, 0}, readable, "may use it"},
		{"only its owner", fakeInfo{0o700, 0}, readable, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := ownerFault("/x", tc.info, tc.forbidden, 7)
			if (f == nil) != (tc.want == "") || f != nil && !strings.Contains(f.Error(), tc.want) {
				t.Errorf("got %v, want %q", f, tc.want)
			}
		})
	}
}

// fakeInfo is a file of some owner.
type fakeInfo struct {
	mode fs.FileMode
	uid  uint32
}

func (f fakeInfo) Name() string       { return "x" }
func (f fakeInfo) Size() int64        { return 0 }
func (f fakeInfo) Mode() fs.FileMode  { return f.mode }
func (f fakeInfo) ModTime() time.Time { return time.Time{} }
func (f fakeInfo) IsDir() bool        { return f.mode.IsDir() }
func (f fakeInfo) Sys() any           { return &syscall.Stat_t{Uid: f.uid} }
