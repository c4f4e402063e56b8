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

// ErrRunsAlive says that detaching would leave running agents confined by nothing.
var ErrRunsAlive = errors.New("runs are alive and would be confined by nothing")

// DetachOptions say what to detach. Detach is required; every other zero value means the default.
type DetachOptions struct {
	Audit  string                       // directory of the log
	Pins   string                       // directory of the pins
	Force  bool                         // even while runs are alive
	Detach func(pins string) error      // kernel.Detach
	Tree   func() (*cgroup.Tree, error) // opens the cgroup tree
}

// Detach ends enforcement on this host. It refuses, with an error that wraps [ErrRunsAlive], while agents run, and needs
// the log, so it fails while a daemon is alive. The record is on disk before anything is detached.
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

	alive, err := aliveRuns(base)
	if err != nil {
		return fmt.Errorf("detach: %w", err)
	}
	if len(alive) > 0 && !opt.Force {
		return fmt.Errorf("detach: %d %w", len(alive), ErrRunsAlive)
	}

	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	_, err = log.AppendSync(audit.Record{
		Kind: audit.KindAdmin, Op: "detach", Verdict: audit.VerdictAllow, Where: "daemon", Count: uint64(len(alive)),
		Text:  fmt.Sprintf("enforcement ends on this host; %d runs are alive", len(alive)),
		Actor: &audit.Actor{UID: uid, GID: gid, PID: uint32(os.Getpid())},
	})
	if err != nil {
		return fmt.Errorf("detach: recording it: %w", err)
	}
	return opt.Detach(opt.Pins)
}

// aliveRuns lists the runs that still have processes.
func aliveRuns(opt Options) ([]cgroup.Run, error) {
	tree, err := opt.Tree()
	if err != nil {
		return nil, err
	}
	runs, err := tree.Runs()
	if err != nil {
		return nil, err
	}

	var alive []cgroup.Run
	for _, r := range runs {
		on, err := tree.Populated(r)
		if err != nil {
			return nil, err
		}
		if on {
			alive = append(alive, r)
		}
	}
	return alive, nil
}
