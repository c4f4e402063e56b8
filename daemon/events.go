// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"caisson/audit"
	"caisson/bpf/layout"
	"caisson/daemon/cgroup"
	"caisson/daemon/resolver"
)

// tickTime is how often the daemon looks after what happens by itself.
const tickTime = time.Second

// receive hands the kernel's events to the resolver until the kernel is closed.
func (d *Daemon) receive() error {
	for {
		d.waiting.Store(true)
		e, path, argv, err := d.kernel.Read()
		d.waiting.Store(false)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}

		d.take(e, path, argv)
	}
}

// take counts an event and has it written down, as one step for who saves the state.
func (d *Daemon) take(e layout.Event, path, argv []byte) {
	d.seqMu.Lock()
	defer d.seqMu.Unlock()
	d.sequence.Event(e.CPU, e.N, time.Now())
	// When the log takes no more, it says so itself, once (failClosed); the event is counted all the same.
	_ = d.resolver.Handle(e, path, argv)
}

// tick looks after counting records, holes, runs that ended and the state for the next daemon, once a second.
func (d *Daemon) tick(ctx context.Context) error {
	every := time.NewTicker(tickTime)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-every.C:
			d.look(now)
		}
	}
}

func (d *Daemon) look(now time.Time) {
	d.setProblem(problemRuns, text(d.runs.Sweep(now)))
	if d.ledger.Err() != nil {
		return // the log has failed: what follows can only be written down later
	}

	received := d.resolver.Stats().Received
	idle := d.waiting.Load() && received == d.received
	d.received = received
	err := errors.Join(d.resolver.Tick(now), d.holes(now, idle))
	if err == nil {
		err = d.save(false)
	}
	if err != nil {
		d.log.Error("looking after events", "error", err)
	}
}

// holes writes down which events never arrived. Only when nothing is left in the ring buffer can the kernel's counters tell
// of events that were lost last: the counters are read first, so that all they have counted has been read by then.
func (d *Daemon) holes(now time.Time, idle bool) error {
	d.seqMu.Lock()
	if idle {
		counters, err := d.kernel.Counters()
		if err != nil {
			d.seqMu.Unlock()
			return err
		}
		if !d.waiting.Load() || d.kernel.Unread() > 0 {
			counters = nil
		}
		for cpu, c := range counters {
			d.sequence.Counted(uint32(cpu), c.Seen, now)
		}
	}
	gaps := d.sequence.Settle(now)
	d.seqMu.Unlock()

	var errs []error
	for _, g := range gaps {
		d.missing.Add(g.Events())
		errs = append(errs, d.ledger.Append(audit.Record{
			Kind: audit.KindGap, Where: "daemon", Kseq: &audit.Kseq{CPU: g.CPU, N: g.From}, Counts: map[string]uint64{"events": g.Events()},
			Text: fmt.Sprintf("events %d to %d of CPU %d did not arrive; the kernel decided them all the same", g.From, g.To, g.CPU),
		}))
	}
	if n := d.missing.Load(); n > 0 {
		d.setProblem(problemLost, fmt.Sprintf("%d events are missing from the log since the daemon started (see the gap records)", n))
	}
	return errors.Join(errs...)
}

// ended writes down the end of a run.
func (d *Daemon) ended(r cgroup.Run) {
	d.holds.EndRun(r.ID)
	counts, err := d.resolver.EndRun(r.Cg)
	err = errors.Join(err, d.ledger.Append(audit.Record{
		Kind: audit.KindAgentStop, Agent: r.Agent, Run: r.ID, Cg: r.Cg, Where: "daemon",
		Counts: map[string]uint64{"allowed": counts.Allowed, "denied": counts.Denied},
	}))
	if err != nil {
		d.log.Error("end of a run not recorded", "agent", r.Agent, "run", r.ID, "error", err)
	}

	d.change.Lock()
	defer d.change.Unlock()
	if err := d.stand(r.ID); err != nil {
		d.log.Error("image of a run that has ended", "agent", r.Agent, "run", r.ID, "error", err)
	}
}

// save keeps for the next daemon up to where events are on disk.
func (d *Daemon) save(clean bool) error {
	d.seqMu.Lock()
	state := savedState{Clean: clean, Time: time.Now(), State: d.sequence.State(d.boot), Folds: d.resolver.Folds()}
	d.seqMu.Unlock()
	state.Digests = d.inForce()

	// First the state, then the disk, then the file: what the file says is there, is there. A daemon killed between the
	// writing of a counting record and this has the next one count its reads twice rather than never.
	if err := d.ledger.Flush(); err != nil {
		return err
	}
	return writeState(d.statePath(), state)
}

// catchUp makes the sequence of a daemon that adopts what another left: it continues after the last event that is in the
// log.
func (d *Daemon) catchUp(st savedState) *resolver.Sequence {
	seq := resolver.Resume(st.State, time.Now())
	d.resolver.Restore(st.Folds)
	// The state is up to a second older than the log. The margin is for clocks that were set back meanwhile.
	filter := audit.Filter{Since: st.Time.Add(-time.Minute)}
	err := audit.Query(d.opt.Audit, filter, func(r audit.Record) error {
		if r.Kseq != nil && r.Boot == d.boot && r.Kind != audit.KindGap {
			seq.Event(r.Kseq.CPU, r.Kseq.N, time.Now())
		}
		return nil
	})
	if err != nil {
		// Then some events that are in the log are reported as missing: the cautious error.
		d.log.Warn("reading back the log", "error", err)
	}
	return seq
}
