// SPDX-License-Identifier: Apache-2.0

// Package doctor examines a host for `caisson doctor`: can caisson enforce here, does it, and what is in the way. It
// changes nothing except that, as root, it loads, tries and removes one probe program. Without root it goes as far as
// it can and says what it could not check; nothing unknown is reported as fine.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"caisson/daemon/api"
	"caisson/daemon/client"
	"caisson/daemon/preflight"
)

// Check is what one look found; see [preflight.Check].
type Check = preflight.Check

// Names of the checks beyond those of package preflight.
const (
	Enforcement = "enforcement" // a program that must deny was seen to deny
	Daemon      = "daemon"
	Policies    = "policies"
	Audit       = "audit"
)

// Options says where to look and how. The zero value looks at the usual places and skips what has no function.
type Options struct {
	Socket   string // of the daemon; "" is api.DefaultSocket
	Policies string // directory
	Audit    string // directory
	// Probe loads, attaches, sees a denial and detaches: kernel.Probe. Nil is reported as not checked.
	Probe func() error
	// Load reads the policies of a directory and returns how many there are. Nil is reported as not checked.
	Load func(dir string) (int, error)
}

// Run makes all checks and returns them in the order in which they should be mended.
func Run(ctx context.Context, opt Options) []Check {
	host, err := preflight.Here()
	if err != nil {
		return []Check{{Name: preflight.Kernel, Detail: err.Error()}}
	}
	return run(ctx, opt, host)
}

func run(ctx context.Context, opt Options, host preflight.Host) []Check {
	checks := host.Checks()
	return append(checks,
		enforcement(opt.Probe, checks),
		daemon(ctx, opt.Socket),
		policies(opt),
		auditDir(opt.Audit, host.UID))
}

// Healthy says whether every check passed.
func Healthy(checks []Check) bool {
	for _, c := range checks {
		if !c.OK {
			return false
		}
	}
	return true
}

// enforcement probes only where the probe can work, so that its error does not hide the simpler reason.
func enforcement(probe func() error, before []Check) Check {
	c := Check{Name: Enforcement}
	if probe == nil {
		c.Detail = "not checked"
		return c
	}
	for _, b := range before {
		if !b.OK {
			c.Detail = "not checked, because " + b.Name + " is not in order"
			return c
		}
	}

	c.Known = true
	if err := probe(); err != nil {
		c.Detail = err.Error()
		c.Remedy = "the kernel does not enforce what it was told to; do not run agents here"
		return c
	}
	c.OK, c.Detail = true, "a probe program was loaded, denied what it had to deny, and was removed"
	return c
}

func daemon(ctx context.Context, socket string) Check {
	_, err := client.New(socket).Self(ctx)
	if err == nil {
		return Check{Name: Daemon, OK: true, Known: true, Detail: "caissond answers"}
	}

	c := Check{Name: Daemon, Known: true, Detail: err.Error()}
	var e *api.Error
	if errors.As(err, &e) {
		c.Remedy = e.Hint
	}
	return c
}

func policies(opt Options) Check {
	c := Check{Name: Policies}
	if opt.Load == nil || opt.Policies == "" {
		c.Detail = "not checked"
		return c
	}

	n, err := opt.Load(opt.Policies)
	switch {
	case errors.Is(err, fs.ErrPermission):
		c.Detail, c.Remedy = err.Error(), "run it as root"
	case err != nil:
		c.Known, c.Detail = true, err.Error()
		c.Remedy = "mend the files; until then the agents concerned are denied everything, or keep the policy in force"
	default:
		c.OK, c.Known, c.Detail = true, true, fmt.Sprintf("%d policies load from %s", n, opt.Policies)
	}
	return c
}

// auditDir checks that the log's directory is there and for root alone.
func auditDir(dir string, uid int) Check {
	c := Check{Name: Audit}
	if dir == "" {
		c.Detail = "not checked"
		return c
	}

	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.Known, c.Detail, c.Remedy = true, dir+" does not exist", "start caissond once: it makes the directory"
	case err != nil:
		c.Detail = err.Error()
		if uid != 0 {
			c.Remedy = "run it as root"
		}
	case !info.IsDir():
		c.Known, c.Detail, c.Remedy = true, dir+" is not a directory", "move it away"
	case info.Mode().Perm()&0o077 != 0:
		c.Known, c.Detail = true, fmt.Sprintf("%s has mode %#o: others than root can reach the log", dir, info.Mode().Perm())
		c.Remedy = "chmod 0700 " + dir
	default:
		c.OK, c.Known, c.Detail = true, true, dir+" is there and for its owner alone"
	}
	return c
}
