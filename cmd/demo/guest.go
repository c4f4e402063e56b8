// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"caisson/daemon/api"
	"caisson/daemon/cgroup"
)

// refusal is a reason not to begin, with what to do about it.
type refusal struct{ reason, remedy string }

func (r *refusal) Error() string { return r.reason }

// Hint returns the remedy.
func (r *refusal) Hint() string { return r.remedy }

// agentPath is the PATH of agents, the order of a Debian system.
const agentPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// guestWorld is the world in a throw-away virtual machine: caisson's default places, host names in /etc/hosts.
func guestWorld(opt options) (*world, error) {
	if err := throwAway(); err != nil {
		return nil, err
	}
	w := &world{
		policies: opt.Policies, audit: "/var/lib/caisson/audit", socket: api.DefaultSocket, pins: "/sys/fs/bpf/caisson/v1",
		npm: "/usr/bin/" + standInName, path: agentPath,
		api:       target{name: "api.datasource.com", addr: netip.MustParseAddr("127.0.0.2"), port: 443},
		apiOther:  target{addr: netip.MustParseAddr("127.0.0.2"), port: 8443},
		deploy:    target{name: "deploy.internal.example.com", addr: netip.MustParseAddr("127.0.0.3"), port: 443},
		elsewhere: target{name: "files.example.net", addr: netip.MustParseAddr("127.0.0.4"), port: 443},
	}
	if err := w.find(opt); err != nil {
		return nil, err
	}
	return w, nameHosts(w.api, w.deploy, w.elsewhere)
}

// throwAway makes sure that this is a machine that nobody will miss: vmrun's, whose whole file system is in memory.
func throwAway() error {
	var root unix.Statfs_t
	if err := unix.Statfs("/", &root); err != nil {
		return fmt.Errorf("looking at the root file system: %w", err)
	}
	name, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	inMemory := root.Type == unix.RAMFS_MAGIC || root.Type == unix.TMPFS_MAGIC
	if os.Getppid() != 1 || name != "vmrun" || !inMemory {
		return &refusal{"this is not a virtual machine of vmrun, and the demo writes to " + strings.Join(projectDirs, " and "),
			"make demo, or make demo HOST=1 to use this machine"}
	}
	return nil
}

// find looks for what must be there before anything is made.
func (w *world) find(opt options) error {
	if os.Geteuid() != 0 {
		return &refusal{fmt.Sprintf("running as uid %d", os.Geteuid()), "run it as root"}
	}
	for name, place := range map[string]*string{"caisson": &w.caisson, "caissond": &w.caissond} {
		if opt.Bin != "" {
			name = opt.Bin + "/" + name
		}
		found, err := exec.LookPath(name)
		if err != nil {
			return &refusal{"finding the binaries: " + err.Error(), "make build, and name the directory with -bin"}
		}
		*place = found
	}

	var err error
	w.cgroup, err = cgroup.Mount()
	return err
}

// nameHosts adds the targets to the guest's /etc/hosts.
func nameHosts(targets ...target) error {
	f, err := os.OpenFile("/etc/hosts", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("naming hosts: %w", err)
	}
	defer f.Close()
	for _, t := range targets {
		if _, err := fmt.Fprintf(f, "%s\t%s\n", t.addr, t.name); err != nil {
			return fmt.Errorf("naming hosts: %w", err)
		}
	}
	return nil
}
