// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// system is what PID 1 asks of the kernel; tests put a recorder in its place.
type system interface {
	Mkdir(name string, perm os.FileMode) error
	Mount(source, target, fstype string, flags uintptr, data string) error
	Symlink(target, name string) error
}

// mountPoint is one row of the mount table.
type mountPoint struct {
	Target string
	Type   string
	Flags  uintptr
	Data   string
}

const (
	mountKernel = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	mountShared = unix.MS_NOSUID | unix.MS_NODEV
)

// mountTable is mounted from top to bottom: the order in which a Debian
// system has these, with the flags that systemd gives them.
var mountTable = []mountPoint{
	{"/proc", "proc", mountKernel, ""},
	{"/sys", "sysfs", mountKernel, ""},
	{"/dev", "devtmpfs", unix.MS_NOSUID, "mode=755"},
	{"/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"},
	{"/dev/shm", "tmpfs", mountShared, "mode=1777"},
	{"/tmp", "tmpfs", mountShared, "mode=1777"},
	{"/run", "tmpfs", mountShared, "mode=755"},
	// Without nsdelegate a cgroup namespace would be no boundary.
	{"/sys/fs/cgroup", "cgroup2", mountKernel, "nsdelegate,memory_recursiveprot"},
	{"/sys/fs/bpf", "bpf", mountKernel, "mode=700"},
	{"/sys/kernel/security", "securityfs", mountKernel, ""},
	{"/sys/kernel/tracing", "tracefs", mountKernel, ""},
}

// deviceLinks are the names that udev, which is not here, would add to /dev.
var deviceLinks = []struct{ name, target string }{
	{"/dev/fd", "/proc/self/fd"},
	{"/dev/stdin", "/proc/self/fd/0"},
	{"/dev/stdout", "/proc/self/fd/1"},
	{"/dev/stderr", "/proc/self/fd/2"},
}

// mountAll mounts the table and adds the device links. Every row is needed:
// a test that finds its file system missing would only fail less clearly.
func mountAll(sys system, table []mountPoint) error {
	for _, m := range table {
		if err := sys.Mkdir(m.Target, 0o755); err != nil && !os.IsExist(err) {
			return fmt.Errorf("creating mount point: %w", err)
		}
		if err := sys.Mount(m.Type, m.Target, m.Type, m.Flags, m.Data); err != nil {
			return fmt.Errorf("mounting %s on %s: %w", m.Type, m.Target, err)
		}
	}
	// systemd shares all mounts, and so new mount namespaces see later ones.
	if err := sys.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("sharing mounts: %w", err)
	}

	for _, l := range deviceLinks {
		if err := sys.Symlink(l.target, l.name); err != nil && !os.IsExist(err) {
			return fmt.Errorf("linking device: %w", err)
		}
	}
	return nil
}

// hiddenBy returns the mount point that would hide a file of the initramfs,
// or "" if the file will be seen.
func hiddenBy(name string) string {
	name = path.Clean(name)
	for _, m := range mountTable {
		if name == m.Target || strings.HasPrefix(name, m.Target+"/") {
			return m.Target
		}
	}
	return ""
}
