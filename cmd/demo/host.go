// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"caisson/daemon/cgroup"
	"caisson/daemon/doctor"
	"caisson/daemon/kernel"
	"caisson/daemon/preflight"
)

// hostChecks are those of doctor that must pass before the demo touches a host; the others are about an installed caisson.
var hostChecks = []string{
	preflight.Root, preflight.Kernel, preflight.LSM, preflight.BTF, preflight.Cgroup2, preflight.Bpffs, doctor.Enforcement,
}

// hostWorld is the world on the machine itself. Nothing is changed before everything has been looked at.
func hostWorld(ctx context.Context, opt options) (*world, error) {
	if err := enforces(doctor.Run(ctx, doctor.Options{Probe: kernel.Probe}), kernel.Probe); err != nil {
		return nil, err
	}

	free := netip.MustParseAddr
	w := &world{
		host: true,
		// Port 0: the usual ones may be taken. The names of the policies are not made to stand for these addresses.
		api: target{addr: free("127.0.0.2")}, apiOther: target{addr: free("127.0.0.2")},
		deploy: target{addr: free("127.0.0.3")}, elsewhere: target{addr: free("127.0.0.4")},
	}
	if err := w.find(opt); err != nil {
		return nil, err
	}
	if err := w.unused(); err != nil {
		return nil, err
	}
	if err := w.makeState(opt.Policies); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// enforces says why the host is not known to enforce; nil: it is. A check that could not be made has not passed, and
// where doctor did not try, the probe says what the kernel answers.
func enforces(checks []doctor.Check, probe func() error) error {
	var reasons, remedies []string
	for _, name := range hostChecks {
		i := slices.IndexFunc(checks, func(c doctor.Check) bool { return c.Name == name })
		c := doctor.Check{Name: name, Detail: "not checked"}
		if i >= 0 {
			c = checks[i]
		}
		if c.OK {
			continue
		}

		if name == doctor.Enforcement && !c.Known {
			if err := probe(); err != nil {
				c.Detail = err.Error()
			}
		}
		reasons = append(reasons, c.Name+": "+c.Detail)
		if c.Remedy != "" {
			remedies = append(remedies, c.Remedy)
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return &refusal{
		"this host is not known to enforce, and nothing was changed: " + strings.Join(reasons, "; "),
		strings.Join(append(remedies, "make demo needs none of this: it runs in a virtual machine"), "; "),
	}
}

// unused makes sure that nothing of somebody else's would be touched.
func (w *world) unused() error {
	for _, dir := range append([]string{filepath.Join(w.cgroup, cgroup.SliceName)}, projectDirs...) {
		_, err := os.Lstat(dir)
		if err == nil {
			return &refusal{dir + " exists already", "the demo makes it and removes it afterwards; use another host, or make demo"}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("looking for %s: %w", dir, err)
		}
	}
	return nil
}

// makeState makes the directories of the daemon, all new, and remembers how to remove everything.
func (w *world) makeState(policies string) error {
	dir, err := os.MkdirTemp("", "caisson-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the state: %w", err)
	}
	w.later(func() error { return os.RemoveAll(dir) })

	w.state, w.audit, w.socket = dir, dir+"/audit", dir+"/control.sock"
	w.policies = dir + "/policies"
	w.pins = "/sys/fs/bpf/" + filepath.Base(dir)
	w.npm = dir + "/bin/" + standInName
	w.secure = strings.Join(append([]string{dir + "/bin"}, strings.Split(agentPath, ":")...), ":")
	w.path = w.secure
	w.later(removeProject(projectDirs))
	w.later(func() error { return removeCgroups(filepath.Join(w.cgroup, cgroup.SliceName)) })

	if err := os.Mkdir(dir+"/bin", 0o755); err != nil {
		return fmt.Errorf("making a directory for the state: %w", err)
	}
	if err := os.CopyFS(w.policies, os.DirFS(policies)); err != nil {
		return fmt.Errorf("copying the policies: %w", err)
	}
	return nil
}

// removeProject returns what removes the directories of the project, and those above them that are not there yet.
func removeProject(dirs []string) func() error {
	var above []string // deepest first, per directory
	for _, dir := range dirs {
		for up := filepath.Dir(dir); ; up = filepath.Dir(up) {
			if _, err := os.Lstat(up); !errors.Is(err, fs.ErrNotExist) {
				break
			}
			above = append(above, up)
		}
	}

	return func() error {
		var errs []error
		for _, dir := range dirs {
			errs = append(errs, os.RemoveAll(dir))
		}
		for _, dir := range above {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
}

// removeCgroups removes a cgroup and all below it; nothing runs in them any more.
func removeCgroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("removing cgroups: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeCgroups(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(dir); err != nil {
		return fmt.Errorf("removing cgroups: %w", err)
	}
	return nil
}
