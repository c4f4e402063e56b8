// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"log/slog"
	"time"

	"caisson/audit"
	"caisson/daemon/api"
	"caisson/daemon/cgroup"
	"caisson/daemon/mount"
	"caisson/daemon/names"
	"caisson/daemon/preflight"
	"caisson/policy"
)

// Where things are unless told otherwise.
const (
	DefaultPolicies = "/etc/caisson/policies"
	DefaultAudit    = "/var/lib/caisson/audit"
	DefaultPins     = "/sys/fs/bpf/caisson/v1"
	DefaultResolve  = time.Minute
)

// minResolve is the shortest interval at which host names are looked up again.
const minResolve = time.Second

// Options say how to run. Load is required; every other zero value means the default.
type Options struct {
	Policies   string        // directory of policy files
	Audit      string        // directory of the log
	Socket     string        // control socket
	SecurePath []string      // where the programs of command rules are looked up
	Resolve    time.Duration // interval at which host names are looked up again, at least a second
	Version    string
	Log        *slog.Logger

	// Load loads or adopts the kernel programs, and proves that they enforce.
	Load func() (Kernel, error)

	// The rest is the host; tests put another in its place.

	Check  func() error                 // says why the host cannot enforce
	Tree   func() (*cgroup.Tree, error) // opens the cgroup tree
	Mounts func() (*mount.Table, error) // reads the mount table
	Lookup names.Lookup
	Disk   func(audit.Dir) audit.Dir // stands between the log and the disk
}

func (o Options) withDefaults() Options {
	if o.Policies == "" {
		o.Policies = DefaultPolicies
	}
	if o.Audit == "" {
		o.Audit = DefaultAudit
	}
	if o.Socket == "" {
		o.Socket = api.DefaultSocket
	}
	if o.SecurePath == nil {
		o.SecurePath = policy.DefaultSecurePath
	}
	if o.Resolve == 0 {
		o.Resolve = DefaultResolve
	}
	o.Resolve = max(o.Resolve, minResolve)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Check == nil {
		o.Check = checkHost
	}
	if o.Tree == nil {
		o.Tree = openTree
	}
	if o.Mounts == nil {
		o.Mounts = mount.Read
	}
	if o.Lookup == nil {
		o.Lookup = names.System
	}
	return o
}

func checkHost() error {
	host, err := preflight.Here()
	if err != nil {
		return err
	}
	return host.Err()
}

func openTree() (*cgroup.Tree, error) {
	root, err := cgroup.Mount()
	if err != nil {
		return nil, err
	}
	return cgroup.Open(root)
}
