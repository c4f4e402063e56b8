// SPDX-License-Identifier: Apache-2.0

//go:build vm

package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"caisson/daemon/doctor"
	"caisson/daemon/preflight"
)

// withoutBPF is the boot parameter of a host on which BPF programs load and no LSM program is ever run.
const withoutBPF = "lsm=landlock,capability"

// activeModules finds the modules in the detail of the check.
var activeModules = regexp.MustCompile(`bpf is not among the active security modules \(([a-z0-9_,]+)\)`)

// remedyFor returns the boot parameter that a text must name: the modules it says are active, and bpf. It must keep the
// ones that the host was booted with.
func remedyFor(t *testing.T, text string) string {
	t.Helper()
	found := activeModules.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("the active security modules are not named:\n%s", text)
	}
	var names []string
	for name := range strings.SplitSeq(found[1], ",") {
		if name != "capability" {
			names = append(names, name)
		}
	}
	remedy := "lsm=" + strings.Join(names, ",") + ",bpf"
	if !strings.Contains(remedy, "landlock") {
		t.Errorf("%s would switch off landlock", remedy)
	}
	return remedy
}

func TestVMRefusesWithoutBPF(t *testing.T) {
	const pin = "/sys/fs/bpf/left"
	both := inGuest(t, withoutBPF, "", "/usr/sbin/caissond", "/bin/mkdir "+pin)
	got := both[0]
	remedy := remedyFor(t, got.Stderr)

	want := "hint: add " + remedy + " to the kernel command line (GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub) and reboot\n"
	if !strings.HasPrefix(got.Stderr, "caissond: bpf-lsm: bpf is not among") || !strings.HasSuffix(got.Stderr, "\n"+want) {
		t.Errorf("standard error is\n%s\nwant the reason, and then\n%s", got.Stderr, want)
	}
	refused(t, got)
	// Otherwise nothing found would be nothing looked for.
	if made := both[1].Made; !slices.Equal(made, []string{pin}) {
		t.Errorf("mkdir %s was seen to make %q", pin, made)
	}
}

func TestVMRefusesWithoutBTF(t *testing.T) {
	got := inGuest(t, "", "/sys/kernel/btf", "/usr/sbin/caissond")[0]
	const want = "caissond: btf: /sys/kernel/btf/vmlinux is missing\nhint: boot a kernel built with CONFIG_DEBUG_INFO_BTF=y\n"
	if got.Stderr != want {
		t.Errorf("standard error is\n%s\nwant\n%s", got.Stderr, want)
	}
	refused(t, got)
}

// refused checks that caissond has ended as documented and has left nothing.
func refused(t *testing.T, o outcome) {
	t.Helper()
	if o.Status != exitRefused {
		t.Errorf("exit status %d, want %d", o.Status, exitRefused)
	}
	if len(o.Made) > 0 {
		t.Errorf("left behind: %q", o.Made)
	}
}

func TestVMDoctorSaysWhatIsMissing(t *testing.T) {
	got := inGuest(t, withoutBPF, "", "/usr/bin/caisson doctor", "/usr/bin/caisson doctor --json")
	remedy := remedyFor(t, got[0].Stdout)
	if !regexp.MustCompile(`(?m)^FAIL +bpf-lsm +bpf is not among`).MatchString(got[0].Stdout) ||
		!strings.Contains(got[0].Stdout, "remedy: add "+remedy+" to the kernel command line") {
		t.Errorf("bpf-lsm and %s are not named:\n%s", remedy, got[0].Stdout)
	}
	for _, o := range got {
		if o.Status != 1 || len(o.Made) > 0 {
			t.Errorf("exit status %d, want 1; left behind %q", o.Status, o.Made)
		}
	}
	checks := decode(t, got[1])
	if c := checks[preflight.LSM]; c.OK || !c.Known || !strings.Contains(c.Remedy, remedy) {
		t.Errorf("check of the security modules: %+v", c)
	}
	if c := checks[doctor.Enforcement]; c.OK || c.Known || !strings.Contains(c.Detail, preflight.LSM) {
		t.Errorf("enforcement is not put down to the security modules: %+v", c)
	}

	// What doctor says to do is enough: the very parameter, and the host enforces.
	checks = decode(t, inGuest(t, remedy, "", "/usr/bin/caisson doctor --json")[0])
	for _, name := range []string{preflight.LSM, doctor.Enforcement} {
		if !checks[name].OK {
			t.Errorf("booted with %s: %+v", remedy, checks[name])
		}
	}
}

// decode reads what doctor wrote as JSON; checks are by name.
func decode(t *testing.T, o outcome) map[string]doctor.Check {
	t.Helper()
	var diagnosis struct{ Checks []doctor.Check }
	if err := json.Unmarshal([]byte(o.Stdout), &diagnosis); err != nil {
		t.Fatalf("doctor: %v\n%s%s", err, o.Stdout, o.Stderr)
	}
	checks := map[string]doctor.Check{}
	for _, c := range diagnosis.Checks {
		checks[c.Name] = c
	}
	return checks
}
