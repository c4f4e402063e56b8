// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"caisson/audit"
	"caisson/daemon/cgroup"
)

// ErrOccupied says that detaching would leave processes of agents confined by nothing.
var ErrOccupied = errors.New("processes are in " + cgroup.SliceName + " and would be confined by nothing")

// DetachOptions say what to detach. Release and Detach are required; every other zero value means the default.
type DetachOptions struct {
	Audit string // directory of the log
	Pins  string // directory of the pins
	Force bool   // even while agents have processes
	// Release denies what waits for an answer, and continues it: afterwards nobody would.
	Release func(pins string) error
	Detach  func(pins string) error      // kernel.Detach
	Tree    func() (*cgroup.Tree, error) // opens the cgroup tree
}

// Detach ends enforcement on this host. It refuses, with an error that wraps [ErrOccupied], while any process is in
// caisson.slice, whether caisson or a service manager put it there; and it needs the log, so it fails while a daemon is alive. The record is on disk before anything is detached.
func Detach(opt DetachOptions) (err error) {
	base := Options{Audit: opt.Audit, Tree: opt.Tree}.withDefaults()
	if opt.Pins == "" {
		opt.Pins = DefaultPins
	}
	if _, err := os.Stat(opt.Pins); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("detach: nothing is attached (%s does not exist)", opt.Pins)
	}

	log, err := audit.Open(base.Audit, audit.Options{})
	if errors.Is(err, audit.ErrLocked) {
		return fmt.Errorf("detach: %w (stop the daemon first: systemctl stop caissond)", err)
	}
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()

	occupied, runs, err := occupants(base)
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	if occupied && !opt.Force {
		return fmt.Errorf("detach: %w (of %d runs, and perhaps of services; systemd-cgls %s lists them)", ErrOccupied, runs, cgroup.SliceName)
	}
	text := "enforcement ends on this host; no process of an agent is alive"
	if occupied {
		text = fmt.Sprintf("enforcement ends on this host by force; %d runs and perhaps other processes of agents are alive", runs)
	}

	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	_, err = log.AppendSync(audit.Record{
		Kind: audit.KindAdmin, Op: "detach", Verdict: audit.VerdictAllow, Where: "daemon", Count: runs, Text: text,
		Actor: &audit.Actor{UID: uid, GID: gid, PID: uint32(os.Getpid())},
	})
	if err != nil {
		return fmt.Errorf("detach: recording it: %w", err)
	}
	if err := opt.Release(opt.Pins); err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	return opt.Detach(opt.Pins)
}

// occupants says whether agents have processes, and how many runs do.
func occupants(opt Options) (occupied bool, alive uint64, err error) {
	tree, err := opt.Tree()
	if err != nil {
		return false, 0, err
	}
	runs, err := tree.Runs()
	if err != nil {
		return false, 0, err
	}
	for _, r := range runs {
		on, err := tree.Populated(r)
		if err != nil {
			return false, 0, err
		}
		if on {
			alive++
		}
	}

	occupied, err = tree.Occupied()
	return occupied || alive > 0, alive, err
}
