// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// host is a mount table with what is awkward in real ones.
const host = `22 27 0:21 / /proc rw,relatime - proc proc rw
24 27 0:6 / /dev rw shared:2 - devtmpfs devtmpfs rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 254:16 / /data rw - ext4 /dev/vdb rw
41 27 254:16 /research /srv/research rw - ext4 /dev/vdb rw
42 27 254:16 / /mnt/again rw - ext4 /dev/vdb rw
43 27 254:0 /home/a /project rw - ext4 /dev/vda rw
44 43 0:50 / /project/tmp rw - tmpfs tmp\040fs rw
45 27 0:60 /@home /home rw - btrfs /dev/vdc rw
46 27 254:0 /gone//deleted /gone rw - ext4 /dev/vda rw
47 40 0:51 / /data/a\040b\134c rw - tmpfs tmpfs rw
48 27 0:52 / /over rw - tmpfs tmpfs rw
49 48 0:53 / /over rw - tmpfs tmpfs rw
50 48 0:54 / /over/hidden rw - tmpfs tmpfs rw
`

// links are the symlinks of that host. Whatever else is asked for exists unless it contains "missing".
var links = map[string]string{
	"/bin":           "usr/bin",
	"/lib":           "/usr/lib",
	"/loop":          "/loop",
	"/up/x":          "../data/research",
	"/dangling":      "/data/missing/x",
	"/proc/self":     "4242",
	"/proc/mounts":   "self/mounts",
	"/proc/4242/exe": "/usr/sbin/caissond",
	"/dev/fd":        "/proc/self/fd",
	"/to-bind":       "/project/src",
}

func readlink(p string) (string, error) {
	switch target, ok := links[p]; {
	case ok:
		return target, nil
	case strings.Contains(p, "missing"):
		return "", &fs.PathError{Op: "readlink", Path: p, Err: syscall.ENOENT}
	case strings.Contains(p, "secret"):
		return "", &fs.PathError{Op: "readlink", Path: p, Err: syscall.EACCES}
	}
	return "", &fs.PathError{Op: "readlink", Path: p, Err: syscall.EINVAL}
}

func table(t *testing.T) *Table {
	t.Helper()
	entries, err := Parse([]byte(host))
	if err != nil {
		t.Fatal(err)
	}
	tab, err := New(entries, readlink)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestLocate(t *testing.T) {
	tests := []struct{ name, path, location, note string }{
		{"plain", "/etc/passwd", "/etc/passwd", ""},
		{"root", "/", "/", ""},
		{"relative symlink", "/bin/sh", "/usr/bin/sh", "symlink leads to /usr/bin/sh"},
		{"absolute symlink", "/lib/x.so", "/usr/lib/x.so", "symlink"},
		{"climbing symlink", "/up/x/f", "/data/research/f", "symlink"},
		{"dangling symlink", "/dangling/f", "/data/missing/x/f", "symlink"},
		{"what does not exist is kept", "/data/missing/f", "/data/missing/f", ""},
		{"below a file system's own mount", "/data/research/f", "/data/research/f", ""},
		{"bind mount of a directory", "/srv/research/f", "/data/research/f", "/srv/research is a further mount"},
		{"bind mount itself", "/srv/research", "/data/research", "further mount"},
		{"second mount of a root", "/mnt/again/f", "/data/f", "further mount"},
		{"bind mount within one file system", "/project/src", "/home/a/src", "further mount"},
		{"mount below a bind mount", "/project/tmp/x", "/project/tmp/x", ""},
		{"a name that only starts like a mount point", "/project2/x", "/project2/x", ""},
		{"symlink into a bind mount", "/to-bind/x", "/home/a/src/x", "symlink leads to /project/src/x, /project is"},
		{"escaped mount point", `/data/a b\c/x`, `/data/a b\c/x`, ""},
		{"proc self stays", "/proc/self/exe", "/proc/self/exe", ""},
		{"proc self alone stays", "/proc/self", "/proc/self", ""},
		{"process by number stays", "/proc/4242/exe", "/proc/4242/exe", ""},
		{"symlink to self", "/proc/mounts", "/proc/self/mounts", "symlink"},
		{"symlink into proc", "/dev/fd/0", "/proc/self/fd/0", "symlink"},
		{"topmost of stacked mounts", "/over/f", "/over/f", ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			location, note, err := table(t).Locate(tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if location != tc.location {
				t.Errorf("location %q, want %q", location, tc.location)
			}
			if !strings.Contains(note, tc.note) || tc.note == "" && note != "" {
				t.Errorf("note %q, want one with %q", note, tc.note)
			}
		})
	}
}

func TestLocateRefused(t *testing.T) {
	tests := []struct {
		name, path string
		is         error
	}{
		{"subvolume whose root is not mounted", "/home/u/.ssh", ErrNowhere},
		{"deleted directory", "/gone/x", ErrNowhere},
		{"symlink loop", "/loop/x", syscall.ELOOP},
		{"unreadable", "/secret/x", fs.ErrPermission},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if l, _, err := table(t).Locate(tc.path, nil); !errors.Is(err, tc.is) {
				t.Errorf("Locate = %q, %v, want %v", l, err, tc.is)
			}
		})
	}
	if _, _, err := table(t).Locate("relative", nil); err == nil {
		t.Error("a relative path was located")
	}
}

