//go:build vm

// SPDX-License-Identifier: Apache-2.0

package vmtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/cgroup"
	"caisson/daemon/vmtest/actor"
)

// Every way to change a file is decided: allowed below /w/in, denied in /w/out, and a denial changes nothing.
func TestVMEveryWriteHook(t *testing.T) {
	theHost.policy(t, "writer", "agent: writer\nrules:\n  - name: in\n    action: file_write\n    conditions: { path: { starts_with: /w/in } }\n    effect: ALLOW\n")
	for _, dir := range []string{"/w/in/full", "/w/out/full"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll("/w") })
	c := theHost.launch(t, "writer")

	for _, tc := range []struct {
		name string
		kind audit.Kind
		req  actor.Request // paths with % for the directory
	}{
		{"open for writing", audit.KindFileOpen, actor.Request{Op: "open", Path: "%/file", Flag: unix.O_WRONLY}},
		{"truncate on open", audit.KindFileOpen, actor.Request{Op: "open", Path: "%/file", Flag: unix.O_WRONLY | unix.O_TRUNC}},
		{"create", audit.KindFileCreate, actor.Request{Op: "open", Path: "%/new", Flag: unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL}},
		{"mkdir", audit.KindFileMkdir, actor.Request{Op: "mkdir", Path: "%/newdir"}},
		{"rmdir", audit.KindFileRmdir, actor.Request{Op: "rmdir", Path: "%/dir"}},
		{"unlink", audit.KindFileUnlink, actor.Request{Op: "unlink", Path: "%/file"}},
		{"rename", audit.KindFileRename, actor.Request{Op: "rename", Path: "%/file", To: "%/renamed"}},
		{"exchange", audit.KindFileRename, actor.Request{Op: "exchange", Path: "%/file", To: "%/dir"}},
		{"link", audit.KindFileLink, actor.Request{Op: "link", Path: "%/file", To: "%/linked"}},
		{"symlink", audit.KindFileSymlink, actor.Request{Op: "symlink", Path: "%/symlink", To: "/etc"}},
		{"mkfifo", audit.KindFileMknod, actor.Request{Op: "mkfifo", Path: "%/fifo"}},
		{"truncate", audit.KindFileSetattr, actor.Request{Op: "truncate", Path: "%/file"}},
		{"chmod", audit.KindFileSetattr, actor.Request{Op: "chmod", Path: "%/file"}},
		{"chown", audit.KindFileSetattr, actor.Request{Op: "chown", Path: "%/file", Flag: 12}},
		{"utimes", audit.KindFileSetattr, actor.Request{Op: "utimes", Path: "%/file"}},
		{"setxattr", audit.KindFileXattr, actor.Request{Op: "setxattr", Path: "%/file", To: "trusted.x", Data: "y"}},
		{"removexattr", audit.KindFileXattr, actor.Request{Op: "removexattr", Path: "%/file", To: "trusted.c"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in, out := inside(tc.req, "/w/in"), inside(tc.req, "/w/out")
			writeTree(t, "/w/in")
			writeTree(t, "/w/out")
			before := tree(t, "/w/out")

			c.allowed(in)
			c.denied(out)
			if after := tree(t, "/w/out"); after != before {
				t.Errorf("a denied %s changed\n%s to\n%s", tc.name, before, after)
			}
			theHost.logged(t, audit.Filter{Agent: "writer", Kind: tc.kind, Effect: "DENY"}, tc.name, func(r audit.Record) bool {
				return r.Action == "file_write" && r.Enforced == "deny" && strings.HasPrefix(r.Path, "/w/out/")
			})
		})
	}
}

func inside(r actor.Request, dir string) actor.Request {
	r.Path = strings.ReplaceAll(r.Path, "%", dir)
	r.To = strings.ReplaceAll(r.To, "%", dir)
	return r
}

