// SPDX-License-Identifier: Apache-2.0

package runs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/cgroup"
	"caisson/daemon/control"
)

// fake is the cgroup tree, the kernel and the log; what fails is named in bad.
type fake struct {
	bad       string
	steps     []string
	scopes    map[uint64]cgroup.Run
	populated bool
	ended     []string
}

func (f *fake) do(step string) error {
	f.steps = append(f.steps, step)
	if f.bad == step {
		return errors.New(step + " is broken")
	}
	return nil
}

func (f *fake) NewRun(agent string) (cgroup.Run, error) {
	r := cgroup.Run{Agent: agent, ID: fmt.Sprintf("run%d", len(f.steps)), Cg: uint64(100 + len(f.steps))}
	if err := f.do("scope"); err != nil {
		return cgroup.Run{}, err
	}
	f.scopes[r.Cg] = r
	return r, nil
}
func (f *fake) Enter(r cgroup.Run, _ int) (string, error) { return "/from", f.do("enter") }
func (f *fake) Return(string, int) error                  { return f.do("return") }
func (f *fake) Populated(r cgroup.Run) (bool, error)      { return f.populated, nil }
func (f *fake) identify(_ int, id layout.Identity) error {
	return f.do(fmt.Sprint("identify ", id.Agent, id.Slot, id.Flags))
}
func (f *fake) launch() Launch {
	return Launch{Agent: "coder", ID: 5, Slot: 9, Generation: 1, Keep: func(cgroup.Run) error { return f.do("keep") }}
}
func (f *fake) watch(cgroup.Run) error      { return f.do("watch") }
func (f *fake) record(r audit.Record) error { return f.do(string(r.Kind)) }
func (f *fake) end(r cgroup.Run)            { f.ended = append(f.ended, r.ID) }
func (f *fake) Runs() (found []cgroup.Run, err error) {
	for _, r := range f.scopes {
		found = append(found, r)
	}
	return found, nil
}
func (f *fake) Remove(r cgroup.Run) error {
	if err := f.do("remove"); err != nil {
		return err
	}
	delete(f.scopes, r.Cg)
	return nil
}

func start(f *fake) *Runs {
	f.scopes = map[uint64]cgroup.Run{}
	return New(Options{Tree: f, Identify: f.identify, Record: f.record, Watch: f.watch, Ended: f.end})
}

// self is this process as a peer.
func self(t *testing.T) control.Peer {
	t.Helper()
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return control.Peer{PID: os.Getpid(), UID: uint32(os.Geteuid()), Pidfd: fd}
}

func TestStart(t *testing.T) {
	tests := []struct{ name, bad, steps string }{
		{"works", "", "scope,enter,agent.start,keep,watch,identify 5 9 1"},
		{"no scope", "scope", "scope"},
		{"not moved", "enter", "scope,enter,return,remove"},
		{"not recorded", "agent.start", "scope,enter,agent.start,return,remove"},
		{"not kept", "keep", "scope,enter,agent.start,keep,agent.stop,return,remove"},
		{"not watched", "watch", "scope,enter,agent.start,keep,watch,agent.stop,return,remove"},
		{"not identified", "identify 5 9 1", "scope,enter,agent.start,keep,watch,identify 5 9 1,agent.stop,return,remove"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			f := &fake{bad: tc.bad}
			s := start(f)
			r, err := s.Start(self(t), f.launch())
			if (err != nil) != (tc.bad != "") {
				t.Errorf("Start = %v", err)
			}
			if got := strings.Join(f.steps, ","); got != tc.steps {
				t.Errorf("steps %s, want %s", got, tc.steps)
			}
			left := len(s.Live(""))
			if tc.bad != "" && (left != 0 || len(f.scopes) != 0) {
				t.Errorf("%d runs, %d scopes are left", left, len(f.scopes))
			}
			if tc.bad == "" && (left != 1 || s.ID(r.Cg) != r.ID || len(s.Live("coder")) != 1 || len(s.Live("other")) != 0) {
				t.Errorf("the run is not known: %+v", s.Live(""))
			}
		})
	}
}

func TestScopeThatCannotBeRemovedIsSwept(t *testing.T) {
	f := &fake{bad: "remove"}
	s := start(f)
	p := self(t)
	p.Pidfd = -1 // as if it had ended
	if _, err := s.Start(p, f.launch()); err == nil {
		t.Fatal("started for a process that is not there")
	}
	if len(s.Live("")) != 1 {
		t.Fatal("the scope is forgotten")
	}

	f.bad = ""
	now := time.Unix(100, 0)
	for _, at := range []time.Time{now, now.Add(linger)} {
		if err := s.Sweep(at); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Live("")) != 0 || len(f.scopes) != 0 {
		t.Error("the scope is still there")
	}
}

func TestOtherUser(t *testing.T) {
	f := &fake{}
	p := self(t)
	p.UID++
	if _, err := start(f).Start(p, f.launch()); err == nil || len(f.steps) != 0 {
		t.Errorf("Start = %v after %v, for a process that is not the user that connected", err, f.steps)
	}
}

func TestEnd(t *testing.T) {
	f := &fake{populated: true}
	s := start(f)
	r, err := s.Start(self(t), f.launch())
	if err != nil {
		t.Fatal(err)
	}

	other := start(&fake{})
	other.opt.Tree = f
	if err := other.Adopt(); err != nil || other.ID(r.Cg) != r.ID {
		t.Fatalf("a run that outlived the daemon is not known: %v", err)
	}

	now := time.Unix(100, 0)
	steps := []struct {
		name      string
		populated bool
		at        time.Duration
		ended     int
	}{
		{"alive", true, 0, 0},
		{"just ended", false, 0, 0},
		{"events may still come", false, linger - 1, 0},
		{"over", false, linger, 1},
		{"only once", false, 2 * linger, 1},
	}
	for _, step := range steps {
		f.populated = step.populated
		if err := s.Sweep(now.Add(step.at)); err != nil {
			t.Fatal(err)
		}
		if len(f.ended) != step.ended {
			t.Errorf("%s: ended %v", step.name, f.ended)
		}
	}
	if s.ID(r.Cg) != r.ID {
		t.Error("late events of the run cannot be attributed")
	}
}
