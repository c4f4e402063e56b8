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
	if err := enforces(doctor.Run(ctx, doctor.Options{Probe: kernel.Probe})); err != nil {
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

// enforces returns the first of the checks that did not pass. One that could not be made has not passed.
func enforces(checks []doctor.Check) error {
	passed := map[string]bool{}
	for _, c := range checks {
		passed[c.Name] = c.OK
		for _, name := range hostChecks {
			if c.Name == name && !c.OK {
				return &refusal{"this host is not known to enforce: " + c.Name + ": " + c.Detail, join(c.Remedy, "make demo runs in a virtual machine on any host")}
			}
		}
	}
	for _, name := range hostChecks {
		if !passed[name] {
			return &refusal{"this host is not known to enforce: " + name + " was not checked", "make demo runs in a virtual machine on any host"}
		}
	}
	return nil
}

// join puts two remedies into one line.
func join(first, second string) string {
	if first == "" {
		return second
	}
	return first + "; " + second
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
	w.later(w.removeProject)
	w.later(func() error { return removeCgroups(filepath.Join(w.cgroup, cgroup.SliceName)) })

	if err := os.Mkdir(dir+"/bin", 0o755); err != nil {
		return fmt.Errorf("making a directory for the state: %w", err)
	}
	if err := os.CopyFS(w.policies, os.DirFS(policies)); err != nil {
		return fmt.Errorf("copying the policies: %w", err)
	}
	return nil
}

// removeProject removes what [world.furnish] made, and /data only if nothing else is in it.
func (w *world) removeProject() error {
	var errs []error
	for _, dir := range projectDirs {
		errs = append(errs, os.RemoveAll(dir))
	}
	_ = os.Remove("/data") // refused by the kernel unless it is empty
	return errors.Join(errs...)
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
