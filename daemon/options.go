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
	"caisson/daemon/watch"
	"caisson/policy"
)

// Where things are unless told otherwise.
const (
	DefaultPolicies = "/etc/caisson/policies"
	DefaultAudit    = "/var/lib/caisson/audit"
	DefaultPins     = "/sys/fs/bpf/caisson/v1"
	DefaultHooks    = "/etc/caisson/hooks.yaml"
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
	Shells     []string      // names or paths of shells that any agent may start; see policy.FindShells
	Hooks      string        // file that says who is told of requests for approval; the default one need not be there
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
	Home   func(uid uint32) (string, error) // home directory of a user
	Clock  func() time.Time                 // wall clock, for the times of rules
	Watch  watch.Times                      // how news about policy files are held back
	Disk   func(audit.Dir) audit.Dir        // stands between the log and the disk
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
	if o.Hooks == "" {
		o.Hooks = DefaultHooks
	}
	if o.SecurePath == nil {
		o.SecurePath = policy.DefaultSecurePath
	}
	if o.Resolve == 0 {
		o.Resolve = DefaultResolve
	}
	if o.Shells == nil {
		o.Shells = policy.DefaultShells
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
	if o.Home == nil {
		o.Home = homeOf
	}
	if o.Clock == nil {
		// Without its monotonic reading, which stands still while the host sleeps and does not see the clock being set.
		o.Clock = func() time.Time { return time.Now().Round(0) }
	}
	if o.Watch == (watch.Times{}) {
		o.Watch = watch.Default
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