// writeTree makes what the cases of TestVMEveryWriteHook work on, anew.
func writeTree(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir+"/dir", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/file", []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(dir+"/file", "trusted.c", []byte("c"), 0); err != nil {
		t.Fatal(err)
	}
}

// tree describes all that a change could change.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		var st unix.Stat_t
		if err := unix.Lstat(dir+"/"+e.Name(), &st); err != nil {
			t.Fatal(err)
		}
		names := make([]byte, 256)
		n, err := unix.Llistxattr(dir+"/"+e.Name(), names)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(strings.Join([]string{e.Name(), e.Type().String(), string(names[:n])}, " "))
		b.WriteString(" " + describe(st) + "\n")
	}
	return b.String()
}

// A location is not a path: what an agent does to paths does not change what is decided.
func TestVMSymlinkBindMountChroot(t *testing.T) {
	theHost.policy(t, "tricky", `agent: tricky
rules:
  - { name: no-secret, action: file_read, conditions: { path: { starts_with: /vault } }, effect: DENY }
  - { name: work, action: file_read, conditions: { path: { starts_with: /desk } }, effect: ALLOW }
  - { name: work-write, action: file_write, conditions: { path: { starts_with: /desk } }, effect: ALLOW }
`)
	for _, dir := range []string{"/vault/d", "/desk/mnt", "/desk/jail", "/desk/tmpfs"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"/vault/secret", "/desk/plain"} {
		if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll("/vault"); os.RemoveAll("/desk") })

	t.Run("symlink", func(t *testing.T) {
		c := theHost.launch(t, "tricky")
		c.allowed(actor.Request{Op: "symlink", Path: "/desk/link", To: "/vault"})
		c.denied(actor.Request{Op: "open", Path: "/desk/link/secret"})
		c.allowed(actor.Request{Op: "open", Path: "/desk/plain"})
	})
	t.Run("proc", func(t *testing.T) {
		c := theHost.launch(t, "tricky")
		c.denied(actor.Request{Op: "open", Path: "/proc/self/root/vault/secret"})
		c.allowed(actor.Request{Op: "open", Path: "/proc/self/root/desk/plain"})
		c.allowed(actor.Request{Op: "chdir", Path: "/vault"})
		c.denied(actor.Request{Op: "open", Path: "/proc/self/cwd/secret"})
		c.denied(actor.Request{Op: "open", Path: "secret"})
	})
	t.Run("bind mount", func(t *testing.T) {
		c := brought(t, "tricky", actor.Request{Op: "bind", Path: "/vault", To: "/desk/mnt"})
		c.denied(actor.Request{Op: "open", Path: "/desk/mnt/secret"})
		c.allowed(actor.Request{Op: "open", Path: "/desk/plain"})
	})
	t.Run("bind mount over", func(t *testing.T) {
		c := brought(t, "tricky", actor.Request{Op: "bind", Path: "/desk", To: "/vault"})
		c.allowed(actor.Request{Op: "open", Path: "/vault/plain"}) // it is /desk/plain
		c.allowed(actor.Request{Op: "open", Path: "/desk/plain"})
	})
	t.Run("open_tree", func(t *testing.T) {
		c := theHost.launch(t, "tricky")
		if a := c.do(actor.Request{Op: "opentree", To: "/vault", Path: "secret"}); a.Errno == 0 {
			t.Error("open_tree gave the secret away")
		}
	})
	t.Run("chroot", func(t *testing.T) {
		c := theHost.launch(t, "tricky")
		c.do(actor.Request{Op: "chroot", Path: "/vault"})
		for _, path := range []string{"/secret", "/vault/secret"} {
			if a := c.do(actor.Request{Op: "open", Path: path}); a.Errno == 0 {
				t.Errorf("chroot gave %s away", path)
			}
		}
	})
	t.Run("unmounted superblock", func(t *testing.T) {
		c := brought(t, "tricky", actor.Request{Op: "tmpfs", Path: "/desk/tmpfs"}, actor.Request{Op: "write", Path: "/desk/tmpfs/x", Data: "x"})
		c.denied(actor.Request{Op: "open", Path: "/desk/tmpfs/x"})
		c.denied(actor.Request{Op: "write", Path: "/desk/tmpfs/y", Data: "y"})
		theHost.logged(t, audit.Filter{Agent: "tricky", Effect: "DENY"}, "a denial on a file system of the agent's own", func(r audit.Record) bool {
			return strings.HasPrefix(r.Reason, "not-mounted: ")
		})
	})
}

