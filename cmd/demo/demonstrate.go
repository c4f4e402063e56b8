// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"caisson/audit"
	"caisson/daemon/api"
)

// errDiffers ends the demo at the first attempt that is not as expected.
var errDiffers = errors.New("not as expected")

// errInterrupted replaces what a context says when a signal ended it.
var errInterrupted = errors.New("interrupted")

// demonstrate runs the whole demo and cleans up after it.
func demonstrate(ctx context.Context, opt options, out io.Writer) (err error) {
	began := time.Now()
	w, err := newWorld(ctx, opt)
	if err != nil {
		return err
	}
	defer func() {
		if w.host || err != nil { // a guest is thrown away; but what stops badly is worth a word
			err = errors.Join(err, w.close())
		}
	}()
	if err := w.build(ctx); err != nil {
		return interrupted(ctx, err)
	}

	j := openJournal(ctx, w.audit)
	defer j.close()
	s := &show{world: w, journal: j, printer: &printer{w: out, color: opt.Color}}
	err = s.run(ctx, attempts(w))
	if err == nil {
		err = s.conclude(ctx, began)
	}
	return errors.Join(interrupted(ctx, err), s.err)
}

// interrupted returns the error, or why there is one: what a stopped program says is of no interest then.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

func newWorld(ctx context.Context, opt options) (*world, error) {
	if opt.Host {
		return hostWorld(ctx, opt)
	}
	return guestWorld(opt)
}

// show is a demo that runs.
type show struct {
	world   *world
	journal *journal
	*printer
	strangers []int // PIDs of processes that are no agents
	skipped   int
}

// run makes the attempts in order, and ends at the first that differs.
func (s *show) run(ctx context.Context, all []attempt) error {
	s.introduce()
	s.header()
	for i := range all {
		a := &all[i]
		if a.named && s.world.host {
			s.skipped++
			continue
		}
		if err := s.try(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// introduce says where this is and what stands for what.
func (s *show) introduce() {
	var u unix.Utsname
	release := "an unknown kernel"
	if unix.Uname(&u) == nil {
		release = "Linux " + unix.ByteSliceToString(u.Release[:])
	}
	place := "a virtual machine"
	if s.world.host {
		place = "this host"
	}
	s.printf("caisson on %s, %s\n", release, place)
	if !s.world.host {
		for _, t := range []target{s.world.api, s.world.deploy, s.world.elsewhere} {
			s.printf("  %-30s is %s here\n", t.name, t.addr)
		}
	}
	s.printf("\n")
}

// try makes one attempt and prints what came of it.
func (s *show) try(ctx context.Context, a *attempt) error {
	if err := s.world.prepare(a); err != nil {
		return err
	}
	o, err := s.world.execute(ctx, a)
	if err != nil {
		return err
	}
	records, err := s.journal.settled(ctx, a, o)
	if err != nil {
		return err
	}

	r := a.compare(o, records)
	s.row(r)
	if a.via == viaPlain {
		s.strangers = append(s.strangers, o.pid)
	}
	if len(r.differences) > 0 {
		s.evidence(o, records)
		return fmt.Errorf("attempt %d: %w", s.n, errDiffers)
	}
	return nil
}

// prepare makes the files that the attempt begins with.
func (w *world) prepare(a *attempt) error {
	if !a.keep {
		if err := w.furnish(); err != nil {
			return err
		}
	}
	if a.before != nil {
		return a.before(w)
	}
	return nil
}

// conclude checks what must hold of all attempts together, and prints it.
func (s *show) conclude(ctx context.Context, began time.Time) error {
	st, err := s.world.status(ctx)
	if err != nil {
		return err
	}
	if err := s.world.daemon.stop(); err != nil {
		return err
	}
	verified, err := s.world.verify(ctx)
	if err != nil {
		return err
	}
	if err := s.final(ctx, st); err != nil {
		return err
	}

	e := st.Events
	s.printf("\n%s in %.1f s\n", s.paint(green, fmt.Sprintf("%d of %d as expected", s.n, s.n)), time.Since(began).Seconds())
	s.printf("events      %d seen by the kernel, %d lost, %d disagreements between kernel and user space\n",
		e.Seen, e.Lost+e.Missing, e.Disagreements)
	s.printf("audit log   %s\n", strings.ReplaceAll(verified, "\n", "\n            "))
	for _, p := range st.Problems {
		s.printf("problem     %s\n", audit.Sanitize(p))
	}
	s.footer()
	return nil
}

// footer says what the table does not.
func (s *show) footer() {
	s.printf("\n%s\n", s.paint(dim, "approve, refuse, time out: execve waits in the kernel until `caisson approve`, `caisson deny` or the rule's deadline, here shortened to 2 s, answers it"))
	s.printf("%s\n", s.paint(dim, "npm    is a stand-in program, because the real one takes long to start in an emulated machine; TestVMRealNpm runs that"))
	if s.skipped > 0 {
		s.printf("%s\n", s.paint(dim, fmt.Sprintf("hosts  %d attempts that need host names are left out: on a host, /etc/hosts is not the demo's to change", s.skipped)))
	}
}

// final looks at the counters, and once more, now that the log is complete, for what must not be in it.
func (s *show) final(ctx context.Context, st api.Status) error {
	e := st.Events
	if e.Lost != 0 || e.Missing != 0 || e.Received < e.Submitted || e.Disagreements != 0 {
		return fmt.Errorf("counters are %+v: %w", e, errDiffers)
	}

	stopped := until(ctx, settleTime, func() bool { return len(s.journal.kind(audit.KindDaemonStop)) > 0 })
	if !stopped {
		return fmt.Errorf("the log does not say that the daemon stopped: %w", errDiffers)
	}
	for _, k := range []audit.Kind{audit.KindDisagreement, audit.KindGap, audit.KindIntegrityFailed} {
		if found := s.journal.kind(k); len(found) > 0 {
			return fmt.Errorf("the log has %d records of the kind %s, the first: %s: %w", len(found), k, recordText(&found[0]), errDiffers)
		}
	}
	for _, pid := range s.strangers {
		records, err := s.journal.of(pid)
		if err != nil {
			return err
		}
		if len(records) > 0 {
			return fmt.Errorf("the log has records of a process that is no agent, PID %d: %s: %w", pid, recordText(&records[0]), errDiffers)
		}
	}
	return nil
}
