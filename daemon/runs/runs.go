// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"caisson/audit"
	"caisson/daemon/cgroup"
)

const (
	// linger is how long a run that has ended is still counted: its last events may be on their way.
	linger = time.Second
	// remembered is how many runs that ended are still known by their cgroup.
	remembered = 4096
)

// Tree makes, fills and removes scopes: *[cgroup.Tree].
type Tree interface {
	NewRun(agent string) (cgroup.Run, error)
	Enter(r cgroup.Run, pid int) (from string, err error)
	Return(from string, pid int) error
	Runs() ([]cgroup.Run, error)
	Populated(r cgroup.Run) (bool, error)
	Remove(r cgroup.Run) error
}

// Options are what runs need of the daemon; all are required.
type Options struct {
	Tree     Tree
	Identify Identify
	Record   func(audit.Record) error // returns when the record is on disk
	Watch    func(cgroup.Run) error   // makes sure that Sweep is called when the run may have ended
	Ended    func(cgroup.Run)         // called once for each run that ended, when its events are in
}

// Runs knows the runs that are alive. It is safe for concurrent use.
type Runs struct {
	opt Options

	sweep sync.Mutex // held by Sweep, so that a run ends once; taken before mu

	mu    sync.Mutex
	live  map[uint64]cgroup.Run // by cgroup id
	over  map[uint64]time.Time  // runs in live that have no process any more, since when
	ids   map[uint64]string     // run id by cgroup id, also of runs that ended
	order []uint64              // of ids that ended, oldest first
}

// New returns no runs.
func New(opt Options) *Runs {
	return &Runs{opt: opt, live: map[uint64]cgroup.Run{}, over: map[uint64]time.Time{}, ids: map[uint64]string{}}
}

// Adopt takes over the runs that are there: those that outlived another daemon.
func (s *Runs) Adopt() error {
	found, err := s.opt.Tree.Runs()
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range found {
		s.add(r)
		errs = append(errs, s.opt.Watch(r))
	}
	return errors.Join(errs...)
}

func (s *Runs) add(r cgroup.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[r.Cg], s.ids[r.Cg] = r, r.ID
}

// ID returns the id of the run in a cgroup, "" if it is not one of ours.
func (s *Runs) ID(cg uint64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ids[cg]
}

// Live returns the runs of an agent, or all of them for "", sorted.
func (s *Runs) Live(agent string) []cgroup.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []cgroup.Run
	for _, r := range s.live {
		if agent == "" || r.Agent == agent {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b cgroup.Run) int {
		return cmp.Or(cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Sweep removes the scopes of runs that have ended. A run is reported as ended a moment after its last process has gone.
func (s *Runs) Sweep(now time.Time) error {
	s.sweep.Lock()
	defer s.sweep.Unlock()
	var errs []error
	for _, r := range s.Live("") {
		on, err := s.opt.Tree.Populated(r)
		if err == nil && !on {
			err = s.end(r, now)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Runs) end(r cgroup.Run, now time.Time) error {
	s.mu.Lock()
	since, known := s.over[r.Cg]
	if !known {
		s.over[r.Cg] = now
	}
	s.mu.Unlock()
	if !known || now.Sub(since) < linger {
		return nil
	}

	// While the scope is there nobody else gets its cgroup id, so it goes last.
	s.opt.Ended(r)
	if err := s.opt.Tree.Remove(r); err != nil {
		return fmt.Errorf("scope of a run that ended: %w", err)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, r.Cg)
	delete(s.over, r.Cg)
	s.order = append(s.order, r.Cg)
	if len(s.order) > remembered {
		delete(s.ids, s.order[0])
		s.order = s.order[1:]
	}
	return nil
}