// brought starts a process of an agent that comes with a mount namespace of its own, in which it has made preparations: no
// agent could make them, but one may be started like that.
func brought(t *testing.T, agent string, prepare ...actor.Request) confined {
	t.Helper()
	c := started(t, agent, "here")
	c.allowed(actor.Request{Op: "unshare", Flag: unix.CLONE_NEWNS})
	c.allowed(actor.Request{Op: "private"})
	for _, r := range prepare {
		c.allowed(r)
	}
	c.allowed(actor.Request{Op: "enter", Path: filepath.Join(sliceDir(t), cgroup.AgentSlice(agent))})
	return c
}

// A name that moves or gains a second name is decided at both ends.
func TestVMRenameHardlinkBothEnds(t *testing.T) {
	theHost.policy(t, "mover", `agent: mover
rules:
  - { name: a, action: file_write, conditions: { path: { starts_with: /m/a } }, effect: ALLOW }
  - { name: read-a, action: file_read, conditions: { path: { starts_with: /m/a } }, effect: ALLOW }
`)
	for _, dir := range []string{"/m/a/sub", "/m/b/sub"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll("/m") })
	for _, file := range []string{"/m/a/f", "/m/b/f"} {
		if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	c := theHost.launch(t, "mover")
	c.denied(actor.Request{Op: "rename", Path: "/m/a/f", To: "/m/b/g"})
	c.denied(actor.Request{Op: "rename", Path: "/m/b/f", To: "/m/a/g"})
	c.denied(actor.Request{Op: "rename", Path: "/m/a/f", To: "/m/b/f"})
	c.denied(actor.Request{Op: "exchange", Path: "/m/a/f", To: "/m/b/f"})
	c.denied(actor.Request{Op: "rename", Path: "/m/b/sub", To: "/m/a/moved"})
	c.denied(actor.Request{Op: "link", Path: "/m/b/f", To: "/m/a/l"})
	c.denied(actor.Request{Op: "link", Path: "/m/a/f", To: "/m/b/l"})
	c.denied(actor.Request{Op: "open", Path: "/m/b/f"})
	unchanged(t, "/m/a/f")
	unchanged(t, "/m/b/f")

	// What moves within its own ground is judged at its new place at once.
	c.allowed(actor.Request{Op: "rename", Path: "/m/a/sub", To: "/m/a/sub2"})
	c.allowed(actor.Request{Op: "write", Path: "/m/a/sub2/x", Data: "x"})
}

