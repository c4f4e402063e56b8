// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// recorder is a system that writes down what it is asked for.
type recorder struct {
	calls []string
	fail  string // the call that fails
}

func (r *recorder) do(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	r.calls = append(r.calls, call)
	if call == r.fail {
		return errors.New("refused")
	}
	return nil
}

func (r *recorder) Mkdir(name string, _ os.FileMode) error {
	if err := r.do("mkdir %s", name); err != nil {
		return err
	}
	return os.ErrExist // every place is there already: no error for mountAll
}

func (r *recorder) Mount(_, target, fstype string, _ uintptr, _ string) error {
	return r.do("mount %s %s", fstype, target)
}

func (r *recorder) Symlink(target, name string) error { return r.do("link %s %s", name, target) }

func TestMountAll(t *testing.T) {
	table := []mountPoint{{Target: "/proc", Type: "proc"}, {Target: "/tmp", Type: "tmpfs"}}
	r := &recorder{}
	must(t, mountAll(r, table))

	want := "mkdir /proc, mount proc /proc, mkdir /tmp, mount tmpfs /tmp, mount  /, link /dev/fd /proc/self/fd"
	if got := strings.Join(r.calls, ", "); !strings.HasPrefix(got, want) {
		t.Errorf("got %s", got)
	}
}

func TestMountAllStopsAtTheFirstError(t *testing.T) {
	for _, fail := range []string{"mkdir /proc", "mount proc /proc", "mount  /", "link /dev/fd /proc/self/fd"} {
		t.Run(fail, func(t *testing.T) {
			r := &recorder{fail: fail}
			if err := mountAll(r, []mountPoint{{Target: "/proc", Type: "proc"}}); err == nil {
				t.Fatal("no error")
			}
			if last := r.calls[len(r.calls)-1]; last != fail {
				t.Errorf("went on to %q", last)
			}
		})
	}
}

func TestMountTableOrder(t *testing.T) {
	for i, m := range mountTable {
		for _, earlier := range mountTable[:i] {
			if strings.HasPrefix(earlier.Target, m.Target+"/") {
				t.Errorf("%s is mounted over %s", m.Target, earlier.Target)
			}
			if earlier.Target == m.Target {
				t.Errorf("%s is mounted twice", m.Target)
			}
		}
	}
	for _, fs := range []string{"proc", "sysfs", "devtmpfs", "devpts", "tmpfs", "cgroup2", "bpf", "securityfs", "tracefs"} {
		if !slices.ContainsFunc(mountTable, func(m mountPoint) bool { return m.Type == fs }) {
			t.Errorf("no %s in the table", fs)
		}
	}
}

func TestHiddenBy(t *testing.T) {
	for name, want := range map[string]string{
		"/tmp": "/tmp", "/tmp/x/y": "/tmp", "/tmpfile": "", "/run/../etc/x": "",
		"/dev/shm/x": "/dev", "/usr/bin/x": "", "/work/run/x": "",
	} {
		if got := hiddenBy(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestGuestDirectory(t *testing.T) {
	for cwd, want := range map[string]string{"/work/main": "/work/main", "/tmp/clone": programDir + "/cwd", "/run/x/y": programDir + "/cwd", "/tmpfs": "/tmpfs"} {
		if got := guestDirectory(cwd); got != want {
			t.Errorf("%s: %s, want %s", cwd, got, want)
		}
	}
}
