// SPDX-License-Identifier: Apache-2.0

package preflight

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Names of the checks, stable for scripts that read `caisson doctor --json`.
const (
	Root    = "root"
	Kernel  = "kernel"
	LSM     = "bpf-lsm"
	BTF     = "btf"
	Cgroup2 = "cgroup2"
	Bpffs   = "bpffs"
)

// Check is what one look at the host found.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Known  bool   `json:"known"`            // false: could not be checked, for instance without root
	Detail string `json:"detail"`           // what was found
	Remedy string `json:"remedy,omitempty"` // what to do about it, exact enough to copy
}

// Err returns nil for a check that passed and a *[Failure] for one that did not, or that could not be made: what is
// not known does not count as fine.
func (c Check) Err() error {
	if c.OK {
		return nil
	}
	return &Failure{c}
}

// Failure is a check that stops the daemon from starting.
type Failure struct{ Check Check }

// Error names the check and what was found.
func (f *Failure) Error() string { return f.Check.Name + ": " + f.Check.Detail }

// Hint returns the remedy.
func (f *Failure) Hint() string { return f.Check.Remedy }

// Host is the host to look at.
type Host struct {
	FS      fs.FS  // the root directory
	Release string // kernel release, as in uname -r
	UID     int    // effective user of the process that asks
}

// Here returns the host this process runs on.
func Here() (Host, error) {
	release, err := release()
	if err != nil {
		return Host{}, fmt.Errorf("kernel release: %w", err)
	}
	return Host{FS: os.DirFS("/"), Release: release, UID: os.Geteuid()}, nil
}

// Checks makes all checks, in the order in which an operator should mend them.
func (h Host) Checks() []Check {
	return []Check{h.root(), h.kernel(), h.lsm(), h.btf(), h.cgroup2(), h.bpffs()}
}

// Err joins the failures of all checks; nil: go on and probe.
func (h Host) Err() error {
	var errs []error
	for _, c := range h.Checks() {
		errs = append(errs, c.Err())
	}
	return errors.Join(errs...)
}

// pass, fail and unknown build the three outcomes.
func pass(name, detail string) Check { return Check{Name: name, OK: true, Known: true, Detail: detail} }

func fail(name, detail, remedy string) Check {
	return Check{Name: name, Known: true, Detail: detail, Remedy: remedy}
}

func unknown(name, detail, remedy string) Check {
	return Check{Name: name, Detail: detail, Remedy: remedy}
}