// A directory may not be moved away from a rule that denies something in it, nor a file to where it could be read.
func TestVMMoveKeepsDenials(t *testing.T) {
	theHost.policy(t, "carrier", `agent: carrier
rules:
  - { name: no-key, action: file_read, conditions: { path: { glob: "/c/*/key" } }, effect: DENY }
  - { name: no-key-write, action: file_write, conditions: { path: { equals: /c/fixed/key } }, effect: DENY }
  - { name: read, action: file_read, conditions: { path: { starts_with: /c } }, effect: ALLOW }
  - { name: write, action: file_write, conditions: { path: { starts_with: /c } }, effect: ALLOW }
  - { name: outbox, action: file_write, conditions: { path: { starts_with: /outbox } }, effect: ALLOW }
`)
	for _, dir := range []string{"/c/a/free", "/c/fixed", "/outbox/d"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.RemoveAll("/c"); os.RemoveAll("/outbox") })
	for _, file := range []string{"/c/a/key", "/c/a/free/x", "/c/fixed/key", "/outbox/letter"} {
		if err := os.WriteFile(file, []byte("hello\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	c := theHost.launch(t, "carrier")
	c.denied(actor.Request{Op: "open", Path: "/c/a/key"})
	c.denied(actor.Request{Op: "rename", Path: "/c/a", To: "/c/fixed/a"})
	c.denied(actor.Request{Op: "rename", Path: "/c/a", To: "/c/b"})          // the key would be /c/b/key, still denied; but who can tell
	c.denied(actor.Request{Op: "rename", Path: "/c/a/key", To: "/c/a/key2"}) // readable there
	c.denied(actor.Request{Op: "link", Path: "/c/a/key", To: "/c/a/free/k"})
	c.denied(actor.Request{Op: "rename", Path: "/c/fixed", To: "/c/a/free/f"})
	c.denied(actor.Request{Op: "rename", Path: "/outbox/letter", To: "/c/a/letter"})
	c.denied(actor.Request{Op: "link", Path: "/outbox/letter", To: "/c/a/letter"})
	unchanged(t, "/c/a/key")
	unchanged(t, "/outbox/letter")

	c.allowed(actor.Request{Op: "rename", Path: "/c/a/free", To: "/c/a/free2"})
	c.allowed(actor.Request{Op: "rename", Path: "/c/a/free2/x", To: "/c/a/y"})
	c.allowed(actor.Request{Op: "rename", Path: "/outbox/letter", To: "/outbox/letter2"})
	c.allowed(actor.Request{Op: "rename", Path: "/outbox/d", To: "/outbox/e"})
	theHost.logged(t, audit.Filter{Agent: "carrier", Kind: audit.KindFileRename, Effect: "DENY"}, "the directory that may not be moved", func(r audit.Record) bool {
		return r.Path == "/c/a" && strings.HasPrefix(r.Reason, "subtree: ")
	})
}

// What needs no place that a rule could name still works.
func TestVMPipesAndMemory(t *testing.T) {
	c := theHost.launch(t, "coding-agent")
	c.allowed(actor.Request{Op: "pipe"})
	c.allowed(actor.Request{Op: "memfdsize"})
}

// Names of 255 bytes and paths near the limit are judged whole, never cut.
func TestVMLongNames(t *testing.T) {
	long := strings.Repeat("n", 255)
	near := strings.Repeat("n", 254) + "m"
	theHost.policy(t, "longname", "agent: longname\nrules:\n  - { name: long, action: file_read, conditions: { path: { equals: /l/"+long+" } }, effect: ALLOW }\n"+
		"  - { name: deep, action: file_read, conditions: { path: { starts_with: /l/deep } }, effect: ALLOW }\n"+
		"  - { name: misread, action: file_read, conditions: { path: { starts_with: /deep } }, effect: ALLOW }\n")
	if err := os.MkdirAll("/l/deep", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll("/l") })
	for _, name := range []string{long, near} {
		if err := os.WriteFile("/l/"+name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	c := theHost.launch(t, "longname")
	c.allowed(actor.Request{Op: "open", Path: "/l/" + long})
	c.denied(actor.Request{Op: "open", Path: "/l/" + near})

	// 127 names are the most there can be, and one more is denied rather than misread: without its first name each of these
	// would be below /deep, which is allowed, too.
	if err := os.MkdirAll("/l/deep"+strings.Repeat("/d", 130), 0o755); err != nil {
		t.Fatal(err)
	}
	for names := 3; names <= 132; names++ {
		r := actor.Request{Op: "open", Path: "/l/deep" + strings.Repeat("/d", names-2)}
		if names <= 127 {
			c.allowed(r)
		} else {
			c.denied(r)
		}
	}
	theHost.logged(t, audit.Filter{Agent: "longname", Effect: "DENY"}, "a location that is too deep", func(r audit.Record) bool {
		return strings.HasPrefix(r.Reason, "too-deep: ")
	})
}
