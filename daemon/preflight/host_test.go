// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

// good returns a host on which everything is as it should be.
func good() Host {
	return Host{
		Release: "6.12.11+deb12-cloud-amd64",
		FS: fstest.MapFS{
			"sys/kernel/security/lsm": {Data: []byte("lockdown,capability,landlock,yama,apparmor,bpf\n")},
			"sys/kernel/btf/vmlinux":  {},
			"proc/self/mounts": {Data: []byte("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n" +
				"bpf /sys/fs/bpf bpf rw 0 0\n")},
		},
	}
}

func TestChecks(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Host, fstest.MapFS)
		failed string // name of the only check that may fail; "": none
		remedy string // part of its remedy
	}{
		{"good", func(*Host, fstest.MapFS) {}, "", ""},
		{"not root", func(h *Host, _ fstest.MapFS) { h.UID = 1000 }, Root, "as root"},
		{"old kernel", func(h *Host, _ fstest.MapFS) { h.Release = "5.15.0-91-generic" }, Kernel, "6.1 or newer"},
		{"old 6.x kernel", func(h *Host, _ fstest.MapFS) { h.Release = "6.0.19" }, Kernel, "6.1 or newer"},
		{"release without minor", func(h *Host, _ fstest.MapFS) { h.Release = "linux" }, Kernel, ""},
		{"no bpf lsm", func(_ *Host, f fstest.MapFS) {
			f["sys/kernel/security/lsm"] = &fstest.MapFile{Data: []byte("capability,landlock,yama,apparmor")}
		}, LSM, "lsm=landlock,yama,apparmor,bpf "},
		{"a module whose name contains bpf is not bpf", func(_ *Host, f fstest.MapFS) {
			f["sys/kernel/security/lsm"] = &fstest.MapFile{Data: []byte("capability,bpfx")}
		}, LSM, "lsm=bpfx,bpf "},
		{"only capability", func(_ *Host, f fstest.MapFS) {
			f["sys/kernel/security/lsm"] = &fstest.MapFile{Data: []byte("capability")}
		}, LSM, "lsm=bpf "},
		{"securityfs not mounted", func(_ *Host, f fstest.MapFS) { delete(f, "sys/kernel/security/lsm") }, LSM, "mount -t securityfs"},
		{"no BTF", func(_ *Host, f fstest.MapFS) { delete(f, "sys/kernel/btf/vmlinux") }, BTF, "CONFIG_DEBUG_INFO_BTF"},
		{"no cgroup2", func(_ *Host, f fstest.MapFS) {
			f["proc/self/mounts"] = &fstest.MapFile{Data: []byte("bpf /sys/fs/bpf bpf rw 0 0\ncgroup /c cgroup rw 0 0\n")}
		}, Cgroup2, "mount -t cgroup2"},
		{"no bpffs", func(_ *Host, f fstest.MapFS) {
			f["proc/self/mounts"] = &fstest.MapFile{Data: []byte("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")}
		}, Bpffs, "mount -t bpf"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			h := good()
			tc.change(&h, h.FS.(fstest.MapFS))

			for _, c := range h.Checks() {
				if c.OK == (c.Name == tc.failed) {
					t.Errorf("%s: OK is %v: %s", c.Name, c.OK, c.Detail)
				}
				if c.Name == tc.failed && !strings.Contains(c.Remedy, tc.remedy) {
					t.Errorf("remedy %q lacks %q", c.Remedy, tc.remedy)
				}
			}
			if err := h.Err(); (err != nil) != (tc.failed != "") {
				t.Errorf("Err() = %v", err)
			}
		})
	}
}

func TestUnknownIsNotFine(t *testing.T) {
	h := good()
	delete(h.FS.(fstest.MapFS), "proc/self/mounts")

	var f *Failure
	if err := h.Err(); !errors.As(err, &f) {
		t.Fatalf("Err() = %v, want a Failure", err)
	}
	if f.Check.Known || f.Check.Name != Cgroup2 {
		t.Errorf("first failure is %+v, want cgroup2, not known", f.Check)
	}
}

func TestHere(t *testing.T) {
	h, err := Here()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := parseRelease(h.Release); !ok {
		t.Errorf("the running kernel's release %q is not understood", h.Release)
	}
}
