// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/cgroup"
	"caisson/daemon/control"
)

// Identify gives an identity to the main thread of a process: Kernel.Identify.
type Identify func(pid int, id layout.Identity) error

// Launch says what a run is to be.
type Launch struct {
	Agent      string
	ID         uint32 // the kernel's number for the agent
	Slot       uint32 // of the image that decides
	Generation uint32 // of that image, for the record
	Digest     string // of its policy, for the record
	Text       string // more for the record
	// Keep writes down what is to be known of the run after a restart of the daemon. It is called before the process is
	// the agent; if it fails there is no run. Nil: nothing.
	Keep func(cgroup.Run) error
}

// Start turns the peer's process into the first process of a new run. When it returns without error the process is the
// agent and its next exec is the run's first program; when it returns an error no run is left.
func (s *Runs) Start(p control.Peer, l Launch) (cgroup.Run, error) {
	if err := sameUser(p); err != nil {
		return cgroup.Run{}, err
	}
	r, err := s.opt.Tree.NewRun(l.Agent)
	if err != nil {
		return cgroup.Run{}, err
	}
	s.name(r)

	from, err := s.opt.Tree.Enter(r, p.PID)
	if err == nil {
		err = alive(p) // so it was this process that was moved, and not the next with its number
	}
	if err != nil {
		return cgroup.Run{}, s.undo(r, p, from, err)
	}

	rec := lifecycle(audit.KindAgentStart, r, p)
	rec.Gen, rec.Pol, rec.Text = uint64(l.Generation), l.Digest, l.Text
	if err := s.opt.Record(rec); err != nil {
		return cgroup.Run{}, s.undo(r, p, from, fmt.Errorf("recording the start: %w", err))
	}
	if l.Keep != nil {
		err = l.Keep(r)
	}
	// The identity comes last: everything before it can be undone.
	if err == nil {
		err = s.opt.Watch(r)
	}
	if err == nil {
		err = s.opt.Identify(p.PID, layout.Identity{Agent: l.ID, Slot: l.Slot, Flags: layout.TaskLaunch, Run: r.Cg})
	}
	if err != nil {
		rec := lifecycle(audit.KindAgentStop, r, p)
		rec.Text = "not started: " + err.Error()
		err = errors.Join(err, s.opt.Record(rec))
		return cgroup.Run{}, s.undo(r, p, from, err)
	}

	s.add(r)
	return r, nil
}

// name makes the run's id known before its first event.
func (s *Runs) name(r cgroup.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids[r.Cg] = r.ID
}

// undo moves the process back and removes the scope. A scope that cannot be removed yet is left to Sweep.
func (s *Runs) undo(r cgroup.Run, p control.Peer, from string, cause error) error {
	errs := []error{fmt.Errorf("starting a run of %s: %w", r.Agent, cause)}
	if from != "" {
		errs = append(errs, s.opt.Tree.Return(from, p.PID))
	}
	if err := s.opt.Tree.Remove(r); err != nil {
		s.add(r)
		return errors.Join(append(errs, err)...)
	}

	s.mu.Lock()
	delete(s.ids, r.Cg)
	s.mu.Unlock()
	return errors.Join(errs...)
}

// lifecycle begins a record about a run as a whole.
func lifecycle(kind audit.Kind, r cgroup.Run, p control.Peer) audit.Record {
	return audit.Record{
		Kind: kind, Agent: r.Agent, Run: r.ID, Cg: r.Cg, Where: "daemon", PID: uint32(p.PID),
		Actor: &audit.Actor{UID: p.UID, GID: p.GID, PID: uint32(p.PID)},
	}
}

// alive says whether the peer's process is still there.
func alive(p control.Peer) error {
	if err := unix.PidfdSendSignal(p.Pidfd, 0, nil, 0); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("process %d has ended: %w", p.PID, err)
	}
	return nil
}

// sameUser checks that the process has not executed a set-user-ID program since it connected: it would not expect to be
// confined.
func sameUser(p control.Peer) error {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	if err != nil {
		return fmt.Errorf("caller: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		ids, ok := strings.CutPrefix(line, "Uid:")
		if !ok {
			continue
		}
		fields := strings.Fields(ids) // real, effective, saved, of file systems
		want := strconv.FormatUint(uint64(p.UID), 10)
		if len(fields) == 4 && fields[1] == want && fields[2] == want {
			return nil
		}
		return fmt.Errorf("process %d has changed its user since it connected", p.PID)
	}
	return fmt.Errorf("user of process %d is not known", p.PID)
}
