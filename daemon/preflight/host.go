// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Oldest kernel that has what the programs use: sleepable exec hooks with page tables, bpf_loop, task storage in LSM.
const (
	minMajor = 6
	minMinor = 1
)

func (h Host) root() Check {
	if h.UID != 0 {
		return fail(Root, fmt.Sprintf("running as uid %d", h.UID), "run it as root: loading BPF LSM programs needs it")
	}
	return pass(Root, "running as root")
}

func (h Host) kernel() Check {
	major, minor, ok := parseRelease(h.Release)
	if !ok {
		return unknown(Kernel, fmt.Sprintf("release %q is not a version", h.Release), "")
	}
	if major < minMajor || major == minMajor && minor < minMinor {
		return fail(Kernel, fmt.Sprintf("Linux %s, need %d.%d or newer", h.Release, minMajor, minMinor),
			fmt.Sprintf("boot a kernel of version %d.%d or newer", minMajor, minMinor))
	}
	return pass(Kernel, "Linux "+h.Release)
}

// lsm looks for bpf among the active security modules and, if it is not there, builds the boot parameter from those
// that are: lsm= replaces the whole list, so leaving one out would switch it off.
func (h Host) lsm() Check {
	b, err := fs.ReadFile(h.FS, "sys/kernel/security/lsm")
	if errors.Is(err, fs.ErrNotExist) {
		return unknown(LSM, "/sys/kernel/security/lsm is missing",
			"mount -t securityfs securityfs /sys/kernel/security; if that fails, the kernel lacks CONFIG_SECURITYFS")
	}
	if err != nil {
		return unknown(LSM, "reading the list of security modules: "+err.Error(), "run it as root")
	}

	list := strings.Split(strings.TrimSpace(string(b)), ",")
	if slices.Contains(list, "bpf") {
		return pass(LSM, "active security modules: "+strings.Join(list, ","))
	}
	return fail(LSM, "bpf is not among the active security modules ("+strings.Join(list, ",")+")",
		"add "+bootParameter(list)+" to the kernel command line (GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub) and reboot")
}

// bootParameter returns the lsm= parameter that keeps the active modules and adds bpf.
func bootParameter(active []string) string {
	var names []string
	for _, name := range active {
		// capability is always active and always first: the parameter does not take it.
		if name != "capability" && name != "" {
			names = append(names, name)
		}
	}
	return "lsm=" + strings.Join(append(names, "bpf"), ",")
}

func (h Host) btf() Check {
	if _, err := fs.Stat(h.FS, "sys/kernel/btf/vmlinux"); err != nil {
		return fail(BTF, "/sys/kernel/btf/vmlinux is missing", "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y")
	}
	return pass(BTF, "/sys/kernel/btf/vmlinux is there")
}

func (h Host) cgroup2() Check {
	point, err := h.mounted("cgroup2")
	if err != nil {
		return unknown(Cgroup2, err.Error(), "")
	}
	if point == "" {
		return fail(Cgroup2, "no cgroup v2 hierarchy is mounted",
			"boot with systemd.unified_cgroup_hierarchy=1, or: mount -t cgroup2 cgroup2 /sys/fs/cgroup")
	}
	return pass(Cgroup2, "cgroup v2 is mounted on "+point)
}

func (h Host) bpffs() Check {
	point, err := h.mounted("bpf")
	if err != nil {
		return unknown(Bpffs, err.Error(), "")
	}
	if point == "" {
		return fail(Bpffs, "no BPF file system is mounted", "mount -t bpf bpffs /sys/fs/bpf")
	}
	return pass(Bpffs, "the BPF file system is mounted on "+point)
}

// mounted returns the first place where a file system of the type is mounted, "" if there is none.
func (h Host) mounted(fstype string) (string, error) {
	b, err := fs.ReadFile(h.FS, "proc/self/mounts")
	if err != nil {
		return "", fmt.Errorf("reading the mount table: %w", err)
	}

	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) >= 3 && f[2] == fstype {
			return f[1], nil
		}
	}
	return "", nil
}

// parseRelease takes major and minor from a release like "6.12.11+deb12-cloud-amd64".
func parseRelease(s string) (major, minor int, ok bool) {
	parts := strings.SplitN(s, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}

	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, 0, false
	}

	end := strings.IndexFunc(parts[1], func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(parts[1])
	}
	minor, err = strconv.Atoi(parts[1][:end])
	return major, minor, err == nil
}

func release() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	return unix.ByteSliceToString(u.Release[:]), nil
}
