// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// member is one file as read back from an archive.
type member struct {
	mode, uid, major, minor uint64
	content                 string
}

// readArchive parses a newc archive from the format's description alone.
func readArchive(t *testing.T, archive []byte) (names []string, members map[string]member) {
	t.Helper()
	members = map[string]member{}
	align := func(n int) int { return (n + 3) / 4 * 4 }

	for off := 0; ; {
		if string(archive[off:off+6]) != "070701" {
			t.Fatalf("offset %d: no magic number", off)
		}
		field := func(i int) uint64 {
			v, err := strconv.ParseUint(string(archive[off+6+8*i:off+14+8*i]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		size, nameSize := int(field(6)), int(field(11))
		name := string(archive[off+110 : off+110+nameSize-1])
		data := align(off + 110 + nameSize)
		if name == "TRAILER!!!" {
			if data != len(archive) {
				t.Errorf("%d bytes after the trailer", len(archive)-data)
			}
			return names, members
		}

		names = append(names, name)
		members[name] = member{
			mode: field(1), uid: field(2), major: field(9), minor: field(10),
			content: string(archive[data : data+size]),
		}
		off = align(data + size)
	}
}

func archiveOf(t *testing.T, tr *tree) ([]string, map[string]member) {
	t.Helper()
	var buf bytes.Buffer
	if err := tr.Archive(&buf); err != nil {
		t.Fatal(err)
	}
	return readArchive(t, buf.Bytes())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestArchiveReadsBack(t *testing.T) {
	tr := newTree()
	must(t, tr.Symlink("/bin", "usr/bin"))
	must(t, tr.Dir("/home/agent", 0o755, 1000))
	must(t, tr.Data("/bin/one", 0o755, []byte("1")))
	must(t, tr.Data("/etc/four", 0o600, []byte("four")))
	must(t, tr.Data("/etc/five", 0o600, []byte("fünf!")))
	must(t, tr.Char("/dev/console", 0o600, 5, 1))

	names, members := archiveOf(t, tr)
	want := "bin dev dev/console etc etc/five etc/four home home/agent usr usr/bin usr/bin/one"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("names\n got %s\nwant %s", got, want)
	}
	for name, want := range map[string]member{
		"bin":         {mode: 0o120777, content: "usr/bin"},
		"usr/bin":     {mode: 0o040755},
		"usr/bin/one": {mode: 0o100755, content: "1"},
		"etc/five":    {mode: 0o100600, content: "fünf!"},
		"dev/console": {mode: 0o020600, major: 5, minor: 1},
		"home/agent":  {mode: 0o040755, uid: 1000},
	} {
		if members[name] != want {
			t.Errorf("%s: got %+v, want %+v", name, members[name], want)
		}
	}
}

func TestArchiveNoticesAShrunkenFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(name, []byte("long enough"), 0o644))
	tr := newTree()
	must(t, tr.File(name, "/f"))
	must(t, os.WriteFile(name, []byte("short"), 0o644))

	if err := tr.Archive(&bytes.Buffer{}); err == nil {
		t.Error("a file that changed while it was packed went unnoticed")
	}
}

func TestTreeConflicts(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*tree) error
	}{
		{"file below a file", func(tr *tree) error { return tr.Data("/f/g", 0o644, nil) }},
		{"file over a directory", func(tr *tree) error { return tr.Data("/d", 0o644, nil) }},
		{"link loop", func(tr *tree) error { return tr.Data("/loop/x", 0o644, nil) }},
		{"not a regular file", func(tr *tree) error { return tr.File("/dev/null", "/null") }},
		{"missing file", func(tr *tree) error { return tr.File("/no/such/file", "/x") }},
		{"missing directory", func(tr *tree) error { return tr.Copy("/no/such/dir", "/x") }},
		{"relative host path", func(tr *tree) error { return tr.HostPath("bin/sh") }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := newTree()
			must(t, tr.Data("/f", 0o644, nil))
			must(t, tr.Dir("/d", 0o755, 0))
			must(t, tr.Symlink("/loop", "loop"))
			if tc.do(tr) == nil {
				t.Error("no error")
			}
		})
	}
}

func TestTreeFollowsItsLinks(t *testing.T) {
	tr := newTree()
	must(t, tr.Symlink("/lib", "usr/lib"))
	must(t, tr.Dir("/lib", 0o755, 0))
	must(t, tr.Data("/usr/lib/x", 0o644, []byte("old")))
	must(t, tr.Data("/lib/x", 0o644, []byte("new")))

	_, members := archiveOf(t, tr)
	if members["lib"].mode&0o170000 != modeSymlink {
		t.Error("making the directory replaced the link to it")
	}
	if got := members["usr/lib/x"].content; got != "new" {
		t.Errorf("got %q: one file under two names", got)
	}
}

func TestCopyAndHostPath(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "real", "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "real", "sub", "lib.so.1.2"), []byte("elf"), 0o644))
	must(t, os.Symlink("lib.so.1.2", filepath.Join(dir, "real", "sub", "lib.so.1")))
	must(t, os.Symlink("real", filepath.Join(dir, "alias")))

	t.Run("copy", func(t *testing.T) {
		tr := newTree()
		must(t, tr.Copy(filepath.Join(dir, "real"), "/data"))
		_, members := archiveOf(t, tr)
		if members["data/sub/lib.so.1.2"].content != "elf" || members["data/sub/lib.so.1"].content != "lib.so.1.2" {
			t.Errorf("got %+v", members)
		}
	})
	t.Run("links on the way", func(t *testing.T) {
		tr := newTree()
		must(t, tr.HostPath(filepath.Join(dir, "alias", "sub", "lib.so.1")))
		_, members := archiveOf(t, tr)
		base := strings.TrimPrefix(dir, "/")
		for name, content := range map[string]string{
			"/alias": "real", "/real/sub/lib.so.1": "lib.so.1.2", "/real/sub/lib.so.1.2": "elf",
		} {
			if members[base+name].content != content {
				t.Errorf("%s: got %q, want %q", name, members[base+name].content, content)
			}
		}
	})
}