func TestPlace(t *testing.T) {
	tab := table(t)
	tests := []struct {
		name string
		dev  uint32
		path string
		want string
	}{
		{"root", 254 << 20, "/etc", "/etc"},
		{"root of root", 254 << 20, "", "/"},
		{"oldest mount counts", 254<<20 | 16, "/f", "/data/f"},
		{"mounted nowhere by its root", 60, "/@home/u", "[0:60]/@home/u"},
		{"unknown", 8<<20 | 1, "/f", "[8:1]/f"},
		{"proc", 21, "/self", "/proc/self"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := tab.Path(tc.dev, tc.path); got != tc.want {
				t.Errorf("Path = %q, want %q", got, tc.want)
			}
		})
	}
	if e := tab.holder("/over/x"); e.Dev != 53 {
		t.Errorf("/over/x is held by %+v, want the mount on top", e)
	}
	if e := tab.holder("/over/hidden/x"); e.Dev != 53 {
		t.Errorf("/over/hidden/x is held by %+v, but that mount is covered", e)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, text string }{
		{"empty", ""},
		{"no separator", "1 0 8:1 / / rw ext4 /dev/sda rw\n"},
		{"too few fields", "1 0 8:1 / - ext4 /dev/sda rw\n"},
		{"bad id", "x 0 8:1 / / rw - ext4 s rw\n"},
		{"bad parent", "1 x 8:1 / / rw - ext4 s rw\n"},
		{"device without colon", "1 0 81 / / rw - ext4 s rw\n"},
		{"major too large", "1 0 4096:1 / / rw - ext4 s rw\n"},
		{"minor too large", "1 0 1:1048576 / / rw - ext4 s rw\n"},
		{"second line bad", "1 0 8:1 / / rw - ext4 s rw\n\n"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if e, err := Parse([]byte(tc.text)); err == nil {
				t.Errorf("parsed as %+v", e)
			}
		})
	}
	if _, err := New([]Entry{{ID: 2, Parent: 1, Point: "/x", Root: "/"}}, readlink); err == nil {
		t.Error("a table without a root directory was accepted")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(host))
	f.Add([]byte(`1 1 0:1 / / rw - t s\0 rw`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := Parse(data)
		if err != nil {
			return
		}
		tab, err := New(entries, readlink)
		if err != nil {
			return
		}
		tab.holder("/a/b")
	})
}

func TestReadHere(t *testing.T) {
	tab, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	if l, _, err := tab.Locate("/proc/self/status", nil); err != nil || l != "/proc/self/status" {
		t.Errorf("Locate = %q, %v", l, err)
	}

	var st syscall.Stat_t
	if err := syscall.Stat("/proc", &st); err != nil {
		t.Fatal(err)
	}
	dev, err := tab.Device("/proc/self/status")
	if err != nil || uint64(dev) != st.Dev {
		t.Errorf("Device = %d, %v, stat says %d", dev, err, st.Dev)
	}
}

func TestWatchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Watch(ctx, func() {}) }()

	time.Sleep(10 * time.Millisecond)
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Watch = %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Watch did not end")
	}
	if _, err := os.Stat(infoFile); err != nil {
		t.Error(err)
	}
}
